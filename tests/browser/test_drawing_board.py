"""The drawing board in a browser: mouse, fingers and keys become objects, and are taken back."""

from __future__ import annotations

import pytest

from tests.helpers.drawing import open_board

# 800 x 600 on 1280 x 800: 776 of 800 px high, so 1.2933 CSS pixels for one of the image.
SQUARE = [100, 100, 300, 100, 300, 300, 100, 300]
BOX = {"category": 11, "box": [100, 100, 200, 150]}


@pytest.fixture
def board(page):
    return Hand(page)


class Hand:
    """What a person does on the board, in pixels of the image."""

    def __init__(self, page) -> None:
        self.page = page
        self.press = page.keyboard.press

    def open(self, tool: str, *objects: dict, **size: int) -> None:
        open_board(self.page, objects=list(objects), **size)
        self.page.evaluate("name => board.setTools(name)", tool)

    def at(self, x: float, y: float) -> tuple[float, float]:
        place = self.page.evaluate("({...board.place})")
        return place["x"] + x * place["scale"], place["y"] + y * place["scale"]

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def drag(self, *points: tuple[float, float], button: str = "left") -> None:
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down(button=button)
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up(button=button)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.press(key)

    @property
    def sent(self) -> list[dict]:
        return self.page.evaluate("board.scene.toSend()")

    @property
    def said(self) -> str:
        return self.page.evaluate("said.at(-1)")

    def box(self, place: int = -1) -> list[float]:
        return [round(value) for value in self.sent[place]["box"]]

    def colour(self, x: float, y: float) -> list[int]:
        """What the shapes layer shows there: red, green, blue, alpha."""
        return self.page.evaluate(
            """([x, y]) => {
                const { element, context } = board.shapes.front;
                const at = element.getBoundingClientRect();
                return [...context.getImageData(Math.round(x - at.x), Math.round(y - at.y), 1, 1).data];
            }""",
            self.at(x, y),
        )

    def rest(self) -> None:
        self.page.wait_for_function("!board.shapes.work && !board.shapes.isStale && !board.shapes.isBlurred")


def test_a_box_is_one_drag_or_two_clicks_and_each_is_one_step_back(board):
    board.open("box")
    board.drag((100, 100), (300, 250))
    assert board.box() == [100, 100, 200, 150]
    assert board.said == "Drawn: Car, 13% from the left, 17% from the top, 25% wide, 25% high"
    board.press("2")
    board.click(500, 400)
    board.click(400, 500)
    assert (board.box(), board.sent[1]["category"]) == ([400, 400, 100, 100], 12)
    board.drag((700, 500), (900, 700))
    assert board.box() == [700, 500, 100, 100], "outside of the image there is nothing"

    board.press("Control+z")
    board.press("Control+z")
    assert len(board.sent) == 1
    board.press("Control+Shift+z")
    assert board.box() == [400, 400, 100, 100]


def test_undo_does_not_reach_the_image_before(board):
    board.open("box")
    board.drag((100, 100), (300, 250))
    board.page.evaluate("board.show({...picture, id: 2}, [])")
    board.press("Control+z")
    assert board.sent == []
    assert board.said == "Nothing to take back"


def test_what_is_chosen_is_moved_resized_by_a_handle_and_by_keys(board):
    board.open("select", BOX)
    board.click(200, 175)
    board.drag((200, 175), (250, 185))
    assert board.box() == [150, 110, 200, 150]
    board.drag((350, 260), (400, 300))
    assert board.box() == [150, 110, 250, 190]
    board.keys("ArrowRight", "Control+ArrowDown", "Shift+ArrowLeft")
    assert board.box() == [151, 120, 249, 190]
    board.drag((200, 200), (-500, 200))
    assert board.box() == [0, 120, 249, 190], "it stays in the image"
    board.keys("3", "Control+d", "Delete")
    assert [each["category"] for each in board.sent] == [13]


def test_arrows_in_a_row_are_one_step_back(board):
    board.open("select", BOX)
    board.click(200, 175)
    board.keys(*["ArrowRight"] * 5)
    assert board.box() == [105, 100, 200, 150]
    board.press("Control+z")
    assert board.box() == [100, 100, 200, 150]


def test_a_click_chooses_the_smallest_and_another_what_lies_below(board):
    board.open("select", {"category": 11, "box": [50, 50, 600, 500]}, {"category": 12, "box": [200, 200, 100, 100]})
    chosen = "board.scene.chosenObjects.map(({category}) => category)"
    seen = []
    for _ in range(3):
        board.click(250, 250)
        seen.append(board.page.evaluate(chosen))
    assert seen == [[12], [11], [12]]
    board.click(20, 20)
    assert board.page.evaluate(chosen) == []


