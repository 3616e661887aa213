"""Labels the model doubts: which wait for a second look, what leaves the list, and how often a doubt was right."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.label_set import categories
from labeler.labeling.claims import claim as claim_some
from labeler.labeling.labels import save_label
from labeler.models import Decision
from labeler.review import adjudication, label_errors
from labeler.wording.sentences import sentence
from tests.helpers.answers import answer
from tests.helpers.api import as_person
from tests.helpers.doubted import doubted, model_that_doubts
from tests.helpers.factories import add_images, category
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def animals(project):
    """Four images that two people call cats; the model would say dog, of the last one only faintly."""
    images = add_images(project, 4)
    for image in images:
        answer(image, ann="cat", bea="cat")
    cat, dog = category(project, "cat"), category(project, "dog")
    rows = [doubted(image, cat, dog, 0.5 + place / 10) for place, image in enumerate(images[:3])]
    model_that_doubts(project, *rows, doubted(images[3], cat, dog, 0.05, confident=False))
    return images


def queue(project) -> list[int]:
    return [one.doubt.image_id for one in label_errors.waiting(project, project.runs.get(is_active=True))]


def test_the_clearest_doubt_comes_first_and_faint_ones_do_not_come(project, animals):
    assert queue(project) == [animals[2].pk, animals[1].pk, animals[0].pk]


@pytest.mark.parametrize("says", [{"categories": ["cat"]}, {"categories": ["dog"]}, {"undecidable": True}])
def test_what_was_looked_at_leaves_the_list_whatever_was_decided(project, animals, rev, says):
    adjudication.decide(image_id=animals[1].pk, reviewer=rev, **says)

    assert queue(project) == [animals[2].pk, animals[0].pk]


def test_an_image_people_call_something_else_by_now_is_not_doubted_any_more(project, animals, dora):
    for person in ("ann", "bea"):
        answer(animals[1], **{person: "dog"})

    assert queue(project) == [animals[2].pk, animals[0].pk]


def test_images_that_are_judged_blind_are_in_no_list_that_a_model_made(project, animals):
    for slice_ in ("blind", "test"):
        animals[2].slice = slice_
        animals[2].save()
        assert queue(project) == [animals[1].pk, animals[0].pk]


def test_a_doubt_between_classes_that_were_merged_is_settled(project, animals, lena):
    index = categories.index(project)
    dog = project.categories.get(name="dog")
    dog.merged_into_id, dog.retired_at = category(project, "cat"), timezone.now()
    dog.save()
    project.label_set_version += 1
    project.save()

    assert len(index.names) == 3 and queue(project) == []


def test_how_often_a_doubt_was_right_counts_what_was_decided_since(project, animals, rev):
    for image, says in zip(animals, (["dog"], ["fox"], ["cat"], ["dog"]), strict=True):
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=says)

    told = label_errors.checked(project)

    # The faint doubt about the last image does not count. Wilson's interval of 2 of 3: .2077 to .9385.
    assert (told.corrected, told.confirmed, told.undecidable) == (2, 1, 0)
    stat = told.precision
    assert (stat.value, stat.n) == (pytest.approx(2 / 3), 3)
    assert (stat.low, stat.high) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))
    assert "few labels" in sentence(stat.reason)


def test_a_decision_of_before_the_run_and_one_taken_back_do_not_count(project, animals, rev):
    adjudication.decide(image_id=animals[0].pk, reviewer=rev, categories=["dog"])
    Decision.objects.update(created_at=timezone.now() - timedelta(hours=1))
    adjudication.decide(image_id=animals[1].pk, reviewer=rev, categories=["dog"])
    adjudication.withdraw(image_id=animals[1].pk, reviewer=rev)
    adjudication.decide(image_id=animals[2].pk, reviewer=rev, undecidable=True)

    told = label_errors.checked(project)

    assert (told.corrected, told.confirmed, told.undecidable) == (0, 0, 1)
    assert told.precision.value is None and told.precision.reason


def test_two_runs_that_doubt_one_label_count_it_once(project, animals, rev):
    cat, dog = category(project, "cat"), category(project, "dog")
    model_that_doubts(project, doubted(animals[0], cat, dog), active=False)
    adjudication.decide(image_id=animals[0].pk, reviewer=rev, categories=["dog"])

    assert label_errors.checked(project).corrected == 1


def test_of_several_classes_each_is_a_question_of_its_own(multi_project, ann, bea, lena):
    sky, sea, sand = (category(multi_project, name) for name in ("sky", "sea", "sand"))
    one, other = add_images(multi_project, 2)
    for person in (ann, bea):
        for claim in claim_some(project=multi_project, annotator=person, count=2):
            save_label(image_id=claim.image_id, annotator=person, categories=["sky", "sea"])
    # The image has sky and sea: that sky is too much and sand is missing can be; that sea is missing cannot.
    model_that_doubts(
        multi_project, doubted(one, sky, False, 0.7), doubted(one, sand, True, 0.9), doubted(other, sea, True)
    )

    (waits,) = label_errors.waiting(multi_project, multi_project.runs.get(is_active=True))
    assert (waits.doubt.image_id, waits.doubt.label, waits.doubt.suggested) == (one.pk, sand, True)

    adjudication.decide(image_id=one.pk, reviewer=lena, categories=["sea", "sky"])
    told = label_errors.checked(multi_project)
    assert (told.corrected, told.confirmed) == (0, 2)


# ---------------------------------------------------------------- the page


def test_a_reviewer_walks_through_them_without_being_told_what_the_model_says(as_, rev, project, animals):
    client = as_(rev)

    page = client.get(url("adjudicate", project) + "?doubted=1")
    html = page.content.decode()

    assert page.context["image"] == animals[2] and "1 of 3, the clearest doubt first" in html
    assert "None was looked at yet." in html
    assert page.context["told"] is None and page.context["just"] is None and "instead" not in html

    seen = {"do": "settle", "image": animals[2].pk, "version": page.context["version"]}
    dog = category(project, "dog")
    after = client.post(url("adjudicate", project) + "?doubted=1", {**seen, "categories": dog}, follow=True)
    html = after.content.decode()

    assert after.context["image"] == animals[1] and "1 of 2" in html
    assert after.context["just"]["instead"] == [{"name": "dog", "without": False, "more": False}]
    assert "1 looked at." in html and "wrong in 1 of 1" in html


def test_without_any_left_the_page_says_so(as_, rev, project):
    html = as_(rev).get(url("adjudicate", project) + "?doubted=1").content.decode()

    assert "No doubted label waits" in html


def test_programs_read_the_list_and_its_precision(project, animals, rev):
    adjudication.decide(image_id=animals[0].pk, reviewer=rev, categories=["dog"])

    said = as_person(rev).get(f"/api/projects/{project.pk}/label-errors/").json()

    assert [row["image"] for row in said["results"]] == [animals[2].pk, animals[1].pk]
    assert (said["results"][0]["category"], said["results"][0]["suggested"]) == ("cat", "dog")
    assert (said["corrected"], said["precision"]["n"]) == (1, 1)
