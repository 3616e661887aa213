"""Memory for pictures: who waits for whom, what is refused, and whether what is asked for is what it takes."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeler.errors import Busy
from labeler.intake import budget, images
from labeler.intake import outcomes as import_outcomes
from labeler.intake.budget import Budget
from labeler.intake.check import Refused, decode_image
from labeler.models import Image as Row
from tests.helpers.scenes import encode
from tests.helpers.workers import wait_for

ROOT = Path(__file__).resolve().parents[2]


class Holder(threading.Thread):
    """Somebody who takes room and keeps it until told."""

    def __init__(self, of: Budget, needed: int, order: list[int]) -> None:
        super().__init__(daemon=True)
        self.of, self.needed, self.order, self.done = of, needed, order, threading.Event()
        self.start()

    def run(self) -> None:
        with self.of.room(self.needed):
            self.order.append(self.needed)
            self.done.wait(60)


def in_line(of: Budget) -> int:
    return len(of._line)


def test_a_large_one_is_not_passed_by_small_ones_that_came_later():
    of, order = Budget(10), []
    first = Holder(of, 6, order)
    wait_for(lambda: order == [6])
    large = Holder(of, 9, order)
    wait_for(lambda: in_line(of) == 1)
    small = Holder(of, 1, order)  # there is room for it
    wait_for(lambda: in_line(of) == 2)
    assert order == [6]

    first.done.set()

    wait_for(lambda: order == [6, 9, 1])
    for holder in (large, small):
        holder.done.set()
        holder.join()
    assert of._free == 10


def test_what_is_larger_than_all_room_runs_alone():
    of, order = Budget(10), []
    first = Holder(of, 1, order)
    wait_for(lambda: order == [1])
    huge = Holder(of, 1000, order)
    wait_for(lambda: in_line(of) == 1)
    first.done.set()
    wait_for(lambda: order == [1, 1000])
    huge.done.set()


def test_whoever_waits_too_long_is_refused_and_holds_up_nobody():
    of, order = Budget(10), []
    holder = Holder(of, 9, order)
    wait_for(lambda: order == [9])
    with pytest.raises(Busy) as refusal, of.room(5, patience=0.05):
        pass
    assert refusal.value.details["retry_after"] == budget.AGAIN_IN_SECONDS
    with of.room(1, patience=0):
        pass
    holder.done.set()


def test_a_line_may_be_short():
    of, order = Budget(10, most_waiting=1), []
    holder = Holder(of, 10, order)
    wait_for(lambda: order == [10])
    waiting = Holder(of, 1, order)
    wait_for(lambda: in_line(of) == 1)
    with pytest.raises(Busy), of.room(1, patience=60):
        pass
    holder.done.set()
    waiting.done.set()


def test_room_comes_back_whatever_happens(monkeypatch):
    monkeypatch.setattr(budget, "pixels", of := Budget(10**9))
    whole = encode(Image.new("RGB", (60, 40), "red"), "PNG")
    with pytest.raises(Refused), budget.decoded(whole[:-30]):
        pass
    with budget.decoded(whole) as image:
        assert of._free < 10**9
    assert of._free == 10**9
    with pytest.raises(ValueError, match="closed"):
        image.pixels.getpixel((0, 0))


# ---------------------------------------------------------------- what is asked for is what it takes

MEASURE = """
import json, sys, django
django.setup()
from labeler.intake import budget, renditions

def kilobytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))

asked = []
room = budget.pixels.room
budget.pixels.room = lambda needed, **more: (asked.append(needed), room(needed, **more))[1]
content = sys.stdin.buffer.read()
before = kilobytes("VmRSS:")
with budget.decoded(content) as image:
    renditions.make_renditions(image)
print(json.dumps({"asked": asked[0], "peak": 1024 * (kilobytes("VmHWM:") - before),
                  "stays": 1024 * (kilobytes("VmRSS:") - before)}))
