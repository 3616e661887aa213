"""Accepting a model's answers unseen: what may be, what people say about it, and when it ends."""

import threading

import pytest
from django.db import connection, transaction

from labeler import (
    acceptance,
    adjudication,
    dispatch,
    existing,
    gold,
    prelabels,
    projects,
    queue,
    reports,
    seating,
)
from labeler.errors import Conflict, NotPossibleNow
from labeler.intake import judgements
from labeler.labeling import save_label
from labeler.models import (
    Acceptance,
    AuditEvent,
    Claim,
    Guarantee,
    Image,
    Job,
    Label,
    Plant,
    Prediction,
    QueueEntry,
    TrainingRun,
)  # fmt: skip
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Slice, Status
from labeler.models.job import Kind, State
from labeler.models.queue import ChosenBy
from labeler.prelabels import Opinion
from tests.factories import add_images, category, make_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)


def opinions(run, images, name="cat", sure=0.99):
    """The model says the same of all of these images."""
    place = run.category_names.index(name)
    rest = (1 - sure) / (len(run.category_ids) - 1)
    row = [sure if k == place else rest for k in range(len(run.category_ids))]
    prelabels.store(run, [Opinion(i.pk, row, [run.category_ids[place]], sure, sure - rest) for i in images])


def settle(project, images, name="cat"):
    """Two people say the same of these images, blind: counters and all, without a claim each."""
    answer = str(category(project, name))
    Image.objects.filter(pk__in=[i.pk for i in images]).update(
        tally={answer: 2}, n_votes=2, status=Status.SETTLED, disagreement=0.0
    )
    QueueEntry.objects.filter(pk__in=[i.pk for i in images]).update(seats_left=0)


def calibrate(project, run, n=100, wrong=0, sure=0.99, unsure=20):
    """Judged calibration images: the model says cat of all of them, and of `wrong` ones people say dog.

    Of `unsure` more it says fox without being sure, and is wrong.
    """
    images = add_images(project, n, slice=Slice.CALIBRATION)
    others = add_images(project, unsure, slice=Slice.CALIBRATION)
    opinions(run, others, "fox", 0.6)
    settle(project, others)
    opinions(run, images, sure=sure)
    settle(project, images[wrong:])
    settle(project, images[:wrong], "dog")
    return images


@pytest.fixture
def accepting(project, lena):
    """Auto-accept is on, half of what is accepted is audited."""
    changes = {"auto_accept": True, "audited_share": 0.5, "blind_share": 0.15}
    return projects.update(project=project, by=lena, changes=changes)


@pytest.fixture
def run(accepting):
    return make_model(accepting, predicted_at="2026-01-01T00:00:00Z")


def accepted(project):
    return set(Acceptance.objects.standing().filter(project=project).values_list("image", flat=True))


def audited(project):
    return list(Acceptance.objects.in_force().audited().filter(project=project).values_list("image", flat=True))


def ids(images):
    return {image.pk for image in images}


def test_what_the_model_is_sure_of_is_accepted_and_leaves_the_queue_but_for_the_audited(accepting, run, ann):
    calibrate(accepting, run)
    sure, unsure = add_images(accepting, 40, slice=Slice.NONE), add_images(accepting, 10, slice=Slice.NONE)
    opinions(run, sure, "dog", 0.99)
    opinions(run, unsure, "dog", 0.5)

    assert acceptance.accept(run) == 40

    rows = Acceptance.objects.filter(project=accepting)
    assert ids(sure) == set(rows.values_list("image", flat=True))
    row = rows.first()
    assert (row.category_id, row.probability, row.guarantee.run_id) == (category(accepting, "dog"), 0.99, run.pk)
    assert row.prediction == Prediction.objects.get(run=run, image=row.image)
    assert row.threshold <= 0.99
    asked = set(audited(accepting))
    assert 8 <= len(asked) <= 32  # half of them, by a draw
    assert accepted(accepting) == ids(sure) - asked
    # Nobody is given an accepted image; the audited ones come first, and without the model's word.
    given = queue.claim(project=accepting, annotator=ann, count=50)
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


def test_off_by_default_and_for_several_classes_never(project, lena, multi_project):
    run = make_model(project)
    calibrate(project, run)
    opinions(run, add_images(project, 5, slice=Slice.NONE))
    assert acceptance.accept(run) == 0
    assert not Guarantee.objects.exists()
    multi_project.auto_accept = True  # past the verb, which refuses it
    multi_project.save()
    other = make_model(multi_project)
    assert acceptance.accept(other) == 0


