"""The labeling screen, as a person meets it: in Chromium, against the real server and its database."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from labeler.models import Claim, Label, Project
from labeler.models.queue import ClaimState
from tests.helpers.factories import make_model, make_project, predict
from tests.helpers.screen import LABEL_CALL, Screen, answers, eventually, intercept, names

PREVIEW_CALL = re.compile(r"/preview/")


@pytest.fixture
def open_screen(page, live_server, sign_in, ann) -> Callable[[Project], Screen]:
    def open_screen(project: Project) -> Screen:
        sign_in(page, ann)
        return Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()

    return open_screen


def test_one_key_labels_saves_and_shows_the_next(open_screen, project, add_photos, ann):
    add_photos(project, 5)
    screen = open_screen(project)
    first = screen.image()

    screen.press("2")

    second = screen.image()
    assert second != first
    screen.says("saved")
    label = Label.objects.get(image_id=first, annotator=ann)
    assert names(label) == ["dog"]
    assert 0 < label.seconds < 10
    assert label.idempotency_key is not None


def test_every_image_comes_once_and_then_there_is_nothing_left(open_screen, project, add_photos, ann):
    photos = add_photos(project, 14)
    screen = open_screen(project)

    screen.press(*"12312312312312")

    expect(screen.page.get_by_role("heading", name="Nothing left for you now")).to_be_visible()
    screen.says("saved")
    assert set(answers(ann)) == {photo.pk for photo in photos}
    assert Label.objects.count() == 14
    expect(screen.page.locator("#done")).to_have_text("14")


def test_a_key_counts_only_once_the_image_is_painted(page, live_server, sign_in, project, add_photos, ann):
    add_photos(project, 3)
    held: list[Route] = []
    is_slow = True
    page.route(PREVIEW_CALL, lambda route: held.append(route) if is_slow else route.continue_())
    sign_in(page, ann)
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")
    eventually(page, lambda: bool(held))

    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert Label.objects.count() == 0

    is_slow = False
    for route in held:
        route.continue_()
    screen = Screen(page, page.url)
    screen.press("1")
    screen.image()
    screen.says("saved")
    assert list(answers(ann).values()) == [["cat"]]


def test_a_held_key_labels_one_image(open_screen, project, add_photos, ann):
    add_photos(project, 5)
    screen = open_screen(project)

    screen.page.keyboard.down("1")
    for _ in range(5):
        screen.image()
        screen.page.keyboard.down("1")  # what the keyboard repeats
    screen.page.keyboard.up("1")

    screen.says("saved")
    assert Label.objects.count() == 1


def test_undo_takes_the_answer_back_and_shows_its_image(open_screen, project, add_photos, ann):
    add_photos(project, 5)
    screen = open_screen(project)
    first = screen.image()

    screen.press("1", "2", "z", "Backspace")

    assert screen.image() == first
    screen.says("saved")
    assert answers(ann) == {}
    screen.press("3")
    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["fox"]}


def test_undo_reaches_back_across_pages(open_screen, project, add_photos, ann):
    add_photos(project, 5)
    screen = open_screen(project)
    first = screen.image()
    screen.press("1")
    screen.image()
    screen.says("saved")

    screen.open().press("z")

    assert screen.image() == first
    screen.says("saved")
    assert answers(ann) == {}


def test_one_of_the_last_answers_is_clicked_and_changed(open_screen, project, add_photos, ann):
    add_photos(project, 6)
    screen = open_screen(project)
    first = screen.image()
    screen.press("1", "1", "1")
    third_on = screen.image()

    screen.page.locator("#film button").last.click()
    assert screen.image() == first
    expect(screen.page.get_by_text("You are changing your answer: cat")).to_be_visible()
    screen.press("3")

    assert screen.image() == third_on
    screen.says("saved")
    assert answers(ann)[first] == ["fox"]
    assert Label.objects.get(image_id=first, superseded_at=None).supersedes.answer == "labeled"


def test_skip_and_cannot_tell(open_screen, project, add_photos, ann):
    add_photos(project, 4)
    screen = open_screen(project)
    first = screen.image()
    screen.press("s")
    second = screen.image()
    screen.press("c", "Enter")
    screen.image()

    screen.says("saved")
    assert answers(ann) == {first: "skip", second: "cannot_tell"}
    expect(screen.page.locator("#done")).to_have_text("1")


def test_a_click_labels_and_the_next_enter_does_not_press_it_again(open_screen, project, add_photos, ann):
    add_photos(project, 4)
    screen = open_screen(project)

    screen.button("dog").click()
    screen.image()
    screen.page.keyboard.press("Enter")
    screen.page.wait_for_timeout(200)

    screen.says("saved")
    assert list(answers(ann).values()) == [["dog"]]


def test_without_a_network_nothing_is_lost_and_nothing_is_doubled(open_screen, project, add_photos, ann):
    add_photos(project, 8)
    screen = open_screen(project)
    intercept(screen.page, LABEL_CALL, lambda route: route.abort())

    seen = []
    for key in "1231":
        seen.append(screen.image())
        screen.press(key)
    screen.image()
    screen.says("offline: 4 waiting")
    screen.press("z")
    assert screen.image() == seen.pop()
    assert Label.objects.count() == 0

    screen.page.unroute(LABEL_CALL)
    screen.says("saved")
    assert answers(ann) == dict(zip(seen, [["cat"], ["dog"], ["fox"]], strict=True))
    # Three answers, and one that was given and taken back.
    assert Label.objects.count() == 5


def test_an_answer_whose_confirmation_was_lost_is_saved_once(open_screen, project, add_photos, ann):
    add_photos(project, 3)
    screen = open_screen(project)
    first = screen.image()
    lost = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # the server did save it
        route.abort()

    intercept(screen.page, LABEL_CALL, lose_the_first)
    screen.press("2")

    screen.says("offline: 1 waiting")
    screen.says("saved")
    assert lost in ([200], [201])
    assert answers(ann) == {first: ["dog"]}
    assert Label.objects.count() == 1


def test_what_the_server_refuses_is_said_in_words_and_stays_visible(open_screen, project, add_photos, ann):
    add_photos(project, 4)
    screen = open_screen(project)
    first = screen.image()
    refusal = {"error": {"code": "no_claim", "message": "You have not been given this image.", "fields": {}}}
    intercept(screen.page, LABEL_CALL, lambda route: route.fulfill(status=409, json=refusal), times=1)

    screen.press("1")

    alert = screen.page.get_by_role("alert")
    expect(alert).to_contain_text("Your answer “cat” was not saved. It is no longer yours to label")
    screen.press("2")
    screen.image()
    screen.says("1 not saved")
    expect(alert).to_contain_text("“cat”")
    alert.get_by_role("button", name="Show the image").click()
    assert screen.image() == first
    screen.press("3")
    screen.image()
    expect(alert).to_be_empty()
    screen.says("saved")
    assert answers(ann)[first] == ["fox"]


def test_after_logging_out_elsewhere_answers_wait_for_the_next_login(open_screen, sign_in, project, add_photos, ann):
    add_photos(project, 4)
    screen = open_screen(project)
    screen.page.context.clear_cookies(name="sessionid")

    screen.press("1")

    screen.says("logged out: 1 waiting")
    expect(screen.page.get_by_role("link", name="Log in")).to_have_attribute("target", "_blank")
    sign_in(screen.page, ann)
    screen.says("saved")
    assert list(answers(ann).values()) == [["cat"]]


def test_enter_accepts_the_suggestion(open_screen, project, add_photos, ann):
    photos = add_photos(project, 3)
    model = make_model(project)
    for photo in photos:
        predict(model, photo, "fox", 0.9)
    screen = open_screen(project)
    first = screen.image()

    expect(screen.page.locator("#keys .sug")).to_have_count(1)
    expect(screen.button("Accept fox")).to_be_visible()
    screen.press("Enter")

    screen.image()
    screen.says("saved")
    label = Label.objects.get(image_id=first)
    assert names(label) == ["fox"]
    assert label.shown_prediction is not None


def test_without_a_suggestion_enter_does_nothing(open_screen, project, add_photos):
    add_photos(project, 3)
    screen = open_screen(project)
    first = screen.image()

    expect(screen.page.locator("#keys .sug")).to_have_count(0)
    expect(screen.page.locator("#enter")).to_be_hidden()
    screen.press("Enter")

    screen.page.wait_for_timeout(200)
    assert screen.image() == first
    assert Label.objects.count() == 0


def test_multi_label_digits_switch_and_enter_saves(open_screen, multi_project, add_photos, ann):
    add_photos(multi_project, 5)
    screen = open_screen(multi_project)
    first = screen.image()

    screen.press("1", "3", "2", "2")
    expect(screen.page.get_by_role("button", name="sky", pressed=True).first).to_be_visible()
    expect(screen.button("Save sky and sand")).to_be_visible()
    screen.press("Enter")
    second = screen.image()
    expect(screen.button("Save: none of these")).to_be_visible()
    screen.press("Enter")
    third = screen.image()
    screen.press("2", "0")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["sand", "sky"], second: [], third: []}


def test_images_that_were_not_answered_are_given_back_on_leaving(open_screen, project, add_photos, live_server):
    add_photos(project, 10)
    screen = open_screen(project)
    screen.press("1")
    screen.image()
    screen.says("saved")
    expect(screen.page.locator("#ready .on")).to_have_count(5)  # the queue has been filled up again

    screen.page.goto(f"{live_server.url}/static/css/tokens.css")

    eventually(screen.page, lambda: not Claim.objects.filter(state=ClaimState.OPEN).exists())
    assert Claim.objects.filter(state=ClaimState.ANSWERED).count() == 1


def test_an_image_that_does_not_load_is_said_and_can_be_skipped(page, live_server, sign_in, project, add_photos, ann):
    add_photos(project, 2)
    page.route(PREVIEW_CALL, lambda route: route.abort())
    sign_in(page, ann)
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")
    expect(page.get_by_role("heading", name="This image does not load.")).to_be_visible()

    page.keyboard.press("1")
    page.keyboard.press("s")

    eventually(page, lambda: list(answers(ann).values()) == ["skip"])


def test_a_project_without_classes_says_so(page, live_server, sign_in, add_photos, ann):
    project = make_project(ann, categories=[])
    add_photos(project, 1)
    sign_in(page, ann)
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")

    expect(page.get_by_role("heading", name="This project has no classes yet.")).to_be_visible()
    assert Claim.objects.count() == 0


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390)])
@pytest.mark.parametrize("task", ["single", "multi"])
def test_a_phone_shows_all_of_it_without_sideways_scrolling(
    new_context, live_server, sign_in, add_photos, ann, width, height, task
):
    project = make_project(ann, task=task, categories=["cat", "dog", "a class with quite a long name", "owl", "fox"])
    photos = add_photos(project, 8)
    model = make_model(project)
    for photo in photos:
        predict(model, photo, "cat", 0.9)
    page = new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True).new_page()
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    for button in page.locator("#keys .key").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 44
    assert page.locator("#frame img").bounding_box()["height"] > 100

    page.locator("#keys .key").nth(1).tap()
    if task == "multi":
        page.locator("#enter").tap()
    screen.image()
    screen.says("saved")
    assert [names(row) for row in Label.objects.all()] == [["dog"]]


def test_swipes_accept_and_undo(new_context, live_server, sign_in, project, add_photos, ann):
    photos = add_photos(project, 4)
    model = make_model(project)
    for photo in photos:
        predict(model, photo, "fox", 0.9)
    page = new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    first = screen.image()
    fingers = page.context.new_cdp_session(page)

    def swipe(start: int, end: int) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": 300}]})
        for step in range(1, 5):
            x = start + (end - start) * step / 4
            fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": 302}]})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(100, 260)
    assert screen.image() != first
    screen.says("saved")
    assert answers(ann) == {first: ["fox"]}

    swipe(260, 100)
    assert screen.image() == first
    screen.says("saved")
    assert answers(ann) == {}


def test_the_theme_is_remembered(open_screen, project, add_photos):
    add_photos(project, 2)
    screen = open_screen(project)
    background = "getComputedStyle(document.body).backgroundColor"
    light = screen.page.evaluate(background)

    with screen.page.expect_response("**/api/me/preferences/"):
        screen.button("Light or dark").click()
    dark = screen.page.evaluate(background)
    screen.open()

    assert dark != light
    assert screen.page.evaluate(background) == dark


def test_strangers_do_not_find_the_page(client, plain_static_files, project, carl):
    client.force_login(carl)
    assert client.get(f"/projects/{project.pk}/label/").status_code == 404


def test_without_a_login_the_page_asks_for_one(client, plain_static_files, project):
    response = client.get(f"/projects/{project.pk}/label/")
    assert response.status_code == 302
    assert "/login/" in response["Location"]
