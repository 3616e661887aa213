"""What a data set shall have, what it has, and what the import page says is missing."""

from __future__ import annotations

import pytest

from labeler.errors import Invalid
from labeler.label_set import targets
from labeler.models import Decision, Project
from labeler.progress import counts
from labeler.projects import classes, projects
from labeler.review import adjudication
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category
from tests.helpers.pages import answer, url

pytestmark = pytest.mark.django_db


def settle(project, people, *names):
    """One image, judged by all of these people."""
    (image,) = add_images(project, 1)
    for person in people:
        for name in names:
            answer(project, person, image, name)
    return image


def counted(project) -> dict[str, int]:
    return {row["name"]: row["settled"] for row in targets.targets_of(project)["categories"]}


def test_settled_images_count_for_the_class_they_are_taken_to_be(project, ann, bea):
    for name in ("cat", "cat", "dog"):
        settle(project, (ann, bea), name)
    settle(project, (ann,), "fox")  # one label of two: not settled yet

    assert counted(project) == {"cat": 2, "dog": 1, "fox": 0}
    assert targets.targets_of(project)["settled"] == 3


def test_a_decision_counts_above_the_votes_and_one_without_an_answer_not_at_all(project, ann, bea, rev):
    image, other = settle(project, (ann, bea), "cat"), settle(project, (ann, bea), "cat")
    adjudication.decide(image_id=image.pk, reviewer=rev, categories=["fox"])
    adjudication.decide(image_id=other.pk, reviewer=rev, categories=["fox"])
    Decision.objects.filter(image=other).update(categories=[], undecidable=True)

    assert counted(project) == {"cat": 0, "dog": 0, "fox": 1}
    adjudication.withdraw(image_id=image.pk, reviewer=rev)
    assert counted(project) == {"cat": 1, "dog": 0, "fox": 0}


def test_a_merged_class_counts_as_what_it_was_merged_into(project, ann, bea, rev, lena):
    settle(project, (ann, bea), "cat")
    adjudication.decide(image_id=settle(project, (ann, bea), "dog").pk, reviewer=rev, categories=["cat"])
    changes = {"merged_into": category(project, "dog")}
    classes.change_category(category=project.categories.get(name="cat"), by=lena, changes=changes)
    project.refresh_from_db()

    assert counted(project) == {"dog": 2, "fox": 0}


def test_an_image_of_several_classes_counts_in_each(multi_project, ann, bea):
    from labeler.labeling import claims, labels

    for names in (["sky", "sea"], ["sea"], []):
        (image,) = add_images(multi_project, 1)
        for person in (ann, bea):
            claims.claim(project=multi_project, annotator=person, count=50)
            labels.save_label(image_id=image.pk, annotator=person, categories=names)

    assert counted(multi_project) == {"sky": 1, "sea": 2, "sand": 0}
    assert targets.targets_of(multi_project)["settled"] == 3


def test_what_is_missing_is_never_less_than_nothing_and_unknown_without_a_wanted_number(project, ann, bea, lena):
    for name, number in (("cat", 1), ("dog", 5)):
        row = project.categories.get(name=name)
        classes.change_category(category=row, by=lena, changes={"wanted": number, "variety": "young and old"})
    projects.update(project=project, by=lena, changes={"wanted_images": 10})
    for _ in range(2):
        settle(project, (ann, bea), "cat")

    found = targets.targets_of(Project.objects.get(pk=project.pk))

    assert (found["images"], found["missing"]) == (10, 8)
    assert [row["missing"] for row in found["categories"]] == [0, 5, None]
    assert found["categories"][1]["variety"] == "young and old"


def test_it_costs_as_many_queries_for_many_images_as_for_few(project, ann, bea, django_assert_num_queries):
    for name in ("cat", "dog", "fox", "cat"):
        settle(project, (ann, bea), name)
    targets.targets_of(project)  # the label set is kept from here on

    with django_assert_num_queries(3):
        targets.targets_of(project)


# ---------------------------------------------------------------- by REST and on the import page


def test_a_client_sets_what_is_wanted_and_reads_what_is_missing(project, ann, bea, lena):
    client = as_person(lena)
    settle(project, (ann, bea), "cat")
    sent = {"wanted_images": 500, "variety": "morning and evening"}
    assert client.patch(f"/api/projects/{project.pk}/", sent).json()["wanted_images"] == 500
    cat = category(project, "cat")
    assert client.patch(f"/api/categories/{cat}/", {"wanted": 3, "variety": "with kittens"}).json()["wanted"] == 3

    told = client.get(f"/api/projects/{project.pk}/progress/").json()["wanted"]

    assert (told["images"], told["variety"], told["settled"], told["missing"]) == (500, "morning and evening", 1, 499)
    assert told["categories"][0] == {
        "id": cat, "name": "cat", "wanted": 3, "settled": 1, "missing": 2, "variety": "with kittens",
    }  # fmt: skip
    # Another wanted number shows at once, though the report is kept for some seconds.
    client.patch(f"/api/projects/{project.pk}/", {"wanted_images": None})
    assert client.get(f"/api/projects/{project.pk}/progress/").json()["wanted"]["missing"] is None


def test_an_annotator_is_not_told_how_many_are_settled_on_each_class(project, ann, bea):
    settle(project, (ann, bea), "cat")

    told = as_person(ann).get(f"/api/projects/{project.pk}/progress/").json()["wanted"]

    assert [(row["settled"], row["missing"]) for row in told["categories"]] == [(None, None)] * 3
    assert counts.count_progress(project)["wanted"]["categories"][0]["settled"] == 1


@pytest.mark.parametrize("number", [0, -1, 2**31, "many"])
def test_a_number_that_nobody_can_want_is_refused(number, project, lena):
    client, cat = as_person(lena), category(project, "cat")

    for path, field in ((f"/api/projects/{project.pk}/", "wanted_images"), (f"/api/categories/{cat}/", "wanted")):
        response = client.patch(path, {field: number})
        assert (response.status_code, error_of(response)) == (400, "invalid"), path
    if isinstance(number, int):
        with pytest.raises(Invalid):
            classes.change_category(category=project.categories.get(name="cat"), by=lena, changes={"wanted": number})


@pytest.mark.usefixtures("uncollected_static_files")
def test_the_import_page_says_what_to_bring_the_most_wanted_first(as_, project, ann, bea, lena):
    assert "What is wanted" not in as_(lena).get(url("import", project)).content.decode()

    projects.update(project=project, by=lena, changes={"wanted_images": 2000})
    for name, number in (("cat", 3), ("dog", 1400), ("fox", 1)):
        row = project.categories.get(name=name)
        classes.change_category(category=row, by=lena, changes={"wanted": number, "variety": f"{name}s in rain"})
    settle(project, (ann, bea), "fox")

    html = as_(lena).get(url("import", project)).content.decode()

    assert "<b>1</b> of 2,000 images have their answer" in html
    assert "0 of 1,400" in html and "1,400 missing" in html and "1 of 1" in html and "enough" in html
    assert html.index("dogs in rain") < html.index("cats in rain") < html.index("foxs in rain")
