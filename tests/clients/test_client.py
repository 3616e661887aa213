"""What the Python client does when things go wrong, and with calls that a server may not have yet: none is here."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import httpx
import labeler_client
import pytest
from labeler_client import (
    ChecksumMismatch,
    Client,
    InvalidSignature,
    TimedOut,
    Unreachable,
    WorkFailed,
    verify_signature,
)

from labeler.webhooks import signing
from tests.clients.answers import FILE, TAG, Answers, client_of

PACKAGE = Path(labeler_client.__file__).parent
ERROR = {"error": {"code": "busy", "message": "Later.", "fields": {}}}


def answering(*responses: httpx.Response):
    """A handler that gives these answers, the last one for ever, and what it was asked."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return responses[min(len(asked), len(responses)) - 1]

    return handle, asked


# ---------------------------------------------------------------- trying again


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_is_asked_again_then(status):
    busy = httpx.Response(status, json=ERROR, headers={"Retry-After": "7"})
    handle, asked = answering(busy, busy, httpx.Response(200, json={"id": 1, "username": "ann"}))
    slept: list[float] = []
    assert client_of(handle, slept).me()["username"] == "ann"
    assert slept == [7.0, 7.0] and len(asked) == 3


def test_one_that_asks_for_too_long_a_wait_is_an_error_at_once():
    handle, asked = answering(httpx.Response(429, json=ERROR, headers={"Retry-After": "3600"}))
    with pytest.raises(labeler_client.TooManyRequests) as error:
        client_of(handle).me()
    assert (len(asked), error.value.code, error.value.message, error.value.status) == (1, "busy", "Later.", 429)


def test_it_gives_up_after_six_tries():
    handle, asked = answering(httpx.Response(502))
    slept: list[float] = []
    with pytest.raises(labeler_client.ServerError):
        client_of(handle, slept).me()
    assert len(asked) == 6
    assert all(0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(slept))  # 0.5 s, 1, 2, 4, 8


