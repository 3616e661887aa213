"""`predict` where the model draws: COCO that pycocotools reads, JSON in the shapes of REST, and lines for people."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import warnings
from copy import deepcopy

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Picture
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from labeler.geometry import masks
from labeler.intake.images import add_images, file_member
from labeler.management.commands import predict
from tests.helpers.drawn_models import photo, save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.saved_models import save_model
from tests.helpers.workers import ROOT, environment
from worker.inference import batch, drawn_models, model_cache

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


@pytest.fixture
def folder(tmp_path):
    """Two photographs, one of them turned by its EXIF orientation, and a file that is none."""
    here = tmp_path / "photos"
    (here / "more").mkdir(parents=True)
    Picture.fromarray(photo(1)).save(here / "a.png")
    turned = Picture.Exif()
    turned[0x0112] = 6
    Picture.fromarray(photo(2)).save(here / "more" / "b.jpg", quality=95, exif=turned)
    (here / "notes.pdf").write_bytes(b"%PDF-1.7")
    return here


@pytest.fixture
def child(monkeypatch):
    """The child's work in this process."""

    def ask(self, run, files):
        first, *lines = [json.loads(line) for line in batch.answer_lines(run.pk, [json.dumps(str(p)) for p in files])]
        refused = [(one["file"], one["refused"]) for one in lines if "refused" in one]
        return [one for one in lines if "refused" not in one], refused, first["calibrated"]

    monkeypatch.setattr(predict.Command, "_ask", ask)


def said_by(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        call_command("predict", *words)
    assert ended.value.code == 3, "one of the files is no image"
    return capsys.readouterr().out


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks", "semantic"])
def test_coco_is_read_by_pycocotools_and_says_what_the_pre_labels_would(
    task, folder, child, lena, ann, capsys, tmp_path
):
    project = drawing_project(ann, lead=lena, task=task)
    run = save_drawn_model(project)

    document = json.loads(said_by(capsys, str(folder), "--project", project.name, "--coco"))

    path = tmp_path / "said.json"
    path.write_text(json.dumps(document))
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(str(path))
        found = read.loadRes(deepcopy(document["annotations"]))  # it writes areas of its own
    sides = {one["file_name"]: (one["width"], one["height"]) for one in document["images"]}
    assert sides == {"a.png": (320, 200), "more/b.jpg": (200, 320)}, "upright"
    assert {one["name"] for one in read.loadCats(read.getCatIds())} == {"pawn", "king"}
    assert set(found.getImgIds()) == {1, 2} and len(found.anns) == len(document["annotations"]) > 2 * (
        task != "semantic"
    )

    # the same bytes in the project
    member = file_member("a.png", io.BytesIO((folder / "a.png").read_bytes()))
    (inside,) = add_images(project=project, members=[member])
    model = drawn_models.load(run, model_cache.pick_device())
    (opinion,) = drawn_models.opinions(model, run, [inside.image.pk], [inside.image.sha256], lambda: None)
    mine = [one for one in document["annotations"] if one["image_id"] == 1]
    assert [(one["category_id"], one["score"], one["shown"]) for one in mine] == [
        (one["category"], one["probability"], one["shown"]) for one in opinion.drawn
    ]
    for one, drawn in zip(mine, opinion.drawn, strict=True):
        if task == "boxes":
            assert (one["bbox"], one["segmentation"]) == (drawn["box"], [])
            continue
        with warnings.catch_warnings():  # pycocotools 2.0.11 hands NumPy an array in the old way
            warnings.simplefilter("ignore", DeprecationWarning)
            bits = read.annToMask(one)
        if task == "polygons":
            whole = masks.raster({"polygon": drawn["polygon"]}, 320, 200)
        else:
            whole = masks.decode({"mask": drawn["mask"]})
            assert isinstance(one["segmentation"], dict) and coco_mask.area(one["segmentation"]) == one["area"]
        wanted = np.zeros((200, 320), bool)
        rows, columns = whole.bits.shape
        wanted[whole.y : whole.y + rows, whole.x : whole.x + columns] = whole.bits
        assert (bits == wanted).all()
    if task == "semantic":
        assert len({one["category_id"] for one in mine}) == len(mine), "one code for each class and image"
        assert sum(one["area"] for one in mine) == 320 * 200


def test_only_what_is_shown_and_the_same_as_json_and_lines(folder, child, lena, ann, capsys):
    project = drawing_project(ann, lead=lena, task="boxes")
    run = save_drawn_model(project, calibrated_on=60)
    words = (str(folder), "--project", project.name)

    shown = json.loads(said_by(capsys, *words, "--coco", "--shown"))["annotations"]
    everything = json.loads(said_by(capsys, *words, "--json"))
    lines = said_by(capsys, *words).splitlines()

    assert shown and all(one["shown"] and one["score"] >= 0.5 for one in shown)
    assert (everything["model"], everything["calibrated"]) == (run.number, True)
    assert [one["file"].endswith("notes.pdf") for one in everything["refused"]] == [True]
    objects = [one for row in everything["results"] for one in row["objects"]]
    assert len(objects) > len(shown) == sum(one["shown"] for one in objects)
    assert {one["category"] for one in objects} == {"pawn", "king"}
    assert objects[0].keys() == {"number", "category", "category_id", "box", "probability", "shown"}
    assert [line.split("\t")[0] for line in lines] == [row["file"] for row in everything["results"]]
    assert any(word in lines[0] for word in ("pawn", "king", "nothing"))


def test_what_does_not_fit_the_project_is_refused(project, folder, lena, ann):
    drawing = drawing_project(ann, lead=lena)
    save_drawn_model(drawing)
    save_model(project)
    for words, sentence in (
        (["--project", drawing.name, "--csv"], "draws objects"),
        (["--project", project.name, "--coco"], "names classes"),
        (["--project", drawing.name, "--coco", "--json"], "Choose one"),
    ):
        with pytest.raises(CommandError, match=sentence) as refused:
            call_command("predict", str(folder), *words)
        assert refused.value.returncode == 2


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_process_of_its_own_answers_without_a_server(folder, lena, ann):
    project = drawing_project(ann, lead=lena, task="masks")
    save_drawn_model(project)
    command = [sys.executable, str(ROOT / "manage.py"), "predict", str(folder), "--project", project.name, "--coco"]

    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=200)

    assert ended.returncode == 3, ended.stderr
    assert "notes.pdf: This is a PDF" in ended.stderr
    document = json.loads(ended.stdout)
    assert len(document["images"]) == 2 and document["annotations"]
