"""The OpenAPI description: complete, without a warning, and readable on a page of ours."""

from __future__ import annotations

import json
import re

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.response import Response
from rest_framework.test import APIClient

from api import tokens
from tests.helpers import openapi
from tests.helpers.addresses import TABLE
from tests.helpers.api import as_person


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
    assert json.loads(response.content)["info"] | {"description": ""} == {
        "title": "Labeler",
        "version": "1",
        "description": "",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "media_type"),
    [("yaml", "application/vnd.oai.openapi; charset=utf-8"), ("json", "application/vnd.oai.openapi+json")],
)
def test_a_process_makes_it_once_whatever_language_or_version_is_asked_for(form, media_type, monkeypatch):
    first = APIClient().get(f"/api/schema/?format={form}")
    monkeypatch.setattr(SchemaGenerator, "get_schema", None)

    for more in ("", "&lang=en", "&lang=tlh", "&lang=%00", "&version=2"):
        again = APIClient().get(f"/api/schema/?format={form}{more}")
        assert (again.status_code, again["Content-Type"]) == (200, media_type)
        assert again["Content-Disposition"] == f'inline; filename="Labeler.{form}"'
        assert again.content == first.content


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


def test_requests_and_answers_of_drawn_objects_are_shown():
    paths = openapi.description()["paths"]

    def shown(path, method, status=None):
        operation = paths[path][method]
        where = operation["responses"][status] if status else operation["requestBody"]
        return json.dumps(where["content"]["application/json"]["examples"])

    assert all(word in shown("/api/images/{image_id}/label/", "put") for word in ("box", "polygon", "mask", "from"))
    assert '"change": "moved"' in shown("/api/images/{image_id}/label/", "put", "200")
    assert "objects" in shown("/api/projects/{project_id}/claims/", "post", "200")
    assert "objects" in shown("/api/projects/{project_id}/predictions/", "get", "200")
    assert "objects" in shown("/api/outside-models/{run_id}/predictions/", "post")


def test_every_example_of_an_answer_is_one():
    for path, methods in openapi.description()["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for shown in answer.get("content", {}).get("application/json", {}).get("examples", {}).values():
                    example = json.dumps(shown["value"]).encode()
                    openapi.check(method, re.sub(r"{\w+}", "1", path), int(status), "application/json", example)


# ---------------------------------------------------------------- what holds every answer of every test to it


ME = {"id": 7, "username": "ann", "is_admin": False, "projects": [{"id": 1, "name": "Leaves", "role": "annotator"}]}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ME | {"email": "ann@example.org"}, "'email' was unexpected"),
        ({name: value for name, value in ME.items() if name != "is_admin"}, "'is_admin' is a required property"),
        (ME | {"id": "7"}, "'7' is not of type 'integer', at /id"),
        (ME | {"username": None}, "None is not of type 'string', at /username"),
        (ME | {"projects": [ME["projects"][0] | {"role": "owner"}]}, 'is not one of .*, at /projects/0/role: "owner"'),
    ],
)
def test_an_answer_that_differs_from_it_fails_the_test_that_received_it(answer, told):
    openapi.check("GET", "/api/me/", 200, "application/json", json.dumps(ME).encode())

    with pytest.raises(AssertionError, match=f"(?s)GET /api/me/ 200 .*{told}"):
        openapi.check("GET", "/api/me/", 200, "application/json", json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("status", "media_type", "told"),
    [(202, "application/json", "it knows 200, 400"), (200, "text/html", "it knows application/json here")],
)
def test_so_does_a_status_or_a_media_type_that_it_does_not_know(status, media_type, told):
    with pytest.raises(AssertionError, match=told):
        openapi.check("GET", "/api/me/", status, media_type, json.dumps(ME).encode())


@pytest.mark.parametrize(
    ("value", "right"), [("2026-11-05T10:00:00Z", True), ("2026-11-05T10:00:00", False), ("", False)]
)
def test_a_time_has_its_zone(value, right):
    shape = {"type": "string", "format": "date-time"}
    assert openapi.formats.conforms(value, shape["format"]) is right


def test_refusals_and_pages_are_not_held_to_it():
    for path, status in (("/api/me/", 403), ("/login/", 200), ("/api/docs/", 200)):
        openapi.check("GET", path, status, "text/html", b"<p>")


@pytest.mark.django_db
def test_both_clients_of_the_tests_are_held_to_it(ann, client, monkeypatch):
    client.force_login(ann)
    monkeypatch.setattr(tokens, "Response", lambda value: Response(value | {"email": "ann@example.org"}))

    for asking in (client, as_person(ann)):
        with pytest.raises(AssertionError, match="'email' was unexpected"):
            asking.get("/api/me/")