def test_too_few_calibration_images_carry_nothing_and_the_guarantee_says_why(accepting, run):
    calibrate(accepting, run, n=58, unsure=0)
    opinions(run, add_images(accepting, 10, slice=Slice.NONE))

    assert acceptance.accept(run) == 0

    kept = Guarantee.objects.get()
    assert (kept.thresholds["n"], kept.thresholds["needed"]) == (58, 59)
    assert "58" in kept.thresholds["pooled"]["reason"]
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
    acceptance.suspend(project=accepting, by=rev)
    Guarantee.objects.update(suspension=Suspension.BREACH)  # as after one: it is found anew
    acceptance.resume(project=accepting, by=rev)
    assert acceptance.accept(run) == 10


def test_images_that_judge_or_that_somebody_was_given_are_left_to_people(accepting, run, ann, bea, lena, rev):
    calibrate(accepting, run)
    parts = {part: add_images(accepting, 1, slice=part)[0] for part in (Slice.TEST, Slice.BLIND, Slice.CALIBRATION)}
    claimed, labeled, decided, golden, planted, plain = add_images(accepting, 6, slice=Slice.NONE)
    QueueEntry.objects.filter(pk=claimed.pk).update(priority=1.0)
    (one,) = queue.claim(project=accepting, annotator=ann)
    assert one.image_id == claimed.pk
    queue.release(image_id=claimed.pk, annotator=ann)  # may still be answered late
    QueueEntry.objects.filter(pk=labeled.pk).update(priority=1.0)
    queue.claim(project=accepting, annotator=bea, count=2)
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


# ---------------------------------------------------------------- people's word stands


def test_a_decision_on_an_accepted_image_takes_its_place(accepting, run, rev):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)
    pk = min(accepted(accepting))

    adjudication.decide(image_id=pk, reviewer=rev, categories=["fox"])
    assert pk not in accepted(accepting)  # at once, before any worker has looked

    assert acceptance.look(accepting, [pk]) == 1
    row = Acceptance.objects.get(image=pk)
    assert row.withdrawn_why == Withdrawal.PEOPLE
    assert not QueueEntry.objects.get(pk=pk).accepted
    assert acceptance.look(accepting) == 0


def test_labels_from_elsewhere_and_gold_take_the_place_of_the_models_word(accepting, run, ann, lena, tmp_path):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 30, slice=Slice.NONE))
    acceptance.accept(run)
    brought, golden = sorted(accepted(accepting))[:2]
    name = Image.objects.get(pk=brought).name
    table = tmp_path / "labels.csv"
    table.write_text(f"file_name,annotator,label\n{name},ann,fox\n")
    rows = list(judgements.read(table, multi=False))
    outcome = existing.bring_in(project=accepting, by=lena, rows=rows)
    assert outcome.labels_added == 1
    gold.add(project=accepting, by=lena, image_id=golden, categories=["fox"])
    assert Image.objects.get(pk=brought).n_votes == 1  # a vote like any other: the image had seats

    assert acceptance.look(accepting, [brought]) == 2
    reasons = dict(Acceptance.objects.exclude(withdrawn_at=None).values_list("image", "withdrawn_why"))
    assert reasons == {brought: Withdrawal.PEOPLE, golden: Withdrawal.GOLD}


def test_one_image_goes_back_to_people_when_a_reviewer_asks_and_stays_there(accepting, run, rev, ann):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)
    pk = min(accepted(accepting))

    acceptance.ask_people(project=accepting, image_id=pk, by=rev)
    with pytest.raises(Conflict):
        acceptance.ask_people(project=accepting, image_id=pk, by=rev)

    another = make_model(accepting, active=False)
    opinions(another, Image.objects.filter(project=accepting))
    TrainingRun.objects.filter(pk=run.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=another.pk).update(is_active=True)
    acceptance.accept(another)
    assert pk not in accepted(accepting)
    assert pk in {c.image_id for c in queue.claim(project=accepting, annotator=ann, count=50)}


