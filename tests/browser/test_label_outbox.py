"""Answers survive: a lost network, a reload, a closed tab, a killed browser, another person, a second tab.

Knows what a person meets and what the database has in the end. The parts are tested in tests/js (outbox, tabs, keeper,
saver, kept, standing); what is asked of the server in tests/api/test_another_person.py.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Route, expect

from labeler.labeling import claim_ends, labels
from labeler.labeling import claims as queue
from labeler.models import Claim, Label, Membership, Project, QueueEntry
from labeler.models.queue import ClaimState
from tests.browser.conftest import ARGUMENTS
from tests.helpers.accessibility import violations, violations_in_both_themes
from tests.helpers.factories import make_project
from tests.helpers.screen import LABEL_CALL, Screen, answers, eventually, intercept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

READ_OUTBOX = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("labeler-outbox");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
        const reading = opening.result.transaction("entries").objectStore("entries").getAll();
        reading.onsuccess = () => (opening.result.close(), resolve(reading.result));
    };
})"""


def outbox(page: Page) -> list[dict]:
    """What the browser keeps, in order."""
    return page.evaluate(READ_OUTBOX)


def wait_for_outbox(page: Page, n: int) -> list[dict]:
    eventually(page, lambda: len(outbox(page)) == n)
    return outbox(page)


GAG = "addEventListener('pagehide', (event) => window.isGagged && event.stopImmediatePropagation())"


class Wire:
    """The way to the server for label writes, which a test can cut; counts what tried to pass."""

    def __init__(self, where: Page | BrowserContext, *, is_cut: bool = False):
        self.is_cut = is_cut
        self.sent: list[Request] = []
        intercept(where, LABEL_CALL, self._pass)

    def _pass(self, route: Route) -> None:
        self.sent.append(route.request)
        if self.is_cut:
            route.abort()
        else:
            route.continue_()

    @property
    def keys(self) -> Counter:
        return Counter(request.headers["idempotency-key"] for request in self.sent)


@pytest.fixture
def open_screen(page, live_server, sign_in, ann) -> Callable[[Project], Screen]:
    def open_screen(project: Project) -> Screen:
        sign_in(page, ann)
        # Before the page's own listeners, which it keeps from hearing when a test says so (gag).
        page.add_init_script(GAG)
        return Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()

    return open_screen


@pytest.fixture
def switch_to(live_server) -> Callable[..., None]:
    """Another person logs in in this browser. The first one's session ends nowhere: a request of theirs that is still
    on its way would be answered by taking the new cookie away."""

    def switch_to(page: Page, person) -> None:
        browser = Client()
        browser.force_login(person)
        cookie = {"name": "sessionid", "value": browser.cookies["sessionid"].value, "url": live_server.url}
        page.context.add_cookies([cookie])

    return switch_to


def come_back(page: Page) -> None:
    """What the browser says when the network is there again, or the person looks at the tab again."""
    page.evaluate("dispatchEvent(new Event('online'))")


# ---------------------------------------------------------------- kept until the server has said yes


def test_answers_and_undos_are_kept_until_the_server_has_said_yes(open_screen, project, add_photos, ann):
    add_photos(project, 6)
    screen = open_screen(project)
    wire = Wire(screen.page, is_cut=True)
    first = screen.image()

    screen.press("1", "2", "z")

    kept = wait_for_outbox(screen.page, 3)
    assert [(entry["method"], entry["state"], entry["person"]) for entry in kept] == [
        ("PUT", "waiting", ann.pk),
        ("PUT", "waiting", ann.pk),
        ("DELETE", "waiting", ann.pk),
    ]
    assert kept[0]["imageId"] == first
    assert kept[2]["undoes"] == kept[1]["key"]
    assert "blob" not in str(kept).lower(), "no bytes of images"
    wire.is_cut = False
    come_back(screen.page)
    screen.says("saved")
    wait_for_outbox(screen.page, 0)
    assert answers(ann) == {first: ["cat"]}


