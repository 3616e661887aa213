"""The full-size rendition: made once, kept, and never in the way of people who label."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from labeler.errors import StorageFull, TooManyRequests
from labeler.intake import full_size
from labeler.intake.check import Refused
from labeler.intake.images import media_store
from labeler.intake.store import Batch

SIDEWAYS = 6  # EXIF: turn right by a quarter


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    return settings.MEDIA_DIR


def stored(image_format: str, pixels: Image.Image, **options) -> dict[str, str]:
    """An original in the store, by what open_full_size takes."""
    out = io.BytesIO()
    pixels.save(out, image_format, **options)
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    extension = {"JPEG": "jpg", "TIFF": "tif", "PNG": "png"}[image_format]
    with media_store().batch() as batch:
        batch.add(sha256=sha256, extension=extension, original=out.getvalue(), preview=b"preview", thumbnail=b"thumb")
        batch.keep()
    return {"sha256": sha256, "extension": extension}


def opened(image: dict[str, str]) -> tuple[Image.Image, str]:
    file, media_type = full_size.open_full_size(**image)
    with file:
        return Image.open(io.BytesIO(file.read())), media_type


def test_the_first_look_makes_it_and_the_next_ones_read_it(monkeypatch, media):
    image = stored("JPEG", Image.new("RGB", (300, 200), "green"))
    first = opened(image)[0]

    monkeypatch.setattr(full_size, "make_full_size", lambda _image: pytest.fail("made again"))

    assert opened(image)[0].tobytes() == first.tobytes()
    assert [path.suffix for path in (media / "full").rglob("*.*")] == [".jpg"]


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "LA", "RGB"])
def test_whatever_came_leaves_upright_without_metadata_and_as_a_browser_shows_it(mode):
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    pixels = (
        Image.fromarray(np.full((40, 60), 30_000, dtype=np.uint16)) if mode == "I;16" else Image.new(mode, (60, 40))
    )
    image, media_type = opened(stored("TIFF", pixels, exif=exif))

    assert (image.format, media_type) == ("PNG", "image/png")
    assert image.mode in ("RGB", "L")
    assert image.size == (40, 60)
    assert not image.getexif()
    assert "SECRET" not in repr(image.info)


def test_no_more_than_two_are_made_at_a_time_and_those_that_are_kept_need_no_turn(monkeypatch):
    kept = stored("JPEG", Image.new("RGB", (30, 20), "red"))
    opened(kept)
    new = stored("JPEG", Image.new("RGB", (30, 20), "blue"))
    make = full_size.make_full_size
    depth = []

    def while_one_is_made(decoded):
        depth.append(1)
        if len(depth) < full_size.AT_ONCE:
            opened(new)
        else:
            with pytest.raises(TooManyRequests) as refusal:
                opened(new)
            assert refusal.value.details["retry_after"] == full_size.AGAIN_IN_SECONDS
            assert opened(kept)[1] == "image/jpeg"
        return make(decoded)

    monkeypatch.setattr(full_size, "make_full_size", while_one_is_made)
    assert opened(new)[0].size == (30, 20)
    assert len(depth) == full_size.AT_ONCE
    monkeypatch.setattr(full_size, "make_full_size", make)
    assert opened(stored("PNG", Image.new("RGB", (3, 2))))[1] == "image/png"  # every turn was given back


@pytest.mark.django_db  # a missing one may lie in a bucket
def test_a_damaged_original_gives_its_turn_back(media):
    image = stored("PNG", Image.new("RGB", (30, 20), "red"))
    path = media_store().original_path(**image)
    path.write_bytes(path.read_bytes()[:60])

    for _ in range(full_size.AT_ONCE + 1):
        with pytest.raises(Refused):
            full_size.open_full_size(**image)
    path.unlink()
    for _ in range(full_size.AT_ONCE + 1):
        with pytest.raises(FileNotFoundError):
            full_size.open_full_size(**image)


def test_on_a_full_disk_it_is_shown_all_the_same(monkeypatch, media):
    image = stored("JPEG", Image.new("RGB", (300, 200), "green"))

    def full(*_args, **_named):
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(Batch, "add_full_size", full)
    assert opened(image)[0].size == (300, 200)
    assert not (media / "full").exists()


@pytest.mark.parametrize("extension", ["tif", "html", "../jpg"])
def test_only_two_kinds_of_file_are_kept(extension):
    with pytest.raises(ValueError, match="extension"):
        media_store().full_path("a" * 64, extension)
