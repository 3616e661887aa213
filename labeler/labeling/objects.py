"""What a person drew, checked against the project: classes, shapes, sizes, attributes, and what became of a pre-label.

Knows what may be answered; the shapes themselves are geometry's, rows are object_rows.py's. One object that makes no
sense refuses the whole answer, with a reason for each such object: half an answer would say that the rest is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from django.utils.translation import gettext as _

from labeler.errors import Invalid, NotPossibleNow, WrongTask
from labeler.geometry import checks, masks, overlaps
from labeler.geometry.checks import Checked
from labeler.geometry.shapes import Impossible, Malformed
from labeler.label_set import categories as label_set
from labeler.label_set import questions
from labeler.models import Project
from labeler.models.drawn import MOST_OBJECTS, MOST_POINTS, Change
from labeler.models.project import Task
from labeler.wording import shapes as words

# What may be drawn for each task. A polygon is kept as drawn where a mask is asked: it is rasterised when it is read.
KINDS: dict[str, tuple[str, ...]] = {
    Task.BOXES: ("box",),
    Task.POLYGONS: ("polygon",),
    Task.MASKS: ("mask", "polygon"),
    Task.SEMANTIC: ("mask", "polygon"),
}
SHAPES = ("box", "polygon", "mask")
MEMBERS = {"category", *SHAPES, "attributes", "from", "number", "change", "iou", "probability", "category_id", "shown"}
NEARLY_ONE = 1 - 1e-9


def shape_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """The box, polygon or mask of an object, without the rest."""
    return {kind: one[kind] for kind in SHAPES if kind in one}


@dataclass(slots=True)
class Drawn:
    """One object of an answer."""

    number: int  # from 1, in the order sent
    category: int
    shape: dict[str, Any]  # {"box" | "polygon" | "mask": …}
    bounds: tuple[float, float, float, float]  # left, top, right, bottom, in pixels
    area: float  # square pixels
    attributes: dict[str, Any] = field(default_factory=dict)
    origin: int | None = None  # number in the pre-label
    change: str = ""  # models.drawn.Change
    iou: float | None = None  # with its origin


@dataclass(frozen=True, slots=True)
class Drawing:
    """An answer's objects, checked."""

    objects: list[Drawn]
    deleted: list[int]  # numbers of the pre-label's objects that the answer leaves out
    changes: list[dict[str, Any]]  # [{number, change: clipped | mended}]

    @property
    def categories(self) -> list[int]:
        return sorted({one.category for one in self.objects})

    def as_sent(self, names: Mapping[int, str]) -> list[dict[str, Any]]:
        return as_sent(self.objects, names)


class ObjectsRefused(NotPossibleNow):
    """Objects that cannot be, each with its reason; `code` says which when there is one for all."""

    code = "impossible_objects"

    def __init__(self, refused: list[dict[str, Any]]):
        codes = {one["code"] for one in refused}
        first = refused[0]
        super().__init__(
            _("Object %(number)s: %(reason)s") % {"number": first["number"] + 1, "reason": first["reason"]}
        )
        self.fields = {"objects": refused}  # type: ignore[dict-item]
        if len(codes) == 1 and codes <= {"wrong_geometry", "overlap"}:
            self.code = codes.pop()


class TooMany(NotPossibleNow):
    code = "too_many"


def sent_for(project: Project, drawn: Sequence[Any] | None, categories: Sequence[Any]) -> Sequence[Any] | None:
    """What an answer draws; None where people name classes. Raises WrongTask where it is not what the task wants."""
    if project.draws and (drawn is None or categories):
        raise WrongTask(
            _("In this project people draw: send objects; [] says that there is nothing here."),
            fields={"objects": ["missing"] if drawn is None else ["beside categories"]},
        )
    if not project.draws and drawn is not None:
        raise WrongTask(
            _("In this project people name classes: send categories."), fields={"objects": ["not in this task"]}
        )
    return drawn


def check(
    *,
    project: Project,
    width: int,
    height: int,
    sent: Sequence[Any],
    prelabel: Sequence[Mapping[str, Any]] | None = None,
    keep_all: bool = False,
    mend: bool = False,
    may_be_unanswered: bool = False,
) -> Drawing:
    """The objects of an answer on an image of this size, in pixels.

    sent: {category, box | polygon | mask, attributes?, from?} each, as the REST contract has them; {from} alone keeps
    that object of the pre-label. prelabel: its objects, or None; those that were not sure enough to be shown may be
    named as well, once somebody has asked for them. keep_all: those that were shown and are not named in `sent` stay,
    too. mend: polygons that cross themselves are made whole instead of refused. may_be_unanswered: also a question that
    must be answered.
    Raises Invalid for what is no object at all, TooMany, ObjectsRefused.
    """
    known = {one["number"]: one for one in prelabel or ()}
    shown = [number for number, one in known.items() if one.get("shown", True)]
    wanted = list(sent)
    if keep_all:
        named = {one.get("from") for one in wanted if isinstance(one, Mapping)}
        wanted += [{"from": number} for number in shown if number not in named]
    if len(wanted) > MOST_OBJECTS:
        raise TooMany(_("An answer has at most %(most)s objects.") % {"most": f"{MOST_OBJECTS:,}"})
    reader = _Reader(project, width, height, known, has_prelabel=prelabel is not None, mend=mend)
    reader.may_be_unanswered = may_be_unanswered
    reader.look_ahead(wanted)
    for place, one in enumerate(wanted):
        reader.read(place, one)
    if reader.refused:
        raise ObjectsRefused(reader.refused)
    if project.task == Task.SEMANTIC:
        _check_disjoint(reader.drawn, width, height)
    kept = {one.origin for one in reader.drawn}
    return Drawing(reader.drawn, [number for number in shown if number not in kept], reader.changes)


