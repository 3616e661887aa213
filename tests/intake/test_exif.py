"""When, with what and where: what EXIF says, and what comes of EXIF that lies."""

from __future__ import annotations

import json
import random
import struct
import warnings

import pytest
from PIL import Image as Pixels

from labeler.intake import exif
from labeler.intake.check import decode_image
from tests.helpers.exif import camera, directory, photograph, with_block
from tests.helpers.scenes import encode, scene

SAID = {
    "exif.taken_at": "2024-05-03T12:33:10+02:00",
    "exif.camera_make": "Acme",
    "exif.camera": "C-3",
    "exif.lens": "Acme 50mm f/1.8",
    "exif.gps_latitude": 51.477317,  # 51 + 28/60 + 38.34/3600
    "exif.gps_longitude": -0.000694,  # 2.5/3600 west
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_time_camera_lens_and_place_are_read(image_format):
    assert exif.read(photograph(image_format)) == SAID


def test_of_a_tiff_too():
    tiff = Pixels.new("RGB", (40, 30), "green")
    assert exif.read(encode(tiff, "TIFF", exif=camera()))["exif.camera"] == "C-3"


def test_without_a_place_there_is_none_and_without_exif_nothing():
    said = exif.read(photograph(gps=False))
    assert said == {key: value for key, value in SAID.items() if "gps" not in key}
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        assert exif.read(encode(scene(), image_format)) == {}
    assert exif.read(b"") == exif.read(b"\xff\xd8\xff") == exif.read(b"II*\0") == {}


def ascii_entry(tag: int, text: bytes) -> tuple[int, int, int, bytes]:
    """Behind a directory of one entry."""
    return tag, 2, len(text), struct.pack(">I", 8 + 2 + 12 + 4)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"C\x00-3 hidden", "C"),
        (b"C\x01\x02-3\n \t four", "C -3 four"),
        (b"\xc4pfel cam", "Äpfel cam"),  # Latin-1, as old cameras have it
        ("相机".encode(), "相机"),
        (b"x" * 5000, "x" * 100),
        ("\u202ecod\u200b.exe\ufeff".encode(), "cod .exe"),  # what turns or hides text
        (b"\x00\x00\x00\x00\x00", None),
        (b"     ", None),
    ],
)
def test_a_text_is_one_short_line_that_prints(text, read):
    found = exif.read(with_block(directory([ascii_entry(0x0110, text)], behind=text)))
    assert found.get("exif.camera") == read
    assert all(value.isprintable() and len(value) <= 100 for value in found.values())


@pytest.mark.parametrize(
    "text", ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "9999:01:01 00:00:00", "yesterday", "2024-05-03", " " * 19]
)
def test_what_is_no_time_is_not_read(text):
    image = camera(gps=False)
    image.get_ifd(0x8769)[0x9003] = text
    assert "exif.taken_at" not in exif.read(encode(scene(), "JPEG", exif=image))


def place_with(latitude: list[tuple[int, int]], ref: bytes = b"N\0\0\0") -> bytes:
    """A GPS directory with this latitude and a sound longitude, below a first directory of one entry."""
    at = 8 + 2 + 12 + 4
    values = at + 2 + 4 * 12 + 4
    ratios = b"".join(struct.pack(">II", *one) for one in latitude)
    inner = struct.pack(">H", 4)
    inner += struct.pack(">HHI", 1, 2, 2) + ref
    inner += struct.pack(">HHII", 2, 5, len(latitude), values + 24)
    inner += struct.pack(">HHI", 3, 2, 2) + b"E\0\0\0" + struct.pack(">HHII", 4, 5, 3, values) + b"\0\0\0\0"
    inner += struct.pack(">IIIIII", 10, 1, 0, 1, 0, 1) + ratios
    return directory([(0x8825, 4, 1, struct.pack(">I", at))], behind=inner)


def test_places_are_on_the_earth_or_nowhere():
    right = [(51, 1), (30, 1), (0, 1)]
    assert exif.read(with_block(place_with(right))) == {"exif.gps_latitude": 51.5, "exif.gps_longitude": 10.0}
    assert exif.read(with_block(place_with(right, b"S\0\0\0")))["exif.gps_latitude"] == -51.5
    assert exif.read(with_block(place_with([(51, 1), (0, 0), (0, 0)])))["exif.gps_latitude"] == 51.0
    wrong = [[(0, 0)] * 3, [(91, 1), (0, 1), (0, 1)], [(2**32 - 1, 1)] * 3, [], [(90, 1), (0, 1), (1, 1)]]
    for latitude in wrong:
        assert exif.read(with_block(place_with(latitude))) == {}
    assert exif.read(with_block(place_with(right, b"X\0\0\0"))) == {}


def test_five_thousand_values_of_sixty_kilobytes_are_not_read():
    # Each entry names the same 50,000 bytes: Pillow would hold 250 MB of them, and 64 KB more cannot be smaller.
    entries = [(10_000 + n, 7, 50_000, struct.pack(">I", 8)) for n in range(5_000)]
    content = with_block(directory(entries)[:65_000])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nor is there a warning for each
        assert exif.read(content) == {}
        assert decode_image(content).orientation == 1


def test_circles_and_places_outside_end():
    itself = directory([(0x8769, 4, 1, struct.pack(">I", 8)), (0x8825, 4, 1, struct.pack(">I", 8))])
    outside = directory([(0x8769, 4, 1, struct.pack(">I", 2**32 - 1)), (0x0110, 2, 2**32 - 1, b"\xff\xff\xff\xf0")])
    for block in (itself, outside, b"MM\0*\xff\xff\xff\xff", b"II*\0" + bytes(4), b"MM\0*\0\0\0\x08\xff\xff"):
        assert exif.read(with_block(block)) == {}


def test_whatever_the_bytes_are_nothing_is_raised_and_all_of_it_fits_into_the_database():
    draw = random.Random(3)
    for image_format in ("JPEG", "PNG", "WEBP"):
        content = photograph(image_format)
        for _ in range(400):
            broken = bytearray(content)
            for _ in range(draw.randint(1, 12)):
                broken[draw.randrange(min(len(broken), 700))] = draw.randrange(256)
            said = exif.read(bytes(broken[: draw.randint(1, len(broken))]))
            json.dumps(said, allow_nan=False)
            assert len(said) <= 6 and all(len(str(value)) <= 100 for value in said.values())


@pytest.mark.parametrize("number", range(10))
def test_orientation_is_read_as_before(number):
    given = Pixels.Exif()
    given[0x0112] = number
    assert decode_image(encode(scene(), "JPEG", exif=given)).orientation == (number if 1 <= number <= 8 else 1)
