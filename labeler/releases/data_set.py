"""A data set that is to be written as files: its images with all that is known of them, and what its reader asked for.

What formats/ writes from: of a project as of now, or of a frozen release. Knows neither; reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from labeler.models.project import OBJECT_TASKS
from labeler.releases.contents import Contents
from labeler.releases.preparation import AS_IT_IS, Preparation

# What a file says of an image: one answer; every judgement; the share of the votes of each class.
CONSENSUS, ALL, SOFT = "consensus", "all", "soft"


class Class(NamedTuple):
    """A class of the label set; its place in DataSet.classes is its index in files that number classes."""

    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asked for."""

    labels: str = CONSENSUS  # CONSENSUS, ALL or SOFT
    accepted: bool = False  # with images that stand by a model's word alone, marked as such
    images: bool | None = None  # with the image files; None: as the format usually has it
    location: bool = False  # the place in EXIF, and personal fields, stay in files and tables
    preparation: Preparation = AS_IT_IS


@dataclass(frozen=True, slots=True)
class DataSet:
    """rows: each call begins anew, in order of image id; read in one go, in memory that does not grow with it."""

    file_name: str  # without extension; safe as a part of a path
    title: str
    question: str
    is_multi: bool
    classes: tuple[Class, ...]
    rows: Callable[[], Iterator[Contents]]
    wanted: Wanted = field(default_factory=Wanted)
    is_split: bool = False  # rows have a split: tables have a column for it, folders one for each
    # Of a frozen release its manifest (number, checksum, agreement, ...); None: the project as of now.
    release: dict[str, Any] | None = None
    # What is read inside is as of one moment, also in two passes over rows. A release is so by itself.
    held: Callable[[], AbstractContextManager[None]] = nullcontext
    has_outcomes: bool = True  # False: no image has a class, so there would be nothing to file
    task: str = "single"  # of the project
    background: str = ""  # semantic: the class of pixels that nobody painted; "": void

    @property
    def draws(self) -> bool:
        """Are answers drawn objects?"""
        return self.task in OBJECT_TASKS
