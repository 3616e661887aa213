"""Real worker processes against real PostgreSQL and Valkey: what they do, and what is left when they are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models import F

from labeler.intake.images import add_images, file_member
from labeler.jobs import dispatch, jobs
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Claim, Consensus, Errand, Feature, Image, Job, Label, Prediction, QueueEntry, TrainingRun
from labeler.models.errand import ErrandKind
from labeler.models.image import HELD_OUT, Slice, Status
from labeler.models.job import UNFINISHED, Kind, State
from labeler.training import inference_requests, prelabels, runs
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.factories import add_images as add_rows
from tests.helpers.factories import make_project
from tests.helpers.outside import outside_model, says
from tests.helpers.saved_models import save_model
from tests.helpers.workers import ROOT, Beat, Worker, draw, environment, holds_torch, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("installation")


@pytest.fixture
def installation(settings, folder):
    """Media and models of this file's tests. Ids are never given twice, so that no test meets another's files."""
    settings.MEDIA_DIR, settings.MODELS_DIR = folder / "media", folder / "models"
    return folder


@pytest.fixture(scope="module")
def workers():
    """All that live. Starting one takes a core longer than most of what it is asked here, so tests share them."""
    living: list[Worker] = []
    yield living
    end(living)


def end(workers: list[Worker]) -> None:
    for worker in workers:
        worker.stop()
        dispatch.hide_worker(worker.name)
    workers.clear()


@pytest.fixture(autouse=True)
def _empty_broker(workers, request):
    """Instead of the one in conftest.py: a worker that lives on has to stay known. Here nobody leaves a message."""
    if "start_worker" not in request.fixturenames:
        end(workers)
    if not workers:
        dispatch.broker(os.environ["REDIS_URL"]).flushdb()


@pytest.fixture
def start_worker(installation, transactional_db, workers, _empty_broker):
    """Start workers, or take those that the test before has left: alive, known, and with nothing to do."""
    mine: list[Worker] = []

    def start(queues: str = "default,gpu", name: str = "test@here", *, with_torch: bool = False) -> Worker:
        others = [worker for worker in workers if worker not in mine]
        found = [one for one in others if one.asked == (queues, name, with_torch) and one.lives and one.is_shown]
        end([worker for worker in others if worker not in found])
        workers[:] = [*mine, *found]
        mine.extend(found)
        if found:
            return found[0].is_taken_over()
        mine.append(Worker(queues, name, installation / f"{name}-{uuid4().hex[:8]}.log", with_torch=with_torch))
        workers.append(mine[-1])
        return mine[-1]

    yield start
    for worker in mine:
        print(f"---- {worker.name} said\n{worker.said[-4000:]}")  # shown where the test has failed
    workers[:] = [worker for worker in workers if worker.lives]
    # Before the database is emptied: whoever still works would meet that in a deadlock.
    if nothing_is_left_to_do():
        wait_until_the_database_is_quiet()
    else:
        end(workers)


def nothing_is_left_to_do(most: float = 30) -> bool:
    """Whether all work ends soon: a run may end before its pre-labels begin. What nobody takes is left."""
    began = worked = time.monotonic()
    kinds = (TrainingRun, Job, Errand)
    while states := {row.state for kind in kinds for row in kind.objects.filter(state__in=UNFINISHED)}:
        now = time.monotonic()
        worked = now if State.RUNNING in states else worked
        if now - worked > 2 or now - began > most:
            return False
        time.sleep(0.1)
    return True


def zip_of(files: dict[str, bytes], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def ended(row):
    """The row, once its work is over."""
    return wait_for(lambda: (row.refresh_from_db(), row.is_finished and row)[1], f"the end of {row}")


def test_a_worker_imports_an_upload_and_names_what_it_refused(project, lena, installation, start_worker, settings):
    files = {f"{kind}/{n}.jpg": draw(kind, n) for kind in ("cat", "dog") for n in range(4)}
    upload = zip_of(
        files | {"notes.jpg": b"no image", "again.jpg": files["cat/0.jpg"]}, settings.MEDIA_DIR / "uploads/1.zip"
    )
    start_worker("default", "io@here")

    job = jobs.request_import(project=project, requested_by=lena, params={"path": "uploads/1.zip"})
    ended(job)

    assert (job.state, job.error, job.attempt, job.worker) == (State.DONE, None, 1, "io@here")
    assert (job.result["added"], job.result["duplicates"]) == (8, 1)
    assert [refused["name"] for refused in job.result["refused"]] == ["notes.jpg"]
    assert Image.objects.filter(project=project).count() == QueueEntry.objects.filter(project=project).count() == 8
    assert job.progress_done == job.progress_total == 10
    wait_for(lambda: not upload.exists(), "the removal of the upload")


def test_a_worker_killed_half_way_through_an_import_ends_with_each_image_once(
    project, lena, installation, start_worker, settings
):
    files = {f"cat/{n}.jpg": draw("cat", n) for n in range(250)}
    zip_of(files | {"notes.jpg": b"no image"}, settings.MEDIA_DIR / "uploads/4.zip")
    worker = start_worker("default", "io@here")

    job = jobs.request_import(project=project, requested_by=lena, params={"path": "uploads/4.zip"})
    wait_for(Image.objects.filter(project=project).exists, "the first images")
    worker.signal_children(signal.SIGKILL)
    half_way = Image.objects.filter(project=project).count()
    let_the_lease_run_out(job)
    wait_for(lambda: (job.refresh_from_db(), job.attempt == 2 or jobs.resend_lost() > 5)[1], "the second attempt")
    ended(job)

    assert (job.state, job.attempt) == (State.DONE, 2)
    assert 0 < half_way < 250 == Image.objects.filter(project=project).count()
    assert QueueEntry.objects.filter(project=project).count() == 250
    assert (job.result["added"], job.result["duplicates"], len(job.result["refused"])) == (250, 0, 1)


def test_an_import_that_cannot_be_read_fails_with_the_reason(project, lena, installation, start_worker, settings):
    broken = settings.MEDIA_DIR / "uploads/2.zip"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(b"PK no archive")
    start_worker("default", "io@here")

    cases = [("uploads/2.zip", {}), ("uploads/3.zip", {}), ("uploads/2.zip", {"format": "coco"})]
    made = [jobs.request_import(project=project, requested_by=lena, params={"path": p, **more}) for p, more in cases]

    for job in made:
        ended(job)
        assert job.state == State.FAILED
        assert len(job.error["message"]) > 20
    assert "upload it again" in made[1].error["message"]


# ---------------------------------------------------------------- beat


def test_beat_has_everything_looked_after(project, ann, bea, start_worker, installation):
    add_rows(project, 40)
    ids = list(project.images.values_list("pk", flat=True))
    truth = dict.fromkeys(ids, "cat") | dict.fromkeys(ids[:20], "dog")
    label(project, (ann,), truth, 30)
    (left,) = claims.claim(project=project, annotator=bea)
    Claim.objects.filter(pk=left.pk).update(expires_at="2020-01-01T00:00Z")
    label(project, (ann,), truth, 10)
    start_worker("default", "io@here")

    beat = Beat(installation)
    try:
        run = wait_for(lambda: TrainingRun.objects.filter(project=project).first(), "a run that nobody asked for")
        assert not holds_torch(beat.process.pid)
    finally:
        beat.stop()

    assert (run.state, run.requested_by) == (State.QUEUED, None)
    assert Claim.objects.get(pk=left.pk).state == "expired"
    assert Consensus.objects.filter(project=project, categories__isnull=False).count() == 40


# ---------------------------------------------------------------- one picture, and another program's model


def test_a_worker_answers_a_picture_with_reasons_and_judges_an_outside_model(
    project, ann, bea, lena, installation, start_worker
):
    save_model(project)
    content = draw("cat", 3)
    errand = inference_requests.predict(project=project, asked_by=lena, source=content, kind=ErrandKind.TRY)
    (outcome,) = add_images(project=project, members=[file_member("held-out.jpg", draw("dog", 4))])
    Image.objects.filter(pk=outcome.image.pk).update(slice=Slice.TEST)
    for person in (ann, bea):
        claims.claim(project=project, annotator=person, count=1)
        save_label(image_id=outcome.image.pk, annotator=person, categories=["dog"])
    outside = outside_model(project, lena)
    says(outside, outcome.image, "dog")
    start_worker("default,serve", "serve@here")

    ended(errand)
    judged = ended(Job.objects.get(kind=Kind.JUDGE))

    assert (errand.state, errand.error, errand.picture) == (State.DONE, None, None)
    assert set(errand.answer) == {"categories", "probability", "probabilities", "calibrated", "heat", "near"}
    assert bytes(errand.drawing).startswith(b"\x89PNG")
    outside.refresh_from_db()
    assert (judged.state, outside.metrics["accuracy"]["value"], outside.metrics["n"]) == (State.DONE, 1.0, 1)


# ---------------------------------------------------------------- training


KINDS = ("cat", "dog", "fox")


def fill(project, n, *, seed=0) -> dict[int, str]:
    """`n` drawn images in the project; what each one shows, by image id."""
    drawn = [(KINDS[k % 3], seed + k) for k in range(n)]
    members = [file_member(f"{kind}-{k}.jpg", draw(kind, k)) for kind, k in drawn]
    outcomes = list(add_images(project=project, members=members))
    return {outcome.image.pk: kind for outcome, (kind, _) in zip(outcomes, drawn, strict=True)}


def label(project, people, truth, n) -> None:
    """Each person answers the next `n` images rightly, through the queue."""
    for person in people:
        for _ in range(0, n, 10):
            for one in claims.claim(project=project, annotator=person, count=10):
                save_label(image_id=one.image_id, annotator=person, categories=[truth[one.image_id]])


@pytest.fixture
def photographs(installation, transactional_db, ann, bea, lena):
    """90 images, a fifth of them blind; two people have judged the same 60."""
    project = make_project(ann, bea, lead=lena, categories=KINDS, blind_share=0.2, salt="the same slices each time")
    project.truth = fill(project, 90)
    label(project, (ann, bea), project.truth, 60)
    return project


def let_the_lease_run_out(row) -> None:
    """As if a minute had passed since the worker last showed itself."""
    type(row).objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00Z")


def part_way(row, field="progress_done"):
    """The row, once some of its work is done and some is not."""

    def is_part_way() -> bool:
        row.refresh_from_db()
        assert not row.is_finished, f"{row} ended before anybody saw it work: {row.state} {row.error}"
        runs.resend_lost()  # as beat does: the broker may lose a message
        return row.state == State.RUNNING and getattr(row, field) > 0

    wait_for(is_part_way, f"progress of {row}")
    return row


def test_a_run_trains_becomes_active_and_pre_labels_the_rest(photographs, start_worker, settings):
    labels_before = list(Label.objects.order_by("pk").values())
    run = runs.request(project=photographs)
    # The broker forgets everything: the row is still there, and the sweep tells the worker again.
    dispatch.broker(settings.REDIS_URL).flushdb()
    worker = start_worker("gpu", "gpu@here")
    assert not any(holds_torch(pid) for pid in [worker.process.pid, *worker.children()])
    TrainingRun.objects.filter(pk=run.pk).update(created_at="2020-01-01T00:00Z")
    assert runs.resend_lost() == 1

    ended(run)

    assert (run.state, run.error, run.attempt, run.worker) == (State.DONE, None, 1, "gpu@here")
    assert run.is_active, run.note
    assert run.note.startswith("The first model.")
    # Two discs on grey noise may be nearly the same, shifted and enlarged: none of those is learned from and judged by.
    apart = Image.objects.filter(project=photographs, slice=Slice.APART, status=Status.SETTLED)
    assert run.dataset["train"] + run.dataset["test"] + run.dataset["calibration"] + apart.count() == 60
    assert min(run.dataset["test"], run.dataset["calibration"]) > 0
    assert (run.metrics["judged_on"], run.metrics["n"]) == ("cross-validation", run.dataset["train"])
    assert run.metrics["held_out"]["n"] == run.dataset["test"]
    assert run.metrics["cross_validation"]["accuracy"]["value"] > 0.9
    assert run.history
    assert (settings.MODELS_DIR / run.checkpoint).exists()
    assert not run.is_calibrated  # far fewer than 200 calibration images

    job = ended(Job.objects.get(kind=Kind.PRELABEL))
    assert job.state == State.DONE, job.error
    open_images = Image.objects.filter(project=photographs).exclude(status=Status.SETTLED)
    held_out = Image.objects.filter(project=photographs, slice__in=HELD_OUT)
    assert set(Prediction.objects.values_list("image", flat=True)) == {i.pk for i in [*open_images, *held_out, *apart]}
    right = [
        prediction.categories == [photographs.categories.get(name=photographs.truth[prediction.image_id]).pk]
        for prediction in Prediction.objects.all()
    ]
    assert sum(right) / len(right) > 0.9
    assert prelabels.due() == []
    chosen_by = dict(QueueEntry.objects.filter(seats_left__gt=0).values_list("image__slice", "chosen_by"))
    assert chosen_by.pop(Slice.NONE) == "uncertainty"
    assert set(chosen_by.values()) <= {"random"}
    assert list(Label.objects.order_by("pk").values()) == labels_before
    wait_for(lambda: worker.children() and not any(map(holds_torch, worker.children())), "a fresh child")


def test_a_worker_killed_in_training_ends_in_one_run_at_its_second_attempt(photographs, start_worker):
    worker = start_worker("gpu", "gpu@here", with_torch=True)
    run = runs.request(project=photographs)
    part_way(run)
    kept = Feature.objects.count()

    worker.signal_children(signal.SIGKILL)
    wait_for(lambda: "WorkerLostError" in worker.said or worker.children(), "a new child")
    let_the_lease_run_out(run)
    assert runs.resend_lost() <= 1  # the broker may have handed the message out again already
    wait_for(lambda: (run.refresh_from_db(), run.attempt == 2 or runs.resend_lost() > 5)[1], "the second attempt")
    ended(run)

    assert (run.state, run.attempt) == (State.DONE, 2)
    assert TrainingRun.objects.count() == 1
    assert TrainingRun.objects.active().get() == run
    assert Feature.objects.count() >= kept
    assert Job.objects.filter(kind=Kind.PRELABEL).count() == 1


def test_a_zombie_that_wakes_up_changes_nothing(photographs, start_worker):
    first = start_worker("gpu", "gpu@here", with_torch=True)
    run = runs.request(project=photographs)
    part_way(run)
    stopped = first.signal_children(signal.SIGSTOP)
    assert stopped
    let_the_lease_run_out(run)
    start_worker("gpu", "second@here", with_torch=True)
    dispatch.send(dispatch.TRAIN, run.pk)
    ended(run)
    ended(Job.objects.get(kind=Kind.PRELABEL))
    run.refresh_from_db()
    after = TrainingRun.objects.filter(pk=run.pk).values().get()
    assert (run.attempt, run.worker, run.is_active) == (2, "second@here", True)

    first.signal_children(signal.SIGCONT)

    wait_for(lambda: "stopped, " in first.said, "the zombie's end")
    assert TrainingRun.objects.filter(pk=run.pk).values().get() == after


def test_the_work_of_a_worker_that_died_whole_is_its_successors_at_once(photographs, start_worker):
    first = start_worker("gpu", "gpu@here", with_torch=True)
    run = runs.request(project=photographs)
    begun = time.monotonic()
    part_way(run)

    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()
    # as if the machine had been switched off for forty minutes
    TrainingRun.objects.filter(pk=run.pk).update(
        started_at=F("started_at") - timedelta(minutes=40), heartbeat_at=F("heartbeat_at") - timedelta(minutes=40)
    )
    start_worker("gpu", "gpu@here", with_torch=True)

    # Nobody lets the lease run out here, and no sweep runs.
    ended(run)
    assert (run.state, run.attempt) == (State.DONE, 2)
    # Both attempts are time and energy of this training, the time between them is not.
    assert 0 < run.worked_seconds <= time.monotonic() - begun
    assert run.finished_at - run.started_at > timedelta(minutes=40)
    cost = run.metrics["cost"]
    assert (cost["attempts"], cost["attempts_counted"]) == (2, 2)
    assert cost["seconds"] <= run.worked_seconds + 0.2


def test_a_broker_that_cuts_every_connection_does_not_stop_a_training(photographs, start_worker, settings):
    worker = start_worker("gpu", "gpu@here", with_torch=True)
    run = runs.request(project=photographs)
    part_way(run)

    dispatch.broker(settings.REDIS_URL).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    ended(run)

    assert (run.state, run.attempt) == (State.DONE, 1)
    dispatch.hide_worker(worker.name)
    wait_for(lambda: worker.is_shown, "the worker's return")


def test_a_cancelled_run_stops_and_the_next_one_may_begin(photographs, start_worker, lena):
    worker = start_worker("gpu", "gpu@here", with_torch=True)
    run = runs.request(project=photographs)
    part_way(run)

    runs.cancel(run, lena)
    other = runs.request(project=photographs)

    ended(other)
    run.refresh_from_db()
    assert (run.state, run.checkpoint, run.is_active) == (State.CANCELLED, "", False)
    assert other.state == State.DONE
    assert "stopped, " in worker.said


def test_a_worker_killed_in_pre_labeling_goes_on_without_twins(photographs, start_worker):
    worker = start_worker("gpu", "gpu@here", with_torch=True)
    run = ended(runs.request(project=photographs))
    ended(Job.objects.get(kind=Kind.PRELABEL))
    before = Prediction.objects.count()
    labels_before = list(Label.objects.order_by("pk").values())
    fill(photographs, 400, seed=1000)

    job = prelabels.request(TrainingRun.objects.get(pk=run.pk))
    wait_for(lambda: Prediction.objects.count() > before, "the first predictions")
    worker.signal_children(signal.SIGKILL)
    half_way = Prediction.objects.count()
    for row in (job, *job.parts.filter(state=State.RUNNING)):
        let_the_lease_run_out(row)
    wait_for(lambda: (job.refresh_from_db(), job.attempt == 2 or jobs.resend_lost() > 5)[1], "the second attempt")
    ended(job)

    assert (job.state, job.attempt) == (State.DONE, 2)
    assert half_way < Prediction.objects.count() == before + 400
    assert job.result["predicted"] == 400
    wait_for(lambda: not job.parts.exists(), "the removal of its parts")  # forgotten after the job's end
    assert list(Label.objects.order_by("pk").values()) == labels_before


# ---------------------------------------------------------------- the command


def manage_train(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "train", *words]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=200)


def test_train_from_the_command_line_without_a_worker(photographs):
    done = manage_train("--project", photographs.name, "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    run = TrainingRun.objects.get()
    assert (told["id"], told["state"], told["active"], told["attempt"]) == (run.pk, "done", True, 1)
    assert run.worker.startswith("inline@")
    assert run.predicted_at is not None

    refused = manage_train("--project", "no such project")
    assert refused.returncode == 2
    assert "no such project" in refused.stderr
    empty = make_project(name="Empty")
    few = manage_train("--project", str(empty.pk))
    assert few.returncode == 1
    assert "20 are needed" in few.stderr


def test_train_from_the_command_line_lets_a_worker_do_it(photographs, start_worker):
    start_worker("gpu", "gpu@here", with_torch=True)

    done = manage_train("--project", photographs.name)

    assert done.returncode == 0, done.stderr
    assert TrainingRun.objects.get().worker == "gpu@here"
    assert "is trained and is in use now" in done.stdout
