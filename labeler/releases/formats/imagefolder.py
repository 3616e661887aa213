"""ImageFolder: a zip with root/<class>/<image>, one folder per class of the consensus, as torchvision reads it.

Single-choice projects only: an image can lie in one folder. A class without an image has no folder, because
torchvision refuses empty ones; classes.json beside root/ lists the folders in the order of their index, and how
many images are in none of them, by reason. An image that stands by a model's word alone says so in its name
(leaf-7-614.model7.jpg), and classes.json how many there are, and what is promised of those that were accepted.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django.utils.translation import gettext as _

from labeler.consensus.snapshots import UNDECIDABLE
from labeler.errors import NotPossibleNow
from labeler.intake.images import media_store
from labeler.releases.contents import Contents
from labeler.releases.data_set import DataSet

MEDIA_TYPE = "application/zip"
EXTENSION = "zip"
READ_BYTES = 256 * 1024
# The same labels give the same bytes, whenever they are written.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def check(data: DataSet) -> None:
    """Raises NotPossibleNow for multi-label projects, and where no image has an outcome yet."""
    if data.is_multi:
        raise NotPossibleNow(
            _("An ImageFolder has one class per image; this project may have several. Take csv or jsonl.")
        )
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no folder."))


class _Outbox:
    """Where zipfile writes; it cannot be sought, so nothing that was sent must be changed later."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one piece of one image in memory. Images whose file is gone are listed."""
    outbox = _Outbox()
    store = media_store()
    folders = Folders()
    counts: Counter[str] = Counter()
    missing: list[dict[str, object]] = []
    left_out = {"undecidable": 0, "no_consensus": 0}
    unseen: dict[str, Any] = {"images": 0, "promises": [], "without_promise": 0}
    sink = cast("BinaryIO", outbox)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for contents in data.rows():
            found = contents.by_model
            named = found.categories if found else contents.names
            if not named:
                left_out["undecidable" if contents.outcome.method == UNDECIDABLE else "no_consensus"] += 1
                continue
            name, image = named[0], contents.image
            path = store.original_path(image.sha256, image.extension)
            try:
                file = path.open("rb")
            except FileNotFoundError:
                missing.append({"image": image.pk, "file_name": image.name, "class": name})
                continue
            with file:
                entry = zipfile.ZipInfo(f"root/{folders.folder_of(name)}/{file_name(contents)}", LONG_AGO)
                entry.file_size = image.n_bytes
                entry.external_attr = 0o644 << 16
                with archive.open(entry, "w") as target:
                    while piece := file.read(READ_BYTES):
                        target.write(piece)
                        yield outbox.take()
            counts[folders.folder_of(name)] += 1
            if found:
                unseen["images"] += 1
                promise = {"model": found.model, "precision": found.precision, "confidence": found.confidence}
                if found.precision is None:
                    unseen["without_promise"] += 1
                elif promise not in unseen["promises"]:
                    unseen["promises"].append(promise)
        more = {"accepted_by_model": unseen} if data.wanted.accepted else {}
        archive.writestr(zipfile.ZipInfo("classes.json", LONG_AGO), _classes(folders, counts, missing, left_out, more))
    yield outbox.take()


def _classes(
    folders: Folders, counts: Counter[str], missing: list[dict[str, object]], left_out: dict[str, int],
    more: dict[str, Any],
) -> str:  # fmt: skip
    """The folders that were written, sorted as torchvision sorts them: a folder's place is its class index."""
    names = {folder: name for name, folder in folders.known.items()}
    listed = [
        {"index": index, "folder": folder, "class": names[folder], "images": counts[folder]}
        for index, folder in enumerate(sorted(counts))
    ]
    return json.dumps(
        {"classes": listed, "missing_files": missing, "left_out": left_out, **more}, ensure_ascii=False, indent=2
    )


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


def safe_part(name: str, otherwise: str) -> str:
    """`name` as one part of a path: no separators, nothing invisible, no dots around it, no device of Windows."""
    part = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" .")[:80].rstrip(" .") or otherwise
    return f"{part}_" if part.split(".")[0].casefold() in _WINDOWS_DEVICES else part


def file_name(contents: Contents) -> str:
    """The image's own file name with its id, which makes it unique, and the extension that its bytes have."""
    image = contents.image
    mark = f".model{contents.by_model.model}" if contents.by_model else ""
    return f"{safe_part(PurePosixPath(image.name).stem, 'image')}-{image.pk}{mark}.{image.extension}"
