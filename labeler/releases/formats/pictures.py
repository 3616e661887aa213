"""An image's file as it goes out: without metadata, prepared as was asked; and what a name in an archive may be.

Everything that hands out originals takes them from here. Holds one picture in memory at a time.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import NamedTuple

from labeler.intake import originals
from labeler.releases.clean_files import Unreadable, clean
from labeler.releases.contents import Contents
from labeler.releases.data_set import DataSet
from labeler.releases.preparation import ChannelFigures, prepare, sampling_list

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
TRAIN = ("", "train")  # splits whose images may be copied and repeated


class Picture(NamedTuple):
    """A file; width and height in pixels, upright."""

    name: str
    content: bytes
    width: int
    height: int


def picture_of(contents: Contents, data: DataSet) -> Picture | None:
    """The file of an image; None where it is gone or cannot be read."""
    return next(pictures_of(contents, data, copies=0), None)


def pictures_of(contents: Contents, data: DataSet, copies: int | None = None) -> Iterator[Picture]:
    """The file of an image, and after it its augmented copies where such were asked for, of training images only.

    Raises BucketUnreachable: a file without the pictures of a bucket that is down for a minute would be wrong.
    """
    image, how = contents.image, data.wanted.preparation
    try:
        original = originals.read(sha256=image.sha256, extension=image.extension)
        if how.changes_pixels:
            made = prepare(original, image.extension, how)
            yield Picture(file_name(contents, made.extension), made.content, made.width, made.height)
        else:
            whole = original if data.wanted.location else clean(original, image.extension)
            yield Picture(file_name(contents), whole, image.width, image.height)
        wanted = how.copies if copies is None else copies
        for copy in range(1, wanted + 1 if contents.split in TRAIN else 1):
            made = prepare(original, image.extension, how, copy, image.sha256)
            name = file_name(contents, made.extension, f"-copy{copy}")
            yield Picture(name, made.content, made.width, made.height)
    except (FileNotFoundError, Unreadable):
        return


def file_name(contents: Contents, extension: str = "", suffix: str = "") -> str:
    """The image's own file name with its id, which makes it unique, and the extension that its bytes have.

    One that stands by a model's word alone says so: leaf-7-614.model7.jpg.
    """
    image = contents.image
    mark = f".model{contents.by_model.model}" if contents.by_model else ""
    stem = safe_part(PurePosixPath(image.name).stem, "image")
    return f"{stem}-{image.pk}{suffix}{mark}.{extension or image.extension}"


def safe_part(name: str, otherwise: str) -> str:
    """`name` as one part of a path: no separators, nothing invisible, no dots around it, no device of Windows."""
    part = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" .")[:80].rstrip(" .") or otherwise
    return f"{part}_" if part.split(".")[0].casefold() in _WINDOWS_DEVICES else part


class Folders:
    """A folder name for each class: safe as a part of a path on every system, and distinct even where case is not."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self._taken: set[str] = set()

    def folder_of(self, name: str) -> str:
        if name not in self.known:
            wanted = safe_part(name, "class")
            folder, n = wanted, 2
            while folder.casefold() in self._taken:
                folder, n = f"{wanted}-{n}", n + 1
            self._taken.add(folder.casefold())
            self.known[name] = folder
        return self.known[name]


class Preparing:
    """What is reported of prepared pictures, beside them: what was done, mean and deviation, the sampling list."""

    def __init__(self, data: DataSet) -> None:
        self.how = data.wanted.preparation
        self._channels = ChannelFigures()
        self._files: list[tuple[str, str]] = []

    def add(self, path: str, picture: Picture, class_: str, split: str) -> None:
        """path: in the archive. Figures are those of the training images, as a network is normalised by."""
        if split not in TRAIN or not self.is_wanted:
            return
        self._channels.add(picture.content)
        if self.how.sampling:
            self._files.append((path, class_))

    @property
    def is_wanted(self) -> bool:
        return self.how.changes_pixels or bool(self.how.copies or self.how.sampling)

    def reports(self) -> Iterator[tuple[str, str]]:
        """Members of the archive: name and text. None where nothing was prepared."""
        if not self.is_wanted:
            return
        report = {"preparation": asdict(self.how), "training_images": self._channels.figures()}
        yield "preparation.json", json.dumps(report, indent=2)
        if self.how.sampling:
            names = sampling_list(self._files, self.how.sampling, self.how.seed)
            yield "sampling.txt", "".join(f"{name}\n" for name in names)
