"""One answer that somebody wants saved: its members checked for shape, and a digest by which it is known again.

Knows no rows. Whether the answer fits the project, and what it changes, is labels.py's.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.models.label import Answer
from labeler.stats.pace import LONGEST_ANSWER

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request, checked for shape."""

    image_id: int
    answer: str
    body_hash: str
    categories: Sequence[int | str] = ()
    drawn: list[Any] | None = None  # None: no objects were sent
    keep_all: bool = False
    mend: bool = False
    reason: str = ""
    seconds: float | None = None
    label_set: int | None = None
    key: UUID | None = None
    at: datetime | None = None


def answering(
    image_id: int,
    answer: str = Answer.LABELED,
    categories: Sequence[int | str] = (),
    *,
    drawn: Sequence[Any] | None = None,
    keep_all: bool = False,
    mend: bool = False,
    reason: str = "",
    seconds: float | None = None,
    label_set: int | None = None,
    key: UUID | None = None,
    at: datetime | None = None,
) -> Wanted:
    """An answer to be saved, checked for shape: a label, cannot tell, or skip. Raises Invalid.

    categories: of a label, by id or by any name they had; where people draw a label is its objects instead: drawn,
    keep_all and mend are those of objects.check(). seconds: from painted to answered. label_set: the version of the
    label set the person had on screen, when older than the present one. key: idempotency key. at: when it was said, for
    histories that are simulated (demo/); else now.
    """
    if answer not in (Answer.LABELED, Answer.CANNOT_TELL, Answer.SKIP):
        raise Invalid(_("answer must be skip or cannot_tell."), fields={"answer": ["unknown"]})
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise Invalid(_("seconds must be a number from 0."), fields={"seconds": ["out of range"]})
    body: dict[str, Any] = {"answer": str(answer), "categories": [str(c) for c in categories], "reason": reason}
    if drawn is not None or keep_all:
        body |= {"objects": drawn and [_shortened(one) for one in drawn], "keep": keep_all, "mend": mend}
    return Wanted(
        image_id=image_id,
        answer=str(answer),
        categories=list(categories),
        drawn=list(drawn or ()) if drawn is not None or keep_all else None,
        keep_all=keep_all,
        mend=mend,
        reason=reason[:LONGEST_REASON],
        seconds=None if seconds is None else min(float(seconds), LONGEST_ANSWER),
        label_set=label_set,
        key=key,
        at=at,
        body_hash=_hash(image_id, body),
    )


def taking_back(image_id: int, *, key: UUID | None = None) -> Wanted:
    """The taking back of an answer, to be saved."""
    body_hash = _hash(image_id, {"answer": str(Answer.UNDONE)})
    return Wanted(image_id=image_id, answer=str(Answer.UNDONE), key=key, body_hash=body_hash)


def _shortened(one: Any) -> Any:
    """An object with digests in place of a polygon's rings: 100,000 coordinates as text took 40 ms of a save."""
    if not isinstance(one, dict) or not isinstance(one.get("polygon"), list):
        return one
    return one | {"polygon": _digests(one["polygon"])}


def _digests(rings: list[Any]) -> list[Any]:
    """Each list of numbers in it, at any depth, as a text that is equal for equal numbers, 1 and 1.0 too."""
    if rings and set(map(type, rings)) <= {int, float}:
        try:
            return [hashlib.sha256(array("d", rings).tobytes()).hexdigest()]
        except OverflowError:  # an integer of four hundred digits: refused later, with a sentence
            return rings
    return [_digests(ring) if isinstance(ring, list) else ring for ring in rings]


def _hash(image_id: int, body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([image_id, body], sort_keys=True).encode()).hexdigest()
