"""What another program's model has drawn on an image, as it is stored: checked, ordered, and which of it is shown.

Knows shapes and probabilities of one image at a time; whose they are and where they are stored is outside_models.py's.
All from LEAST on are kept, MOST at most, so that precision and recall can be told later; shown are those from SHOWN on.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.labeling import objects
from labeler.models import Image, TrainingRun
from labeler.training.prelabels import Opinion

LEAST, SHOWN = 0.05, 0.5  # probabilities
MOST = 300  # objects of an image


@dataclass(frozen=True, slots=True)
class DrawnObject:
    """An object that another program's model has found. shape: as in REST, in px of the upright image, not checked."""

    category: int | str  # by id or any name it ever had
    shape: Any
    probability: Any = None  # 0 to 1; None: it gave none
    number: int = 0  # as whoever sent it counts, from 1; 0: as it stands among the objects


class Unusable(Exception):
    """Why nothing of a row can be stored, in a sentence."""


class Reader:
    """Turns rows of objects into opinions, for one model and some images."""

    def __init__(self, run: TrainingRun, images: Collection[int]):
        self.project = run.project
        self.threshold = float(run.config.get("threshold", SHOWN))
        rows = Image.objects.filter(project=run.project, pk__in=images).values_list("pk", "width", "height")
        self._sizes = {pk: (width, height) for pk, width, height in rows}
        self._refused: list[tuple[int, str]] = []

    def take_refused(self) -> list[tuple[int, str]]:
        """Objects of the last row that were left out: their number, from 1, and why."""
        refused, self._refused = self._refused, []
        return refused

    def opinion(self, image_id: int, given: Sequence[DrawnObject] | None) -> Opinion:
        """Raises Unusable."""
        if given is None:
            raise Unusable(_("This project wants drawn objects: give “objects”, a list that may be empty."))
        width, height = self._sizes[image_id]
        sent, places, sure = [], [], []
        for place, one in enumerate(given, start=1):
            p = one.probability
            if p is not None and (isinstance(p, bool) or not isinstance(p, int | float) or not math.isfinite(p)):
                self._refused.append((one.number or place, _("Its probability is not a number.")))
            elif p is not None and not 0 <= p <= 1:
                self._refused.append((one.number or place, _("Its probability is not from 0 to 1.")))
            elif p is None or p >= LEAST:
                shape = one.shape if isinstance(one.shape, dict) else {}
                sent.append({"category": one.category, **shape})
                places.append(one.number or place)
                sure.append(None if p is None else float(p))
        try:
            found, refused = objects.sift(project=self.project, width=width, height=height, sent=sent)
        except Invalid as error:
            raise Unusable(error.message) from error
        self._refused += [(places[one["number"]], one["reason"]) for one in refused]
        if given and not found.objects and self._refused:
            raise Unusable(_("None of its objects can be used: %(reason)s") % {"reason": self._refused[0][1]})
        left_out = {one["number"] for one in refused}
        kept = [p for place, p in enumerate(sure) if place not in left_out]
        order = sorted(range(len(kept)), key=lambda at: (-(1.0 if kept[at] is None else kept[at]), at))[:MOST]  # type: ignore[operator]
        drawn: list[dict[str, Any]] = []
        for number, at in enumerate(order, start=1):
            there, p = found.objects[at], kept[at]
            is_shown = p is None or p >= self.threshold
            about = {"number": number, "category": there.category, "probability": p, "shown": is_shown}
            drawn.append({**about, **there.shape})
        shown = [one for one in drawn if one["shown"]]
        known = [one["probability"] for one in shown if one["probability"] is not None]
        classes = sorted({one["category"] for one in shown})
        has_p = len(known) == len(shown)
        # Nothing is shown: as sure as its likeliest object is unlikely.
        smallest = min(known) if known else 1 - max((one["probability"] or 0.0 for one in drawn), default=0.0)
        return Opinion(image_id, [], classes, smallest if has_p else 1.0, smallest if has_p else None, [], drawn)
