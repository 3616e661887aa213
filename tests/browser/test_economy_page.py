"""The page of the label economy in a browser: the course as a drawing and as a table, and the way to the goal."""

import re

import pytest
from playwright.sync_api import expect

from labeler.models import EconomyPoint
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_course_is_a_drawing_and_a_table_and_leads_to_the_goal(new_context, live_server, sign_in, begun, lena):
    EconomyPoint.objects.create(
        project=begun, judgements=12, images=20, judged=9, checks=3, right=0.9, low=0.8, high=0.95, claimed=0.9
    )
    context = new_context()
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("project", begun))
    page.get_by_role("link", name="How much is right by now").click()

    course = page.get_by_role("region", name="How it grew, and what more brings")
    expect(course.get_by_role("img")).to_have_accessible_name(re.compile("Share of labels right by judgements"))
    table = course.get_by_role("table")
    expect(table).to_be_hidden()
    course.get_by_text("Show as table").click()
    expect(table.get_by_role("row").filter(has_text="12")).to_contain_text("90")
    expect(page.get_by_role("region", name="Right now")).to_contain_text("below the goal of 97")

    page.get_by_role("link", name="Goal and settings").click()
    page.get_by_label("Goal, in percent of labels right").fill("55")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    begun.refresh_from_db()
    assert begun.goal_right == 0.55
