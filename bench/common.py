"""What measurements share: a running Labeler of their own, CPU accounting, and honest printing."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.yardstick import YARDSTICKS

ROOT = Path(__file__).resolve().parent.parent


def hardware() -> str:
    """One line: processor, cores, memory, system, Python."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = psutil.virtual_memory().total / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile by linear interpolation; `values` not empty."""
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def show(what: str, values: Sequence[float], unit: str, scale: float = 1.0, target: str = "") -> None:
    """Print median, spread and n of some readings, with the target beside them."""
    median, low, high = (quantile(values, q) * scale for q in (0.5, 0.05, 0.95))
    aim = f"   target {target}" if target else ""
    print(f"{what:<62} {median:8.2f} {unit}   p5 {low:.2f}  p95 {high:.2f}  n {len(values)}{aim}")
    if told := in_yardsticks(median, unit, YARDSTICKS.beside()):
        print(f"{'':<62} = {told}")
    sys.stdout.flush()


def in_yardsticks(figure: float, unit: str, beside: Mapping[str, float]) -> str:
    """A figure as another machine would have it: a time divided by the yardsticks' seconds, a rate times them.

    Empty for what is neither. beside: processor seconds by name.
    """
    of_second = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}.get(unit.split()[0] if unit.strip() else "")
    if of_second is not None:
        return ", ".join(f"{figure * of_second / took:.3g} yardsticks of {name}" for name, took in beside.items())
    if "/s" in unit:
        return ", ".join(f"{figure * took:.3g} in a yardstick of {name}" for name, took in beside.items())
    return ""


def show_yardsticks() -> None:
    """What the yardsticks themselves took beside the figures of one measurement: n, spread, and whether others ran."""
    for name, rows in YARDSTICKS.readings.items():
        median, low, high = (1000 * quantile([row.processor for row in rows], q) for q in (0.5, 0.05, 0.95))
        clock = 1000 * quantile([row.clock for row in rows], 0.5)
        print(
            f"yardstick of {name}: {median:.0f} ms of processor   p5 {low:.0f}  p95 {high:.0f}  n {len(rows)}; "
            f"{clock:.0f} ms by the clock"
        )


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@dataclass
class Running:
    """A Labeler in processes of its own."""

    port: int
    data: Path
    process: subprocess.Popen

    def processes(self) -> list[psutil.Process]:
        """The launcher and everything below it: web, database, broker."""
        parent = psutil.Process(self.process.pid)
        found = {p.pid: p for p in [parent, *parent.children(recursive=True)]}
        # The servers run in sessions of their own, below the launcher still; adopted ones are found by the data
        # directory.
        for p in psutil.process_iter(["cmdline"]):
            if any(str(self.data) in word for word in p.info["cmdline"] or ()):
                for q in [p, *p.children(recursive=True)]:
                    found.setdefault(q.pid, q)
        return list(found.values())

    def cpu_seconds(self) -> float:
        """User and system time of all of it so far; backends that ended are counted by their parents."""
        total = 0.0
        for p in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = p.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


@contextlib.contextmanager
def labeler(*, worker: bool = False) -> Iterator[Running]:
    """Start Labeler on a fresh data directory, wait until it answers, stop it afterwards.

    Django in this process is set up against the same database.
    """
    with tempfile.TemporaryDirectory(prefix="labeler-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        data, port = Path(folder) / "data", free_port()
        words = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--port", str(port)]
        process = subprocess.Popen(
            words + ([] if worker else ["--no-worker"]), stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("ready "):
                    break
            else:
                raise RuntimeError(f"Labeler did not start (exit code {process.wait()}).")
            os.environ["LABELER_DATA"] = str(data)
            os.environ["DJANGO_SETTINGS_MODULE"] = "labeler.settings"
            import django

            django.setup()
            from django.db import connection

            kept = ("dbname", "user", "password", "host", "port")
            YARDSTICKS.database = {
                key: value for key, value in connection.get_connection_params().items() if key in kept
            }
            YARDSTICKS.read()
            yield Running(port, data, process)
        finally:
            YARDSTICKS.database = None
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


class Client:
    """A REST client over one kept connection, as a training script or a browser would have."""

    def __init__(self, port: int, token: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded answer."""
        status, text = self.send(method, path, json.dumps(body).encode() if body is not None else None, **headers)
        return status, json.loads(text) if text else None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and answer as they come, for clocks that leave out what the client itself does."""
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def fill_project(n_images: int, *, people: int, labels_per_image: int = 2) -> tuple[Any, list[Any]]:
    """A project of `n_images` images without files, and people who may label them."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from labeler.models import Category, Membership, Project

    user_model = get_user_model()
    project = Project.objects.create(name=f"{n_images} images", labels_per_image=labels_per_image)
    for position, name in enumerate(["Rust", "Leaf spot", "Mildew", "Blight", "Healthy"]):
        Category.objects.create(project=project, name=name, position=position)
    users = []
    for number in range(people):
        user, _ = user_model.objects.get_or_create(username=f"bench{number}")
        Membership.objects.create(project=project, user=user)
        users.append(user)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO labeler_image (project_id, name, sha256, extension, width, height, n_bytes, metadata, slice,
                                       round, tally, n_votes, status, has_decision, disagreement, created_at)
            SELECT %(project)s, 'image-' || n, encode(sha256((%(project)s || ':' || n)::bytea), 'hex'),
                   'jpg', 640, 480, 1000, '{}', '', 1, '{}', 0, 'unlabeled', false, 0, now()
            FROM generate_series(1, %(n)s) n
            """,
            {"project": project.pk, "n": n_images},
        )
        cursor.execute(
            """
            INSERT INTO labeler_queueentry (image_id, project_id, round, seats, seats_left, priority, chosen_by)
            SELECT id, project_id, 1, %s, %s, random(), 'random' FROM labeler_image WHERE project_id = %s
            """,
            [labels_per_image, labels_per_image, project.pk],
        )
        for table in ("labeler_image", "labeler_queueentry"):
            cursor.execute(f"ANALYZE {table}")
    return project, users


def token_for(user: Any) -> str:
    """A REST token, through the product's own verb."""
    from labeler.accounts import tokens

    made = tokens.create_token(user=user, name="bench", scopes=["read", "label"])
    return made[1] if isinstance(made, tuple) else made.secret


def get_ahead(project: Any, user: Any, n: int) -> None:
    """Let one person have answered the `n` images that come first in the queue, as if by labeling all night."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH first AS (
                SELECT image_id FROM labeler_queueentry WHERE project_id = %(project)s
                ORDER BY priority DESC, image_id DESC LIMIT %(n)s
            ), claims AS (
                INSERT INTO labeler_claim (project_id, image_id, annotator_id, round, state, holds_seat, chosen_by,
                                           purpose, claimed_at, expires_at)
                SELECT %(project)s, image_id, %(user)s, 1, 'answered', true, 'random', 'vote', now(), now() FROM first
            )
            UPDATE labeler_queueentry e SET seats_left = seats_left - 1 FROM first WHERE e.image_id = first.image_id
            """,
            {"project": project.pk, "user": user.pk, "n": n},
        )
        for table in ("labeler_claim", "labeler_queueentry"):
            cursor.execute(f"ANALYZE {table}")


def seconds_of(call: Any) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
