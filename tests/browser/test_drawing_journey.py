"""The loop for objects, as its users meet it: `up`, real servers, a real worker, a browser.

Somebody draws boxes on 32 images, a worker trains a model that draws, the next images come with its boxes dashed, one
key keeps them or they are corrected, the next model learns from that too, and the export says of each object what
became of it.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import expect

from tests.helpers import databases
from tests.helpers.client import Client
from tests.helpers.installation import Up, manage, wait_for

pytestmark = pytest.mark.worker

PASSWORD = "a square of many words"
MAKE_PEOPLE = """
import sys
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("lena", password=sys.stdin.read())
"""
WIDTH, HEIGHT = 320, 240
COLOURS = {"pawn": (205, 40, 40), "king": (40, 60, 210)}
DRAWN, ALL = 32, 60  # of those that are drawn on, some are held out to judge models by


def picture(seed: int) -> tuple[bytes, list[tuple[str, int, int, int, int]]]:
    """A JPEG, and what is on it: a red pawn at the left and a blue king at the right, as squares."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 130, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    objects = []
    for place, name in enumerate(COLOURS):
        side, x, y = int(rng.integers(46, 70)), int(rng.integers(6, 80)) + 160 * place, int(rng.integers(6, 160))
        pixels[y : y + side, x : x + side] = COLOURS[name]
        objects.append((name, x, y, side, side))
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, "JPEG", quality=92)
    return out.getvalue(), objects


@pytest.fixture
def running():
    """A Labeler of its own with one account, on the tests' PostgreSQL and Valkey."""
    broker = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/0"
    at = {"DATABASE_URL": databases.another("labeler_drawing_journey"), "REDIS_URL": broker}
    with tempfile.TemporaryDirectory(prefix="labeler-drawing-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        up = Up(Path(folder) / "data", **at)
        made = manage("shell", "-c", MAKE_PEOPLE, typed=PASSWORD, **at, SECRET_KEY=secrets.token_urlsafe(48))
        assert made.returncode == 0, made.stderr
        yield up
        up.stop()


class Hand:
    """One person's browser on the labeling screen, who sees what is on each image."""

    def __init__(self, page, truth: dict[int, list]):
        self.page, self.truth = page, truth

    def image(self) -> int:
        self.page.wait_for_selector("html[data-painted]", state="attached", timeout=30_000)
        return int(self.page.locator("html").get_attribute("data-painted"))

    def spot(self, x: float, y: float) -> tuple[float, float]:
        box = self.page.locator("#frame .sheet img").first.bounding_box()
        return box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT

    def draw(self, name: str, x: int, y: int, width: int, height: int) -> None:
        self.page.keyboard.press(str(list(COLOURS).index(name) + 1))
        self.page.mouse.move(*self.spot(x, y))
        self.page.mouse.down()
        self.page.mouse.move(*self.spot(x + width, y + height), steps=2)
        self.page.mouse.up()

    def done(self, image: int) -> None:
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(f"html[data-painted]:not([data-painted='{image}'])", timeout=30_000)


def trained(lead: Client, project: int) -> dict:
    """A run that has ended, pre-labels included; of the candidates only the quickest: the tests have to end."""
    config = {"drawing": {"candidates": ["heatmap"], "wish": "balanced"}, "time_limit_s": 30}
    address = f"/api/runs/{lead.post(f'/api/projects/{project}/runs/', {'config': config})['id']}/"

    def ended() -> bool:
        now = lead.get(address)
        assert now["state"] in ("queued", "running", "done"), now["error"]
        made = now["predicted"]
        return now["state"] == "done" and (made["done"] == made["total"] > 0 or not now["active"])

    wait_for(ended, seconds=200, every=0.5)
    return lead.get(address)


@pytest.mark.timeout(600)
def test_boxes_drawn_by_hand_teach_a_model_whose_boxes_are_kept_or_corrected(running, new_context):
    lead = Client(running.url, "lena", PASSWORD)
    project = lead.post(
        "/api/projects/",
        {"name": "Squares", "task": "boxes", "train_automatically": False,
         "categories": [{"name": name} for name in COLOURS]},
    )["id"]  # fmt: skip
    made = {f"{number:02}.jpg": picture(number) for number in range(ALL)}
    answer = lead.upload(f"/api/projects/{project}/images/", {name: content for name, (content, _) in made.items()})
    assert not answer["refused"]
    truth = {one["id"]: made[one["name"]][1] for one in lead.list(f"/api/projects/{project}/images/?page_size=100")}

    page = new_context().new_page()
    page.goto(running.url + "login/")
    page.get_by_label("Username").fill("lena")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    page.goto(f"{running.url}projects/{project}/label/")
    hand = Hand(page, truth)
    for _ in range(DRAWN):
        image = hand.image()
        for one in truth[image]:
            hand.draw(*one)
        expect(page.locator("#enter-text")).to_have_text("Done (2)")
        hand.done(image)
    expect(page.locator("#saving")).to_have_text("saved", timeout=20_000)

    first = trained(lead, project)
    assert first["active"]
    assert first["metrics"]["ap50"]["value"] > 0.4

    # the next images come with its boxes: kept by one key where all is right, else drawn anew. Those that were handed
    # out before the model came, and those that are judged blind, come without.
    page.reload()
    kept = 0
    for _ in range(ALL - DRAWN - 1):
        image = hand.image()
        if page.locator("#enter-text").inner_text() == "Keep all 2":
            kept += 1
        else:
            while page.locator("#objects > li").count():
                page.get_by_role("button", name="Delete").first.click()
            for one in truth[image]:
                hand.draw(*one)
        if kept == 4:
            page.keyboard.press("Enter")
            break
        hand.done(image)
    expect(page.locator("#saving")).to_have_text("saved", timeout=20_000)
    assert kept == 4, "the model was not right about enough images"

    # the next model learns from what was kept and mended, and is held against the first one
    second = trained(lead, project)
    assert second["dataset"]["train"] > first["dataset"]["train"]
    assert second["metrics"]["ap50"]["value"] > 0.4
    assert second["note"], "whether it makes the pre-labels now, and why"

    # what became of each object is told with the answers, and the data set holds them
    rows = list(lead.list(f"/api/projects/{project}/labels/"))
    changes = Counter(one["change"] for row in rows for one in row["objects"])
    assert changes["kept"] == 2 * kept
    assert changes[None] >= 2 * DRAWN
    status, text = lead.call("GET", f"/api/projects/{project}/export/jsonl/")
    assert status == 200
    judgements = [label for row in map(json.loads, text.decode().splitlines()) for label in row["labels"]]
    assert {len(label["objects"]) for label in judgements} == {2}
    assert len(judgements) == len(rows) >= DRAWN + kept