def test_tab_goes_through_the_objects_and_then_on(board):
    board.open("select", BOX, {"category": 13, "box": [400, 300, 40, 30]})
    board.page.focus("#stage")
    board.press("Tab")
    assert board.said == "1 of 2: Car, 13% from the left, 17% from the top, 25% wide, 25% high"
    board.press("Tab")
    assert board.said.startswith("2 of 2: Dog")
    board.press("Tab")
    assert board.page.evaluate("document.activeElement.id") != "stage"


def test_hidden_and_locked_objects_are_out_of_reach_of_the_pointer(board):
    board.open("select", BOX)
    board.click(200, 175)
    board.press("l")
    board.drag((200, 175), (300, 275))
    board.keys("Escape")
    board.click(200, 175)
    assert (board.box(), board.page.evaluate("board.scene.chosen")) == ([100, 100, 200, 150], [])
    board.press("l")
    board.click(200, 175)
    board.press("h")
    board.rest()
    assert board.colour(200, 175)[3] == 0
    assert len(board.sent) == 1, "hidden from sight is not deleted"


def test_a_polygon_by_clicks_is_taken_back_point_by_point_and_then_whole(board):
    board.open("polygon")
    for point in ((100, 100), (300, 100), (300, 300), (150, 150)):
        board.click(*point)
    board.press("Control+z")
    draft = board.page.evaluate("board.scene.toDraft()")
    assert (board.sent, draft[0]["open"], len(draft[0]["polygon"][0])) == ([], True, 6)
    board.click(100, 300)
    board.click(100, 100)
    assert [[round(value) for value in ring] for ring in board.sent[0]["polygon"]] == [SQUARE]
    board.press("Control+z")
    assert board.page.evaluate("board.scene.toDraft()") == []


def test_a_polygon_that_crosses_itself_is_said_to(board):
    board.open("polygon")
    for point in ((200, 200), (400, 400), (400, 200), (200, 400)):
        board.click(*point)
    board.press("Enter")
    assert board.said == "The border crosses itself at 38% from the left, 50% from the top"


def test_a_polygon_of_a_draft_goes_on_where_it_was_left(board):
    board.open("polygon", {"category": 12, "polygon": [[100, 100, 300, 100]], "open": True})
    board.click(300, 300)
    board.press("Enter")
    assert (board.sent[0]["category"], len(board.sent[0]["polygon"][0])) == (12, 6)
    board.press("Control+z")
    assert board.page.evaluate("board.scene.toDraft()[0].polygon") == [[100, 100, 300, 100]]


def test_a_polygon_by_one_stroke_has_few_points(board):
    board.open("polygon")
    board.drag((100, 100), (300, 101), (300, 300), (100, 300), (101, 102))
    ring = board.sent[0]["polygon"][0]
    assert 8 <= len(ring) <= 12
    assert {(round(x, -1), round(y, -1)) for x, y in zip(ring[::2], ring[1::2], strict=True)} == {
        (100, 100), (300, 100), (300, 300), (100, 300),
    }  # fmt: skip


def test_a_polygon_follows_the_border_of_its_neighbour(board):
    board.open("polygon", {"category": 12, "polygon": [SQUARE]})
    board.click(302, 200)  # on the right side
    board.click(200, 303)  # on the lower side: the corner between them comes by itself
    board.click(500, 500)
    board.press("Enter")
    assert [round(value) for value in board.sent[1]["polygon"][0]] == [300, 200, 300, 300, 200, 300, 500, 500]


def test_points_are_moved_added_and_deleted_and_holes_are_drawn(board):
    board.open("vertex", {"category": 11, "polygon": [SQUARE]})
    board.click(200, 200)
    board.drag((300, 300), (350, 350))
    board.drag((200, 100), (200, 60))  # the middle of the upper edge
    assert [round(value) for value in board.sent[0]["polygon"][0]] == [100, 100, 200, 60, 300, 100, 350, 350, 100, 300]
    board.press("Delete")
    board.drag((100, 150), (80, 150))  # the left edge, beside its middle
    ring = [round(value) for value in board.sent[0]["polygon"][0]]
    assert ring == [80, 100, 300, 100, 350, 350, 80, 300]
    board.page.keyboard.down("Shift")
    board.drag((150, 150), (200, 150), (200, 200), (150, 200), (151, 152))
    board.page.keyboard.up("Shift")
    assert len(board.sent[0]["polygon"]) == 2
    board.rest()
    board.press("Escape")
    board.page.evaluate("board.setTools('box')")
    board.rest()
    assert board.colour(175, 175)[3] == 0
    assert board.colour(120, 250)[3] > 0


