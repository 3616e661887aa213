"""Which format a folder, archive or file is of, by what lies in it. Knows readers, not what becomes of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.formats import (
    coco,
    cvat,
    huggingface,
    imagefolder,
    judgements,
    labelstudio,
    manifest,
    mask_images,
    voc,
    webdataset,
    yolo,
)
from labeler.intake.formats.item import Item, Options
from labeler.intake.formats.manifest_row import METADATA
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree

IMAGES = "images"
Reader = Callable[[Tree, Options], Iterator[Item | Refusal]]


def _images(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Images and nothing else: each file is an image, whatever its folder."""
    yield from tree.refused
    for name in tree.images:
        yield Item(name, source=partial(tree.read, name))


READERS: dict[str, Reader] = {
    IMAGES: _images, "zip": _images, "tar": _images,
    "imagefolder": imagefolder.read, "csv": manifest.read, "jsonl": manifest.read, "labelstudio": labelstudio.read,
    "coco": coco.read, "voc": voc.read, "masks": mask_images.read, "cvat": cvat.read,
    "yolo": yolo.read, "huggingface": huggingface.read, "webdataset": webdataset.read,
    "predictions": manifest.read_predictions,
}  # fmt: skip
PLAIN = frozenset((IMAGES, "zip", "tar"))  # of images alone
# A table with these is a manifest, though it may have the three columns of a table of judgements.
_OF_A_MANIFEST = frozenset(
    ("path", "url", "image_url", "sha256", "external_id", "split", "prediction", "probability", "model", "objects")
)


def recognise(tree: Tree, options: Options) -> str:
    """A key of READERS, or labels-csv. Raises NotPossibleNow for a single file that is nothing we know."""
    if tree.kind == "file":
        return _of_file(tree, options)
    if found := manifest.recognises(tree, options):
        return found
    for name, reader in (
        ("labelstudio", labelstudio), ("coco", coco), ("voc", voc), ("cvat", cvat),
        ("huggingface", huggingface), ("webdataset", webdataset),
        ("yolo", yolo), ("masks", mask_images), ("imagefolder", imagefolder),
    ):  # fmt: skip
        if reader.recognises(tree, options):
            return name
    return IMAGES


def _of_file(tree: Tree, options: Options) -> str:
    name = tree.names[0]
    start = tree.start(name)
    if start.startswith(b"PAR1"):
        return "huggingface"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"[", b"{")):
        if labelstudio.is_tasks(tree, name):
            return "labelstudio"
        if coco.is_coco(tree, name):
            return "coco"
        if text.startswith(b"{"):
            return "jsonl"
    elif text.startswith(b"<"):
        if cvat.recognises(tree, options):
            return "cvat"
        if voc.recognises(tree, options):
            return "voc"
    elif judgements.is_table(tree.path):
        columns = {column.strip().casefold() for column in manifest.columns_of(tree, name)}
        others = columns & _OF_A_MANIFEST or {c for c in columns if c.startswith(METADATA)}
        return "csv" if others else "labels-csv"
    elif manifest.recognises(tree, options) or name.lower().endswith(manifest.CSV):
        return "csv"  # whose reader says what is wrong with it
    raise NotPossibleNow(
        _("This file is of no format that is known here: a zip or a tar, a table with a column file_name, a JSON of "
          "COCO or Label Studio, an XML of CVAT or Pascal VOC, or parquet.")
    )  # fmt: skip
