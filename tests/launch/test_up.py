"""`manage.py up` from outside: first and later starts, kills of every part, each refusal as one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from labeler.launch import embedded, processes
from tests.helpers import databases
from tests.helpers.installation import Up, manage, wait_for

pytestmark = pytest.mark.worker

PARTS = ["PostgreSQL", "Valkey", "web", "worker", "gpu worker", "serving worker", "beat"]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="labeler-up-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def started(place: Path) -> Iterator[list[Up]]:
    """The running `up` in a list of one, so that a test may replace it."""
    ups = [Up(place / "data")]
    yield ups
    ups[0].stop()


@pytest.fixture
def up(started: list[Up]) -> Up:
    return started[0]


def test_a_first_start_answers_and_says_how_to_log_in(up):
    password = re.search(r"Log in as admin with the password (\S+)", up.said)[1]

    link = re.search(rf"once, within 24 hours: {up.url}(login/once/\S+)$", up.said, re.M)[1]
    assert not (up.data_dir / "run" / "login-link").exists()

    assert up.get("healthz") == 200
    assert up.get(link) == 200  # the list of projects
    assert up.get(link) == 410
    assert up.token("admin", password) == 201
    assert up.token("admin", password + "x") == 401
    assert set(up.pids) == set(PARTS)


def test_a_second_start_on_the_same_data_is_refused_in_a_sentence(up):
    second = manage("up", "--data", str(up.data_dir), "--port", "0")

    assert second.returncode == 1
    assert f"Labeler already runs on {up.data_dir} (process {up.process.pid}) at {up.url}" in second.stderr
    assert "Traceback" not in second.stderr
    assert up.get("healthz") == 200


def test_a_port_that_is_taken_is_named_before_anything_is_started(up, place):
    port = up.url.rpartition(":")[2].rstrip("/")
    refused = manage("up", "--data", str(place / "other"), "--port", port)

    assert refused.returncode == 1
    assert f"Port {port} is taken by another program" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (place / "other" / "postgres").exists()


@pytest.mark.parametrize("page", ["login/", "api/docs/", "admin/login/"])
def test_pages_of_others_find_their_files_and_what_no_page_uses_was_not_collected(up, page):
    with urllib.request.urlopen(up.url + page, timeout=30) as answer:
        files = set(re.findall(r'(?:src|href)="/(static/[^"#]+)"', answer.read().decode()))

    assert len(files) >= 3 and {path: up.get(path) for path in files} == dict.fromkeys(files, 200)
    collected = up.data_dir / "static"
    assert (collected / "staticfiles.json").exists() and not (collected / "rest_framework").exists()
    assert not list(collected.rglob("redoc*"))


def test_an_account_made_beside_a_running_up_can_log_in_at_once(up):
    made = manage("create_user", "ann", "--password-stdin", "--data", str(up.data_dir), typed="orchid-kettle-42\n")

    assert made.returncode == 0, made.stderr
    assert up.token("ann", "orchid-kettle-42") == 201
    again = manage("create_user", "ann", "--password-stdin", "--data", str(up.data_dir), typed="orchid-kettle-42\n")
    assert again.returncode == 1
    assert "Traceback" not in again.stderr


def test_the_doctor_finds_a_running_labeler_healthy(up):
    asked = manage("doctor", "--json", "--data", str(up.data_dir))

    answer = json.loads(asked.stdout)
    states = {finding["name"]: finding["state"] for finding in answer["findings"]}
    assert states["database"] == states["workers"] == states["packages"] == "good", answer
    assert asked.returncode == (0 if answer["healthy"] else 1)


def test_killing_the_web_server_refuses_no_connection(up):
    before = up.pids["web"]
    os.killpg(before, signal.SIGKILL)

    # The socket stays open in `up`, so a request waits for the next web server instead of being refused.
    assert up.get("healthz") == 200
    assert up.pids["web"] != before
    assert "web ended (signal 9); starting it again" in up.said


@pytest.mark.parametrize("part", ["worker", "gpu worker", "beat", "Valkey", "PostgreSQL"])
def test_a_part_that_is_killed_starts_again(up, part):
    before = up.pids[part]
    os.kill(before, signal.SIGKILL)

    wait_for(lambda: up.pids.get(part, before) != before, seconds=30)

    assert f"{part} ended (signal 9); starting it again" in up.said
    wait_for(lambda: up.get("readyz") == 200, seconds=30)
    assert up.token("ann", "orchid-kettle-42") == 201


def test_after_a_kill_of_up_itself_the_next_start_clears_up_and_finds_everything(up, started):
    # A worker that has lost its database a moment ago may end, and be started again.
    wait_for(lambda: all(processes.began(pid) for pid in up.pids.values()), seconds=30)
    left = up.pids
    up.process.kill()
    up.process.wait()
    assert [name for name, pid in left.items() if processes.began(pid)] == list(left)

    started[0] = again = Up(up.data_dir)

    assert "The last run did not stop cleanly; ended what it left" in again.said
    assert [name for name, pid in left.items() if processes.began(pid)] == []
    assert again.token("ann", "orchid-kettle-42") == 201


def test_sigterm_stops_everything_that_was_started(up):
    left = up.pids
    connection = embedded.connection(up.data_dir)

    assert up.stop(signal.SIGTERM) == 0

    assert [name for name, pid in left.items() if processes.began(pid)] == []
    assert _still_running(up.data_dir) == []
    for url in (up.url, connection.database_url, connection.redis_url):
        port = int(re.search(r":(\d+)/", url)[1])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert json.loads((up.data_dir / "run" / "processes.json").read_text()) == {}


def _still_running(data_dir: Path) -> list[str]:
    """Command lines that name the data directory."""
    listing = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True).stdout
    return [line for line in listing.splitlines() if str(data_dir) in line]


def test_a_command_starts_the_servers_it_needs_and_stops_them(up):
    made = manage(
        "create_user",
        "bea",
        "--password-stdin",
        "--json",
        "--data",
        str(up.data_dir),
        typed="orchid-kettle-43\n",
    )

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["username"] == "bea"
    assert _still_running(up.data_dir) == []


def test_ctrl_c_stops_a_start_without_workers(up, started):
    # As a script's `&` would start it: with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        started[0] = again = Up(up.data_dir, "--no-worker")
    finally:
        signal.signal(signal.SIGINT, before)

    assert set(again.pids) == {"PostgreSQL", "Valkey", "web"}
    assert again.token("bea", "orchid-kettle-43") == 201
    assert again.stop(signal.SIGINT) == 0
    assert "Stopping …" in again.said
    assert _still_running(up.data_dir) == []


def test_with_both_addresses_given_neither_server_is_started(up):
    given = {"DATABASE_URL": databases.another("labeler_elsewhere"), "REDIS_URL": os.environ["REDIS_URL"]}
    elsewhere = Up(up.data_dir, "--no-worker", **given)
    try:
        assert set(elsewhere.pids) == {"web"}
        assert elsewhere.get("readyz") == 200
        # Another database: ann's account is not in it.
        assert elsewhere.token("ann", "orchid-kettle-42") == 401
    finally:
        assert elsewhere.stop() == 0


def test_a_start_that_cannot_succeed_is_explained(up):
    words = ["up", "--data", str(up.data_dir), "--port", "0"]
    broken = manage(*words, LABELER_STATEMENT_TIMEOUT="nonsense")

    assert broken.returncode == 1
    assert "invalid value for parameter" in broken.stderr
    assert "Traceback" not in broken.stderr.splitlines()[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; test_embedded.py tries it as another account")
def test_no_permission_is_a_sentence(place):
    closed = place / "closed"
    closed.mkdir(mode=0o500)
    refused = manage("up", "--data", str(closed / "data"), "--port", "0")

    assert refused.returncode == 1
    assert "No permission" in refused.stderr
