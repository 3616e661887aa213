"""`doctor`: look at everything a running Labeler needs, and say what to do about what is wrong."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from labeler import dispatch, embedded
from labeler.management.base import FAILED, DataCommand

LITTLE_SPACE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. state: good, note (worth knowing) or bad (something will not work)."""

    name: str
    state: str
    text: str


def python() -> Finding:
    return Finding("python", "good", f"{platform.python_version()} on {platform.platform(terse=True)}")


def packages() -> Finding:
    """The lock file against what is installed. torch's build (+cpu, +cu…) is the machine's business."""
    lock = Path(settings.BASE_DIR) / "requirements"
    wrong = []
    for line in (lock / "torch.txt").read_text().splitlines() + (lock / "runtime.lock").read_text().splitlines():
        requirement, _, marker = line.partition(";")
        name, _, version = requirement.strip().partition("==")
        if not version or marker:
            continue
        try:
            found = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            wrong.append(f"{name} {found} (wanted {version})")
    if wrong:
        return Finding("packages", "bad", f"{', '.join(wrong)}. Run make install.")
    return Finding("packages", "good", "all at their pinned versions")


def data_directory() -> Finding:
    free = shutil.disk_usage(settings.DATA_DIR).free
    text = f"{settings.DATA_DIR}, {free / 1024**3:.1f} GB free"
    if free < LITTLE_SPACE_BYTES:
        return Finding("data directory", "bad", f"{text}: too little for imports and trainings. Free some space.")
    if not os.access(settings.DATA_DIR, os.W_OK):
        return Finding("data directory", "bad", f"{text}: not writable for this account.")
    return Finding("data directory", "good", text)


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version'), current_setting('synchronous_commit')")
            version, synchronous = cursor.fetchone()
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return Finding("database", "bad", f"does not answer: {str(error).strip().splitlines()[0]}")
    if missing:
        return Finding("database", "bad", f"{missing} migrations are missing. Start `up`, or run manage.py migrate.")
    if synchronous == "off":
        return Finding("database", "bad", f"PostgreSQL {version}; synchronous_commit is off: a crash loses labels.")
    return Finding("database", "good", f"PostgreSQL {version}, schema up to date")


def accounts() -> Finding:
    try:
        users = get_user_model().objects.filter(is_active=True)
        administrators, people = users.filter(is_superuser=True).count(), users.count()
    except DatabaseError:
        return Finding("accounts", "bad", "cannot be read (see database)")
    if administrators == 0:
        return Finding("accounts", "note", f"{people}, none of them an administrator: create_user NAME --admin")
    return Finding("accounts", "good", f"{people}, {administrators} of them administrators")


def broker_and_workers() -> Finding:
    seen = dispatch.workers_alive()
    if seen is None:
        return Finding("workers", "bad", "the broker does not answer: labeling works, imports and trainings wait.")
    missing = {"default", "gpu"} - {queue for worker in seen for queue in worker.queues}
    if not missing:
        return Finding("workers", "good", ", ".join(worker.name for worker in seen))
    if embedded.Hold(settings.DATA_DIR).holder().get("purpose") == "up" or os.environ.get("DATABASE_URL"):
        queues = ", ".join(sorted(missing))
        return Finding("workers", "bad", f"nobody serves the queue {queues}: imports or trainings wait.")
    return Finding("workers", "note", "none, because `up` is not running on this data directory")


def device() -> Finding:
    """Asked of a process of its own: this one loads no torch."""
    code = (
        "import torch; print('GPU ' + torch.cuda.get_device_name(0) if torch.cuda.is_available() else "
        "f'CPU, {torch.__version__}')"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if answer.returncode != 0:
        return Finding("torch", "bad", f"cannot be loaded: {answer.stderr.strip().splitlines()[-1]}")
    return Finding("torch", "good", answer.stdout.strip())


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    packages,
    data_directory,
    database,
    accounts,
    broker_and_workers,
    device,
)


class Command(DataCommand):
    help = "Look at packages, disk, database, broker, workers and GPU. Exit code 1: something is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for check in CHECKS:
            finding = check()
            findings.append(finding)
            mark = {"good": "✓", "note": "·", "bad": "✗"}[finding.state]
            self.say(f"{mark} {finding.name}: {finding.text}")
        healthy = all(finding.state != "bad" for finding in findings)
        self.result({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
        if not healthy:
            self.finish(FAILED)
