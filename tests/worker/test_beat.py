"""What beat sends, and that it goes on whatever is in its schedule."""

import pytest
from celery.schedules import crontab

from labeler.jobs import dispatch
from worker.beat import MANY_WAITING, PatientScheduler
from worker.celery import app


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "queue_length", lambda queue: waiting[queue])
    waiting = {"default": 0}
    scheduler = PatientScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    yield scheduler, waiting
    scheduler.close()


def test_every_entry_has_a_queue_and_expires_and_nothing_of_celerys_is_added(scheduler):
    entries = scheduler[0].schedule
    assert set(entries) == {"sweep", "care", "count"}  # at four in the morning Celery would add one to delete results
    assert all(entry.options["queue"] == "default" and entry.options["expires"] for entry in entries.values())


def test_an_entry_without_a_queue_goes_to_the_default_one_and_none_where_many_wait(scheduler, monkeypatch):
    beat, waiting = scheduler
    beat.add(name="theirs", task="celery.backend_cleanup", schedule=crontab("0", "4", "*"))
    sent = []
    monkeypatch.setattr(beat, "apply_async", lambda entry, **_: sent.append(entry.name))

    for count in (0, MANY_WAITING - 1):
        waiting["default"] = count
        beat.apply_entry(beat.schedule["theirs"])
    assert sent == ["theirs", "theirs"]
    for count in (MANY_WAITING, None):  # piled up; and the broker cannot be asked
        waiting["default"] = count
        beat.apply_entry(beat.schedule["theirs"])
    assert len(sent) == 2
