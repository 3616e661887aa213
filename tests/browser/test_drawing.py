"""Drawing on the labeling screen: what is drawn is stored where it was drawn, and nothing of it is lost."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as Pixels
from playwright.sync_api import expect

from labeler.models import Claim, Draft, Label, Prediction
from labeler.projects import questions
from tests.helpers.accessibility import violations
from tests.helpers.factories import category, make_model, make_project
from tests.helpers.importing import add_image
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


def test_a_polygon_by_clicks_and_its_last_point_taken_back(open_hand, draws):
    hand = open_hand(draws("polygons"))
    first = hand.image()
    hand.click((100, 100), (300, 100), (600, 450))
    hand.page.keyboard.press("Backspace")
    hand.click((300, 300), (100, 300))
    hand.press("Enter")  # closes it
    expect(hand.rows).to_have_count(1)
    hand.press("Enter")

    assert hand.image() != first
    hand.says("saved")
    ((name, shape),) = drawn(first)
    assert name == "pawn"
    assert shape["polygon"] == [near([100, 100, 300, 100, 300, 300, 100, 300])]


def test_a_border_that_crosses_itself_comes_back_and_is_mended_on_request(open_hand, draws):
    hand = open_hand(draws("polygons"))
    first = hand.image()
    hand.click((100, 100), (300, 300), (300, 100), (100, 310))
    hand.press("Enter", "Enter")
    expect(hand.page.locator("#draw-said")).to_contain_text("Object 1: A border crosses itself")
    assert not Label.objects.exists()

    hand.page.get_by_role("button", name="Mend and save").click()

    assert hand.image() != first
    hand.says("saved")
    assert len(drawn(first)) == 1


def test_undo_stays_within_the_image_and_z_goes_back_only_where_nothing_was_drawn(open_hand, draws):
    hand = open_hand(draws())
    first = hand.image()
    hand.drag((100, 60), (300, 200))
    hand.press("Enter")
    second = hand.image()
    hand.says("saved")

    hand.page.keyboard.press("Control+z")
    assert hand.image() == second
    expect(hand.rows).to_have_count(0)
    hand.drag((50, 50), (90, 90))
    hand.drag((150, 50), (190, 90))
    hand.press("z")
    assert hand.image() == second
    expect(hand.page.locator("#draw-said")).to_contain_text("Ctrl+Z takes back a step")
    hand.page.keyboard.press("Control+z")
    expect(hand.rows).to_have_count(1)
    hand.page.keyboard.press("Control+Shift+z")
    expect(hand.rows).to_have_count(2)
    hand.page.keyboard.press("Control+z")
    hand.page.keyboard.press("Control+z")

    hand.press("z")
    assert hand.image() == first
    expect(hand.rows).to_have_count(1)  # the answer's own, to be changed
    hand.says("saved")
    assert not Label.objects.current().filter(answer="labeled").exists()


def look_away(hand: Hand) -> None:
    """To another window: what is drawn is kept on the server at once, and not within 15 seconds."""
    hand.page.evaluate("dispatchEvent(new Event('blur'))")


def test_what_is_drawn_survives_a_reload_and_is_there_on_another_computer(
    open_hand, draws, new_context, live_server, page
):
    hand = open_hand(draws())
    first = hand.image()
    hand.drag((100, 60), (300, 200))
    hand.open()
    assert hand.image() == first
    expect(hand.rows).to_have_count(1)
    hand.drag((400, 300), (500, 400))
    look_away(hand)
    eventually(page, lambda: [len(draft.drawn) for draft in Draft.objects.all()] == [2])

    other = new_context().new_page()
    there = open_hand(Claim.objects.get(image=first).project, other)
    assert there.image() == first
    expect(there.rows).to_have_count(2)
    there.drag((10, 10), (60, 60))
    look_away(there)
    eventually(other, lambda: Draft.objects.get().drawn[-1]["box"] == near([10, 10, 50, 50]))

    # The first screen has not seen that: it is asked, and loads the newer one.
    hand.drag((200, 300), (240, 360))
    look_away(hand)
    load = page.get_by_role("button", name="Load the newer draft")
    load.click(timeout=20_000)
    expect(load).to_be_hidden()
    expect(hand.rows).to_have_count(3)
    hand.press("Enter")
    hand.image()
    eventually(page, lambda: Label.objects.count() == 1)
    eventually(page, lambda: not Draft.objects.exists())
    assert len(drawn(first)) == 3


def suggest(project, boxes: dict[int, list[list[float]]]) -> None:
    run = make_model(project)
    pawn = category(project, "pawn")
    for image, found in boxes.items():
        shown = [
            {"number": n, "category": pawn, "box": box, "probability": 0.9, "shown": True}
            for n, box in enumerate(found, 1)
        ]
        Prediction.objects.create(
            run=run, image_id=image, categories=[pawn], probability=0.9, probabilities=[], margin=0.8, drawn=shown
        )


def test_a_prelabel_is_kept_by_one_key_and_an_object_dropped_by_one(open_hand, draws):
    project = draws(n=3)
    images = [image.pk for image in project.images.order_by("pk")]
    suggest(project, {pk: [[20, 20, 100, 80], [300, 200, 50, 60]] for pk in images})
    hand = open_hand(project)
    first = hand.image()
    expect(hand.rows.first).to_contain_text("from the model")
    expect(hand.page.locator("#enter-text")).to_have_text("Keep all 2")
    hand.press("Enter")
    second = hand.image()
    hand.page.locator("#stage").focus()
    hand.press("Tab", "Delete", "Enter")
    hand.image()
    hand.says("saved")

    kept, dropped = (Label.objects.current().get(image_id=pk).drawn.all() for pk in (first, second))
    assert [(one.origin, one.change) for one in kept] == [(1, "kept"), (2, "kept")]
    assert [(one.origin, one.change) for one in dropped] == [(2, "kept")]


def test_by_keyboard_alone(open_hand, draws):
    hand = open_hand(draws())
    first = hand.image()
    hand.page.locator("#stage").focus()
    hand.press("2", "ArrowRight", "Space")
    for _ in range(6):
        hand.press("Shift+ArrowDown", "Shift+ArrowRight")
    hand.press("Space")
    expect(hand.rows).to_have_count(1)
    expect(hand.page.locator("#live")).to_contain_text("king, ")
    hand.press("a", "Shift+ArrowLeft", "Enter")

    assert hand.image() != first
    hand.says("saved")
    ((name, shape),) = drawn(first)
    assert name == "king"
    assert shape["box"] == near([321, 240, 59, 60])


def test_what_must_be_answered_is_asked_for_and_stored(open_hand, draws, ann, lena):
    project = draws(lead=lena)
    questions.add(project=project, by=lena, name="Cut off", kind="yes_no", required=True)
    hand = open_hand(project)
    first = hand.image()
    hand.drag((100, 60), (300, 200))
    hand.press("Enter")
    assert hand.image() == first
    expect(hand.page.locator("#draw-said")).to_contain_text("“Cut off” must be answered")
    field = hand.page.get_by_label("Cut off (required)")
    expect(field).to_be_focused()
    field.select_option("Yes")
    field.press("Enter")
    hand.press("Enter")
    assert hand.image() != first
    hand.says("saved")
    assert Label.objects.get().drawn.get().attributes == {"Cut off": True}


def test_a_refused_answer_shows_its_image_again_with_the_object_chosen(open_hand, draws):
    project = draws()
    project.categories.filter(name="pawn").update(smallest=30)
    hand = open_hand(project)
    first = hand.image()
    hand.drag((300, 60), (500, 200))
    hand.drag((100, 60), (120, 80))
    hand.press("Enter")

    expect(hand.page.locator("#draw-said")).to_contain_text("Object 2:")
    assert hand.image() == first
    expect(hand.rows).to_have_count(2)
    expect(hand.rows.nth(1)).to_have_class("on")
    hand.press("Delete", "Enter")
    eventually(hand.page, lambda: Label.objects.filter(image=first).exists())
    assert len(drawn(first)) == 1


def test_offline_nothing_is_lost_and_it_is_sent_when_the_network_is_back(open_hand, draws, page):
    hand = open_hand(draws())
    first = hand.image()
    page.context.set_offline(True)
    hand.drag((100, 60), (300, 200))
    hand.press("Enter")
    hand.says("offline: 1 waiting")
    assert Label.objects.count() == 0
    page.context.set_offline(False)
    eventually(page, lambda: Label.objects.count() == 1)
    assert drawn(first)[0][1]["box"] == near([100, 60, 200, 140])


def test_on_a_phone_one_finger_draws_two_move_and_nothing_scrolls_sideways(open_hand, draws, new_context):
    page = new_context(viewport={"width": 320, "height": 640}, has_touch=True, bypass_csp=True).new_page()
    hand = open_hand(draws(), page)
    first = hand.image()
    wire = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        spots = [dict(zip(("x", "y"), hand.spot(*point), strict=True)) for point in points]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    touch("touchStart", (100, 60))
    touch("touchMove", (200, 100))
    touch("touchMove", (300, 200))
    touch("touchEnd")
    expect(page.locator("#enter-text")).to_have_text("Done (1)")
    # A second finger: nothing is drawn, the image grows.
    touch("touchStart", (300, 240))
    touch("touchStart", (300, 240), (340, 240))
    touch("touchMove", (200, 240), (440, 240))
    touch("touchEnd")
    assert page.locator("#stage[data-zoomed]").count() == 1
    expect(page.locator("#enter-text")).to_have_text("Done (1)")
    page.get_by_role("button", name="List of objects").click()
    expect(hand.rows).to_have_count(1)
    found = violations(page)
    assert not found, "\n".join(found)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.locator("#drawn").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Done (1)").click()
    assert hand.image() != first
    hand.says("saved")
    assert drawn(first)[0][1]["box"] == pytest.approx([100, 60, 200, 140], abs=3)


@pytest.mark.parametrize("task", ["boxes", "masks", "semantic"])
def test_the_screen_is_accessible(open_hand, draws, new_context, task):
    page = new_context(bypass_csp=True).new_page()
    hand = open_hand(draws(task), page)
    hand.drag((100, 60), (200, 100), (300, 200))
    expect(hand.rows).to_have_count(1)
    found = violations(page)
    assert not found, "\n".join(found)


def test_v_takes_the_objects_of_the_image_before_and_the_film_opens_them_again(open_hand, draws):
    hand = open_hand(draws(n=4))
    first = hand.image()
    hand.drag((100, 60), (300, 200))
    hand.press("Enter")
    # Answers to different images go side by side; the film shows them in the order in which they arrived.
    eventually(hand.page, lambda: Label.objects.count() == 1)
    second = hand.image()
    hand.press("v", "Enter")
    hand.image()
    hand.says("saved")
    assert drawn(second) == drawn(first)

    hand.open().page.locator("#film button").last.click()
    assert hand.image() == first
    expect(hand.rows).to_have_count(1)
    hand.drag((400, 300), (450, 400))
    hand.press("Enter")
    assert hand.image() not in (first, second)
    hand.says("saved")
    assert len(drawn(first)) == 2
