"""Files sent to addresses that take none, or by people who may not send them, are refused unread."""

from __future__ import annotations

import io
import os
import time

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.test import Client

from labeler.intake import incoming
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

FILE = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n'
END = b"\r\n--x--\r\n"
TYPE = "multipart/form-data; boundary=x"
TOKEN = "X" * 32


class Watched(io.BytesIO):
    """The body of a request, and how much of it was read."""

    def read(self, *args):
        found = super().read(*args)
        self.taken = getattr(self, "taken", 0) + len(found)
        return found


def send(client, url, content: bytes = b"x" * 3_000_000, *, name=b"file", filename=b"a.jpg", **headers):
    """The answer and how many bytes of the form were read."""
    body = Watched(FILE % (name, filename) + content + END)
    length = len(body.getvalue())
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": TYPE, **headers}
    response = client.generic("POST", url, b"", content_type=TYPE, **environ)
    return response, getattr(body, "taken", 0), length


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Where files of forms lie; nothing of them may be left there by any test."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    yield settings.FILE_UPLOAD_TEMP_DIR
    assert not list(tmp_path.rglob("*.upload*"))


@pytest.fixture
def no_file_is_made(monkeypatch):
    def made(*_args, **_kwargs):
        raise AssertionError("a file was made for somebody who may not send one")

    monkeypatch.setattr(TemporaryUploadedFile, "__init__", made)


TAKING = ("images", "imports", "predictions", "metadata")


@pytest.mark.usefixtures("no_file_is_made")
@pytest.mark.parametrize("path", ["/login/", "/", "/projects/1/members/", "/invitations/x/", "/admin/login/"])
def test_a_page_with_a_made_up_csrf_cookie_reads_no_file(path):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = TOKEN

    small, read, _ = send(client, path)
    assert small.status_code == 400 and b"takes no files" in small.content
    assert read < 200_000

    large, read, _ = send(client, path, b"x" * 6_000_000)
    assert large.status_code == 413
    assert read == 0


@pytest.mark.usefixtures("no_file_is_made")
@pytest.mark.parametrize("what", TAKING)
def test_rest_looks_who_is_asking_before_it_reads(what, project, ann, carl):
    url = f"/api/projects/{project.pk}/{what}/"
    senders = {
        "nobody": (Client(), 401, "not_authenticated"),
        "a stranger": (as_person(carl), 404, "not_found"),
        "a stranger's token": (with_token(carl), 404, "not_found"),
        "too small a role": (as_person(ann), 403, "not_allowed"),
        "too small a role's token": (with_token(ann), 403, "not_allowed"),
    }
    for who, (client, status, code) in senders.items():
        for content in (b"x", b"x" * 6_000_000):
            response, read, _ = send(client, url, content)
            assert (response.status_code, error_of(response), read) == (status, code, 0), who


@pytest.mark.usefixtures("no_file_is_made")
def test_a_token_without_the_scope_sends_nothing(project, lena):
    response, read, _ = send(with_token(lena, "label"), f"/api/projects/{project.pk}/images/")
    assert (response.status_code, read) == (403, 0)


@pytest.mark.usefixtures("no_file_is_made")
@pytest.mark.parametrize("page", ["import/", "import/metadata/"])
def test_a_page_that_takes_files_looks_who_is_asking_first(page, project, ann, carl, lena):
    url = f"/projects/{project.pk}/{page}"
    for person, status in ((None, 302), (carl, 404), (ann, 403)):
        client = Client(enforce_csrf_checks=True)
        if person:
            client.force_login(person)
        client.cookies["csrftoken"] = TOKEN
        response, read, _ = send(client, url, b"x" * 6_000_000, name=b"files")
        assert (response.status_code, read) == (status, 0)


@pytest.mark.parametrize(("page", "name"), [("import/", b"files"), ("import/metadata/", b"table")])
def test_a_lead_s_form_still_needs_its_csrf_token(page, name, project, lena):
    client = Client(enforce_csrf_checks=True)
    client.force_login(lena)
    client.cookies["csrftoken"] = TOKEN
    url = f"/projects/{project.pk}/{page}"
    content = picture(1)

    assert send(client, url, content, name=name)[0].status_code == 403
    assert not project.images.exists()
    token = b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n%s\r\n' % TOKEN.encode()
    body = token + FILE % (name, b"a.jpg") + content + END
    response = client.generic("POST", url, body, content_type=TYPE)
    assert response.status_code == 302
    assert project.images.count() == (1 if page == "import/" else 0)


def test_a_form_with_more_than_its_address_takes_is_413_unread(project, lena, settings):
    settings.MAX_IMAGE_BYTES = 1000
    settings.MAX_ARCHIVE_BYTES = 1000
    for what in ("images", "imports", "predictions"):
        response, read, _ = send(as_person(lena), f"/api/projects/{project.pk}/{what}/")
        assert (response.status_code, error_of(response), read) == (413, "too_large", 0), what
    client = Client()
    client.force_login(lena)
    response, read, _ = send(client, f"/projects/{project.pk}/import/")
    assert (response.status_code, read) == (413, 0)


def test_what_a_lead_sends_lies_in_the_folder_until_the_answer(project, lena, folder, monkeypatch):
    seen = []
    taken = {"added": [], "duplicates": [], "refused": []}
    monkeypatch.setattr("api.images._take_in", lambda project, files: seen.extend(folder.iterdir()) or taken)

    response, read, length = send(with_token(lena), f"/api/projects/{project.pk}/images/", name=b"files")

    assert (response.status_code, read) == (200, length)
    assert [path.parent for path in seen] == [folder]


def test_a_full_disk_is_said_in_a_sentence(project, lena, monkeypatch, folder):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TemporaryUploadedFile, "write", full, raising=False)
    response, _read, _ = send(with_token(lena), f"/api/projects/{project.pk}/images/", name=b"files")
    assert (response.status_code, error_of(response)) == (507, "storage_full")

    client = Client(raise_request_exception=False)
    client.force_login(lena)
    assert send(client, f"/projects/{project.pk}/import/", name=b"files")[0].status_code == 507


def test_a_body_of_unknown_length_is_refused_in_a_sentence(project, lena):
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    response, read, _ = send(with_token(lena), f"/api/projects/{project.pk}/images/", **chunked)
    assert (response.status_code, error_of(response), read) == (411, "length_required", 0)
    assert send(Client(), "/login/", **chunked)[0].status_code == 400


def test_json_of_a_session_is_not_read_before_the_access_check(project, carl):
    response = as_person(carl).post(f"/api/projects/{project.pk}/claims/", b"{", content_type="application/json")
    assert response.status_code == 404


def test_forms_of_pages_without_files_may_still_be_multipart(lena):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = TOKEN
    form = {"username": "lena", "password": "not it", "csrfmiddlewaretoken": TOKEN}
    assert client.post("/login/", form).status_code in (200, 400)  # the form again, with what is wrong


def test_what_a_killed_process_left_is_deleted_when_it_is_old(folder):
    folder.mkdir(parents=True)
    old, new = folder / "tmp1.upload.jpg", folder / "tmp2.upload"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 90_000,) * 2)

    assert incoming.forget_abandoned() == 1
    assert [path.name for path in folder.iterdir()] == ["tmp2.upload"]
    new.unlink()
