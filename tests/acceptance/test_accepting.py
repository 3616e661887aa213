"""Accepting a model's answers unseen: what may be, under which promise, and beside people who label."""

import threading

import pytest
from django.db import connection, transaction

from labeler.acceptance import accepting as acceptance
from labeler.acceptance import promises
from labeler.jobs import dispatch
from labeler.labeling import claim_ends, claims
from labeler.labeling.labels import save_label
from labeler.models import Acceptance, Guarantee, Image, Job, Label, Plant, Prediction, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension
from labeler.models.image import Slice, Status
from labeler.models.job import Kind, State
from labeler.models.queue import ChosenBy
from labeler.projects import projects
from labeler.review import adjudication, gold
from tests.helpers.accepting import accepted, audited, calibrate, ids, opinions, settle
from tests.helpers.at_once import wait_for_waiting
from tests.helpers.factories import add_images, category, make_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)


@pytest.fixture
def accepting(project, lena):
    """Auto-accept is on, half of what is accepted is audited."""
    changes = {"auto_accept": True, "audited_share": 0.5, "blind_share": 0.15}
    return projects.update(project=project, by=lena, changes=changes)


@pytest.fixture
def run(accepting):
    return make_model(accepting, predicted_at="2026-01-01T00:00:00Z")


def test_what_the_model_is_sure_of_is_accepted_and_leaves_the_queue_but_for_the_audited(accepting, run, ann):
    calibrate(accepting, run)
    sure, unsure = add_images(accepting, 40, slice=Slice.NONE), add_images(accepting, 10, slice=Slice.NONE)
    opinions(run, sure, "dog", 0.99)
    opinions(run, unsure, "dog", 0.5)

    assert acceptance.accept(run) == 40

    rows = Acceptance.objects.filter(project=accepting)
    assert ids(sure) == set(rows.values_list("image", flat=True))
    row = rows.first()
    assert (row.categories, row.probability, row.guarantee.run_id) == ([category(accepting, "dog")], 0.99, run.pk)
    assert row.prediction == Prediction.objects.get(run=run, image=row.image)
    assert row.threshold <= 0.99
    asked = set(audited(accepting))
    assert 8 <= len(asked) <= 32  # half of them, by a draw
    assert accepted(accepting) == ids(sure) - asked
    # Nobody is given an accepted image; the audited ones come first, and without the model's word.
    given = claims.claim(project=accepting, annotator=ann, count=50)
    assert {c.image_id for c in given[: len(asked)]} == asked
    assert all(c.shown_prediction is None and c.chosen_by == ChosenBy.AUDIT for c in given[: len(asked)])
    assert not {c.image_id for c in given} & accepted(accepting)
    assert ids(unsure) <= {c.image_id for c in given}
    assert Label.objects.count() == 0
    assert Image.objects.filter(pk__in=accepted(accepting)).exclude(status=Status.UNLABELED).count() == 0


def test_a_second_pass_changes_nothing_and_new_images_are_accepted_under_the_same_promise(accepting, run):
    calibrate(accepting, run)
    first = add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, first)
    acceptance.accept(run)
    before = list(Acceptance.objects.order_by("pk").values_list("pk", "is_audited", "withdrawn_at"))

    assert acceptance.accept(run) == 0
    assert list(Acceptance.objects.order_by("pk").values_list("pk", "is_audited", "withdrawn_at")) == before

    later = add_images(accepting, 5, slice=Slice.NONE)
    opinions(run, later)
    assert acceptance.accept(run) == 5
    assert Guarantee.objects.get().accepted == 25