def sift(
    *, project: Project, width: int, height: int, sent: Sequence[Any], mend: bool = True
) -> tuple[Drawing, list[dict[str, Any]]]:
    """The objects of an answer that came from elsewhere: what cannot be is left out, with the reason; the rest stays.

    sent: as for check(), without a pre-label. Objects keep their order; the same object a second time is left out.
    Attributes that nobody asks for here are dropped, and one that must be answered may be missing: the file is older
    than the question. Returns the drawing, whose objects are numbered from 1, and [{number: from 0 in sent, reason}].
    """
    reader = _Reader(project, width, height, {}, has_prelabel=False, mend=mend, lenient=True)
    reader.look_ahead(sent)
    there: set[str] = set()
    owners = _Owners(width, height) if project.task == Task.SEMANTIC else None
    for place, one in enumerate(sent):
        before, n_changes = len(reader.drawn), len(reader.changes)
        if before >= MOST_OBJECTS:
            most = _("An answer has at most %(most)s objects.") % {"most": f"{MOST_OBJECTS:,}"}
            reader.refused.append({"number": place, "code": "too_many", "reason": most})
            continue
        points = reader.points
        try:
            reader.read(place, one)
        except (Invalid, TooMany) as error:
            said = (error.fields or {}).get("objects")
            reason = said[0]["reason"] if said else error.message  # type: ignore[index]
            reader.refused.append({"number": place, "code": "malformed", "reason": reason})
            reader.points = points
        if len(reader.drawn) == before:
            continue
        drawn = reader.drawn[-1]
        same = f"{drawn.category} {drawn.shape}"
        reason = _("The same object is there twice.") if same in there else ""
        if not reason and owners is not None and not owners.take(drawn):
            reason = _("It overlaps an object of another class: a pixel has one class.")
        if reason:
            reader.drawn.pop()
            del reader.changes[n_changes:]
            reader.points = points
            reader.refused.append({"number": place, "code": "twice" if same in there else "overlap", "reason": reason})
        there.add(same)
    return Drawing(reader.drawn, [], reader.changes), reader.refused