def test_two_polygons_are_joined_and_cut_again(board):
    other = [250, 150, 500, 150, 500, 250, 250, 250]
    board.open("select", {"category": 11, "polygon": [SQUARE]}, {"category": 12, "polygon": [other]})
    board.click(150, 250)
    board.page.keyboard.down("Shift")
    board.click(400, 200)
    board.page.keyboard.up("Shift")
    board.press("j")
    assert [len(ring) for each in board.sent for ring in each["polygon"]] == [16]
    board.page.evaluate("board.setTools('cut')")
    board.drag((400, 100), (400, 300))
    assert [each["category"] for each in board.sent] == [11, 11]
    board.press("Control+z")
    board.press("Control+z")
    assert [each["category"] for each in board.sent] == [11, 12]


def test_everything_is_drawn_by_keyboard_alone(board):
    board.open("box")
    board.page.focus("#stage")
    board.press("ArrowRight")
    start = board.page.evaluate("board.crosshair.at")
    board.press("Enter")
    assert board.said == "First corner set. The next point is the opposite corner."
    board.keys(*["Shift+ArrowRight"] * 5, *["Shift+ArrowDown"] * 3, "Space")
    assert board.box() == [start["x"], start["y"], 50, 30]

    board.page.evaluate("board.setTools('polygon')")
    board.keys("Space", "Shift+ArrowLeft", "Enter", "Shift+ArrowUp", "Enter", "Enter")
    x, y = start["x"] + 50, start["y"] + 30
    assert board.sent[1]["polygon"] == [[x, y, x - 10, y, x - 10, y - 10]]

    board.page.evaluate("board.setTools('vertex')")
    board.keys("PageDown", "ArrowRight", "ArrowRight", "ArrowDown")
    assert board.said.startswith("Point 1 of 3")
    assert board.sent[1]["polygon"][0][:2] == [x + 2, y + 1]
    board.press("Control+z")
    assert board.sent[1]["polygon"][0][:2] == [x, y]
    board.keys("PageDown", "Delete")
    assert len(board.sent) == 1, "a triangle without a point is no polygon"


def test_extreme_points_make_a_box(board):
    board.open("extreme")
    for point in ((200, 120), (300, 220), (210, 330), (90, 200)):
        board.click(*point)
    assert board.box() == [90, 120, 210, 210]


def test_zoom_goes_to_sixteen_hundred_percent_at_the_pointer_and_space_drags(board):
    board.open("box")
    board.page.mouse.move(900, 600)  # the browser gives a wheel whole pixels only
    x, y = board.page.evaluate("(({x, y}) => [x, y])(board.at({clientX: 900, clientY: 600}))")
    for _ in range(30):
        board.page.mouse.wheel(0, -300)
    assert board.page.evaluate("board.place.scale") == 16
    assert board.at(x, y) == pytest.approx((900, 600), abs=0.01)
    board.page.focus("#stage")
    board.page.keyboard.down(" ")
    board.drag((x, y), (x - 10, y))
    board.page.keyboard.up(" ")
    assert board.at(x, y)[0] == pytest.approx(900 - 160, abs=0.01)
    board.drag((x, y), (x + 5, y), button="middle")
    assert board.at(x, y)[0] == pytest.approx(900 - 80, abs=0.01)
    assert board.sent == [], "panning draws nothing"
    board.press("f")
    assert board.page.evaluate("board.place.scale") == pytest.approx(776 / 600)


