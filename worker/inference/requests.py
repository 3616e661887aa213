"""Answer one request to a model: a prediction, an explanation, or the model as an ONNX file.

Knows rows. The model stays loaded between two requests (worker/inference/model_cache.py); who asks, and how long an
answer is kept, is labeler/training/inference_requests.py.
"""

from __future__ import annotations

import hashlib
import io
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image as PillowImage

from labeler.errors import NoModel, NotPossibleNow
from labeler.intake.images import media_store
from labeler.jobs.leases import Lease
from labeler.models import Errand, Image, Project, TrainingRun
from labeler.models.errand import ErrandKind
from labeler.training import inference_requests, outside_models, runs
from labeler.training.prelabels import Opinion
from worker.attempt import attempt
from worker.indexing import similar_labeled
from worker.inference import clicks, drawn_models, model_cache, saved_models
from worker.ml.detection import canvas as canvases
from worker.ml.detection.canvas import Canvas
from worker.ml.device import settle_process
from worker.ml.errors import ImageUnreadable
from worker.ml.evaluation import gradcam, heat
from worker.ml.images.tensors import decode
from worker.ml.saved import onnx_drawn, onnx_file, predict, whole
from worker.ml.saved.predict import Model
from worker.ml.saved.storage import write_atomically

logger = logging.getLogger(__name__)

SIMILAR = 12  # labeled images shown beside a picture
COMPARED = 32  # images on which an ONNX file must say what the model says


def run_errand(errand_id: int, *, worker: str) -> None:
    """Answer one errand; does nothing when it is somebody else's or over."""
    taken = inference_requests.start(errand_id, worker=worker)
    if taken is None:
        return
    errand, lease = taken
    with attempt(lease):
        ANSWERS[ErrandKind(errand.kind)](errand, lease)


def _predict(errand: Errand, lease: Lease) -> None:
    run = runs.active(errand.project)
    if run is None or errand.project.trashed_at is not None or errand.picture is None:
        raise NoModel("The project has no model in use any more.")
    if run.is_outside:
        raise NotPossibleNow(outside_models.where_from(run))
    if errand.project.draws:
        told = _objects(errand, run)
        seen: bytes | None = None
        if errand.kind == ErrandKind.TRY:
            size = errand.asked["width"], errand.asked["height"]
            told["heat"], seen = drawn_models.seen(model_cache.drawn_model_of(run), bytes(errand.picture), size)
        inference_requests.finish(lease, run=run, answer=told, drawing=seen)
        return
    model = model_cache.model_of(run)
    found = predict.predict(model, sources=[bytes(errand.picture)])
    (opinion,) = saved_models.opinions(model, [0], found)
    # 6 digits: what is behind them differs between machines.
    answer: dict[str, Any] = {
        "categories": opinion.categories,
        "probability": round(opinion.probability, 6),
        "probabilities": np.round(opinion.probabilities, 6).tolist(),
        "calibrated": model.calibrated,
    }
    drawing = None
    if errand.kind == ErrandKind.TRY:
        more, drawing = _reasons(errand, model, opinion)
        answer |= more
    inference_requests.finish(lease, run=run, answer=answer, drawing=drawing)


def _objects(errand: Errand, run: TrainingRun) -> dict[str, Any]:
    """What a model that draws finds on the picture, in px of what was sent."""
    assert errand.picture is not None
    model, size = model_cache.drawn_model_of(run), (errand.asked["width"], errand.asked["height"])
    (found,) = model.found([bytes(errand.picture)], np.array([size], np.int64))
    assert found is not None  # the picture was decoded when it was sent
    opinion = drawn_models.opinion(model, str(errand.project.task), 0, found, size)
    return {
        "categories": opinion.categories,
        "probability": round(opinion.probability, 4),
        "objects": opinion.drawn,
        "calibrated": model.calibrated,
    }


def _reasons(errand: Errand, model: Model, opinion: Opinion) -> tuple[dict[str, Any], bytes]:
    """What in the picture speaks for the answer, and the labeled images that look like it to the network."""
    picture = bytes(errand.picture or b"")
    place = _place_of_answer(model, opinion)
    found = gradcam.heat_of(model, decode(picture, size=predict.side_of(model)), place)
    with PillowImage.open(io.BytesIO(picture)) as shown:
        drawing = heat.overlay(found.values, shown.width, shown.height)
    explained = {
        "category": model.categories[place]["id"],
        "method": found.method,
        "any": found.peak > 0,
        "thirds": heat.thirds(found.values),
    }
    near = similar_labeled.nearest(errand.project, model, picture, SIMILAR)
    return {"heat": explained, "near": [[pk, round(similarity, 4)] for pk, similarity in near]}, drawing


def _place_of_answer(model: Model, opinion: Opinion, asked: int = 0) -> int:
    """Where the class stands that is explained: the one asked for, or the likeliest of the answer, or of all."""
    ids = [category["id"] for category in model.categories]
    # Without an answer (several labels, none of them likely) the likeliest class is the one to ask about.
    asked = asked or max(opinion.categories, key=lambda pk: opinion.probabilities[ids.index(pk)], default=0)
    return ids.index(asked) if asked else int(np.argmax(opinion.probabilities))


