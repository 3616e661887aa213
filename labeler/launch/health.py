"""Check what a running Labeler needs, for `manage.py doctor` and the page /about/.

Each finding is good, a note, or bad with what to do about it. Loads no torch: workers report its version with their
heartbeat (labeler/jobs/dispatch.py).
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import labeler
from labeler.jobs import dispatch
from labeler.launch import embedded
from labeler.models import Job, TrainingRun
from labeler.models.job import State

LITTLE_SPACE_BYTES = 2 * 1024**3
QUEUES = ("default", "gpu", "serve")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. state: good, note (worth knowing) or bad (something will not work)."""

    name: str
    state: str
    text: str


# ---------------------------------------------------------------- versions


def versions() -> dict[str, str | None]:
    """What runs here; None where nobody could be asked. torch as the workers say: this process does not load it."""
    torch = sorted({worker.torch for worker in dispatch.workers_alive() or [] if worker.torch})
    broker, of_broker = _broker()
    return {
        "Labeler": labeler.__version__,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "PostgreSQL": _postgresql(),
        broker: of_broker,
        "torch": ", ".join(torch) or None,
    }


def _postgresql() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            return str(cursor.fetchone()[0])
    except DatabaseError:
        return None


def _broker() -> tuple[str, str | None]:
    """Valkey says so itself, and gives the version of Redis it is compatible with as well."""
    found = dispatch.broker_info()
    if "valkey_version" in found:
        return "Valkey", str(found["valkey_version"])
    return "Redis", str(found["redis_version"]) if "redis_version" in found else None


# ---------------------------------------------------------------- findings


def python() -> Finding:
    here = {"version": platform.python_version(), "platform": platform.platform(terse=True)}
    return Finding("python", "good", _("%(version)s on %(platform)s") % here)


def packages() -> Finding:
    """The lock file against what is installed. torch's build (+cpu, +cu…) is the machine's business."""
    lock = Path(settings.BASE_DIR) / "requirements"
    try:
        lines = [line for name in ("torch.txt", "runtime.lock") for line in (lock / name).read_text().splitlines()]
    except FileNotFoundError:  # a container image, which was built from them
        return Finding("packages", "note", _("not compared: the list of pinned versions is not here"))
    wrong = []
    for line in lines:
        requirement, _separator, marker = line.partition(";")
        name, _separator, version = requirement.strip().partition("==")
        if not version or marker:
            continue
        try:
            found = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            found = _("missing")
        if found != version:
            wrong.append(_("%(name)s %(found)s (wanted %(version)s)") % {
                "name": name, "found": found, "version": version,
            })  # fmt: skip
    if wrong:
        return Finding("packages", "bad", _("%(list)s. Run make install.") % {"list": ", ".join(wrong)})
    return Finding("packages", "good", _("all at their pinned versions"))


def data_directory() -> Finding:
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        return Finding("data directory", "bad", f"{settings.DATA_DIR}: {error.strerror}")
    text = _("%(path)s, %(free)s GB free") % {"path": settings.DATA_DIR, "free": f"{free / 1024**3:.1f}"}
    if free < LITTLE_SPACE_BYTES:
        advice = _("%(found)s: too little for imports and trainings. Free some space.")
        return Finding("data directory", "bad", advice % {"found": text})
    if not os.access(settings.DATA_DIR, os.W_OK):
        return Finding("data directory", "bad", _("%(found)s: not writable for this account.") % {"found": text})
    return Finding("data directory", "good", text)


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version'), current_setting('synchronous_commit')")
            version, synchronous = cursor.fetchone()
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        said = str(error).strip().splitlines()[0]
        return Finding("database", "bad", _("does not answer: %(said)s") % {"said": said})
    if missing:
        advice = _("%(n)d migrations are missing. Start `up`, or run manage.py migrate.")
        return Finding("database", "bad", advice % {"n": missing})
    if synchronous == "off":
        advice = _("PostgreSQL %(version)s; synchronous_commit is off: a crash loses labels.")
        return Finding("database", "bad", advice % {"version": version})
    return Finding("database", "good", _("PostgreSQL %(version)s, schema up to date") % {"version": version})


def accounts() -> Finding:
    try:
        users = get_user_model().objects.filter(is_active=True)
        administrators, people = users.filter(is_superuser=True).count(), users.count()
    except DatabaseError:
        return Finding("accounts", "bad", _("cannot be read (see database)"))
    if administrators == 0:
        advice = _("%(n)d, none of them an administrator: create_user NAME --admin")
        return Finding("accounts", "note", advice % {"n": people})
    text = _("%(n)d, %(admins)d of them administrators") % {"n": people, "admins": administrators}
    return Finding("accounts", "good", text)


def broker_and_workers() -> Finding:
    seen = dispatch.workers_alive()
    if seen is None:
        advice = _("the broker does not answer: labeling works, imports and trainings wait.")
        return Finding("workers", "bad", advice)
    missing = set(QUEUES) - {queue for worker in seen for queue in worker.queues}
    if not missing:
        return Finding("workers", "good", ", ".join(worker.name for worker in seen))
    if embedded.Hold(settings.DATA_DIR).holder().get("purpose") == "up" or os.environ.get("DATABASE_URL"):
        advice = _("nobody serves the queue %(queues)s: imports, trainings or predictions wait.")
        return Finding("workers", "bad", advice % {"queues": ", ".join(sorted(missing))})
    return Finding("workers", "note", _("none, because `up` is not running on this data directory"))


def waiting() -> Finding:
    """Messages in the broker's queues, and rows that nobody has taken yet."""
    lengths = {queue: dispatch.queue_length(queue) for queue in QUEUES}
    try:
        rows = Job.objects.filter(state=State.QUEUED).count() + TrainingRun.objects.filter(state=State.QUEUED).count()
    except DatabaseError:
        return Finding("queues", "bad", _("cannot be read (see database)"))
    said = ", ".join(f"{queue} {_('unknown') if n is None else n}" for queue, n in lengths.items())
    work = ngettext("%(n)d piece of work waits", "%(n)d pieces of work wait", rows) % {"n": rows}
    text = _("messages: %(queues)s; %(work)s") % {"queues": said, "work": work}
    return Finding("queues", "note" if rows or None in lengths.values() else "good", text)


def backup() -> Finding:
    """Honest: Labeler cannot know what an operator copies."""
    advice = _("the last one is not known: Labeler makes none by itself. How to, in the page for operators.")
    return Finding("backup", "note", advice)


# In the order in which one depends on another.
CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    packages,
    data_directory,
    database,
    accounts,
    broker_and_workers,
    waiting,
    backup,
)
