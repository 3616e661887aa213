"""Tools that paint pixels on the drawing board: brush, eraser, fill, wand, superpixels, scissors, cut, semantic."""

from __future__ import annotations

import pytest
from pycocotools import mask as coco_mask

from tests.helpers.drawing import open_board

# A bar of the picture of tests/helpers/drawing.py is 40 pixels wide.
BAR = 40
ON_STAGE = "([x, y]) => [board.place.x + x * board.place.scale, board.place.y + y * board.place.scale]"


def _take(page, tool: str, *, task: str = "masks") -> None:
    page.evaluate("([tool, task]) => { board.task = task; board.setTools(tool); }", [tool, task])
    page.focus("#stage")


def _drag(page, *points, key: str | None = None) -> None:
    """Press at the first point of the image, move over the others, let go."""
    places = [page.evaluate(ON_STAGE, list(point)) for point in points]
    if key:
        page.keyboard.down(key)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def _click(page, point) -> None:
    page.mouse.click(*page.evaluate(ON_STAGE, list(point)))


def _masks(page) -> list[dict]:
    """What would be sent: class, area as pycocotools counts it, and the box of the crop in the image."""
    found = []
    for sent in page.evaluate("board.scene.toSend()"):
        mask = sent["mask"]
        size, counts, (x, y) = mask["size"], mask["counts"], mask["offset"]
        area = int(coco_mask.area({"size": size, "counts": counts}))
        found.append({"category": sent["category"], "area": area, "box": [x, y, size[1], size[0]]})
    return found


def test_a_stroke_is_one_mask_and_one_step(page):
    open_board(page)
    _take(page, "brush")

    _drag(page, (100, 100), (200, 100))

    [mask] = _masks(page)
    # A capsule: 100 x 20 and a disc of radius 10; pixels are counted by their middles.
    assert mask["area"] == pytest.approx(100 * 20 + 314, rel=0.03)
    assert mask["box"] == [90, 90, 120, 20]
    assert page.evaluate("board.scene.past.length") == 1
    page.keyboard.press("Control+z")
    assert _masks(page) == []


def test_the_next_stroke_goes_on_and_n_begins_anew(page):
    open_board(page)
    _take(page, "brush")

    _drag(page, (100, 100), (200, 100))
    _drag(page, (150, 50), (150, 150))
    assert len(_masks(page)) == 1
    page.keyboard.press("n")
    _drag(page, (400, 100), (450, 100))

    assert len(_masks(page)) == 2


def test_the_eraser_and_alt_take_away_and_brackets_change_the_width(page):
    open_board(page)
    _take(page, "brush")
    page.keyboard.press("]")
    assert page.evaluate("board.brush_size") == 25

    _drag(page, (100, 100), (200, 100))
    before = _masks(page)[0]["area"]
    _drag(page, (150, 60), (150, 140), key="Alt")
    halves = _masks(page)[0]["area"]
    _take(page, "erase")
    _drag(page, (80, 100), (220, 100))

    assert before - halves == pytest.approx(25 * 25, rel=0.1)
    assert _masks(page) == [], "an object of no pixel is gone"
    assert page.evaluate("said").count("Deleted: 1") == 1


def test_shift_and_the_wheel_change_the_width_and_leave_the_picture_where_it_is(page):
    open_board(page)
    _take(page, "brush")
    scale = page.evaluate("board.place.scale")
    page.mouse.move(400, 300)

    page.keyboard.down("Shift")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Shift")

    page.wait_for_function("board.brush_size > 20")
    assert page.evaluate("board.place.scale") == scale


def test_a_stroke_that_escape_ends_was_never_there(page):
    open_board(page)
    _take(page, "brush")
    page.mouse.move(400, 300)
    page.mouse.down()
    page.mouse.move(500, 300)

    page.keyboard.press("Escape")
    page.mouse.up()

    assert _masks(page) == []


def test_fill_closes_a_ring(page):
    open_board(page)
    _take(page, "brush")
    _drag(page, (100, 100), (300, 100), (300, 250), (100, 250), (100, 100))
    ring = _masks(page)[0]["area"]

    _take(page, "fill")
    _click(page, (200, 180))

    [mask] = _masks(page)
    assert mask["area"] - ring == pytest.approx(180 * 130, rel=0.02)
    _click(page, (700, 500))
    assert page.evaluate("said.at(-1)") == "This region is not closed"
    assert len(_masks(page)) == 1


def test_the_wand_takes_the_bar_under_the_pointer_and_more_when_dragged(page):
    open_board(page)
    page.evaluate("board.wand_tolerance = 5")
    _take(page, "wand")

    _click(page, (100, 300))
    assert [mask["box"] for mask in _masks(page)] == [[2 * BAR, 0, BAR, 600]]
    page.keyboard.press("Control+z")
    _drag(page, (100, 300), (500, 300))

    [mask] = _masks(page)
    assert mask["box"][2] > BAR


