"""Probable label errors: labels that the model contradicts, as a list for a reviewer, and how many were errors.

A run lists the training labels that it doubts most, each by a model that had not seen the image
(worker/training/run_report.py). A doubt waits until a reviewer decides the image, whatever the decision, or until the
image is not taken to be that any more. So nothing is written here: to settle a doubt is a decision (adjudication.py),
and what came of it is read from the decisions made since the run. Images that are judged blind are in no list that a
model made.

Where people draw, a doubt is about one place (worker/training/drawn_findings.py): an object that the model finds where
nobody drew, or one that somebody drew and the model does not see. It waits until the image is decided or answered anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labeler.consensus import snapshots
from labeler.geometry.shapes import bounds_of
from labeler.label_set import categories as label_set
from labeler.label_set.categories import CategoryIndex
from labeler.labeling import blindness
from labeler.models import Image, Label, Project, TrainingRun
from labeler.models.image import Slice
from labeler.models.statements import fetch
from labeler.stats.intervals import wilson
from labeler.stats.objects.boxes import box_iou
from labeler.stats.results import FEW_IMAGES, Reason, Stat, undefined

RUNS = 50  # the newest, whose lists are held against the decisions
NOTHING_LOOKED_AT = Reason("nothing_looked_at")
FEW_LOOKED_AT = Reason("few_looked_at")


Box = tuple[float, float, float, float]  # x, y, width, height in px of the upright image


@dataclass(frozen=True, slots=True)
class Doubt:
    """One label. label: the class in question; suggested: the class instead, or, of several classes, whether the image
    should have it.
    """

    image_id: int
    label: int
    suggested: int | bool
    doubt: float  # 0 to 1, by how much surer the model is of its own answer
    box: Box | None = None  # where people draw: the place; suggested then says whether an object should be there
    last_label: int = 0  # where people draw: id of the newest label when the run began


@dataclass(frozen=True, slots=True)
class Waiting:
    """A doubt nobody has looked at, with the votes on its image."""

    doubt: Doubt
    image: Image


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the doubts so far. Those a reviewer found to be undecidable are neither right nor wrong."""

    corrected: int = 0
    confirmed: int = 0
    undecidable: int = 0

    @property
    def looked_at(self) -> int:
        return self.corrected + self.confirmed + self.undecidable

    @property
    def precision(self) -> Stat:
        """Share of the doubted labels that were wrong, with Wilson's interval."""
        n = self.corrected + self.confirmed
        if not n:
            return undefined(NOTHING_LOOKED_AT)
        low, high = wilson(self.corrected, n) or (None, None)
        return Stat(self.corrected / n, low, high, n, FEW_LOOKED_AT if n < FEW_IMAGES else None)


def listed(run: TrainingRun | None) -> dict[str, Any]:
    """What the run found, {n, suspects}; {} where there is no run, or one of before lists were made.

    Read by itself: the rest of a run's figures is large, and the caller may have left it in the database.
    """
    if run is None:
        return {}
    return TrainingRun.objects.filter(pk=run.pk).values_list("metrics__label_errors", flat=True).first() or {}


def rows_of(found: Mapping[str, Any]) -> list[Doubt]:
    """The doubts of a list that are as sure as the model usually is where it is right; of one image perhaps several."""
    return [
        Doubt(
            row["image"],
            row["label"],
            row["suggested"],
            float(row.get("doubt") or 0.0),
            tuple(row["box"]) if row.get("box") else None,
            found.get("last_label") or 0,
        )
        for row in found.get("suspects") or []
        if row.get("confident", True)
    ]


def waiting(project: Project, run: TrainingRun | None) -> list[Waiting]:
    """Doubts of the active model that nobody has looked at, the clearest first; one for each image."""
    return still_open(project, rows_of(listed(run)))


def still_open(project: Project, doubts: Sequence[Doubt]) -> list[Waiting]:
    """Those among `doubts` whose image is undecided and still taken to be what is doubted; one for each image.

    Where people draw: and has not been answered since the run began.
    """
    clearest: dict[int, list[Doubt]] = {}
    for one in sorted(doubts, key=lambda one: (-one.doubt, one.image_id)):
        clearest.setdefault(one.image_id, []).append(one)
    images = Image.objects.filter(project=project, pk__in=clearest, has_decision=False, slice=Slice.NONE)
    images = images.exclude(blindness.HIDES_MODEL)
    by_id = {image.pk: image for image in images.defer("metadata")}
    if project.draws:
        answered = _answered_since(by_id, max((one.last_label for one in doubts), default=0))
        return [Waiting(own[0], by_id[pk]) for pk, own in clearest.items() if pk in by_id and pk not in answered]
    outcomes = snapshots.current(by_id.values())
    index = label_set.index(project)
    found = []
    for pk, of_image in clearest.items():
        said = outcomes[pk].categories if pk in by_id else None
        holds = [one for one in of_image if said is not None and _holds(one, said, index)]
        if holds:
            found.append(Waiting(holds[0], by_id[pk]))
    return found


