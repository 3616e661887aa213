"""Asking for a training, its states, what is due, and which model is active."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.errors import Invalid, NotCancellable, NotPossibleNow, RunInProgress, TooFewLabels
from labeler.jobs import dispatch, leases
from labeler.jobs.leases import LeaseLost
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label
from labeler.models import Decision, Image, Job, Label, TrainingRun
from labeler.models.image import Slice
from labeler.models.job import Kind, State
from labeler.training import runs
from tests.helpers.factories import add_images, category, make_model

pytestmark = pytest.mark.django_db


def label(project, person, *answers):
    """The person answers that many images, whichever the queue gives."""
    for answer in answers:
        (one,) = claim(project=project, annotator=person)
        save_label(image_id=one.image_id, annotator=person, categories=[answer])


def settle(project, n, answer, **fields):
    """`n` images whose votes say `answer`, without the people who would have to click."""
    images = add_images(project, n, **fields)
    key = str(category(project, answer)) if answer else "?"
    Image.objects.filter(pk__in=[i.pk for i in images]).update(tally={key: 2}, n_votes=2, status="settled")
    return images


def make_labels(project, person, n):
    """`n` rows of the label table, for counting only."""
    Label.objects.bulk_create(
        Label(
            project=project,
            image=image,
            annotator=person,
            round=1,
            categories=[category(project, "cat")],
            guideline_version=1,
            label_set_version=1,
            created_at=timezone.now(),
        )
        for image in add_images(project, n)
    )


def enough(project):
    settle(project, 12, "cat")
    settle(project, 12, "dog")


def test_a_request_is_a_queued_row_and_after_commit_a_message(
    project, lena, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(dispatch, "send", lambda task, pk: sent.append((task, pk)))
    enough(project)

    with django_capture_on_commit_callbacks(execute=True):
        run = runs.request(project=project, requested_by=lena)
        assert sent == []

    assert (run.state, run.number, run.attempt, run.requested_by) == (State.QUEUED, 1, 0, lena)
    assert sent == [(dispatch.TRAIN, run.pk)]


def test_a_broker_that_is_away_costs_the_message_and_nothing_else(
    project, settings, caplog, django_capture_on_commit_callbacks
):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody listens on port 1
    enough(project)

    with django_capture_on_commit_callbacks(execute=True):
        run = runs.request(project=project)

    assert TrainingRun.objects.get(pk=run.pk).state == State.QUEUED
    assert "cannot be reached" in caplog.text
    assert dispatch.workers_alive() is None


def test_one_unfinished_run_per_project(project, multi_project):
    enough(project)
    first = runs.request(project=project)

    with pytest.raises(RunInProgress) as error:
        runs.request(project=project)

    assert error.value.details["run"] == first.pk
    runs.cancel(first)
    assert runs.request(project=project).number == 2


def test_too_few_labels_say_how_many_are_needed(project):
    settle(project, 19, "cat")
    with pytest.raises(TooFewLabels, match=r"19 labeled images.* 20 are needed"):
        runs.request(project=project)
    settle(project, 1, "dog")
    with pytest.raises(TooFewLabels, match="Two classes with 2"):
        runs.request(project=project)
    settle(project, 1, "dog")
    runs.request(project=project)


def test_only_images_that_may_train_and_have_a_consensus_count(project, rev):
    settle(project, 10, "cat")
    settle(project, 5, "dog", slice=Slice.BLIND)
    settle(project, 9, "dog", slice=Slice.TEST)
    settle(project, 9, "dog", slice=Slice.CALIBRATION)
    settle(project, 9, None)  # nobody could tell
    (tied,) = settle(project, 1, "cat")
    tied.tally = {str(category(project, "cat")): 1, str(category(project, "dog")): 1}
    tied.save()
    counted = runs.trainable(project)
    assert counted.n_images == 15
    assert counted.by_category == {
        category(project, "cat"): 10, category(project, "dog"): 5, category(project, "fox"): 0,
    }  # fmt: skip

    # A reviewer's decision is above the tie.
    Decision.objects.create(image=tied, reviewer=rev, categories=[category(project, "fox")], round=1)
    tied.has_decision = True
    tied.save()
    assert runs.trainable(project).by_category[category(project, "fox")] == 1


def test_merged_classes_count_together_and_retired_ones_not(project):
    enough(project)
    dog, fox = (project.categories.get(name=name) for name in ("dog", "fox"))
    settle(project, 3, "fox")
    fox.retired_at, fox.merged_into = timezone.now(), dog
    fox.save()
    project.label_set_version += 1
    project.save()
    assert runs.trainable(project).by_category[dog.pk] == 15

    fox.merged_into = None
    fox.save()
    project.label_set_version += 1
    project.save()
    assert runs.trainable(project).by_category == {category(project, "cat"): 12, dog.pk: 12}


def test_settings_are_checked_and_laid_over_the_projects(project):
    enough(project)
    project.training_config = {"seed": 5, "finetune": {"epochs": 3, "batch": 16}}
    project.save()
    wrong = {
        "folds": 10_000,
        "fold": 3,
        "seed": True,
        "finetune": {"epochs": 0.5, "batch": None},
        "augmentation": 1,
    }
    with pytest.raises(Invalid) as error:
        runs.request(project=project, config=wrong)
    assert set(error.value.fields) == {
        "config.folds",
        "config.fold",
        "config.seed",
        "config.finetune.epochs",
        "config.augmentation",
    }
    with pytest.raises(Invalid):
        runs.request(project=project, config=["folds"])

    run = runs.request(project=project, config={"folds": 4, "finetune": {"epochs": 7}})

    assert run.config == {"seed": 5, "folds": 4, "finetune": {"epochs": 7, "batch": 16}}


def test_states_of_a_run_and_who_may_change_them(project, lena):
    enough(project)
    run = runs.request(project=project)
    _, lease = leases.take(TrainingRun, run.pk, worker="gpu@test")
    lease.write(stage="training", progress_done=3, progress_total=8, history=[{"epoch": 1}])
    run.refresh_from_db()
    assert (run.state, run.stage, run.progress_done, run.history) == (
        "running",
        "training",
        3,
        [{"epoch": 1}],
    )

    cancelled = runs.cancel(run, lena)

    assert cancelled.state == State.CANCELLED
    for late in (
        lambda: lease.write(stage="on"),
        lambda: runs.finish(lease, activate=True, instead_of=None, note=""),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert runs.active(project) is None
    with pytest.raises(NotCancellable):
        runs.cancel(run, lena)


def test_a_finished_run_becomes_active_when_the_judge_says_so(project, django_capture_on_commit_callbacks):
    old = make_model(project, checkpoint="old")
    enough(project)
    kept = runs.request(project=project)
    _, lease = leases.take(TrainingRun, kept.pk, worker="w")
    runs.finish(
        lease, activate=False, instead_of=old, note="It is worse.", checkpoint="kept", metrics={"accuracy": 0.5}
    )
    assert runs.active(project) == old

    better = runs.request(project=project)
    _, lease = leases.take(TrainingRun, better.pk, worker="w")
    runs.finish(lease, activate=True, instead_of=old, note="It is not worse.", checkpoint="better")

    assert runs.active(project) == better
    assert list(project.runs.active()) == [better]
    job = Job.objects.get(project=project, kind=Kind.PRELABEL)
    assert (job.params, job.state) == ({"run": better.pk}, State.QUEUED)


def test_a_model_does_not_replace_one_that_somebody_chose_while_it_was_trained(project, lena):
    older, newer = make_model(project, checkpoint="older", active=False), make_model(project, checkpoint="newer")
    enough(project)
    run = runs.request(project=project)
    _, lease = leases.take(TrainingRun, run.pk, worker="w")
    runs.activate(older, lena)  # back, after the new one was compared with `newer`

    finished = runs.finish(lease, activate=True, instead_of=newer, note="It is not worse.", checkpoint="made")

    assert runs.active(project) == older
    assert finished.note == f"Not used: while it was trained, somebody chose model {older.number}. It is not worse."


def test_going_back_to_an_older_model(project, lena):
    first = make_model(project, checkpoint="one", active=False)
    second = make_model(project, checkpoint="two")
    broken = make_model(project, active=False, state="failed")

    runs.activate(first, lena)

    assert runs.active(project) == first
    second.refresh_from_db()
    assert not second.is_active
    with pytest.raises(NotPossibleNow):
        runs.activate(broken, lena)
    # Back and forth: the first pre-labeling is cancelled, its work would be thrown away.
    runs.activate(second, lena)
    jobs = {job.params["run"]: job.state for job in Job.objects.filter(kind=Kind.PRELABEL)}
    assert jobs == {first.pk: State.CANCELLED, second.pk: State.QUEUED}


def test_time_left_is_foretold_from_a_tenth_on(project):
    now = timezone.now()
    run = make_model(
        project, active=False, state="running", progress_total=100, started_at=now - timedelta(minutes=46),
        worked_seconds=50, heartbeat_at=now - timedelta(seconds=10), lease_until=now + timedelta(seconds=50),
    )  # fmt: skip

    def left(done):
        run.progress_done = done
        return runs.seconds_left(run, now)

    # by the minute that it was worked on, not by the 45 without a worker
    assert [left(5), left(25), left(100)] == [None, 180, 1]
    run.lease_until = now - timedelta(seconds=1)  # its worker has died: nobody knows when the next one comes
    assert left(25) is None
    run.lease_until, run.worked_seconds = now + timedelta(seconds=50), None
    assert left(25) is None
    run.state = State.DONE
    assert left(50) is None


def test_training_is_due_after_enough_new_labels_and_a_pause(project, ann):
    now = timezone.now()
    make_labels(project, ann, 31)
    assert runs.due(now) == []
    make_labels(project, ann, 1)
    assert runs.due(now) == [project]

    newest = Label.objects.latest("id").pk
    run = make_model(project, last_label=newest, n_labels=1000, finished_at=now - timedelta(seconds=61))
    assert runs.due(now) == []
    make_labels(project, ann, 49)  # 5 % of 1000 is 50
    assert (runs.new_labels_since(run), runs.due(now)) == (49, [])
    make_labels(project, ann, 1)
    assert runs.due(now) == [project]

    TrainingRun.objects.filter(pk=run.pk).update(finished_at=now - timedelta(seconds=59))
    assert runs.due(now) == []


def test_nothing_is_due_where_training_is_off_or_under_way(project, ann):
    make_labels(project, ann, 40)
    assert runs.due() == [project]
    project.train_automatically = False
    project.save()
    assert runs.due() == []
    project.train_automatically = True
    project.trashed_at = timezone.now()
    project.save()
    assert runs.due() == []
    project.trashed_at = None
    project.save()
    TrainingRun.objects.create(project=project, number=1, state=State.QUEUED)
    assert runs.due() == []


def test_lost_runs_are_sent_again_and_nothing_piles_up(project, settings, monkeypatch):
    run = TrainingRun.objects.create(project=project, number=1)
    TrainingRun.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    sent, waiting = [], {"gpu": 0}
    monkeypatch.setattr(dispatch, "send", lambda task, pk: sent.append((task, pk)) or True)
    monkeypatch.setattr(dispatch, "queue_length", lambda queue: waiting[queue])

    assert runs.resend_lost() == 1
    assert sent == [(dispatch.TRAIN, run.pk)]
    waiting["gpu"] = 1  # nobody has taken the message yet
    assert runs.resend_lost() == 0
    assert len(sent) == 1
