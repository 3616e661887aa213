"""Answers to crops of predicted objects: which come to whom, what is kept of them, how often the model was right."""

from __future__ import annotations

import pytest

from labeler.errors import Invalid, NotFound, Paused
from labeler.labeling import claims
from labeler.models import Claim, Label, Membership, ObjectVerdict, QueueEntry
from labeler.review import crops
from tests.helpers.crops import page_of, predict, say
from tests.helpers.drawn_projects import draw_all, drawing_project
from tests.helpers.factories import add_images, category, make_model, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def boxes(ann, bea, rev, lena):
    project = drawing_project(ann, bea, lead=lena)
    Membership.objects.create(project=project, user=rev, role="reviewer")
    return project


@pytest.fixture
def run(boxes):
    return make_model(boxes)


def test_objects_of_one_class_that_are_shown_and_unanswered_come_on_the_page(boxes, run, rev):
    king = category(boxes, "king")
    first, second = add_images(boxes, 2)
    predict(run, first, {}, {"shown": False}, {"category": king})
    predict(run, second, {}, {"probability": None})
    assert sorted(page_of(rev, run)) == [(first.pk, 0), (second.pk, 0), (second.pk, 1)]
    assert page_of(rev, run) == page_of(rev, run)  # one order for everybody

    say(rev, run, **{f"i{second.pk}_0": "wrong"})

    assert sorted(page_of(rev, run)) == [(first.pk, 0), (second.pk, 1)]
    assert page_of(rev, run, "king") == [(first.pk, 2)]


@pytest.mark.parametrize("part", ["test", "calibration", "blind", "apart"])
def test_images_that_are_judged_blind_never_come(boxes, run, rev, part):
    hidden, open_ = add_images(boxes, 2)
    hidden.slice = part
    hidden.save()
    predict(run, hidden, {})
    predict(run, open_, {})

    assert page_of(rev, run) == [(open_.pk, 0)]
    assert say(rev, run, **{f"i{hidden.pk}_0": "keep", f"i{open_.pk}_0": "keep"}) == [False, True]
    assert list(ObjectVerdict.objects.values_list("image_id")) == [(open_.pk,)]


@pytest.mark.parametrize(("part", "n"), [("test", 0), ("calibration", 0), ("blind", 1)])
def test_a_settled_image_comes_unless_it_is_held_out(boxes, run, rev, part, n):
    (image,) = add_images(boxes, 1)
    image.slice, image.status = part, "settled"
    image.save()
    predict(run, image, {})

    assert len(page_of(rev, run)) == n


def test_an_audited_image_does_not_come(boxes, run, rev):
    (image,) = add_images(boxes, 1)
    predict(run, image, {})
    QueueEntry.objects.filter(image=image).update(chosen_by="audit")

    assert page_of(rev, run) == []


def test_an_annotator_sees_objects_after_their_own_answer_when_the_votes_are_complete(boxes, run, ann, bea, rev):
    pawn = [("pawn", 10, 20, 40, 30)]
    (answered,) = draw_all(boxes, [{ann: pawn}])
    (other,) = add_images(boxes, 1)
    predict(run, answered, {})
    predict(run, other, {})

    assert page_of(ann, run) == [(answered.pk, 0)]
    assert page_of(bea, run) == []
    assert len(page_of(rev, run)) == 2
    assert say(ann, run, **{f"i{other.pk}_0": "wrong"}) == [False]


def test_a_verdict_is_no_label_and_settles_nothing(boxes, run, rev):
    (image,) = add_images(boxes, 1)
    predict(run, image, {"probability": 0.75})
    seats = list(QueueEntry.objects.values_list("seats_left"))

    say(rev, run, **{f"i{image.pk}_0": "keep"})

    image.refresh_from_db()
    assert Label.objects.count() == 0 and image.n_votes == 0 and image.status == "unlabeled"
    assert list(QueueEntry.objects.values_list("seats_left")) == seats
    verdict = ObjectVerdict.objects.get()
    assert (verdict.box, verdict.probability, verdict.verdict) == ([10.0, 20.0, 40.0, 30.0], 0.75, "keep")


def test_answering_again_replaces_the_verdict_and_a_prediction_that_is_gone_leaves_it(boxes, run, rev):
    (image,) = add_images(boxes, 1)
    predict(run, image, {})
    for verdict in ("keep", "wrong", "wrong"):
        say(rev, run, **{f"i{image.pk}_0": verdict})
    assert ObjectVerdict.objects.get().verdict == "wrong"

    run.predictions.all().delete()

    assert say(rev, run, **{f"i{image.pk}_0": "keep"}) == [False]
    run.delete()
    assert ObjectVerdict.objects.get().model == 1