def test_shapes_are_sharp_where_they_belong_after_zooming(board):
    board.open("box", *({"category": 11 + n % 3, "box": [n % 40 * 20, n // 40 * 20, 12, 12]} for n in range(1200)))
    board.rest()
    assert (board.colour(406, 306)[3] > 0, board.colour(416, 306)[3]) == (True, 0)
    board.page.mouse.move(*board.at(400, 300))
    for _ in range(6):
        board.page.mouse.wheel(0, -300)
    board.rest()
    assert (board.colour(406, 306)[3] > 0, board.colour(416, 306)[3]) == (True, 0)


FINGERS = """([kind, fingers]) => {
    const {x, y, scale} = board.place;
    for (const [id, left, top] of fingers) {
        document.getElementById("stage").dispatchEvent(new PointerEvent(kind, {
            pointerId: id, pointerType: "touch", bubbles: true, cancelable: true, button: 0,
            clientX: x + left * scale, clientY: y + top * scale }));
    }
}"""


def test_one_finger_draws_and_the_second_takes_back_what_the_first_began(board):
    board.open("box")

    def touch(kind, *fingers):
        board.page.evaluate(FINGERS, [kind, fingers])

    touch("pointerdown", [1, 100, 100])
    touch("pointermove", [1, 200, 200])
    touch("pointerup", [1, 200, 200])
    assert board.box() == [100, 100, 100, 100]
    touch("pointerdown", [1, 300, 300])
    touch("pointermove", [1, 350, 350])
    touch("pointerdown", [2, 400, 400])
    touch("pointermove", [2, 500, 500])
    touch("pointerup", [2, 500, 500])
    touch("pointerup", [1, 350, 350])
    assert len(board.sent) == 1
    assert board.page.evaluate("board.picture.zoomed")
    touch("pointerdown", [3, 300, 300])
    touch("pointermove", [3, 340, 340])
    touch("pointercancel", [3, 340, 340])
    assert (len(board.sent), board.page.evaluate("board.tool.first")) == (1, None)


def test_objects_of_the_image_before_come_as_one_step(board):
    board.open("box", BOX)
    board.page.evaluate("before = [{category: 12, box: [1, 2, 3, 4], from: 5}, {category: 13, box: [5, 6, 7, 8]}]")
    board.page.focus("#stage")
    board.press("v")
    assert [("from" in each, each["category"]) for each in board.sent] == [(False, 11), (False, 12), (False, 13)]
    board.press("Control+z")
    assert len(board.sent) == 1


def test_what_lies_outside_of_this_image_is_not_taken_over(board):
    board.open("box")
    board.page.evaluate("board.takeFrom([{category: 11, box: [900, 100, 5, 5]}, {category: 12, box: [1, 2, 3, 4]}])")
    assert [each["category"] for each in board.sent] == [12]
    assert board.said == "Taken from the image before: 1"


@pytest.mark.parametrize("tool", ["select", "box", "extreme", "polygon", "vertex", "cut"])
def test_a_key_in_the_middle_of_a_drag_leaves_nothing_behind(board, tool):
    board.open(tool, BOX, {"category": 12, "polygon": [[*SQUARE]]})
    before = board.sent
    for key in ("Control+z", "Escape", "another tool"):
        board.page.evaluate("name => board.setTools(name)", tool)
        board.page.mouse.move(*board.at(150, 150))
        board.page.mouse.down()
        board.page.mouse.move(*board.at(220, 260), steps=3)
        if key == "another tool":
            board.page.evaluate("board.setTools(board.toolName === 'select' ? 'box' : 'select')")
        else:
            board.press(key)
        board.page.mouse.move(*board.at(230, 280))
        board.page.mouse.up()
        assert board.sent == before, key
    board.page.evaluate("board.clear()")
    board.page.mouse.click(400, 400)
    board.keys("Space", "Delete", "Control+z")


def test_a_tool_may_be_chosen_before_the_first_image(board):
    board.open("box")
    board.page.evaluate("board.clear(); board.setTools('polygon'); board.show({...picture}, [])")
    for point in ((100, 100), (300, 100), (300, 300)):
        board.click(*point)
    board.press("Enter")
    assert len(board.sent) == 1


def test_a_mask_is_painted_in_the_colour_of_its_class(board):
    # 2 x 2 with only the lower left pixel: runs 1, 1, 2 of pycocotools are "112"
    board.open("box", {"category": 12, "mask": {"size": [2, 2], "counts": "112", "offset": [400, 300]}})
    board.page.evaluate("board.place = {scale: 14, x: 640 - 401 * 14, y: 400 - 301 * 14}")
    board.rest()
    lower_left = board.colour(400.5, 301.5)
    assert [board.colour(400.5, 300.5)[3], board.colour(401.5, 301.5)[3]] == [0, 0]
    assert lower_left[2] > lower_left[0], "blue"
    assert 90 < lower_left[3] < 140


def test_the_stage_says_what_it_is(board):
    board.open("select")
    stage = board.page.locator("#stage")
    assert stage.get_attribute("role") == "application"
    assert stage.get_attribute("aria-roledescription") == "drawing board"
    assert "Arrows" in stage.get_attribute("aria-label")
    pixels = board.page.evaluate("(({width, height, data}) => [width, height, data.length])(board.pixels())")
    assert pixels == [800, 600, 800 * 600 * 4]
