"""What a foreign file says about one image, whatever the format: the record that all readers give.

A reader is a module here with two functions: `recognises(tree, options)` says whether the files are of its format, by
names and first bytes; `read(tree, options)` gives an Item for each image or row and a Refusal for what cannot be used.
It reads lazily, holds one record at a time, and may be called again. Knows neither projects nor tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from labeler.geometry.shapes import Shape
from labeler.intake.place import Place
from labeler.models.project import OBJECT_TASKS

LONGEST_EXTERNAL_ID = 500


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader must know besides the files. multi: several classes may stand in one cell."""

    multi: bool = False
    people: str = ""  # the column or field that names who judged; "": the usual one
    expects_labels: bool = False  # whoever sends it says so: then folders are classes
    as_predictions: bool = False  # what a table calls labels are a model's
    known: frozenset[str] = frozenset()  # names that classes have or had, casefolded: to know a class's folder by
    task: str = "single"  # of the project
    origin: int = 1  # Pascal VOC: the number of the first pixel, 1 as its standard says, or 0
    background: str = ""  # semantic: the class of pixels that nobody painted
    classes: tuple[str, ...] = ()  # in use, in their order: for files of numbers without names

    @property
    def draws(self) -> bool:
        """Are answers drawn objects?"""
        return self.task in OBJECT_TASKS


@dataclass(frozen=True, slots=True)
class Object:
    """One drawn object as a file has it. number: from 1, among those that the file has of the image."""

    category: str
    # As in REST, in px of the upright image: {"box": …}, {"polygon": …} or {"mask": …}. Where the file needs the size
    # of the image for that: from its width and height. It may raise Unreadable.
    shape: Shape | Callable[[int, int], Shape]
    number: int
    attributes: dict[str, Any] = field(default_factory=dict)
    probability: float | None = None  # of a model's


class Unreadable(ValueError):
    """An object that cannot be read; str() is the sentence."""


@dataclass(frozen=True, slots=True)
class Said:
    """One judgement. annotator: None where the file names nobody. answer: labeled or cannot_tell."""

    annotator: str | None
    classes: tuple[str, ...]
    answer: str = "labeled"
    created_at: Any = None  # datetime or None
    seconds: float | None = None
    objects: tuple[Object, ...] | None = None  # None: the answer is classes; (): nothing is there


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model said. probabilities: by class, or empty; probability: of the classes named, 0 to 1, or None."""

    model: str
    version: str
    classes: tuple[str, ...]
    probabilities: dict[str, float] = field(default_factory=dict)
    probability: float | None = None
    objects: tuple[Object, ...] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One image, or one row about an image. name: as people know it; with a source, the name it will have here."""

    name: str
    row: int | None = None  # of a table: as a spreadsheet counts, or the line
    source: Callable[[], bytes] | None = None  # its bytes, where the files hold them; raises Refused
    url: str = ""
    place: Callable[[], Place | None] | None = None  # of the bytes, where the original is to stay: archives.Member
    sha256: str = ""  # of the bytes, hexadecimal, small letters
    external_id: str = ""
    split: str = ""  # one of values.SPLITS' values, or ""
    metadata: dict[str, Any] = field(default_factory=dict)
    judgements: tuple[Said, ...] = ()
    predictions: tuple[Predicted, ...] = ()
    gold: tuple[str, ...] | None = None  # where the file itself calls an answer the known one
    problems: tuple[str, ...] = ()  # parts that cannot be used, in sentences; the rest is taken
    gold_objects: tuple[Object, ...] | None = None
    unusable: tuple[tuple[int, str], ...] = ()  # objects that cannot be used: their number, from 1, and a sentence
    size: tuple[int, int] | None = None  # width and height in px, as the file has them, where objects depend on it
    is_stem: bool = False  # the name lacks its suffix: the file beside the image was named like it


class Names:
    """Files of a tree by what a table calls them: the exact name, else the last part, where only one has it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._short: dict[str, str | None] = {}  # by the last part; None: several have it
        for name in self._names:
            last = name.rpartition("/")[2]
            self._short[last] = None if last in self._short else name

    def find(self, name: str, beside: str = "") -> str | None:
        """beside: the folder of the table, with its slash. None: there is none, or several have that last part."""
        plain = name.removeprefix("./")
        for wanted in (beside + plain, plain):
            if wanted in self._names:
                return wanted
        return self._short.get(plain.rpartition("/")[2])