def test_the_box_of_a_mask_or_an_outline_is_its_bounds(ann, lena):
    project = drawing_project(ann, lead=lena, task="polygons")
    (image,) = add_images(project, 1)
    run = make_model(project)
    predict(run, image, {"polygon": [[10, 20, 50, 20, 30, 70]]})
    run.predictions.update(drawn=[{k: v for k, v in one.items() if k != "box"} for one in run.predictions.get().drawn])

    say(lena, run, **{f"i{image.pk}_0": "keep"})

    assert ObjectVerdict.objects.get().box == [10.0, 20.0, 40.0, 50.0]


def test_precision_counts_each_object_once_by_what_most_say(boxes, run, rev, lena, dora):
    # Ten objects. 0-6 kept by one person; 7 wrong; 8 wrong 2 to 1; 9 is a tie and counts as neither:
    # 7 of 9 = 0.778, Wilson: z2 = 3.8415, middle = (7/9 + z2/18) / (1 + z2/9) = 0.6946,
    # half = 1.96/(1 + z2/9) * sqrt((7/9)(2/9)/9 + z2/324) = 0.2420: 0.4526 to 0.9368.
    (image,) = add_images(boxes, 1)
    predict(run, image, *[{}] * 10)
    Membership.objects.create(project=boxes, user=dora, role="reviewer")
    said = {rev: {**dict.fromkeys(range(7), "keep"), 7: "wrong", 8: "wrong", 9: "keep"}}
    said |= {lena: {8: "wrong", 9: "wrong"}, dora: {8: "keep"}}
    for person, verdicts in said.items():
        say(person, run, **{f"i{image.pk}_{n}": verdict for n, verdict in verdicts.items()})

    told = crops.precision(run)

    assert list(told) == [category(boxes, "pawn")]
    (figure,) = told.values()
    assert (figure.n, figure.value) == (9, pytest.approx(7 / 9))
    assert (figure.low, figure.high) == (pytest.approx(0.4526, abs=1e-3), pytest.approx(0.9368, abs=1e-3))


def test_objects_that_most_people_say_are_wrong(boxes, run, rev, lena):
    (image,) = add_images(boxes, 1)
    predict(run, image, {}, {}, {})
    say(rev, run, **{f"i{image.pk}_0": "wrong", f"i{image.pk}_1": "wrong", f"i{image.pk}_2": "keep"})
    say(lena, run, **{f"i{image.pk}_1": "keep"})

    assert ObjectVerdict.objects.filter(run=run).found_wrong() == {(image.pk, 0)}


def test_what_is_called_wrong_is_left_out_of_the_pre_label_until_it_is_taken_back(boxes, run, rev, lena):
    king = category(boxes, "king")
    (image,) = add_images(boxes, 1)
    predict(run, image, {"probability": 0.5}, {"category": king}, {"shown": False, "probability": 0.2})

    say(rev, run, **{f"i{image.pk}_0": "wrong"})

    now = run.predictions.get()
    assert [(one["shown"], one.get("refused")) for one in now.drawn] == [(False, True), (True, None), (False, None)]
    assert (now.categories, now.probability) == ([king], 0.9)
    assert page_of(lena, run) == [(image.pk, 0)]  # others may still say that it is one

    say(lena, run, **{f"i{image.pk}_0": "keep"})  # one says so, one does not

    assert [(one["shown"], one.get("refused")) for one in run.predictions.get().drawn] == [
        (True, None), (True, None), (False, None),
    ]  # fmt: skip


def test_a_pre_label_that_somebody_was_shown_stays_as_it_was(boxes, run, ann, rev):
    (image,) = add_images(boxes, 1)
    predict(run, image, {})
    claims.claim(project=boxes, annotator=ann, count=1)
    Claim.objects.update(shown_prediction=run.predictions.get())

    say(rev, run, **{f"i{image.pk}_0": "wrong"})

    assert [one["shown"] for one in run.predictions.get().drawn] == [True]


def test_what_cannot_be_answered_is_refused(boxes, run, rev, carl):
    (image,) = add_images(boxes, 1)
    predict(run, image, {})
    with pytest.raises(Invalid):
        say(rev, run)
    with pytest.raises(NotFound):
        say(carl, run, **{f"i{image.pk}_0": "keep"})
    Membership.objects.filter(user=rev).update(paused_at="2026-01-01T00:00Z")
    with pytest.raises(Paused):
        say(rev, run, **{f"i{image.pk}_0": "keep"})


def test_where_whole_images_have_classes_there_are_no_crops(ann, lena):
    project = make_project(ann, lead=lena)
    (image,) = add_images(project, 1)
    run = make_model(project)

    assert page_of(lena, run, "cat") == []
    assert say(lena, run, **{f"i{image.pk}_0": "keep"}) == [False]
