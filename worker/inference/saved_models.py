"""A run's model on disk, and its predictions for images of the project.

Knows where models and thumbnails lie. The file's form is worker/ml/saved/checkpoint.py, the arithmetic
worker/ml/saved/predict.py.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from django.conf import settings
from numpy.typing import NDArray

from labeler.intake.images import media_store
from labeler.models import Prediction, Project, TrainingRun
from labeler.training import run_answers, runs
from labeler.training.out_of_fold import OPINIONS, OutOfFold, folder_of, out_of_fold
from labeler.training.prelabels import Opinion
from labeler.training.run_answers import Answers
from worker.indexing.features import features_of
from worker.inference import outside
from worker.ml.device import pick_device
from worker.ml.errors import CheckpointDamaged, ModelError
from worker.ml.networks import backbones
from worker.ml.saved import checkpoint, predict
from worker.ml.saved.checkpoint import Checkpoint
from worker.ml.saved.predict import Model
from worker.ml.saved.storage import write_atomically
from worker.ml.training.train import Result
from worker.training.dataset import Dataset, Example
from worker.training.promotion import InUse

logger = logging.getLogger(__name__)
__all__ = ["OutOfFold", "folder_of", "out_of_fold"]  # what is read of a run without torch belongs to it all the same


def of_result(result: Result, dataset: Dataset, device: torch.device, **facts: Any) -> tuple[Checkpoint, Model]:
    """What was just trained, as a checkpoint that is not yet on disk, ready to predict."""
    named = [{"id": pk, "name": name} for pk, name in zip(dataset.category_ids, dataset.category_names, strict=True)]
    made = checkpoint.from_result(result, named, **facts)
    return made, predict.from_checkpoint(made, device)


def save(run: TrainingRun, attempt: int, made: Checkpoint) -> tuple[str, str]:
    """Write the model; its path below MODELS_DIR, and the checksum of its weights.

    The attempt is in the name: a worker that was overtaken and wakes up writes a file that no row names.
    """
    path = folder_of(run) / f"attempt-{attempt}.json"
    saved = checkpoint.save(path, made)
    return str(path.relative_to(settings.MODELS_DIR)), saved.sha256


def keep_opinions(run: TrainingRun, attempt: int, image_ids: Sequence[int], result: Result) -> None:
    """Keep what each candidate said of each training image without having learned from it, beside the model.

    For comparing candidates image by image, for likely label errors, and as a voter in the consensus.
    """
    buffer = io.BytesIO()
    arrays = {f"said.{name}": found for name, found in result.out_of_fold_of.items()}
    np.savez_compressed(
        buffer, image_ids=np.array(image_ids, np.int64), chosen=np.array(result.candidate),
        category_ids=np.array(list(result.categories), np.int64), allow_pickle=False, **arrays,
    )  # fmt: skip
    write_atomically(folder_of(run) / f"attempt-{attempt}-{OPINIONS}", buffer.getvalue())


def forget_other_attempts(run: TrainingRun) -> None:
    """Delete what earlier attempts at a finished run have left."""
    mine = Path(run.checkpoint).stem
    for file in folder_of(run).glob("attempt-*"):
        if file.stem != mine and not file.name.startswith(f"{mine}-"):
            file.unlink(missing_ok=True)


def load(run: TrainingRun, device: torch.device) -> Model:
    """A finished run's model. Raises CheckpointDamaged: missing, altered, or not the one its row names."""
    model = predict.load_model(Path(settings.MODELS_DIR) / run.checkpoint, device)
    if model.checkpoint.sha256 != run.checkpoint_sha256:
        raise CheckpointDamaged(f"The file of model {run.number} is not the one that was trained.")
    return model


def probabilities(
    model: Model, hashes: Sequence[str], *, tick: Callable[[], None], features: NDArray[np.float16] | None = None
) -> NDArray[np.float32]:
    """Probabilities (n, K) of images by their SHA-256; NaN rows: unreadable. `tick` is called every second or so.

    `features`: of the same images, where the caller has them; they serve models whose backbone was not trained further.
    """
    if model.uses_features:
        if features is None:
            features, unreadable = features_of(
                hashes,
                backbones.get(model.checkpoint.backbone),
                model.device,
                size=model.checkpoint.image_size,
                progress=lambda done, n: tick(),
            )
            found = predict.predict_features(model, features)
            found[[sha256 in unreadable for sha256 in hashes]] = np.nan
            return found
        return predict.predict_features(model, features)
    store = media_store()
    found = np.full((len(hashes), len(model.categories)), np.nan, np.float32)
    batch = 16 if model.device.type == "cpu" else 256
    for indices, said in predict.predict_images(model, [store.thumb_path(sha256) for sha256 in hashes], batch=batch):
        tick()
        found[indices] = said
    return found