def test_a_browser_that_keeps_nothing_labels_all_the_same_and_says_so(
    page, live_server, sign_in, project, add_photos, ann
):
    add_photos(project, 6)
    page.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    quiet = page.get_by_text("This browser keeps no answers when it is closed")
    expect(quiet).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(quiet).to_be_hidden()
    wire = Wire(page, is_cut=True)
    first = screen.image()
    screen.press("1")
    screen.says("offline: 1 waiting")

    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("location.reload()")  # not page.reload(), which would wait for a page that never comes

    eventually(page, lambda: asked == ["beforeunload"])
    wire.is_cut = False
    come_back(page)
    screen.says("saved")
    assert answers(ann) == {first: ["cat"]}


# ---------------------------------------------------------------- without a network


def test_a_cut_connection_all_images_that_are_there_then_a_kind_word_then_on(open_screen, project, add_photos, ann):
    add_photos(project, 14)
    screen = open_screen(project)
    page = screen.page
    expect(page.locator("#ready .on")).to_have_count(5)
    wire = Wire(page)

    page.context.set_offline(True)
    seen = []
    for key in "123123":
        seen.append(screen.image())
        screen.press(key)

    expect(page.get_by_role("heading", name="Offline, 6 waiting")).to_be_visible()
    screen.says("offline: 6 waiting")
    expect(page.get_by_text("Your answers are safe in this browser")).to_be_visible()
    page.keyboard.press("s")  # nothing is skipped that nobody has seen
    assert len(wait_for_outbox(page, 6)) == 6
    assert Label.objects.count() == 0
    tried = set(wire.keys)

    page.context.set_offline(False)

    assert screen.image() not in seen  # labeling goes on by itself
    screen.says("saved")
    assert answers(ann) == dict(zip(seen, [["cat"], ["dog"], ["fox"]] * 2, strict=True))
    assert Label.objects.count() == 6
    assert tried <= set(wire.keys)
    assert len(wire.keys) == 6, "the same keys as before"
    wait_for_outbox(page, 0)


def test_offline_an_answer_can_still_be_undone_and_changed(open_screen, project, add_photos, ann):
    add_photos(project, 14)
    screen = open_screen(project)
    page = screen.page
    expect(page.locator("#ready .on")).to_have_count(5)
    page.context.set_offline(True)
    seen = []
    for _ in range(6):
        seen.append(screen.image())
        screen.press("1")
    expect(page.get_by_role("heading", name="Offline, 6 waiting")).to_be_visible()

    page.keyboard.press("z")
    assert screen.image() == seen[-1]
    screen.press("2")
    expect(page.get_by_role("heading", name="Offline, 8 waiting")).to_be_visible()
    page.context.set_offline(False)

    screen.image()
    screen.says("saved")
    assert answers(ann) == {image: ["cat"] for image in seen[:-1]} | {seen[-1]: ["dog"]}


def test_what_a_hotel_answers_is_not_taken_for_saved(open_screen, project, add_photos, ann):
    """A network that wants to be paid first answers everything with a page of its own."""
    add_photos(project, 6)
    screen = open_screen(project)
    first = screen.image()
    answer = {"status": 200, "content_type": "text/html", "body": "<h1>Welcome to our hotel</h1>"}
    intercept(screen.page, LABEL_CALL, lambda route: route.fulfill(**answer))

    screen.press("1")

    screen.says("offline: 1 waiting")
    answer["status"] = 404
    come_back(screen.page)
    screen.says("server busy: 1 waiting")
    expect(screen.page.get_by_role("alert")).to_be_empty()
    screen.page.unroute(LABEL_CALL)
    come_back(screen.page)
    screen.says("saved")
    assert answers(ann) == {first: ["cat"]}


# ---------------------------------------------------------------- reloaded, closed, killed


def gag(page: Page) -> None:
    """The page will not hear that it goes, as on a phone that ends its browser. Last words would pass by our wire."""
    page.evaluate("window.isGagged = true")