"""
SIDE = 4000  # 16 megapixels


def flat(mode: str, image_format: str, **options) -> bytes:
    return encode(Image.new(mode, (SIDE, SIDE)), image_format, **options)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc (Linux)")
@pytest.mark.parametrize(
    "content",
    [
        lambda: flat("RGBA", "PNG", compress_level=1),
        lambda: encode(Image.fromarray(np.zeros((SIDE, SIDE), np.uint16)), "PNG", compress_level=1),
        lambda: flat("P", "GIF"),
        lambda: flat("RGB", "WEBP", lossless=True, method=0, quality=0),
        lambda: flat("RGB", "JPEG", progressive=True, subsampling=0),
        lambda: flat("RGB", "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: SIDE}),
    ],
    ids=["alpha", "16 bits", "palette", "webp", "progressive", "one strip"],
)
def test_a_picture_takes_no_more_than_it_asked_for_and_leaves_nothing(content):
    # Workers are told to keep freed memory; the least that is left shows then.
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "labeler.settings", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE], input=content(), cwd=ROOT, env=environment, capture_output=True, check=True
    )
    found = json.loads(ran.stdout)

    assert found["peak"] <= found["asked"] + 8 * 2**20, found
    assert found["asked"] <= 16 * SIDE * SIDE, found
    assert found["stays"] <= 24 * 2**20, found


def test_a_tiff_of_few_pixels_whose_tiles_have_many_is_refused():
    # One tile of 20,000 x 20,000: libtiff would unpack 400 MB for 64 x 64. By tag: sizes, 8 bits, deflate, grey.
    tile = zlib.compress(bytes(1000))
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 20_000, 323: 20_000, 324: 146, 325: len(tile)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    hostile = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    assert len(hostile) <= 146
    with pytest.raises(Refused, match="megapixels"):
        decode_image(hostile.ljust(146, b"\0") + tile)


def test_an_animation_of_many_large_frames_is_decoded_once(monkeypatch):
    frames = [Image.new("P", (400, 300), value) for value in range(30)]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    monkeypatch.setattr("PIL.GifImagePlugin.GifImageFile.seek", lambda *_args: pytest.fail("another frame"))
    assert decode_image(content).pixels.size == (400, 300)


# ---------------------------------------------------------------- requests


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def upload(client, project, *contents: bytes):
    files = [io.BytesIO(content) for content in contents]
    for at, file in enumerate(files):
        file.name = f"{at}.png"
    return client.post(f"/api/projects/{project.pk}/images/", {"files": files})


@pytest.mark.django_db(transaction=True)
def test_an_upload_whose_turn_does_not_come_is_answered_503_and_goes_through_later(
    project, lena, client, media, monkeypatch, uncollected_static_files
):
    client.force_login(lena)
    monkeypatch.setattr(budget, "WAIT_SECONDS", 0.05)
    content = encode(Image.new("RGB", (60, 40), "red"), "PNG")
    holders = [Holder(budget.uploads, budget.uploads.size // 2, []) for _ in range(2)]
    wait_for(lambda: budget.uploads._free <= 1)
    try:
        answer = upload(client, project, content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
        assert int(answer["Retry-After"]) == budget.AGAIN_IN_SECONDS
        assert not Row.objects.filter(project=project).exists()
        page = client.post(f"/projects/{project.pk}/import/", {"files": io.BytesIO(content)}, follow=True)
        assert "busy with other images" in page.content.decode()
    finally:
        for holder in holders:
            holder.done.set()
            holder.join()

    assert len(upload(client, project, content).json()["added"]) == 1


@pytest.mark.django_db(transaction=True)
def test_pictures_of_one_upload_wait_for_each_other_and_all_come_in(project, media, monkeypatch):
    monkeypatch.setattr(budget, "pixels", Budget(1))  # one at a time
    members = [
        (f"{value}.png", io.BytesIO(encode(Image.new("RGB", (60, 40), (value, 0, 0)), "PNG"))) for value in range(6)
    ]
    began = time.monotonic()
    outcomes = list(images.add_uploads(project=project, files=members))
    assert [type(outcome) for outcome in outcomes] == [import_outcomes.Added] * 6
    assert time.monotonic() - began < 60
