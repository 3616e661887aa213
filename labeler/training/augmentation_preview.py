"""Training images as the network will see them: asked for before anything is trained, made by a worker, kept.

Knows which images show it, how strong each kind of variation is, and where the files lie; what varies an image is
worker/ml/images/tensors.py, where people draw worker/ml/detection/canvas.py; worker/training/augmentation_images.py
calls them. The only module that asks for jobs of the kind "views".
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from labeler import train_settings
from labeler.errors import NotPossibleNow
from labeler.jobs import jobs, leases
from labeler.label_set import categories
from labeler.models import Image, Job, Label, LabelObject, Project
from labeler.models.image import Slice
from labeler.models.job import UNFINISHED, Kind, State
from labeler.training import run_settings

IMAGES, VIEWS = 4, 6  # rows, and variants in each beside the image itself
SIDE = 192  # pixels of each
SEARCHED = 200  # labels with objects, for images that show it: no more is to be read for four
KEPT = 8  # settings of a project whose images are kept, the newest
NOT_READABLE = frozenset({"left", "right", "top", "bottom", "up", "down", "above", "below"})
_KEY = re.compile(r"[0-9a-f]{32}")

Augmentation = dict[str, bool | float]
# How training images are varied where nothing else is said.
DEFAULT: Augmentation = dataclasses.asdict(train_settings.Augmentation())

# For each switch what its strengths mean: off, gentle, normal (the default of a run), strong.
STRENGTHS = ("off", "gentle", "normal", "strong")
LEVELS: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "zoom": {"zoom": (0, 0.15, 0.35, 0.6), "stretch": (0, 0.08, 0.15, 0.3)},
    "rotation": {"rotate_degrees": (0, 6, 12, 30)},
    "shift": {"shift": (0, 0.02, 0.05, 0.12)},
    "shear": {"shear_degrees": (0, 2, 4, 10)},
    "colour": {
        "brightness": (0, 0.12, 0.25, 0.45), "contrast": (0, 0.12, 0.25, 0.45), "saturation": (0, 0.12, 0.25, 0.6),
    },
    "grey": {"grey_share": (0, 0.02, 0.05, 0.25)},
    "noise": {"noise": (0, 0.01, 0.02, 0.06)},
}  # fmt: skip
FLIPS = ("flip", "flip_vertical")
# Models that draw see a part of the image anywhere in it, which is a shift already. They use no other setting: the box
# of an object that is turned or slanted is not known from its box.
WHERE_PEOPLE_DRAW = (*FLIPS, "zoom", "colour")


def settings_of(project: Project) -> Augmentation:
    """How a run of this project varies its images, every setting named."""
    return _over_default(project.training_config.get("augmentation") or {})


def complete(given: Mapping[str, Any]) -> Augmentation:
    """`given` laid over the defaults. Raises Invalid for settings that cannot be used."""
    run_settings.check({"augmentation": dict(given)})
    return _over_default(given)


def _over_default(given: Mapping[str, Any]) -> Augmentation:
    return {**DEFAULT, **{name: value for name, value in given.items() if value is not None}}


def strength_of(switch: str, how: Mapping[str, Any]) -> str | None:
    """Which of STRENGTHS the settings are; None where a program set something between."""
    for place, name in enumerate(STRENGTHS):
        if all(abs(float(how[setting]) - levels[place]) < 1e-9 for setting, levels in LEVELS[switch].items()):
            return name
    return None


def settings_for(switch: str, strength: str) -> Augmentation:
    """What a strength sets."""
    return {setting: levels[STRENGTHS.index(strength)] for setting, levels in LEVELS[switch].items()}


def beyond_default(how: Mapping[str, Any]) -> Augmentation:
    """What a project has to keep: settings that are not those of any run."""
    return {name: value for name, value in how.items() if value != DEFAULT[name]}


def orientation_matters(project: Project) -> list[str]:
    """Classes whose names say that an image must not be mirrored: sides, and single letters or digits."""
    index = categories.index(project)
    names = [index.names[pk] for pk in index.names if pk in index.ids_in_use]
    return [
        name
        for name in names
        if (len(name.strip()) == 1 and name.strip().isalnum())
        or NOT_READABLE & set(re.split(r"[\W_]+", name.casefold()))
    ]


# ---------------------------------------------------------------- what there is


@dataclass(frozen=True, slots=True)
class Pictures:
    """Varied images of one choice of settings, made or on their way."""

    key: str
    state: str  # of the job that makes them; "" where nobody has asked
    rows: list[int]  # image ids; row k has VIEWS + 1 files, the first is the image itself
    error: str

    @property
    def is_made(self) -> bool:
        return self.state == State.DONE

    @property
    def is_on_its_way(self) -> bool:
        return self.state in UNFINISHED


def switches(project: Project) -> tuple[str, ...]:
    """What can be set: names of FLIPS and LEVELS."""
    return WHERE_PEOPLE_DRAW if project.draws else (*FLIPS, *LEVELS)


def sample(project: Project) -> list[tuple[int, str]]:
    """Images that show it, (id, SHA-256): a few of those that may train, the same each time.

    Where people draw, images with objects as long as there are some.
    """
    images = Image.objects.filter(project=project, slice=Slice.NONE).order_by("sha256")
    if project.draws:
        drawn = LabelObject.objects.filter(label=OuterRef("pk"))
        labels = Label.objects.filter(Exists(drawn), project=project, image__slice=Slice.NONE).current()
        first = labels.order_by("image").values_list("image", flat=True)[:SEARCHED]
        if with_objects := images.filter(pk__in=list(first)):
            return list(with_objects.values_list("pk", "sha256")[:IMAGES])
    return list(images.values_list("pk", "sha256")[:IMAGES])


def find(project: Project, how: Mapping[str, Any]) -> Pictures:
    """What is kept for these settings and the images of now."""
    key = _key(how, sample(project))
    job = Job.objects.filter(project=project, kind=Kind.VIEWS, params__key=key).first()
    if job is None or (job.state == State.DONE and not folder(project.pk, key).is_dir()):
        return Pictures(key, "", [], "")
    error = (job.error or {}).get("message", "") if job.state == State.FAILED else ""
    return Pictures(key, job.state, list(job.result.get("images", [])), error)


def ask(project: Project, how: Mapping[str, Any], *, by: User | None) -> Pictures:
    """Have a worker make them unless they are there or on their way; those of other settings are not made any more.

    Raises NotPossibleNow for a project without an image.
    """
    images = sample(project)
    if not images:
        raise NotPossibleNow(_("There are no images yet that could be varied. Import some first."))
    key = _key(how, images)
    with transaction.atomic():
        # Two that ask at once would both find no job.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        there = find(project, how)
        if there.is_made or there.is_on_its_way:
            return there
        # Nobody has taken them: whoever moves five switches waits for the last one only.
        for untaken in Job.objects.filter(project=project, kind=Kind.VIEWS, state=State.QUEUED):
            leases.cancel(Job, untaken.pk)
        params = {"key": key, "augmentation": dict(how), "images": [pk for pk, _sha in images]}
        jobs.create(Kind.VIEWS, project=project, requested_by=by, params=params)
    return find(project, how)


def _key(how: Mapping[str, Any], images: list[tuple[int, str]]) -> str:
    numbers = sorted((name, float(value)) for name, value in how.items())
    described = json.dumps([numbers, [sha256 for _pk, sha256 in images], IMAGES, VIEWS, SIDE])
    return hashlib.sha256(described.encode()).hexdigest()[:32]


def folder(project_id: int, key: str) -> Path:
    """Where the files of one choice of settings lie. Raises ValueError for what is no key."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key of varied images.")
    return Path(settings.MEDIA_DIR) / "views" / str(project_id) / key


def file_of(project_id: int, key: str, row: int, column: int) -> Path:
    """One JPEG; column 0 is the image itself."""
    return folder(project_id, key) / f"{row}-{column}.jpg"