def test_killed_between_two_chunks_it_goes_on(accepting, run, monkeypatch):
    monkeypatch.setattr(acceptance, "CHUNK", 10)
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 35, slice=Slice.NONE))
    ticks = iter(range(100))

    def die_at_the_third() -> None:
        if next(ticks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        acceptance.accept(run, tick=die_at_the_third)
    assert Acceptance.objects.count() == 20
    assert acceptance.due() == [run]

    assert acceptance.accept(run) == 15
    assert Guarantee.objects.get().done_at is not None
    assert acceptance.due() == []


def test_off_by_default(project):
    run = make_model(project)
    calibrate(project, run)
    opinions(run, add_images(project, 5, slice=Slice.NONE))
    assert acceptance.accept(run) == 0
    assert not Guarantee.objects.exists()


def test_too_few_calibration_images_carry_nothing_and_the_guarantee_says_why(accepting, run):
    calibrate(accepting, run, n=58, unsure=0)
    opinions(run, add_images(accepting, 10, slice=Slice.NONE))

    assert acceptance.accept(run) == 0

    kept = Guarantee.objects.get()
    assert (kept.thresholds["n"], kept.thresholds["needed"]) == (58, 59)
    assert kept.thresholds["pooled"]["reason"]["n"] == 58
    # One more, by a person of the calibration slice: the same model is not asked again until it passes.
    calibrate(accepting, run, n=1, unsure=0)
    assert acceptance.accept(run) == 0


def test_a_disputed_calibration_image_counts_as_an_error_until_it_is_settled(accepting, run, rev):
    images = calibrate(accepting, run, n=60, unsure=0)
    answers = {str(category(accepting, "cat")): 1, str(category(accepting, "dog")): 1}
    Image.objects.filter(pk=images[0].pk).update(tally=answers, status=Status.DISPUTED, disagreement=1.0)
    opinions(run, add_images(accepting, 10, slice=Slice.NONE))
    assert acceptance.accept(run) == 0
    assert Guarantee.objects.get().thresholds["disputed"] == 1

    adjudication.decide(image_id=images[0].pk, reviewer=rev, categories=["cat"])
    promises.suspend(project=accepting, by=rev)
    Guarantee.objects.update(suspension=Suspension.BREACH)  # as after one: it is found anew
    promises.resume(project=accepting, by=rev)
    assert acceptance.accept(run) == 10


def test_per_class_thresholds_are_kept_by_class(accepting, run, lena):
    accepting = projects.update(project=accepting, by=lena, changes={"accept_per_class": True})
    calibrate(accepting, run, n=150)
    dogs = add_images(accepting, 150, slice=Slice.CALIBRATION)
    opinions(run, dogs, "dog", 0.8)
    settle(accepting, dogs, "fox")  # of dogs the model knows nothing
    images = add_images(accepting, 10, slice=Slice.NONE)
    opinions(run, images, "cat")
    opinions(run, dog := add_images(accepting, 10, slice=Slice.NONE), "dog", 0.8)

    acceptance.accept(run)

    own = Guarantee.objects.get().thresholds["own"]
    assert own[str(category(accepting, "cat"))]["value"] == 0.99
    assert own[str(category(accepting, "dog"))]["value"] is None
    assert set(Acceptance.objects.values_list("image", flat=True)) == ids(images)
    assert not ids(dog) & set(Acceptance.objects.values_list("image", flat=True))


def test_images_that_judge_or_that_somebody_was_given_are_left_to_people(accepting, run, ann, bea, lena, rev):
    calibrate(accepting, run)
    parts = {part: add_images(accepting, 1, slice=part)[0] for part in (Slice.TEST, Slice.BLIND, Slice.CALIBRATION)}
    claimed, labeled, decided, golden, planted, plain = add_images(accepting, 6, slice=Slice.NONE)
    QueueEntry.objects.filter(pk=claimed.pk).update(priority=1.0)
    (one,) = claims.claim(project=accepting, annotator=ann)
    assert one.image_id == claimed.pk
    claim_ends.release(image_id=claimed.pk, annotator=ann)  # may still be answered late
    QueueEntry.objects.filter(pk=labeled.pk).update(priority=1.0)
    claims.claim(project=accepting, annotator=bea, count=2)
    save_label(image_id=labeled.pk, annotator=bea, categories=["dog"])
    adjudication.decide(image_id=decided.pk, reviewer=rev, categories=["dog"])
    gold.add(project=accepting, by=lena, image_id=golden.pk, categories=["dog"])
    Plant.objects.create(
        project=accepting, image=planted, reviewer=rev, suggested=category(accepting, "cat"), probability=0.9,
        shown_at="2026-01-01T00:00:00Z", known=[category(accepting, "dog")],
    )  # fmt: skip
    opinions(run, [*parts.values(), claimed, labeled, decided, golden, planted, plain])

    acceptance.accept(run)

    assert set(Acceptance.objects.values_list("image", flat=True)) == {plain.pk}


def test_an_import_that_no_judged_calibration_image_speaks_for_waits(accepting, run):
    old = Job.objects.create(project=accepting, kind=Kind.IMPORT, state=State.DONE)
    new = Job.objects.create(project=accepting, kind=Kind.IMPORT, state=State.DONE)
    images = calibrate(accepting, run, n=80, unsure=0)
    Image.objects.filter(pk__in=[i.pk for i in images]).update(job=old)
    opinions(run, add_images(accepting, 120, slice=Slice.NONE, job=old))
    late = add_images(accepting, 100, slice=Slice.NONE, job=new)
    unjudged = add_images(accepting, 40, slice=Slice.CALIBRATION, job=new)
    opinions(run, [*late, *unjudged])

    assert acceptance.accept(run) == 120
    coverage = Guarantee.objects.get().coverage
    assert coverage["waiting"] == 100
    (waiting,) = coverage["imports"]
    assert (waiting["images"], waiting["judged"], waiting["needed"]) == (140, 0, 17)  # half of 80 × 140 / 340

    settle(accepting, unjudged[:30])
    assert acceptance.accept(run) == 100
    assert Guarantee.objects.get().coverage == {"waiting": 0, "imports": []}


# ---------------------------------------------------------------- another model, another promise


def test_another_model_takes_over_what_it_is_sure_of_and_gives_back_the_rest(accepting, run):
    sure = calibrate(accepting, run)
    both, only_first = add_images(accepting, 20, slice=Slice.NONE), add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, [*both, *only_first])
    acceptance.accept(run)
    second = make_model(accepting, active=False, predicted_at="2026-01-02T00:00:00Z")
    opinions(second, Image.objects.filter(project=accepting, slice=Slice.CALIBRATION), "fox", 0.6)
    opinions(second, sure)
    opinions(second, both)
    opinions(second, only_first, sure=0.4)
    TrainingRun.objects.filter(pk=run.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=second.pk).update(is_active=True)
    assert acceptance.due() == [second]

    assert acceptance.accept(second) == 20
    assert acceptance.accept(run) == 0  # a worker that comes late with the old one

    in_force = Acceptance.objects.in_force()
    assert set(in_force.values_list("guarantee__run", flat=True)) == {second.pk}
    assert set(in_force.values_list("image", flat=True)) == ids(both)
    assert not QueueEntry.objects.filter(pk__in=ids(only_first), accepted=True).exists()
    assert not QueueEntry.objects.filter(pk__in=ids(only_first), chosen_by=ChosenBy.AUDIT).exists()
    assert Guarantee.objects.get(run=run).ending == Ending.MODEL
    # Rolled back: the earlier model accepts under a guarantee of its own.
    TrainingRun.objects.filter(pk=second.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=run.pk).update(is_active=True)
    assert acceptance.accept(run) == 40
    assert set(in_force.values_list("guarantee__run", flat=True)) == {run.pk}