def test_agreement_and_what_is_left_to_do_never_see_accepted_images(accepting, run, ann, bea):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 30, slice=Slice.NONE))
    before = reports.count_agreement(accepting, reports.Selection.of("all"))
    acceptance.accept(run)
    assert reports.count_agreement(accepting, reports.Selection.of("all")) == before
    counted = reports.count_progress(accepting)
    assert counted["accepted"] == len(accepted(accepting))
    open_seats = QueueEntry.objects.filter(project=accepting, accepted=False).values_list("seats_left", flat=True)
    assert counted["labels"]["left"] == sum(open_seats)


def test_merged_classes_follow_and_a_retired_class_goes_back_to_people(accepting, run, lena):
    calibrate(accepting, run)
    dogs, foxes = add_images(accepting, 20, slice=Slice.NONE), add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, dogs, "dog")
    opinions(run, foxes, "fox")
    acceptance.accept(run)
    dog, fox = (accepting.categories.get(name=name) for name in ("dog", "fox"))

    projects.change_category(category=fox, by=lena, changes={"merged_into": dog.pk})
    accepting.refresh_from_db()
    acceptance.look(accepting)
    assert ids(foxes) & accepted(accepting)

    projects.change_category(category=dog, by=lena, changes={"retired": True})
    accepting.refresh_from_db()
    acceptance.look(accepting)
    assert accepted(accepting) == set()
    assert set(Acceptance.objects.filter(withdrawn_why=Withdrawal.CLASS).values_list("image", flat=True)) >= ids(foxes)


def test_a_class_that_the_model_does_not_know_ends_it_until_the_next_model(accepting, run, lena):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)

    projects.add_category(project=accepting, by=lena, name="owl")
    assert acceptance.look(accepting) == 20
    assert accepted(accepting) == set()
    assert Guarantee.objects.get().ending == Ending.CLASSES
    assert acceptance.accept(run) == 0
    assert acceptance.due() == []


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
    acceptance.look(accepting)
    assert Acceptance.objects.in_force().count() == 0
    given = {c.image_id for c in queue.claim(project=accepting, annotator=ann, count=50)}
    assert ids(images) <= given
    assert Guarantee.objects.filter(ended_at=None).count() == 0


def test_the_rows_of_long_ended_guarantees_go_but_for_the_audited(accepting, run, lena):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    for precision in (0.9, 0.91, 0.92, 0.93):
        projects.update(project=accepting, by=lena, changes={"accept_precision": precision})
        acceptance.accept(run)
    first = Guarantee.objects.order_by("pk").first()
    assert first.accepted == 20
    assert set(first.acceptances.values_list("is_audited", flat=True)) == {True}


# ---------------------------------------------------------------- the audit


def answer(project, person, name):
    """The person answers everything that is audited, as it comes."""
    while claims := queue.claim(project=project, annotator=person, count=50):
        asked = [c for c in claims if c.chosen_by == ChosenBy.AUDIT]
        for one in asked:
            save_label(image_id=one.image_id, annotator=person, categories=[name])
        if not asked:
            break
    queue_left = Claim.objects.filter(annotator=person, state="open")
    for left in queue_left:
        queue.release(image_id=left.image_id, annotator=person)


def test_a_model_that_people_find_wrong_is_suspended_and_everything_goes_back(accepting, run, ann, bea, lena):
    calibrate(accepting, run)  # luck, or calibration images unlike the rest
    opinions(run, add_images(accepting, 40, slice=Slice.NONE))
    acceptance.accept(run)
    asked = audited(accepting)
    answer(accepting, ann, "dog")
    acceptance.look(accepting)
    assert Acceptance.objects.filter(is_right=False).count() == 0  # one person's word is not enough
    answer(accepting, bea, "dog")

    acceptance.look(accepting)

    found = Guarantee.objects.get()
    assert found.suspension == Suspension.BREACH
    assert Acceptance.objects.filter(is_right=False).count() == len(asked)
    assert accepted(accepting) == set()
    assert not QueueEntry.objects.filter(project=accepting, accepted=True).exists()
    assert AuditEvent.objects.filter(action="acceptance.suspend", details__why="breach").count() == 1
    # Nothing more is accepted, whatever else becomes active, until a lead says so.
    assert acceptance.accept(run) == 0
    assert acceptance.due() == []
    by_itself = make_model(accepting, active=False, predicted_at="2026-01-02T00:00:00Z")
    TrainingRun.objects.filter(pk=run.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=by_itself.pk).update(is_active=True)
    assert acceptance.accept(by_itself) == 0
    TrainingRun.objects.filter(pk=by_itself.pk).update(requested_by=lena)
    assert acceptance.due() == [by_itself]


