"""The link that a start prints: it logs the first administrator in, once."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse

from labeler.accounts import login_link
from labeler.errors import Gone
from labeler.models import AuditEvent
from tests.helpers.at_once import together
from tests.helpers.factories import User, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def address(secret: str) -> str:
    return reverse("login_once", args=[secret])


def test_it_logs_in_once(client, ada):
    secret = login_link.make(ada)

    answer = client.get(address(secret), follow=True)

    assert answer.redirect_chain[-1][0] == "/"
    assert answer.context["user"] == ada
    assert AuditEvent.objects.filter(action="login.link", actor=ada).count() == 1
    client.logout()
    again = client.get(address(secret))
    assert again.status_code == 410
    assert "This link does not work" in again.content.decode()
    assert "_auth_user_id" not in client.session


def test_opened_again_by_the_same_browser_it_leads_home(client, ada):
    secret = login_link.make(ada)
    client.get(address(secret))

    assert client.get(address(secret)).url == "/"


def test_a_browser_that_fetches_ahead_and_a_head_request_do_not_use_it_up(client, ada):
    secret = login_link.make(ada)

    assert client.get(address(secret), headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 503
    assert client.head(address(secret)).status_code == 405
    assert client.get(address(secret)).status_code == 302


def test_it_ends_after_24_hours(client, ada, monkeypatch):
    secret = login_link.make(ada)
    later = time.time() + 24 * 3600 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)

    answer = client.get(address(secret))

    assert answer.status_code == 410
    assert "24 hours" in answer.content.decode()


def test_a_login_by_password_or_another_password_ends_it(client, ada):
    ada.set_password("an old one 1")
    ada.save()
    secret = login_link.make(ada)
    ada.set_password("a new one 2")
    ada.save()
    with pytest.raises(Gone):
        login_link.use(secret)

    secret = login_link.make(ada)
    client.post("/login/", {"username": "ada", "password": "a new one 2"})
    with pytest.raises(Gone):
        login_link.use(secret)
    ada.refresh_from_db()
    assert login_link.make(ada) is None


@pytest.mark.parametrize("secret", ["", "x", "a:b:c", "W10:1vMaaa:sig"])
def test_nonsense_logs_nobody_in(secret):
    with pytest.raises(Gone):
        login_link.use(secret)


def test_somebody_who_was_switched_off_stays_out(ada):
    secret = login_link.make(ada)
    ada.is_active = False
    ada.save()

    with pytest.raises(Gone):
        login_link.use(secret)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_gets_in():
    for number in range(8):
        secret = login_link.make(make_user(f"admin{number}"))

        def use(secret=secret) -> str:
            try:
                login_link.use(secret)
            except Gone:
                return "gone"
            return "in"

        assert sorted(together([use, use])) == ["gone", "in"]


def test_the_address_does_not_leak(client, ada):
    assert client.get(address(login_link.make(ada)))["Referrer-Policy"] == "same-origin"


# ---------------------------------------------------------------- what a start prepares


@pytest.fixture
def prepare(settings, tmp_path):
    """`prepare()`: what every start runs; the secret it leaves for `up`, None without one."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "run").mkdir()

    def prepare() -> str | None:
        call_command("prepare", quiet=True)
        link: Path = tmp_path / "run" / "login-link"
        if not link.exists():
            return None
        assert stat.S_IMODE(link.stat().st_mode) == 0o600
        secret = link.read_text().strip()
        link.unlink()  # as `up` does
        return secret

    return prepare


def test_each_start_prints_a_new_link_until_the_first_login(prepare):
    first, second = prepare(), prepare()

    assert first and second
    assert login_link.use(second) == User.objects.get(username="admin")
    assert prepare() is None


def test_a_start_without_the_first_administrator_prints_none(prepare, ada):
    assert prepare() is None


def test_a_changed_password_ends_links_for_good(prepare):
    prepare()
    admin = User.objects.get(username="admin")
    admin.set_password("a password of my own 1")
    admin.save()

    assert prepare() is None
