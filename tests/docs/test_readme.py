"""What README.md says of the product is there: formats, pages, and the places in them."""

from __future__ import annotations

import re
from pathlib import Path

from labeler.releases.formats import WRITERS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_counts_the_formats_that_there_are():
    assert f"{len(WRITERS)} formats" in README


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        path, _, place = target.partition("#")
        page = ROOT / path
        assert page.exists(), target
        headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M) if place else []
        assert not place or place in [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings], target


def test_what_programs_can_use_is_named():
    assert all(word in README for word in ("clients/python", "Webhooks", "Outside models", "splits"))
