"""How people come in, in a real browser: invitations, login, account, and what they meet when something is wrong."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from labeler.accounts import login_link
from labeler.jobs import dispatch
from labeler.models import Invitation, Job, Label, Project
from labeler.pages.shell import documents
from labeler.projects import invitations
from tests.browser.conftest import jpeg
from tests.helpers.accessibility import sideways, violations, violations_in_both_themes
from tests.helpers.factories import make_user
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 320, "height": 640}


# ---------------------------------------------------------------- invitations


def test_a_link_goes_from_a_lead_to_a_new_person(new_context, live_server, sign_in, project, lena):
    lead = new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    sign_in(lead, lena)
    lead.goto(live_server.url + url("members", project))
    lead.get_by_label("For whom").fill("Zoe")
    lead.get_by_role("button", name="Make a link").click()
    lead.get_by_role("button", name="Copy invitation link").click()
    expect(lead.get_by_role("button", name="Copied")).to_be_visible()
    link = lead.evaluate("navigator.clipboard.readText()")
    assert link == lead.locator("#invite-link").text_content()
    # Loading the page again makes no second link.
    lead.reload()
    expect(lead.locator("#invite-link")).to_have_count(0)
    assert Invitation.objects.count() == 1

    guest = new_context().new_page()
    guest.goto(link)
    expect(guest.get_by_role("heading", name="Animals")).to_be_visible()
    guest.get_by_label("User name").fill("zoe")
    guest.get_by_label("Password", exact=True).fill("orchid kettle 42")
    guest.get_by_label("Password again").fill("orchid kettle 42")
    guest.get_by_role("button", name="Join", exact=True).click()
    expect(guest.get_by_text("You are in, as annotator.")).to_be_visible()
    expect(guest.get_by_role("heading", name="Animals")).to_be_visible()

    lead.reload()
    expect(lead.locator(".people").first).to_contain_text("zoe")


def test_without_a_script_the_link_is_text_to_select(new_context, live_server, sign_in, project, lena):
    context = new_context(java_script_enabled=False)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("members", project))
    page.get_by_role("button", name="Make a link").click()

    expect(page.locator("#invite-link")).to_contain_text(live_server.url + "/invitations/")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_pages_of_invitations_break_no_rule_and_fit_a_phone(new_context, live_server, sign_in, project, lena):
    project.name = "Leaf-diseases-of-the-northern-field-station " * 3
    project.save()
    _, secret = invitations.create(project=project, by=lena, note="Zoe" * 30)
    link = f"{live_server.url}/invitations/{secret}/"
    context = new_context(bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    for path in (link, f"{live_server.url}/invitations/nothing/", f"{live_server.url}/login/"):
        page.goto(path)
        assert (violations_in_both_themes(page), sideways(page)) == ([], 0), path
    page.goto(link)
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_text("This field is required").first).to_be_visible()
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)

    sign_in(context, lena)
    page.goto(link)
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)
    page.goto(live_server.url + url("members", project))
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator("#invite-link")).to_be_visible()
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)


# ---------------------------------------------------------------- from the link to the first label

COUNT_CLICKS = """addEventListener("click", (event) => {
    if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
}, true);"""


def photo(number: int) -> dict:
    return {"name": f"{number:03}.jpg", "mimeType": "image/jpeg", "buffer": jpeg(number)}


def test_from_the_login_link_to_the_first_label_are_at_most_five_clicks(
    page, live_server, plain_static_files, settings
):
    admin = make_user("admin", is_superuser=True, is_staff=True)
    page.add_init_script(COUNT_CLICKS)

    page.goto(live_server.url + reverse("login_once", args=[login_link.make(admin)]))
    page.get_by_role("link", name="New project").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()  # keys sent before would go to the page before
    page.keyboard.type("Leaves")
    page.get_by_label("Classes", exact=True).press_sequentially("rust, healthy")
    page.get_by_role("button", name="Create project").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([photo(1), photo(2), photo(3)])
    expect(page.locator("#n-added")).to_have_text("3")
    page.get_by_role("link", name="Start labeling").click()
    page.wait_for_selector("html[data-painted]", state="attached")
    clicks = int(page.evaluate("sessionStorage.clicks"))
    page.keyboard.press("1")

    expect(page.locator("#saving")).to_have_text("saved")
    rust = Project.objects.get().categories.get(name="rust")
    assert Label.objects.get().categories == [rust.pk]
    assert clicks + 1 <= 5  # and one key


class Gate:
    """Lets requests through one by one."""

    def __init__(self, page, pattern: str):
        self.waiting: list = []
        page.route(pattern, lambda route: self.waiting.append(route))

    def let_through(self, page, n: int = 1) -> None:
        for _ in range(n):
            while not self.waiting:
                page.wait_for_timeout(10)
            self.waiting.pop(0).continue_()


def test_labeling_starts_while_the_rest_is_on_its_way(new_context, live_server, sign_in, project, lena):
    context = new_context()
    sign_in(context, lena)
    page = context.new_page()
    gate = Gate(page, "**/api/projects/*/images/")
    page.goto(live_server.url + url("import", project))
    start = page.get_by_role("link", name="Start labeling")
    expect(start).to_be_hidden()

    page.set_input_files("#pick-files", [photo(n) for n in range(30)])
    gate.let_through(page)
    expect(start).to_be_visible()
    expect(page.locator("#n-images")).to_have_text("4 images are in")
    expect(page.get_by_text("in a new tab, while the rest comes in here")).to_be_visible()
    with context.expect_page() as opened:
        start.click()
    opened.value.wait_for_selector("html[data-painted]", state="attached")

    # This page is still there and sends on.
    gate.let_through(page, 2)
    expect(page.locator("#status")).to_have_text("Done: 30 new images are in.")
    expect(page.get_by_text("in a new tab")).to_be_hidden()
    assert project.images.count() == 30
    opened.value.close()


def test_a_drop_is_stopped_between_two_requests(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    gate = Gate(page, "**/api/projects/*/images/")
    page.goto(live_server.url + url("import", project))
    page.set_input_files("#pick-files", [photo(n) for n in range(30)])

    page.get_by_role("button", name="Stop 30 files").click()
    gate.let_through(page)

    expect(page.locator(".import").first).to_contain_text("stopped")
    expect(page.locator("#n-added")).to_have_text("4")
    assert project.images.count() == 4


def test_refused_files_are_sorted_by_reason_with_what_to_do(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    files = [{"name": f"{n}.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 " + bytes([n])} for n in range(5)]

    page.set_input_files("#pick-files", [*files, {"name": "none.jpg", "mimeType": "image/jpeg", "buffer": b""}])

    expect(page.locator("#n-refused")).to_have_text("6")
    expect(page.locator("#status")).to_have_text("None of these files could be taken in: see why.")
    groups = page.locator("#refused > li")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("This is a PDF, not an image.")
    expect(groups.first).to_contain_text("Save its pages as JPEG or PNG.")
    groups.first.get_by_text("5 files").click()
    expect(groups.first.get_by_text("4.pdf")).to_be_visible()
    expect(groups.nth(1).get_by_text("none.jpg")).to_be_visible()


def test_an_import_of_somebody_else_moves_and_ends_without_a_reload(page, live_server, sign_in, project, rev, lena):
    job = Job.objects.create(
        project=project, kind="import", state="running", params={"name": "field.zip"}, requested_by=rev,
        progress_done=10, progress_total=40, result={"added": 10, "duplicates": 0, "refused": []},
    )  # fmt: skip
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    page.evaluate("window.same = true")
    row = page.locator(f'[data-job="{job.pk}"]')
    expect(row.get_by_role("progressbar")).to_have_attribute("value", "10")

    Job.objects.filter(pk=job.pk).update(progress_done=30, result={"added": 29, "duplicates": 1, "refused": []})
    expect(row.locator("[data-count]")).to_have_text("30 of 40")
    refused = [{"name": "x.svg", "reason": "This is an SVG drawing, not an image made of pixels."}]
    Job.objects.filter(pk=job.pk).update(
        state="done", progress_done=40, result={"added": 38, "duplicates": 1, "refused": refused}
    )
    expect(row).to_contain_text("38 new · 1 here already · 1 refused")
    expect(page.locator("#refused > li")).to_contain_text("Save the drawing as PNG.")
    assert page.evaluate("window.same")


def test_the_import_page_with_everything_on_it_breaks_no_rule(new_context, live_server, sign_in, project, lena):
    refused = [{"name": f"{'folder/' * 12}{n}.pdf", "reason": "This is a PDF, not an image."} for n in range(9)]
    for state in ("done", "running", "failed"):
        Job.objects.create(
            project=project, kind="import", state=state, params={"name": f"{state}-" + "long-name-" * 9 + ".zip"},
            requested_by=lena, progress_done=3, progress_total=9, result={"added": 2, "refused": refused},
            error={"code": "x", "message": "The archive is damaged."} if state == "failed" else None,
        )  # fmt: skip
    context = new_context(bypass_csp=True, viewport=PHONE)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("import", project))
    page.set_input_files("#pick-files", [photo(1), {"name": "x.pdf", "mimeType": "x/y", "buffer": b"%PDF"}])
    expect(page.locator("#n-added")).to_have_text("1")

    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)


# ---------------------------------------------------------------- export


def test_the_export_page_breaks_no_rule_and_copies_its_code(
    new_context, live_server, sign_in, project, add_photos, ann, lena
):
    add_photos(project, 3)
    context = new_context(bypass_csp=True, viewport=PHONE, permissions=["clipboard-read", "clipboard-write"])
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("export", project))
    page.get_by_role("link", name="JSON Lines").click()
    page.get_by_role("link", name="Shares of the votes").click()
    page.get_by_role("button", name="Copy Python code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    assert "Counter(" in page.evaluate("navigator.clipboard.readText()")
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)
    page.goto(live_server.url + url("export", project) + "?format=imagefolder")
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)


# ---------------------------------------------------------------- the theme


def test_the_theme_goes_with_the_person_and_stays_after_logging_out(new_context, live_server, sign_in, project, ann):
    context = new_context(color_scheme="light")
    sign_in(context, ann)
    page = context.new_page()
    page.goto(live_server.url + "/")
    with page.expect_response("**/api/me/preferences/") as told:
        page.get_by_role("button", name="Light or dark").click()
    assert told.value.ok
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    other, session = new_context(color_scheme="light"), Client()
    session.force_login(ann)
    other.add_cookies([{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}])
    elsewhere = other.new_page()
    elsewhere.goto(live_server.url + "/account/")
    expect(elsewhere.locator("html")).to_have_attribute("data-theme", "dark")
    expect(elsewhere.get_by_role("radio", name="dark")).to_be_checked()
    elsewhere.locator(".person summary").click()
    elsewhere.get_by_role("button", name="Log out", exact=True).click()
    expect(elsewhere.get_by_role("heading", name="Log in")).to_be_visible()
    expect(elsewhere.locator("html")).to_have_attribute("data-theme", "dark")

    # "As my system" on one machine is the system's on the other, whatever that browser remembers.
    page.goto(live_server.url + "/account/")
    page.get_by_role("radio", name="as my system").check()
    page.get_by_role("button", name="Save the theme").click()
    expect(page.get_by_text("Saved, for every machine")).to_be_visible()
    assert page.locator("html").get_attribute("data-theme") is None
    assert page.evaluate("localStorage.getItem('theme')") is None


def test_without_a_login_the_switch_is_remembered_by_the_browser(page, live_server, plain_static_files, db):
    page.goto(live_server.url + "/login/")
    page.get_by_role("button", name="Light or dark").click()
    chosen = page.locator("html").get_attribute("data-theme")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", chosen)


def test_the_account_page_breaks_no_rule(new_context, live_server, sign_in, lena):
    context = new_context(bypass_csp=True, viewport=PHONE)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + "/account/")
    page.get_by_text("New token").click()
    page.get_by_label("Name", exact=True).fill("laptop " * 10)
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#fresh-token")).to_be_visible()
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("This field is required").first).to_be_visible()
    assert (violations_in_both_themes(page), sideways(page)) == ([], 0)


# ---------------------------------------------------------------- about, documentation


def test_about_and_documentation_break_no_rule_and_fit_a_phone(new_context, live_server, sign_in, ada, project):
    dispatch.show_worker("default@" + "a-machine-with-a-long-name." * 3, ["default", "gpu"], torch="9.9.9+cu999")
    context = new_context(bypass_csp=True, viewport=PHONE)
    sign_in(context, ada)
    page = context.new_page()
    found = {}
    for path in ("/about/", *(f"/docs/{name}/" for name in documents.TITLES)):
        page.goto(live_server.url + path)
        found[path] = (violations_in_both_themes(page), sideways(page))
    dispatch.hide_worker("default@" + "a-machine-with-a-long-name." * 3)

    assert {path: wrong for path, wrong in found.items() if wrong != ([], 0)} == {}


# ---------------------------------------------------------------- nothing there yet


def test_the_labeling_page_of_an_empty_project_leads_a_lead_to_its_import(
    new_context, live_server, sign_in, project, ann, lena
):
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("label", project))
    expect(page.get_by_role("heading", name="There are no images yet")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Import images").click()
    expect(page.get_by_role("heading", name="Import images")).to_be_visible()

    sign_in(context, ann)
    page.goto(live_server.url + url("label", project))
    expect(page.get_by_role("heading", name="There are no images yet")).to_be_visible()
    expect(page.get_by_role("link", name="Import images")).to_have_count(0)


def test_pages_of_an_empty_project_and_error_pages_break_no_rule(new_context, live_server, sign_in, project, lena):
    context = new_context(bypass_csp=True, viewport=PHONE)
    sign_in(context, lena)
    page = context.new_page()
    found = {}
    for name in ("project", "agreement", "images", "model", "export", "members", "review", "adjudicate", "threads"):
        page.goto(live_server.url + url(name, project))
        found[name] = (violations_in_both_themes(page), sideways(page))
    for path in ("/about/", "/logout/", "/nowhere/", "/?q=nothing"):
        page.goto(live_server.url + path)
        found[path] = (violations_in_both_themes(page), sideways(page))

    assert {name: wrong for name, wrong in found.items() if wrong != ([], 0)} == {}
