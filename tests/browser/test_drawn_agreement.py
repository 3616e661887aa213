"""Agreement on drawn objects in a real browser: accessible in both themes, readable on a phone, outlines on images."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.demo import chess
from labeler.models import Image
from tests.helpers.accessibility import look_at_all
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def played(ada, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path
    return chess.make(lead=ada, progress=lambda _done, _total, _what: None)


def test_every_screen_of_it_is_accessible_and_the_outlines_lie_on_the_image(
    new_context, live_server, sign_in, played, ada
):
    context = new_context(bypass_csp=True, has_touch=True)
    sign_in(context, ada)
    page = context.new_page()
    disputed = Image.objects.filter(project=played, status="disputed").first()
    images = [url("image", played, disputed.pk), url("differences", played) + "?kind=missed"]
    addresses = [
        url("project", played), url("agreement", played), *images, url("agreement_report", played),
        reverse("annotator", args=[played.pk, "chen"]), url("economy", played), url("contested", played),
    ]  # fmt: skip
    assert look_at_all(page, live_server.url, addresses) == {}

    page.set_viewport_size({"width": 1280, "height": 900})
    for address in images:
        page.goto(live_server.url + address)
        over = page.locator(".drawn-over").first
        picture, lines = over.locator("img").bounding_box(), over.locator(".over > svg").bounding_box()
        assert picture == pytest.approx(lines, abs=1)
        assert over.locator(".over > svg g").count() > 10
    assert page.locator(".drawn-lines li").first.inner_text().strip()
