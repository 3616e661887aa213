"""YOLO. Drawn objects: yolo_objects.py. Classes: a zip with <split>/<class>/<image>, split being train, val or test.

A data set without splits has train only: Ultralytics wants a val too, which a release with splits has. One class per
image. What is in no folder is in left_out.csv, by where it stands (cannot_tell, tie, undecidable, unlabeled); marks of
images by a model's word, and classes.json, as in imagefolder.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import class_folders, drawings, yolo_objects

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("YOLO")
TEXT = gettext_lazy(
    "A zip from which Ultralytics trains: a folder per class, or labels with boxes or outlines (holes are lost)."
)
IMAGES = (True, False)
READINGS = (CONSENSUS, ALL)


def check(data: DataSet) -> None:
    """Raises NotPossibleNow for multi-label projects, and where no image has an outcome yet."""
    if data.draws:
        drawings.check(data, TITLE)
        return
    if data.wanted.labels == ALL or data.wanted.images is False:
        raise NotPossibleNow(
            _("YOLO for classification is folders of pictures with one answer each: take the outcome, with pictures."),
            fields={"labels" if data.wanted.labels == ALL else "images": ["not in yolo"]},
        )
    if data.is_multi:
        raise NotPossibleNow(
            _("YOLO for classification has one class per image; this project may have several. Take huggingface.")
        )
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no folder."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one image in memory. Images whose file is gone are listed."""
    if data.draws:
        yield from yolo_objects.write(data)
    else:
        yield from class_folders.write(data, "", yolo_objects.SPLITS)
