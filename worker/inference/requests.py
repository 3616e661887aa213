"""Answer one request to a model: a prediction, an explanation, or the model as an ONNX file.

Knows rows. The model stays loaded between two requests (worker/inference/model_cache.py); who asks, and how long an
answer is kept, is labeler/training/inference_requests.py.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
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
from labeler.jobs import leases
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
    taken = leases.take(Errand, errand_id, worker=worker)
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
    picture, is_try = bytes(errand.picture), errand.kind == ErrandKind.TRY
    drawing = None
    if errand.project.draws:
        drawing_model, size = model_cache.drawn_model_of(run), (errand.asked["width"], errand.asked["height"])
        (answer,) = drawn_models.said(drawing_model, str(errand.project.task), [picture], [size])
        answer["calibrated"] = drawing_model.calibrated
        if is_try:
            answer["heat"], drawing = drawn_models.seen(drawing_model, picture, size)
    else:
        model = model_cache.model_of(run)
        (opinion,) = saved_models.opinions(model, [0], predict.predict(model, sources=[picture]))
        answer = saved_models.told(opinion) | {"calibrated": model.calibrated}
        if is_try:
            more, drawing = _reasons(errand, model, opinion)
            answer |= more
    inference_requests.finish(lease, run=run, answer=answer, drawing=drawing)


def _reasons(errand: Errand, model: Model, opinion: Opinion) -> tuple[dict[str, Any], bytes]:
    """What in the picture speaks for the answer, and the labeled images that look like it to the network."""
    picture = bytes(errand.picture or b"")
    with PillowImage.open(io.BytesIO(picture)) as shown:
        size = shown.size
    pixels = decode(picture, size=predict.side_of(model))
    explained, drawing = _heat(model, pixels, size, _place_of_answer(model, opinion))
    near = similar_labeled.nearest(errand.project, model, picture, SIMILAR)
    return {"heat": explained, "near": [[pk, round(similarity, 4)] for pk, similarity in near]}, drawing


def _heat(model: Model, pixels: NDArray[np.uint8], size: tuple[int, int], place: int) -> tuple[dict[str, Any], bytes]:
    """What in a picture speaks for a class, and a PNG to lay over it. size: width and height in px."""
    found = gradcam.heat_of(model, pixels, place)
    told = {
        "category": model.categories[place]["id"],
        "method": found.method,
        "any": found.peak > 0,
        "thirds": heat.thirds(found.values),
    }
    return told, heat.overlay(found.values, *size)


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
    size = image.width, image.height
    if errand.project.draws:
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
    told, drawing = _heat(model, pixels, size, place)
    told |= {"probability": round(opinion.probabilities[place], 6), "calibrated": model.calibrated}
    inference_requests.finish(lease, run=run, answer=told, drawing=drawing)


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
    store, side = media_store(), predict.side_of(model)
    _images, pixels = _readable(run.project, lambda image: decode(store.thumb_path(image.sha256), size=side))
    found = onnx_file.write(model, draft, pixels)
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


def _canvases_of(project: Project, canvas: Canvas) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images on the model's canvas, and how many px each takes there. Raises NotExportable without any."""
    store = media_store()
    images, pixels = _readable(
        project, lambda one: canvases.filled(canvas, store.preview_path(one.sha256), (one.width, one.height))
    )
    return pixels, np.array([canvas.extent((one.width, one.height)) for one in images], np.int64)


def _readable(project: Project, look: Callable[[Image], NDArray[np.uint8]]) -> tuple[list[Image], NDArray[np.uint8]]:
    """Some images of the project, and their pixels as the model sees them. Raises NotExportable without any."""
    images, pixels = [], []
    for image in Image.objects.filter(project=project).order_by("-pk")[:COMPARED]:
        try:
            pixels.append(look(image))
            images.append(image)
        except ImageUnreadable as problem:
            logger.warning("image %s is left out of the comparison: %s", image.sha256, problem)
    if not images:
        raise onnx_file.NotExportable("The project has no image to compare the ONNX file with the model on.")
    return images, np.stack(pixels)


ANSWERS = {
    ErrandKind.PREDICT: _predict,
    ErrandKind.TRY: _predict,
    ErrandKind.EXPLAIN: _explain,
    ErrandKind.CONVERT: _convert,
    ErrandKind.CLICK: clicks.answer,
}
