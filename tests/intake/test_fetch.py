"""Addresses are fetched from the public net alone: a hostile server on the loopback tries what it can."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from labeler import outgoing
from labeler.intake import fetch
from labeler.intake.check import Refused
from labeler.models import Image
from tests.helpers.importing import bring_in, reasons
from tests.helpers.pictures import picture


class Hostile(BaseHTTPRequestHandler):
    asked: list[str] = []

    def log_message(self, *_args):
        """Quiet."""

    def do_GET(self):
        self.asked.append(self.path)
        where = self.path.partition("?")[0]
        if where.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path.partition("?")[2]))
            self.end_headers()
        elif where == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        elif where == "/slow":
            self.send_response(200)
            self.end_headers()
            try:
                for _n in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                return
        elif where == "/lies":
            self._answer(b"x", length=10**12)
        elif where == "/short":
            self._answer(picture(1)[:100], length=len(picture(1)))
        elif where == "/packed":
            self._answer(b"x", encoding="gzip")
        elif where == "/gone":
            self.send_error(404)
        else:
            self._answer(picture(int(where.strip("/").partition(".")[0] or 1)))

    def _answer(self, content, *, length=None, encoding=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(content)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server(settings):
    """A server that may be asked though it stands on the loopback; its address."""
    settings.OUTGOING_ALLOW = ["127.0.0.1/32"]
    Hostile.asked = []
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


def refusal(url):
    with pytest.raises(Refused) as error:
        fetch.fetch(url)
    return error.value.reason


INSIDE = "This address is inside of a network. An operator can allow it."
LEADS_INSIDE = "The host's name leads inside of a network, which is not asked."
PRIVATE = (INSIDE, LEADS_INSIDE)


def test_an_image_is_fetched_and_redirects_are_followed_three_times(server):
    assert fetch.fetch(f"{server}/2.jpg") == picture(2)
    assert fetch.fetch(f"{server}/to/?/to/?/to/?/3.jpg") == picture(3)
    assert "more than 3 redirects" in refusal(f"{server}/to/?/to/?/to/?/to/?/3.jpg")


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "2130706433", "0x7f000001", "0177.0.0.1",
])  # fmt: skip
def test_private_addresses_are_not_asked_however_they_are_written(settings, address):
    settings.OUTGOING_ALLOW = []
    assert refusal(f"http://{address}/a.jpg") in (*PRIVATE, "There is no host of this name.")


@pytest.mark.parametrize("aim", [
    "http://127.0.0.2/a.jpg", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "//10.0.0.1/a.jpg",
])  # fmt: skip
def test_a_redirect_into_a_private_network_is_not_followed(server, aim):
    assert refusal(f"{server}/to/?{aim}") in PRIVATE


@pytest.mark.parametrize("aim", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/a.jpg"])
def test_a_redirect_to_another_scheme_is_not_followed(server, aim):
    assert refusal(f"{server}/to/?{aim}") == "The address must begin with https:// or http:// and name a host."


def test_a_name_with_one_private_address_among_public_ones_is_not_asked(settings, monkeypatch):
    settings.OUTGOING_ALLOW = []
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)) for host in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: rows)
    assert refusal("http://rebinding.example/a.jpg") in PRIVATE


def test_the_connection_goes_to_the_address_that_was_checked(server, monkeypatch):
    """A name that means another address the second time is not looked up a second time."""
    looked = []

    def once(host, port, *args, **kwargs):
        looked.append(host)
        found = "127.0.0.1" if len(looked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", lambda host, port, *a, **k: (
        once(host, port) if host == "changing.example" else real(host, port, *a, **k)
    ))  # fmt: skip
    assert fetch.fetch(server.replace("127.0.0.1", "changing.example") + "/2.jpg") == picture(2)
    assert looked == ["changing.example"]


real = socket.getaddrinfo


def test_bodies_without_end_are_left_at_their_bound(server, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_BYTES", 2**20)
    assert refusal(f"{server}/endless") == "The file behind this address is larger than 1 MB."
    assert refusal(f"{server}/lies") == "The file behind this address is larger than 1 MB."


def test_a_server_that_drips_is_left_at_the_time_of_the_whole(server, monkeypatch):
    monkeypatch.setattr(fetch, "WHOLE_SECONDS", 0.4)
    assert refusal(f"{server}/slow") == "The server did not answer in time."


def test_other_answers_are_refused_in_words(server):
    assert refusal(f"{server}/gone") == "The server answered 404 instead of an image."
    assert refusal(f"{server}/packed") == "The server sends the image packed, which is not read here."
    assert refusal(f"{server}/short") == "The answer ended too early."
    assert "user name and password" in refusal(server.replace("//", "//me:secret@") + "/1.jpg")
    assert refusal("http://127.0.0.1:1/a.jpg") == "No connection could be made."


def test_the_ports_are_the_usual_ones(settings):
    settings.OUTGOING_ALLOW = []
    assert (
        refusal("http://93.184.216.34:6379/") == "Only ports 80 and 443 are used, unless an operator allows the host."
    )


@pytest.mark.parametrize(("address", "is_public"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True),
    ("64:ff9b::a00:1", False), ("2002:a00:1::", False), ("ff02::1", False), ("198.18.0.1", False),
])  # fmt: skip
def test_an_address_inside_an_address_counts(address, is_public):
    assert outgoing.is_public(address) is is_public


@pytest.mark.django_db
def test_addresses_come_in_once_and_are_known_by_their_address(server, project, lena, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    urls = [f"{server}/{n}.jpg" for n in range(1, 13)] + [f"{server}/gone", "http://10.0.0.1/a.jpg", "x"]
    result = bring_in(project, lena, None, format="urls", urls=urls)
    assert (result["added"], len(result["refused"])) == (12, 3)
    assert [(row, why) for _name, row, why in reasons(result)] == [
        (15, "This is no address of an image: it begins with http:// or https://, and names a server."),
        (13, "The server answered 404 instead of an image."), (14, INSIDE),
    ]  # fmt: skip
    assert Image.objects.get(name="3.jpg").external_id == f"{server}/3.jpg"
    Hostile.asked.clear()
    again = bring_in(project, lena, None, format="urls", urls=urls)
    assert (again["added"], again["duplicates"], Hostile.asked) == (0, 12, ["/gone"])
