"""Hugging Face's data sets of images: an imagefolder with `metadata.csv|jsonl`, or parquet with the images.

Where there is metadata, folders name no classes (`drop_labels`): the label is a column. In parquet the image is a
struct of bytes and path, and the names of a ClassLabel stand in the schema.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake import tree as trees
from labeler.intake.check import read_source
from labeler.intake.formats import manifest, manifest_row, values
from labeler.intake.formats.item import Item, Names, Options
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each

if TYPE_CHECKING:
    import pyarrow.parquet as pq

TABLES = ("metadata.csv", "metadata.jsonl")
MOST_GROUP_BYTES = 4 * 1024**3  # of a row group, unpacked: parquet names it, and what lies is refused by its reader
ROWS_AT_ONCE = 32
_SPLIT = re.compile(r"(?:^|/)([a-z]+)(?:-\d+-of-\d+)?(?:-[0-9a-f]+)?\.parquet$", re.IGNORECASE)


def recognises(tree: Tree, options: Options) -> bool:
    return bool(_tables(tree) or list(each(tree, ".parquet")))


def _tables(tree: Tree) -> list[str]:
    if tree.kind == "file":
        return []
    return [name for name in tree.names if name.rpartition("/")[2].lower() in TABLES]


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow for files that are no such tables."""
    yield from tree.refused
    tables, parquets = _tables(tree), list(each(tree, ".parquet"))
    if not tables and not parquets:
        raise NotPossibleNow(_("There is no metadata.csv, no metadata.jsonl and no parquet file here."))
    names = Names(tree.images)
    listed: set[str] = set()
    for name in tables:
        context = manifest_row.Context(
            tree, options, names, beside=name[: name.rfind("/") + 1], split=values.split_in_folders(name)
        )
        for item in manifest.rows(name, context):
            if isinstance(item, Item) and item.source:
                listed.add(item.name)
            yield item
    if tables:
        for name in tree.images:
            if name not in listed:
                yield Item(name, source=partial(tree.read, name), split=values.split_in_folders(name))
    for name in parquets:
        yield from _parquet(tree, name, options)


# ---------------------------------------------------------------- parquet


def _parquet(tree: Tree, name: str, options: Options) -> Iterator[Item | Refusal]:
    import pyarrow as pa  # here: 0.2 s, and few imports need it
    import pyarrow.parquet as pq

    matched = _SPLIT.search(name)
    split = values.split_in_folders(name) or (values.SPLITS.get(matched[1].casefold(), "") if matched else "")
    context = manifest_row.Context(tree, options, None, split=split)
    with _seekable(tree, name) as file:
        try:
            table = pq.ParquetFile(file, memory_map=False, pre_buffer=False)
            _check_size(table)
            image = _image_column(table)
            numbered = _class_names(table)
            number = 0
            for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield _of_row(number, row, image, numbered, context, name)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotPossibleNow(
                _("The parquet file cannot be read: %(error)s.") % {"error": str(error).strip()[:200]}
            ) from error


def _seekable(tree: Tree, name: str) -> IO[bytes]:
    """Parquet is read from its end: of an archive, from a copy without a name."""
    if tree.kind == "file":
        return tree.path.open("rb")
    if tree.kind == "folder":
        return (tree.path / name).open("rb")
    copied = trees.temporary()
    try:
        with tree.open(name) as stream:
            shutil.copyfileobj(stream, copied)
        copied.seek(0)
    except BaseException:
        copied.close()
        raise
    return copied


def _check_size(table: pq.ParquetFile) -> None:
    for n in range(table.metadata.num_row_groups):
        if table.metadata.row_group(n).total_byte_size > MOST_GROUP_BYTES:
            raise NotPossibleNow(_("A row group of the parquet file is larger than 4 GB: write smaller ones."))


def _image_column(table: pq.ParquetFile) -> str:
    """The column of images: a struct with bytes, or bytes alone, or "" where there is none."""
    import pyarrow as pa

    for field in table.schema_arrow:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return str(field.name)
    binary = [f.name for f in table.schema_arrow if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
    return str(next((name for name in ("image", "img", *binary) if name in binary), ""))


def _class_names(table: pq.ParquetFile) -> dict[str, list[str]]:
    """Of each ClassLabel column, the names by number."""
    try:
        said = json.loads((table.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        features = said["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    known = {name: _names_in(feature) for name, feature in features.items()} if isinstance(features, dict) else {}
    return {name: names for name, names in known.items() if names}


def _names_in(feature: Any) -> list[str]:
    """Of a ClassLabel, of a list of them, or of what stands for the class of an object."""
    if isinstance(feature, list):
        return _names_in(feature[0]) if feature else []
    if not isinstance(feature, dict):
        return []
    if isinstance(feature.get("names"), list):
        return [str(one) for one in feature["names"]]
    inner = next((feature[name] for name in ("feature", *manifest_row.CATEGORY) if name in feature), None)
    return _names_in(inner)


def _of_row(
    number: int,
    row: dict[str, Any],
    image: str,
    numbered: dict[str, list[str]],
    context: manifest_row.Context,
    table: str,
) -> Item | Refusal:
    content, path = _content(row.pop(image, None) if image else None)
    for name, names in numbered.items():
        if name in row:
            row[name] = _named(row[name], names)
    if not any(name in row for name in manifest_row.NAMING):
        numbered_name = f"{table.rpartition('/')[2].removesuffix('.parquet')}-{number:06}"
        row["file_name"] = path.replace("\\", "/").rpartition("/")[2] if path else numbered_name
    item = manifest_row.of_object(number, row, context)
    if isinstance(item, Refusal) or content is None:
        return item
    # The hash may be that of the file before its metadata were taken away: what counts is what lies here.
    sha256 = item.sha256 if hashlib.sha256(content).hexdigest() == item.sha256 else ""
    source = partial(read_source, content, settings.MAX_IMAGE_BYTES)
    return replace(item, name=clean_name(item.name), source=source, sha256=sha256)


def _content(value: Any) -> tuple[bytes | None, str]:
    if isinstance(value, dict):
        content, path = value.get("bytes"), value.get("path")
        return content if isinstance(content, bytes) else None, path if isinstance(path, str) else ""
    return value if isinstance(value, bytes) else None, ""


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    if isinstance(value, dict):  # objects, or one of them
        return {key: _named(one, names) if key in manifest_row.CATEGORY else one for key, one in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        return names[value] if 0 <= value < len(names) else None if value == -1 else str(value)
    return value
