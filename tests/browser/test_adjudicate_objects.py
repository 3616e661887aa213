"""Settling drawn objects: what is agreed stays, each open place is taken, left out or drawn anew."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pixels
from playwright.sync_api import expect

from labeler.labeling import claims, labels
from labeler.models import Decision, Image
from labeler.projects import questions
from tests.helpers.accessibility import violations
from tests.helpers.factories import category, join, make_project
from tests.helpers.importing import add_image
from tests.helpers.scenes import encode

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def box(x, y, width, height, name="pawn"):
    return {"category": name, "box": [x, y, width, height]}


def test_places_are_taken_left_out_and_drawn(page, live_server, sign_in, ann, bea, lena, rev, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    project = make_project(ann, bea, task="boxes", categories=("pawn", "king"))
    join(project, rev, "reviewer")
    picture = encode(Pixels.new("RGB", (640, 480), (90, 120, 60)), "JPEG")
    image = add_image(project=project, name="1.jpg", source=io.BytesIO(picture)).image
    questions.add(project=project, by=lena, name="side", kind="one", options=["white", "black"], required=True)
    white, black = {"attributes": {"side": "white"}}, {"attributes": {"side": "black"}}
    drawn = {
        ann: [box(20, 20, 80, 80) | white, box(300, 20, 60, 60) | white, box(20, 300, 50, 50) | white],
        bea: [box(20, 20, 80, 80) | white, box(300, 20, 60, 60, "king") | black],
    }
    for person, objects in drawn.items():
        claims.claim(project=project, annotator=person)
        labels.save_label(image_id=image.pk, annotator=person, drawn=objects)
    sign_in(page, rev)
    page.goto(f"{live_server.url}/projects/{project.pk}/adjudicate/")
    expect(page.locator("#adj-places > li")).to_have_count(2)
    assert "2 open places" in page.locator("#adj-title").inner_text()
    assert violations(page) == []

    page.click("#adj-go")
    expect(page.locator("#adj-open")).to_contain_text("2 places are still open")
    # The place on the left is the one that ann drew alone: out. Of the other, the second drawing: a king.
    page.click("#adj-places > li:nth-child(1) [data-does=leave]")
    page.click("#adj-places > li:nth-child(2) [data-candidate='1']")
    page.click("#adj-go")
    expect(page.locator("#adj-title")).to_contain_text("Nothing to settle")

    decision = Decision.objects.get()
    assert decision.drawn == [
        {"category": category(project, "pawn"), "box": [20, 20, 80, 80], **white},
        {"category": category(project, "king"), "box": [300, 20, 60, 60], **black},
    ]
    assert Image.objects.get().status == "settled"
