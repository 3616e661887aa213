"""Drawing on the labeling screen: what is drawn is stored where it was drawn, and nothing of it is lost."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as Pixels
from playwright.sync_api import expect

from labeler.intake.images import add_image
from labeler.models import Claim, Draft, Label, Prediction
from tests.helpers.accessibility import violations
from tests.helpers.factories import category, make_model, make_project
from tests.helpers.screen import Screen, eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTH, HEIGHT = 640, 480


class Hand(Screen):
    """What a person does on the image, in its own pixels."""

    def spot(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the image is on the page, read from the picture itself."""
        box = self.page.locator("#frame .sheet img").first.bounding_box()
        return box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT

    def drag(self, *points: tuple[float, float]) -> None:
        self.image()
        self.page.mouse.move(*self.spot(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.spot(*point), steps=3)
        self.page.mouse.up()

    def click(self, *points: tuple[float, float]) -> None:
        self.image()
        for point in points:
            self.page.mouse.click(*self.spot(*point))

    @property
    def rows(self):
        return self.page.locator("#objects > li")


def lying(number: int) -> bytes:
    """A photograph that lies on its side in the file: EXIF says how it is held."""
    out = io.BytesIO()
    exif = Pixels.Exif()
    exif[0x0112] = 6
    Pixels.new("RGB", (HEIGHT, WIDTH), (90, 120, (60 + 31 * number) % 256)).save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def draws(ann, settings, tmp_path):
    """`draws(task, n)`: a project of that task with n images of 640 x 480 upright pixels, turned in their files."""
    settings.MEDIA_DIR = tmp_path / "media"

    def draws(task: str = "boxes", n: int = 3, **fields: Any):
        project = make_project(ann, task=task, categories=("pawn", "king"), **fields)
        for number in range(n):
            image = add_image(project=project, name=f"{number}.jpg", source=lying(number)).image
            assert (image.width, image.height) == (WIDTH, HEIGHT)
        return project

    return draws


@pytest.fixture
def open_hand(page, live_server, sign_in, ann):
    def open_hand(project, where=None) -> Hand:
        where = where or page
        sign_in(where, ann)
        return Hand(where, f"{live_server.url}/projects/{project.pk}/label/").open()

    return open_hand


def drawn(image: int) -> list[tuple[str, dict]]:
    label = Label.objects.current().get(image_id=image)
    return [(one.category.name, one.shape) for one in label.drawn.select_related("category")]


def near(shape: list[float]) -> Any:
    return pytest.approx(shape, abs=1.2)


def test_a_box_is_stored_where_it_was_drawn_whole_and_zoomed(open_hand, draws):
    hand = open_hand(draws())
    first = hand.image()
    hand.drag((100, 60), (300, 200))
    hand.press("2")
    hand.page.mouse.move(*hand.spot(500, 400))
    for _ in range(3):
        hand.page.mouse.wheel(0, -200)
    assert hand.page.locator("#stage[data-zoomed]").count() == 1
    hand.drag((480, 380), (520, 420))
    expect(hand.page.locator("#enter-text")).to_have_text("Done (2)")
    hand.press("Enter")

    assert hand.image() != first
    hand.says("saved")
    (one, a), (two, b) = drawn(first)
    assert (one, two) == ("pawn", "king")
    assert a["box"] == near([100, 60, 200, 140])
    assert b["box"] == near([480, 380, 40, 40])
    expect(hand.page.locator("#film .mkw").first).to_have_text("2")
    hand.press("0")
    hand.image()
    eventually(hand.page, lambda: Label.objects.count() == 2)
    assert Label.objects.latest("id").drawn.count() == 0
