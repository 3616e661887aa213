"""Passwords: nobody guesses one without limit, nobody locks others out, and a right one after the wait always works."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.cache import cache
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from labeler.accounts import people
from labeler.errors import TooManyRequests, WrongPassword
from tests.helpers.api import error_of
from tests.helpers.at_once import together
from tests.helpers.factories import User, make_user
from tests.helpers.passwords import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

HERE, THERE = "203.0.113.9", "203.0.113.10"


@pytest.fixture
def eve(db):
    eve = make_user("eve")
    eve.set_password(PASSWORD)
    eve.save()
    return eve


def wait(seconds: float) -> None:
    """So much time passes."""
    from labeler.models import LoginFailures

    names = ("forgotten_at", "turn_at", "known_until", "kept_until")
    moved = {name: F(name) - timedelta(seconds=seconds) for name in names}
    LoginFailures.objects.update(**moved)


def log_in(username: str, password: str, address: str = HERE) -> int:
    """Seconds to wait: 0 when the password was judged, right or wrong."""
    try:
        people.check_password(username=username, password=password, address=address)
    except WrongPassword:
        assert password != PASSWORD
    except TooManyRequests as error:
        return error.details["retry_after"]
    return 0


def guess(n: int, username: str = "eve", address: str = HERE) -> list[int]:
    return [log_in(username, "wrong", address) for _ in range(n)]


def test_ten_wrong_passwords_then_a_wait_that_is_told_honestly(eve):
    assert guess(10) == [0] * 10

    told = log_in("eve", PASSWORD)
    assert 0 < told <= 300
    wait(100)
    assert told - 110 <= log_in("eve", PASSWORD) <= told - 100
    wait(told - 100)
    assert log_in("eve", PASSWORD) == 0


def test_the_one_who_guesses_gets_one_try_per_wait(eve):
    guess(10)
    judged = 0
    for _ in range(24):
        wait(150)
        judged += guess(3).count(0)

    assert judged == 24 * 150 // 300


def test_a_right_password_makes_an_end_of_the_wrong_ones_before(eve):
    for _ in range(3):
        assert guess(9) == [0] * 9
        assert log_in("eve", PASSWORD) == 0


def test_names_are_one_whatever_their_capitals(eve):
    for name in ("eve", "EVE", "Eve", " eve ", "ｅｖｅ") * 2:
        assert log_in(name, "wrong") == 0

    assert log_in("eve", "wrong") > 0


def test_random_names_from_ones_address_cost_a_newcomer_seconds_and_somebody_known_there_nothing(eve):
    known = make_user("known")
    known.set_password(PASSWORD)
    known.save()
    assert log_in("known", PASSWORD) == 0

    for number in range(105):
        log_in(f"nobody{number}", "wrong")

    assert log_in("known", PASSWORD) == 0
    told = log_in("eve", PASSWORD)
    assert told <= 10
    wait(told)
    assert log_in("eve", PASSWORD) == 0


def test_the_wait_is_enough_though_the_attack_goes_on(eve):
    for number in range(80):
        log_in(f"nobody{number}", "wrong")
    told = log_in("eve", PASSWORD)

    for number in range(40):
        wait(told / 40)
        log_in(f"nobody{number}", "wrong")  # in line again and again
        log_in(f"other{number}", "wrong")

    assert log_in("eve", PASSWORD) == 0


def test_the_addresses_of_a_client_that_has_millions_are_one(eve):
    for number in range(10):
        assert log_in("eve", "wrong", f"2001:db8:1:2::{number:x}") == 0

    assert log_in("eve", "wrong", "2001:db8:1:2:ffff::1") > 0
    assert log_in("eve", "wrong", "2001:db8:1:3::1") == 0
    assert guess(10, address="::ffff:203.0.113.9") == [0] * 10
    assert log_in("eve", "wrong", "203.0.113.9") > 0


def test_guessing_one_name_from_everywhere_is_slowed_and_her_own_address_is_not(eve):
    assert log_in("eve", PASSWORD, "192.0.2.1") == 0
    refused = sum(log_in("eve", "wrong", f"198.51.{number}.1") > 0 for number in range(100))

    assert refused >= 40
    assert log_in("eve", PASSWORD, "192.0.2.1") == 0
    told = log_in("eve", PASSWORD, "192.0.2.2")
    assert 0 < told <= 300
    wait(told)
    assert log_in("eve", PASSWORD, "192.0.2.2") == 0


def test_the_counts_are_the_databases_and_not_a_processs(eve):
    guess(10)
    cache.clear()

    assert log_in("eve", PASSWORD) > 0


@pytest.mark.django_db(transaction=True)
def test_thirty_at_the_same_moment_are_ten():
    eve = User(username="eve")
    eve.set_password(PASSWORD)
    eve.save()

    waits = together([lambda: log_in("eve", "wrong")] * 30)

    assert waits.count(0) == 10


@pytest.mark.django_db(transaction=True)
def test_names_and_addresses_in_any_order_wait_for_each_other_in_no_circle():
    def guess_all(order):
        for number in order:
            log_in(f"name{number % 3}", "wrong", f"192.0.2.{number % 4}")

    forward = list(range(24))
    together([lambda order=order: guess_all(order) for order in (forward, forward[::-1]) * 4])


@pytest.mark.parametrize("name", ["", "eve\x00", "e" * 200_000, "\ud800", "e\x00" * 100])
def test_a_name_that_nobody_can_have_is_wrong_and_counts(eve, name):
    assert guess(11, name)[:10] == [0] * 10
    assert log_in(name, "wrong") > 0


def test_a_password_that_nobody_can_have_is_wrong(eve):
    assert log_in("eve", "\ud800") == log_in("eve", "\x00") == 0


@pytest.mark.parametrize("name", ["eve", "nobody", "eve\x00", "\ud800", "imported", "gone"])
def test_a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has(monkeypatch, name):
    for username in ("eve", "gone"):
        user = User(username=username, is_active=username == "eve")
        user.set_password(PASSWORD)
        user.save()
    make_user("imported")
    counted = []
    encode = ScryptPasswordHasher.encode
    monkeypatch.setattr(ScryptPasswordHasher, "encode", lambda *a, **kw: counted.append(1) or encode(*a, **kw))

    guess(1, name)

    assert counted == [1]


def test_what_is_forgotten_is_deleted():
    from labeler.models import LoginFailures

    for number in range(40):
        log_in(f"nobody{number}", "wrong", f"192.0.2.{number}")
    assert LoginFailures.objects.count() == 3 * 40
    wait(2 * 3600)
    for _ in range(8):
        log_in("somebody", "wrong")

    assert LoginFailures.objects.count() == 3


def test_neither_names_nor_addresses_can_be_read_from_the_counts(eve):
    from labeler.models import LoginFailures

    guess(1)

    assert not [row for row in LoginFailures.objects.values_list("key", flat=True) if "eve" in row or HERE in row]
    assert all(len(key) == 64 for key in LoginFailures.objects.values_list("key", flat=True))


def test_the_log_in_page_says_429_and_how_long(eve):
    client = Client(REMOTE_ADDR=HERE)
    for _ in range(10):
        assert client.post("/login/", {"username": "eve", "password": "wrong"}).status_code == 200

    page = client.post("/login/", {"username": "eve", "password": PASSWORD})

    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= 300
    assert "Too many wrong passwords. Wait 5 minutes, then try again." in page.content.decode()
    wait(int(page["Retry-After"]))
    assert client.post("/login/", {"username": "eve", "password": PASSWORD}).status_code == 302


def test_pages_and_the_api_count_together(eve):
    for number in range(10):
        if number % 2:
            Client(REMOTE_ADDR=HERE).post("/login/", {"username": "eve", "password": "wrong"})
        else:
            APIClient(REMOTE_ADDR=HERE).post("/api/tokens/", {"username": "eve", "password": "wrong"})

    refused = APIClient(REMOTE_ADDR=HERE).post("/api/tokens/", {"username": "EVE", "password": PASSWORD})

    assert (refused.status_code, error_of(refused)) == (429, "too_many_requests")
    assert 0 < int(refused["Retry-After"]) <= 300


def test_behind_a_proxy_each_client_counts_for_itself(eve, settings):
    settings.BEHIND_PROXY = True
    for number in range(105):
        sent = {"HTTP_X_FORWARDED_FOR": f"{HERE}, 198.51.100.{number % 5}", "REMOTE_ADDR": "127.0.0.1"}
        Client(**sent).post("/login/", {"username": f"nobody{number}", "password": "wrong"})

    there = Client(HTTP_X_FORWARDED_FOR=f"198.51.100.1, {THERE}", REMOTE_ADDR="127.0.0.1")

    assert there.post("/login/", {"username": "eve", "password": PASSWORD}).status_code == 302


def test_somebody_known_is_forgotten_after_months(eve):
    from labeler.models import LoginFailures

    log_in("eve", PASSWORD)
    known = LoginFailures.objects.filter(known_until__gt=timezone.now() + timedelta(days=60))
    assert known.count() == 1
    wait(100 * 86400)
    log_in("nobody", "wrong")

    assert not LoginFailures.objects.filter(known_until__isnull=False).exists()
