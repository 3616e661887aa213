"""Real workers for tests: a process on the test database, with a broker database and media of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from celery import Celery
from django.conf import settings
from django.db import connection
from PIL import Image as PillowImage
from PIL import ImageDraw
from PIL.Image import Resampling

from labeler.jobs import dispatch
from labeler.launch.parts import WORKER_ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120.0  # seconds: a busy machine is no reason to fail, a hanging worker is


def wait_for(condition: Callable[[], Any], what: str = "it", seconds: float = LONGEST) -> Any:
    """The first true value of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)
    return value


def environment() -> dict[str, str]:
    """What a process needs to be a part of this test's installation."""
    at = connection.settings_dict
    login = f"{quote(at['USER'], safe='')}:{quote(at['PASSWORD'], safe='')}"
    return {
        **os.environ,
        **WORKER_ENVIRONMENT,
        "DJANGO_SETTINGS_MODULE": "labeler.settings",
        "DATABASE_URL": f"postgres://{login}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "LABELER_MEDIA": str(settings.MEDIA_DIR),
        "LABELER_MODELS": str(settings.MODELS_DIR),
        "PYTHONUNBUFFERED": "1",
    }


class Worker:
    """A Celery worker process, as the launcher starts it.

    with_torch: its main process imports all that a training needs, so that no child has to: 5 s of a core each time.
    """

    def __init__(self, queues: str, name: str, log: Path, *, with_torch: bool = False) -> None:
        self.name, self.log, self.asked = name, log, (queues, name, with_torch)
        self.said_before = 0
        words = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--loglevel", "INFO", "-c", "1"]
        words += ["--without-gossip", "--without-mingle", "-Q", queues, "-n", name]
        if queues == "gpu":
            words += ["--max-tasks-per-child", "1"]
        if with_torch:
            words += ["--include", "worker.training.train_run"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                words, env=environment(), cwd=ROOT, stdout=output, stderr=output, start_new_session=True
            )
        wait_for(lambda: self.is_shown or self.process.poll() is not None, f"the start of {name}")
        assert self.process.poll() is None, log.read_text()[-3000:]

    @property
    def is_shown(self) -> bool:
        return self.name in {worker.name for worker in dispatch.workers_alive() or []}

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """Its log, since the test began that uses it now."""
        return self.log.read_bytes()[self.said_before :].decode()

    def is_taken_over(self) -> Worker:
        """By another test: what it said until now is over."""
        self.said_before = self.log.stat().st_size
        return self

    def children(self) -> list[int]:
        """Process ids of its pool."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
        return [pid for pid, parent in pairs if parent == self.process.pid]

    def signal_children(self, number: int) -> list[int]:
        children = self.children()
        for pid in children:
            os.kill(pid, number)
        return children

    def kill(self) -> None:
        """As if its machine had gone: the main process and its children at once, and nobody sees it any more."""
        self.stop()
        dispatch.hide_worker(self.name)

    def stop(self) -> None:
        """Killed with all its children: what a test no longer asks about need not be ended in order."""
        with suppress(ProcessLookupError):  # nothing of it is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def care_now() -> None:
    """Tell a worker what beat tells it every 20 seconds: do what is due."""
    app = Celery(broker=settings.REDIS_URL, set_as_current=False)
    app.send_task("worker.tasks.care", queue="default", ignore_result=True)


class Beat:
    """The scheduler process."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "celery", "-A", "worker", "beat", "--loglevel", "INFO"]
        words += ["--schedule", str(folder / "beat-schedule"), "--pidfile", ""]
        self.log = folder / "beat.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(words, env=environment(), cwd=ROOT, stdout=output, stderr=output)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def holds_torch(pid: int) -> bool:
    """Whether a process that lives has torch's library in memory (Linux)."""
    try:
        return "libtorch" in Path(f"/proc/{pid}/maps").read_text()
    except FileNotFoundError:
        return False


COLOURS = {"cat": (200, 60, 50), "dog": (40, 90, 200), "fox": (60, 170, 70)}


def draw(kind: str, seed: int) -> bytes:
    """A JPEG that shows its class: a disc, a square or stripes, in its colour, somewhere on a ground of its own.

    On like grounds two discs are nearly duplicates, and a training compares them for seconds.
    """
    random = np.random.default_rng(seed)
    patches = PillowImage.fromarray(random.integers(40, 220, (9, 12, 3), np.uint8))
    smooth = np.asarray(patches.resize((400, 300), Resampling.BICUBIC), np.int16)
    ground = smooth + random.integers(-25, 25, (300, 400, 3))
    image = PillowImage.fromarray(ground.clip(0, 255).astype(np.uint8))
    brush = ImageDraw.Draw(image)
    x, y, r = (int(v) for v in (random.integers(100, 300), random.integers(90, 210), random.integers(50, 85)))
    if kind == "cat":
        brush.ellipse((x - r, y - r, x + r, y + r), COLOURS[kind])
    elif kind == "dog":
        brush.rectangle((x - r, y - r, x + r, y + r), COLOURS[kind])
    else:
        for k in range(-r, r, 16):
            brush.line((x + k, y - r, x + k, y + r), COLOURS[kind], 8)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()
