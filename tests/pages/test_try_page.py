"""Classify one picture now: what is told of it, to whom, and that nothing of it stays."""

from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labeler.intake.images import add_images, file_member
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label
from labeler.models import Errand, Exposure, Image
from labeler.models.image import Slice
from labeler.pages.model import trying
from labeler.training import inference_requests, runs
from tests.helpers import factories
from tests.helpers.outside import outside_model, says
from tests.helpers.saved_models import save_model
from tests.helpers.workers import draw
from worker.indexing.features import features_of
from worker.inference import model_cache
from worker.inference.requests import run_errand
from worker.ml.networks import backbones

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


@pytest.fixture
def worker(monkeypatch):
    """A worker that answers while the page waits."""

    def answer(errand, seconds):
        run_errand(errand.pk, worker="serve@test")
        errand.refresh_from_db()
        return errand

    monkeypatch.setattr(inference_requests, "wait_for", answer)
    monkeypatch.setattr(trying, "no_worker", lambda queue: False)


def send(client, project, content, name="leaf.jpg"):
    file = SimpleUploadedFile(name, content, "image/jpeg")
    return client.post(f"/projects/{project.pk}/model/try/", {"file": file})


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def labeled(project, *names):
    """Pictures in the project that two people called so, looked at by a worker; the first is held out."""
    members = [file_member(f"{k}.jpg", io.BytesIO(draw(name, k))) for k, name in enumerate(names, start=10)]
    images = [row.image for row in add_images(project=project, members=members)]
    Image.objects.filter(pk__in=[image.pk for image in images]).update(slice=Slice.NONE)
    Image.objects.filter(pk=images[0].pk).update(slice=Slice.TEST)
    for image, name in zip(images, names, strict=True):
        for member in project.memberships.filter(role="annotator")[:2]:
            claim(project=project, annotator=member.user, count=50)
            save_label(image_id=image.pk, annotator=member.user, categories=[name])
    return images


def test_a_picture_is_classified_with_reasons_and_not_kept(as_, project, rev, worker):
    run = save_model(
        project, metrics={"judged_on": "test", "accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 60}}
    )
    images = labeled(project, "cat", "dog")
    model = model_cache.model_of(run)
    hashes = [image.sha256 for image in images]
    backbone = backbones.get(model.checkpoint.backbone)
    features_of(hashes, backbone, model.device, size=model.checkpoint.image_size, progress=lambda done, n: None)

    said = text(send(as_(rev), project, draw("cat", 3)))

    answer = Errand.objects.get()
    assert answer.picture is None  # nothing of it stays
    assert Image.objects.count() == 2
    assert f"Model {run.number} says" in said
    assert len(re.findall(r"<progress", said)) == 3  # a bar for each class
    assert "data:image/jpeg;base64," in said and "data:image/png;base64," in said
    assert "90.0" in said and "60 test images" in said
    # Both settled images, with what people said; what the model says of them nowhere, so none is told of it.
    assert [pk for pk, _similarity in answer.answer["near"]] and "similarity" in said
    assert {f"/projects/{project.pk}/images/{image.pk}/" in said for image in images} == {True}
    assert set(Exposure.objects.filter(user=rev).values_list("image", flat=True)) == {image.pk for image in images}
    again = text(as_(rev).get(f"/projects/{project.pk}/model/try/{answer.pk}/"))
    assert "data:image/jpeg" not in again and "data:image/png" in again


def test_only_who_sent_it_reads_the_answer(as_, project, rev, lena, ann, carl, worker):
    save_model(project)
    send(as_(rev), project, draw("cat", 3))
    address = f"/projects/{project.pk}/model/try/{Errand.objects.get().pk}/"
    assert as_(rev).get(address).status_code == 200
    assert [as_(person).get(address).status_code for person in (lena, ann, carl)] == [404, 403, 404]
    assert [send(as_(person), project, draw("cat", 3)).status_code for person in (ann, carl)] == [403, 404]


def test_a_picture_of_an_image_that_is_judged_blind_is_refused(as_, project, lena, worker):
    save_model(project)
    (row,) = add_images(project=project, members=[file_member("a.jpg", io.BytesIO(draw("cat", 1)))])
    Image.objects.filter(pk=row.image.pk).update(slice=Slice.TEST)
    answer = send(as_(lena), project, draw("cat", 1))
    assert answer.status_code == 400
    assert "judged blind" in text(answer)
    assert not Errand.objects.exists()


@pytest.mark.parametrize("content", [b"no image", b""])
def test_what_is_no_picture_is_said_in_a_sentence(as_, project, lena, worker, content):
    save_model(project)
    answer = send(as_(lena), project, content)
    assert answer.status_code == 400
    assert 'role="alert"' in text(answer)
    assert as_(lena).post(f"/projects/{project.pk}/model/try/").status_code in (200, 400)


def test_without_a_worker_it_waits_and_says_so(as_, project, lena, monkeypatch):
    save_model(project)
    monkeypatch.setattr(trying, "no_worker", lambda queue: True)
    said = text(send(as_(lena), project, draw("cat", 3)))
    assert "No worker that classifies pictures answers" in said
    assert 'http-equiv="refresh"' in said


def test_without_a_model_of_our_own_the_page_says_why(as_, project, lena):
    address = f"/projects/{project.pk}/model/try/"
    assert "no model yet" in text(as_(lena).get(address))
    run = outside_model(project)
    says(run, factories.add_images(project, 1)[0], "cat")
    runs.activate(run)
    assert "“resnet 1” of another program" in text(as_(lena).get(address))
    assert "<form" not in text(as_(lena).get(address)).split("<main")[1]
