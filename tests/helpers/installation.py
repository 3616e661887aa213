"""A whole Labeler in processes of its own, started by `manage.py up`, for the tests that look at it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def manage(*words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=clean_environment() | environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
    )


def clean_environment() -> dict[str, str]:
    """Without what tests.helpers.servers has set: these tests start servers of their own."""
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LABELER_DATA"}
    return {name: value for name, value in os.environ.items() if name not in ours}


class Up:
    """One `up` in the foreground of a process of its own."""

    def __init__(self, data_dir: Path, *words: str, **environment: str):
        self.data_dir = data_dir
        self.output = data_dir.parent / f"output-{time.monotonic_ns()}"
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--data", str(data_dir), "--port", "0", *words],
                cwd=ROOT,
                env=clean_environment() | environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: re.search(r"^ready .*", self.said, re.M) or self.process.poll() is not None, seconds=120)
        assert self.process.poll() is None, self.said
        self.url = re.search(r"^ready (http://127\.0\.0\.1:\d+/)$", self.said, re.M)[1]

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def pids(self) -> dict[str, int]:
        recorded = json.loads((self.data_dir / "run" / "processes.json").read_text())
        return {name: pid for name, (pid, began) in recorded.items()}

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def token(self, username: str, password: str) -> int:
        """The status of asking for a token: 201 when the password is right."""
        body = json.dumps({"username": username, "password": password}).encode()
        request = urllib.request.Request(
            self.url + "api/tokens/", body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


def wait_for(happened, *, seconds: float, every: float = 0.05) -> None:
    """every: seconds between two looks; the more a look costs the server, the longer."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(every)