def leave_three_behind(screen: Screen) -> tuple[Wire, list[int]]:
    """Two answers and one that was taken back, none of them sent."""
    wire = Wire(screen.page.context, is_cut=True)
    seen = []
    for key in "123":
        seen.append(screen.image())
        screen.press(key)
    screen.press("z")
    screen.says("offline: 4 waiting")
    wait_for_outbox(screen.page, 4)
    return wire, seen


def finds_everything_again(screen: Screen, wire: Wire, seen: list[int], ann) -> None:
    """On the next visit: counted, not offered again, undone and changed as before, and sent once."""
    page = screen.page
    expect(page.locator("#done")).to_have_text("2")
    expect(page.locator("#film button")).to_have_count(2)
    assert screen.image() == seen[2]  # it was taken back, and wants an answer
    screen.press("1")
    assert screen.image() not in seen
    screen.press("z", "z")
    assert screen.image() == seen[1]
    screen.press("3")
    assert screen.image() == seen[2]
    wire.is_cut = False
    come_back(page)
    screen.says("saved")
    wait_for_outbox(page, 0)
    assert answers(ann) == {seen[0]: ["cat"], seen[1]: ["fox"]}
    assert Label.objects.filter(answer="labeled", annotator=ann).count() <= 5, "nothing is doubled"


def test_reload_with_unsent_answers(open_screen, project, add_photos, ann):
    add_photos(project, 12)
    screen = open_screen(project)
    wire, seen = leave_three_behind(screen)

    screen.page.reload()

    finds_everything_again(screen, wire, seen, ann)


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_the_tab_is_closed_and_opened_again(open_screen, project, add_photos, ann, says_goodbye):
    add_photos(project, 12)
    screen = open_screen(project)
    wire, seen = leave_three_behind(screen)
    if not says_goodbye:
        gag(screen.page)

    context = screen.page.context
    screen.page.close()
    again = Screen(context.new_page(), screen.url).open()

    finds_everything_again(again, wire, seen, ann)


def test_answers_left_behind_are_sent_on_the_next_visit_by_themselves(open_screen, project, add_photos, ann):
    add_photos(project, 12)
    screen = open_screen(project)
    wire, seen = leave_three_behind(screen)
    wire.is_cut = False

    screen.page.reload()

    screen.image()
    screen.says("saved")
    assert answers(ann) == {seen[0]: ["cat"], seen[1]: ["dog"]}
    assert max(wire.keys.values()) >= 2, "sent again under the same key"


def processes_of(profile: Path) -> list[int]:
    """Every process of the Chromium that this test has started with its own profile."""
    mine = f"--user-data-dir={profile}"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it has ended meanwhile
            if mine in arguments:
                found.append(int(entry.name))
    return sorted(found)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the browser's processes in /proc")
def test_the_browser_is_killed_with_waiting_answers(
    browser: Browser, browser_path, tmp_path, live_server, sign_in, project, add_photos, ann
):
    add_photos(project, 12)
    url = f"{live_server.url}/projects/{project.pk}/label/"

    def launch() -> BrowserContext:
        context = browser.browser_type.launch_persistent_context(
            tmp_path / "profile", executable_path=browser_path, args=ARGUMENTS, viewport={"width": 1280, "height": 800}
        )
        context.set_default_timeout(15_000)
        sign_in(context, ann)  # a session's cookie ends with its browser
        return context

    context = launch()
    screen = Screen(context.pages[0], url).open()
    _, seen = leave_three_behind(screen)
    alive = processes_of(tmp_path / "profile")
    assert alive
    for process in alive:
        os.kill(process, signal.SIGKILL)
    with suppress(Error):
        context.close()  # there is nobody left to close
    assert Label.objects.count() == 0

    context = launch()
    wire = Wire(context, is_cut=True)
    finds_everything_again(Screen(context.pages[0], url).open(), wire, seen, ann)


