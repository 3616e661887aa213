"""Headers that a proxy sets are believed only where one is said to stand in front, and then only its own entry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import JsonResponse
from django.test import Client
from django.urls import path

ROOT = Path(__file__).resolve().parents[2]


def seen(request):
    return JsonResponse([request.scheme, request.META["REMOTE_ADDR"], request.get_host()], safe=False)


urlpatterns = [path("seen/", seen)]


def as_seen(*, secure: bool = False, **environ: str) -> list[str]:
    """Scheme, address of the client and host, as views see them. secure: what the web server says of the scheme."""
    return Client(**environ).get("/seen/", secure=secure).json()


@pytest.fixture(autouse=True)
def _addresses(settings):
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROTO", "https"), ("PROTOCOL", "ssl"), ("SSL", "on"), ("PROTO", "http,https"), ("PROTO", "https,http")],
)
def test_without_a_proxy_no_header_makes_a_request_secure(settings, name, value):
    settings.BEHIND_PROXY = False
    # gunicorn believes these three from its own machine, and has the scheme changed before we see it.
    assert as_seen(secure=True, **{f"HTTP_X_FORWARDED_{name}": value})[0] == "http"


def test_without_a_proxy_nobody_chooses_an_address_or_a_host(settings):
    settings.BEHIND_PROXY = False

    sent = {"HTTP_X_FORWARDED_FOR": "198.51.100.7", "HTTP_X_FORWARDED_HOST": "evil.example", "REMOTE_ADDR": "192.0.2.4"}

    assert as_seen(**sent) == ["http", "192.0.2.4", "testserver"]


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("10.0.0.1, 127.0.0.1,198.51.100.7", "198.51.100.7"),  # what came before the last comma, the client wrote
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),  # some proxies add the port
        ("198.51.100.7:4711", "198.51.100.7"),
        ("198.51.100.7, nobody", "192.0.2.4"),
        ("", "192.0.2.4"),
    ],
)
def test_behind_a_proxy_the_address_is_the_proxys_own_entry(settings, forwarded_for, address):
    settings.BEHIND_PROXY = True

    assert as_seen(HTTP_X_FORWARDED_FOR=forwarded_for, REMOTE_ADDR="192.0.2.4")[1] == address


@pytest.mark.parametrize(
    ("proto", "scheme"), [("https", "https"), ("http, https", "https"), ("https, http", "http"), ("gopher", "http")]
)
def test_behind_a_proxy_the_scheme_is_the_proxys_own_entry(settings, proto, scheme):
    settings.BEHIND_PROXY = True

    assert as_seen(HTTP_X_FORWARDED_PROTO=proto)[0] == scheme


def test_behind_a_proxy_only_the_header_it_is_told_to_set_counts(settings):
    settings.BEHIND_PROXY = True

    assert as_seen(secure=True, HTTP_X_FORWARDED_SSL="on")[0] == "http"
    assert as_seen(HTTP_X_FORWARDED_HOST="evil.example")[2] == "testserver"


@pytest.mark.parametrize("https", ["0", "1"])
def test_the_switch_is_the_only_one_that_believes_headers(https):
    read = "from labeler import settings; print(settings.BEHIND_PROXY, hasattr(settings, 'SECURE_PROXY_SSL_HEADER'))"
    for switch, said in (("0", "False False"), ("1", "True False")):
        environ = {**os.environ, "LABELER_HTTPS": https, "LABELER_BEHIND_PROXY": switch}
        ran = subprocess.run([sys.executable, "-c", read], cwd=ROOT, env=environ, capture_output=True, text=True)
        assert ran.stdout.strip() == said, ran.stderr
