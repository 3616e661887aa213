"""Errors of one shape, and nothing a client sends ends as a 500."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from django.db import OperationalError
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from api import urls
from labeler.accounts import guessing
from labeler.models import Token
from tests.helpers.accepted_requests import address, sent
from tests.helpers.addresses import (
    TABLE,
)
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import add_images, make_user

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

DEEP = "[" * 100_000 + "]" * 100_000
HOSTILE_BODIES = {
    "no JSON": b"{",
    "no UTF-8": b'{"name": "\xff"}',
    "deep": DEEP.encode(),
    "deep object": ('{"a":' * 500 + "1" + "}" * 500).encode(),
    "a list": b"[1, 2]",
    "a text": b'"text"',
    "null": b"null",
    "NaN": b'{"seconds": NaN, "categories": ["cat"]}',
    "infinity": b'{"seconds": 1e999, "categories": ["cat"]}',
    "huge integer": b'{"count": 1' + b"0" * 100 + b', "categories": [1' + b"0" * 100 + b"]}",
    "integer of 5000 digits": b'{"count": ' + b"9" * 5000 + b"}",
    "NUL": b'{"name": "a\\u0000b", "categories": ["a\\u0000b"], "reason": "\\u0000", "username": "\\u0000"}',
    "half a surrogate": b'{"name": "\\ud800", "categories": ["\\udfff"], "username": "\\ud800", "role": "\\ud800"}',
    "a surrogate as key": b'{"config": {"\\ud800": 1}, "training_config": {"a\\u0000": 1}}',
    "wrong types": b'{"name": {}, "categories": {"a": 1}, "count": [], "role": 5, "username": [], "client": 5, '
    b'"config": 5, "seconds": {}, "scopes": "read", "merged_into": {}, "position": "x", '
    b'"blind_share": "nan", "training_config": 5}',
    "null members": b'{"name": null, "categories": null, "count": null, "role": null, "username": null, "client": '
    b'null, "config": null, "answer": null, "password": null, "scopes": null, '
    b'"labels_per_image": null, "merged_into": null}',
    "deep config": b'{"config": ' + b"[" * 60 + b"]" * 60 + b', "training_config": ' + b"[" * 60 + b"]" * 60 + b"}",
    "unknown settings": b'{"config": {"no such": 1, "seed": "x"}, "training_config": {"epochs": -5}}',
    "long": b'{"name": "' + b"x" * 300_000 + b'", "reason": "' + b"x" * 300_000 + b'", "categories": ["cat"]}',
    "empty": b"",
}


@pytest.mark.parametrize("kind", HOSTILE_BODIES)
def test_no_body_is_too_strange(world, ada, lena, kind):
    lead, admin = as_person(lena), as_person(ada)
    for name, method in TABLE:
        if method not in ("post", "put", "patch"):
            continue
        for client in (lead, admin):
            response = getattr(client, method)(
                address(name, world), HOSTILE_BODIES[kind], content_type="application/json"
            )
            assert response.status_code < 500, (name, method, response.content[:300])
            if response.status_code >= 400:
                error_of(response)
            if response.status_code not in (403, 404):
                break  # it was read: the admin's would be read in the same way


CONTENT_TYPES = (
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json; charset=\x01",
    "",
    "a" * 500,
)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_no_content_type_is_too_strange(world, lena, content_type):
    client = as_person(lena)
    for name, method in TABLE:
        if method in ("post", "put", "patch"):
            response = getattr(client, method)(address(name, world), b"x=1", content_type=content_type)
            assert response.status_code < 500, (name, method, response.content[:300])


QUERIES = [
    "cursor=%00",
    "cursor=////",
    "cursor=WzFlOTk5XQ",
    "cursor=W3RydWVd",
    "page_size=1e3",
    "search=%00",
    "search=%ff%fe",
    "metadata.%00=1",
    "metadata.a=%00",
    "metadata.=1",
    "metadata.a=1e400",
    "metadata.a=nan",
    "status=odd",
    "status=%00",
    "category=%00",
    "category=999999999999999999999",
    "category=%F0%9F%A6%8A",
    "predicted=-1",
    "min_confidence=nan",
    "max_confidence=inf",
    "min_confidence=-1",
    "disagreement=2",
    "order=id;drop",
    "order=password",
    "labeled_by=%00",
    "format=%00",
    "history=2",
    "since=%00",
    "since=9999-99-99",
    "since=2026-11-05T10:00:00+01:00",
    "trashed=x",
    "annotator=%F0%9F%A6%8A",
    "image=99999999999999999999",
    "labels=%00",
    "guideline=1e9",
    "original=%00",
    "open=3",
    "order=-confidence&cursor=WzFd",
    "order=uncertainty&min_confidence=0.5",
    "order=-disagreement&cursor=WyJhIiwxXQ",
]


@pytest.fixture(scope="module")
def readers() -> dict[str, set[str]]:
    """The query parameters of each address that is read, by its name, as the description of the API has them."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    described = {re.sub(r"\{\w+\}", "{}", path): methods.get("get", {}) for path, methods in paths.items()}
    found = {}
    for name, method in TABLE:
        if method == "get" and name not in ("schema", "docs"):
            [pattern] = [pattern for pattern in urls.urlpatterns if pattern.name == name]
            operation = described["/api/" + re.sub(r"<[^>]+>", "{}", str(pattern.pattern))]
            asked = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
            found[name] = {one.partition(".")[0] for one in asked}
    return found