def test_any_other_page_sends_what_was_left_behind(open_screen, live_server, project, add_photos, ann):
    add_photos(project, 12)
    screen = open_screen(project)
    wire, seen = leave_three_behind(screen)
    context = screen.page.context
    gag(screen.page)
    screen.page.close()
    page = context.new_page()

    page.goto(live_server.url + "/")
    line = page.locator("#waiting")
    expect(line).to_contain_text("4 answers of yours wait in this browser.")
    expect(line.get_by_role("link")).to_have_attribute("href", f"/projects/{project.pk}/label/")
    assert Label.objects.count() == 0
    wire.is_cut = False
    come_back(page)

    expect(line).to_have_text("4 answers of yours waited in this browser. They are saved now.")
    wait_for_outbox(page, 0)
    assert answers(ann) == {seen[0]: ["cat"], seen[1]: ["dog"]}
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(line).to_be_empty()


def test_where_nobody_labeled_no_page_opens_a_database(page, live_server, sign_in, project, ann):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, ann)

    page.goto(live_server.url + "/")

    page.wait_for_load_state("networkidle")
    assert any("waiting.js" in url for url in asked)
    assert not any("outbox.js" in url for url in asked)
    assert page.evaluate("async () => (await indexedDB.databases()).length") == 0


# ---------------------------------------------------------------- another person


def test_another_persons_login_never_sends_the_first_ones_answers(
    open_screen, switch_to, live_server, project, add_photos, ann, bea
):
    add_photos(project, 12)
    screen = open_screen(project)
    page = screen.page
    wire = Wire(page.context, is_cut=True)
    first = screen.image()
    screen.press("1", "2")
    second = next(entry["imageId"] for entry in wait_for_outbox(page, 2) if entry["imageId"] != first)
    screen.image()

    switch_to(page, bea)  # in the same browser: the session's cookie is one for all tabs
    wire.is_cut = False
    come_back(page)

    expect(page.get_by_role("heading", name="You are logged in as bea in another tab.")).to_be_visible()
    expect(page.get_by_text("2 answers of ann are kept here.")).to_be_visible()
    screen.says("another login: 2 kept")
    assert Label.objects.count() == 0
    assert {request.headers["x-labeler-person"] for request in wire.sent} == {str(ann.pk)}
    tried = len(wire.sent)
    for key in ("1", "s", "z", "Enter"):  # bea is in front of the screen, and these would be ann's answers
        page.keyboard.press(key)
    page.wait_for_timeout(1500)  # longer than the pause after a failure
    assert len(wire.sent) == tried
    assert Claim.objects.filter(annotator=bea).count() == 0

    # bea goes on in the same tab. Nothing of ann's is seen, sent or counted.
    page.get_by_role("button", name="Go on as bea").click()
    page.wait_for_url("**/label/")
    expect(page.locator("#done")).to_have_text("0")
    screen.press("3")
    screen.image()
    screen.says("saved")
    assert list(answers(bea).values()) == [["fox"]]
    assert answers(ann) == {}
    page.goto(live_server.url + "/")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#waiting")).to_be_empty()
    assert {entry["person"] for entry in outbox(page)} == {ann.pk}

    # ann is back.
    switch_to(page, ann)
    Screen(page, screen.url).open().says("saved")
    wait_for_outbox(page, 0)
    assert answers(ann) == {first: ["cat"], second: ["dog"]}
    assert Label.objects.count() == 3