def _explain(errand: Errand, lease: Lease) -> None:
    run, image = errand.run, errand.image
    assert run is not None and image is not None
    if not run.is_active or errand.project.trashed_at is not None:
        raise NoModel(f"Model {run.number} is not in use any more.")
    if errand.project.draws:
        size = image.width, image.height
        # The preview, as in training and for pre-labels.
        told, drawing = drawn_models.seen(
            model_cache.drawn_model_of(run), media_store().preview_path(image.sha256), size, errand.category
        )
        inference_requests.finish(lease, run=run, answer=told, drawing=drawing)
        return
    model = model_cache.model_of(run)
    # The thumbnail, as in training and for pre-labels: what is explained is what was said.
    source = media_store().thumb_path(image.sha256)
    pixels = decode(source, size=predict.side_of(model))
    (opinion,) = saved_models.opinions(model, [image.pk], predict.predict(model, sources=[source]))
    place = _place_of_answer(model, opinion, errand.category)
    found = gradcam.heat_of(model, pixels, place)
    inference_requests.finish(
        lease,
        run=run,
        answer={
            "category": model.categories[place]["id"],
            "probability": round(opinion.probabilities[place], 6),
            "calibrated": model.calibrated,
            "method": found.method,
            "any": found.peak > 0,
            "thirds": heat.thirds(found.values),
        },
        drawing=heat.overlay(found.values, image.width, image.height),
    )


def _convert(errand: Errand, lease: Lease) -> None:
    run = errand.run
    assert run is not None
    settle_process()
    path = saved_models.folder_of(run) / f"{Path(run.checkpoint).stem}.onnx"
    # Under a name of its own until it is whole and found equal.
    draft = path.with_suffix(f".{lease.attempt}.part")
    try:
        answer = _write_drawn(run, draft) if errand.project.draws else _write(run, draft)
        content = draft.read_bytes()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    answer |= {
        "file": str(path.relative_to(settings.MODELS_DIR)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    inference_requests.finish(lease, run=run, answer=answer)


def _write(run: TrainingRun, draft: Path) -> dict[str, Any]:
    model = saved_models.load(run, torch.device("cpu"))
    found = onnx_file.write(model, draft, _pixels_of(run.project, predict.side_of(model)))
    return {"side": onnx_file.side_of(model), "equality": asdict(found)}


def _write_drawn(run: TrainingRun, draft: Path) -> dict[str, Any]:
    """The graph, and beside it all weights: without this installation nobody has the published ones."""
    model = drawn_models.load(run, torch.device("cpu"))
    found = onnx_drawn.write(model, draft, *_canvases_of(run.project, model.detector.canvas))
    path = saved_models.folder_of(run) / f"{Path(run.checkpoint).stem}-all.safetensors"
    content = whole.weights_of(model.checkpoint)
    write_atomically(path, content)
    weights = {
        "file": str(path.relative_to(settings.MODELS_DIR)), "sha256": hashlib.sha256(content).hexdigest()
    }  # fmt: skip
    return {"equality": asdict(found), "weights": weights}


def _pixels_of(project: Project, side: int) -> NDArray[np.uint8]:
    """Some images of the project, as the model sees them. Raises NotExportable without any."""
    found = []
    for sha256 in Image.objects.filter(project=project).order_by("-pk").values_list("sha256", flat=True)[:COMPARED]:
        try:
            found.append(decode(media_store().thumb_path(sha256), size=side))
        except ImageUnreadable as problem:
            logger.warning("image %s is left out of the comparison: %s", sha256, problem)
    if not found:
        raise onnx_file.NotExportable("The project has no image to compare the ONNX file with the model on.")
    return np.stack(found)


def _canvases_of(project: Project, canvas: Canvas) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The same where people draw: images on the model's canvas, and how many px each takes there."""
    found, extents = [], []
    rows = Image.objects.filter(project=project).order_by("-pk").values_list("sha256", "width", "height")
    for sha256, width, height in rows[:COMPARED]:
        try:
            found.append(canvases.filled(canvas, media_store().preview_path(sha256), (width, height)))
        except ImageUnreadable as problem:
            logger.warning("image %s is left out of the comparison: %s", sha256, problem)
            continue
        scale = canvas.scale((width, height))
        extents.append((max(1, round(width * scale)), max(1, round(height * scale))))
    if not found:
        raise onnx_file.NotExportable("The project has no image to compare the ONNX file with the model on.")
    return np.stack(found), np.array(extents, np.int64)


ANSWERS = {
    ErrandKind.PREDICT: _predict,
    ErrandKind.TRY: _predict,
    ErrandKind.EXPLAIN: _explain,
    ErrandKind.CONVERT: _convert,
    ErrandKind.CLICK: clicks.answer,
}
