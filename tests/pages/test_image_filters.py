"""The wall of images: each filter shows what the figures that lead to it count, and can be taken away."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.agreement import reports
from labeler.consensus import snapshots
from labeler.labeling import claims
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label
from labeler.pages.images import filters as image_filters
from labeler.review import adjudication
from tests.helpers.factories import add_images, category

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def answer(person, image, *names, **more) -> None:
    claims.claim(project=image.project, annotator=person, count=50)
    save_label(image_id=image.pk, annotator=person, categories=names, **more)


@pytest.fixture
def show(as_, rev):
    """`show(project, by="ann")`: the page under these filters."""

    def show(project, **filters):
        return as_(rev).get(image_filters.url(project, **filters))

    return show


def ids(page) -> list[int]:
    return [row["image"].pk for row in page.context["rows"]]


@pytest.fixture
def mixed(project, ann, bea, dora):
    """cat/cat, cat/dog, dog/cat, cat/fox of ann and bea; dora answered the last two."""
    images = add_images(project, 5, labels_needed=3)
    for image, one, other in zip(images, ("cat", "cat", "dog", "cat"), ("cat", "dog", "cat", "fox"), strict=False):
        answer(ann, image, one)
        answer(bea, image, other)
    answer(dora, images[3], "cat")
    answer(dora, images[4], answer="cannot_tell")
    return images


def test_whose_answers_latest_first_with_what_they_said(show, project, mixed, dora):
    page = show(project, by="dora")

    assert ids(page) == [mixed[4].pk, mixed[3].pk]
    assert "latest answer first" in page.content.decode()
    assert [said["names"] for row in page.context["rows"] for said in row["said"]] == [None, ["cat"]]
    answer(dora, mixed[3], "fox")  # a change is the newest answer
    assert ids(show(project, by="dora")) == [mixed[3].pk, mixed[4].pk]


def test_where_people_split_on_two_classes_is_what_the_confusion_counts(show, project, mixed):
    cat, dog, fox = (category(project, name) for name in ("cat", "dog", "fox"))
    confusion = {
        frozenset((row["a"], row["b"])): row["count"]
        for row in reports.agreement(project, Selection.with_default_sample("all"))["confusion"]
    }

    assert ids(show(project, pair=f"{cat},{dog}")) == ids(show(project, pair=f"{dog},{cat}"))
    assert set(ids(show(project, pair=f"{cat},{dog}"))) == {mixed[1].pk, mixed[2].pk}
    assert len(ids(show(project, pair=f"{cat},{fox}"))) == confusion[frozenset(("cat", "fox"))] == 1
    assert ids(show(project, pair=f"{dog},{fox}")) == []


def test_sets_split_on_two_classes_where_each_has_one_without_the_other(show, as_, multi_project, ann, bea, lena):
    images = add_images(multi_project, 4)
    pairs = ((["sky"], ["sea"]), (["sky", "sea"], ["sea"]), (["sky", "sand"], ["sea", "sand"]), ([], ["sky"]))
    for image, (one, other) in zip(images, pairs, strict=True):
        answer(ann, image, *one)
        answer(bea, image, *other)
    sky, sea = category(multi_project, "sky"), category(multi_project, "sea")
    client = as_(lena)

    assert set(ids(client.get(image_filters.url(multi_project, pair=f"{sky},{sea}")))) == {images[0].pk, images[2].pk}
    assert set(ids(client.get(image_filters.url(multi_project, class_=sea)))) == {i.pk for i in images[:3]}


def test_where_two_people_differ(show, project, mixed):
    assert set(ids(show(project, people="ann,bea"))) == {image.pk for image in mixed[1:4]}
    assert ids(show(project, people="dora,bea")) == [mixed[3].pk]
    page = show(project, people="bea,dora")
    assert [(s["label"].annotator.username, s["names"]) for s in page.context["rows"][0]["said"]] == [
        ("bea", ["fox"]), ("dora", ["cat"]),
    ]  # fmt: skip
    # Whoever could not tell did not say something else.
    assert ids(show(project, people="dora,ann")) == []


def test_what_images_are_settled_on(show, project, mixed, rev):
    answer_of = {image.pk: name for image, name in zip(mixed, ("cat",), strict=False)}
    adjudication.decide(image_id=mixed[1].pk, reviewer=rev, categories=["dog"])
    adjudication.decide(image_id=mixed[4].pk, reviewer=rev, undecidable=True)
    snapshots.refresh(project)

    assert ids(show(project, final=category(project, "dog"))) == [mixed[1].pk]
    assert set(ids(show(project, final=category(project, "cat")))) >= set(answer_of) - {mixed[0].pk}
    assert mixed[4].pk not in ids(show(project, final=category(project, "cat")))


def test_filters_are_combined(show, project, mixed):
    cat, fox = category(project, "cat"), category(project, "fox")

    assert ids(show(project, by="bea", class_=fox)) == [mixed[3].pk]
    assert ids(show(project, by="dora", pair=f"{cat},{fox}")) == [mixed[3].pk]
    assert ids(show(project, by="dora", status="unlabeled")) == []


def test_each_filter_has_a_chip_that_takes_it_away(show, project, mixed):
    cat, dog = category(project, "cat"), category(project, "dog")
    page = show(project, status="disputed", class_=cat, pair=f"{cat},{dog}", by="ann", people="ann,bea")

    chips = {chip["text"]: chip["without"] for chip in page.context["chips"]}
    assert chips == {
        "somebody said cat": f"?status=disputed&pair={cat},{dog}&by=ann&people=ann,bea",
        "people split on cat and dog": f"?status=disputed&class={cat}&by=ann&people=ann,bea",
        "answered by ann": f"?status=disputed&class={cat}&pair={cat},{dog}&people=ann,bea",
        "ann and bea differ": f"?status=disputed&class={cat}&pair={cat},{dog}&by=ann",
    }
    html = page.content.decode()
    assert html.count('class="chip"') >= 4
    # The form for another class, and the links of the statuses, keep the rest.
    assert '<input type="hidden" name="people" value="ann,bea">' in html
    assert f"?status=settled&amp;class={cat}&amp;pair={cat},{dog}&amp;by=ann&amp;people=ann,bea" in html


@pytest.mark.parametrize(
    "query",
    ["pair=1", "pair=1,2,3", "pair=a,b", "pair=,", "class=x", "final=99999999999999999999", "people=ann", "people=,",
     "status=%00", "people=%00,ann"],
)  # fmt: skip
def test_what_cannot_be_read_is_not_asked_for(query, as_, rev, project, mixed):
    page = as_(rev).get(f"{reverse('images', args=[project.pk])}?{query}")

    assert set(ids(page)) >= {image.pk for image in mixed} or query == "people=%00,ann"
    assert page.status_code == 200


def test_people_who_do_not_exist_have_no_images(show, project, mixed):
    assert ids(show(project, by="nobody")) == []
    assert ids(show(project, people="ann,nobody")) == []


def test_classes_of_another_project_are_not_filters(show, project, multi_project, mixed):
    assert len(ids(show(project, class_=category(multi_project, "sky")))) == 5


def test_the_next_page_keeps_the_filters(show, project, ann, monkeypatch):
    from labeler.pages.images import images as page_module

    monkeypatch.setattr(page_module, "PER_PAGE", 2)
    for image in add_images(project, 5):
        answer(ann, image, "cat")

    page = show(project, by="ann")
    assert page.context["after"] == "?by=ann&page=2"
    assert "1 to 2, latest answer first" in page.content.decode()


def test_a_wall_costs_as_many_queries_whatever_it_shows(show, project, mixed, as_, rev, django_assert_max_num_queries):
    client = as_(rev)
    with django_assert_max_num_queries(15):
        client.get(image_filters.url(project, people="ann,bea", by="ann", status="differ"))
