"""Looking after what a model accepted: what people say about it, what the audit finds, and when it ends."""

import pytest

from labeler.acceptance import accepting as acceptance
from labeler.acceptance import promises
from labeler.agreement import reports
from labeler.errors import Conflict, NotPossibleNow
from labeler.intake.formats import judgements
from labeler.jobs import dispatch
from labeler.labeling import claim_ends, label_arrays, seats
from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import Acceptance, AuditEvent, Claim, Guarantee, Image, Job, Label, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Slice
from labeler.models.job import Kind, State
from labeler.models.queue import ChosenBy
from labeler.progress import counts
from labeler.projects import classes, projects
from labeler.review import adjudication, gold
from labeler.training import runs
from tests.helpers.accepting import accepted, audited, calibrate, ids, opinions, settle
from tests.helpers.factories import add_images, bring_labels, make_model, make_user
from tests.helpers.outside import outside_model, says

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


# ---------------------------------------------------------------- people's word stands


def test_a_decision_on_an_accepted_image_takes_its_place(accepting, run, rev):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)
    pk = min(accepted(accepting))

    adjudication.decide(image_id=pk, reviewer=rev, categories=["fox"])
    assert pk not in accepted(accepting)  # at once, before any worker has looked

    assert promises.audit_acceptance(accepting, [pk]) == 1
    row = Acceptance.objects.get(image=pk)
    assert row.withdrawn_why == Withdrawal.PEOPLE
    assert not QueueEntry.objects.get(pk=pk).accepted
    assert promises.audit_acceptance(accepting) == 0


def test_labels_from_elsewhere_and_gold_take_the_place_of_the_models_word(accepting, run, ann, lena, tmp_path):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 30, slice=Slice.NONE))
    acceptance.accept(run)
    brought, golden = sorted(accepted(accepting))[:2]
    name = Image.objects.get(pk=brought).name
    table = tmp_path / "labels.csv"
    table.write_text(f"file_name,annotator,label\n{name},ann,fox\n")
    rows = list(judgements.read(table, multi=False))
    outcome = bring_labels(accepting, make_user("boss", is_superuser=True), rows)
    assert outcome.labels_added == 1
    gold.add(project=accepting, by=lena, image_id=golden, categories=["fox"])
    assert Image.objects.get(pk=brought).n_votes == 1  # a vote like any other: the image had seats

    assert promises.audit_acceptance(accepting, [brought]) == 2
    reasons = dict(Acceptance.objects.exclude(withdrawn_at=None).values_list("image", "withdrawn_why"))
    assert reasons == {brought: Withdrawal.PEOPLE, golden: Withdrawal.GOLD}


def test_one_image_goes_back_to_people_when_a_reviewer_asks_and_stays_there(accepting, run, rev, ann):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)
    pk = min(accepted(accepting))

    promises.ask_people(project=accepting, image_id=pk, by=rev)
    with pytest.raises(Conflict):
        promises.ask_people(project=accepting, image_id=pk, by=rev)

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
    before = reports.count_agreement(accepting, label_arrays.Selection.with_default_sample("all"))
    acceptance.accept(run)
    assert reports.count_agreement(accepting, label_arrays.Selection.with_default_sample("all")) == before
    counted = counts.count_progress(accepting)
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

    classes.change_category(category=fox, by=lena, changes={"merged_into": dog.pk})
    accepting.refresh_from_db()
    promises.audit_acceptance(accepting)
    assert ids(foxes) & accepted(accepting)

    classes.change_category(category=dog, by=lena, changes={"retired": True})
    accepting.refresh_from_db()
    promises.audit_acceptance(accepting)
    assert accepted(accepting) == set()
    assert set(Acceptance.objects.filter(withdrawn_why=Withdrawal.CLASS).values_list("image", flat=True)) >= ids(foxes)


def test_a_class_that_the_model_does_not_know_ends_it_until_the_next_model(accepting, run, lena):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    acceptance.accept(run)

    classes.add_category(project=accepting, by=lena, name="owl")
    assert promises.audit_acceptance(accepting) == 20
    assert accepted(accepting) == set()
    assert Guarantee.objects.get().ending == Ending.CLASSES
    assert acceptance.accept(run) == 0
    assert acceptance.due() == []


def test_another_programs_model_ends_it_and_accepts_nothing(accepting, run, lena):
    calibrate(accepting, run)
    images = add_images(accepting, 20, slice=Slice.NONE)
    opinions(run, images)
    assert acceptance.accept(run) == 20
    outside = outside_model(accepting, lena)
    for image in images:
        says(outside, image, "cat", 1.0)
    runs.activate(outside, lena)

    assert promises.audit_acceptance(accepting) == 20
    assert accepted(accepting) == set()
    assert Guarantee.objects.get().ending == Ending.MODEL
    assert acceptance.accept(outside) == 0
    assert acceptance.due() == []


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
        claim_ends.release(image_id=left.image_id, annotator=person)


def test_a_model_that_people_find_wrong_is_suspended_and_everything_goes_back(accepting, run, ann, bea, lena):
    calibrate(accepting, run)  # luck, or calibration images unlike the rest
    opinions(run, add_images(accepting, 40, slice=Slice.NONE))
    acceptance.accept(run)
    asked = audited(accepting)
    answer(accepting, ann, "dog")
    promises.audit_acceptance(accepting)
    assert Acceptance.objects.filter(is_right=False).count() == 0  # one person's word is not enough
    answer(accepting, bea, "dog")

    promises.audit_acceptance(accepting)

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
    promises.audit_acceptance(accepting)

    judged = Acceptance.objects.filter(is_right=True)
    assert judged.count() == len(audited(accepting))
    assert not Guarantee.objects.get().is_suspended
    one = judged.first()
    adjudication.decide(image_id=one.image_id, reviewer=rev, categories=["dog"])
    assert promises.audit_acceptance(accepting, [one.image_id]) == 1
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
    seats.set_seats(accepting)
    assert set(entries.values_list("seats", "seats_left")) == {(2, 2)}
    promises.suspend(project=accepting, by=lena)
    Guarantee.objects.update(suspension=Suspension.BREACH)
    promises.audit_acceptance(accepting)
    assert set(entries.values_list("seats", "seats_left")) == {(1, 1)}


def test_a_lead_stops_and_goes_on_without_losing_what_is_accepted(accepting, run, lena):
    calibrate(accepting, run)
    opinions(run, add_images(accepting, 20, slice=Slice.NONE))
    with pytest.raises(NotPossibleNow):
        promises.suspend(project=accepting, by=lena)
    acceptance.accept(run)
    before = accepted(accepting)

    promises.suspend(project=accepting, by=lena)
    with pytest.raises(NotPossibleNow):
        promises.suspend(project=accepting, by=lena)
    promises.audit_acceptance(accepting)
    opinions(run, later := add_images(accepting, 20, slice=Slice.NONE))
    assert acceptance.accept(run) == 0
    assert accepted(accepting) == before

    promises.resume(project=accepting, by=lena)
    with pytest.raises(NotPossibleNow):
        promises.resume(project=accepting, by=lena)
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
        promises.audit_acceptance(accepting, [i.pk for i in part])
        after += len(part)
        if Guarantee.objects.get().is_suspended:
            break
    assert Guarantee.objects.get().is_suspended is is_bad
    assert (accepted(accepting) == set()) is is_bad
    if is_bad:
        assert after < 60