def test_the_first_person_logs_in_again_and_the_same_page_goes_on(
    open_screen, switch_to, project, add_photos, ann, bea
):
    add_photos(project, 12)
    screen = open_screen(project)
    page = screen.page
    first = screen.image()
    switch_to(page, bea)
    screen.press("1")
    expect(page.get_by_text("1 answer of ann is kept here.")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Log in as ann instead").click()
    opened.value.wait_for_url("**/login/**")  # bea was logged out there
    opened.value.close()

    switch_to(page, ann)
    page.evaluate("dispatchEvent(new Event('focus'))")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {first: ["cat"]}
    assert Label.objects.filter(annotator=bea).count() == 0


# ---------------------------------------------------------------- two tabs


@pytest.fixture
def two_tabs(open_screen, project, add_photos) -> tuple[Screen, Screen]:
    add_photos(project, 30)
    one = open_screen(project)
    two = Screen(one.page.context.new_page(), one.url).open()
    return one, two


def test_two_tabs_have_images_of_their_own_and_each_answer_is_sent_once(two_tabs, ann):
    one, two = two_tabs
    wire = Wire(one.page.context)
    seen = []
    for key in "12312":
        for screen in two_tabs:
            seen.append(screen.image())
            screen.press(key)

    one.says("saved")
    two.says("saved")

    assert len(set(seen)) == 10
    assert set(answers(ann)) == set(seen)
    assert Label.objects.count() == 10
    assert set(wire.keys.values()) == {1}, "no answer is sent by both"


def test_saved_is_said_only_when_no_tab_has_anything_waiting(two_tabs):
    one, two = two_tabs
    wire = Wire(one.page, is_cut=True)  # of the first tab alone
    for key in "123":
        one.press(key)
    one.says("offline: 3 waiting")

    two.says("3 waiting")
    two.press("1")
    two.image()
    two.says("3 waiting")
    assert Label.objects.count() == 1
    wire.is_cut = False
    come_back(one.page)
    one.says("saved")
    two.says("saved")
    assert Label.objects.count() == 4


@pytest.mark.parametrize("locks", ["with locks", "without locks"])
def test_a_tab_takes_over_what_a_closed_one_left(page, live_server, sign_in, project, add_photos, ann, locks):
    """Web Locks exist only on https and localhost; elsewhere the tabs call a roll."""
    add_photos(project, 30)
    context = page.context
    context.add_init_script(GAG)
    if locks == "without locks":
        context.add_init_script("Object.defineProperty(navigator, 'locks', {value: undefined})")
    sign_in(page, ann)
    one = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    two = Screen(context.new_page(), one.url).open()
    Wire(one.page, is_cut=True)
    seen = []
    for key in "12":
        seen.append(one.image())
        one.press(key)
    one.says("offline: 2 waiting")
    wait_for_outbox(one.page, 2)
    two.says("saving…")
    gag(one.page)

    one.page.close()

    two.says("saved")
    assert answers(ann) == dict(zip(seen, [["cat"], ["dog"]], strict=True))
    assert Label.objects.count() == 2
    expect(two.page.locator("#done")).to_have_text("2")
    assert two.image() not in seen
    two.press("z")  # what the other tab did last can be undone here
    assert two.image() == seen[1]
    two.says("saved")
    assert answers(ann) == {seen[0]: ["cat"]}


def test_an_image_that_the_other_tab_has_just_answered_can_be_answered_again(open_screen, project, add_photos, ann):
    add_photos(project, 1)
    one = open_screen(project)
    two = Screen(one.page.context.new_page(), one.url).open()  # nothing else is left: the other tab's image is shown
    assert one.image() == two.image()
    image = one.image()

    one.press("1")
    one.says("saved")
    two.press("2")
    two.says("saved")

    assert answers(ann) == {image: ["dog"]}
    for screen in (one, two):
        expect(screen.page.get_by_role("alert")).to_be_empty()
    assert Label.objects.filter(superseded_at=None).count() == 1


def test_what_a_tab_says_later_about_an_image_is_what_counts(open_screen, project, add_photos, ann):
    """Both tabs change one old answer while the server is away: the later change wins, whichever tab is quicker."""
    add_photos(project, 12)
    one = open_screen(project)
    image = one.image()
    one.press("1")
    one.image()
    one.says("saved")
    two = Screen(one.page.context.new_page(), one.url).open()
    first, second = Wire(one.page, is_cut=True), Wire(two.page, is_cut=True)
    for screen, key in ((one, "2"), (two, "3")):
        screen.page.locator("#film button").first.click()
        assert screen.image() == image
        screen.press(key)
        wait_for_outbox(screen.page, 1 if screen is one else 2)

    second.is_cut = False
    come_back(two.page)
    two.page.wait_for_timeout(300)
    assert answers(ann) == {image: ["cat"]}, "the later word waits for the earlier one"
    first.is_cut = False
    come_back(one.page)

    one.says("saved")
    two.says("saved")
    assert answers(ann) == {image: ["fox"]}


# ---------------------------------------------------------------- leases, and what the server will not have


def test_leases_are_renewed_while_somebody_only_looks(page, live_server, sign_in, project, add_photos, ann):
    add_photos(project, 12)
    page.clock.install()
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    image = screen.image()
    held = Claim.objects.filter(annotator=ann, state=ClaimState.OPEN)
    soon = timezone.now() + timedelta(minutes=2)
    held.update(expires_at=soon)

    page.clock.fast_forward(project.lease_seconds * 1000 // 2)

    eventually(page, lambda: not held.filter(expires_at__lte=soon).exists())
    assert held.filter(image=image).exists()
    assert screen.image() == image, "nothing on the screen moves"
    expect(page.get_by_role("alert")).to_be_empty()


def test_after_a_night_with_the_lid_closed_the_answer_still_counts(
    page, live_server, sign_in, project, add_photos, ann, bea, dora
):
    """The leases ran out, others answered the image: it is kept, as one more than was asked for."""
    add_photos(project, 12)
    page.clock.install()
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    expect(page.locator("#ready .on")).to_have_count(5)
    image = screen.image()
    Claim.objects.filter(annotator=ann).update(expires_at=timezone.now() - timedelta(hours=8))
    for person in (bea, dora):
        for claim in queue.claim(project=project, annotator=person, count=12):
            labels.save_label(image_id=claim.image_id, annotator=person, categories=["fox"])

    page.clock.fast_forward(8 * 3600 * 1000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    # What was ahead has been done by the others; the image on the screen is ann's to finish.
    expect(page.locator("#ready .on")).to_have_count(0)
    assert screen.image() == image
    screen.press("1")
    expect(page.get_by_role("heading", name="Nothing left for you now")).to_be_visible()
    screen.says("saved")
    label = Label.objects.get(annotator=ann)
    assert (label.image_id, label.extra) == (image, True)


def test_an_answer_to_a_lease_that_ran_out_is_kept(open_screen, project, add_photos, ann):
    add_photos(project, 6)
    screen = open_screen(project)
    image = screen.image()
    Claim.objects.filter(annotator=ann).update(expires_at=timezone.now() - timedelta(hours=1))
    claim_ends.expire_leases(project)

    screen.press("2")

    screen.image()
    screen.says("saved")
    assert answers(ann) == {image: ["dog"]}
    expect(screen.page.get_by_role("alert")).to_be_empty()


def test_what_the_server_refuses_is_said_with_image_and_choice_until_it_was_read(open_screen, project, add_photos):
    add_photos(project, 8)
    screen = open_screen(project)
    page = screen.page
    image = screen.image()
    # The person was taken out of the project and came back, say, and others took the seats: otherwise the claim of the
    # next images, which may come before the answer, would get this one back.
    Claim.objects.filter(image=image).delete()
    QueueEntry.objects.filter(image=image).update(seats_left=0)

    screen.press("1")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your answer “cat” was not saved. It is no longer yours to label")
    expect(alert.locator("img")).to_have_attribute("src", re.compile(rf"/images/{image}/"))
    screen.says("1 not saved")
    page.reload()
    screen.image()
    expect(alert).to_contain_text("Your answer “cat” was not saved.")  # nobody has read it yet, for all we know
    screen.says("1 not saved")

    alert.get_by_role("button", name="Dismiss").click()

    expect(alert).to_be_empty()
    screen.says("saved")
    wait_for_outbox(page, 0)
    page.reload()
    screen.image()
    expect(alert).to_be_empty()


def test_the_answers_of_somebody_who_was_removed_are_shown_to_them(open_screen, live_server, project, add_photos, ann):
    add_photos(project, 8)
    screen = open_screen(project)
    wire = Wire(screen.page.context, is_cut=True)
    screen.press("1")
    screen.says("offline: 1 waiting")
    Membership.objects.filter(user=ann).delete()
    other = make_project(ann, name="Another one", categories=["oak", "elm"])
    add_photos(other, 3)
    wire.is_cut = False

    page = screen.page
    page.goto(f"{live_server.url}/projects/{other.pk}/label/")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your answer “cat” was not saved. It is gone, or you are no longer a member")
    expect(alert.get_by_role("button")).to_have_count(1)
    alert.get_by_role("button", name="Dismiss").click()
    screen.says("saved")
    wait_for_outbox(page, 0)


# ---------------------------------------------------------------- what it costs


def test_twenty_labels_are_twenty_requests_and_a_claim_call_for_five(open_screen, project, add_photos, ann):
    add_photos(project, 60)
    screen = open_screen(project)
    page = screen.page
    expect(page.locator("#ready .on")).to_have_count(5)
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.method, urlsplit(request.url).path)))

    for _ in range(20):
        screen.press("1")
        screen.image()
        screen.says("saved")

    writes = [path for method, path in asked if method == "PUT"]
    claims = [path for method, path in asked if method == "POST"]
    assert len(writes) == len(set(writes)) == 20
    assert all(LABEL_CALL.search(path) for path in writes)
    assert len(claims) <= 4
    assert set(claims) == {f"/api/projects/{project.pk}/claims/"}
    # The ? window comes once, at leisure.
    at_leisure = [path for _, path in asked if path.startswith("/static/js/label/keys")]
    rest = [path for method, path in asked if method == "GET" and path not in at_leisure]
    assert len(at_leisure) <= 2
    assert len(writes) + len(claims) + len(rest) + len(at_leisure) == len(asked)
    assert all(re.fullmatch(r"/api/images/\d+/(preview|thumb)/", path) for path in rest), rest


