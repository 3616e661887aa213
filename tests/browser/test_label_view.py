"""How an image is looked at on the labeling screen: zoom, full size, brightness, full screen, and the guideline."""

from __future__ import annotations

import hashlib
import io
import re
from time import time

import numpy as np
import pytest
from PIL import Image as Pixels
from playwright.sync_api import Page, expect

from labeler.label_set import examples
from labeler.labeling import claim_ends, claims, labels
from labeler.models import Claim, Image, Label, Project
from labeler.models.queue import ClaimState
from labeler.progress import mixups
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import make_model, make_project, predict
from tests.helpers.importing import add_image
from tests.helpers.screen import Screen, answers, eventually

FULL_CALL = re.compile(r"/api/images/\d+/file/")
LARGE = (2400, 1600)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def add_large(settings, tmp_path):
    """`add_large(project, n)`: images whose preview holds fewer pixels than they have."""
    settings.MEDIA_DIR = tmp_path / "media"

    def add_large(project: Project, n: int, size: tuple[int, int] = LARGE) -> list[Image]:
        images = []
        for number in range(n):
            out = io.BytesIO()
            # A ramp, so that a place in the image can be told from another, and each image from the next.
            columns = np.linspace(0, 255, size[0], dtype=np.uint8)
            pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
            pixels[..., 0] = columns
            pixels[..., 1] = np.linspace(0, 255, size[1], dtype=np.uint8)[:, None]
            pixels[..., 2] = 40 * number
            Pixels.fromarray(pixels).save(out, "JPEG", quality=80)
            images.append(add_image(project=project, name=f"large-{number}.jpg", source=out.getvalue()).image)
        return images

    return add_large


class Looking(Screen):
    """A screen, and where its image lies."""

    def box(self) -> dict[str, float]:
        """The image on the page, once it has come to rest."""
        self.page.locator(".sheet").evaluate(
            "async sheet => { await Promise.all(sheet.getAnimations().map(({finished}) => finished.catch(() => {}))); }"
        )
        return self.page.locator("#frame img").first.bounding_box()

    def stage(self) -> dict[str, float]:
        return self.page.locator("#stage").bounding_box()

    def middle(self) -> tuple[float, float]:
        stage = self.stage()
        return stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

    def percent(self) -> float:
        """Screen pixels per image pixel."""
        return 100 * self.box()["width"] / LARGE[0]

    def under(self, x: float, y: float) -> tuple[float, float]:
        """What part of the image lies there, in shares of its sides."""
        box = self.box()
        return (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]

    def zooms(self) -> None:
        """It shows a part of the image, now or soon: a slow machine hands a key on when it can."""
        expect(self.page.locator("#stage")).to_have_attribute("data-zoomed", "")

    def fits(self) -> bool:
        return self.page.locator("#stage[data-zoomed]").count() == 0


def near(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a == pytest.approx(b, abs=0.004)


@pytest.fixture
def look(page, live_server, sign_in, ann):
    def look(project: Project, where: Page = page) -> Looking:
        sign_in(where, ann)
        return Looking(where, f"{live_server.url}/projects/{project.pk}/label/").open()

    return look


@pytest.fixture
def phone(new_context) -> Page:
    return new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()


class Fingers:
    """Touches as the screen's glass reports them, each a fiftieth of a second after the one before.

    With times of its own: a busy machine would make two slow taps of a double tap.
    """

    def __init__(self, page: Page):
        self.cdp = page.context.new_cdp_session(page)
        self.at = time()  # of the last touch, seconds since 1970

    def rest(self, seconds: float) -> None:
        """Touch nothing for a while."""
        self.at += seconds

    def send(self, kind: str, points: list[tuple[float, float]], first: int = 0) -> None:
        """touchStart and touchMove: the fingers on the glass. touchEnd: those that leave it (none: all of them)."""
        touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points, first)]
        self.rest(0.02)
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches, "timestamp": self.at})

    def drag(self, start: list[tuple[float, float]], end: list[tuple[float, float]], steps: int = 6) -> None:
        self.send("touchStart", start)
        for step in range(1, steps + 1):
            share = step / steps
            self.send(
                "touchMove",
                [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in zip(start, end, strict=True)],
            )
        self.send("touchEnd", [])

    def pinch(self, x: float, y: float, before: float, after: float) -> None:
        """Two fingers side by side around a point, their distance before and after in CSS pixels."""
        self.drag([(x - before / 2, y), (x + before / 2, y)], [(x - after / 2, y), (x + after / 2, y)])

    def tap(self, x: float, y: float) -> None:
        self.send("touchStart", [(x, y)])
        self.send("touchEnd", [])


