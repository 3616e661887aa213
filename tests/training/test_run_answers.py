"""What versions of a model answered on images they had not learned from: compared image by image, and in a row."""

import numpy as np
import pytest

from labeler.models import Image, RunAnswers
from labeler.models.image import Slice
from labeler.projects import classes
from labeler.stats.paired import image_by_image
from labeler.training import run_answers
from labeler.training.run_answers import Answers, Part
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category, make_model
from worker.ml.evaluation.compare import not_worse


def test_flips_by_the_example_of_a_textbook():
    # Agresti, Categorical Data Analysis: approval asked twice of 1,600 people, 794 yes-yes, 150 yes-no, 86 no-yes,
    # 570 no-no; z^2 = (86 - 150)^2 / 236 = 17.36; the change is -.04, 95 % -.06 to -.02
    old = np.repeat([1, 1, 0, 0], [794, 150, 86, 570])
    new = np.repeat([1, 0, 1, 0], [794, 150, 86, 570])
    found = image_by_image(old, new)
    assert (found.both_right, len(found.broken), len(found.fixed), found.both_wrong) == (794, 150, 86, 570)
    assert found.difference.value == pytest.approx(-0.04)
    assert (found.difference.low, found.difference.high) == pytest.approx((-0.0587, -0.0213), abs=4e-4)
    assert 1e-5 < found.p < 6e-5  # chi-square with one degree of freedom: 3.1e-5
    assert found.broken == list(range(794, 944))
    # the worker decides on a promotion by the same interval
    decided = not_worse(old, new)
    assert (found.difference.low, found.difference.high) == pytest.approx((decided.low, decided.high))
    same = image_by_image([1, 0], [1, 0])
    assert (same.p, same.fixed, same.broken) == (1.0, [], [])
    assert image_by_image([], []).difference.value is None
    # several labels: half of them right before, all now, is a flip; the largest change comes first
    assert image_by_image([0.5, 0.0, 1.0], [1.0, 1.0, 0.5]).fixed == [1, 0]
    with pytest.raises(ValueError, match="same images"):
        image_by_image([1, 0], [1])


def said(run, part, images, names, truth=None):
    """Keep what a run's model said of images, each one class by its name."""
    ids = [[category(run.project, name)] for name in names]
    right = None if truth is None else [[category(run.project, name)] for name in truth]
    found = Answers(part, [image.pk for image in images], ids, [0.9] * len(ids), right)
    run_answers.keep(run, [found])
    return found


@pytest.mark.django_db
def test_two_versions_are_compared_on_the_images_both_judged_by_what_was_settled_last(project):
    old, new = make_model(project, active=False), make_model(project)
    images = add_images(project, 6)
    # the first is no longer among the new one's; the second was re-settled from dog to cat in between
    said(old, Part.TEST, images[:5], ["cat", "cat", "dog", "fox", "fox"], ["cat", "dog", "dog", "cat", "dog"])
    said(new, Part.TEST, images[1:], ["cat", "cat", "cat", "cat", "cat"], ["cat", "dog", "cat", "dog", "cat"])

    found = run_answers.compare(old, new)

    assert found.part == Part.TEST
    assert found.flips.difference.n == 4
    assert [row.image_id for row in found.fixed] == [images[3].pk]
    assert [(row.image_id, row.truth, row.old, row.new) for row in found.broken] == [
        (images[2].pk, [category(project, "dog")], [category(project, "dog")], [category(project, "cat")])
    ]
    assert (found.flips.both_right, found.flips.both_wrong, found.differently_wrong) == (1, 1, 1)
    assert run_answers.compare(old, make_model(project, active=False)) is None


@pytest.mark.django_db
def test_with_few_test_images_the_cross_validated_ones_are_compared(project):
    old, new = make_model(project, active=False), make_model(project)
    images = add_images(project, 43)
    for run, name in ((old, "cat"), (new, "dog")):
        said(run, Part.TEST, images[:3], [name] * 3, ["dog"] * 3)
        said(run, Part.CROSSED, images[3:], [name] * 40, ["dog"] * 40)

    found = run_answers.compare(old, new)

    assert (found.part, found.flips.difference.value, found.flips.difference.n) == (Part.CROSSED, 1.0, 40)


@pytest.mark.django_db
def test_classes_that_were_merged_since_are_one(project, lena):
    old, new = make_model(project, active=False), make_model(project)
    images = add_images(project, 4)
    said(old, Part.TEST, images, ["fox", "fox", "dog", "cat"], ["fox", "fox", "dog", "dog"])
    kept = said(old, Part.STOP, images, ["fox", "fox", "dog", "cat"])
    dog = category(project, "dog")
    classes.change_category(category=project.categories.get(name="fox"), by=lena, changes={"merged_into": dog})
    said(new, Part.TEST, images, ["dog"] * 4, ["dog"] * 4)

    found = run_answers.compare(old, new)

    assert [row.image_id for row in found.fixed] == [images[3].pk] and not found.broken
    assert found.flips.both_right == 3
    now = Answers(Part.STOP, kept.image_ids, [[dog]] * 4, [0.9] * 4)
    assert run_answers.settled(new, now)["same"] == 0.75


