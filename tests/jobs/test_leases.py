"""One worker's result counts: leases, heartbeats, lost leases, attempts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from labeler.jobs import leases
from labeler.jobs.leases import LeaseLost
from labeler.models import Job
from labeler.models.job import Kind, State

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(project):
    return Job.objects.create(project=project, kind=Kind.IMPORT)


def let_the_lease_run_out(job):
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_row_is_taken_once(job):
    row, lease = leases.take(Job, job.pk, worker="first")

    assert (row.state, row.attempt, row.worker) == (State.RUNNING, 1, "first")
    assert leases.take(Job, job.pk, worker="second") is None
    lease.finish(result={"added": 3})
    job.refresh_from_db()
    assert (job.state, job.result, job.lease_until) == (State.DONE, {"added": 3}, None)
    assert job.finished_at >= job.started_at
    assert leases.take(Job, job.pk, worker="third") is None


def test_a_dead_workers_row_is_taken_over_and_the_zombie_is_refused(job):
    _, zombie = leases.take(Job, job.pk, worker="first")
    let_the_lease_run_out(job)
    row, successor = leases.take(Job, job.pk, worker="second")
    assert row.attempt == 2

    for write in (
        lambda: zombie.write(progress_done=99),
        lambda: zombie.finish(result={"added": 99}),
        lambda: zombie.fail("broken", "no"),
    ):
        with pytest.raises(LeaseLost):
            write()
    successor.finish(result={"added": 1})

    job.refresh_from_db()
    assert (job.state, job.result, job.attempt, job.progress_done) == (State.DONE, {"added": 1}, 2, 0)


def test_a_late_heartbeat_keeps_a_row_that_nobody_has_taken(job):
    _, lease = leases.take(Job, job.pk, worker="slow")
    let_the_lease_run_out(job)

    lease.write(progress_done=5)

    assert leases.take(Job, job.pk, worker="second") is None


def test_a_write_renews_the_lease_by_the_databases_clock(job):
    _, lease = leases.take(Job, job.pk, worker="w")
    let_the_lease_run_out(job)
    lease.write()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM lease_until - now()) FROM labeler_job WHERE id = %s", [job.pk])
        left = float(cursor.fetchone()[0])
    assert left == pytest.approx(leases.LEASE.total_seconds(), abs=5)


def test_cancelling_is_a_lost_lease(job):
    _, lease = leases.take(Job, job.pk, worker="w")

    assert leases.cancel(Job, job.pk)

    with pytest.raises(LeaseLost):
        lease.finish()
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert not leases.cancel(Job, job.pk)


def test_work_that_killed_three_workers_is_failed_with_the_reason(job):
    for attempt in (1, 2, 3):
        row, _ = leases.take(Job, job.pk, worker="w")
        assert row.attempt == attempt
        assert leases.fail_rows_without_attempts_left(Job) == 0
        let_the_lease_run_out(job)

    assert leases.take(Job, job.pk, worker="w") is None
    assert leases.waiting(Job) == []
    assert leases.fail_rows_without_attempts_left(Job) == 1
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert job.error["code"] == "worker_died"
    assert "3 times" in job.error["message"]


def test_lost_and_unsent_rows_wait_for_a_worker_fresh_and_held_ones_do_not(project):
    def job(**fields):
        row = Job.objects.create(project=project, kind=Kind.IMPORT)
        Job.objects.filter(pk=row.pk).update(**fields)
        return row

    long_ago, soon = timezone.now() - timedelta(minutes=5), timezone.now() + timedelta(seconds=30)
    lost = job(state=State.RUNNING, attempt=1, lease_until=long_ago)
    unsent = job(created_at=long_ago)
    job()  # asked for a moment ago: its message is on its way
    job(state=State.RUNNING, attempt=1, lease_until=soon)
    job(state=State.DONE, attempt=1)

    assert leases.waiting(Job) == [lost, unsent]


def test_a_workers_successor_takes_its_rows_at_once(job):
    leases.take(Job, job.pk, worker="gpu@here")
    assert leases.end_leases_of(Job, "gpu@there") == 0
    assert leases.take(Job, job.pk, worker="gpu@here") is None

    assert leases.end_leases_of(Job, "gpu@here") == 1

    row, _ = leases.take(Job, job.pk, worker="gpu@here")
    assert row.attempt == 2


def test_only_time_with_a_worker_is_time_of_work(job):
    """One minute of a worker that dies, 39 minutes of nobody, then five minutes of the next: 6 of 45."""
    assert leases.worked_seconds(job) is None
    leases.take(Job, job.pk, worker="first")
    shift(job, minutes=1)
    leases.Lease(Job, job.pk, 1).write(progress_done=1)
    job.refresh_from_db()
    assert job.worked_seconds == pytest.approx(60, abs=5)
    shift(job, minutes=39)  # the lease ran out 38 minutes ago

    _, second = leases.take(Job, job.pk, worker="second")
    for _minute in range(4):
        shift(job, minutes=1)
        second.write()
    shift(job, minutes=1)
    row = Job.objects.get(pk=job.pk)
    assert leases.worked_seconds(row) == pytest.approx(360, abs=5)  # the minute under way counts
    second.finish()

    job.refresh_from_db()
    assert job.worked_seconds == leases.worked_seconds(job) == pytest.approx(360, abs=5)
    assert (job.finished_at - job.started_at).total_seconds() == pytest.approx(45 * 60, abs=5)


def test_a_machine_that_slept_worked_until_its_lease_ran_out_at_most(job):
    _, lease = leases.take(Job, job.pk, worker="w")
    shift(job, minutes=40)
    row = Job.objects.get(pk=job.pk)
    assert leases.worked_seconds(row) == pytest.approx(leases.LEASE.total_seconds(), abs=5)

    lease.write()

    job.refresh_from_db()
    assert job.worked_seconds == pytest.approx(leases.LEASE.total_seconds(), abs=5)


@pytest.mark.parametrize("end", ["cancel", "fail", "die"])
def test_work_that_did_not_end_well_says_how_long_it_took_all_the_same(job, end):
    _, lease = leases.take(Job, job.pk, worker="w")
    shift(job, seconds=30)
    if end == "cancel":
        leases.cancel(Job, job.pk)
    elif end == "fail":
        lease.fail("broken", "no")
    else:
        lease.write()
        shift(job, minutes=10)
        Job.objects.filter(pk=job.pk).update(attempt=3)
        leases.fail_rows_without_attempts_left(Job)

    job.refresh_from_db()
    assert job.is_finished and job.worked_seconds == pytest.approx(30, abs=5)


def test_work_begun_before_it_was_counted_stays_unknown(job):
    leases.take(Job, job.pk, worker="first")
    Job.objects.filter(pk=job.pk).update(worked_seconds=None)
    let_the_lease_run_out(job)
    _, lease = leases.take(Job, job.pk, worker="second")
    lease.finish()

    job.refresh_from_db()
    assert job.worked_seconds is None and leases.worked_seconds(job) is None


def shift(job, **ago):
    """As if all of it had happened so much earlier."""
    earlier = timedelta(**ago)
    Job.objects.filter(pk=job.pk).update(
        started_at=F("started_at") - earlier,
        heartbeat_at=F("heartbeat_at") - earlier,
        lease_until=F("lease_until") - earlier,
    )


@pytest.mark.django_db(transaction=True)
def test_the_pulse_renews_beside_the_work_and_stops_it_when_the_lease_is_lost(job):
    _, lease = leases.take(Job, job.pk, worker="w")
    let_the_lease_run_out(job)

    with leases.beating(lease, seconds=0.02) as pulse:
        wait_for(lambda: Job.objects.get(pk=job.pk).lease_until > timezone.now())
        pulse.check()
        leases.cancel(Job, job.pk)
        wait_for(lambda: pulse.is_lost)
        with pytest.raises(LeaseLost):
            pulse.check()


def wait_for(condition, seconds=20):
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
