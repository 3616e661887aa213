"""Pictures in folders: one folder per class, or all in one beside a manifest. What imagefolder and yolo share, and what
webdataset ends with, too.

Three things lie beside the folders: classes.json (which folder is which class, what is left out and why, what stands by
a model's word), left_out.csv (each image that is in no folder), and of prepared pictures what was done to them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from labeler.consensus.snapshots import UNDECIDABLE
from labeler.intake.formats.cells import csv_line
from labeler.releases.contents import Contents, ModelsWord, Names
from labeler.releases.data_set import DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.answers import answer_of, split_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.pictures import Folders, Picture, Preparing, pictures_of
from labeler.releases.places import public_metadata


class LeftOut(Notes):
    """left_out.csv: which images are not in the files, and where each of them stands."""

    def leave(self, contents: Contents) -> None:
        image = contents.image
        self.add(csv_line((image.pk, image.name, image.sha256, contents.split, answer_of(contents).state)))

    def pieces(self) -> Iterator[bytes]:
        yield csv_line(("image_id", "file_name", "sha256", "split", "state"))
        yield from super().pieces()


def end(archive: ZipOut, listed: Mapping[str, object], left_out: LeftOut, preparing: Preparing) -> Iterator[bytes]:
    """The end of a zip: what lies beside its pictures. listed: of classes.json."""
    yield from archive.add("classes.json", json.dumps(listed, ensure_ascii=False, indent=2))
    if left_out.n:
        yield from archive.add_pieces("left_out.csv", left_out.pieces())
    for name, text in preparing.reports():
        yield from archive.add(name, text)
    yield from archive.end()


def write(data: DataSet, root: str, splits: Mapping[str, str]) -> Iterator[bytes]:
    """<root>/<split>/<class>/<image>. splits: what a split's folder is called where not by its own name; "": none."""
    folders = Folders()
    counts: Counter[str] = Counter()
    missing: list[dict[str, object]] = []
    left = {"undecidable": 0, "no_consensus": 0}
    unseen = _Unseen()
    preparing = Preparing(data)
    archive = ZipOut()
    with LeftOut() as left_out:
        for contents in data.rows():
            said = answer_of(contents)
            if not said.names:
                left["undecidable" if contents.outcome.method == UNDECIDABLE else "no_consensus"] += 1
                left_out.leave(contents)
                continue
            name, n = said.names[0], 0
            split = split_of(contents, data)
            split = splits.get(split, split)
            for picture in pictures_of(contents, data):
                folder = folders.folder_of(name)
                path = "/".join(part for part in (root, split, folder, picture.name) if part)
                yield from archive.add(path, picture.content)
                preparing.add(path, picture, name, contents.split)
                n += 1
            if not n:
                missing.append({"image": contents.image.pk, "file_name": contents.image.name, "class": name})
                continue
            counts[folders.folder_of(name)] += 1
            if contents.by_model:
                unseen.add(contents.by_model)
        names = {folder: name for name, folder in folders.known.items()}
        # Of folders that were written, sorted as torchvision sorts them: a folder's place is its class index.
        classes = [
            {"index": index, "folder": folder, "class": names[folder], "images": counts[folder]}
            for index, folder in enumerate(sorted(counts))
        ]
        more = {"accepted_by_model": unseen.said()} if data.wanted.accepted else {}
        listed = {"classes": classes, "missing_files": missing, "left_out": left, **more}
        yield from end(archive, listed, left_out, preparing)


class _Unseen:
    """Images that nobody judged: how many, and what is promised of them."""

    def __init__(self) -> None:
        self.n = self.n_without = 0
        self.promises: list[dict[str, object]] = []

    def add(self, found: ModelsWord) -> None:
        self.n += 1
        promise: dict[str, object] = {
            "model": found.model, "precision": found.precision, "confidence": found.confidence
        }  # fmt: skip
        if found.precision is None:
            self.n_without += 1
        elif promise not in self.promises:
            self.promises.append(promise)

    def said(self) -> dict[str, object]:
        return {"images": self.n, "promises": self.promises, "without_promise": self.n_without}


def write_with_manifest(data: DataSet, root: str) -> Iterator[bytes]:
    """<root>/<split>/<image>, each image once, and in each such folder a metadata.jsonl with a line per image."""
    archive = ZipOut()
    preparing = Preparing(data)
    manifests: dict[str, Notes] = {}
    counts: Counter[str] = Counter()
    missing: list[dict[str, object]] = []
    unseen = _Unseen()
    index = {one.name: place for place, one in enumerate(data.classes)}
    with ExitStack() as opened:
        left_out = opened.enter_context(LeftOut())
        for contents in data.rows():
            said = answer_of(contents)
            if said.names is None:
                left_out.leave(contents)
                continue
            folder = "/".join(part for part in (root, split_of(contents, data)) if part)
            n = 0
            for picture in pictures_of(contents, data):
                path = f"{folder}/{picture.name}"
                yield from archive.add(path, picture.content)
                preparing.add(path, picture, "|".join(said.names), contents.split)
                line = {
                    "file_name": picture.name, **_answer(contents, said.names, data, picture, index),
                    "source": said.source, "model": said.model,
                    "name": contents.image.name, "image_id": contents.image.pk,
                    "metadata": json.dumps(
                        public_metadata(contents.image.metadata, location=data.wanted.location), ensure_ascii=False
                    ),
                }  # fmt: skip
                if folder not in manifests:
                    manifests[folder] = opened.enter_context(Notes())
                manifests[folder].add(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                n += 1
            if not n:
                missing.append({"image": contents.image.pk, "file_name": contents.image.name})
                continue
            counts.update(said.names)
            if contents.by_model:
                unseen.add(contents.by_model)
        for folder, notes in sorted(manifests.items()):
            yield from archive.add_pieces(f"{folder}/metadata.jsonl", notes.pieces())
        listed = {
            "classes": [
                {**({"index": index[one.name]} if data.draws else {}), "class": one.name, "images": counts[one.name]}
                for one in data.classes
            ],
            "missing_files": missing,
        } | ({"accepted_by_model": unseen.said()} if data.wanted.accepted else {})
        yield from end(archive, listed, left_out, preparing)


def _answer(
    contents: Contents, names: Names, data: DataSet, picture: Picture, index: Mapping[str, int]
) -> dict[str, Any]:
    """What a line of the manifest says of an image: its classes, or what is drawn on this picture of it."""
    if not data.draws:
        return {"labels": names}
    place = drawings.Place(picture.name, picture.width, picture.height, picture.content)
    lying = drawings.in_place(contents.objects or (), contents, data, place)
    return {"width": picture.width, "height": picture.height, "objects": drawings.in_columns(lying, index)}
