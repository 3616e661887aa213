"""Quality as people meet it on the labeling screen: told what a gold image was, and paused. In Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labeler.labeling import claims, gold_and_repeats, labels
from labeler.models import Job, Label, Project, QueueEntry
from labeler.projects import members
from labeler.review import gold
from tests.helpers.accessibility import violations
from tests.helpers.factories import join, make_user
from tests.helpers.pages import url
from tests.helpers.screen import Screen, eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def known(project, add_photos, ann, bea, lena, monkeypatch):
    """A gold image that comes first to everybody else; people are told at once."""

    class Dice:
        def random(self):
            return 0.0

        def randint(self, low, high):
            return low

    monkeypatch.setattr(gold_and_repeats, "_dice", Dice())
    images = add_photos(project, 13)
    image = images[0]
    QueueEntry.objects.filter(pk=image.pk).update(priority=2.0)
    for person in (ann, bea):
        claims.claim(project=project, annotator=person)
        labels.save_label(image_id=image.pk, annotator=person, categories=["cat"])
    gold.add(project=project, by=lena, image_id=image.pk, explanation="Look at the whiskers, not at the size.")
    Project.objects.update(gold_share=0.5, gold_feedback=True)
    return image


def test_a_person_is_told_what_a_gold_image_was_and_nothing_waits_for_it(
    new_context, live_server, sign_in, project, known
):
    eve = make_user("eve")
    join(project, eve)
    context = new_context(bypass_csp=True)  # only for axe
    sign_in(context, eve)
    page = context.new_page()
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")
    screen = Screen(page, page.url)
    assert screen.image() == known.pk

    screen.press("2")

    told = page.get_by_role("status").filter(has_text="whiskers")
    expect(told).to_contain_text("You said “dog”. It is: cat")
    expect(told.locator("svg.mk")).to_have_count(1)
    assert page.evaluate("document.activeElement === document.body")  # nothing has taken the keys
    assert violations(page) == []
    assert screen.image() != known.pk  # the next image is there already
    screen.press("1", "1")
    expect(told).to_be_visible()
    screen.press("1", "1")
    expect(told).to_be_hidden()
    eventually(page, lambda: Label.objects.filter(annotator=eve).count() == 5)

    # What it was is told again when the answer is changed; it can be put away, and gives the image room.
    page.locator("#film button").last.click()
    screen.press("1")
    right = page.get_by_role("status").filter(has_text="Right:")
    expect(right).to_be_visible()
    right.get_by_role("button", name="Dismiss").click()
    expect(right).to_be_hidden()


def test_a_paused_person_is_told_so_and_goes_on_when_resumed(
    new_context, live_server, sign_in, project, add_photos, ann, lena
):
    add_photos(project, 3)
    member = project.memberships.get(user=ann)
    members.pause(member=member, by=lena, paused=True)
    context = new_context(bypass_csp=True)
    sign_in(context, ann)
    page = context.new_page()
    page.goto(f"{live_server.url}/projects/{project.pk}/label/")
    expect(page.get_by_role("heading", name="Your labeling is paused")).to_be_visible()
    expect(page.get_by_text("nothing is lost")).to_be_visible()
    expect(page.get_by_role("link", name="To the questions")).to_be_visible()
    assert violations(page) == []

    members.pause(member=member, by=lena, paused=False)
    # "Check again"; the page looks by itself too, and may have been quicker than a click.
    page.evaluate("document.querySelector('#panel button')?.click()")

    Screen(page, page.url).press("1")
    eventually(page, lambda: Label.objects.filter(annotator=ann).exists())


def test_a_csv_of_labels_is_sent_and_its_rows_are_counted(page, live_server, sign_in, project, add_photos, lena):
    add_photos(project, 1)
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    table = b"file_name,annotator,label\na.jpg,zoe,cat\n"

    page.set_input_files("#pick-files", [{"name": "labels.csv", "mimeType": "text/csv", "buffer": table}])
    expect(page.locator("#status")).to_contain_text("labels.csv is on the server")

    # What a worker would write, of a file whose answers need no question.
    refused = [{"name": "a.jpg", "row": 2, "reason": "This project has no image of that name."}]
    result = {"added": 0, "duplicates": 3, "labels_added": 1200, "refused": refused}
    Job.objects.update(state="done", result=result)
    expect(page.locator("#n-labels")).to_have_text("1,200")
    expect(page.locator("#status")).to_have_text("Done: 1,200 labels are in.")
    expect(page.locator("#imports li").first).to_contain_text("1,200 labels · 3 here already · 1 refused")
    expect(page.locator("#refused > li")).to_contain_text("Import the image first.")
    expect(page.locator("#refused > li")).to_contain_text("row 2: a.jpg")
