"""Pages for what goes wrong: in our clothes, with what to do next, without secrets, and without what is broken."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from labeler.errors import StorageFull
from labeler.pages.shell import errors
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


@pytest.fixture
def breaks(monkeypatch, client, ann):
    """`breaks(error)`: the answer to a page whose view raises it."""

    def breaks(problem: Exception):
        def fail(*_args, **_more):
            raise problem

        monkeypatch.setattr("labeler.pages.projects.projects.cards", fail)
        client.raise_request_exception = False
        client.force_login(ann)
        return client.get("/")

    return breaks


def test_every_error_page_says_what_to_do_and_keeps_the_policy(as_, ann, project, breaks):
    found = {
        404: as_(ann).get("/nowhere/"),
        403: as_(ann).get(url("settings", project)),
        405: as_(ann).get("/logout/"),
        500: breaks(ZeroDivisionError("secret of the view")),
        503: breaks(OperationalError("connection to 10.0.0.7 refused")),
        507: breaks(StorageFull("/srv/secret is full")),
    }

    for status, page in found.items():
        html = page.content.decode()
        assert page.status_code == status
        assert f'<p class="dim num">{status}</p>' in html
        assert re.search(r'class="btn pri" href="/"', html), status
        assert "Traceback" not in html and "secret" not in html and "10.0.0.7" not in html
        # The theme's script runs here too: it has the nonce that the answer's policy names.
        nonce = re.search(r"'nonce-([^']+)'", page["Content-Security-Policy"])[1]
        assert re.findall(r'<script[^>]*nonce="([^"]*)"', html), status
        assert set(re.findall(r'<script[^>]*nonce="([^"]*)"', html)) == {nonce}, status
        assert "no-store" in page["Cache-Control"]
    assert found[503]["Retry-After"]
    assert found[405]["Allow"]


def test_pages_for_a_broken_server_ask_the_database_nothing(django_assert_num_queries):
    request = RequestFactory().get("/")

    with django_assert_num_queries(0):
        assert errors.server_error(request).status_code == 500
        assert errors.bad_request(request, ValueError()).status_code == 400


def test_with_the_database_away_every_page_says_so(client, ann, monkeypatch):
    client.force_login(ann)
    client.raise_request_exception = False

    def away(*_args, **_more):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(connection, "cursor", away)

    answer = client.get("/account/")

    assert answer.status_code == 503
    assert "The database does not answer right now" in words(answer)


def test_a_missing_thing_is_named_where_its_page_knows(as_, lena, project):
    assert "This project has no such import." in words(as_(lena).post(url("cancel_import", project, 999)))
    assert "Resolver404" not in words(as_(lena).get("/nowhere/"))
    assert "tried" not in words(as_(lena).get("/nowhere/"))


def test_whoever_is_not_logged_in_is_told_so(client):
    assert "only people who are logged in may see it" in words(client.get("/nowhere/"))


def test_a_role_that_does_not_reach_is_told_who_can_change_it(as_, ann, lena, project):
    assert "A lead of the project can give you another role." in words(as_(ann).get(url("settings", project)))
    assert "another role" not in words(as_(lena).get("/about/"))


def test_too_many_files_are_413_with_a_way_out(as_, lena, project, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{n}.png", b"x") for n in range(3)]
    client = as_(lena)
    client.raise_request_exception = False

    answer = client.post(url("import", project), {"files": files})

    assert answer.status_code == 413
    assert "Send them in several goes, or as a zip." in words(answer)
    assert project.images.count() == 0


def test_a_form_that_is_too_large_is_413(as_, lena, project, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = as_(lena).post(
        url("members", project), "note=" + "x" * 2000, content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code == 413
    assert "Send less at once." in words(answer)


def test_a_strange_host_name_is_400_and_names_the_setting(client):
    answer = client.get("/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "ALLOWED_HOSTS" in words(answer) and "evil" not in words(answer)


def test_an_old_form_leads_back_to_its_page(ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)

    answer = client.post("/account/", {"do": "theme", "theme": "dark"})

    assert answer.status_code == 403
    assert "This form was too old" in words(answer)
    assert 'href="/account/"' in answer.content.decode()


def test_the_rest_interface_keeps_its_own_shape(client):
    assert client.get("/api/nothing/").json()["error"]["code"] == "not_found"


def test_many_files_are_told_from_other_bad_requests():
    request = RequestFactory().get("/")

    assert errors.bad_request(request, TooManyFilesSent()).status_code == 413
