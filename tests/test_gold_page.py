"""What a lead sets about quality, as plain forms: shares, consensus, gold images."""

from __future__ import annotations

import html
import re

import pytest

from labeler.models import Project
from tests.test_page_settings import form_of, fresh, text_of
from tests.test_pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def wrong(page: str, field: str) -> str:
    """What stands beside a field."""
    (place,) = re.findall(rf'<p class="wrong" id="id_{field}_error">(.*?)</p>', page)
    return html.unescape(place).strip()


def test_a_lead_sets_what_is_mixed_in(as_, lena, project):
    client, page = as_(lena), url("settings_quality", project)
    form = form_of(client, page, "gold_percent")
    assert "No image is gold yet" in text_of(client.get(page))

    client.post(page, {**form, "gold_percent": "5", "repeat_percent": "2.5", "gold_feedback": "on"})

    row = fresh(project)
    assert (row.gold_share, row.repeat_share, row.gold_feedback) == (0.05, 0.025, True)
    assert "less than or equal to 20" in wrong(
        text_of(client.post(page, {**form, "repeat_percent": "21"})), "repeat_percent"
    )


def test_a_lead_chooses_consensus_and_overlap(as_, lena, project):
    client, page = as_(lena), url("settings_consensus", project)
    form = form_of(client, page, "most_labels")
    shown = text_of(client.get(page))
    assert "2.27 labels per image" in shown and "worse than the majority" in shown

    client.post(page, {**form, "consensus_method": "one_coin", "adaptive_overlap": "on", "enough_percent": "97.5"})

    row = fresh(project)
    assert (row.consensus_method, row.adaptive_overlap, row.enough_confidence) == ("one_coin", True, 0.975)


def test_what_is_impossible_together_is_said_beside_its_field(as_, lena, ann, project, multi_project):
    client, page = as_(lena), url("settings_consensus", project)
    form = form_of(client, page, "most_labels")

    refused = text_of(client.post(page, {**form, "most_labels": "1"}))
    assert wrong(refused, "most_labels") == "An image cannot get at most 1 labels and at least 2."
    refused = text_of(client.post(page, {**form, "fewest_labels": "6"}))
    assert wrong(refused, "fewest_labels") == "An image cannot get at most 5 labels and at least 6."

    page = url("settings_consensus", multi_project)
    refused = text_of(client.post(page, {**form_of(client, page, "most_labels"), "ordered": "linear"}))
    assert wrong(refused, "ordered").startswith("Classes with an order are answered one at a time")
    assert not Project.objects.exclude(ordered="none").exists()
