"""The page for REST clients names every address, every code and every scope there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api import urls
from labeler import errors
from labeler.models.account import Scope
from labeler.releases.formats import WRITERS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rest.md").read_text()
ROUTES = [str(pattern.pattern) for pattern in urls.urlpatterns if pattern.name != "nothing"]
CODES = {
    error.code
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.LabelerError) and error is not errors.LabelerError
}


@pytest.mark.parametrize("route", ROUTES)
def test_every_address_is_listed(route):
    address = re.sub(r"<[a-z]+:([a-z_]+)>", r"{\1}", route)
    assert f"`/api/{address}`" in PAGE


@pytest.mark.parametrize(
    "code", sorted(CODES | {"not_authenticated", "csrf_failed", "internal", "database_unavailable"})
)
def test_every_code_is_listed(code):
    assert f"`{code}`" in PAGE


def test_scopes_and_formats_are_listed():
    for word in (*Scope.values, *WRITERS):
        assert f"`{word}`" in PAGE
