"""Connections that send nothing, half a request, or one byte at a time take nothing from the people who label."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from urllib.parse import quote

import pytest
from django.db import connection

from labeler.accounts.tokens import create_token
from labeler.launch import client_socket, web_worker
from labeler.launch.parts import CHECKOUT, Options, web_part
from tests.helpers.factories import add_images
from tests.helpers.pictures import picture

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

LARGE = 3_000_000  # bytes: more than sockets hold for a client that takes nothing
PROMPT = 5.0  # seconds; on an idle machine it is some hundredths
HEAD = b"POST /login/ HTTP/1.1\r\nHost: localhost\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
HALVES = {"silent": b"", "half a head": HEAD, "half a body": HEAD + FORM + b"username=", "a long body": (
    b"POST /api/projects/1/images/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
)}  # fmt: skip


class Server:
    """The web part as `up` starts it, on the database of the tests."""

    def __init__(self, folder):
        found = connection.settings_dict
        url = f"postgres://{found['USER']}:{quote(found['PASSWORD'])}@{quote(found['HOST'], safe='')}:{found['PORT']}"
        self.temporary, self.data = folder / "tmp", folder / "data"
        (self.data / "logs").mkdir(parents=True)
        self.temporary.mkdir()
        static = self.data / "static"
        static.mkdir()
        (static / "large.js").write_bytes(b"x" * LARGE)
        # Pages name static files as they are in the checkout: nobody has collected them for a test.
        names = [path.relative_to(CHECKOUT / "static").as_posix() for path in (CHECKOUT / "static").rglob("*.*")]
        manifest = {"version": "1.1", "hash": "", "paths": {name: name for name in names}}
        (static / "staticfiles.json").write_text(json.dumps(manifest))
        environment = os.environ | {
            "DATABASE_URL": f"{url}/{found['NAME']}", "LABELER_DATA": str(self.data), "TMPDIR": str(self.temporary),
        }  # fmt: skip
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        part = web_part(Options(data_dir=self.data), environment, self.listener)
        with part.log.open("wb") as log:
            self.process = subprocess.Popen(part.argv, env=part.env, stdout=log, stderr=log, pass_fds=part.pass_fds)
        self.port = self.listener.getsockname()[1]
        self.log = part.log

    def connect(self, first: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(first)
        return client

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> tuple[int, float]:
        """Status, and how many seconds it took from the connection on."""
        began = time.monotonic()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})
        client.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = client.getresponse()
        answer.read()
        client.close()
        return answer.status, time.monotonic() - began

    def bytes_on_disk(self) -> int:
        total = 0
        for folder in (self.temporary, self.data):
            for path in folder.rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    total += path.stat().st_size if path.is_file() else 0
        return total

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0
        self.listener.close()


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server"))
    try:
        assert started.ask("GET", "/healthz")[0] == 200
        yield started
    finally:
        started.stop()


def said(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    with client, contextlib.suppress(ConnectionResetError):
        while came := client.recv(65536):
            found += came
    return found


def form(content: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n"


def post(path: str, length: int, token: str = "", more: str = "") -> bytes:
    allowed = f"Authorization: Token {token}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{allowed}{more}Content-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def drip(server: Server, path: str, body: bytes, token: str, seconds: float, answers: list[bytes]) -> None:
    client = server.connect(post(path, len(body), token, "Connection: close\r\n"))
    piece = len(body) // 24 + 1
    for at in range(0, len(body), piece):
        client.sendall(body[at : at + piece])
        time.sleep(seconds / 24)
    answers.append(said(client))


def test_with_two_hundred_connections_open_a_label_is_saved_and_a_slow_upload_arrives(server, project, ann, lena):
    images = add_images(project, 2)
    _, label_key = create_token(user=ann, name="a")
    _, lead_key = create_token(user=lena, name="b")
    path = f"/api/projects/{project.pk}/"
    answers: list[bytes] = []
    # Longer than the silence that is borne, and than a whole head may take; too large to be held.
    upload = form(picture(1) + b"\0" * 6_000_000)
    slow = web_worker.HEAD_SECONDS + 2
    uploads = threading.Thread(target=drip, args=(server, path + "images/", upload, lead_key, slow, answers))
    uploads.start()

    halves = [server.connect(HALVES["half a head"]) for _ in range(60)]
    status, took = server.ask("GET", "/healthz")
    assert (status, took < PROMPT) == (200, True), took
    halves += [server.connect(list(HALVES.values())[n % 4]) for n in range(140)]
    opened = time.monotonic()

    status, took = server.ask("POST", path + "claims/", {"count": 2}, label_key)
    assert (status, took < PROMPT) == (200, True), took
    for image in images:
        status, took = server.ask("PUT", f"/api/images/{image.pk}/label/", {"categories": ["cat"]}, label_key)
        assert (status, took < PROMPT) == (201, True), took

    for half in halves:
        said(half)  # until the server closes it; 30 s of nothing would raise
    assert time.monotonic() - opened < web_worker.HEAD_SECONDS + PROMPT
    uploads.join(60)
    assert answers and answers[0].startswith(b"HTTP/1.1 200"), answers
    assert b'"added":[{' in answers[0]


@pytest.mark.parametrize("who", ["nobody", "too small a role"])
def test_two_hundred_megabytes_of_a_stranger_are_refused_unread(server, project, ann, who):
    token = create_token(user=ann, name="a")[1] if who != "nobody" else ""
    path = f"/api/projects/{project.pk}/images/" if token else "/login/"
    cookie = "" if token else f"Cookie: csrftoken={'X' * 32}\r\n"
    before = server.bytes_on_disk()
    client = server.connect(post(path, 200 * 2**20, token, cookie) + form(b"")[:90])
    sent, most, chunk = 0, 0, b"x" * 2**20
    with client, contextlib.suppress(ConnectionError):
        while sent < 200 * 2**20:
            client.sendall(chunk)
            sent += len(chunk)
            most = max(most, server.bytes_on_disk() - before)
    assert sent < 200 * 2**20
    assert most < 100_000  # the log

    # Who looks for the answer before sending on gets it whole.
    client = server.connect(post(path, 200 * 2**20, token, cookie) + chunk)
    answer = said(client)
    assert answer.startswith(b"HTTP/1.1 403" if token else b"HTTP/1.1 4"), answer[:200]
    assert b"Connection: close" in answer
    assert server.ask("GET", "/healthz")[0] == 200


def test_http_is_spoken_as_before(server):
    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    close = b"Connection: close\r\n\r\n"
    assert said(server.connect((get + b"\r\n") * 3 + get + close)).count(b"HTTP/1.1 200") == 4  # one behind the other
    assert said(server.connect(get.replace(b"1.1", b"1.0") + b"\r\n")).startswith(b"HTTP/1.0 200")
    assert said(server.connect(b"GET /healthz HTTP/1.1\nHost: localhost\n\n")).startswith(b"HTTP/1.1 400")
    assert said(server.connect(get + b"A: " + b"x" * 70_000)).startswith(b"HTTP/1.1 431")
    token = b"POST /api/tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunked = said(server.connect(token + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))
    assert chunked.startswith(b"HTTP/1.1 411")

    asking = server.connect(token + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert asking.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    asking.sendall(b"{}")
    assert said(asking).startswith(b"HTTP/1.1 400")
    # Nobody is asked to send what nobody will read.
    long = server.connect(token + b"Content-Length: 90000000\r\nExpect: 100-continue\r\n\r\n")
    assert said(long).startswith(b"HTTP/1.1 413")

    in_pieces = server.connect()
    for byte in get + close:
        in_pieces.sendall(bytes([byte]))
    assert said(in_pieces).startswith(b"HTTP/1.1 200")


def test_who_does_not_take_the_answer_holds_no_thread(server):
    lines = []
    for _ in range(60):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /static/large.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        lines.append(client)
    status, took = server.ask("GET", "/healthz")
    assert (status, took < PROMPT) == (200, True), took
    # Whoever takes it after all gets all of it.
    found = 0
    while found < LARGE:
        found += len(lines[0].recv(2**20))
    for client in lines:
        client.close()


# ---------------------------------------------------------------- the line of one client


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    line = client_socket.ClientSocket(ours)
    yield line, theirs
    line.end()
    theirs.close()


def taken(theirs: socket.socket, line: client_socket.ClientSocket) -> bytes:
    theirs.setblocking(False)
    found = b""
    while True:
        line.pump()
        try:
            found += theirs.recv(2**20)
        except BlockingIOError:
            if not line.unsent:
                return found


def test_an_answer_and_a_file_wait_for_a_slow_client_without_their_thread(ends, tmp_path):
    line, theirs = ends
    path = tmp_path / "file"
    path.write_bytes(b"f" * 3_000_000)
    line.sendall(b"h" * 900_000)
    with path.open("rb") as file:
        line.sendfile(file, 10, 2_999_990)
    line.sendall(b"e")

    assert line.n_unsent > 0
    assert taken(theirs, line) == b"h" * 900_000 + b"f" * 2_999_990 + b"e"
    assert line.n_unsent == 0


def test_a_request_on_a_thread_for_labels_never_waits(ends):
    line, _theirs = ends
    line.received += b"GET / HT"
    assert (line.recv(100), line.recv(100)) == (b"GET / HT", b"")


def test_a_file_thread_gives_a_silent_client_up(ends, monkeypatch):
    line, theirs = ends
    monkeypatch.setattr(client_socket, "SILENCE_SECONDS", 0.05)
    line.may_wait = True
    line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        line.recv(10)
    assert theirs.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # only when the body was wanted
