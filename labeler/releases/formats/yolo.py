"""YOLO for classification: a zip with <split>/<class>/<image>, split being train, val or test.

A data set without splits has train only: Ultralytics wants a val too, which a release with splits has. One class per
image. What is in no folder is in left_out.csv, by where it stands (cannot_tell, tie, undecidable, unlabeled); marks of
images by a model's word, and classes.json, as in imagefolder.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.releases.data_set import CONSENSUS, DataSet
from labeler.releases.formats import class_folders

MEDIA_TYPE = "application/zip"
EXTENSION = "zip"
TITLE = gettext_lazy("YOLO, classification")
TEXT = gettext_lazy("A zip with train, val and test, in each a folder per class; Ultralytics trains from it.")
HAS_IMAGES = True
IMAGES = (True,)
READINGS = (CONSENSUS,)
_SPLITS = {"": "train", "validation": "val"}


def check(data: DataSet) -> None:
    """Raises NotPossibleNow for multi-label projects, and where no image has an outcome yet."""
    if data.is_multi:
        raise NotPossibleNow(
            _("YOLO for classification has one class per image; this project may have several. Take huggingface.")
        )
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no folder."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one image in memory. Images whose file is gone are listed."""
    yield from class_folders.write(data, "", _SPLITS)
