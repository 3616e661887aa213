"""How people answer: two classes, many, none; their own keys; reasons and questions. In Chromium, as a person would."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic

import pytest
from playwright.sync_api import Page, Route, expect

from labeler.accounts import preferences
from labeler.labeling import claims as queue
from labeler.labeling import labels
from labeler.models import Comment, Label, Membership, Project, Thread
from labeler.pages.label import labeling as labeling_page
from labeler.review import comments
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import category, make_model, make_project, predict
from tests.helpers.screen import Screen, answers, eventually, intercept, names

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COMMENT_CALL = re.compile(r"/api/images/\d+/comments/$")


@pytest.fixture
def open_screen(page, live_server, sign_in, ann) -> Callable[[Project], Screen]:
    def open_screen(project: Project) -> Screen:
        sign_in(page, ann)
        return Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()

    return open_screen


@pytest.fixture
def two(ann, rev) -> Project:
    return make_project(ann, lead=rev, categories=["ill", "healthy"])


@pytest.fixture
def many(ann, rev) -> Project:
    """300 classes: 30 genera of 10 species."""
    return make_project(ann, lead=rev, categories=[f"{genus} {species}" for genus in GENERA for species in SPECIES])


GENERA = [a + b for a in ("Al", "Be", "Ca", "Do", "Éc") for b in ("nus", "tula", "rpinus", "ryas", "hina", "lea")]
SPECIES = ["alba", "cordata", "glauca", "incana", "minor", "nigra", "pendula", "robur", "rubra", "viridis"]


def in_order(images: list[int], person) -> list[object]:
    """What was answered on these images. Answers to different images are sent side by side: ids tell no order."""
    said = answers(person)
    return [said.get(image) for image in images]


class Fingers:
    """One finger on a touch screen."""

    def __init__(self, page: Page):
        self.cdp = page.context.new_cdp_session(page)

    def swipe(self, start: int, end: int) -> None:
        self.touch("touchStart", [{"x": start, "y": 300}])
        for step in range(1, 5):
            self.touch("touchMove", [{"x": start + (end - start) * step / 4, "y": 302}])
        self.touch("touchEnd", [])

    def touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def on_phone(new_context, live_server, sign_in, ann) -> Callable[[Project], Screen]:
    def on_phone(project: Project, width: int = 390, height: int = 844) -> Screen:
        page = new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True).new_page()
        sign_in(page, ann)
        return Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()

    return on_phone


# ---------------------------------------------------------------- two classes


def test_two_classes_are_answered_by_arrows_letters_and_digits(open_screen, two, add_photos, ann):
    add_photos(two, 8)
    screen = open_screen(two)

    images = []
    for key in ("ArrowLeft", "ArrowRight", "f", "j", "1", "2"):
        images.append(screen.image())
        screen.press(key)

    screen.image()
    screen.says("saved")
    assert in_order(images, ann) == [["ill"], ["healthy"]] * 3


def test_two_classes_have_two_wide_buttons_with_their_arrows(open_screen, two, add_photos):
    add_photos(two, 2)
    screen = open_screen(two)

    left, right = (screen.page.locator("#keys .key").nth(n) for n in (0, 1))
    expect(left.locator("kbd")).to_have_text(["←", "F"])
    expect(right.locator("kbd")).to_have_text(["→", "J"])
    boxes = [button.bounding_box() for button in (left, right)]
    dock = screen.page.locator(".dock").bounding_box()
    assert all(box["width"] > 0.45 * dock["width"] for box in boxes)
    assert boxes[0]["x"] < boxes[1]["x"]


def test_the_arrows_move_a_zoomed_image_and_answer_nothing(open_screen, two, add_photos):
    add_photos(two, 2)
    screen = open_screen(two)
    first = screen.image()

    screen.press("Space")
    expect(screen.page.locator("#stage[data-zoomed]")).to_be_attached()
    screen.press("ArrowLeft", "ArrowRight")
    assert screen.image() == first
    assert Label.objects.count() == 0
    screen.press("Space", "ArrowRight")

    screen.image()
    screen.says("saved")
    assert [names(label) for label in Label.objects.all()] == [["healthy"]]


def test_a_suggestion_of_two_is_accepted_by_enter_and_corrected_at_the_same_cost(open_screen, two, add_photos, ann):
    photos = add_photos(two, 3)
    model = make_model(two)
    for photo in photos:
        predict(model, photo, "healthy", 0.9)
    screen = open_screen(two)

    first = screen.image()
    screen.press("Enter")
    second = screen.image()
    screen.press("ArrowLeft")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["healthy"], second: ["ill"]}


def test_a_swipe_is_the_answer_on_its_side(on_phone, two, add_photos, ann):
    add_photos(two, 4)
    screen = on_phone(two)
    fingers = Fingers(screen.page)

    first = screen.image()
    fingers.swipe(300, 120)
    second = screen.image()
    fingers.swipe(120, 300)
    screen.image()

    screen.says("saved")
    assert answers(ann) == {first: ["ill"], second: ["healthy"]}
    for button in screen.page.locator("#keys .key").all():  # every swipe has a button
        assert button.bounding_box()["height"] >= 44
        expect(button.locator("kbd").first).to_be_visible()


def test_on_a_phone_two_classes_are_tapped_and_undo_is_a_button(on_phone, two, add_photos, ann):
    add_photos(two, 3)
    screen = on_phone(two)
    first = screen.image()

    screen.button("healthy").tap()
    eventually(screen.page, lambda: screen.image() != first)
    screen.button("Undo").tap()
    eventually(screen.page, lambda: screen.image() == first)

    screen.says("saved")
    assert answers(ann) == {}


def test_with_two_classes_the_question_is_on_q(open_screen, two, add_photos):
    add_photos(two, 2)
    screen = open_screen(two)
    screen.press("q")
    expect(screen.page.get_by_label("Ask the team about this image")).to_be_focused()


# ---------------------------------------------------------------- many classes


def test_typing_finds_a_class_and_enter_takes_the_first(open_screen, many, add_photos, ann):
    add_photos(many, 4)
    screen = open_screen(many)
    expect(screen.page.locator("#found")).to_have_text("300 classes")

    screen.image()
    screen.page.keyboard.type("carp rub")  # letters begin it, wherever the focus is
    expect(screen.page.locator("#keys .key .nm")).to_have_text(["Carpinus rubra"])
    expect(screen.page.locator("#found")).to_have_text("1 found")
    expect(screen.button("Choose Carpinus rubra")).to_be_visible()
    screen.page.keyboard.press("Enter")

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["Carpinus rubra"]]
    expect(screen.page.locator("#find")).to_have_value("")
    expect(screen.page.locator("#found")).to_have_text("300 classes")


def test_digits_pick_from_the_list_as_it_stands(open_screen, many, add_photos, ann):
    add_photos(many, 4)
    screen = open_screen(many)

    first = screen.image()
    screen.press("2")
    second = screen.image()
    screen.page.keyboard.type("echina")  # without its accent
    expect(screen.page.locator("#keys .key kbd")).to_have_text(list("123456789"))
    screen.page.keyboard.press("3")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["Alnus cordata"], second: ["Échina glauca"]}


def test_escape_clears_and_the_letters_of_actions_need_alt(open_screen, many, add_photos, ann):
    add_photos(many, 4)
    screen = open_screen(many)
    first = screen.image()

    screen.page.keyboard.type("sc")
    expect(screen.page.locator("#find")).to_have_value("sc")
    screen.page.keyboard.press("Escape")
    expect(screen.page.locator("#find")).to_have_value("")
    expect(screen.page.locator("#find")).not_to_be_focused()
    expect(screen.button("Skip").locator("kbd")).to_have_text("Alt+S")
    screen.page.keyboard.press("Alt+s")
    second = screen.image()
    screen.press("Alt+z")

    assert second != first
    assert screen.image() == first
    screen.says("saved")
    assert answers(ann) == {}


def test_after_a_slash_digits_are_typed_too(open_screen, ann, add_photos):
    project = make_project(ann, categories=[f"kind {number:02}" for number in range(1, 41)])
    add_photos(project, 3)
    screen = open_screen(project)

    screen.press("/")
    expect(screen.page.locator("#find")).to_be_focused()
    expect(screen.page.locator("#keys .key kbd")).to_have_count(0)
    screen.page.keyboard.type("31")
    screen.page.keyboard.press("Enter")

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["kind 31"]]
    expect(screen.page.locator("#keys .key kbd")).to_have_text(list("123456789"))


def test_the_most_used_come_first_and_stay_where_they_are(open_screen, many, add_photos, ann, monkeypatch):
    monkeypatch.setattr(labeling_page, "ORDERED_AFTER", (1, 4))
    add_photos(many, 8)
    claims = queue.claim(project=many, annotator=ann, count=4)
    for claim, name in zip(claims, ("Dolea minor", "Betula nigra", "Dolea minor", "Alnus cordata"), strict=True):
        labels.save_label(image_id=claim.image_id, annotator=ann, categories=[name])
    screen = open_screen(many)
    first_three = screen.page.locator("#keys .key .nm")

    order = ["Dolea minor", "Betula nigra", "Alnus alba", "Alnus cordata"]
    assert first_three.all_text_contents()[:4] == order
    screen.press("4", "4", "4")
    screen.image()
    screen.says("saved")
    assert first_three.all_text_contents()[:4] == order
    assert [names(label) for label in Label.objects.order_by("-id")[:3]] == [["Alnus cordata"]] * 3
    screen.open()  # and on the next page: four of one's own are Alnus cordata by now
    assert first_three.all_text_contents()[:4] == order


def test_with_300_classes_nothing_jumps_whatever_is_typed(open_screen, many, add_photos):
    add_photos(many, 3)
    screen = open_screen(many)
    page = screen.page
    before = [page.locator(part).bounding_box() for part in ("#stage", ".dock", "#keys")]

    for text in ("b", "e", "t", "u", "z"):
        page.keyboard.type(text)
        assert [page.locator(part).bounding_box() for part in ("#stage", ".dock", "#keys")] == before
    expect(page.locator("#found")).to_have_text("No class is called that. Escape clears.")
    page.keyboard.press("Backspace")
    expect(page.locator("#keys .key")).to_have_count(10)


def test_with_300_classes_a_letter_is_answered_at_once_by_the_rows_that_can_be_seen(open_screen, many, add_photos):
    add_photos(many, 3)
    page = open_screen(many).page

    # In the same turn as the letter, and never more than a screenful: drawing all 300 would take longer than a frame.
    drawn = page.evaluate(
        """() => {
            const field = document.getElementById("find");
            const rows = {};
            for (const text of ["a", "al", "", "e", "nigra", "zzz"]) {
                field.value = text;
                field.dispatchEvent(new Event("input", {bubbles: true}));
                const found = [...document.querySelectorAll("#keys .key")];
                rows[text] = [found.length, found.every((row) => row.textContent.toLowerCase().includes(text))];
            }
            return rows;
        }"""
    )

    assert all(0 < drawn[text][0] < 60 for text in ("a", "al", "", "e", "nigra")) and drawn["zzz"][0] == 0, drawn
    assert drawn["nigra"][1] and drawn["al"][1], drawn


def test_many_classes_are_a_list_with_one_stop_of_tab(open_screen, many, add_photos, ann):
    add_photos(many, 3)
    screen = open_screen(many)
    page = screen.page
    items = page.get_by_role("list", name="Classes").get_by_role("listitem")
    expect(items.first).to_have_attribute("aria-setsize", "300")
    assert items.count() < 60  # more are drawn as one scrolls
    assert page.locator("#keys .key[tabindex='0']").count() == 1
    page.locator("#keys").evaluate("list => list.scrollTo(0, 1e6)")
    expect(items.nth(60)).to_have_attribute("aria-posinset", "61")

    page.get_by_label("Type to find a class").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#keys .key").nth(1)).to_be_focused()
    page.keyboard.press("Enter")

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["Alnus cordata"]]


def test_the_suggestion_of_many_stands_beside_the_field(open_screen, many, add_photos, ann):
    photos = add_photos(many, 3)
    model = make_model(many)
    for photo in photos:
        predict(model, photo, "Éclea viridis", 0.9)
    screen = open_screen(many)

    expect(screen.page.locator("#finder").get_by_role("button", name="Éclea viridis")).to_be_visible()
    expect(screen.button("Accept Éclea viridis")).to_be_visible()
    screen.press("Enter")

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["Éclea viridis"]]


def test_any_number_of_many_is_found_switched_and_saved(open_screen, ann, add_photos):
    project = make_project(ann, task="multi", categories=[f"{genus} {s}" for genus in GENERA[:6] for s in SPECIES])
    add_photos(project, 3)
    screen = open_screen(project)
    first = screen.image()

    screen.page.keyboard.type("alrubra")  # nothing is called that
    screen.page.keyboard.press("Enter")
    assert screen.image() == first
    screen.page.keyboard.press("Escape")
    for text in ("alnus ru", "altula mi"):
        screen.page.keyboard.type(text)
        screen.page.keyboard.press("Enter")
    expect(screen.button("Save Alnus rubra and Altula minor")).to_be_visible()
    screen.page.locator("#finder").get_by_role("button", name="Alnus rubra").click()
    expect(screen.button("Save Altula minor")).to_be_visible()
    screen.press("Enter")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["Altula minor"]}


def test_many_classes_on_a_phone(on_phone, many, add_photos, ann):
    add_photos(many, 3)
    screen = on_phone(many, 320, 568)
    page = screen.page

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator("#frame img").bounding_box()["height"] > 100
    page.get_by_label("Type to find a class").tap()
    page.keyboard.type("nigra")
    page.get_by_role("button", name="Betula nigra").tap()

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["Betula nigra"]]


# ---------------------------------------------------------------- cannot tell, and why


def test_cannot_tell_takes_one_more_key_for_its_reason(open_screen, project, add_photos, ann):
    add_photos(project, 6)
    screen = open_screen(project)
    first = screen.image()
    screen.press("c")
    expect(screen.page.get_by_text("Why can nobody tell?").first).to_be_visible()
    assert screen.image() == first  # it stays until it is answered
    screen.press("1")
    second = screen.image()
    screen.press("c", "Enter")
    third = screen.image()
    screen.press("c", "5")
    screen.page.keyboard.type("a thumb is before it")
    screen.page.keyboard.press("Enter")

    screen.image()
    screen.says("saved")
    assert set(Label.objects.values_list("image", "answer", "reason")) == {
        (first, "cannot_tell", "blurred or dark"),
        (second, "cannot_tell", ""),
        (third, "cannot_tell", "a thumb is before it"),
    }
    expect(screen.page.get_by_role("button", name="Change: Cannot tell: Blurred or dark")).to_be_visible()


def test_escape_leads_back_from_the_reasons_and_digits_are_classes_again(open_screen, project, add_photos, ann):
    add_photos(project, 3)
    screen = open_screen(project)

    screen.press("c", "Escape", "c", "5", "Escape", "Escape", "2")

    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["dog"]]


def test_held_keys_give_no_reason(open_screen, project, add_photos):
    add_photos(project, 3)
    screen = open_screen(project)
    first = screen.image()

    for key in ("c", "Enter"):
        screen.page.keyboard.down(key)
        for _ in range(4):
            screen.page.keyboard.down(key)
        if key == "c":
            assert Label.objects.count() == 0
        screen.page.keyboard.up(key)

    assert screen.image() != first
    screen.says("saved")
    assert Label.objects.count() == 1


def test_the_image_does_not_move_while_reasons_or_a_question_are_asked(open_screen, project, add_photos):
    add_photos(project, 2)
    screen = open_screen(project)
    before = screen.page.locator("#stage").bounding_box()

    for key in ("c", "f"):
        screen.press(key)
        assert screen.page.locator("#stage").bounding_box() == before, key
        screen.page.keyboard.press("Escape")


def test_another_action_leaves_the_reasons(open_screen, project, add_photos, ann):
    add_photos(project, 4)
    screen = open_screen(project)
    screen.press("1", "c")
    screen.page.locator("#film button").first.click()

    screen.image()
    expect(screen.page.get_by_text("You are changing your answer: cat")).to_be_visible()
    screen.press("3")
    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["fox"]]


# ---------------------------------------------------------------- a question to the team


def test_a_question_goes_to_the_team_and_the_image_stays_to_be_answered(open_screen, project, add_photos, ann):
    add_photos(project, 3)
    screen = open_screen(project)
    first = screen.image()

    screen.press("f")
    field = screen.page.get_by_label("Ask the team about this image")
    expect(field).to_be_focused()
    screen.page.keyboard.type("Is this 1 fox, or 2?\n")  # letters, digits and Enter are text here
    screen.page.keyboard.press("Control+Enter")

    expect(field).not_to_be_visible()
    expect(screen.button("Asked")).to_be_visible()
    assert screen.image() == first
    comment = Comment.objects.get()
    assert (comment.text, comment.author, comment.thread.image_id) == ("Is this 1 fox, or 2?", ann, first)
    assert Label.objects.count() == 0
    screen.press("3")
    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["fox"]}


def test_a_question_that_says_nothing_is_not_sent(open_screen, project, add_photos):
    add_photos(project, 2)
    screen = open_screen(project)
    screen.press("f")
    screen.button("Send").click()
    expect(screen.page.get_by_text("Write what your question is.")).to_be_visible()
    assert Comment.objects.count() == 0


def test_without_a_network_a_question_is_kept_and_goes_when_it_is_back(open_screen, project, add_photos):
    add_photos(project, 3)
    screen = open_screen(project)
    intercept(screen.page, COMMENT_CALL, lambda route: route.abort())

    screen.press("f")
    screen.page.keyboard.type("Rust?")
    screen.page.keyboard.press("Control+Enter")
    expect(screen.page.get_by_text("Not sent yet")).to_be_visible()
    expect(screen.page.get_by_label("Ask the team about this image")).to_have_value("Rust?")
    screen.page.keyboard.press("Escape")
    screen.press("1")
    notice = screen.page.get_by_text("A question to the team waits for the connection: “Rust?”")
    expect(notice).to_be_visible()
    assert Thread.objects.count() == 0

    screen.page.unroute(COMMENT_CALL)
    screen.open()  # also across pages: it is kept in this browser, for this person
    expect(notice).not_to_be_visible()
    eventually(screen.page, lambda: [c.text for c in Comment.objects.all()] == ["Rust?"])


def test_a_question_whose_confirmation_was_lost_is_asked_once(open_screen, project, add_photos):
    add_photos(project, 3)
    screen = open_screen(project)

    def lose(route: Route) -> None:
        route.fetch()  # the server did write it
        route.abort()

    intercept(screen.page, COMMENT_CALL, lose, times=1)
    screen.press("f")
    screen.page.keyboard.type("Rust?")
    screen.page.keyboard.press("Control+Enter")
    expect(screen.page.get_by_text("Not sent yet")).to_be_visible()
    screen.button("Send").click()

    expect(screen.button("Asked")).to_be_visible()
    assert Comment.objects.count() == 1


def test_a_question_waits_for_its_own_person(page, live_server, sign_in, project, add_photos, ann, bea):
    add_photos(project, 3)
    url = f"{live_server.url}/projects/{project.pk}/label/"
    page.route(COMMENT_CALL, lambda route: route.abort())
    sign_in(page, ann)
    screen = Screen(page, url).open()
    screen.press("f")
    page.keyboard.type("Rust?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Not sent yet")).to_be_visible()
    page.unroute(COMMENT_CALL)

    sign_in(page, bea)
    screen.open()
    page.wait_for_timeout(300)
    assert Comment.objects.count() == 0
    sign_in(page, ann)
    screen.open()
    eventually(page, lambda: Comment.objects.filter(author=ann).count() == 1)


def test_what_was_begun_is_still_there_when_one_comes_back(open_screen, project, add_photos):
    add_photos(project, 3)
    screen = open_screen(project)
    screen.press("f")
    screen.page.keyboard.type("Half a th")
    screen.page.keyboard.press("Escape")
    screen.press("f")
    expect(screen.page.get_by_label("Ask the team about this image")).to_have_value("Half a th")


def test_writing_a_question_is_not_counted_as_looking(open_screen, project, add_photos):
    add_photos(project, 3)
    begin = monotonic()
    screen = open_screen(project)
    screen.press("f")
    expect(screen.page.get_by_label("Ask the team about this image")).to_be_focused()
    screen.page.wait_for_timeout(2000)
    screen.page.keyboard.press("Escape")
    screen.press("1")
    all_of_it = monotonic() - begin
    screen.image()
    screen.says("saved")
    assert Label.objects.get().seconds < all_of_it - 1.9


def test_a_key_right_after_escape_answers_the_image(open_screen, project, add_photos, ann):
    """Both keys before the browser draws again: what is hidden keeps the focus until then, and would swallow one."""
    add_photos(project, 3)
    screen = open_screen(project)
    image = screen.image()
    screen.press("f")
    expect(screen.page.get_by_label("Ask the team about this image")).to_be_focused()
    screen.page.evaluate(
        """() => {
          for (const [key, code] of [["Escape", "Escape"], ["1", "Digit1"]]) {
            const event = new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(event);
          }
        }"""
    )
    eventually(screen.page, lambda: answers(ann) == {image: ["cat"]})


def test_an_answer_to_ones_question_is_said_quietly(open_screen, project, add_photos, ann, rev):
    photo = add_photos(project, 2)[0]
    thread = comments.raise_flag(image=photo, by=ann, text="Rust?").thread
    screen = open_screen(project)
    expect(screen.page.get_by_role("link", name="answer for you")).to_have_count(0)

    comments.reply(thread=thread, by=rev, text="Dirt.")
    screen.open()

    link = screen.page.get_by_role("link", name="1 answer for you")
    expect(link).to_be_visible()
    link.click()
    expect(screen.page.get_by_text("Dirt.")).to_be_visible()
    screen.open()
    expect(link).to_have_count(0)


# ---------------------------------------------------------------- one's own keys


def change_key(page: Page, action: str, key: str) -> None:
    page.get_by_role("button", name=f"change the key of: {action}").click()
    page.keyboard.press(key)


def test_a_key_is_changed_by_pressing_the_wanted_one(open_screen, project, add_photos, ann):
    add_photos(project, 5)
    screen = open_screen(project)
    first = screen.image()
    screen.press("?")
    change_key(screen.page, "Skip", "x")
    expect(screen.page.get_by_text("X is now the key for “Skip: not for me”.")).to_be_visible()
    change_key(screen.page, "dog", "d")
    expect(screen.page.get_by_text("D is now the key for “dog”.")).to_be_visible()
    screen.page.keyboard.press("Escape")

    expect(screen.button("Skip").locator("kbd")).to_have_text("X")
    screen.press("s")
    assert screen.image() == first
    screen.press("x")
    second = screen.image()
    screen.press("d")
    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: "skip", second: ["dog"]}
    # And so on the next page, and on every computer.
    assert preferences.preferences_of(ann).keys == {"skip": "x"}
    assert Membership.objects.get(project=project, user=ann).category_keys == {str(category(project, "dog")): "d"}
    third = screen.open().image()
    screen.press("d")
    screen.image()
    screen.says("saved")
    assert answers(ann)[third] == ["dog"]


def test_a_key_that_is_taken_is_refused_in_words(open_screen, project, add_photos, ann):
    add_photos(project, 2)
    screen = open_screen(project)
    page = screen.page
    screen.press("?")
    said = page.locator("#keys-said")

    change_key(page, "Skip", "c")
    expect(said).to_have_text("C is the key of “Cannot tell: nobody could”: choose another one, or change that first.")
    change_key(page, "Skip", "2")
    expect(said).to_have_text("The digits 1 to 9 choose classes: choose another key for “Skip: not for me”.")
    change_key(page, "dog", "g")
    expect(said).to_contain_text("G is the key of “Guideline on or off”")
    page.get_by_role("button", name="change the key of: dog").click()
    expect(said).to_have_text("Press the key for “dog”. Escape: leave it.")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_visible()  # only the listening is left
    page.keyboard.press("Escape")
    expect(page.locator("#help")).not_to_be_visible()
    assert preferences.preferences_of(ann).keys == {}


def test_all_keys_are_reset(open_screen, project, add_photos, ann):
    add_photos(project, 2)
    preferences.change(user=ann, keys={"skip": "x"})
    preferences.change_class_keys(project=project, user=ann, keys={category(project, "dog"): "d"})
    screen = open_screen(project)
    screen.press("?")
    screen.button("Reset all keys").click()

    expect(screen.page.get_by_text("All keys are as they come.")).to_be_visible()
    assert preferences.preferences_of(ann).keys == {}
    assert Membership.objects.get(project=project, user=ann).category_keys == {}
    screen.page.keyboard.press("Escape")
    expect(screen.button("Skip").locator("kbd")).to_have_text("S")


def test_a_key_that_could_not_be_saved_is_said_and_nothing_changes(open_screen, project, add_photos):
    add_photos(project, 2)
    screen = open_screen(project)
    screen.press("?")
    intercept(screen.page, "**/api/me/preferences/", lambda route: route.abort())
    change_key(screen.page, "Skip", "x")

    expect(screen.page.get_by_text("Not saved. The server cannot be reached.")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.button("Skip").locator("kbd")).to_have_text("S")


def test_single_keys_are_switched_off_for_a_person_and_alt_still_acts(open_screen, project, add_photos, ann):
    photos = add_photos(project, 4)
    model = make_model(project)
    for photo in photos:
        predict(model, photo, "fox", 0.9)
    screen = open_screen(project)
    screen.press("?")
    expect(screen.page.get_by_label("Single keys")).to_be_checked()
    screen.page.get_by_label("Single keys").uncheck()
    expect(screen.page.get_by_text("Saved.")).to_be_visible()
    screen.page.keyboard.press("Escape")
    screen.open()  # it is remembered by the server
    assert preferences.preferences_of(ann).single_keys is False

    first = screen.image()
    screen.press("1", "s", "c", "f", "?")
    screen.page.wait_for_timeout(200)
    assert screen.image() == first
    assert Label.objects.count() == 0
    expect(screen.button("Skip").locator("kbd")).to_have_text("Alt+S")
    screen.press("Alt+1")
    second = screen.image()
    screen.press("Enter")
    third = screen.image()
    screen.button("dog").click()
    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["cat"], second: ["fox"], third: ["dog"]}


# ---------------------------------------------------------------- how far


def test_how_far_is_said_only_where_there_is_something_to_count(page, live_server, sign_in, project, add_photos, ann):
    sign_in(page, ann)
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")
    expect(page.get_by_role("heading", name="There are no images yet")).to_be_visible()
    expect(page.locator(".count")).to_be_hidden()

    add_photos(project, 3)
    screen = Screen(page, page.url).open()
    expect(page.locator(".count")).to_have_text("0 of about 3")
    screen.press("1", "2", "3")
    expect(page.get_by_role("heading", name="Nothing left for you now")).to_be_visible()
    expect(page.locator(".count")).to_have_text("3 of 3")


# ---------------------------------------------------------------- for everybody


def test_no_state_of_the_screen_breaks_a_rule_of_accessibility(new_context, live_server, sign_in, two, many,
                                                               multi_project, add_photos, ann):  # fmt: skip
    # Only for the test's own script: the page's policy lets no other run.
    context = new_context(bypass_csp=True)
    sign_in(context, ann)
    page = context.new_page()
    found = {}
    for project in (two, many, multi_project):
        photos = add_photos(project, 2)
        model = make_model(project)
        for photo in photos:
            predict(model, photo, project.categories.first().name, 0.9)
        screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
        states = {
            "answers": (),
            "reasons": ("Alt+c",),
            "in words": ("Alt+5",),
            "question": ("Alt+q", "Alt+f"),
            "keys": ("?",),
        }
        for name, keys in states.items():
            for key in keys:
                page.keyboard.press(key)
                if project is not many:
                    page.keyboard.press(key.removeprefix("Alt+"))
            found[project.name, name] = violations_in_both_themes(page)
            for _ in keys:
                page.keyboard.press("Escape")
        screen.page.keyboard.press("Escape")

    assert {state: broken for state, broken in found.items() if broken} == {}


@pytest.mark.parametrize("width", [320, 390])
def test_the_keys_fit_a_phone(on_phone, many, add_photos, width):
    add_photos(many, 2)
    page = on_phone(many, width, 640).page
    page.get_by_role("button", name="Keys", exact=True).tap()
    expect(page.locator("#help")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#help").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 640