@pytest.mark.django_db
def test_of_several_classes_each_yes_and_no_counts(multi_project):
    ids = [c.pk for c in multi_project.categories.in_use()]
    old, new = make_model(multi_project, active=False), make_model(multi_project)
    (image, other) = add_images(multi_project, 2)
    run_answers.keep(old, [Answers(Part.TEST, [image.pk, other.pk], [[], ids[:1]], [0.9, 0.9], [ids[:1], ids[:1]])])
    run_answers.keep(
        new, [Answers(Part.TEST, [image.pk, other.pk], [ids[:1], ids[:1]], [0.9, 0.9], [ids[:1], ids[:1]])]
    )

    found = run_answers.compare(old, new)

    assert found.flips.difference.value == pytest.approx(1 / len(ids) / 2)
    assert [row.image_id for row in found.fixed] == [image.pk]


@pytest.mark.django_db
def test_answers_are_kept_once_and_go_with_their_run(project):
    run, images = make_model(project), add_images(project, 2)
    said(run, Part.STOP, images, ["cat", "cat"])
    said(run, Part.STOP, images, ["cat", "dog"])  # another attempt at the same run

    assert run_answers.answers_of(run, Part.STOP).answers == [[category(project, "cat")], [category(project, "dog")]]
    run.delete()
    assert not RunAnswers.objects.exists()


@pytest.mark.django_db
def test_the_stop_set_stays_while_images_are_labeled_and_come_in(project, monkeypatch):
    monkeypatch.setattr(run_answers, "STOP_SET", 10)
    images = add_images(project, 30)
    Image.objects.filter(pk__in=[i.pk for i in images[:10]]).update(slice=Slice.TEST)
    first = list(run_answers.stop_set(project).values_list("pk", flat=True))
    assert len(first) == 10 and not set(first) & {i.pk for i in images[:10]}

    Image.objects.filter(pk=first[0]).update(status="settled")
    second = set(run_answers.stop_set(project).values_list("pk", flat=True))

    assert set(first[1:]) < second and first[0] not in second and len(second) == 10


@pytest.mark.django_db
def test_successive_models_agree_on_the_stop_set_and_that_is_counted(project):
    images = add_images(project, 40)
    runs = [make_model(project, active=False) for _ in range(3)]
    rows = [["cat", "dog"] * 20, ["cat", "dog"] * 19 + ["dog", "cat"], ["cat", "dog"] * 19 + ["dog", "cat"]]
    kept = []
    for run, row in zip(runs, rows, strict=True):
        found = said(run, Part.STOP, images, row)
        kept.append(run_answers.settled(run, found))
        run.metrics = {"stop_set": kept[-1]}
        run.save()

    assert (kept[0]["before"], kept[0]["kappa"]["value"], kept[0]["kappas"]) == (None, None, [])
    # 38 of 40 the same, half of each class: p_o = .95, p_e = .5, kappa = .45 / .5
    assert (kept[1]["before"], kept[1]["same"], kept[1]["n"]) == (1, 0.95, 40)
    assert kept[1]["kappa"]["value"] == pytest.approx(0.9)
    assert kept[1]["kappa"]["low"] < 0.9 < kept[1]["kappa"]["high"]
    assert kept[2]["kappas"] == [None, pytest.approx(0.9), 1.0]


@pytest.mark.django_db
def test_the_comparison_over_rest(project, rev):
    first = make_model(project, active=False)
    old, new = make_model(project, active=False), make_model(project)
    images = add_images(project, 3)
    said(old, Part.TEST, images, ["cat", "dog", "fox"], ["cat", "cat", "fox"])
    said(new, Part.TEST, images, ["cat", "cat", "dog"], ["cat", "cat", "fox"])
    client, ids = as_person(rev), {name: category(project, name) for name in ("cat", "dog", "fox")}

    found = client.get(f"/api/runs/{new.pk}/comparison/").json()

    assert (found["old"], found["new"], found["part"], found["p"]) == (2, 3, "test", 1.0)
    assert (found["difference"]["value"], found["difference"]["n"], found["both_right"]) == (0.0, 3, 1)
    assert found["fixed"] == [
        {"image": images[1].pk, "truth": [ids["cat"]], "old": [ids["dog"]], "new": [ids["cat"]]}
    ]  # fmt: skip
    assert [row["image"] for row in found["broken"]] == [images[2].pk]
    assert client.get(f"/api/runs/{old.pk}/comparison/?with=3").json()["broken"] == [
        {**found["fixed"][0], "old": [ids["cat"]], "new": [ids["dog"]]}
    ]  # fmt: skip
    refused = client.get(f"/api/runs/{new.pk}/comparison/?with={first.number}")
    assert (refused.status_code, error_of(refused)) == (422, "not_possible_now")
    assert client.get(f"/api/runs/{new.pk}/comparison/?with=x").status_code == 400