def _answered_since(image_ids: Iterable[int], last_label: int) -> set[int]:
    newer = Label.objects.filter(image__in=list(image_ids), pk__gt=last_label)
    return set(newer.values_list("image", flat=True))


def _holds(doubt: Doubt, said: list[int], index: CategoryIndex) -> bool:
    """Is the image still taken to be what was doubted? Classes that were merged meanwhile may have settled it."""
    now, label = index.present(said), index.present([doubt.label])
    if isinstance(doubt.suggested, bool):
        return bool(label) and (label[0] in now) is not doubt.suggested
    return now == label and label != index.present([doubt.suggested])


# Doubts of the newest runs, with what was decided on their images since.
_DOUBTED = """
    FROM (SELECT id, finished_at, metrics FROM labeler_trainingrun
          WHERE project_id = %s AND finished_at IS NOT NULL ORDER BY id DESC LIMIT %s) r
    CROSS JOIN LATERAL jsonb_to_recordset(
        CASE WHEN jsonb_typeof(r.metrics #> '{label_errors,suspects}') = 'array'
             THEN r.metrics #> '{label_errors,suspects}' ELSE '[]' END
    ) AS s(image bigint, label bigint, suggested jsonb, box double precision[], confident boolean)
    JOIN labeler_decision d ON d.image_id = s.image AND d.withdrawn_at IS NULL AND d.created_at > r.finished_at
    JOIN labeler_image i ON i.id = d.image_id AND i.project_id = %s AND i.slice = ''
    WHERE s.confident IS NOT FALSE
"""


def checked(project: Project) -> Checked:
    """What reviewers decided on doubted labels, each after the run that doubted it; wherever they did."""
    if project.draws:
        return _checked_places(project)
    rows = fetch(
        f"""SELECT DISTINCT ON (d.id, s.label) s.label, s.suggested::text, d.categories, d.undecidable {_DOUBTED}
            ORDER BY d.id, s.label, r.id DESC""",
        [project.pk, RUNS, project.pk],
    )
    index = label_set.index(project)
    told: Counter[bool | None] = Counter()
    for label, suggested, decided, cannot in rows:
        now, named = index.present(decided), index.present([label])
        if suggested in ("true", "false"):
            is_error = bool(named) and (named[0] in now) is (suggested == "true")
        else:
            is_error = now != named
        told[None if cannot else is_error] += 1
    return Checked(told[True], told[False], told[None])


# ---------------------------------------------------------------- where people draw

SAME_PLACE = 0.5  # IoU of bounds from which an object lies where the doubt is


def _checked_places(project: Project) -> Checked:
    """As checked(), for each doubted place of a decided image: is there an object of any class, or is there none?

    Of several runs that doubted an image the last one before its decision counts.
    """
    rows = fetch(
        f"""SELECT d.id, r.id, s.suggested = 'true', s.box, d.drawn, d.undecidable {_DOUBTED} AND s.box IS NOT NULL
            ORDER BY d.id, r.id DESC""",
        [project.pk, RUNS, project.pk],
    )
    told: Counter[bool | None] = Counter()
    run_of: dict[int, int] = {}
    for decision, run, suggested, box, drawn, cannot in rows:
        if run_of.setdefault(decision, run) == run:
            objects = json.loads(drawn) if isinstance(drawn, str) else drawn or []
            told[None if cannot else _stands(box, objects) is suggested] += 1
    return Checked(told[True], told[False], told[None])


def _stands(box: Box, drawn: Iterable[Mapping[str, Any]]) -> bool:
    """Does an object lie where this box is? By bounds, whatever its class."""
    x, y, width, height = box
    bounds = np.array([bounds_of(dict(one)) for one in drawn], float).reshape(-1, 4)
    return bool((box_iou(np.array([x, y, x + width, y + height]), bounds) >= SAME_PLACE).any())
