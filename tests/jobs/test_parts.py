"""A pre-labeling in parts: any worker takes one, a dead worker's is taken again, nothing is done twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from labeler.jobs import dispatch, jobs, leases, parts
from labeler.jobs.dispatch import WorkerSeen
from labeler.models import Job, Part, Prediction
from labeler.models.job import MAX_ATTEMPTS, State
from labeler.training import prelabels
from labeler.training.prelabels import Opinion
from tests.helpers.factories import add_images, make_model
from tests.helpers.workers import wait_for
from worker.inference import write_prelabels

CONFIG = {"backbone": "efficientnet_lite0", "image_size": 224}


@pytest.fixture
def job(project, db):
    made = prelabels.request(make_model(project))
    assert leases.take(Job, made.pk, worker="a")
    return Job.objects.get(pk=made.pk)


def let_run_out(part):
    Part.objects.filter(pk=part.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_parts_are_handed_out_in_order_and_each_to_one_worker(job, monkeypatch):
    monkeypatch.setattr(parts, "SIZE", 2)
    parts.cut(job, [5, 3, 9, 1, 7])

    first, second, third = (parts.take(job, worker=name)[0] for name in ("a", "b", "a"))

    assert [part.images for part in (first, second, third)] == [[5, 3], [9, 1], [7]]
    assert parts.take(job, worker="b") is None
    assert not parts.is_help_wanted(job.pk)


def test_the_part_of_a_worker_that_died_is_taken_again_and_given_up_after_the_third(job):
    parts.cut(job, [1, 2])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        part, lease = parts.take(job, worker="a")
        assert part.attempt == attempt
        assert parts.take(job, worker="b") is None
        let_run_out(part)

    assert parts.take(job, worker="a") is None
    found = parts.together(job)
    assert (found.unfinished, found.error["code"]) == (0, "worker_died")
    with pytest.raises(leases.LeaseLost):
        lease.write(progress_done=1)


def test_what_was_done_adds_up_over_all_parts(job, monkeypatch):
    monkeypatch.setattr(parts, "SIZE", 3)
    parts.cut(job, list(range(7)))
    _, first = parts.take(job, worker="a")
    _, second = parts.take(job, worker="b")
    first.finish(progress_done=3, unreadable=1)
    second.write(progress_done=2)

    assert parts.together(job) == parts.Together(images=7, done=5, unreadable=1, unfinished=2, error=None)


def test_nobody_helps_with_a_job_that_has_ended_and_its_parts_are_forgotten(job):
    parts.cut(job, [1])
    assert parts.is_help_wanted(job.pk)
    _, lease = parts.take(job, worker="b")
    jobs.cancel(job)

    assert not parts.is_help_wanted(job.pk)
    assert parts.forget_ended() == 1
    with pytest.raises(leases.LeaseLost):
        lease.write(progress_done=1)


@pytest.mark.parametrize(
    ("workers", "n_parts", "told"),
    [
        ([("gpu@a", 1)], 5, 0),  # the one that asks is alone
        ([("gpu@a", 1), ("gpu@b", 4)], 5, 4),
        ([("gpu@a", 1), ("gpu@b", 4)], 2, 1),
        ([("default@a", 8), ("gpu@a", 1)], 5, 0),
    ],
)
def test_as_many_helpers_are_called_as_there_are_workers_and_parts(job, monkeypatch, workers, n_parts, told):
    monkeypatch.setattr(parts, "SIZE", 1)
    parts.cut(job, list(range(n_parts)))
    sent = []
    seen = [WorkerSeen(name, (name.partition("@")[0],), processes=n) for name, n in workers]
    monkeypatch.setattr(dispatch, "workers_alive", lambda: seen)
    monkeypatch.setattr(dispatch, "send", lambda task, pk: sent.append((task, pk)) or True)

    assert parts.call_helpers(job) == told
    assert sent == [(dispatch.HELP, job.pk)] * told


class Guessing:
    """Stands for models.load and models.probabilities: every image is as likely each class, some cannot be read."""

    def __init__(self, monkeypatch, run):
        self.asked: list[str] = []
        self.looks = threading.Barrier(2)  # no look ends before two workers look at the same time
        monkeypatch.setattr(write_prelabels.saved_models, "load", lambda run, device: SimpleNamespace())
        monkeypatch.setattr(write_prelabels.saved_models, "probabilities", self.look)
        monkeypatch.setattr(
            write_prelabels.saved_models, "opinions",
            lambda model, ids, found: [Opinion(pk, [0.4, 0.3, 0.3], run.category_ids[:1], 0.4, 0.1) for pk in ids],
        )  # fmt: skip

    def look(self, model, hashes, *, tick):
        tick()
        if len(self.asked) < 4:
            self.looks.wait(30)
        self.asked += hashes
        return np.full((len(hashes), 3), 1 / 3)


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_one_pre_labeling_without_twins(project, monkeypatch):
    monkeypatch.setattr(parts, "SIZE", 2)
    run = make_model(project, config=CONFIG)
    images = add_images(project, 9)
    known = Guessing(monkeypatch, run)
    monkeypatch.setattr(parts, "call_helpers", lambda job: None)
    job = prelabels.request(run)
    by: dict[str, int] = {}
    take = parts.take

    def noted(job, *, worker):
        found = take(job, worker=worker)
        by[worker] = by.get(worker, 0) + (found is not None)
        return found

    monkeypatch.setattr(parts, "take", noted)

    def help_out():
        try:
            wait_for(lambda: parts.is_help_wanted(job.pk), "parts to take")
            write_prelabels.help_with(job.pk, worker="b")
        finally:
            connection.close()

    helper = threading.Thread(target=help_out)
    helper.start()
    write_prelabels.prelabel_job(job.pk, worker="a")
    helper.join(30)

    job.refresh_from_db()
    assert (job.state, job.result["predicted"], job.progress_done, job.progress_total) == (State.DONE, 9, 9, 9)
    assert sorted(known.asked) == sorted(image.sha256 for image in images)  # each looked at once
    assert Prediction.objects.filter(run=run).count() == 9
    assert set(by) == {"a", "b"}
    assert min(by.values()) >= 1
    assert sum(by.values()) == 5
    assert not Part.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_dead_worker_had_stored_of_its_part_is_not_looked_at_again(project, monkeypatch):
    run = make_model(project, config=CONFIG)
    images = add_images(project, 5)
    known = Guessing(monkeypatch, run)
    known.looks = threading.Barrier(1)
    job = prelabels.request(run)
    # a first attempt cut the images, predicted two of them and died
    _, lease = leases.take(Job, job.pk, worker="dead")
    parts.cut(job, [image.pk for image in images])
    part, _ = parts.take(job, worker="dead")
    prelabels.store(run, [Opinion(image.pk, [0.4, 0.3, 0.3], run.category_ids[:1], 0.4, 0.1) for image in images[:2]])
    lease.write(result={"last_image": images[-1].pk, "before": 0})
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    let_run_out(part)

    write_prelabels.prelabel_job(job.pk, worker="a")

    job.refresh_from_db()
    assert (job.state, job.attempt, job.result["predicted"]) == (State.DONE, 2, 5)
    assert sorted(known.asked) == sorted(image.sha256 for image in images[2:])
    assert Prediction.objects.filter(run=run).count() == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["cancelled", "taken over"])
@pytest.mark.parametrize("helps", [False, True])
def test_nobody_goes_on_with_a_job_that_is_not_theirs_any_more(project, monkeypatch, how, helps):
    monkeypatch.setattr(parts, "SIZE", 1)
    monkeypatch.setattr(write_prelabels, "WRITE_SECONDS", 0.0)
    run = make_model(project, config=CONFIG)
    images = add_images(project, 24)
    known = Guessing(monkeypatch, run)
    known.looks = threading.Barrier(1)
    job = prelabels.request(run)

    def ending(model, hashes, *, tick):
        if how == "cancelled":
            jobs.cancel(job)
        else:
            Job.objects.filter(pk=job.pk).update(attempt=9)
        return known.look(model, hashes, tick=lambda: None)

    monkeypatch.setattr(write_prelabels.saved_models, "probabilities", ending)
    if helps:
        leases.take(Job, job.pk, worker="a")
        parts.cut(job, [image.pk for image in images])
        write_prelabels.help_with(job.pk, worker="b")
    else:
        write_prelabels.prelabel_job(job.pk, worker="a")

    if helps and how == "taken over":
        assert len(known.asked) == 24  # whoever has the job now, this is its work
    else:
        assert 1 <= len(known.asked) < 12  # each thread ends what it had begun
    assert Job.objects.get(pk=job.pk).state != State.DONE


@pytest.mark.django_db(transaction=True)
def test_a_part_that_fails_fails_the_job_with_its_reason_and_keeps_the_rest(project, monkeypatch):
    monkeypatch.setattr(parts, "SIZE", 2)
    run = make_model(project, config=CONFIG)
    add_images(project, 4)
    known = Guessing(monkeypatch, run)
    known.looks = threading.Barrier(1)

    def broken(model, hashes, *, tick):
        if not known.asked:
            known.asked.append("")
            raise MemoryError
        return known.look(model, hashes, tick=tick)

    monkeypatch.setattr(write_prelabels.saved_models, "probabilities", broken)
    job = prelabels.request(run)
    write_prelabels.prelabel_job(job.pk, worker="a")

    job.refresh_from_db()
    run.refresh_from_db()
    assert (job.state, job.error["code"]) == (State.FAILED, "out_of_memory")
    assert Prediction.objects.filter(run=run).count() == 2
    assert run.predicted_at is None
