"""Every page by keyboard alone: Tab reaches every link and control, the focus can be seen, and nothing traps it.

The pages are read from the addresses themselves, so a new one is walked through from its first day.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from labeler.models import Label
from labeler.pages.shell import documents
from labeler.projects import invitations
from labeler.urls import project_pages
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Everything Tab must reach, in the order of the document, each with how it looks without the focus.
COLLECT = """() => {
    document.querySelectorAll("details:not([data-menu])").forEach((part) => { part.open = true; });
    const groups = new Set();
    const wanted = [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0'], [contenteditable]")].filter((el) => {
        if (el.disabled || el.tabIndex < 0 || el.closest("[inert]") || el.type === "hidden") return false;
        if (!el.checkVisibility({ checkVisibilityCSS: true })) return false;
        if (el.type !== "radio") return true;
        // One of a group of radio buttons: the checked one, or the first.
        const group = [...document.getElementsByName(el.name)].filter((other) => other.form === el.form);
        return el === (group.find((other) => other.checked) ?? group[0]);
    });
    const looks = (el) => [null, "::before", "::after"].map((part) => {
        const style = getComputedStyle(el, part);
        return [style.borderTopColor, style.borderBottomColor, style.boxShadow, style.backgroundColor].join("|");
    }).join("§");
    const outlined = (el) => [null, "::before", "::after"].some((part) => {
        const style = getComputedStyle(el, part);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    });
    // A control inside of a label may show its focus there.
    const around = (el) => [el, el.parentElement, el.parentElement?.parentElement].filter(Boolean);
    const before = new Map(wanted.map((el) => [el, around(el).map(looks).join("#")]));
    // When the key comes up the focus has moved.
    if (!window.__focus)
        addEventListener("keyup", (event) => { if (event.key === "Tab") window.__focus.step(); }, true);
    window.__focus = {
        name(el) {
            const text = (el.textContent || el.value || el.getAttribute("aria-label") || "").trim().slice(0, 40);
            return `${el.tagName.toLowerCase()} ${el.name || el.id || ""} “${text}”`;
        },
        wanted,
        seen: new Set(),
        outside: 0,
        end: "never",
        unseen: [],
        covered: [],
        look() {
            const el = document.activeElement;
            if (!el || el === document.body || el === document.documentElement) return "out";
            // A date has a stop for the day, the month, the year and the calendar.
            if (el === this.last && el.type === "date") return "in";
            this.last = el;
            if (this.seen.has(el)) return "again";
            this.seen.add(el);
            const changed = before.has(el) && around(el).map(looks).join("#") !== before.get(el);
            if (!around(el).slice(0, 2).some(outlined) && !changed) this.unseen.push(this.name(el));
            const box = el.getBoundingClientRect();
            const bar = document.querySelector("header.top")?.getBoundingClientRect();
            const underBar = bar && !el.closest("header.top, .skip") && box.bottom <= bar.bottom;
            if (box.bottom <= 0 || box.top >= innerHeight || underBar) this.covered.push(this.name(el));
            return "in";
        },
        // A field that has the focus from the start is in the middle of the round, so the end of the page may be
        // passed once.
        step() {
            if (this.end !== "never") return;
            const where = this.look();
            if (where === "out") this.outside += 1;
            if (where === "again" || this.outside === 2) this.end = where;
        },
        // What a page has drawn anew meanwhile is another element: it is not there to be reached.
        missing() { return this.wanted.filter((el) => !this.seen.has(el) && el.isConnected).map(this.name); },
    };
    return wanted.length;
}"""


def walk(page: Page) -> dict[str, Any]:
    """Press Tab until the focus comes round; what was missed, invisible or hidden on the way."""
    count = page.evaluate(COLLECT)
    # More than there are: a scrolling region may be a stop of its own.
    for press in range(1, count + 61):
        page.keyboard.press("Tab")
        if press % 10 == 0 and page.evaluate("window.__focus.end") != "never":
            break
    return {
        "count": count,
        "end": page.evaluate("window.__focus.end"),
        "missed": page.evaluate("window.__focus.missing()"),
        "focus not visible": page.evaluate("window.__focus.unseen"),
        "covered": page.evaluate("window.__focus.covered"),
    }


def trouble(found: dict[str, Any]) -> dict[str, Any]:
    wrong = {name: found[name] for name in ("missed", "focus not visible", "covered") if found[name]}
    if found["end"] == "never":
        wrong["end"] = "the focus is trapped"
    if found["count"] < 3:
        wrong["count"] = found["count"]
    return wrong


def of_projects() -> list[str]:
    """Names of all pages that need nothing but the project."""
    return sorted({str(p.name) for p in project_pages if "<" not in str(p.pattern) and p.name})


@pytest.fixture
def calm(new_context):
    """A context without motion: a colour half-way through its change is no colour to compare."""
    return new_context(reduced_motion="reduce")


def test_every_page_of_a_project(calm, client, live_server, sign_in, busy, lena):
    sign_in(calm, lena)
    page = calm.new_page()
    found = {}
    for name in of_projects():
        answer = client.get(url(name, busy))
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue  # an address that only takes a form, or leads elsewhere
        page.goto(live_server.url + url(name, busy))
        if name == "label":
            page.wait_for_selector("html[data-painted]", state="attached")
        found[name] = trouble(walk(page))

    assert {"project", "label", "images", "settings", "members"} < set(found)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_pages_outside_of_projects(calm, live_server, sign_in, busy, ada, lena):
    _, secret = invitations.create(project=busy, by=lena)
    image = busy.images.order_by("pk")[1]
    invitation = reverse("invitation", args=[secret])
    page = calm.new_page()
    found = {}
    for path in ("/login/", invitation, "/login/once/nothing/", "/nowhere/"):
        page.goto(live_server.url + path)
        found[f"{path} (nobody)"] = trouble(walk(page))
    sign_in(calm, ada)
    paths = ["/", "/projects/new/", "/account/", "/about/", "/logout/", invitation, url("image", busy, image.pk)]
    for path in (*paths, *(f"/docs/{name}/" for name in documents.TITLES)):
        page.goto(live_server.url + path)
        found[path] = trouble(walk(page))

    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_on_a_phone_the_same(new_context, live_server, sign_in, busy, lena):
    context = new_context(reduced_motion="reduce", viewport={"width": 320, "height": 640})
    sign_in(context, lena)
    page = context.new_page()
    found = {}
    for name in ("project", "images", "import", "members"):
        page.goto(live_server.url + url(name, busy))
        found[name] = trouble(walk(page))

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("name", ["projects", "project", "members", "label"])
def test_the_first_stop_skips_to_the_content(name, calm, live_server, sign_in, busy, lena):
    sign_in(calm, lena)
    page = calm.new_page()
    page.goto(live_server.url + ("/" if name == "projects" else url(name, busy)))
    if name == "label":
        page.wait_for_selector("html[data-painted]", state="attached")
    page.keyboard.press("Tab")
    skip = page.locator(".skip").first
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)

    target = skip.get_attribute("href")
    page.keyboard.press("Enter")
    assert page.evaluate("target => document.activeElement.matches(target)", target)
    page.keyboard.press("Tab")
    # The next stop is inside of what was skipped to: neither a tab nor a menu of the header.
    assert page.evaluate("target => Boolean(document.activeElement.closest(target))", target)


def test_the_menus_of_the_header_by_keyboard(calm, live_server, sign_in, project, lena):
    sign_in(calm, lena)
    page = calm.new_page()
    page.goto(live_server.url + url("project", project))
    page.locator(".person summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Account")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="lena")).to_be_visible()


def test_a_dialog_gives_the_focus_back(calm, live_server, sign_in, busy, lena):
    sign_in(calm, lena)
    page = calm.new_page()
    page.goto(live_server.url + url("label", busy))
    page.wait_for_selector("html[data-painted]", state="attached")
    opener = page.get_by_role("button", name="Keys", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    # The focus is inside and stays there, round and round.
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_from_the_login_to_a_label_without_a_mouse(calm, live_server, plain_static_files, busy, ann):
    ann.set_password("orchid kettle 42")
    ann.save()
    page = calm.new_page()
    page.goto(live_server.url + "/login/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type("orchid kettle 42")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim().startsWith('Label ')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-painted]", state="attached")
    before = Label.objects.filter(annotator=ann).count()
    page.keyboard.press("1")

    expect(page.locator("#saving")).to_have_text("saved")
    assert Label.objects.filter(annotator=ann).count() == before + 1
    page.close()
    wait_until_the_database_is_quiet()


def test_the_walk_itself_notices_an_invisible_focus_and_a_trap(new_context, live_server, plain_static_files, db):
    page = new_context(reduced_motion="reduce", bypass_csp=True).new_page()
    page.goto(live_server.url + "/login/")
    assert trouble(walk(page)) == {}

    page.add_style_tag(content="*, *::after { outline: none !important }")
    assert trouble(walk(page))["focus not visible"]
    page.reload()
    page.evaluate("""() => document.querySelector("[name=password]").addEventListener("keydown", (event) => {
        if (event.key === "Tab") event.preventDefault();
    })""")
    assert trouble(walk(page))["missed"]
