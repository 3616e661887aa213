"""Images that are nearly the same."""

from __future__ import annotations

import io

from PIL import Image as Pixels

from labeler.intake.images import add_images, file_member
from labeler.labeling import seats
from labeler.models import Image
from labeler.models.image import Slice


def saved(image: Pixels.Image, quality: int = 92) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def bring_in(project, *contents: bytes) -> list[Image]:
    members = [file_member(f"{n}.jpg", content) for n, content in enumerate(contents)]
    return [outcome.image for outcome in add_images(project=project, members=members, threads=1)]


def drawn(monkeypatch, *slices: str) -> None:
    """What the next newcomers would be by chance."""
    by_chance = iter(slices)
    monkeypatch.setattr(seats, "draw_slice", lambda _project, _sha256: Slice(next(by_chance)))


def slices(*images: Image) -> list[str]:
    return [Image.objects.get(pk=image.pk).slice for image in images]