def asked_of(query: str, readers: dict[str, set[str]]) -> list[str]:
    """The addresses that read one of a query's parameters, and four that read none, others for each query."""
    names = {name.partition(".")[0] for name in dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))}
    concerned = [name for name, known in readers.items() if names & known]
    others = [name for name in readers if name not in concerned]
    at = QUERIES.index(query) * 4
    return concerned + [others[(at + k) % len(others)] for k in range(4)]


def test_each_strange_query_meets_who_reads_it_and_each_address_some(readers):
    met = {query: asked_of(query, readers) for query in QUERIES}

    assert {name for names in met.values() for name in names} == set(readers)
    assert "search" in readers["images"]
    for query, names in met.items():
        assert len(names) > 4, f"nobody reads {query}"


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_is_too_strange(world, lena, readers, query):
    client = as_person(lena)
    for name in asked_of(query, readers):
        response = client.get(f"{address(name, world)}?{query}")
        assert response.status_code < 500, (name, getattr(response, "content", b"")[:300])


@pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 10**30])
def test_no_id_is_too_large(world, lena, number):
    client = as_person(lena)
    for name, method in TABLE:
        ids = {key: value if isinstance(value, str) else number for key, value in world.items()}
        url = address(name, ids)
        if str(number) in url:
            response = getattr(client, method)(url, **sent((name, method), ids))
            assert response.status_code == 404, (name, method, response.status_code)
            error_of(response)


@pytest.mark.parametrize("key", ["x", "", "1" * 400, "\xff", "00000000-0000-0000-0000-00000000000g"])
def test_an_idempotency_key_is_a_uuid(project, ann, key):
    [image] = add_images(project, 1)

    response = as_person(ann).put(
        f"/api/images/{image.pk}/label/", {"categories": ["cat"]}, headers={"Idempotency-Key": key}
    )

    assert (response.status_code, error_of(response)) == (400, "invalid")


@pytest.mark.parametrize("tag", ['"x"', "W/", '"1", "2"', '"' + "9" * 50 + '"', "\xff"])
def test_no_version_is_too_strange(project, lena, tag):
    response = as_person(lena).patch(f"/api/projects/{project.pk}/", {"question": "?"}, headers={"If-Match": tag})

    assert response.status_code in (400, 412)
    error_of(response)


def test_an_address_that_is_not_there_answers_in_json():
    for path in ("/api/", "/api/nothing/", "/api/projects", "/api/projects/x/", "/api/images/1/label"):
        for method in ("get", "post", "delete"):
            response = getattr(APIClient(), method)(path)
            assert (response.status_code, error_of(response)) == (404, "not_found")


