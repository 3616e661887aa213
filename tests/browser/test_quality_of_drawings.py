"""Where people draw: pins, examples, gold and the pages for classes only, as axe sees them and on a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from labeler.consensus import snapshots
from labeler.label_set import examples
from labeler.review import comments, gold
from tests.helpers.accessibility import look_at_all
from tests.helpers.drawn_projects import draw, drawing_project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lab(add_photos, ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena)
    images = add_photos(project, 3, labels_needed=2)
    places = [("pawn", 40, 40, 60, 80), ("king", 180, 90, 90, 110)]
    for image in images[:2]:
        for person in (ann, bea):
            draw(project, image, person, places)
    snapshots.refresh(project)
    pawn = project.categories.get(name="pawn")
    examples.add(category=pawn, image=images[0], by=lena, caption="typical")
    gold.add(project=project, by=lena, image_id=images[1].pk)
    comments.raise_flag(image=images[0], by=ann, text="Is this one a king?", place={"x": 225, "y": 145})
    return project, images, pawn


def test_nothing_is_wrong_with_the_pages(page, live_server, sign_in, lab, lena):
    project, images, pawn = lab
    sign_in(page, lena)
    names = ("threads", "gold", "review", "model", "economy", "settings_consensus", "settings_model")
    addresses = [reverse(name, args=[project.pk]) for name in (*names, "settings_accepting")]
    addresses += [reverse("image", args=[project.pk, image.pk]) for image in images[:2]]
    addresses.append(reverse("examples", args=[project.pk, pawn.pk]))

    assert look_at_all(page, live_server.url, addresses) == {}


def test_pins_and_objects_lie_where_they_are_on_the_picture(page, live_server, sign_in, lab, lena):
    """The image is 320 x 240 px: the pin at (225, 145), the pawn from (40, 40) to (100, 120)."""
    project, _images, pawn = lab
    sign_in(page, lena)
    for name, arguments, frame, mark, middle in (
        ("threads", [project.pk], ".thread .pic img", ".pins .dot", (225 / 320, 145 / 240)),
        ("examples", [project.pk, pawn.pk], ".strip img", "svg.known path:not(.under)", (70 / 320, 80 / 240)),
        ("gold", [project.pk], ".golds img", "svg.known path:not(.under)", (155 / 320, 120 / 240)),
    ):
        page.goto(live_server.url + reverse(name, args=arguments))
        expect(page.locator(frame).first).to_be_visible()
        picture, drawn = page.locator(frame).first.bounding_box(), page.locator(mark).first.bounding_box()
        at = (
            (drawn["x"] + drawn["width"] / 2 - picture["x"]) / picture["width"],
            (drawn["y"] + drawn["height"] / 2 - picture["y"]) / picture["height"],
        )
        assert at == pytest.approx(middle, abs=0.02), name


def test_the_guideline_shows_the_objects_of_an_example_small_and_large(page, live_server, sign_in, lab, bea):
    project, _images, _pawn = lab
    sign_in(page, bea)
    page.goto(live_server.url + reverse("label", args=[project.pk]))
    small = page.locator(".rail .ex svg.known path.line")
    expect(small).to_have_attribute("d", "M40 40H100V120H40Z")

    page.locator(".rail .ex button").click()

    expect(page.locator("#example svg.known path.line")).to_be_visible()
    picture = page.locator("#example [data-image] img").bounding_box()
    drawn = page.locator("#example svg.known path.line").bounding_box()
    scale = min(picture["width"] / 320, picture["height"] / 240)
    left = picture["x"] + (picture["width"] - 320 * scale) / 2
    top = picture["y"] + (picture["height"] - 240 * scale) / 2
    assert (drawn["x"], drawn["y"]) == pytest.approx((left + 40 * scale, top + 40 * scale), abs=4)
