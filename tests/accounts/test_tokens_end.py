"""Tokens end with the password they were made under, and a token ends no other without the right to."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from labeler.accounts.tokens import create_token
from labeler.models import AuditEvent, Token
from tests.helpers.api import error_of, with_token
from tests.helpers.passwords import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

NEW = "a new one 22"
CHANGE = {"do": "password", "old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def ann(ann):
    ann.set_password(PASSWORD)
    ann.save()
    return ann


def live() -> int:
    return Token.objects.filter(revoked_at__isnull=True).count()


@pytest.mark.parametrize("sent", [{}, {"revoke_tokens": ["off", "on"]}])
def test_a_new_password_ends_the_persons_tokens(as_, ann, bea, sent):
    program, other = with_token(ann), with_token(bea)

    page = as_(ann).post("/account/", CHANGE | sent, follow=True)

    assert "1 token was ended." in page.content.decode()
    assert (program.get("/api/me/").status_code, other.get("/api/me/").status_code) == (401, 200)
    assert AuditEvent.objects.get(action="password.change").details == {"tokens_revoked": 1}


def test_they_stay_where_the_person_unticks_it(as_, ann):
    program = with_token(ann)
    html = as_(ann).get("/account/").content.decode()
    assert 'name="revoke_tokens" value="off"' in html and 'id="id_revoke_tokens" checked' in html

    page = as_(ann).post("/account/", CHANGE | {"revoke_tokens": "off"}, follow=True)

    assert "Your password is changed." in page.content.decode()
    assert program.get("/api/me/").status_code == 200


def test_a_wrong_old_password_ends_nothing(as_, ann):
    create_token(user=ann)
    as_(ann).post("/account/", CHANGE | {"old_password": "wrong"})

    assert live() == 1


@pytest.mark.parametrize("usable", ["true", "false"])
def test_a_password_that_an_administrator_sets_ends_them(as_, ada, ann, usable):
    create_token(user=ann)
    form = {"password1": NEW, "password2": NEW, "usable_password": usable}
    button = {} if usable == "true" else {"unset-password": "1"}

    assert as_(ada).post(f"/admin/auth/user/{ann.pk}/password/", form | button).status_code == 302

    ann.refresh_from_db()
    assert (ann.has_usable_password(), ann.check_password(NEW)) == (usable == "true",) * 2
    assert live() == 0
    assert AuditEvent.objects.get(action="password.change").actor == ada


def test_a_password_set_from_the_command_line_ends_them(ann, monkeypatch):
    create_token(user=ann)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)

    call_command("changepassword", "ann")

    ann.refresh_from_db()
    assert ann.check_password(NEW)
    assert live() == 0


@pytest.mark.parametrize("scopes", [["read"], ["label"], ["read", "label", "export"]])
def test_a_token_without_manage_ends_itself_and_no_other(ann, scopes):
    other, _secret = create_token(user=ann)
    token, secret = create_token(user=ann, scopes=scopes)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")

    refused = client.delete(f"/api/tokens/{other.pk}/")

    assert (refused.status_code, error_of(refused)) == (403, "permission_denied")
    assert client.delete(f"/api/tokens/{token.pk}/").status_code == 204
    other.refresh_from_db()
    assert other.revoked_at is None


def test_a_token_with_manage_ends_the_others(ann):
    other, _secret = create_token(user=ann)

    assert with_token(ann, "manage").delete(f"/api/tokens/{other.pk}/").status_code == 204
