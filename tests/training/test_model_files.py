"""A model as files: it loads again and says the same, its card says what it is and is not, its ONNX file is equal."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from django.urls import reverse
from django.utils import timezone

from labeler.intake.images import add_images, file_member
from labeler.models import AuditEvent, Errand, TrainingRun
from labeler.training import inference_requests
from tests.helpers.api import as_person, body_of, error_of
from tests.helpers.pages import METRICS
from tests.helpers.saved_models import SIDE, save_model
from tests.helpers.small_models import kept
from tests.helpers.workers import draw
from worker.inference import model_cache, saved_models
from worker.inference.requests import run_errand
from worker.ml.candidates.scratch_networks import SmallResNet
from worker.ml.images.tensors import decode
from worker.ml.networks import backbones
from worker.ml.saved import onnx_file, predict

pytestmark = pytest.mark.django_db
CPU = torch.device("cpu")
LITE0 = backbones.load(backbones.EFFICIENTNET_LITE0)
LITE0_LAST = {
    f"network.{name}.{key}": value
    for name, module in LITE0.stage_modules(17).items()
    for key, value in module.state_dict().items()
    if value.is_floating_point()
} | {"network._bn1.num_batches_tracked": torch.tensor(0)}
PROVENANCE = {
    "training_set_sha256": "ab" * 32, "judgements": 130, "people": 3, "guideline": 2,
    "versions": {"Labeler": "0.1.0", "torch": "2.13.0"},
}  # fmt: skip
COST = {
    "seconds": 90.0, "cpu_seconds": 80.0, "kwh": 0.000267, "attempts": 2,
    "parts": [{"part": "processor", "joules": 960.0, "how": "estimated", "watts_per_core": 12.0}],
}  # fmt: skip
SLICES = [
    {"field": "camera", "n": 60, "slices": [
        {"value": "C-3", "n": 31, "right": {"value": 0.5, "low": 0.3, "high": 0.7, "n": 31}, "worse": True},
        {"value": "C-4", "n": 29, "right": {"value": 0.9, "low": 0.7, "high": 1.0, "n": 29}, "worse": False},
    ]},
]  # fmt: skip


@pytest.fixture
def run(project, settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()
    ids = [category.pk for category in project.categories.order_by("pk")]
    provenance = PROVENANCE | {"by_category": dict(zip(map(str, ids), (60, 8, 0), strict=True))}
    return save_model(
        project, temperature=1.7,
        metrics=METRICS | {"provenance": provenance, "cost": COST, "slices": SLICES},
        comparison=[{"candidate": "frozen", "title": "Frozen features", "tried": True, "chosen": True, "seconds": 1.5,
                     "accuracy": METRICS["accuracy"], "reason": None}],
    )  # fmt: skip


def package(person, run, query: str = "") -> zipfile.ZipFile:
    answer = as_person(person).get(f"/api/runs/{run.pk}/export/{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    content = body_of(answer)
    assert int(answer["Content-Length"]) == len(content)
    return zipfile.ZipFile(io.BytesIO(content))


def lines_of(readme: str, heading: str) -> str:
    """The code below a heading of the README."""
    return re.search(r"```python\n(.*?)```", readme[readme.index(heading) :], re.DOTALL)[1]


def test_a_package_loads_by_the_lines_of_its_readme_and_says_what_the_model_says(
    run, rev, tmp_path, monkeypatch, capsys
):
    files = package(rev, run)
    assert set(files.namelist()) == {
        "model.safetensors", "model.json", "README.md", "card.md", "card.json", "card.html"
    }  # fmt: skip
    files.extractall(tmp_path / "out")
    described = json.loads(files.read("model.json"))
    assert [c["name"] for c in described["categories"]] == run.category_names
    assert (described["temperature"], described["weights"]) == (1.7, "model.safetensors")
    assert described["preprocessing"]["size"] == SIDE
    assert described["versions"] == PROVENANCE["versions"]
    assert AuditEvent.objects.filter(action="model.export", actor=rev).count() == 1

    monkeypatch.chdir(tmp_path / "out")
    Path("photo.jpg").write_bytes(draw("cat", 1))
    code = lines_of(files.read("README.md").decode(), "With Labeler's code")
    assert len(code.strip().splitlines()) <= 10
    exec(compile(code, "README.md", "exec"), {})
    shown = dict(reversed(line.split(" ", 1)) for line in capsys.readouterr().out.strip().splitlines())
    said = predict.predict(saved_models.load(run, CPU), sources=["photo.jpg"])[0]
    assert [float(shown[name]) for name in run.category_names] == pytest.approx(said.tolist(), abs=6e-4)


def test_damaged_or_missing_files_are_not_sent(run, rev, settings):
    weights = next((settings.MODELS_DIR / run.checkpoint).parent.glob("*.safetensors"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    damaged = as_person(rev).get(f"/api/runs/{run.pk}/export/")
    weights.unlink()
    missing = as_person(rev).get(f"/api/runs/{run.pk}/export/")
    for answer in (damaged, missing):
        assert (answer.status_code, error_of(answer)) == (422, "not_possible_now")
    type(run).objects.filter(pk=run.pk).update(is_active=False, state="failed")
    assert as_person(rev).get(f"/api/runs/{run.pk}/card/").status_code == 422


def test_the_time_on_the_card_is_that_of_work_and_says_which_attempts_are_counted(run, rev, uncollected_static_files):
    client, ended = as_person(rev), timezone.now()
    TrainingRun.objects.filter(pk=run.pk).update(
        attempt=2, worked_seconds=360, started_at=ended - timedelta(minutes=46), finished_at=ended,
        metrics=run.metrics | {"cost": COST | {"attempts_counted": 2}},
    )  # fmt: skip

    cost = client.get(f"/api/runs/{run.pk}/card/").json()["cost"]
    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode()

    assert (cost["seconds"], cost["elapsed_seconds"]) == (360.0, 2760.0)
    assert "360 s, over 2,760 s" in text
    assert "It took 2 attempts; energy and carbon are of all of them, the time between them left out." in text

    # before it was counted: what the last attempt measured, and nothing of how long it took in all
    TrainingRun.objects.filter(pk=run.pk).update(worked_seconds=None, metrics=run.metrics)
    cost = client.get(f"/api/runs/{run.pk}/card/").json()["cost"]
    assert (cost["seconds"], cost["elapsed_seconds"]) == (90.0, None)
    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode()
    assert "2,760" not in text and "It took 2 attempts; these are the figures of the last one." in text


def test_the_card_says_where_the_model_is_weak(run, rev, uncollected_static_files):
    client = as_person(rev)
    card = client.get(f"/api/runs/{run.pk}/card/").json()

    limits = " ".join(card["limits"])
    assert "fewer than 20 training images: dog (8), fox (0)" in limits
    assert "Worse beyond chance where camera is C-3: right on 50% of 31 images." in limits
    assert "not calibrated" in limits
    assert card["data"]["by_class"] == {"cat": 60, "dog": 8, "fox": 0}
    assert card["data"]["training_set_sha256"] == "ab" * 32
    assert card["cost"]["co2_grams"] == pytest.approx(0.000267 * 445, rel=0.01)
    assert card["cost"]["measured"] is False
    assert card["metrics"]["overall"]["accuracy"] == METRICS["accuracy"]

    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode()
    for line in card["limits"]:
        assert line in text.replace("\\", "")
    assert "an estimate, 12 W for each second of a busy core" in text
    assert "It took 2 attempts" in text
    assert "| cat | 13 | 90 % (80.0 to 95.0 %) | 90 % (80.0 to 95.0 %) | Too few. |" in text.replace("\xa0", " ")
    page = client.get(reverse("model_card", args=[run.project_id, run.number])).content.decode()
    saved = client.get(f"/api/runs/{run.pk}/card/?format=html").content.decode()
    for html in (page, saved):
        assert "What must it not be trusted with?" in html
        assert "None" not in re.sub(r"<[^>]*>", " ", html)


def test_names_are_text_in_every_form_of_the_card(run, rev, uncollected_static_files):
    evil = "<script>x</script> | *b*"
    run.project.categories.filter(name="cat").update(name=evil)
    client = as_person(rev)

    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode()
    assert "\\<script\\>x\\</script\\> \\| \\*b\\*" in text
    for html in (
        client.get(f"/api/runs/{run.pk}/card/?format=html").content.decode(),
        client.get(reverse("model_card", args=[run.project_id, run.number])).content.decode(),
    ):
        assert "&lt;script&gt;x" in html
        assert "<script>x" not in html


def convert(run, person) -> Errand:
    errand = inference_requests.convert(run=run, asked_by=person)
    run_errand(errand.pk, worker="gpu@test")
    errand.refresh_from_db()
    return errand


def test_an_onnx_file_is_equal_on_real_images_and_loads_by_its_own_lines(
    run, project, rev, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("onnxruntime")
    photos = [draw(kind, seed) for seed in range(3) for kind in ("cat", "dog", "fox")]
    list(add_images(project=project, members=[file_member(f"{k}.jpg", io.BytesIO(c)) for k, c in enumerate(photos)]))
    waiting = as_person(rev).get(f"/api/runs/{run.pk}/export/?format=onnx")
    assert (waiting.status_code, waiting.json()["state"]) == (202, "queued")
    errand = convert(run, rev)
    assert (errand.state, errand.error) == ("done", None)
    assert errand.answer["equality"]["images"] == errand.answer["equality"]["same_answer"] == 9
    assert errand.answer["equality"]["largest_difference"] < onnx_file.TOLERANCE

    files = package(rev, run, "?format=onnx")
    files.extractall(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    Path("photo.jpg").write_bytes(photos[0])
    exec(compile(lines_of(files.read("README.md").decode(), "With ONNX Runtime"), "README.md", "exec"), {})
    shown = dict(reversed(line.split(" ", 1)) for line in capsys.readouterr().out.strip().splitlines())
    said = predict.predict(saved_models.load(run, CPU), sources=[photos[0]])[0]
    # A JPEG is decoded at full size there, and at the smallest sufficient scale here.
    assert [float(shown[name]) for name in run.category_names] == pytest.approx(said.tolist(), abs=0.03)


def test_a_file_that_says_something_else_is_refused_and_leaves_nothing(run, project, rev, monkeypatch):
    pytest.importorskip("onnxruntime")
    model = saved_models.load(run, CPU)
    pixels = np.stack([decode(draw("cat", 1), size=SIDE)] * 2)
    monkeypatch.setattr(onnx_file, "TOLERANCE", -1.0)
    path = saved_models.folder_of(run) / "draft.onnx"

    with pytest.raises(onnx_file.NotExportable, match="says something else"):
        onnx_file.write(model, path, pixels)
    assert not path.exists()


def test_what_cannot_be_an_onnx_file_is_refused_in_a_sentence(run, project, rev, monkeypatch):
    list(add_images(project=project, members=[file_member("a.jpg", io.BytesIO(draw("cat", 1)))]))
    monkeypatch.setattr(onnx_file.importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())
    lacking = convert(run, rev)
    assert (lacking.state, lacking.error["code"]) == ("failed", "not_exportable")
    assert "pip install onnxruntime" in lacking.error["message"]
    refused = as_person(rev).get(f"/api/runs/{run.pk}/export/?format=onnx")
    assert (refused.status_code, error_of(refused)) == (422, "not_possible_now")
    assert "onnxruntime" in refused.json()["error"]["message"]
    monkeypatch.undo()

    arrays = {"images": np.eye(3, 1280), "targets": np.eye(3), "weights": np.ones(3), "prior": np.ones(3) / 3}
    weights = {f"learned.{key}": torch.from_numpy(value.astype(np.float32)) for key, value in arrays.items()}
    weights |= {"learned.k": torch.tensor([1]), "calibration.shift": torch.zeros(3)}
    knn = save_model(
        project, weights=weights, candidate="knn",
        recipe={"kind": "learned", "learner": "knn", "input": "deep", "factor": 1.0},
    )  # fmt: skip
    model = saved_models.load(knn, CPU)
    with pytest.raises(onnx_file.NotExportable, match="knn is no single network"):
        onnx_file.as_one_network(model)


def test_the_graphs_of_all_kinds_of_networks_say_what_the_models_say():
    """In PyTorch, before any file: scaled features, temperature and the smaller square of a network from scratch."""
    rng = np.random.default_rng(0)
    scratch = SmallResNet(2, widths=(8, 16)).eval()
    tail = {key: value * 1.02 for key, value in LITE0_LAST.items()}
    head = {"head.weight": torch.randn(2, 1280) / 20, "head.bias": torch.randn(2)}
    for loaded, task in (
        (kept({f"scratch.{k}": v for k, v in scratch.state().items()}, image_size=SIDE,
              recipe={"kind": "scratch", "size": 32, "widths": [8, 16]}), "single"),
        (replace(kept(head | tail, image_size=SIDE), first_stage=17), "multi"),
    ):  # fmt: skip
        model = predict.from_checkpoint(replace(loaded, temperature=2.5, task=task), CPU)
        pixels = rng.integers(0, 255, (3, predict.side_of(model), predict.side_of(model), 3), np.uint8)
        with torch.no_grad():
            said = onnx_file.as_one_network(model)(torch.from_numpy(onnx_file.pixels_for(model, pixels)))
        assert said.shape == (3, 2)
        np.testing.assert_allclose(said.numpy(), predict.predict_pixels(model, pixels), atol=1e-4)
