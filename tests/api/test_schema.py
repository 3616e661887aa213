"""The OpenAPI description: complete, without a warning, and readable on a page of ours."""

from __future__ import annotations

import json
import re

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from tests.api.test_access import TABLE


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.reset()
    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_made_without_a_warning(schema):
    assert (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache)) == ({}, {})
    validate_schema(schema)


def test_every_endpoint_is_described(schema):
    described = {(path, method) for path, methods in schema["paths"].items() for method in methods}
    assert len(described) == len([row for row in TABLE if row[0] not in ("schema", "docs")])
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["tags"], (path, method)
            assert {"400", "503"} <= set(operation["responses"]), (path, method)
            assert operation["operationId"], (path, method)


def test_operations_have_names_of_their_own(schema):
    names = [operation["operationId"] for methods in schema["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_the_label_call_shows_how_it_is_used(schema):
    operation = schema["paths"]["/api/images/{image_id}/label/"]["put"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert {"categories": ["cat"], "seconds": 1.8} in [example["value"] for example in examples.values()]
    assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
    assert set(operation["responses"]) >= {"200", "201", "409"}


@pytest.fixture
def plain_static(settings):
    """Nobody has collected static files here."""
    settings.STORAGES = {
        **settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }  # fmt: skip


@pytest.mark.django_db
def test_it_is_served_without_a_login(plain_static):
    response = APIClient().get("/api/schema/?format=json")
    assert response.status_code == 200
    assert json.loads(response.content)["openapi"].startswith("3.")


@pytest.mark.django_db
def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script_of_its_own(plain_static):
    response = APIClient().get("/api/docs/", headers={"Accept": "text/html"})

    page = response.content.decode()
    assert response.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources and all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "'unsafe-inline'" not in policy.split("style-src")[0]
    script = next(source for source in sources if "script" in source)
    answer = APIClient().get(script.replace("&amp;", "&"))
    assert answer.status_code == 200 and "javascript" in answer["Content-Type"]
