"""What is on an image that is not in the project: asked, answered by a worker that keeps its model, forgotten."""

from __future__ import annotations

import io
import threading
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from PIL import Image as PillowImage

from labeler.intake.images import add_images, file_member, media_store
from labeler.jobs import dispatch
from labeler.models import Errand, Image
from labeler.models.job import State
from labeler.training import inference_requests
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.saved_models import save_model
from tests.helpers.workers import draw
from worker.celery import app
from worker.inference import model_cache, saved_models
from worker.inference.requests import run_errand

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


def file_of(content: bytes, name: str = "leaf.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/jpeg")


def ask(person, project, content: bytes, query: str = ""):
    return as_person(person).post(
        f"/api/projects/{project.pk}/predictions/{query}", {"file": file_of(content)}, format="multipart"
    )


def test_an_image_from_outside_gets_what_the_same_image_would_get_inside(project, rev):
    run = save_model(project, temperature=2.0)
    content = draw("cat", 1)
    (added,) = add_images(project=project, members=[file_member("a.jpg", io.BytesIO(content))])

    asked = ask(rev, project, content)
    assert (asked.status_code, asked.json()["state"], asked.json()["categories"]) == (202, "queued", None)
    row = Errand.objects.get()
    assert len(row.picture) < len(content)  # a thumbnail, not what was sent
    run_errand(row.pk, worker="serve@test")

    told = with_token(rev, "read").get(f"/api/predictions/{row.pk}/").json()
    model = saved_models.load(run, model_cache.pick_device())
    inside = saved_models.probabilities(model, [added.image.sha256], tick=lambda: None)[0]
    assert told["state"] == "done"
    # kept features are float16
    assert list(told["probabilities"].values()) == pytest.approx(inside.tolist(), abs=2e-3)
    assert told["categories"] == [run.category_names[int(inside.argmax())]]
    assert told["probability"] == max(told["probabilities"].values())
    assert (told["model"], told["run"], told["calibrated"]) == (run.number, run.pk, False)
    row.refresh_from_db()
    assert row.picture is None
    assert Image.objects.count() == 1  # nothing came into the project


def test_the_model_is_read_once_and_replaced_by_the_next(project, rev, monkeypatch):
    first = save_model(project)
    read, load = [], saved_models.load
    monkeypatch.setattr(saved_models, "load", lambda run, device: read.append(run.pk) or load(run, device))

    def answer() -> dict:
        row = inference_requests.predict(project=project, asked_by=rev, source=draw("cat", 5))
        run_errand(row.pk, worker="serve@test")
        row.refresh_from_db()
        return row.answer

    before = [answer(), answer()]
    assert read == [first.pk]
    assert before[0] == before[1]

    second = save_model(project, seed=9)
    assert answer() != before[0]
    assert read == [first.pk, second.pk]
    assert [name for name, _ in model_cache._held.values()] == [(second.pk, second.checkpoint_sha256)]


def test_the_same_weights_with_another_temperature_are_another_model(project):
    # A run after more calibration labels and no new ones to train on: on a CPU its weights are the very same.
    first = save_model(project, calibrated_on=0, temperature=1.0)
    assert not model_cache.model_of(first).calibrated
    second = save_model(project, calibrated_on=300, temperature=2.5)
    assert first.checkpoint_sha256 == second.checkpoint_sha256

    model = model_cache.model_of(second)

    assert (model.calibrated, model.checkpoint.temperature) == (True, 2.5)


