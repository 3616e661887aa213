"""Addresses that people typed: nothing inside of the network is reached by them, and nobody keeps a worker waiting."""

from __future__ import annotations

import socket
import time

import pytest

from labeler import outgoing
from labeler.errors import Invalid
from labeler.outgoing import Unreachable
from tests.helpers.hostile import Server


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def allowed(server, settings):
    settings.OUTGOING_ALLOW = [f"127.0.0.1:{server.port}", f"good.example:{server.port}"]
    return server


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.9", "192.0.0.8", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
        "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_inside_of_networks_are_not_public(address):
    assert not outgoing.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "172.32.0.1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address):
    assert outgoing.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "leaf", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "//example.org/", "http://",
        "http:///x", "https://user:word@example.org/", "https://user@example.org/", "https://example.org/#here",
        "https://example.org:22/", "https://example.org:6379/", "http://127.0.0.1/", "http://[::1]/", "http://[::1",
        "http://[fe80::1%25eth0]/", "http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://x.local/",
        "http://metadata.google.internal/", "https://example.org:99999/", "https://example.org/a b",
        "https://example.org/\r\nX: 1", "https://example.org/" + "x" * 2000, "https://" + "x" * 70 + ".org/", "http://a..b/",
    ],
)  # fmt: skip
def test_what_is_no_address_to_be_asked_is_refused_with_a_sentence(url):
    with pytest.raises(Invalid) as refusal:
        outgoing.checked_url(url)
    assert refusal.value.fields["url"] and str(refusal.value).endswith(".")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "localhost.localdomain"])
def test_a_name_that_leads_to_the_loopback_is_not_asked_however_it_is_spelled(host, server, settings):
    settings.OUTGOING_ALLOW = []
    with pytest.raises((Unreachable, Invalid)):
        outgoing.request("GET", f"http://{host}:80/")
    assert server.asked == []


def resolved_to(monkeypatch, *answers: list[str]):
    """Names are resolved to these addresses, one list after the other, the last one for ever."""
    left = list(answers)

    def getaddrinfo(host, port, *_more, **_named):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)


def test_a_name_with_one_private_address_among_public_ones_is_not_asked(monkeypatch):
    resolved_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(Unreachable, match="inside of a network"):
        outgoing.request("GET", "http://rebound.example/")


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(monkeypatch):
    """DNS rebinding: the name says a public address first, and the loopback a moment later."""
    resolved_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    asked = []

    def create_connection(address, timeout=None, **_named):
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(outgoing.socket, "create_connection", create_connection)
    with pytest.raises(Unreachable, match="No connection"):
        outgoing.request("GET", "http://rebound.example/")
    assert asked == [("93.184.216.34", 80)]


def test_what_the_operator_allows_is_asked_and_the_answer_read(allowed):
    answer = outgoing.request("POST", allowed.url("/ok?a=1"), body=b"leaf", headers={"X-Leaf": "1"})

    assert (answer.status, answer.body, answer.is_whole) == (200, b"thanks", True)
    [asked] = allowed.asked
    assert (asked.path, asked.body, asked.headers["x-leaf"]) == ("/ok?a=1", b"leaf", "1")
    assert asked.headers["host"] == f"127.0.0.1:{allowed.port}"


def test_a_path_in_other_letters_is_sent_as_browsers_do(allowed):
    outgoing.request("GET", allowed.url("/ok/blätter?a=%C3%A4&b=ü"))
    assert allowed.asked[0].path == "/ok/bl%C3%A4tter?a=%C3%A4&b=%C3%BC"


def test_no_proxy_of_the_environment_is_used(allowed, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    assert outgoing.request("GET", allowed.url()).status == 200


def test_a_redirect_is_an_answer_and_is_not_followed(allowed):
    assert outgoing.request("POST", allowed.url("/redirect"), body=b"").status == 307
    assert [one.path for one in allowed.asked] == ["/redirect"]


def test_an_endless_body_is_read_as_far_as_wanted(allowed):
    answer = outgoing.request("GET", allowed.url("/endless"), most_bytes=1000)
    assert (len(answer.body), answer.is_whole) == (1000, False)


@pytest.mark.parametrize("path", ["/slow", "/head"])
def test_a_byte_at_a_time_ends_when_the_time_is_over(allowed, path):
    began = time.monotonic()
    with pytest.raises(Unreachable, match="in time"):
        outgoing.request("GET", allowed.url(path), seconds=0.5)
    assert time.monotonic() - began < outgoing.TOTAL_SECONDS  # and not for as long as bytes come


def test_a_handshake_that_never_ends_does_end(settings, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings.OUTGOING_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(Unreachable, match="in time"):
            outgoing.request("GET", f"https://127.0.0.1:{port}/", seconds=0.4)


@pytest.mark.parametrize(("path", "sentence"), [("/rubbish", "not HTTP")])
def test_what_is_not_http_is_said_to_be_so(allowed, path, sentence):
    with pytest.raises(Unreachable, match=sentence):
        outgoing.request("GET", allowed.url(path))


def test_a_closed_port_and_an_unknown_name_say_nothing_of_what_is_there(settings, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.OUTGOING_ALLOW = [f"127.0.0.1:{port}"]
    with pytest.raises(Unreachable) as refused:
        outgoing.request("GET", f"http://127.0.0.1:{port}/")
    assert str(refused.value) == "No connection could be made."