def test_another_promise_begins_anew_and_switching_off_gives_everything_back(accepting, run, lena, ann):
    calibrate(accepting, run, n=200, wrong=2)
    images = add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, images)
    acceptance.accept(run)
    assert Acceptance.objects.in_force().count() == 20

    accepting = projects.update(project=accepting, by=lena, changes={"accept_precision": 0.98})
    assert acceptance.due() == [run]
    assert acceptance.accept(run) == 0  # 2 wrong of 200 do not carry 98 %
    assert Acceptance.objects.in_force().count() == 0
    accepting = projects.update(project=accepting, by=lena, changes={"accept_precision": 0.9})
    assert acceptance.accept(run) == 20

    accepting = projects.update(project=accepting, by=lena, changes={"auto_accept": False})
    promises.audit_acceptance(accepting)
    assert Acceptance.objects.in_force().count() == 0
    given = {c.image_id for c in claims.claim(project=accepting, annotator=ann, count=50)}
    assert ids(images) <= given
    assert Guarantee.objects.filter(ended_at=None).count() == 0


# ---------------------------------------------------------------- beside people who label


@pytest.mark.django_db(transaction=True)
def test_an_image_that_is_being_handed_out_is_left_to_that_person(accepting, run, ann):
    calibrate(accepting, run)
    images = add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, images)
    handed_out, may_commit = threading.Event(), threading.Event()
    given = []

    def ask() -> None:
        with transaction.atomic():
            given.extend(c.image_id for c in claims.claim(project=accepting, annotator=ann, count=5))
            handed_out.set()
            assert may_commit.wait(timeout=30)
        connection.close()

    def accept() -> None:
        assert handed_out.wait(timeout=30)
        acceptance.accept(run)
        connection.close()

    threads = [threading.Thread(target=work) for work in (ask, accept)]
    for thread in threads:
        thread.start()
    assert handed_out.wait(timeout=30)
    wait_for_waiting(1)  # it has met an entry that is being handed out
    may_commit.set()
    for thread in threads:
        thread.join(timeout=30)

    assert len(given) == 5
    assert set(Acceptance.objects.values_list("image", flat=True)) == ids(images) - set(given)
