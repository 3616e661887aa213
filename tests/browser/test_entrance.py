"""How people come in, in a real browser: invitations, login, account, and what they meet when something is wrong."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labeler import invitations
from labeler.models import Invitation
from tests.browser.test_pages import violations
from tests.test_pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 320, "height": 640}


def sideways(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


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
    expect(guest.get_by_role("status")).to_have_text("You are in, as annotator.")
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_invitations_break_no_rule_and_fit_a_phone(theme, new_context, live_server, sign_in, project, lena):
    project.name = "Leaf-diseases-of-the-northern-field-station " * 3
    project.save()
    _, secret = invitations.create(project=project, by=lena, note="Zoe" * 30)
    link = f"{live_server.url}/invitations/{secret}/"
    context = new_context(color_scheme=theme, bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    for path in (link, f"{live_server.url}/invitations/nothing/", f"{live_server.url}/login/"):
        page.goto(path)
        assert (violations(page), sideways(page)) == ([], 0), path
    page.goto(link)
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_text("This field is required").first).to_be_visible()
    assert (violations(page), sideways(page)) == ([], 0)

    sign_in(context, lena)
    page.goto(link)
    assert (violations(page), sideways(page)) == ([], 0)
    page.goto(live_server.url + url("members", project))
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator("#invite-link")).to_be_visible()
    assert (violations(page), sideways(page)) == ([], 0)
