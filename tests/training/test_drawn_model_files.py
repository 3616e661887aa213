"""A model that draws as files: the package loads and says the same, the ONNX file is equal, the card says how good."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from django.urls import reverse
from PIL import Image as Picture
from safetensors import safe_open

from labeler.geometry import masks
from labeler.intake.images import add_images, file_member
from labeler.models import TrainingRun
from labeler.training import inference_requests
from tests.helpers.api import as_person, body_of, error_of
from tests.helpers.drawn_models import CANVAS, photo, save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from worker.inference import drawn_models, model_cache
from worker.inference.requests import run_errand
from worker.ml.detection import decode
from worker.ml.saved import onnx_drawn, whole

pytestmark = pytest.mark.django_db
CPU = torch.device("cpu")
PHOTO = (320, 200)


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


def png(seed, size=PHOTO):
    file = io.BytesIO()
    Picture.fromarray(photo(seed, size)).save(file, "PNG")
    return file.getvalue()


def made(task, ann, lena, **kind):
    """A project with three photographs, and its model."""
    project = drawing_project(ann, lead=lena, task=task)
    sizes = (PHOTO, (160, 300), (100, 100))
    members = [file_member(f"{k}.png", io.BytesIO(png(k, size))) for k, size in enumerate(sizes)]
    list(add_images(project=project, members=members))
    return save_drawn_model(project, **kind)


def package(person, run, query=""):
    answer = as_person(person).get(f"/api/runs/{run.pk}/export/{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip"), answer.content
    return zipfile.ZipFile(io.BytesIO(body_of(answer)))


def printed(readme, heading, capsys):
    """What the code below a heading of the README prints."""
    code = re.search(r"```python\n(.*?)```", readme[readme.index(heading) :], re.DOTALL)[1]
    exec(compile(code, "README.md", "exec"), {})
    return [line.split(" ", 2) for line in capsys.readouterr().out.strip().splitlines()]


@pytest.mark.parametrize("task", ["boxes", "masks", "semantic"])
def test_the_files_of_a_model_say_what_it_says_by_the_lines_of_their_readme(
    task, ann, lena, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("onnxruntime")
    run = made(task, ann, lena, tuned=True)
    waiting = as_person(lena).get(f"/api/runs/{run.pk}/export/?format=onnx")
    assert (waiting.status_code, waiting.json()["state"]) == (202, "queued")

    errand = inference_requests.convert(run=run, asked_by=lena)
    run_errand(errand.pk, worker="gpu@test")

    errand.refresh_from_db()
    assert (errand.state, errand.error) == ("done", None)
    equal = errand.answer["equality"]
    assert equal["images"] == 3 and equal["largest_difference"] < onnx_drawn.TOLERANCE
    assert (equal["unpaired"], equal["same_pixels"]) == ((None, 1.0) if task == "semantic" else (0, None))
    files = package(lena, run, "?format=onnx")
    files.extractall(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    Path("photo.jpg").write_bytes(png(9))
    readme = files.read("README.md").decode()
    ours = printed(readme, "With Labeler's code", capsys)
    theirs = printed(readme, "With ONNX Runtime", capsys)

    model = drawn_models.load(run, CPU)
    (found,) = model.found([png(9)], np.array([PHOTO]))
    names = [one["name"] for one in model.categories]
    shown = found.probabilities >= np.array(model.shown_from)[found.classes]
    wanted = [[f"{p:.3f}", names[k]] for p, k in zip(found.probabilities[shown], found.classes[shown], strict=True)]
    assert [line[:2] for line in ours] == wanted
    if task == "semantic":
        # of the canvas, enlarged without smoothing: the edges differ
        share = {names[k]: (masks.decode(found.masks[j]).bits.sum() / (320 * 200)) for j, k in enumerate(found.classes)}
        assert {line[1]: float(line[0]) for line in theirs} == pytest.approx(share, abs=0.02)
    else:
        assert [line[1] for line in theirs] == [line[1] for line in wanted]
        assert [float(line[0]) for line in theirs] == pytest.approx([float(line[0]) for line in wanted], abs=0.002)
        edges = np.array([json.loads(line[2]) for line in theirs])
        boxes = found.boxes[shown]
        np.testing.assert_allclose(edges, np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1), atol=0.1)


@pytest.mark.parametrize("twice", [False, True])
def test_a_second_stage_and_a_look_at_half_the_size_fit_into_the_graph(twice, ann, lena):
    pytest.importorskip("onnxruntime")
    run = made("polygons", ann, lena, two_stage=True, twice=twice)
    errand = inference_requests.convert(run=run, asked_by=lena)

    run_errand(errand.pk, worker="gpu@test")

    errand.refresh_from_db()
    assert (errand.state, errand.error) == ("done", None)
    assert errand.answer["equality"]["objects"] > 30
    assert errand.answer["equality"]["unpaired"] == 0
    assert errand.answer["equality"]["mask_iou"] >= onnx_drawn.SAME_MASK


def test_the_weights_carry_classes_canvas_and_thresholds_and_all_of_them_make_the_network(ann, lena, tmp_path):
    run = made("masks", ann, lena)
    files = package(lena, run)
    described = json.loads(files.read("model.json"))
    assert described["thresholds"] == [{"category": name, "shown_from": 0.5} for name in ("pawn", "king")]
    files.extract("model.safetensors", tmp_path)
    checkpoint = drawn_models.load(run, CPU).checkpoint
    (tmp_path / "all.safetensors").write_bytes(whole.weights_of(checkpoint))

    for name, with_trunk in (("model.safetensors", False), ("all.safetensors", True)):
        with safe_open(tmp_path / name, "pt") as file:
            said = json.loads(file.metadata()["labeler"])
            assert said["classes"] == ["pawn", "king"]
            assert (said["recipe"]["canvas"]["width"], said["recipe"]["shown_from"]) == (CANVAS.width, [0.5, 0.5])
            assert said["preprocessing"]["height"] == CANVAS.height
            assert any(key.startswith("trunk._conv_stem") for key in file.keys()) == with_trunk  # noqa: SIM118
    x = torch.rand(1, 3, CANVAS.height, CANVAS.width)
    network = whole.network_of(checkpoint)
    for one, other in zip(network(x)[0], drawn_models.load(run, CPU).detector.network(x)[0], strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_which_of_two_on_one_place_stays_is_the_same_without_a_decision_of_pythons():
    rng = np.random.default_rng(3)
    for n in (0, 1, 2, 60, 300):
        corners = rng.uniform(0, 60, (n, 2))
        boxes = torch.from_numpy(np.concatenate([corners, corners + rng.uniform(8, 40, (n, 2))], 1)).float()
        kinds = torch.from_numpy(rng.integers(0, 2, n))
        wanted = decode.alone(boxes, kinds, torch.linspace(1, 0, n))
        assert torch.equal(onnx_drawn.alone(onnx_drawn.near_above(boxes, kinds)) > 0.5, wanted)
    assert 0 < int(wanted.sum()) < n


def test_a_graph_that_says_something_else_is_refused_and_leaves_nothing(ann, lena, monkeypatch, settings):
    pytest.importorskip("onnxruntime")
    run = made("boxes", ann, lena)
    monkeypatch.setattr(onnx_drawn, "_calibrated", lambda p, platt: p)  # the graph lacks the calibration
    errand = inference_requests.convert(run=run, asked_by=lena)

    run_errand(errand.pk, worker="gpu@test")

    errand.refresh_from_db()
    assert (errand.state, errand.error["code"]) == ("failed", "not_exportable")
    assert "probabilities differ by" in errand.error["message"]
    assert not list((settings.MODELS_DIR / run.checkpoint).parent.glob("*.onnx"))
    refused = as_person(lena).get(f"/api/runs/{run.pk}/export/?format=onnx")
    assert (refused.status_code, error_of(refused)) == (422, "not_possible_now")


def stat(value, low=None, high=None, n=40, reason=None):
    return {"value": value, "low": low, "high": high, "n": n, "reason": reason}


OBJECTS = {
    "judged_on": "test", "n": 40, "n_objects": 120, "ap50": stat(0.62, 0.5, 0.7), "ap": stat(0.4, 0.3, 0.5),
    "second_annotator_ap50": stat(0.9, 0.8, 0.95), "precision": stat(0.8, 0.7, 0.9), "recall": stat(0.7, 0.6, 0.8),
    "per_class": [
        {"name": "pawn", "ap50": stat(0.7, 0.6, 0.8), "ap": stat(0.5), "precision": stat(0.8), "recall": stat(0.7),
         "f1": stat(0.75), "threshold": 0.35, "n_objects": 120, "n_images": 40},
        {"name": "king", "ap50": stat(None, n=0, reason="no_object_to_find"),
         "ap": stat(None, n=0, reason="no_object_to_find"), "precision": stat(None, reason="nothing_found"),
         "recall": stat(None, reason="no_object_to_find"), "f1": stat(None, reason="no_object_to_find"),
         "threshold": 0.3, "n_objects": 0, "n_images": 0},
    ],
}  # fmt: skip
PIXELS = {
    "judged_on": "cross-validation", "n": 8, "n_objects": 16, "miou": stat(0.55, 0.4, 0.7, 8), "dice": stat(0.6, n=8),
    "pixel_accuracy": stat(0.8, 0.7, 0.9, 8), "boundary_f": stat(0.4, n=8),
    "per_class": [
        {"name": name, "iou": stat(0.5, 0.4, 0.6, 8), "dice": stat(0.6, n=8), "share": 0.5, "n_images": 8}
        for name in ("pawn", "king")
    ],
}  # fmt: skip


def carded(task, metrics, ann, lena, **facts):
    run = made(task, ann, lena, **facts)
    ids = [str(pk) for pk in run.category_ids]
    provenance = {"by_category": dict(zip(ids, (130, 4), strict=True)), "training_set_sha256": "ab" * 32}
    settings = {"width": 160, "height": 128, "stride": 8, "steps": 90}
    figure = "miou" if task == "semantic" else "ap50"
    tried = [
        {"candidate": "heatmap", "title": "One stage", "tried": True, "chosen": True, figure: 0.6, "settings": settings}
    ]
    TrainingRun.objects.filter(pk=run.pk).update(metrics=metrics | {"provenance": provenance}, comparison=tried)
    return run


def test_the_card_of_a_model_that_draws_says_how_well_beside_people(ann, lena, uncollected_static_files):
    run = carded("boxes", OBJECTS, ann, lena)
    client = as_person(lena)

    card = client.get(f"/api/runs/{run.pk}/card/").json()
    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode().replace("\xa0", " ")
    page = client.get(reverse("model_card", args=[run.project_id, run.number])).content.decode()

    assert card["metrics"]["overall"]["ap50"] == OBJECTS["ap50"]
    assert card["metrics"]["overall"]["second_annotator_ap50"]["value"] == 0.9
    assert [row["threshold"] for row in card["metrics"]["per_class"]] == [0.35, 0.3]
    assert card["model"]["canvas"] == {"width": 160, "height": 128, "stride": 8}
    limits = " ".join(card["limits"])
    assert "less than a second person would: AP50 0.62, people 0.90" in limits
    assert "fewer than 20 objects to learn from: king (4)" in limits and "no judged image shows: king" in limits
    assert "not calibrated" in limits
    assert "| pawn | 120 | 0.70 (0.60 to 0.80) | 0.50 | 80 % | 70 % | 0.35 |" in text
    assert "| AP50 of a second person, the ceiling | 0.90 | 0.80 to 0.95 | 40 |" in text
    assert "boxes, each with a class" in text and "160 × 128 px" in text
    assert "| One stage · kept | 0.60 |" in text
    assert "None" not in re.sub(r"<[^>]*>", " ", page) and "second person" in page


def test_the_card_of_a_segmenter_says_how_much_overlaps(ann, lena, uncollected_static_files):
    run = carded("semantic", PIXELS, ann, lena)
    client = as_person(lena)

    card = client.get(f"/api/runs/{run.pk}/card/").json()
    text = client.get(f"/api/runs/{run.pk}/card/?format=markdown").content.decode().replace("\xa0", " ")

    assert card["metrics"]["overall"].keys() == {"miou", "dice", "boundary_f", "pixel_accuracy"}
    assert "| pawn | 8 | 0.50 (0.40 to 0.60) | 0.60 | 50.0 % |" in text
    assert "| Pixels right | 80.0 % | 70.0 to 90.0 % | 8 |" in text
    assert "a class for every pixel" in text
    assert "chose it among the candidates" in " ".join(card["limits"])
    assert "Every pixel gets one of its classes" in " ".join(card["limits"])
