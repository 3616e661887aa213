"""Previews, thumbnails and the full size: sizes, no metadata, nothing enlarged."""

import io

import numpy as np
import pytest
from PIL import Image

from labeler.intake.check import decode_image
from labeler.intake.renditions import make_full_size, make_renditions, strip_jpeg
from tests.helpers.scenes import encode, scene


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "preview", "thumbnail"),
    [
        ((4000, 3000), (1600, 1200), (341, 256)),
        ((3000, 4000), (1200, 1600), (256, 341)),
        ((1600, 900), (1600, 900), (455, 256)),
        ((300, 280), (300, 280), (274, 256)),
        ((200, 120), (200, 120), (200, 120)),  # never enlarged
        ((1, 1), (1, 1), (1, 1)),
        ((30_000, 200), (1600, 11), (1600, 11)),  # a strip: as tall as the preview has it
        ((9000, 1), (1600, 1), (1600, 1)),
    ],
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_sizes(size, preview, thumbnail, image_format):
    renditions = make_renditions(decode_image(encode(Image.new("RGB", size, (90, 120, 60)), image_format)))
    for content, expected in ((renditions.preview, preview), (renditions.thumbnail, thumbnail)):
        image = opened(content)
        assert (image.format, image.size) == ("JPEG", expected)


def with_metadata(image_format: str, image: Image.Image | None = None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8825)[1] = "N"
    options = {"exif": exif, "icc_profile": b"SECRETPROFILE sRGB" * 9}
    if image_format in ("JPEG", "GIF"):
        options["comment"] = b"SECRETCOMMENT"
    return encode(image or scene((400, 300)), image_format, **options)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_no_metadata_leaves_the_house(image_format):
    content = with_metadata(image_format) + b"SECRETTAIL"
    assert b"SECRET" in content
    renditions = make_renditions(decode_image(content))
    full = make_full_size(decode_image(content, full_size=True))
    for made in (renditions.preview, renditions.thumbnail, full):
        assert b"SECRET" not in made
        assert not opened(made).getexif()
        assert "icc_profile" not in opened(made).info


def test_a_small_jpeg_keeps_its_pixels_exactly():
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 2}):
        content = encode(scene((400, 300)), "JPEG", quality=90, comment=b"SECRET", **options)
        preview = make_renditions(decode_image(content)).preview
        assert b"SECRET" not in preview
        assert np.array_equal(np.asarray(opened(preview)), np.asarray(opened(content)))


def test_the_full_size_of_a_large_jpeg_loses_nothing():
    content = with_metadata("JPEG", scene((3600, 2000)))
    full = make_full_size(decode_image(content, full_size=True))
    assert opened(full).format == "JPEG"
    assert np.array_equal(np.asarray(opened(full)), np.asarray(opened(content)))


def test_the_full_size_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(scene((400, 300)), "JPEG", exif=exif)
    image = opened(make_full_size(decode_image(content, full_size=True)))
    assert image.size == (300, 400)
    assert min(image.getpixel((40, 40))) < 80 < 150 < image.getpixel((40, 40))[2]  # bottom left (blue) came to top left


def test_the_full_size_of_a_png_is_exact():
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 255, (50, 70, 3), dtype=np.uint8))
    full = make_full_size(decode_image(encode(noise, "PNG"), full_size=True))
    assert opened(full).format == "PNG"
    assert np.array_equal(np.asarray(opened(full)), np.asarray(noise))


def test_a_wide_gamut_becomes_srgb():
    # A profile whose primaries are exchanged (the matrix columns of sRGB, red and green swapped) must turn
    # red to green.
    from PIL import ImageCms

    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = srgb.index(b"rXYZ"), srgb.index(b"gXYZ")
    srgb[red : red + 4], srgb[green : green + 4] = b"gXYZ", b"rXYZ"
    profile = bytes(srgb).replace(b"s\0R\0G\0B", b"o\0d\0d\0 ").replace(b"sRGB", b"odd ")
    preview = opened(make_renditions(decode_image(encode(scene(), "PNG", icc_profile=profile))).preview)
    red_value, green_value, _ = preview.getpixel((20, 20))
    assert green_value > 180 > 90 > red_value


def test_a_jpeg_with_strange_segments_is_not_stripped_but_encoded_again():
    content = encode(scene(), "JPEG")
    assert strip_jpeg(content) is not None
    assert strip_jpeg(content[:-2]) is None  # no end of image
    assert strip_jpeg(b"\xff\xd8" + b"\xff\x02\x00\x04ab" + content[2:]) is None
    assert strip_jpeg(b"not a jpeg") is None
