"""What a release says of itself: how many images of each class and split, by which rules, how far people agreed.

Counted while the images come by, and from the reports, in one snapshot. Plain values, kept in Release.manifest and
never changed. Does not read the images, deals nothing out.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from labeler.agreement import objects, reports
from labeler.labeling import drawn_arrays
from labeler.labeling.label_arrays import Selection, read_labels
from labeler.models import Category, GuidelineVersion, Image, Project, TrainingRun
from labeler.releases import summary
from labeler.releases.contents import Contents
from labeler.releases.live import background_of, classes_of
from labeler.releases.moved import area_of
from labeler.releases.splits import NOWHERE, RULES, Dealt

FORMAT = 1  # of the frozen file and of this; raised when a reader of before would misread it
# Settings of a project that decide what an image is taken to be.
PARAMETERS = (
    "labels_per_image", "adaptive_overlap", "fewest_labels", "most_labels", "enough_confidence", "ask_by_gain",
    "model_fills", "auto_accept", "accept_precision", "accept_confidence", "show_prelabels", "blind_share",
)  # fmt: skip
FIGURES = ("labels", "sample", "n_images", "n_shared_images", "n_labels", "alpha", "fleiss", "observed", "categories")
OF_OBJECTS = ("n_objects", "iou", "curve", "distance_alpha", "per_class")
_SIDES = ("p10", "median", "p90")
NOTHING_NAMED = NOWHERE - 1  # the class of images about which people said something, but nothing can be named


class Tally:
    """Counts of the images that come by. An image that nothing is said of is in no stratum, and so in no split."""

    def __init__(self) -> None:
        self.stratum = array("q")
        self.by_model: Counter[str] = Counter()
        self.shown: Counter[int] = Counter()  # judgements by the model whose pre-label was shown
        self.predicted: Counter[int] = Counter()  # images by the model whose prediction stands beside them
        self.alone: Counter[int] = Counter()  # images by the model whose word is all there is
        self.people: set[str] = set()
        self.n_images = self.n_judgements = self.n_bytes = 0
        # Of drawn answers: areas of the outcome's objects by class, in square px.
        self.areas: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self.images_with: Counter[str] = Counter()
        self.n_outcomes = self.n_objects = self.n_empty = 0
        self._hash = hashlib.sha256()
        self._classes: dict[str, int] = {}
        self._strata: dict[tuple[tuple[int, ...], bool], int] = {}

    def add(self, contents: Contents) -> None:
        self.n_images += 1
        self.n_bytes += contents.image.n_bytes
        self.n_judgements += len(contents.labels)
        self._hash.update(contents.image.sha256.encode() + b"\n")
        for label in contents.labels:
            self.people.add(label.annotator)
            if label.shown is not None:
                self.shown[label.shown.model] += 1
        if contents.prediction is not None:
            self.predicted[contents.prediction.model] += 1
        self.stratum.append(self._stratum_of(contents))
        self.n_objects += sum(len(label.objects or ()) for label in contents.labels)
        if contents.objects is not None:
            self.n_outcomes += 1
            self.n_empty += not contents.objects
            self.images_with.update({one.category for one in contents.objects})
            for one in contents.objects:
                self.areas[one.category].append(area_of(one.shape))

    def _stratum_of(self, contents: Contents) -> int:
        if (alone := contents.by_model) is not None:
            self.alone[alone.model] += 1
            self.by_model[contents.outcome.by_model] += 1
        elif contents.names is None and not contents.labels and contents.decision is None:
            return NOWHERE
        names = alone.categories if alone is not None else contents.names
        classes = (
            (NOTHING_NAMED,)
            if names is None
            else tuple(sorted(self._classes.setdefault(n, len(self._classes)) for n in names))
        )
        return self._strata.setdefault((classes, alone is not None), len(self._strata))

    @property
    def strata(self) -> Sequence[tuple[int, ...]]:
        return [classes for classes, _alone in self._strata]

    @property
    def images_sha256(self) -> str:
        """Of the hashes of all images, a line each, in order of id."""
        return self._hash.hexdigest()

    def counts(self, names: Sequence[str], side: NDArray[np.int8]) -> list[dict[str, Any]]:
        """Of each split: images, those with an outcome, images of each class, and those by a model's word alone.

        side: of those images that are in a stratum. names: of the splits; without any there is one row, without a name.
        """
        stratum = np.array(self.stratum, np.int64)
        stratum = stratum[stratum != NOWHERE]
        known = {at: name for name, at in self._classes.items()}
        rows = []
        for at, split in enumerate(names or [""]):
            here = np.bincount(stratum[side == at] if names else stratum, minlength=len(self._strata)).tolist()
            row: dict[str, Any] = {"split": split, "images": sum(here), "outcomes": 0, "none": 0, "unnamed": 0}
            people: Counter[str] = Counter()
            alone: Counter[str] = Counter()
            for (classes, by_model), n in zip(self._strata, here, strict=True):
                if NOTHING_NAMED in classes:
                    row["unnamed"] += n
                    continue
                row["outcomes"] += 0 if by_model else n
                row["none"] += n if not classes and not by_model else 0
                for one in classes:
                    (alone if by_model else people)[known[one]] += n
            rows.append({**row, "classes": dict(people), "by_model": dict(alone)})
        return rows


def of_project(
    project: Project, tally: Tally, agreement: dict[str, Any], only: QuerySet[Image] | None = None
) -> dict[str, Any]:
    """All that does not depend on the splits. Call inside the snapshot of the tally.

    only: the images of the tally, where they are not all.
    """
    categories = Category.objects.filter(project=project).order_by("position", "id")
    guideline = GuidelineVersion.objects.filter(project=project, number=project.guideline_version).first()
    return {
        "format": FORMAT,
        "project": {
            "id": project.pk, "name": project.name, "task": project.task, "question": project.question,
            "description": project.description,
        },
        "images": tally.n_images,
        "images_sha256": tally.images_sha256,
        "image_bytes": tally.n_bytes,
        "judgements": tally.n_judgements,
        "annotators": len(tally.people),
        "classes": [one._asdict() for one in classes_of(project)],
        "class_ids": {one.name: one.pk for one in categories},
        "label_set_version": project.label_set_version,
        "guideline": {
            "version": project.guideline_version, "text": guideline.text if guideline else project.guideline
        },
        "consensus": {
            "method": project.consensus_method, "parameters": {name: getattr(project, name) for name in PARAMETERS}
        },
        "agreement": agreement,
        "models": _models(project, tally),
        "by_model": dict(tally.by_model),
        **_outcomes(project, only),
        **(_drawn(project, tally) if project.draws else {}),
    }  # fmt: skip


def _outcomes(project: Project, only: QuerySet[Image] | None) -> dict[str, Any]:
    """By the rule of the files and of the page (outcomes.py), counted for itself."""
    found = asdict(summary.summary_of(project, only, with_objects=False))
    return {"outcomes": found["outcome"], "early": found["early"], "left_out": found["without"]}


def _drawn(project: Project, tally: Tally) -> dict[str, Any]:
    """Of drawn answers: the objects of all outcomes by class, with their sizes, and those of people."""
    sizes = {name: np.sqrt(np.array(areas)) for name, areas in sorted(tally.areas.items())}
    return {
        "outcomes": tally.n_outcomes,
        "background": background_of(project),
        "objects": {
            "outcome": sum(len(one) for one in sizes.values()),
            "people": tally.n_objects,
            "empty": tally.n_empty,
            "classes": {
                name: {
                    "objects": len(one), "images": tally.images_with[name],
                    # The side of a square as large, in px.
                    "side": dict(zip(_SIDES, np.percentile(one, (10, 50, 90)).round(1).tolist(), strict=True)),
                }
                for name, one in sizes.items()
            },
        },
    }  # fmt: skip


def agreement_of(project: Project, only: QuerySet[Image] | None = None) -> dict[str, Any]:
    """Of blind answers to randomly chosen images; where there are none to compare, of all answers. only: of these
    images.
    """
    ids = None if only is None else np.array(list(only.order_by().values_list("pk", flat=True)), np.int64)

    def count(selection: Selection) -> dict[str, Any]:
        if project.draws:
            drawn = drawn_arrays.read(project, selection)
            chosen = drawn if ids is None else drawn.part(np.isin(drawn.image, ids))
            return objects.report_of(project, chosen, selection, iou=project.object_iou)
        rows = read_labels(project, selection)
        return reports.report_of(project, rows if ids is None else rows.where(np.isin(rows.image, ids)), selection)

    report = count(Selection.with_default_sample("blind"))
    if not report["n_shared_images"]:
        report = count(Selection.with_default_sample("all"))
    return {name: report[name] for name in (*FIGURES, *(OF_OBJECTS if project.draws else ()))}


def _models(project: Project, tally: Tally) -> list[dict[str, Any]]:
    """Every model that anybody was shown, that has said anything, or that stands alone; newest first."""
    numbers = {*tally.shown, *tally.predicted, *tally.alone}
    runs = TrainingRun.objects.filter(project=project, number__in=numbers).order_by("-number")
    return [
        {
            "number": run.number, "sha256": run.checkpoint_sha256, "backbone": run.config.get("backbone", ""),
            "trained_at": run.finished_at and run.finished_at.isoformat(), "shown": tally.shown[run.number],
            "predicted": tally.predicted[run.number], "alone": tally.alone[run.number],
        }
        for run in runs
    ]  # fmt: skip


def of_splits(dealt: Dealt | None, kept_from: int | None) -> dict[str, Any]:
    """How the splits came about. kept_from: the number of the release whose sides were kept."""
    if dealt is None:
        return {"decided_by": {}, "groups": 0, "groups_divided": 0, "kept_from": None}
    rules = np.bincount(dealt.rule, minlength=len(RULES)).tolist()
    return {
        "decided_by": dict(zip(RULES, rules, strict=True)), "groups": dealt.n_groups,
        "groups_divided": dealt.n_divided, "kept_from": kept_from,
    }  # fmt: skip
