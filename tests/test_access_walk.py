"""Every address there is, walked: none is served without asking labeler/access.py, but for those named here.

A new address needs no line: one that asks passes, one that does not fails. Which role gets what is held by
tests/api/test_access.py and tests/pages/test_pages.py.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType

import pytest
from django.db import connection
from django.http import Http404, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework.response import Response

from api.access import View
from api.permissions import Needs
from labeler import access, urls
from labeler.errors import NotFound
from labeler.models.account import Scope
from tests.helpers.access_walk import (
    ADMIN_SITE,
    ADMINISTRATORS,
    LISTS,
    METHODS,
    OPEN,
    OWN,
    Request,
    group_of,
    walk,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

# What every way of asking goes through: check() where it is about one project, the other two where it is about all.
ASKED = ("check", "projects_of", "trash_of")


def send(client, request: Request, project_id: int):
    return client.generic(request.method, request.url(project_id), b"{}", content_type="application/json")


@pytest.fixture
def asked(monkeypatch):
    """The questions that labeler/access.py is asked, as they come."""
    questions: list[str] = []

    def recorded(name):
        verb = getattr(access, name)

        @wraps(verb)
        def ask(*args, **kwargs):
            questions.append(name)
            return verb(*args, **kwargs)

        return ask

    for name in ASKED:
        monkeypatch.setattr(access, name, recorded(name))
    return questions


def careless(patterns, client, project, asked) -> list[str]:
    """What answers a stranger without asking who that is, or otherwise than by 404, or writes something before."""
    found = []
    for request in walk(patterns):
        if group_of(request) is not None:
            continue
        asked.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            status = send(client, request, project.pk).status_code
        wrote = [q["sql"] for q in queries if q["sql"].lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
        if status != 405 and (not asked or status != 404 or wrote):
            found.append(f"{request.method} {request.name}")
    return found


def test_no_address_is_served_to_a_stranger_who_was_not_asked_about(as_, carl, project, asked):
    assert careless(urls.urlpatterns, as_(carl), project, asked) == []


def test_whatever_a_lead_reads_was_asked_about_too(as_, lena, project, asked):
    read = [one for one in walk(urls.urlpatterns) if one.method == "GET" and group_of(one) is None]
    client, unasked, served = as_(lena), [], 0
    for request in read:
        asked.clear()
        response = send(client, request, project.pk)
        served += response.status_code == 200
        if response.status_code != 405 and not asked:
            unasked.append(request.name)

    assert unasked == []
    assert served > 40  # most have nothing but the project in their address


def test_an_address_that_forgets_to_ask_is_found(as_, carl, project, asked, settings):
    class Forgetful(View):
        needs = {"GET": Needs(Scope.READ)}

        def get(self, request, project_id):
            return Response({"secret": project_id})

    def forgetful(request, project_id):
        return HttpResponse("secret")

    def hiding(request):
        raise Http404

    def late(request, project_id):
        project.categories.update(description="written by a stranger")
        try:
            access.project_for(request.user, project_id)
        except NotFound as error:
            raise Http404 from error

    added = [
        path("api/projects/<int:project_id>/secrets/", Forgetful.as_view(), name="rest"),
        path("projects/<int:project_id>/secrets/", forgetful, name="page"),
        path("hidden/", hiding),
        path("projects/<int:project_id>/late/", late, name="late"),
    ]
    settings.ROOT_URLCONF = ModuleType("urls_with_careless_views")
    vars(settings.ROOT_URLCONF).update({**vars(urls), "urlpatterns": [*added, *urls.urlpatterns]})

    found = careless(added, as_(carl), project, asked)

    assert found == ["GET rest"] + [f"{m} {name}" for name in ("page", "hidden/", "late") for m in METHODS]


# ---------------------------------------------------------------- those that are named above


def test_every_exception_is_an_address():
    named = {name.split()[0] for group in (OPEN, OWN, LISTS, ADMINISTRATORS) for name in group}

    assert named - {request.name for request in walk(urls.urlpatterns)} == set()
    assert ADMIN_SITE in {str(one.pattern) for one in urls.urlpatterns}


def test_exceptions_tell_strangers_nothing_of_a_project_and_all_but_the_open_ones_ask_who_one_is(
    carl, as_, project, asked
):
    for request in walk(urls.urlpatterns):
        group = group_of(request)
        if group is None:
            continue
        nobody = send(Client(), request, project.pk)
        assert project.name.encode() not in nobody.content, request
        if group is OPEN or nobody.status_code == 405:
            continue
        asked.clear()
        stranger = send(as_(carl), request, project.pk)
        if stranger.status_code == 405:
            continue
        assert nobody.status_code in (401, 302), request
        assert project.name.encode() not in stranger.content, request
        if group is ADMINISTRATORS:
            assert stranger.status_code == 403, request
        if group is LISTS:
            assert asked and stranger.status_code == 200, request


def test_the_admin_site_is_for_staff(client, as_, carl):
    for url in (f"/{ADMIN_SITE}", f"/{ADMIN_SITE}labeler/project/", f"/{ADMIN_SITE}nothing/"):
        assert client.get(url).status_code == 302
        assert as_(carl).get(url).status_code in (302, 403)
