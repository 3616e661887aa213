"""Ask a worker for the tiles of large images. Knows jobs; how tiles are made and kept is tiles.py's.

In projects where people draw, newcomers are cut when they come in. Elsewhere most images are judged from their
preview: those that somebody looks at closely are cut then, by the worker that answers what people wait for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.errors import NotFound
from labeler.intake.pyramid import is_large
from labeler.jobs import dispatch, jobs
from labeler.models import Image, Job, Project
from labeler.models.job import UNFINISHED, Kind, State

DO = "tiles"  # what such a job does, in its params
# After a worker failed (a full disk), or found the file gone or damaged: a page that waits asks every few seconds.
AGAIN = timedelta(minutes=1)


def ask(image: Image) -> None:
    """Have the tiles of an image made that somebody looks at; does nothing while a worker is at it.

    Raises NotFound where a worker has just found that its file is gone or damaged.
    """
    asked = Job.objects.filter(project=image.project_id, kind=Kind.IMAGES, params__do=DO)
    last = asked.filter(params__images__contains=[image.pk]).order_by("-pk").first()
    if last is not None:
        if last.state in UNFINISHED:
            return
        is_recent = last.finished_at is not None and last.finished_at > timezone.now() - AGAIN
        if is_recent and (reason := last.result.get("failed", {}).get(str(image.pk))):
            raise NotFound(_("The file of this image cannot be read on the server. %(reason)s") % {"reason": reason})
        if is_recent and last.state == State.FAILED:
            return
    _create(image.project, [image], task=dispatch.TILES)


def ask_for_new(project: Project, images: Iterable[Image]) -> None:
    """Have the tiles made of images that have just come in, where people draw. Call in their transaction."""
    large = [image for image in images if is_large(image.width, image.height)] if project.draws else []
    if large:
        _create(project, large)


def _create(project: Project, images: list[Image], task: str = "") -> None:
    params = {"do": DO, "images": [image.pk for image in images], "asked": {}}
    jobs.create(Kind.IMAGES, project=project, task=task, params=params, progress_total=len(images))