def test_an_audit_without_errors_goes_on_and_a_later_decision_changes_a_verdict(accepting, run, ann, bea, rev):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 40, slice=Slice.NONE))
    acceptance.accept(run)
    for person in (ann, bea):
        answer(accepting, person, "cat")
    acceptance.look(accepting)

    judged = Acceptance.objects.filter(is_right=True)
    assert judged.count() == len(audited(accepting))
    assert not Guarantee.objects.get().is_suspended
    one = judged.first()
    adjudication.decide(image_id=one.image_id, reviewer=rev, categories=["dog"])
    assert acceptance.look(accepting, [one.image_id]) == 1
    one.refresh_from_db()
    assert one.is_right is False
    labels = Label.objects.filter(image=one.image_id)
    assert {label.chosen_by for label in labels} == {ChosenBy.AUDIT}
    assert all(label.shown_prediction_id is None for label in labels)


def test_audited_images_get_two_people_whatever_the_quota(accepting, run, lena):
    accepting = projects.update(project=accepting, by=lena, changes={"labels_per_image": 1})
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)
    entries = QueueEntry.objects.filter(pk__in=audited(accepting))
    assert set(entries.values_list("seats", "seats_left")) == {(2, 2)}
    seating.set_seats(accepting)
    assert set(entries.values_list("seats", "seats_left")) == {(2, 2)}
    acceptance.suspend(project=accepting, by=lena)
    Guarantee.objects.update(suspension=Suspension.BREACH)
    acceptance.look(accepting)
    assert set(entries.values_list("seats", "seats_left")) == {(1, 1)}


def test_a_lead_stops_and_goes_on_without_losing_what_is_accepted(accepting, run, lena):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    with pytest.raises(NotPossibleNow):
        acceptance.suspend(project=accepting, by=lena)
    acceptance.accept(run)
    before = accepted(accepting)

    acceptance.suspend(project=accepting, by=lena)
    with pytest.raises(NotPossibleNow):
        acceptance.suspend(project=accepting, by=lena)
    acceptance.look(accepting)
    opinions(run, later := add_images(accepting, 20, slice=Slice.NONE))
    assert acceptance.accept(run) == 0
    assert accepted(accepting) == before

    acceptance.resume(project=accepting, by=lena)
    with pytest.raises(NotPossibleNow):
        acceptance.resume(project=accepting, by=lena)
    assert Job.objects.filter(kind=Kind.PRELABEL, state=State.QUEUED).count() == 1
    assert acceptance.accept(run) == len(later)
    assert Guarantee.objects.count() == 1  # the same promise, and what its audit found so far


@pytest.mark.parametrize(("errors", "is_bad"), [(0.02, False), (0.25, True)])
def test_simulated_a_bad_model_is_suspended_and_a_good_one_is_not(accepting, run, errors, is_bad):
    """The verdicts come a few at a time, as people give them; the rule is asked after each handful."""
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 300, slice=Slice.NONE))
    acceptance.accept(run)
    asked = sorted(audited(accepting))
    wrong = {pk for k, pk in enumerate(asked) if (k * 37) % 100 < errors * 100}
    after = 0
    for start in range(0, len(asked), 15):
        part = Image.objects.filter(pk__in=asked[start : start + 15])
        settle(accepting, [i for i in part if i.pk not in wrong])
        settle(accepting, [i for i in part if i.pk in wrong], "fox")
        acceptance.look(accepting, [i.pk for i in part])
        after += len(part)
        if Guarantee.objects.get().is_suspended:
            break
    assert Guarantee.objects.get().is_suspended is is_bad
    assert (accepted(accepting) == set()) is is_bad
    if is_bad:
        assert after < 60


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
            given.extend(c.image_id for c in queue.claim(project=accepting, annotator=ann, count=5))
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
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%queueentry%%'"
    with connection.cursor() as cursor:
        for _ in range(600):
            cursor.execute(waiting)
            if cursor.fetchone()[0]:  # it has met an entry that is being handed out, and waits for it
                break
            threading.Event().wait(0.05)
    may_commit.set()
    for thread in threads:
        thread.join(timeout=30)

    assert len(given) == 5
    assert set(Acceptance.objects.values_list("image", flat=True)) == ids(images) - set(given)