# ---------------------------------------------------------------- zoom


def test_the_whole_image_is_there_and_nothing_lies_over_it(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    image, stage = screen.box(), screen.stage()

    assert screen.fits()
    assert stage["x"] <= image["x"] and image["x"] + image["width"] <= stage["x"] + stage["width"]
    assert stage["y"] <= image["y"] and image["y"] + image["height"] <= stage["y"] + stage["height"]
    assert image["width"] / image["height"] == pytest.approx(1.5, abs=0.002)
    on_top = screen.page.evaluate(
        """({x, y, width, height}) => [0.02, 0.3, 0.6, 0.98].flatMap((across) => [0.02, 0.5, 0.98].map((down) =>
             document.elementFromPoint(x + across * width, y + down * height).tagName))""",
        image,
    )
    assert set(on_top) == {"IMG"}


def test_the_wheel_zooms_around_the_pointer_and_back(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.box()
    x, y = whole["x"] + 0.25 * whole["width"], whole["y"] + 0.7 * whole["height"]
    screen.page.mouse.move(x, y)

    for _ in range(8):
        screen.page.mouse.wheel(0, -100)
    screen.page.wait_for_selector("#stage[data-zoomed]")

    assert screen.box()["width"] == pytest.approx(whole["width"] * np.exp(1.6), rel=0.01)
    assert near(screen.under(x, y), (0.25, 0.7))
    for _ in range(12):
        screen.page.mouse.wheel(0, 100)
    screen.page.wait_for_selector("#stage:not([data-zoomed])")
    assert screen.box() == whole
    assert Label.objects.count() == 0


def test_a_trackpads_pinch_zooms_the_image_and_not_the_page(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.box()
    x, y = screen.middle()

    zoom_page = screen.page.evaluate(
        """([x, y]) => {
            const where = {clientX: x, clientY: y, bubbles: true, cancelable: true};
            const pinch = new WheelEvent("wheel", {deltaY: -40, ctrlKey: true, ...where});
            return document.elementFromPoint(x, y).dispatchEvent(pinch);
        }""",
        [x, y],
    )

    assert zoom_page is False  # the browser was told to leave its own zoom
    assert screen.box()["width"] == pytest.approx(whole["width"] * np.exp(0.4), rel=0.01)


def test_keys_zoom_move_and_return(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.percent()
    keys = screen.page.keyboard

    keys.press("Space")
    assert screen.percent() == pytest.approx(100, abs=0.1)
    keys.press("+")
    assert screen.percent() == pytest.approx(150, abs=0.1)
    keys.press("-")
    keys.press("-")
    assert screen.percent() == pytest.approx(100 / 1.5, abs=0.1)
    before = screen.under(*screen.middle())
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    after = screen.under(*screen.middle())
    assert after[0] > before[0] and after[1] > before[1]
    for _ in range(40):
        keys.press("ArrowRight")
    image, stage = screen.box(), screen.stage()
    assert image["x"] + image["width"] == pytest.approx(stage["x"] + stage["width"] - 12, abs=1)  # and no further
    keys.press("Space")
    assert screen.percent() == pytest.approx(whole)
    assert screen.fits()
    assert Label.objects.count() == 0


def test_on_the_whole_image_arrows_do_not_move_it(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.box()

    screen.page.keyboard.press("ArrowRight")
    screen.page.keyboard.press("-")

    assert screen.box() == whole


def test_a_drag_moves_a_zoomed_image(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    x, y = screen.middle()
    mouse = screen.page.mouse
    screen.page.keyboard.press("Space")
    screen.page.keyboard.press("+")
    there = screen.under(x, y)

    mouse.move(x, y)
    mouse.down()
    mouse.move(x - 60, y + 40, steps=4)
    mouse.up()

    assert near(screen.under(x - 60, y + 40), there)
    at_rest = screen.box()
    mouse.move(x + 100, y + 100, steps=3)
    assert screen.box() == at_rest, "it follows only a pressed button"


def test_a_double_click_goes_closer_there_and_back(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.box()
    x, y = whole["x"] + 0.6 * whole["width"], whole["y"] + 0.4 * whole["height"]

    screen.page.mouse.dblclick(x, y)
    assert screen.percent() == pytest.approx(100, abs=0.1)
    assert near(screen.under(x, y), (0.6, 0.4))
    screen.page.mouse.dblclick(x, y)
    assert screen.box() == whole


def test_buttons_zoom_and_say_when_they_cannot(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    whole = screen.box()
    closer, all_of_it = screen.button("Zoom in"), screen.button("Whole image")
    expect(all_of_it).to_have_attribute("aria-disabled", "true")

    closer.click()
    assert screen.box()["width"] == pytest.approx(whole["width"] * 1.5, rel=0.001)
    expect(all_of_it).to_have_attribute("aria-disabled", "false")
    for _ in range(7):
        closer.click()
    expect(closer).to_have_attribute("aria-disabled", "true")
    assert screen.percent() == pytest.approx(800, abs=1)
    all_of_it.click()
    assert screen.box() == whole


def test_each_image_begins_whole(look, project, add_large, ann):
    add_large(project, 3)
    screen = look(project)
    screen.page.keyboard.press("Space")
    screen.page.wait_for_selector("#stage[data-zoomed]")

    screen.press("1")

    screen.image()
    assert screen.fits()
    screen.says("saved")
    assert len(answers(ann)) == 1


def test_with_single_keys_off_the_signs_rest_and_space_works(look, project, add_large):
    add_large(project, 2)
    screen = look(project)
    screen.press("?")
    expect(screen.page.get_by_label("Single keys")).to_be_checked()
    screen.page.get_by_label("Single keys").uncheck()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("dialog")).to_have_count(0)

    screen.page.keyboard.press("+")
    assert screen.fits()
    screen.page.keyboard.press("Space")
    screen.zooms()


def test_a_key_right_after_a_dialog_was_closed_is_the_images(look, project, add_large):
    """Before the browser draws again: what was closed keeps the focus until then, and would swallow the key."""
    add_large(project, 2)
    screen = look(project)
    screen.press("?")
    expect(screen.page.get_by_role("dialog")).to_be_visible()
    screen.page.get_by_label("Single keys").focus()
    screen.page.evaluate(
        """() => {
          document.querySelector("dialog[open]").close();
          const event = new KeyboardEvent("keydown", { key: " ", code: "Space", bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(event);
        }"""
    )
    screen.zooms()


def test_the_image_follows_a_stage_that_changes_its_size(look, project, add_large):
    add_large(project, 2, size=(2400, 900))
    screen = look(project)
    narrow = screen.box()["width"]

    screen.press("g")  # no guideline: more room
    screen.page.wait_for_selector("#rail", state="hidden")
    eventually(screen.page, lambda: screen.box()["width"] > narrow + 1)
    image, stage = screen.box(), screen.stage()
    assert image["x"] - stage["x"] == pytest.approx(stage["x"] + stage["width"] - image["x"] - image["width"], abs=1)


# ---------------------------------------------------------------- fingers


def test_two_fingers_zoom_one_moves_and_neither_answers(look, phone, project, add_large, ann):
    images = add_large(project, 3)
    model = make_model(project)
    for image in images:
        predict(model, image, "fox", 0.9)
    screen = look(project, phone)
    first, whole = screen.image(), screen.box()
    x, y = screen.middle()
    fingers = Fingers(phone)

    fingers.pinch(x, y, 80, 240)
    assert screen.box()["width"] == pytest.approx(3 * whole["width"], rel=0.02)
    there = screen.under(x, y)
    fingers.drag([(x, y)], [(x - 120, y + 10)])
    assert near(screen.under(x - 120, y), (there[0], screen.under(x - 120, y)[1]))
    fingers.drag([(x - 100, y)], [(x + 100, y)])  # at the whole image this would accept the suggestion
    assert screen.image() == first
    fingers.pinch(x, y, 240, 40)
    assert screen.fits()
    assert screen.image() == first
    assert Label.objects.count() == 0

    fingers.drag([(x - 100, y)], [(x + 100, y)])  # and now it does
    screen.page.wait_for_selector(f"html[data-painted]:not([data-painted='{first}'])", state="attached")
    screen.says("saved")
    assert answers(ann) == {first: ["fox"]}


def test_a_pinch_that_ends_one_finger_after_the_other_goes_on_as_a_move(look, phone, project, add_large):
    add_large(project, 2)
    screen = look(project, phone)
    x, y = screen.middle()
    fingers = Fingers(phone)
    fingers.send("touchStart", [(x - 40, y), (x + 40, y)])
    fingers.send("touchMove", [(x - 90, y), (x + 90, y)])
    fingers.send("touchEnd", [(x + 90, y)], first=1)
    before = screen.box()
    fingers.send("touchMove", [(x - 60, y)])
    fingers.send("touchEnd", [])

    assert screen.box()["x"] == pytest.approx(before["x"] + 30, abs=1)
    assert screen.box()["width"] == pytest.approx(before["width"])


def test_a_double_tap_goes_closer_and_back(look, phone, project, add_large):
    add_large(project, 2)
    screen = look(project, phone)
    whole = screen.box()
    x, y = whole["x"] + 0.3 * whole["width"], whole["y"] + 0.5 * whole["height"]
    fingers = Fingers(phone)

    for _ in range(2):
        fingers.tap(x, y)
    assert screen.percent() == pytest.approx(100, abs=0.5)
    assert screen.under(x, y)[0] == pytest.approx(0.3, abs=0.01)
    fingers.rest(0.4)  # longer than a double tap takes
    fingers.tap(x, y)
    screen.zooms()
    fingers.tap(x, y)
    assert screen.fits()


# ---------------------------------------------------------------- full size


def test_the_full_size_comes_only_when_the_preview_is_not_enough_and_nothing_jumps(look, page, project, add_large):
    # An odd size: the preview's sides are rounded, and with its own proportions the image would move.
    add_large(project, 7, size=(2401, 1333))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if FULL_CALL.search(request.url) else None)
    screen = look(project)
    first = screen.image()
    screen.press("1")
    current = screen.image()
    screen.press("z")
    screen.press("1")
    assert screen.image() == current
    page.wait_for_timeout(200)
    assert asked == [], "labeling without a closer look never needs the full size"

    before = screen.box()
    page.keyboard.press("+")  # 1500 px: the preview has 1600
    assert screen.box()["width"] > before["width"]
    assert asked == []
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    page.keyboard.press("+")
    page.wait_for_selector(f"#stage[data-full='{current}']")

    boxes = page.locator("#frame img").evaluate_all("all => all.map((img) => img.getBoundingClientRect().toJSON())")
    assert len(boxes) == 2 and boxes[0] == boxes[1]
    assert page.locator("#frame img").last.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [2401, 1333]
    assert [url.rsplit("/", 3)[-3] for url in asked] == [str(current)]
    screen.press("1")
    screen.image()
    assert page.locator("#frame img").count() == 1
    assert page.locator("#stage[data-full]").count() == 0
    assert first != current


def test_a_zoomed_image_is_as_sharp_as_its_pixels(look, page, project, settings, tmp_path):
    """Columns of black and white, one pixel wide, at 400 %: each is four pixels wide on the screen, with hard edges."""
    settings.MEDIA_DIR = tmp_path / "media"
    out = io.BytesIO()
    columns = np.zeros((1200, 2000), dtype=np.uint8)
    columns[:, ::2] = 255
    Pixels.fromarray(columns).save(out, "PNG")
    add_image(project=project, name="columns.png", source=out.getvalue())
    screen = look(project)
    page.keyboard.press("Space")
    page.wait_for_selector("#stage[data-full]")
    for _ in range(3):
        page.mouse.move(*screen.middle())
        page.mouse.wheel(0, -230)
    eventually(page, lambda: screen.box()["width"] > 3.8 * 2000)
    # What moves is scaled, what rests is drawn anew.
    page.wait_for_selector(".sheet:not([style*=will-change])")
    page.wait_for_timeout(100)

    x, y = (int(value) for value in screen.middle())
    shot = page.screenshot(clip={"x": x - 100, "y": y, "width": 200, "height": 1})
    row = np.asarray(Pixels.open(io.BytesIO(shot)).convert("L"))[0].astype(int)
    assert row.max() > 240 and row.min() < 15
    assert 40 < (np.abs(np.diff(row > 127)) > 0).sum() < 60  # 200 screen pixels are about 50 columns


def test_a_full_size_that_does_not_come_is_asked_for_again(look, page, project, add_large):
    add_large(project, 1)
    refused = []

    def refuse_once(route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route)
        route.fulfill(status=429, json={"error": {"code": "too_many_requests", "message": "Later.", "fields": {}}})

    page.route(FULL_CALL, refuse_once)
    screen = look(project)
    page.keyboard.press("Space")

    page.wait_for_selector("#stage[data-full]")
    assert len(refused) == 1
    screen.zooms()


# ---------------------------------------------------------------- brightness, contrast, gamma


def grey(page: Page) -> float:
    """How bright the middle of the image is on the screen, 0 to 255."""
    x, y = (int(value) for value in Looking(page, "").middle())
    shot = page.screenshot(clip={"x": x - 5, "y": y - 5, "width": 10, "height": 10})
    return float(np.asarray(Pixels.open(io.BytesIO(shot)).convert("L")).mean())


@pytest.fixture
def greys(add_photos, settings):
    """`greys(project, n)`: images of one middle grey."""
    from labeler.intake.store import MediaStore
    from tests.helpers.factories import add_images

    store = MediaStore(settings.MEDIA_DIR)

    def greys(project: Project, n: int) -> list[Image]:
        images = []
        for number in range(n):
            out = io.BytesIO()
            Pixels.new("L", (400, 300), 100).save(out, "JPEG", comment=str(number))
            sha256 = hashlib.sha256(out.getvalue() + str(project.pk).encode()).hexdigest()
            with store.batch() as batch:
                content = out.getvalue()
                batch.add(sha256=sha256, extension="jpg", original=content, preview=content, thumbnail=b"")
                batch.keep()
            images += add_images(project, 1, sha256=sha256, width=400, height=300)
        return images

    return greys


def test_brightness_stays_from_image_to_image_and_over_a_reload(look, page, project, greys, ann):
    greys(project, 4)
    screen = look(project)
    assert grey(page) == pytest.approx(100, abs=2)
    adjusted = page.locator("#adjusted")
    expect(adjusted).to_be_hidden()

    page.keyboard.press("Shift+B")
    expect(page.get_by_label("Brightness")).to_be_focused()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(adjusted).to_be_visible()
    assert grey(page) == pytest.approx(200, abs=3)
    page.keyboard.press("2")  # the slider has the focus: a digit still answers
    screen.image()
    assert grey(page) == pytest.approx(200, abs=3)
    screen.says("saved")
    screen.open()
    expect(adjusted).to_be_visible()
    assert grey(page) == pytest.approx(200, abs=3)

    page.keyboard.press("Shift+B")
    page.get_by_role("button", name="As it is").click()
    expect(adjusted).to_be_hidden()
    assert grey(page) == pytest.approx(100, abs=2)
    assert list(answers(ann).values()) == [["dog"]]


def test_contrast_and_gamma_do_what_they_say(look, page, project, greys):
    greys(project, 1)
    look(project)
    page.get_by_role("button", name="Brightness and contrast").click()

    page.get_by_label("Contrast").fill("10")
    # contrast(2) = (v - 127.5) * 2 + 127.5
    assert grey(page) == pytest.approx((100 - 127.5) * 2 + 127.5, abs=3)
    page.get_by_label("Contrast").fill("0")
    page.get_by_label("Gamma").fill("10")
    # gamma 2: 255 * (100/255) ** (1/2)
    assert grey(page) == pytest.approx(255 * (100 / 255) ** 0.5, abs=3)
    expect(page.get_by_label("Gamma")).to_have_attribute("aria-valuetext", "2.00")


def test_what_is_adjusted_in_one_project_leaves_the_others_alone(look, page, project, multi_project, greys):
    greys(project, 1)
    greys(multi_project, 1)
    look(project)
    page.get_by_role("button", name="Brightness and contrast").click()
    page.get_by_label("Brightness").fill("-10")
    assert grey(page) == pytest.approx(50, abs=3)

    look(multi_project)
    assert grey(page) == pytest.approx(100, abs=2)
    expect(page.locator("#adjusted")).to_be_hidden()


def test_sliders_lie_beside_the_image_and_leave_the_keyboard_to_the_answers(look, page, project, greys, ann):
    greys(project, 3)
    screen = look(project)
    page.get_by_role("button", name="Brightness and contrast").click()
    tune, image = page.locator("#tune").bounding_box(), screen.box()
    assert image["y"] + image["height"] <= tune["y"]

    slider = page.get_by_label("Contrast").bounding_box()
    page.mouse.click(slider["x"] + slider["width"] * 0.8, slider["y"] + slider["height"] / 2)
    expect(page.locator("#adjusted")).to_be_visible()
    screen.press("3")
    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["fox"]]
    page.keyboard.press("Shift+B")
    expect(page.locator("#tune")).to_be_hidden()
    page.keyboard.press("Shift+B")
    page.keyboard.press("Escape")
    expect(page.locator("#tune")).to_be_hidden()


def test_a_zoomed_image_is_adjusted_up_to_the_edge_of_the_stage(look, page, project, greys):
    greys(project, 1)
    screen = look(project)
    page.get_by_role("button", name="Brightness and contrast").click()
    page.get_by_label("Gamma").fill("10")
    page.get_by_label("Gamma").blur()
    for _ in range(8):
        page.keyboard.press("+")
    screen.box()
    page.keyboard.press("ArrowRight")
    screen.box()
    stage = screen.stage()
    shot = page.screenshot(clip={**stage, "width": stage["width"] - 14, "x": stage["x"] + 14})
    pixels = np.asarray(Pixels.open(io.BytesIO(shot)).convert("L"))

    assert np.allclose(pixels[20:-20, [2, -2]], 255 * (100 / 255) ** 0.5, atol=4)


# ---------------------------------------------------------------- full screen


def test_full_screen_by_button_and_key_and_back(look, page, project, add_large):
    add_large(project, 2)
    screen = look(project)
    button = screen.button("Full screen")
    expect(button).to_have_attribute("aria-pressed", "false")

    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.fullscreenElement !== null")
    screen.press("?")  # dialogs are seen there too
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    if page.evaluate("document.fullscreenElement === null"):
        page.keyboard.press("Shift+F")
        expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+F")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("document.fullscreenElement === null")


def test_where_there_is_no_full_screen_there_is_no_button(look, page, project, add_large):
    add_large(project, 1)
    page.add_init_script("Object.defineProperty(Document.prototype, 'fullscreenEnabled', {get: () => false})")
    screen = look(project)

    expect(page.locator("[data-does=full_screen]").first).to_be_hidden()
    page.keyboard.press("Shift+F")
    assert screen.fits()
    assert page.evaluate("document.fullscreenElement === null")


# ---------------------------------------------------------------- phone


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390)])
def test_a_phone_has_every_way_of_looking_in_reach_of_a_thumb(new_context, look, project, add_large, width, height):
    add_large(project, 2)
    page = new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True).new_page()
    screen = look(project, page)
    whole = screen.box()["width"]

    page.locator("#tuner").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    buttons = page.locator("#tune .btn:visible, #tuner")
    assert buttons.count() == 6
    for button in buttons.all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, button.evaluate("button => button.outerHTML")
    page.get_by_role("button", name="Zoom in").tap()
    page.wait_for_selector("#stage[data-zoomed]")
    assert screen.box()["width"] > 0.5 * whole
    page.locator("#tuner").tap()
    expect(page.locator("#tune")).to_be_hidden()
    screen.zooms()


# ---------------------------------------------------------------- guideline


@pytest.fixture
def explained(project, add_photos, ann, bea, lena):
    """A project whose classes have descriptions and examples, and whose people mix cats up with foxes."""
    project.guideline = "# How to look\n\nAt the **ears** first, see [the atlas](https://example.org/).\n\n- a\n- b"
    project.save()
    for name, text in (("cat", "Round ears."), ("dog", "Hanging ears."), ("fox", "Pointed ears, a bushy tail.")):
        project.categories.filter(name=name).update(description=text)
    photos = add_photos(project, 14)
    for image, name, caption in zip(photos, ("cat", "fox", "fox"), ("", "typical", "in snow"), strict=False):
        examples.add(category=project.categories.get(name=name), image=image, by=lena, caption=caption)
    judged = photos[-mixups.LEAST_IMAGES :]
    for person, name in ((ann, "cat"), (bea, "fox")):
        claims.claim(project=project, annotator=person, count=50)
        for image in photos:
            if image in judged:
                labels.save_label(image_id=image.pk, annotator=person, categories=[name])
            else:
                claim_ends.release(image_id=image.pk, annotator=person)
    return project


def suggest(project: Project, name: str, only: list[Image] | None = None) -> None:
    model = make_model(project)
    for image in only or project.images.all():
        predict(model, image, name, 0.9)


def rail(page: Page):
    return page.get_by_role("complementary", name="Guideline")


def test_the_suggested_class_is_explained_with_examples_and_what_it_is_mixed_up_with(look, page, explained):
    suggest(explained, "cat")
    look(explained)
    card = page.locator("#about")

    expect(card.get_by_role("heading", name="cat", exact=True)).to_be_visible()
    expect(card).to_contain_text("Round ears.")
    expect(card.locator(".ex img")).to_have_count(1)
    expect(card).to_contain_text("Most often mixed up with (3 images)")
    expect(card.locator(".mix")).to_contain_text("foxPointed ears, a bushy tail.")
    assert card.locator(".mix img").evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    card.get_by_role("button", name="fox").click()
    expect(card.get_by_role("heading", name="fox", exact=True)).to_be_visible()
    expect(card.locator("figcaption")).to_have_text(["typical", "in snow"])
    page.get_by_role("button", name="Guideline 1").click()
    expect(page.locator("#whole")).to_be_visible()
    expect(page.locator("#whole").get_by_role("heading", name="How to look")).to_be_visible()
    expect(page.locator("#whole").get_by_role("link", name="the atlas")).to_have_attribute("rel", "noopener noreferrer")


def test_where_the_image_is_judged_blind_nothing_hints_at_the_model(look, page, explained):
    """Two screens, one whose images have a suggestion that is hidden and one without any model, look the same."""
    explained.images.update(slice="blind")
    screen = look(explained)
    expect(page.locator("#whole")).to_be_visible()
    before = rail(page).inner_html()
    suggest(explained, "cat")

    screen.open()

    expect(page.locator("#whole")).to_be_visible()
    expect(page.locator("#about")).to_be_hidden()
    expect(page.locator(".classes .sug")).to_have_count(0)
    assert rail(page).inner_html() == before
    # Also where it follows an image that had one.


def test_after_an_image_with_a_suggestion_a_blind_one_shows_all_classes_again(look, page, project, add_photos):
    first, *others = add_photos(project, 4)
    suggest(project, "fox", only=[first])
    screen = look(project)
    for _ in range(4):
        is_suggested = page.locator("#keys .sug").count() == 1
        expect(page.locator("#about")).to_be_visible(visible=is_suggested)
        expect(page.locator("#whole")).to_be_visible(visible=not is_suggested)
        screen.press("1")
        if Label.objects.count() < 4 and page.locator("#frame img").count():
            screen.image()
    assert others


def test_the_class_under_the_pointer_or_the_focus_is_explained(look, page, explained):
    look(explained)
    card = page.locator("#about")
    expect(card).to_be_hidden()

    page.get_by_role("button", name="dog", exact=True).first.hover()
    expect(card).to_contain_text("Hanging ears.")
    page.mouse.move(300, 300)
    expect(card).to_be_hidden()
    page.locator("#keys .key").nth(1).focus()
    page.keyboard.press("Tab")
    expect(card).to_contain_text("Pointed ears")


def test_in_multi_label_work_the_class_last_switched_on_is_explained(look, page, multi_project, add_photos):
    add_photos(multi_project, 3)
    screen = look(multi_project)

    screen.press("2")
    expect(page.locator("#about")).to_contain_text("sea")
    screen.press("3")
    expect(page.locator("#about")).to_contain_text("sand")
    screen.press("Enter")
    screen.image()
    expect(page.locator("#about")).to_be_hidden()


def test_every_class_is_in_reach_and_many_can_be_searched(look, page, ann, add_photos):
    project = make_project(ann, categories=[f"kind {number:03}" for number in range(120)])
    project.categories.filter(name="kind 077").update(description="With Größe")
    add_photos(project, 2)
    screen = look(project)
    field = rail(page).get_by_role("searchbox", name="Search the classes")

    field.fill("GROSSE")
    expect(page.locator(".classes li:visible")).to_have_count(0)
    field.fill("große")
    expect(page.locator(".classes li:visible")).to_have_count(1)
    expect(rail(page).get_by_role("status")).to_have_text("1 of 120 classes")
    assert Label.objects.count() == 0, "typing a name labels nothing"
    page.locator(".classes li:visible").get_by_role("button").click()
    expect(page.locator("#about")).to_contain_text("With Größe")
    screen.press("1")
    screen.image()
    screen.says("saved")
    expect(page.locator("#about")).to_be_hidden()


def test_every_state_of_looking_keeps_the_rules_of_accessibility(new_context, look, explained):
    explained.guideline += "\n\n#### Far below\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n    code that is " + "long " * 40
    explained.save()
    suggest(explained, "fox")
    page = new_context(bypass_csp=True).new_page()
    look(explained, page)
    expect(page.locator(".mix")).to_be_visible()
    found = {"class": violations_in_both_themes(page)}
    page.get_by_role("button", name="Guideline 1").click()
    found["guideline"] = violations_in_both_themes(page)
    page.keyboard.press("Shift+B")
    page.keyboard.press("ArrowRight")
    found["adjusted"] = violations_in_both_themes(page)
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    found["zoomed"] = violations_in_both_themes(page)
    page.get_by_role("button", name="About fox").click()
    page.get_by_role("button", name="typical: show the example large").click()
    found["example"] = violations_in_both_themes(page)

    assert {state: broken for state, broken in found.items() if broken} == {}


def test_an_example_is_enlarged_and_left_by_keys(look, page, explained, ann):
    before = Label.objects.filter(annotator=ann).count()
    suggest(explained, "fox")
    screen = look(explained)
    opener = page.get_by_role("button", name="typical: show the example large")
    opener.click()
    dialog = page.get_by_role("dialog")

    expect(dialog).to_contain_text("typical")
    expect(dialog.get_by_role("img", name="Example: fox, typical")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("img", name="Example: fox, in snow")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    screen.says("saved")
    assert Label.objects.filter(annotator=ann).count() == before


def test_nothing_but_the_image_changes_its_place_while_one_labels(look, page, explained):
    model = make_model(explained)
    for number, image in enumerate(explained.images.order_by("id")):
        if number % 3:  # every third is judged without help
            predict(model, image, ["cat", "dog", "fox"][number % 2 + (number % 3 == 2)], 0.9)
    page.add_init_script(
        """window.shifts = [];
           new PerformanceObserver((list) => {
             for (const {value, sources} of list.getEntries())
               shifts.push([value, ...sources.map(({node}) => `${node?.nodeName}#${node?.id}.${node?.className}`)]);
           }).observe({type: "layout-shift", buffered: true});"""
    )
    screen = look(explained)
    page.wait_for_timeout(500)  # what comes late at the start is another matter
    page.evaluate("shifts.length = 0")

    for key in "123123":
        screen.press(key)
        screen.image()
    screen.says("saved")
    page.wait_for_timeout(300)

    assert page.evaluate("shifts") == []


def test_a_file_name_stands_there_only_where_the_project_shows_them(look, page, project, add_photos):
    add_photos(project, 3, name="north/rust-or-not/IMG_4200.jpg")
    look(project)
    expect(page.locator("#file-name")).to_have_text("")
    assert "IMG_4200" not in page.content()

    project.show_file_names = True
    project.save()
    screen = look(project)
    expect(page.locator("#file-name")).to_have_text("north/rust-or-not/IMG_4200.jpg")
    screen.press("1")
    screen.image()
    screen.says("saved")
    screen.open().press("z")
    screen.image()
    expect(page.locator("#file-name")).to_have_text("north/rust-or-not/IMG_4200.jpg")


def test_an_image_is_described_by_its_data_set_and_never_by_its_name(look, page, project, add_photos):
    add_photos(project, 1, name="rust-17.jpg", metadata={"description": "A leaf with <brown> dots"})
    look(project)
    expect(page.get_by_role("img", name="Image 1: A leaf with <brown> dots", exact=True)).to_be_visible()
    page.goto("about:blank")  # it gives its image back
    eventually(page, lambda: not Claim.objects.filter(state=ClaimState.OPEN).exists())

    Image.objects.update(metadata={"description": 17, "file": "rust-17.jpg"})
    look(project)
    expect(page.get_by_role("img", name="Image 1", exact=True)).to_be_visible()


def test_on_a_phone_the_guideline_opens_over_the_image_and_closes(look, phone, explained):
    suggest(explained, "fox")
    screen = look(explained, phone)
    expect(rail(phone)).to_be_hidden()

    phone.get_by_role("button", name="Guide", exact=True).tap()
    expect(phone.locator("#about")).to_contain_text("Pointed ears")
    phone.get_by_role("button", name="in snow: show the example large").tap()
    expect(phone.get_by_role("dialog")).to_be_visible()
    phone.get_by_role("dialog").get_by_role("button", name="Close").tap()
    close = rail(phone).get_by_role("button", name="Close")
    assert min(close.bounding_box()["width"], close.bounding_box()["height"]) >= 44
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    close.tap()
    expect(rail(phone)).to_be_hidden()
    assert screen.fits()
    phone.get_by_role("button", name="Guide", exact=True).tap()
    phone.get_by_role("button", name="dog", exact=True).last.tap()
    expect(rail(phone)).to_be_hidden()  # the next image is not covered
    screen.image()
    screen.says("saved")
