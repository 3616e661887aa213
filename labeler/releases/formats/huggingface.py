"""Hugging Face: a zip with data/<split>-00000-of-0000N.parquet, pictures inside, and README.md with its features.

`datasets.load_dataset(folder)` reads it. label is a ClassLabel, or in projects of several classes labels a sequence of
them; [] is a verified none. Only images with an answer are in it, and one that stands by a model's word alone has
source "model"; left_out.csv names the others by where they stand (cannot_tell, tie, undecidable, unlabeled). With every
judgement each image has `annotations`, and those nobody agreed on are in, without a label; with shares, `shares` has a
number per class in the order of the label's names. Where people draw, `objects` has bbox, categories and details
(drawings.in_columns) instead of a label.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.models.label import Answer
from labeler.releases.contents import Contents, Names, Object
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import datacard, drawings, features
from labeler.releases.formats.answers import answer_of, judgements_of, shares_of, split_of
from labeler.releases.formats.archives import Sink, ZipOut
from labeler.releases.formats.class_folders import LeftOut
from labeler.releases.formats.pictures import Preparing, pictures_of
from labeler.releases.places import public_metadata

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Hugging Face data set")
TEXT = gettext_lazy("Parquet with the pictures in it, and a card: load_dataset reads the unpacked folder.")
IMAGES = (True, False)
READINGS = (CONSENSUS, ALL, SOFT)
SHARD_BYTES = 500_000_000
GROUP_BYTES = 16_000_000  # of pictures, held in memory at once
GROUP_ROWS = 1000


def check(data: DataSet) -> None:
    """Raises NotPossibleNow where no image has an answer, or there is no class."""
    if data.draws:
        drawings.check_in_columns(data, TITLE)
    if not data.has_outcomes or not data.classes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no row."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: a row group in memory at a time. Two passes over the rows: a shard's name says how many."""
    archive = ZipOut()
    preparing = Preparing(data)
    counts: Counter[str] = Counter()
    with data.held(), LeftOut() as left_out:
        shards = _shards(data)
        for split, n_shards in shards.items():
            rows = _Rows(data, split, left_out, preparing)
            for number in range(n_shards):
                name = f"data/{split or 'train'}-{number:05}-of-{n_shards:05}.parquet"
                yield from archive.add_pieces(name, rows.shard(last=number == n_shards - 1))
            counts[split or "train"] = rows.n
        if left_out.n:
            yield from archive.add_pieces("left_out.csv", left_out.pieces())
        yield from archive.add("README.md", features.front_matter(data, counts) + "\n" + datacard.text(data))
    for report, text in preparing.reports():
        yield from archive.add(report, text)
    yield from archive.end()


def _is_in(contents: Contents, data: DataSet) -> bool:
    if data.wanted.labels == ALL and judgements_of(contents):
        return True
    return answer_of(contents).names is not None or (data.wanted.labels == SOFT and shares_of(contents) is not None)


def _shards(data: DataSet) -> dict[str, int]:
    """How many files each split has, by the bytes of its originals; splits in the order train, validation, test."""
    sizes: Counter[str] = Counter()
    for contents in data.rows():
        sizes[split_of(contents, data)] += contents.image.n_bytes if _is_in(contents, data) else 0
    order = {"train": 1, "validation": 2, "test": 3}
    return {
        split: max(1, -(-sizes[split] // SHARD_BYTES)) for split in sorted(sizes, key=lambda s: (order.get(s, 0), s))
    }


class _Rows:
    """The rows of one split, taken shard by shard."""

    def __init__(self, data: DataSet, split: str, left_out: LeftOut, preparing: Preparing) -> None:
        self.data, self.split, self.left_out, self.preparing = data, split, left_out, preparing
        self.place = {one.name: place for place, one in enumerate(data.classes)}
        self.has_images = data.wanted.images is not False
        self.n = 0
        self._groups = self._row_groups()

    def shard(self, *, last: bool) -> Iterator[bytes]:
        """A Parquet file; the last has all that is left."""
        import pyarrow as pa  # here: the web process starts without it
        import pyarrow.parquet as pq

        schema = features.schema(self.data)
        sink, size = Sink(), 0
        with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
            while last or size < SHARD_BYTES:
                group, n_bytes = next(self._groups, (None, 0))
                if group is None:
                    break
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                size += n_bytes
                yield sink.take()
        yield sink.take()

    def _row_groups(self) -> Iterator[tuple[list[dict[str, Any]], int]]:
        group: list[dict[str, Any]] = []
        size = 0
        for contents in self.data.rows():
            if split_of(contents, self.data) != self.split:
                continue
            if not _is_in(contents, self.data):
                self.left_out.leave(contents)
                continue
            for row, n_bytes in self._of(contents):
                group.append(row)
                size += n_bytes
                self.n += 1
                if size >= GROUP_BYTES or len(group) >= GROUP_ROWS:
                    yield group, size
                    group, size = [], 0
        if group:
            yield group, size

    def _of(self, contents: Contents) -> Iterator[tuple[dict[str, Any], int]]:
        image, said = contents.image, answer_of(contents)
        row: dict[str, Any] = {
            "image_id": image.pk, "file_name": image.name, "sha256": image.sha256, "state": said.state,
            "source": said.source, "model": said.model, "confidence": said.confidence,
            "metadata": json.dumps(
                public_metadata(image.metadata, location=self.data.wanted.location), ensure_ascii=False
            ),
        }  # fmt: skip
        place = None
        if self.data.draws:
            place = drawings.place_of(contents, self.data, pictures=self.has_images)
            row |= {"objects": self._drawn(contents.objects, contents, place)}
        else:
            row |= self._named(said.names)
        if self.data.wanted.labels == ALL:
            row["annotations"] = [
                {"annotator": one.annotator, "answer": one.answer}
                | (
                    {"objects": self._drawn(one.objects, contents, place)}
                    if self.data.draws
                    else self._named(one.categories if one.answer == Answer.LABELED else None)
                )
                for one in judgements_of(contents)
            ]
        elif self.data.wanted.labels == SOFT:
            shares = shares_of(contents) or {}
            row["shares"] = [shares.get(name, 0.0) for name in self.place]
        if not self.has_images:
            yield row, 100
            return
        found = False
        for picture in pictures_of(contents, self.data):
            found = True
            self.preparing.add(picture.name, picture, "|".join(said.names or ()), contents.split)
            yield row | {"image": {"bytes": picture.content, "path": picture.name}}, len(picture.content)
        if not found:
            yield row | {"image": None}, 100

    def _drawn(
        self, objects: tuple[Object, ...] | None, contents: Contents, place: drawings.Place | None
    ) -> dict[str, list[Any]] | None:
        """place: of the picture, None where it is gone."""
        if objects is not None and place is not None:
            objects = tuple(drawings.in_place(objects, contents, self.data, place))
        return drawings.in_columns(objects, self.place)

    def _named(self, names: Names | None) -> dict[str, Any]:
        if self.data.is_multi:
            return {"labels": None if names is None else [self.place[n] for n in names if n in self.place]}
        return {"label": self.place.get(names[0]) if names else None}
