"""A project that draws: people's boxes become a model, and what it finds becomes pre-labels; run in this process."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from labeler.errors import TooFewLabels
from labeler.intake.images import add_images as take_in
from labeler.intake.images import file_member
from labeler.jobs import dispatch
from labeler.labeling import claims, labels
from labeler.models import Image, Project, TrainingRun
from labeler.models.drawn import LabelObject
from labeler.models.image import Slice
from labeler.models.job import State
from labeler.training import drawn_comparison, model_card, model_card_text, runs
from tests.helpers.drawn_projects import draw, draw_all, drawing_project
from worker.indexing.features import kept_as
from worker.inference import drawn_models
from worker.ml.detection import canvas, train
from worker.ml.networks import backbones
from worker.training.drawn_dataset import assemble
from worker.training.train_run import train_run

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
COLOURS = {"pawn": (200, 40, 40), "king": (40, 60, 210)}


def picture(seed):
    """PNG bytes of 200 x 160 px, and what is on it: squares of a colour for each class."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 130, (160, 200, 3)).astype(np.uint8)
    objects = []
    for place, name in enumerate(("pawn", "king")):
        side, x, y = int(rng.integers(30, 46)), int(rng.integers(0, 50)) + 100 * place, int(rng.integers(0, 110))
        pixels[y : y + side, x : x + side] = COLOURS[name]
        objects.append((name, float(x), float(y), float(side), float(side)))
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), objects


@pytest.fixture
def squares(lena, ann, bea, monkeypatch, settings, tmp_path):
    """26 images with two squares each, 22 of them answered by Ann."""
    settings.MODELS_DIR = tmp_path / "models"
    monkeypatch.setattr(dispatch, "send_after_commit", lambda *_a: None)
    monkeypatch.setattr(train, "MOST_EPOCHS", 12)
    monkeypatch.setattr(train, "FEWEST_STEPS", 12)
    monkeypatch.setattr(canvas, "SMALLEST", 160)
    monkeypatch.setitem(canvas.LARGEST, "cpu", 160)
    project = drawing_project(ann, bea, lead=lena)
    made = {f"{k:02}.png": picture(k) for k in range(26)}
    list(take_in(project=project, members=[file_member(name, data) for name, (data, _) in made.items()]))
    Image.objects.filter(project=project).update(slice=Slice.NONE)
    images = list(Image.objects.filter(project=project).order_by("name"))
    for image in images[:22]:
        draw(project, image, ann, made[image.name][1])
    return project, images, made


@pytest.mark.django_db(transaction=True)
def test_answered_images_train_a_model_that_pre_labels_the_others(squares, bea):
    project, images, _made = squares
    config = {"drawing": {"candidates": ["heatmap.finetuned"]}, "time_limit_s": 600}
    run = runs.request(project=project, config=config)

    train_run(run.pk, worker="test")

    run.refresh_from_db()
    assert (run.state, run.error) == (State.DONE, None)
    assert run.is_active, run.note
    assert run.features == kept_as(backbones.get(run.config["backbone"]), run.config["image_size"])
    figures = run.metrics
    assert figures["judged_on"] == "cross-validation"
    assert figures["ap50"]["value"] > 0.5
    assert figures["n"] == 6  # a quarter of 22, rounded
    assert {row["name"] for row in figures["per_class"]} == {"pawn", "king"}
    people = np.array(figures["confusion"]["counts"])
    assert people[:2].sum() == figures["n_objects"], "each drawn object is found, or missed"

    kept = run.answers.get(part="crossed")
    right, said, there = np.array([row[1:] for rows in kept.answers for row in rows]).sum(0)
    assert len(kept.image_ids) == 6 and there == figures["n_objects"]
    assert right / said == pytest.approx(figures["precision"]["value"])
    assert figures["slices"] == [], "the images have no metadata"
    doubts = figures["label_errors"]
    assert doubts["n"] == len(doubts["suspects"]) and doubts["last_label"] > 0
    assert drawn_comparison.compare(run, run).difference.value == 0, "a version on its own images, read back"

    made_of = figures["provenance"]
    assert set(made_of["by_category"].values()) == {22}, "objects to learn from, of each class"
    assert (made_of["judgements"], made_of["people"], len(made_of["training_set_sha256"])) == (22, 1, 64)
    card = model_card_text.markdown(model_card.card_of(run))
    assert "AP50:95" in card and "boxes, each with a class" in card and "no two of them answered" in card

    assert drawn_models.load(run, torch.device("cpu")).n_objects == [22, 22]
    predicted = run.predictions.get(image=images[23])
    assert [one["number"] for one in predicted.drawn] == list(range(1, len(predicted.drawn) + 1))
    shown = [one for one in predicted.drawn if one["shown"]]
    assert shown, "the thresholds show something"
    assert predicted.categories == sorted({one["category"] for one in shown})

    (claim,) = claims.claim(project=project, annotator=bea, count=1)
    assert claim.shown_prediction is not None, "the next image comes with what the model found"
    saved = labels.save_label(image_id=claim.image.pk, annotator=bea, keep_all=True)
    assert {one.change for one in LabelObject.objects.filter(label=saved.id)} == {"kept"}


def test_the_dataset_holds_empty_answers_and_weighs_what_few_of_those_asked_drew(lena, ann, bea, dora):
    project = drawing_project(ann, bea, dora, lead=lena)
    pawn, king = ("pawn", 10, 10, 60, 60), ("king", 200, 200, 60, 60)
    draw_all(project, [{ann: [], bea: [], dora: []}, {ann: [pawn, king], bea: [pawn, king], dora: [pawn]}])

    dataset = assemble(project)

    empty, both = dataset.train
    assert len(empty.drawn) == 0
    assert sorted(zip(both.drawn.classes.tolist(), (100 * both.drawn.weights).round().tolist(), strict=True)) == [
        (0, 100), (1, 67),
    ]  # fmt: skip
    assert both.drawn.boxes[0].tolist() == [10, 10, 60, 60]


def test_too_few_answers_are_refused_in_a_sentence(lena, ann):
    project = drawing_project(ann, lead=lena)
    with pytest.raises(TooFewLabels, match="0 labeled images"):
        runs.request(project=project)
    assert not TrainingRun.objects.filter(project__in=Project.objects.all()).exists()