def test_superpixels_are_taken_by_dragging_and_given_back(page):
    open_board(page)
    _take(page, "superpixels")
    page.wait_for_function("board.tool.ready")

    _drag(page, (100, 100), (100, 300))
    [mask] = _masks(page)
    assert mask["box"][0] >= 2 * BAR - 2, "they end where the bar ends"
    assert mask["box"][2] <= BAR + 4
    assert mask["box"][3] > 190
    _drag(page, (100, 100), (100, 300))

    assert _masks(page) == []


def test_scissors_follow_a_bar_and_take_points_back(page):
    open_board(page)
    _take(page, "scissors", task="polygons")

    for point in [(81, 100), (81, 300), (300, 300)]:
        _click(page, point)
    page.keyboard.press("Backspace")
    for point in [(119, 300), (119, 100)]:
        _click(page, point)
    page.keyboard.press("Enter")

    [sent] = page.evaluate("board.scene.toSend()")
    ring = sent["polygon"][0]
    assert min(ring[::2]) == pytest.approx(80, abs=2)
    assert max(ring[::2]) == pytest.approx(120, abs=2)
    assert min(ring[1::2]) == pytest.approx(100, abs=6)
    assert page.evaluate("board.scene.past.length") == 1


def test_four_points_cut_out_what_is_between_them(page):
    open_board(page)
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(800, 600);
            const context = canvas.getContext("2d");
            context.fillStyle = "#7799aa";
            context.fillRect(0, 0, 800, 600);
            context.fillStyle = "#aa4433";
            context.beginPath();
            context.ellipse(400, 300, 120, 80, 0, 0, 7);
            context.fill();
            const img = new Image();
            img.src = URL.createObjectURL(await canvas.convertToBlob());
            await img.decode();
            board.show({ id: 2, width: 800, height: 600, img }, []);
        }"""
    )
    _take(page, "cut4")

    for point in [(280, 300), (400, 220), (520, 300), (400, 380)]:
        _click(page, point)

    [mask] = _masks(page)
    assert mask["area"] == pytest.approx(3.14159 * 120 * 80, rel=0.03)


def test_a_pixel_has_one_class_and_a_polygon_is_paint(page):
    open_board(page)
    page.evaluate("board.setCategory(11)")
    _take(page, "brush", task="semantic")
    page.evaluate("board.brush_size = 100")
    _drag(page, (100, 300), (700, 300))
    whole = _masks(page)[0]["area"]

    page.evaluate("board.setCategory(12)")
    page.evaluate("board.brush_size = 40")
    _drag(page, (400, 100), (400, 500))
    _take(page, "polygon", task="semantic")
    for point in [(100, 260), (200, 260), (200, 340), (100, 340)]:
        _click(page, point)
    page.keyboard.press("Enter")

    masks = {mask["category"]: mask["area"] for mask in _masks(page)}
    assert len(masks) == 2
    assert whole - masks[11] == pytest.approx(40 * 100 + 100 * 80, rel=0.03)
    overlap = page.evaluate(
        """async () => {
            const { bitmapOfShape } = await import("/static/js/draw/shapebits.js");
            const { area, intersect } = await import("/static/js/draw/bitmap.js");
            const [a, b] = board.scene.objects.map(({ shape }) => bitmapOfShape(shape));
            return area(intersect(a, b));
        }"""
    )
    assert overlap == 0
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert [(mask["category"], mask["area"]) for mask in _masks(page)] == [(11, whole)]


def test_semantic_fill_pours_a_class_into_a_region_and_erasing_leaves_none(page):
    open_board(page)
    page.evaluate("board.setCategory(11)")
    _take(page, "brush", task="semantic")
    _drag(page, (300, 0), (300, 600))
    page.evaluate("board.setCategory(13)")

    _take(page, "fill", task="semantic")
    _click(page, (100, 300))
    _take(page, "erase", task="semantic")
    _drag(page, (0, 300), (800, 300))

    masks = {mask["category"]: mask["area"] for mask in _masks(page)}
    assert masks[13] == 290 * 600 - 290 * 20
    assert masks[11] == 20 * 600 - 20 * 20


def test_superpixels_given_back_leave_other_classes_alone(page):
    open_board(page)
    page.evaluate("board.setCategory(11)")
    _take(page, "brush", task="semantic")
    _drag(page, (300, 100), (700, 100))
    page.evaluate("board.setCategory(12)")
    _take(page, "superpixels", task="semantic")
    page.wait_for_function("board.tool.ready")

    _drag(page, (100, 300), (200, 300))
    other = {mask["category"]: mask["area"] for mask in _masks(page)}[11]
    _drag(page, (100, 300), (200, 300), (500, 100))

    assert [(mask["category"], mask["area"]) for mask in _masks(page)] == [(11, other)]


def test_a_tiled_image_has_no_pixels_and_says_so(page):
    open_board(page)
    page.evaluate("board.show({ ...picture, width: 5000, height: 4000, file_url: '/large/file/' }, [])")

    for tool in ["wand", "superpixels", "scissors", "cut4"]:
        _take(page, tool)
        assert "too large for this tool" in page.evaluate("said.at(-1)"), tool
        _click(page, (100, 100))
    _take(page, "brush")
    _drag(page, (100, 100), (200, 100))

    assert len(_masks(page)) == 1, "the brush needs no pixels"


def test_brush_and_wand_by_keyboard_alone(page):
    open_board(page)
    page.focus("#stage")
    _take(page, "wand")
    page.evaluate("board.wand_tolerance = 5")

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    [mask] = _masks(page)
    assert mask["box"][2:] == [BAR, 600]
    assert "Drawn" in page.evaluate("said.at(-1)")


@pytest.mark.parametrize("tool", ["brush", "erase", "fill", "wand", "superpixels", "scissors", "cut4"])
def test_each_tool_has_a_name_to_be_spoken(page, tool):
    open_board(page)

    assert page.evaluate("name => board.spoken.say(`tool_${name}`)", tool)


def test_a_second_finger_takes_a_stroke_back(page, new_context):
    touch = new_context(has_touch=True).new_page()
    open_board(touch)
    _take(touch, "brush")

    touch.evaluate(
        """() => {
            const fire = (type, id, x, y) => board.stage.dispatchEvent(
                new PointerEvent(type, { pointerId: id, pointerType: "touch", clientX: x, clientY: y, bubbles: true }));
            fire("pointerdown", 1, 300, 300);
            fire("pointermove", 1, 350, 300);
            fire("pointerdown", 2, 500, 300);
            fire("pointermove", 2, 550, 300);
            fire("pointerup", 2, 550, 300);
            fire("pointerup", 1, 350, 300);
        }"""
    )
    assert _masks(touch) == []
    touch.evaluate(
        """() => {
            const fire = (type, x) => board.stage.dispatchEvent(new PointerEvent(
                type, { pointerId: 3, pointerType: "touch", clientX: x, clientY: 300, bubbles: true }));
            fire("pointerdown", 300);
            fire("pointermove", 350);
            fire("pointerup", 350);
        }"""
    )
    assert len(_masks(touch)) == 1


# ---------------------------------------------------------------- an object at a click


def _answers(page, *boxes: list[int]) -> None:
    """The server finds these rectangles as masks, whatever is asked; what was asked is kept."""
    masks = []
    for x, y, width, height in boxes:
        code = coco_mask.frPyObjects({"size": [height, width], "counts": [0, height * width]}, height, width)
        masks.append({"mask": {"size": [height, width], "counts": code["counts"].decode(), "offset": [x, y]}})
    page.evaluate(
        """(objects) => {
            window.asked = [];
            board.askPixels = async (what) => (asked.push(structuredClone(what)), { objects, chosen: 0 });
        }""",
        masks,
    )


def test_a_click_proposes_an_object_further_clicks_mend_it_and_enter_takes_it(page):
    open_board(page)
    _answers(page, [100, 100, 40, 30], [90, 90, 80, 60])
    _take(page, "click")

    _click(page, (110, 110))
    page.wait_for_function("board.tool.proposal !== null")
    assert _masks(page) == []  # proposed, not drawn
    page.wait_for_timeout(400)  # the next one is no double click
    _click(page, (130, 120))
    page.wait_for_function("asked.length === 2 && board.tool.asking === null")
    inside = [[click["inside"] for click in one["clicks"]] for one in page.evaluate("asked")]
    assert inside == [[True], [True, False]]  # within what was found it takes away
    page.keyboard.press("]")
    page.keyboard.press("Enter")

    assert [mask["box"] for mask in _masks(page)] == [[90, 90, 80, 60]]
    assert page.evaluate("board.tool.clicks.length") == 0
    page.keyboard.press("Control+z")
    assert _masks(page) == []


def test_a_click_makes_a_box_where_boxes_are_drawn_and_escape_lets_go(page):
    open_board(page)
    _answers(page, [100, 100, 40, 30])
    _take(page, "click", task="boxes")

    _click(page, (110, 110))
    page.wait_for_function("board.tool.proposal !== null")
    page.keyboard.press("Escape")
    assert page.evaluate("board.scene.toSend()") == []

    page.wait_for_timeout(400)
    _click(page, (112, 112))
    page.wait_for_function("board.tool.proposal !== null")
    page.keyboard.press("Enter")
    (one,) = page.evaluate("board.scene.toSend()")
    assert one["box"] == [100, 100, 40, 30]


def test_a_click_that_nothing_answers_is_said_and_taken_back(page):
    open_board(page)
    page.evaluate("() => { board.onTell = (text) => (window.told = text); }")
    page.evaluate("() => { board.askPixels = () => Promise.reject(new Error('No worker has answered.')); }")
    _take(page, "click")

    _click(page, (110, 110))
    page.wait_for_function("window.told === 'No worker has answered.'")
    assert page.evaluate("board.tool.clicks.length") == 0
