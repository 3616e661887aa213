"""Every address × method × role: who gets in, who is told no, and who is not told that it exists.

The table is held against the addresses themselves: an endpoint without a row, or a row without an endpoint, fails.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from api import urls
from api.access import View
from labeler.models import Membership, Project
from labeler.models.account import Scope
from tests.helpers.accepted_requests import address, make_ready, sent
from tests.helpers.addresses import TABLE
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.pictures import picture

pytestmark = pytest.mark.slow

ROLES = ("nobody", "carl", "ann", "rev", "lena", "ada")
METHODS = ("get", "post", "put", "patch", "delete")


STATUSES = {"1": 401, "3": 403, "4": 404}


@dataclass(frozen=True)
class Endpoint:
    name: str
    method: str
    view: type


def endpoints() -> Iterator[Endpoint]:
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        view = pattern.callback.view_class
        for method in METHODS:
            if (
                hasattr(view, method)
                and method in getattr(view, "http_method_names", METHODS)
                and pattern.name != "nothing"
            ):
                yield Endpoint(str(pattern.name), method, view)


def test_every_endpoint_has_a_row_and_every_row_an_endpoint():
    assert {(e.name, e.method) for e in endpoints()} == set(TABLE)


def test_every_method_says_what_it_needs():
    for endpoint in endpoints():
        if issubclass(endpoint.view, View):
            needed = set(endpoint.view.needs) - {"HEAD"}
            assert endpoint.method.upper() in needed or endpoint.name == "tokens", endpoint


def client_of(role: str, request) -> APIClient:
    return APIClient() if role == "nobody" else as_person(request.getfixturevalue(role))


@contextmanager
def undone():
    """What happens inside is rolled back: one world serves all roles."""
    block = transaction.atomic()
    block._from_testcase = True  # as Django's own test cases: inside, a durable block of the product is the outermost
    with block:
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), TABLE)
@pytest.mark.usefixtures("carl")  # made inside of undone() he would be gone after the first request
def test_access(world, request, name, method):
    make_ready((name, method), world)
    for role, expected in zip(ROLES, TABLE[name, method], strict=True):
        with undone():
            client = client_of(role, request)
            if name == "restoration":
                Project.objects.update(trashed_at=timezone.now())
            response = getattr(client, method)(address(name, world), **sent((name, method), world))
            check(response, expected, role)


def check(response, expected: str, role: str) -> None:
    said = getattr(response, "data", None)
    assert response.status_code < 500, (role, said)
    if expected == "2":
        assert 200 <= response.status_code < 300, (role, response.status_code, said)
    else:
        assert response.status_code == STATUSES[expected], (role, said)
        error_of(response)
    if response.status_code == 401:
        assert response["WWW-Authenticate"] == "Token"


NONSENSE_QUERY = "&".join(
    f"{name}=%3Cnonsense%3E"
    for name in (
        "page_size", "cursor", "order", "status", "category", "predicted", "min_confidence", "max_confidence", "labels",
        "disagreement", "sample", "since", "guideline", "format", "history", "image", "annotator", "accepted", "open",
        "unread", "pair", "offset", "wait", "original", "with", "model", "n", "number", "labeled_by", "search",
    )
)  # fmt: skip
WRONG_TYPES = {
    name: {"nonsense": [None]}
    for name in (
        "images", "items", "categories", "category", "image", "username", "role", "paused", "name", "task", "keys",
        "text", "reason", "answer", "seconds", "label_set", "page", "predicted", "min_confidence", "count", "client",
        "since", "expires_in_days", "note", "config", "caption", "explanation", "guideline", "merge_into", "format",
        "priority",
    )
}  # fmt: skip
NONSENSE = [
    {"data": "{", "content_type": "application/json"},
    {"data": "[1]", "content_type": "application/json"},
    {"data": json.dumps(WRONG_TYPES), "content_type": "application/json"},
    {"data": "<a/>", "content_type": "application/xml"},
]
NONSENSE_HEADERS = {"Idempotency-Key": "nonsense", "If-Match": "nonsense, more"}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), [row for row in TABLE if row[0] not in {"schema", "docs"}])
@pytest.mark.usefixtures("carl")  # made inside of undone() he would be gone after the first request
def test_who_may_not_is_told_so_before_anything_is_said_of_what_they_sent(world, request, name, method):
    """A 400 where others get 404 says that the thing is there."""
    for role, expected in zip(ROLES, TABLE[name, method], strict=True):
        if expected not in "134":
            continue
        for wrong in NONSENSE if method in ("post", "put", "patch") else [{}]:
            with undone():
                if name == "restoration":
                    Project.objects.update(trashed_at=timezone.now())
                url = f"{address(name, world)}?{NONSENSE_QUERY}"
                response = getattr(client_of(role, request), method)(url, **wrong, headers=NONSENSE_HEADERS)
                assert response.status_code == STATUSES[expected], (role, wrong, getattr(response, "data", None))


ELSEWHERE = {"tokens", "token", "me", "preferences", "projects", "schema", "docs", "restoration"}
IN_A_PROJECT = [row for row in TABLE if row[0] not in ELSEWHERE]
WITH_SCOPE = [
    (e.name, e.method) for e in endpoints() if issubclass(e.view, View) and (e.name, e.method) != ("tokens", "post")
]


@pytest.mark.django_db
def test_a_project_in_the_trash_is_there_for_nobody(world, lena):
    Project.objects.update(trashed_at=timezone.now())
    client = as_person(lena)

    for name, method in IN_A_PROJECT:
        response = getattr(client, method)(address(name, world), **sent((name, method), world))
        assert response.status_code == 404, (name, method)


@pytest.mark.django_db
def test_a_token_without_the_scope_is_refused(world, lena):
    lacking = {scope: with_token(lena, *[other for other in Scope.values if other != scope]) for scope in Scope.values}
    views = {(e.name, e.method): e.view for e in endpoints()}

    for name, method in WITH_SCOPE:
        needed = views[name, method].needs[method.upper()].scope
        refused = getattr(lacking[needed], method)(address(name, world), **sent((name, method), world))
        assert (refused.status_code, error_of(refused)) == (403, "permission_denied"), (name, method)
        assert needed in refused.json()["error"]["message"]


@pytest.mark.django_db
def test_head_is_as_careful_as_get(world, carl, rev):
    assert as_person(carl).head(address("labels", world)).status_code == 404
    assert as_person(rev).head(address("labels", world)).status_code == 200


@pytest.mark.django_db
def test_a_child_of_another_project_is_not_reached_through_ones_own(world, multi_project, project, lena):
    stranger = Membership.objects.filter(project=multi_project).first()

    response = as_person(lena).delete(f"/api/projects/{project.pk}/members/{stranger.pk}/")

    assert response.status_code == 404
    assert Membership.objects.filter(pk=stranger.pk).exists()


# ---------------------------------------------------------------- sessions, tokens, CSRF


@pytest.mark.django_db
def test_a_browser_without_its_csrf_token_changes_nothing(project, lena):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(lena)

    response = client.patch(f"/api/projects/{project.pk}/", {"name": "Stolen"})

    assert (response.status_code, error_of(response)) == (403, "csrf_failed")
    assert Project.objects.get(pk=project.pk).name == "Animals"


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Token", "Token a b", "Token lb_wrong", "Token \xff", "Token lb_" + "x" * 5000])
def test_a_bad_token_is_401_also_beside_a_good_session(lena, header):
    client = as_person(lena)
    client.credentials(HTTP_AUTHORIZATION=header)

    response = client.get("/api/me/")

    assert (response.status_code, error_of(response)) == (401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Basic YW5uOmFubg==", "Bearer lb_x", ""])
def test_other_schemes_are_nobody(header):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    assert client.get("/api/me/").status_code == 401


@pytest.mark.django_db
def test_an_image_of_the_store_is_served_to_members_only_and_runs_nothing(project, ann, carl, settings, tmp_path):
    from tests.helpers.importing import add_image

    settings.MEDIA_DIR = tmp_path / "media"
    image = add_image(project=project, name="leaf.jpg", source=io.BytesIO(picture(1))).image

    for kind in ("preview", "thumb", "file"):
        url = f"/api/images/{image.pk}/{kind}/"
        response = as_person(ann).get(url)
        assert response.status_code == 200
        assert b"".join(response.streaming_content).startswith(b"\xff\xd8\xff")
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
        assert "private" in response["Cache-Control"] and "max-age" in response["Cache-Control"]
        again = as_person(ann).get(url, headers={"If-None-Match": response["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert as_person(carl).get(url, headers={"If-None-Match": response["ETag"]}).status_code == 404
    assert as_person(ann).get(f"/api/images/{image.pk}/file/?original=true").status_code == 403


def test_the_addresses_of_the_contract_stand_below_api():
    assert any(str(pattern.pattern) == "api/" for pattern in get_resolver().url_patterns)