def in_use(project: Project, examples: Sequence[Example], *, tick: Callable[[], None]) -> InUse | None:
    """The model that pre-labels now, with what it says of these test images; None before there is one.

    It is asked about those that it has not pre-labeled: settled before it was made, say, or while another was in use.
    """
    run = runs.active(project)
    if run is None:
        return None
    ids = [example.image_id for example in examples]
    if run.is_outside:  # nobody can ask it more than it has said
        return InUse(run, outside.answers_of(run, ids), {})
    said = dict(Prediction.objects.filter(run=run, image__in=ids).values_list("image", "probabilities"))
    missing = [example for example in examples if example.image_id not in said]
    if missing:
        try:
            model = load(run, pick_device())
            found = probabilities(model, [example.sha256 for example in missing], tick=tick)
        except ModelError as error:
            logger.warning("run %d cannot be asked about %d more test images: %s", run.pk, len(missing), error)
        else:
            readable = np.flatnonzero(~np.isnan(found).any(axis=1)).tolist()
            said |= {missing[k].image_id: found[k].tolist() for k in readable}
    kept = run_answers.answers_of(run, run_answers.Part.CROSSED)
    crossed = dict(zip(kept.image_ids, kept.answers, strict=True)) if kept else {}
    return InUse(run, said, crossed)


def told(opinion: Opinion) -> dict[str, Any]:
    """As answers to people and programs have it: probabilities by class position."""
    return {
        "categories": opinion.categories,
        # 6 digits: what is behind them differs between machines.
        "probability": round(opinion.probability, 6),
        "probabilities": np.round(opinion.probabilities, 6).tolist(),
    }


def answers(model: Model, part: str, examples: Sequence[Example], found: NDArray[np.float32]) -> Answers:
    """What the model said of images that people have judged, by what it said of each (n, K).

    NaN rows are left out, and images of which people alone, without the model's vote, say nothing.
    """
    known = [k for k, example in enumerate(examples) if example.truth is not None]
    truth = {examples[k].image_id: examples[k].truth or [] for k in known}
    said = opinions(model, list(truth), found[known])
    return replace(_said(part, said), truth=[truth[one.image_id] for one in said])


def on_stop_set(model: Model, project: Project, *, tick: Callable[[], None]) -> Answers:
    """What the model says of a fixed sample of images that nobody has judged (run_answers.stop_set)."""
    images = list(run_answers.stop_set(project).values_list("pk", "sha256"))
    said = []
    if images:
        found = probabilities(model, [sha256 for _, sha256 in images], tick=tick)
        said = opinions(model, [pk for pk, _ in images], found)
    return _said(run_answers.Part.STOP, said)


def _said(part: str, said: Sequence[Opinion]) -> Answers:
    return Answers(
        part=part,
        image_ids=[one.image_id for one in said],
        answers=[one.categories for one in said],
        probabilities=[one.probability for one in said],
    )


def opinions(model: Model, image_ids: Sequence[int], found: NDArray[np.float32]) -> list[Opinion]:
    """What the model would answer, by image; unreadable images (NaN rows) are left out.

    Single choice: the likeliest class. Several labels: every class of probability one half or more, and the probability
    of the answer is that of all its parts together.
    """
    ids = [category["id"] for category in model.categories]
    readable = np.flatnonzero(~np.isnan(found).any(axis=1))
    if not len(readable):
        return []
    found = found[readable]
    if model.task == "multi":
        chosen, sure = found >= 0.5, np.maximum(found, 1 - found).prod(axis=1)
    else:
        chosen, sure = found == found.max(axis=1, keepdims=True), found.max(axis=1)
        chosen &= np.cumsum(chosen, axis=1) == 1  # of equals, the first
    margins = predict.margin(found, model.task)
    # Whole columns at once: number by number, 100,000 images took seconds.
    answers: list[list[int]] = [[] for _ in readable]
    for row, place in zip(*(at.tolist() for at in np.nonzero(chosen)), strict=True):
        answers[row].append(ids[place])
    columns = (
        readable.tolist(), found.astype(float).tolist(), answers, sure.astype(float).tolist(),
        margins.astype(float).tolist(),
    )  # fmt: skip
    return [
        Opinion(image_ids[position], row, sorted(answer), p, margin)
        for position, row, answer, p, margin in zip(*columns, strict=True)
    ]
