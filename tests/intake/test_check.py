"""What is taken for an image, and what is refused in which words."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from labeler.intake.check import CheckedImage, Limits, Refused, decode_image
from labeler.intake.renditions import make_renditions
from tests.helpers.scenes import encode, scene


def check_image(source, **how) -> CheckedImage:
    return decode_image(source, **how).checked


def preview_of(content: bytes) -> Image.Image:
    preview = Image.open(io.BytesIO(make_renditions(decode_image(content)).preview))
    preview.load()
    return preview


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_each_format_is_described_from_its_bytes(image_format, tmp_path):
    content = encode(scene(), image_format)
    file = tmp_path / "no-extension"
    file.write_bytes(content)

    for source in (content, file, io.BytesIO(content)):
        checked = check_image(source)
        assert (checked.width, checked.height, checked.format) == (120, 80, image_format)
        assert checked.sha256 == hashlib.sha256(content).hexdigest()
        assert checked.bytes == len(content)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_truncated_image_is_refused(image_format):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (80, 120, 3), dtype=np.uint8))
    content = encode(noise, image_format)
    with pytest.raises(Refused, match=r"incomplete|damaged"):
        check_image(content[: len(content) * 2 // 3])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_large_jpeg_is_decoded_reduced_and_still_found_truncated():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (1800, 3600, 3), dtype=np.uint8))
    content = encode(noise, "JPEG", quality=50)

    decoded = decode_image(content)
    assert (decoded.checked.width, decoded.checked.height) == (3600, 1800)
    assert decoded.pixels.size == (1800, 900)
    with pytest.raises(Refused, match="incomplete"):
        check_image(content[:-2000])


def png_header(width: int, height: int) -> bytes:
    """A valid PNG that promises so many pixels and holds a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(20_000, 15_000), (7_100, 7_100), (9_000, 9_000)])
def test_more_pixels_than_allowed_are_refused_before_decoding(size):
    with pytest.raises(Refused, match="more than 50 megapixels"):
        check_image(png_header(*size))


def test_the_pixel_limit_is_the_callers():
    content = encode(scene((120, 80)), "PNG")
    assert check_image(content, limits=Limits(max_pixels=9_600)).width == 120
    with pytest.raises(Refused, match=r"more than 0\.009 megapixels"):
        check_image(content, limits=Limits(max_pixels=9_000))


def test_a_file_above_the_byte_limit_is_refused(tmp_path):
    content = encode(scene(), "BMP")
    file = tmp_path / "a.bmp"
    file.write_bytes(content)
    for source in (content, file, io.BytesIO(content)):
        with pytest.raises(Refused, match="larger than"):
            check_image(source, limits=Limits(max_bytes=len(content) - 1))
        assert check_image(source, limits=Limits(max_bytes=len(content))).bytes == len(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04 and so on", "archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"GIF89a", "image"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged|incomplete"),
        (bytes(1000), "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"8BPS\0\x01" + bytes(40), "Photoshop"),
    ],
)
def test_what_is_no_image_is_refused_in_words(content, words):
    with pytest.raises(Refused, match=words):
        check_image(content)


