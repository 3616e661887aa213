"""Two versions of a model that draws on the images that both have judged: rows, page and REST."""

from __future__ import annotations

import numpy as np
import pytest
from django.urls import reverse

from labeler.models import Exposure, Image, RunAnswers
from labeler.models.image import Slice, Status
from labeler.training import drawn_comparison, run_answers
from labeler.training.run_answers import Part
from tests.helpers.api import as_person, error_of
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images, make_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def keep(run, images, counts, *, part=Part.TEST, truth=7):
    """counts: of each image (shared, the model's, people's) of the first class."""
    first = np.array([[row] for row in counts], np.int64)
    ids = [image.pk for image in images]
    told = drawn_comparison.answers(part, ids, first, run.category_ids[:1], [truth] * len(ids))
    run_answers.keep(run, [told])


@pytest.fixture
def versions(ann, lena):
    """Models 1 and 2, and four settled test images: model 2 finds one more, invents one more, and is twice alike."""
    project = drawing_project(ann, lead=lena)
    images = add_images(project, 4)
    Image.objects.filter(project=project).update(slice=Slice.TEST, status=Status.SETTLED)
    old, new = make_model(project, active=False), make_model(project)
    keep(old, images, [(1, 1, 4), (2, 2, 2), (2, 2, 2), (0, 1, 1)])
    keep(new, images, [(4, 4, 4), (2, 3, 2), (2, 2, 2), (0, 1, 1)])
    return old, new, images


def test_two_versions_are_compared_by_f1_and_image_by_image(versions):
    old, new, images = versions

    found = drawn_comparison.compare(old, new)

    # F1: of the old one 2 * 5 / (6 + 9), of the new one 2 * 8 / (10 + 9)
    assert found.measure == "f1" and found.difference.value == pytest.approx(16 / 19 - 10 / 15)
    assert found.figures["recall"].value == pytest.approx(8 / 9 - 5 / 9)
    assert found.figures["precision"].value == pytest.approx(8 / 10 - 5 / 6)
    assert found.difference.n == 4 and found.left_out == 0
    (fixed,), (broken,) = found.fixed, found.broken
    assert (fixed.image_id, fixed.old.missed, fixed.new.missed) == (images[0].pk, 3, 0)
    assert (broken.image_id, broken.old.invented, broken.new.invented) == (images[1].pk, 0, 1)
    assert (found.flips.both_right, found.flips.both_wrong) == (1, 1)


def test_an_image_whose_answer_has_changed_since_is_left_out(versions):
    old, new, _images = versions
    row = RunAnswers.objects.get(run=new)
    row.truth[0] = [8]
    row.save()

    found = drawn_comparison.compare(old, new)

    assert (found.difference.n, found.left_out, found.fixed) == (3, 1, [])


def test_the_checksum_knows_no_order_and_sees_a_moved_object_and_another_class():
    one, other = {"category": 1, "box": [10.0, 10, 20, 20]}, {"category": 2, "box": [50, 50, 20, 20]}

    assert drawn_comparison.checksum([one, other]) == drawn_comparison.checksum([other, one])
    apart = [[one], [one, other], [one | {"category": 2}], [one | {"box": [11, 10, 20, 20]}], []]
    assert len({drawn_comparison.checksum(objects) for objects in apart}) == 5


def test_classes_of_pixels_are_compared_by_their_mean_iou(ann, lena):
    project = drawing_project(ann, lead=lena, task="semantic")
    (image,) = add_images(project, 1)
    old, new = make_model(project, active=False), make_model(project)
    ids = old.category_ids
    for run, counts in ((old, [[50, 50, 100], [0, 50, 0]]), (new, [[75, 75, 100], [0, 25, 0]])):
        run_answers.keep(run, [drawn_comparison.answers(Part.TEST, [image.pk], np.array([counts]), ids, [1])])

    found = drawn_comparison.compare(old, new)

    assert found.measure == "miou" and found.difference.value == pytest.approx(0.25)
    assert found.fixed[0].new.score == 0.75


def test_with_few_test_images_those_that_neither_had_learned_from_yet_are_compared(versions):
    old, new, _images = versions
    more = add_images(old.project, 40)
    keep(old, more, [(1, 1, 2)] * 40, part=Part.CROSSED)
    keep(new, more, [(2, 2, 2)] * 40, part=Part.CROSSED)

    found = drawn_comparison.compare(old, new)

    assert (found.part, found.difference.n) == (Part.CROSSED, 40)


def test_the_page_says_which_one_draws_better_and_links_the_images_that_changed_most(as_, lena, versions):
    old, _new, images = versions

    text = " ".join(as_(lena).get(reverse("compare_runs", args=[old.project_id])).content.decode().split())

    assert "Model 2 against model 1" in text and "No difference beyond chance" in text
    assert "F1, difference" in text and "Recall, difference" in text and "+33.3 points" in text
    assert "n 4 · test images both have judged" in text and "These are test images" in text
    assert "1 right, 3 missed, 0 invented" in text and "4 right, 0 missed, 0 invented" in text
    assert reverse("image", args=[old.project_id, images[0].pk]) in text
    assert reverse("image", args=[old.project_id, images[2].pk]) not in text
    assert "nan" not in text.lower().split() and ">None<" not in text
    assert set(Exposure.objects.filter(user=lena).values_list("image", flat=True)) == {images[0].pk, images[1].pk}


def test_the_page_names_no_image_that_is_still_judged_blind(as_, lena, versions):
    old, _new, images = versions
    Image.objects.filter(pk=images[0].pk).update(status=Status.PARTLY)

    text = as_(lena).get(reverse("compare_runs", args=[old.project_id])).content.decode()

    assert reverse("image", args=[old.project_id, images[0].pk]) not in text
    assert reverse("image", args=[old.project_id, images[1].pk]) in text


def test_versions_from_before_anything_was_kept_cannot_be_compared(as_, lena, versions):
    old, new, _images = versions
    RunAnswers.objects.filter(run=old).delete()

    text = as_(lena).get(reverse("compare_runs", args=[old.project_id])).content.decode()

    assert "Nothing to compare on" in text
    answer = as_person(lena).get(f"/api/runs/{new.pk}/comparison/")
    assert (answer.status_code, error_of(answer)) == (422, "not_possible_now")


def test_rest_says_the_same(lena, versions):
    _old, new, images = versions

    told = as_person(lena).get(f"/api/runs/{new.pk}/comparison/").json()

    assert (told["old"], told["new"], told["part"], told["measure"]) == (1, 2, "test", "f1")
    assert told["difference"]["value"] == pytest.approx(16 / 19 - 10 / 15)
    assert told["differences"]["recall"]["value"] == pytest.approx(1 / 3)
    assert told["left_out"] == 0 and "differently_wrong" not in told
    (fixed,) = told["fixed"]
    assert fixed == {
        "image": images[0].pk,
        "old_counts": {"right": 1, "missed": 3, "invented": 0, "score": pytest.approx(0.4)},
        "new_counts": {"right": 4, "missed": 0, "invented": 0, "score": 1.0},
    }