def test_a_method_that_is_not_there_is_named(project, lena):
    response = as_person(lena).put(f"/api/projects/{project.pk}/", {})

    assert (response.status_code, error_of(response)) == (405, "method_not_allowed")
    assert "PATCH" in response["Allow"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(project, lena, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = as_person(lena).patch(f"/api/projects/{project.pk}/", {"guideline": "x" * 2000})

    assert (response.status_code, error_of(response)) == (413, "too_large")


def test_unknown_members_are_ignored(project, lena):
    response = as_person(lena).patch(
        f"/api/projects/{project.pk}/", {"question": "Which?", "salt": "x", "created_by": 1, "id": 5, "version": 99}
    )

    assert response.status_code == 200
    assert (response.json()["question"], response.json()["version"]) == ("Which?", 2)


def test_a_database_that_is_away_is_503_with_a_time(project, lena, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("api.access.View.project", away)

    response = as_person(lena).get(f"/api/projects/{project.pk}/")

    assert (response.status_code, error_of(response)) == (503, "database_unavailable")
    assert int(response["Retry-After"]) > 0


def test_our_own_mistake_keeps_its_secrets(project, lena, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise KeyError("the password is swordfish")

    monkeypatch.setattr("api.access.View.project", broken)
    client = as_person(lena)
    client.raise_request_exception = False

    response = client.get(f"/api/projects/{project.pk}/")

    assert (response.status_code, error_of(response)) == (500, "internal")
    assert b"swordfish" not in response.content
    assert "swordfish" in caplog.text


# ---------------------------------------------------------------- tokens


@pytest.fixture
def eve(db):
    eve = make_user("eve")
    eve.set_password("correct horse battery")
    eve.save()
    return eve


def test_a_token_for_a_password(eve):
    response = APIClient().post(
        "/api/tokens/", {"username": "eve", "password": "correct horse battery", "name": "laptop", "scopes": ["read"],
                         "expires_in_days": 7}
    )  # fmt: skip

    body = response.json()
    assert response.status_code == 201
    assert {"id", "token", "name", "scopes", "expires_at"} <= set(body)
    assert body["token"].startswith("lb_") and body["scopes"] == ["read"]
    stored = Token.objects.get()
    assert body["token"] not in (stored.digest, stored.prefix, stored.name)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {body['token']}")
    assert client.get("/api/me/").json()["username"] == "eve"
    assert "token" not in client.get("/api/tokens/").json()["results"][0]
    assert client.delete(f"/api/tokens/{body['id']}/").status_code == 204
    assert client.get("/api/me/").status_code == 401


def test_a_token_can_do_all_its_owner_can_unless_it_says_less(eve):
    token = APIClient().post("/api/tokens/", {"username": "eve", "password": "correct horse battery"}).json()
    assert token["scopes"] == ["read", "label", "export", "manage"]
    assert token["expires_at"] is not None


@pytest.mark.parametrize(("username", "password"), [("eve", "wrong"), ("nobody", "wrong"), ("eve", ""), ("", "")])
def test_a_wrong_password_and_an_unknown_name_look_the_same(eve, username, password):
    response = APIClient().post("/api/tokens/", {"username": username, "password": password})

    assert response.status_code in (400, 401)
    if username and password:
        assert response.json()["error"]["message"] == "The user name or the password is wrong."


def test_guessing_is_slowed_down_and_the_right_person_elsewhere_is_not(eve):
    client = APIClient(REMOTE_ADDR="203.0.113.9")
    for _ in range(guessing.PAIR.allowed):
        assert client.post("/api/tokens/", {"username": "eve", "password": "guess"}).status_code == 401

    refused = client.post("/api/tokens/", {"username": "eve", "password": "correct horse battery"})

    assert (refused.status_code, error_of(refused)) == (429, "too_many_requests")
    assert int(refused["Retry-After"]) > 0
    elsewhere = APIClient(REMOTE_ADDR="203.0.113.10")
    assert elsewhere.post("/api/tokens/", {"username": "eve", "password": "correct horse battery"}).status_code == 201


def test_an_expired_token_and_one_of_a_closed_account_are_refused(eve):
    client = with_token(eve)
    eve.is_active = False
    eve.save()
    assert client.get("/api/me/").status_code == 401
    eve.is_active = True
    eve.save()
    assert client.get("/api/me/").status_code == 200
    Token.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert client.get("/api/me/").status_code == 401


def test_a_token_makes_no_tokens_and_a_session_does(eve):
    assert with_token(eve).post("/api/tokens/", {}).status_code == 403
    assert as_person(eve).post("/api/tokens/", {"name": "from the page"}).status_code == 201


def test_use_is_remembered_once_a_minute(eve, django_assert_num_queries):
    client = with_token(eve, "read")
    client.get("/api/tokens/")
    used = Token.objects.get().last_used_at

    with django_assert_num_queries(2):  # who is asking, and the list
        client.get("/api/tokens/")

    assert Token.objects.get().last_used_at == used is not None


def test_me(project, ann, ada):
    me = as_person(ann).get("/api/me/").json()
    assert (me["username"], me["is_admin"]) == ("ann", False)
    assert me["projects"] == [{"id": project.pk, "name": "Animals", "role": "annotator"}]
    assert as_person(ada).get("/api/me/").json()["projects"][0]["role"] == "lead"


def test_health_needs_no_login_and_tells_no_secrets(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()) == {"status", "database", "broker", "workers"}


def test_every_address_has_a_name_for_the_pages():
    assert len({pattern.name for pattern in urls.urlpatterns}) == len(urls.urlpatterns)
