"""ImageFolder: a zip with root/<class>/<image>, one folder per class, as torchvision and Hugging Face read it.

Where the data set is split, root/<split>/<class>/<image>. A class without an image has no folder, because torchvision
refuses empty ones; classes.json beside root/ lists the folders in the order of their index, and how many images are in
none of them, by reason; left_out.csv names each of those with where it stands (cannot_tell, tie, undecidable,
unlabeled). An image that stands by a model's word alone says so in its name (leaf-7-614.model7.jpg), and classes.json
how many there are, and what is promised of those that were accepted.

In projects of several classes each image lies once in root/, or root/<split>/, beside a metadata.jsonl with its
classes: [] is a verified none. Where people draw, the line has `objects`: bbox, categories (the index in classes.json)
and details (drawings.in_columns).
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.releases.data_set import CONSENSUS, DataSet
from labeler.releases.formats import class_folders, drawings

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Image folders")
TEXT = gettext_lazy("A zip with the images, one folder per class; torchvision reads it.")
IMAGES = (True,)
READINGS = (CONSENSUS,)
ROOT = "root"


def check(data: DataSet) -> None:
    """Raises NotPossibleNow where no image has an outcome yet."""
    if data.draws:
        drawings.check_in_columns(data, TITLE)
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no folder."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one image in memory. Images whose file is gone are listed."""
    if data.is_multi or data.draws:
        yield from class_folders.write_with_manifest(data, ROOT)
    else:
        yield from class_folders.write(data, ROOT, {"": ""})
