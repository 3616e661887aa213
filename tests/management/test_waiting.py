"""Commands that wait for a worker's row, or do an import themselves: how they end when it does not go on."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeler.intake import import_metadata
from labeler.jobs import jobs
from labeler.management import import_here, work
from labeler.management.base import DataCommand
from labeler.models import Job
from labeler.models.job import Kind, State

pytestmark = pytest.mark.django_db


def child(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


def wait(job: Job, process: subprocess.Popen[bytes] | None, **more) -> None:
    work.wait_for(job, process, command=DataCommand(), name="Release 1", cancel=lambda: jobs.cancel(job), **more)


@pytest.fixture
def job(project):
    return Job.objects.create(project=project, kind=Kind.RELEASE, state=State.QUEUED)


def test_a_child_that_ends_before_its_row_is_told_with_its_exit_code(job):
    with pytest.raises(CommandError, match=r"ended \(exit code 3\) before it was done"):
        wait(job, child("raise SystemExit(3)"))


def test_ctrl_c_cancels_the_row_and_ends_the_child(job, monkeypatch):
    def ctrl_c(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(work.time, "sleep", ctrl_c)
    sleeping = child("import threading; threading.Event().wait(60)")

    with pytest.raises(CommandError, match=r"Release 1 was cancelled\."):
        wait(job, sleeping)

    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert sleeping.poll() is not None


@pytest.mark.parametrize("is_training", [True, False])
def test_only_a_training_goes_on_after_its_row(job, tmp_path, is_training):
    """It makes the pre-labels. Anything else has ended with its row: cancelled by somebody, it may be long at work."""
    Job.objects.filter(pk=job.pk).update(state=State.DONE)
    mark, begun = tmp_path / "went on", tmp_path / "begun"
    process = child(f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(1); "
                    f"pathlib.Path({str(mark)!r}).touch()")  # fmt: skip
    while not begun.exists():
        assert process.poll() is None

    wait(job, process, is_training=is_training)

    assert process.poll() is not None
    assert mark.exists() is is_training


def test_an_import_that_somebody_stops_ends_in_a_sentence_and_its_row_is_cancelled(project):
    def read(job, tell):
        jobs.cancel(job)
        tell(1, 2)
        raise AssertionError("it went on")

    command = DataCommand()
    command._quiet = True
    with pytest.raises(CommandError, match="Somebody stopped this import"):
        import_here.run(command, project, {"path": "x.csv"}, read)

    assert Job.objects.get().state == State.CANCELLED


def test_ctrl_c_in_a_command_that_goes_on_says_so(project, tmp_path, monkeypatch):
    def ctrl_c(**_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(import_metadata, "describe", ctrl_c)
    table = tmp_path / "m.csv"
    table.write_text("file_name,camera\na.jpg,Leica\n")

    with pytest.raises(CommandError, match=r"Stopped\. The same command goes on from here\."):
        call_command("import_metadata", str(table), project=project.name)