# ---------------------------------------------------------------- how it looks


@pytest.mark.parametrize("width", [1280, 320])
def test_each_word_of_trouble_is_readable_for_everybody(
    new_context, live_server, sign_in, switch_to, project, add_photos, ann, bea, width
):
    """axe finds nothing, nothing scrolls sideways: offline, refused, another person, and the line on other pages."""
    add_photos(project, 20)
    bea.username = "beatrice.with.a.long.name@laboratory.example"
    bea.save()
    context = new_context(bypass_csp=True, viewport={"width": width, "height": 720})
    page = context.new_page()
    sign_in(page, ann)
    screen = Screen(page, f"{live_server.url}/projects/{project.pk}/label/").open()
    expect(page.locator("#ready .on")).to_have_count(5)
    found = {}

    def look(name: str) -> None:
        found[name] = (violations_in_both_themes if width == 1280 else violations)(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name

    refusal = {"error": {"code": "no_claim", "message": "No.", "fields": {}}}
    intercept(page, LABEL_CALL, lambda route: route.fulfill(status=409, json=refusal))
    screen.press("1", "2")
    screen.says("2 not saved")
    page.unroute(LABEL_CALL)
    look("refused")
    page.goto(live_server.url + "/")
    expect(page.locator("#waiting")).to_contain_text("2 answers of yours could not be saved.")
    look("line")
    page.goto(screen.url)
    expect(page.locator("#ready .on")).to_have_count(5)
    context.set_offline(True)
    screen.press(*"123123")
    expect(page.get_by_role("heading", name="Offline, 6 waiting")).to_be_visible()
    look("offline")
    switch_to(page, bea)
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You are logged in as beatrice")).to_be_visible()
    look("another person")

    assert {name: broken for name, broken in found.items() if broken} == {}