class _Owners:
    """Which class each pixel of one image has."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self.classes = np.full((height, width), -1, dtype=np.int64)

    def take(self, drawn: Drawn) -> bool:
        """Give the object its pixels; False where one of them has another class, which it keeps."""
        crop = masks.raster(drawn.shape, self.width, self.height)
        rows, columns = crop.bits.shape
        window = self.classes[crop.y : crop.y + rows, crop.x : crop.x + columns]
        before = window[crop.bits]
        if ((before != -1) & (before != drawn.category)).any():
            return False
        window[crop.bits] = drawn.category
        return True


class _Reader:
    """Reads objects one by one; collects what is refused. lenient: what a file says beside shapes may not fit."""

    def __init__(
        self, project: Project, width: int, height: int, shown: Mapping[int, Any], *, has_prelabel: bool, mend: bool,
        lenient: bool = False,
    ):  # fmt: skip
        self.width, self.height, self.shown, self.mend, self.lenient = width, height, shown, mend, lenient
        self.has_prelabel = has_prelabel
        self.index = label_set.index(project)
        self.questions = questions.index(project)
        self.kinds = KINDS[project.task]
        self.drawn: list[Drawn] = []
        self.refused: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.points = 0
        self.sound: list[Checked | None] = []
        self.may_be_unanswered = False

    def look_ahead(self, sent: Sequence[Any]) -> None:
        """Find the ordinary polygons of all that will be read, in one pass; the rest is checked one by one."""
        shapes = [{"polygon": one.get("polygon")} if isinstance(one, Mapping) else None for one in sent]
        if any(shape is not None and shape["polygon"] is not None for shape in shapes):
            self.sound = checks.sound_polygons(shapes, width=self.width, height=self.height)

    def read(self, place: int, one: Any) -> None:
        if not isinstance(one, Mapping):
            _malformed(place, _("An object is {category, box, polygon or mask, …}."))
        if unknown := [str(name) for name in one if name not in MEMBERS]:
            _malformed(place, _("An object has no member “%(name)s”.") % {"name": unknown[0][:100]})
        try:
            self._read(place, one)
        except _Refused as refused:
            self.refused.append({"number": place, "code": refused.code, "reason": refused.reason})

    def _read(self, place: int, one: Mapping[str, Any]) -> None:
        origin = self._origin(place, one)
        shape = {name: one[name] for name in SHAPES if one.get(name) is not None}
        if len(shape) > 1:
            _malformed(place, _("An object has one shape: a box, a polygon or a mask."))
        if not shape and origin is None:
            _malformed(place, _("An object has a shape: a box, a polygon or a mask."))
        category = self._category(place, one, origin)
        if not shape and origin is not None:
            shape = {name: origin[name] for name in SHAPES if origin.get(name) is not None}
        try:
            found = checks.check(
                shape, width=self.width, height=self.height, kinds=self.kinds, mend=self.mend,
                smallest=self.index.smallest.get(category, 0.0),
                sound=self.sound[place] if place < len(self.sound) else None,
            )  # fmt: skip
        except Malformed as error:
            _malformed(place, words.sentence(error.code))
        except Impossible as error:
            raise _Refused(error.code, words.sentence(error.code)) from error
        self.points += found.points
        if self.points > MOST_POINTS:
            raise TooMany(_("An answer has at most %(most)s points.") % {"most": f"{MOST_POINTS:,}"})
        drawn = Drawn(
            len(self.drawn) + 1, category, found.shape, found.bounds, found.area,
            self._attributes(place, category, one.get("attributes")),
        )  # fmt: skip
        if found.change:
            self.changes.append({"number": place + 1, "change": found.change})
        if origin is not None:
            drawn.origin, drawn.iou = int(origin["number"]), self._iou(origin, drawn)
            if category != origin["category"]:
                drawn.change = Change.CLASS
            else:
                drawn.change = Change.KEPT if drawn.iou >= NEARLY_ONE else Change.MOVED
        elif self.has_prelabel:
            drawn.change = Change.DRAWN
        self.drawn.append(drawn)

    def _origin(self, place: int, one: Mapping[str, Any]) -> Mapping[str, Any] | None:
        number = one.get("from")
        if number is None:
            return None
        if isinstance(number, bool) or not isinstance(number, int):
            _malformed(place, _("from is the number of an object of the pre-label."))
        if number not in self.shown:
            raise _Refused("unknown_origin", _("The pre-label has no object %(number)s.") % {"number": number})
        if any(earlier.origin == number for earlier in self.drawn):
            raise _Refused(
                "unknown_origin", _("Object %(number)s of the pre-label is named twice.") % {"number": number}
            )
        return self.shown[number]

    def _category(self, place: int, one: Mapping[str, Any], origin: Mapping[str, Any] | None) -> int:
        wanted = one.get("category")
        if wanted is None and origin is not None:
            return self.index.resolve([origin["category"]])[0]
        if isinstance(wanted, bool) or not isinstance(wanted, int | str):
            _malformed(place, _("Name the class of an object by its id or its name."))
        try:
            return self.index.resolve([wanted])[0]
        except Invalid as error:
            raise _Refused("unknown_class", error.message) from error

    def _attributes(self, place: int, category: int, said: Any) -> dict[str, Any]:
        if said is not None and not isinstance(said, Mapping):
            _malformed(place, _("attributes is an object: {question: answer}."))
        if self.lenient:
            return self.questions.fitting(category, said or {})
        try:
            return self.questions.check(category, said or {}, may_be_unanswered=self.may_be_unanswered)
        except questions.Unfit as error:
            raise _Refused(error.code, str(error)) from error

    def _iou(self, origin: Mapping[str, Any], drawn: Drawn) -> float:
        before = {name: origin[name] for name in SHAPES if origin.get(name) is not None}
        if before == drawn.shape:
            return 1.0
        _i, _j, iou = overlaps.iou_pairs([before], [drawn.shape], width=self.width, height=self.height)
        return float(iou[0]) if len(iou) else 0.0


class _Refused(Exception):
    def __init__(self, code: str, reason: str):
        super().__init__(reason)
        self.code, self.reason = code, reason


def _malformed(place: int, reason: str) -> NoReturn:
    raise Invalid(
        _("Object %(number)s: %(reason)s") % {"number": place + 1, "reason": reason},
        fields={"objects": [{"number": place, "code": "malformed", "reason": reason}]},  # type: ignore[list-item]
    )


def _check_disjoint(drawn: Sequence[Drawn], width: int, height: int) -> None:
    """A pixel has one class. Two objects of one class may overlap: together they are what was painted."""
    pair = masks.disjoint([one.shape for one in drawn], width, height, [one.category for one in drawn])
    if pair is not None:
        reason = _("It overlaps an object of another class: a pixel has one class.")
        raise ObjectsRefused([{"number": at, "code": "overlap", "reason": reason} for at in pair])


def as_sent(drawn: Iterable[Drawn], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Objects as the REST contract has them; names by class id."""
    return [
        {
            "number": one.number,
            "category": names.get(one.category, f"#{one.category}"),
            "category_id": one.category,
            **one.shape,
            "attributes": one.attributes,
            "from": one.origin,
            "change": one.change or None,
            "iou": one.iou,
        }
        for one in drawn
    ]