def test_a_decoder_that_is_not_named_stays_closed():
    ppm = b"P6 2 2 255\n" + bytes(12)
    assert Image.open(io.BytesIO(ppm)).format == "PPM"  # Pillow would
    with pytest.raises(Refused, match="not an image"):
        check_image(ppm)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_ends_upright(image_format, orientation):
    # What a camera stores is the inverse of what a viewer does: 6 = "turn me 90 degrees clockwise".
    inverse = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
               7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    upright = scene((240, 160))
    stored = upright.transpose(Image.Transpose[inverse[orientation]]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(stored, image_format, exif=exif)

    checked = check_image(content)
    assert (checked.width, checked.height) == (240, 160)
    preview = preview_of(content)
    assert preview.size == (240, 160)
    difference = np.abs(np.asarray(preview.convert("RGB"), int) - np.asarray(upright, int))
    assert difference.mean() < 4


def test_an_animation_is_its_first_frame():
    first, second = Image.new("RGB", (40, 30), (250, 10, 10)), Image.new("RGB", (40, 30), (10, 10, 250))
    for image_format in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encode(first, image_format, save_all=True, append_images=[second, first])
        red, _green, blue = preview_of(content).convert("RGB").getpixel((20, 15))
        assert red > 200 > 60 > blue, image_format


def test_cmyk_is_shown_in_its_colours():
    content = encode(scene().convert("CMYK"), "JPEG", quality=95)
    red, green, blue = preview_of(content).getpixel((20, 20))
    assert red > 180
    assert green < 80
    assert blue < 80


def test_sixteen_bit_greys_keep_their_steps():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(64, 0)
    for image_format in ("PNG", "TIFF"):
        content = encode(Image.fromarray(ramp), image_format)
        shown = np.asarray(preview_of(content).convert("L"), int)
        assert np.abs(shown[32] - np.arange(256)).max() <= 6, (
            image_format
        )  # Pillow's own conversion: 255 from the 1st percent on


def test_twelve_bits_in_sixteen_are_not_black():
    ramp = np.linspace(0, 4095, 256).astype(np.uint16)[None, :].repeat(64, 0)
    shown = np.asarray(preview_of(encode(Image.fromarray(ramp), "PNG")).convert("L"), int)
    assert shown[32, -1] > 245


def test_floating_point_greys_are_stretched_and_survive_nan():
    values = np.linspace(-3, 5, 256, dtype=np.float32)[None, :].repeat(64, 0)
    values[0, 0] = np.nan
    shown = np.asarray(preview_of(encode(Image.fromarray(values), "TIFF")).convert("L"), int)
    assert shown[32, 5] < 15
    assert shown[32, -5] > 240


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_lies_on_white(mode):
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    clear.paste((200, 0, 0, 255), (0, 0, 20, 40))
    if mode == "PA":
        content = encode(clear.quantize(16), "PNG")  # a palette with alpha
    else:
        content = encode(clear.convert(mode), "PNG")
    preview = preview_of(content).convert("RGB")
    assert min(preview.getpixel((34, 20))) > 245
    assert max(preview.getpixel((5, 20))) < 225


def test_a_gif_with_a_transparent_colour_lies_on_white():
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.paste(1, (0, 0, 20, 40))
    preview = preview_of(encode(palette, "GIF", transparency=0)).convert("RGB")
    assert min(preview.getpixel((34, 20))) > 245


def test_a_black_and_white_image_is_read():
    assert preview_of(encode(scene().convert("1"), "TIFF")).size == (120, 80)


@pytest.mark.parametrize("profile", [b"", b"nonsense", b"\0" * 200, b"acsp" * 100])
def test_a_broken_colour_profile_stops_nothing(profile):
    for image_format in ("JPEG", "PNG", "TIFF"):
        content = encode(scene(), image_format, icc_profile=profile)
        red, green, blue = preview_of(content).convert("RGB").getpixel((20, 20))
        assert red > 180
        assert green < 60
        assert blue < 60


def test_a_camera_file_with_a_second_picture_is_a_jpeg():
    content = encode(scene(), "MPO", save_all=True, append_images=[scene((60, 40))])
    assert Image.open(io.BytesIO(content)).format == "MPO"
    checked = check_image(content)
    assert (checked.format, checked.extension, checked.width) == ("JPEG", "jpg", 120)


def test_a_png_whose_checksum_is_wrong_is_refused():
    content = bytearray(encode(scene(), "PNG"))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(Refused):
        check_image(bytes(content))


def test_arbitrary_damage_is_refused_or_read_and_never_anything_else():
    rng = np.random.default_rng(5)
    for image_format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = encode(scene((60, 40)), image_format)
        for _ in range(60):
            content = bytearray(whole)
            for position in rng.integers(0, len(content), 6):
                content[position] = rng.integers(0, 256)
            try:
                decoded = decode_image(bytes(content))
            except Refused:
                continue
            make_renditions(decoded)
