"""Wherever a password is accepted, accounts.check_password judges it: one count for all, the administrator's too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from labeler.accounts import people
from tests.helpers.factories import make_user
from tests.helpers.passwords import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

# All names under which a form or a body of ours or of Django's takes a password, and what may stand beside it.
FORM = {
    "username": "ada", "password": "wrong", "old_password": "wrong", "new_password1": "a new one 22",
    "new_password2": "a new one 22", "password1": "a new one 22", "password2": "a new one 22", "do": "password",
    "current_password": "wrong",
}  # fmt: skip
ARGUMENT = re.compile(r"<(?:(\w+):)?\w+>")
VALUES = {
    "int": "1", "slug": "a", "str": "a", "uuid": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a", "path": "auth/", None: "1",
}  # fmt: skip


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + re.sub(r"\^|\$|\\Z|\(\?P<\w+>.*\)", "", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield ARGUMENT.sub(lambda match: VALUES[match[1]], route)
        else:
            yield from addresses(pattern, route)


@pytest.fixture
def judged(monkeypatch) -> list[str]:
    """Which passwords were judged, each as "counted" or by the name of who is asked about beside the count."""
    seen: list[str] = []
    inside: list[bool] = []
    real_door, real_check = people.check_password, AbstractBaseUser.check_password

    def door(**kwargs):
        inside.append(True)
        seen.append("counted")
        try:
            return real_door(**kwargs)
        finally:
            inside.pop()

    def check(self, raw_password):
        if not inside:
            seen.append(f"beside the count: {self.get_username()}")
        return real_check(self, raw_password)

    monkeypatch.setattr(people, "check_password", door)
    monkeypatch.setattr(AbstractBaseUser, "check_password", check)
    return seen


def test_every_address_that_takes_a_password_counts_it_at_the_one_place(judged, project):
    ada = make_user("ada", is_superuser=True, is_staff=True)
    ada.set_password(PASSWORD)
    ada.save()
    found: dict[str, set[str]] = {}
    for address in sorted(set(addresses(get_resolver()))):
        for who in (None, ada):
            client = Client(raise_request_exception=False)
            if who:
                client.force_login(who)
            judged.clear()
            # Each in the one way that it reads.
            client.post(address, FORM, **({"content_type": "application/json"} if address.startswith("/api/") else {}))
            if judged:
                found.setdefault(address, set()).update(judged)
        ada.refresh_from_db()

    assert found == {"/login/": {"counted"}, "/api/tokens/": {"counted"}, "/account/": {"counted"}}


def test_the_administration_is_entered_by_the_log_in_page(client):
    ada = make_user("ada", is_superuser=True, is_staff=True)
    ada.set_password(PASSWORD)
    ada.save()

    asked = client.get("/admin/labeler/token/", follow=True)

    assert asked.redirect_chain[-1][0] == "/login/?next=/admin/labeler/token/"
    entered = client.post("/login/", {"username": "ada", "password": PASSWORD, "next": "/admin/labeler/token/"})
    assert entered.url == "/admin/labeler/token/"
    assert client.get(entered.url).status_code == 200
    assert client.get("/admin/login/").url == "/admin/"


def test_the_administrators_password_is_not_guessed_without_limit(client):
    make_user("ada", is_superuser=True, is_staff=True)

    for _ in range(45):
        page = client.post("/admin/login/", {"username": "ada", "password": "wrong"}, follow=True)
        assert page.redirect_chain[-1][0] == "/login/?next=/admin/"


def test_whoever_may_not_administer_is_told_so_and_not_sent_round(as_, ann):
    page = as_(ann).get("/admin/", follow=True)

    assert page.status_code == 403
    assert "You are logged in as ann" in page.content.decode()


def test_no_other_host_is_reached_by_the_administrations_log_in(client):
    assert client.get("/admin/login/?next=https://evil.example/").url == "/login/?next=/admin/"
    assert client.get("/admin/login/?next=//evil.example/").url == "/login/?next=/admin/"


def test_an_administrators_own_password_is_changed_on_the_account_page(as_, ada):
    assert as_(ada).get("/admin/password_change/").url == "/account/#password"
    assert as_(ada).post("/admin/password_change/", FORM).url == "/account/#password"


def test_the_old_password_is_not_guessed_with_a_session_that_was_stolen(client, ann):
    ann.set_password(PASSWORD)
    ann.save()
    client.force_login(ann)
    new = {"new_password1": "a new one 22", "new_password2": "a new one 22"}
    change = {"do": "password", "old_password": "wrong", **new}
    for _ in range(10):
        assert "Your old password was entered incorrectly" in client.post("/account/", change).content.decode()

    page = client.post("/account/", change | {"old_password": PASSWORD})

    assert (page.status_code, 0 < int(page["Retry-After"]) <= 300) == (429, True)
    assert "Too many wrong passwords. Wait 5 minutes" in page.content.decode()
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)
