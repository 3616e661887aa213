"""Files go out without saying where and by whom they were taken, and look as they did."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from labeler.releases.clean_files import Unreadable, clean, orientation_of
from labeler.releases.places import is_personal, public_metadata
from tests.helpers.data_sets import GPS, SIDEWAYS, photograph
from tests.helpers.scenes import encode, scene


def shown(content: bytes) -> Image.Image:
    """As a person sees it."""
    with Image.open(io.BytesIO(content)) as image:
        return ImageOps.exif_transpose(image).convert("RGBA")


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")])
def test_place_and_person_go_and_pixels_and_orientation_stay(kind, extension):
    original = photograph(1, kind)
    assert b"Jane Roe" in original

    cleaned = clean(original, extension)

    with Image.open(io.BytesIO(cleaned)) as image:
        exif = image.getexif()
        turned = 1 if kind == "TIFF" else SIDEWAYS  # a TIFF is turned itself
        assert (exif.get(0x0112, 1), dict(exif.get_ifd(GPS)), exif.get(0x013B)) == (turned, {}, None)
    assert b"Jane Roe" not in cleaned and b"Camera works" not in cleaned
    assert shown(cleaned).size == (48, 64)
    assert shown(cleaned).tobytes() == shown(original).tobytes()
    assert clean(cleaned, extension) == cleaned


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_an_upright_picture_has_no_exif_at_all(kind, extension):
    cleaned = clean(photograph(1, kind, orientation=1), extension)

    with Image.open(io.BytesIO(cleaned)) as image:
        assert not image.getexif()
    assert orientation_of(cleaned) == 1


def test_what_editors_hide_in_a_jpeg_is_cut_out_and_the_profile_kept():
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    plain = encode(scene(), "JPEG", progressive=True, icc_profile=profile)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x>Jane Roe lives here</x>"
    iptc = b"Photoshop 3.0\0Jane Roe"
    segments = [(0xE1, xmp), (0xED, iptc), (0xFE, b"by Jane Roe"), (0xE2, b"MPF\0Jane Roe")]
    hidden = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    original = plain[:2] + hidden + plain[2:] + b"second picture of Jane Roe"

    cleaned = clean(original, "jpg")

    assert b"Jane Roe" not in cleaned
    assert cleaned.endswith(b"\xff\xd9")
    assert shown(cleaned).tobytes() == shown(plain).tobytes()
    with Image.open(io.BytesIO(cleaned)) as image:
        assert image.info["icc_profile"] == profile


def test_text_chunks_of_a_png_go_and_transparency_stays():
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", "Jane Roe")
    said.add_itxt("XML:com.adobe.xmp", "<x>Jane Roe</x>", zip=False)
    image = scene().convert("RGBA")
    image.putalpha(100)
    original = encode(image, "PNG", pnginfo=said)

    cleaned = clean(original, "png")

    assert b"Jane Roe" in original and b"Jane Roe" not in cleaned
    assert shown(cleaned).tobytes() == shown(original).tobytes()


def test_an_animation_moves_on_without_its_comment():
    frames = [scene(), scene().rotate(180)]
    original = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"Jane Roe", loop=0)

    cleaned = clean(original, "gif")

    assert b"Jane Roe" not in cleaned
    with Image.open(io.BytesIO(cleaned)) as image:
        assert (image.n_frames, image.info["loop"]) == (2, 0)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "gif", "tif", "bmp"])
@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\xff\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a"])
def test_what_is_no_picture_does_not_go_out(content, extension):
    with pytest.raises(Unreadable):
        clean(content, extension)


def test_a_png_cut_short_is_encoded_again_or_refused():
    whole = photograph(1, "PNG")
    block = b"tEXtAuthor\0Jane Roe"
    chunk = struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))

    try:
        cleaned = clean(whole[:-12] + chunk, "png")  # no end
    except Unreadable:
        return
    assert b"Jane Roe" not in cleaned


@pytest.mark.parametrize(
    ("key", "personal"),
    [
        ("exif.gps_latitude", True), ("exif.GPSInfo.GPSLongitude", True), ("exif.Artist", True), ("exif.city", True),
        ("exif.BodySerialNumber", True), ("exif.model", False), ("exif.taken_at", False), ("city", False),
        ("artist", False), ("gps", False),
    ],
)  # fmt: skip
def test_fields_of_exif_that_say_where_or_by_whom_are_known_by_name(key, personal):
    assert is_personal(key) is personal


def test_metadata_goes_out_without_places_unless_they_are_asked_for():
    kept = '{"patient": "p7", "exif.gps_latitude": 52.5, "exif": {"Artist": "Jane", "Model": "X"}}'

    assert public_metadata(kept) == {"patient": "p7", "exif": {"Model": "X"}}
    assert public_metadata(kept, location=True)["exif.gps_latitude"] == 52.5
