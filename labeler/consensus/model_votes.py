"""Probabilities of the active model, for images where it counts as one more annotator.

It counts where it was not trained on the image's own labels and nobody saw its suggestion: else it would vote twice.
For images it was trained on, the probabilities are out of fold (labeler/training/out_of_fold.py). The model never
enters agreement, nor the report about itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labeler.labeling import label_arrays
from labeler.models import Project, TrainingRun, columns
from labeler.models.image import Slice
from labeler.models.label import TOUCHED_BY_MODEL_SQL
from labeler.stats import economy
from labeler.stats.temper import tempered
from labeler.training import out_of_fold

FloatArray = NDArray[np.float64]
FEWEST_ANSWERS = 50  # on random images: fewer say nothing about how sure the model may sound
_ID = columns.record([("id", ">i8")])


class ModelVotes:
    """What the active model says of some images, before any temperature."""

    def __init__(self, run: TrainingRun, says: FloatArray, random: NDArray[np.bool_], is_multi: bool):
        self.run, self.says, self.random, self.is_multi = run, says, random, is_multi

    def temperature(self, image: NDArray[np.int64], answers: NDArray[np.int64], accuracy: FloatArray) -> float | None:
        """How much to temper it, by what people said of random images; else its own, where that was measured.

        image, answers, accuracy: one row per answer. None: nobody can tell how sure it may sound, so it must not vote.
        Several labels keep the run's own: each class is a question of its own there.
        """
        own = self.run.temperature if self.run.is_calibrated else None
        if self.is_multi:
            return own
        used = self.random[image] & ~np.isnan(self.says[image]).any(axis=1)
        if used.sum() < FEWEST_ANSWERS:
            return own
        return economy.temperature(np.nan_to_num(self.says, nan=1.0), image[used], answers[used], accuracy[used])

    def tempered(self, temperature: float) -> FloatArray:
        """Its probabilities at this temperature, shape (n, K); NaN rows where it has no say."""
        return tempered(self.says, temperature, self.is_multi)


def votes_of_model(
    project: Project, ids: NDArray[np.int64], categories: list[int], rows: label_arrays.LabelArrays
) -> ModelVotes | None:
    """The active model on these images (ascending); None where there is none, or the classes have changed since.

    rows: the project's votes, which say on which images people were drawn at random.
    """
    run = TrainingRun.objects.filter(project=project, is_active=True).first()
    # Nobody here knows what another program's model has learned from: it may have seen these very answers.
    if run is None or run.is_outside:
        return None
    place = {pk: at for at, pk in enumerate(categories)}
    order = [place.get(pk, -1) for pk in run.category_ids]
    if sorted(order) != list(range(len(categories))):
        return None
    says = np.full((ids.size, len(categories)), np.nan)
    found, predicted = _predictions(run)
    inside, at = _places(ids, found)
    says[at] = tempered(predicted[inside], 1 / (run.temperature or 1.0), project.is_multi)[:, np.argsort(order)]
    says[_at(ids, _learned_from(project, run))] = np.nan
    folds = out_of_fold.out_of_fold(run)
    if folds is not None and folds.category_ids.tolist() == run.category_ids:
        inside, at = _places(ids, folds.image_ids)
        says[at] = folds.by_candidate[folds.chosen][inside][:, np.argsort(order)]
    says[_at(ids, _assisted(project))] = np.nan
    blind = np.fromiter(project.images.exclude(slice=Slice.NONE).order_by("pk").values_list("pk", flat=True), np.int64)
    random = np.zeros(ids.size, dtype=bool)
    random[_at(ids, np.concatenate((blind, rows.image[rows.is_random])))] = True
    return ModelVotes(run, says, random, project.is_multi)


def _places(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the wanted are among ids, and where there."""
    at = np.searchsorted(ids, wanted)
    inside = np.flatnonzero((at < ids.size) & (ids[np.minimum(at, ids.size - 1)] == wanted)) if ids.size else at[:0]
    return inside, at[inside]


def _at(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    return _places(ids, wanted)[1]


def _predictions(run: TrainingRun) -> tuple[NDArray[np.int64], FloatArray]:
    """Images and probabilities (n, K) as stored, in columns: 100,000 lists of Python floats would take seconds."""
    k = len(run.category_ids)
    record = columns.record([("id", ">i8"), *((f"f{n}", ">f8") for n in range(k))])
    wanted = ", ".join(f"coalesce(probabilities[{n + 1}], 'NaN')" for n in range(k))
    sql = f"SELECT image_id, {wanted} FROM labeler_prediction WHERE run_id = %s"
    table = columns.read(sql, [run.pk], record, whole=True)
    if not table.size:
        return np.empty(0, np.int64), np.empty((0, k))
    return table["id"].astype(np.int64), np.column_stack([table[f"f{n}"] for n in range(k)]).astype(np.float64)


def _learned_from(project: Project, run: TrainingRun) -> NDArray[np.int64]:
    """Images that had a label when the run looked, but for the held-out ones: it may have learned from them."""
    sql = """
        SELECT DISTINCT l.image_id FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id
        WHERE l.project_id = %s AND l.id <= %s AND i.slice NOT IN ('test', 'calibration')
    """
    return columns.read(sql, [project.pk, run.last_label], _ID, whole=True)["id"].astype(np.int64)


def _assisted(project: Project) -> NDArray[np.int64]:
    """Images on which somebody answered knowing what the model says."""
    sql = f"""
        SELECT DISTINCT l.image_id FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
        WHERE l.project_id = %s AND l.superseded_at IS NULL AND {TOUCHED_BY_MODEL_SQL}
    """
    return columns.read(sql, [project.pk], _ID, whole=True)["id"].astype(np.int64)