def test_what_may_have_been_done_is_not_asked_for_twice_without_a_key():
    """A training has no key: a lost answer is the caller's to look into."""
    asked: list[httpx.Request] = []

    def cut(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.method == "POST":
            raise httpx.ReadError("cut")
        return httpx.Response(200, json={"id": 1, "name": "leaf"})

    project = client_of(cut).project(1)
    with pytest.raises(Unreachable):
        project.train()
    assert [one.method for one in asked] == ["GET", "POST"]


def test_a_lot_of_files_keeps_its_key_and_is_read_from_the_start_each_time(tmp_path):
    (tmp_path / "leaf.jpg").write_bytes(b"all of it")
    said = {"added": [{"id": 1, "name": "leaf.jpg", "sha256": "0"}], "duplicates": [], "refused": []}
    bodies: list[tuple[str, bytes]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"id": 1, "name": "leaf"})
        bodies.append((request.headers["Idempotency-Key"], request.read()))
        return httpx.Response(503) if len(bodies) < 3 else httpx.Response(200, json=said)

    project = client_of(handle).project(1)
    project.upload(tmp_path / "leaf.jpg")
    assert len({key for key, _body in bodies}) == 1
    assert [body.count(b"all of it") for _key, body in bodies] == [1, 1, 1]
    project.upload(tmp_path / "leaf.jpg")
    assert len({key for key, _body in bodies}) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequest"), (401, "NotSignedIn"), (403, "NotAllowed"), (404, "NotFound"), (409, "Conflict"),
        (412, "StaleVersion"), (413, "TooLarge"), (422, "NotPossibleNow"), (507, "StorageFull"), (500, "ServerError"),
        (418, "ServerError"), (302, "ServerError"),
    ],
)  # fmt: skip
def test_each_status_has_its_class(status, kind):
    said = {"error": {"code": "a_code", "message": "One sentence.", "fields": {"x": ["y"]}, "current": 3}}
    handle, asked = answering(httpx.Response(status, json=said, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(labeler_client.LabelerError) as error:
        client_of(handle).me()
    assert type(error.value).__name__ == kind
    assert (error.value.code, str(error.value), error.value.fields) == ("a_code", "One sentence.", {"x": ["y"]})
    assert error.value.details == {"current": 3} and len(asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "x"}', b'{"error": {"fields": 3}}'])
def test_an_error_that_is_no_error_of_ours_is_one_all_the_same(body):
    handle, _asked = answering(httpx.Response(404, content=body))
    with pytest.raises(labeler_client.NotFound, match="404"):
        client_of(handle).me()


def test_an_answer_that_is_no_json_is_an_error_in_words():
    handle, _asked = answering(httpx.Response(200, content=b"<html>a captive portal"))
    with pytest.raises(labeler_client.ServerError, match="no JSON"):
        client_of(handle).me()


# ---------------------------------------------------------------- the token


def test_the_token_goes_to_its_server_alone():
    page = {"results": [{"id": 1, "name": "a"}], "next": "https://evil.example/api/projects/?cursor=x"}
    handle, asked = answering(httpx.Response(200, json=page), httpx.Response(200, json={"results": [], "next": None}))
    assert len(list(client_of(handle).projects())) == 1
    assert [request.url.host for request in asked] == ["labels.example.org"] * 2
    assert asked[1].url.params["cursor"] == "x"


def test_the_token_is_in_no_repr():
    client = client_of(Answers(1))
    project = client.project(1)
    assert "lb_secret" not in "".join(map(repr, (client, client._transport, client._transport._http, project)))


@pytest.mark.parametrize(
    ("url", "token"), [("labels", "x"), ("ftp://x", "x"), ("https://x", ""), ("https://x", "a\nb")]
)
def test_what_cannot_be_a_server_or_a_token_is_refused_at_once(url, token):
    with pytest.raises(ValueError, match=r"address|token"):
        Client(url, token)


# ---------------------------------------------------------------- calls of other parts of the contract


def test_predictions_go_in_lots_and_refusals_are_counted_over_all():
    answers = Answers(1)
    model = client_of(answers).project(1).outside_model("resnet", "2")
    items = [{"file_name": f"{n}.jpg", "categories": ["rust"]} for n in range(2500)]
    items[2100]["file_name"] = "nobody.jpg"
    stored = model.predict(iter(items))
    sizes = [
        len(json.loads(request.content)["items"]) for request in answers.asked if "predictions" in str(request.url)
    ]
    assert sizes == [1000, 1000, 500]
    assert (stored.stored, [one["item"] for one in stored.refused]) == (2499, [2100])
    assert model.activate().raw["active"] is True


def release_of(answers: Answers, slept: list[float] | None = None):
    return client_of(answers, slept).project(1).create_release("v1", splits={"train": 0.8, "test": 0.2}).wait()


def test_a_release_is_waited_for_and_downloaded_under_the_servers_name(tmp_path):
    answers, slept = Answers(1), []
    path = release_of(answers, slept).download("csv", to=tmp_path)
    assert (path, path.read_bytes() == FILE, slept[-1]) == (tmp_path / "v1.csv", True, 2.0)
    assert [one.name for one in tmp_path.iterdir()] == ["v1.csv"]


def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path):
    answers = Answers(1)
    answers.cut_after = 1000
    path = release_of(answers).download("csv", to=tmp_path / "mine.csv")
    ranges = [request.headers.get("Range") for request in answers.asked if "files" in str(request.url)]
    assert path.read_bytes() == FILE
    assert ranges[-1] == "bytes=1000-" and answers.asked[-1].headers["If-Range"] == TAG


def test_it_goes_on_after_the_program_was_ended_too(tmp_path):
    (tmp_path / "mine.csv.part").write_bytes(FILE[:2000])
    (tmp_path / "mine.csv.part.etag").write_text(TAG)
    answers = Answers(1)
    assert release_of(answers).download("csv", to=tmp_path / "mine.csv").read_bytes() == FILE
    assert answers.asked[-1].headers["Range"] == "bytes=2000-"
    (tmp_path / "all.csv.part").write_bytes(FILE)
    (tmp_path / "all.csv.part.etag").write_text(TAG)
    assert release_of(answers).download("csv", to=tmp_path / "all.csv").read_bytes() == FILE


def test_what_is_not_the_servers_file_is_not_kept(tmp_path):
    (tmp_path / "mine.csv.part").write_bytes(b"x" * 2000)
    (tmp_path / "mine.csv.part.etag").write_text(TAG)
    with pytest.raises(ChecksumMismatch):
        release_of(Answers(1)).download("csv", to=tmp_path / "mine.csv")
    assert list(tmp_path.iterdir()) == []


def test_work_that_fails_or_takes_too_long_is_said_to():
    failed = {"id": 1, "state": "failed", "progress": {"done": 1, "total": 2}, "error": {"code": "x", "message": "No."}}
    going = {**failed, "state": "running", "error": None}
    ended = {**going, "state": "cancelled"}
    for raw, kind, timeout in ((failed, WorkFailed, None), (ended, WorkFailed, None), (going, TimedOut, 0.0)):
        handle, _asked = answering(httpx.Response(200, json={"id": 1, "name": "leaf"}), httpx.Response(202, json=raw))
        run = client_of(handle).project(1).train()
        with pytest.raises(kind):
            run.wait(timeout=timeout)


# ---------------------------------------------------------------- signatures

SECRET, BODY = "lbwh_secret", b'{"id":1,"event":"webhook.test","project":3,"data":{}}'


def signed(at: int = 1000, body: bytes = BODY, secret: str = SECRET) -> str:
    return signing.signature(secret, body, at)


def test_what_the_server_signs_the_client_takes():
    assert verify_signature(SECRET, signed(), BODY, now=1000)["event"] == "webhook.test"
    assert verify_signature(SECRET, signed(), BODY.decode(), now=1299)["id"] == 1


def test_a_header_may_hold_signatures_of_several_secrets():
    other = hmac.new(b"old", b"1000." + BODY, hashlib.sha256).hexdigest()
    header = f"t=1000,v1={other},v1={signed().partition('v1=')[2]}"
    assert verify_signature(SECRET, header, BODY, now=1000)


@pytest.mark.parametrize(
    ("header", "body", "now"),
    [
        (signed(), BODY + b" ", 1000), (signed(secret="another"), BODY, 1000), (signed(), BODY, 1301),
        (signed(), BODY, 699), (signed().replace("t=1000", "t=1001"), BODY, 1000), ("", BODY, 1000),
        ("t=1000", BODY, 1000), ("v1=00", BODY, 1000), ("t=x,v1=00", BODY, 1000), ("t=1000,v1=é", BODY, 1000),
        (signed() + ",t=1000", BODY, 1000), (signed(body=b"no json"), b"no json", 1000),
        (signed(body=b"[]"), b"[]", 1000),
        ("t=" + "9" * 5000 + ",v1=00", BODY, 1000),
    ],
)  # fmt: skip
def test_anything_else_is_refused(header, body, now):
    with pytest.raises(InvalidSignature):
        verify_signature(SECRET, header, body, now=now)


# ---------------------------------------------------------------- the package


def test_everything_public_says_what_it_does():
    silent = []
    for path in PACKAGE.glob("*.py"):
        tree = ast.parse(path.read_text())
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in (tree, *tree.body, *(member for one in classes for member in one.body)):
            is_named = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            if is_named and not getattr(node, "name", "").startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path.name}: {getattr(node, 'name', 'its opening')}")
    assert silent == []
    assert set(labeler_client.__all__) <= set(vars(labeler_client))


def test_it_is_typed_strictly():
    pytest.importorskip("mypy")
    root = PACKAGE.parents[1]
    found = subprocess.run([sys.executable, "-m", "mypy"], cwd=root, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