def test_a_damaged_model_is_said_and_never_used(project, rev, settings):
    run = save_model(project)
    weights = next((settings.MODELS_DIR / run.checkpoint).parent.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    row = inference_requests.predict(project=project, asked_by=rev, source=draw("cat", 5))

    run_errand(row.pk, worker="serve@test")

    told = as_person(rev).get(f"/api/predictions/{row.pk}/").json()
    assert (told["state"], told["error"]["code"], told["probabilities"]) == ("failed", "checkpoint_damaged", None)
    assert "damaged" in told["error"]["message"]


def large(width: int, height: int) -> bytes:
    file = io.BytesIO()
    PillowImage.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"", "empty"),
        (draw("cat", 1)[:2000], "ends too early"),
        (large(9000, 9000), "megapixels"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence_and_leaves_nothing(project, rev, content, word):
    save_model(project)
    answer = ask(rev, project, content)

    assert (answer.status_code, error_of(answer)) == (400, "invalid")
    assert word in answer.json()["error"]["message"]
    assert not Errand.objects.exists()


def test_a_file_that_is_too_large_a_form_without_one_and_a_project_without_a_model(project, rev, settings):
    no_model = ask(rev, project, draw("cat", 1))
    assert (no_model.status_code, error_of(no_model)) == (409, "no_model")
    save_model(project)
    settings.MAX_IMAGE_BYTES = 1000
    too_large = ask(rev, project, draw("cat", 1))
    assert (too_large.status_code, error_of(too_large)) == (413, "too_large")
    without = as_person(rev).post(f"/api/projects/{project.pk}/predictions/", {}, format="multipart")
    assert (without.status_code, error_of(without)) == (400, "invalid")


def test_nobody_learns_by_sending_it_what_the_model_says_of_a_blind_image(project, rev):
    save_model(project)
    content = draw("cat", 5)
    (added,) = add_images(project=project, members=[file_member("a.jpg", io.BytesIO(content))])
    Image.objects.update(slice="test")

    # The image itself, what is served of it, and what anybody makes of it: smaller, paler, saved anew.
    for one in (content, *served(added.image), again(content, size=(200, 150)), again(content, quality=40)):
        for status in ("unlabeled", "settled"):
            Image.objects.filter(pk=added.image.pk).update(status=status)
            assert error_of(ask(rev, project, one)) == "conflict"
    assert ask(rev, project, draw("dog", 77)).status_code == 202
    Image.objects.update(slice="blind", status="disputed")
    assert error_of(ask(rev, project, content)) == "conflict"
    Image.objects.filter(pk=added.image.pk).update(status="settled")
    assert ask(rev, project, content).status_code == 202


def served(image: Image) -> list[bytes]:
    """The files of an image that members can load."""
    store = media_store()
    return [path(image.sha256).read_bytes() for path in (store.preview_path, store.thumb_path)]


def again(content: bytes, *, size: tuple[int, int] | None = None, quality: int = 90) -> bytes:
    """Saved anew."""
    file = io.BytesIO()
    with PillowImage.open(io.BytesIO(content)) as image:
        (image.resize(size) if size else image).save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_too_many_that_wait_are_told_to_come_again(project, rev, lena, monkeypatch):
    save_model(project)
    monkeypatch.setattr(inference_requests, "MOST_WAITING_OF_ONE", 2)
    content = draw("cat", 5)
    assert [ask(rev, project, content).status_code for _ in range(3)] == [202, 202, 429]
    assert ask(rev, project, content)["Retry-After"] == "5"
    assert ask(lena, project, content).status_code == 202


def test_what_nobody_answered_ends_and_what_was_sent_is_forgotten(project, rev, monkeypatch):
    save_model(project)
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    waiting = inference_requests.predict(project=project, asked_by=rev, source=draw("cat", 5))
    ago = timezone.now() - timedelta(minutes=11)
    Errand.objects.update(created_at=ago)

    inference_requests.resend_lost()
    inference_requests.sweep()

    waiting.refresh_from_db()
    assert (waiting.state, waiting.error["code"], waiting.picture) == (State.FAILED, "no_answer", None)
    run_errand(waiting.pk, worker="late@test")  # a worker that comes too late changes nothing
    waiting.refresh_from_db()
    assert waiting.state == State.FAILED
    Errand.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert inference_requests.sweep() == 1
    assert as_person(rev).get(f"/api/predictions/{waiting.pk}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_waiting_answers_at_once_when_a_worker_is_quick_and_one_waits_at_a_time(project, rev, monkeypatch):
    save_model(project)
    told = threading.Event()

    def work(task: str, pk: int) -> bool:
        def later() -> None:
            told.wait(60)
            run_errand(pk, worker="serve@test")
            connection.close()

        threading.Thread(target=later).start()
        return True

    monkeypatch.setattr(dispatch, "send", work)
    answers = {}

    def first() -> None:
        answers["first"] = ask(rev, project, draw("cat", 5), "?wait=30")
        connection.close()

    waiting = threading.Thread(target=first)
    waiting.start()
    while inference_requests._waiting._value:  # until it waits
        threading.Event().wait(0.01)
    second = ask(rev, project, draw("cat", 6), "?wait=30")
    told.set()
    waiting.join()

    assert (second.status_code, second.json()["state"]) == (202, "queued")
    assert (answers["first"].status_code, answers["first"].json()["state"]) == (200, "done")
    assert np.isclose(sum(answers["first"].json()["probabilities"].values()), 1, atol=1e-5)
    while Errand.objects.exclude(state=State.DONE).exists():  # the second's worker still writes
        threading.Event().wait(0.01)


def test_the_tasks_wait_in_the_queues_that_messages_are_sent_to_and_answer(project, rev):
    app.loader.import_default_modules()
    assert {name: app.tasks[name].queue for name in dispatch.QUEUES} == dispatch.QUEUES
    save_model(project)
    row = inference_requests.predict(project=project, asked_by=rev, source=draw("cat", 5))

    app.tasks[dispatch.ANSWER].apply([row.pk])

    row.refresh_from_db()
    assert (row.state, row.attempt) == (State.DONE, 1)
