"""The tests' databases: copied from one that was migrated once, and emptied quickly after tests that commit.

Migrating takes some 3 s of a core, and each of four processes needed it. Django's way of emptying a database truncates
all 42 tables and makes permissions and content types again, .3 to .9 s each of some hundred times; here only tables
that have rows are emptied, and nobody asks of each row that goes whether another refers to it: on busy cores these
questions took .08 s each time.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.db import connection, transaction

TEMPLATE = "labeler_template"
# What migrations put there, and no test changes.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# Its trigger refuses DELETE always; nothing refers to it.
ONLY_GROWS = "labeler_auditevent"
ROOT = Path(__file__).resolve().parents[2]


def template(data_dir: Path, url: str) -> str:
    """The name of a migrated database on the server of `url`; the first process that asks makes it, others wait."""
    with (data_dir / "template.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = data_dir / "template.done"
        if not done.exists():
            _create(url, TEMPLATE)
            environment = {**os.environ, "DATABASE_URL": _address(url, TEMPLATE)}
            words = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
            subprocess.run(words, cwd=ROOT, env=environment, check=True)
            done.touch()
    return TEMPLATE


def another(name: str) -> str:
    """The address of a database of this name, new, on the tests' own server: a copy of the migrated one.

    On a server that others started it is empty: nothing is known of templates there.
    """
    url = os.environ["DATABASE_URL"]
    folder = os.environ.get("LABELER_TESTS_SERVERS")
    _create(url, name, f"TEMPLATE {template(Path(folder), url)}" if folder else "")
    return _address(url, name)


def _address(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _create(url: str, name: str, like: str = "") -> None:
    plain = psycopg2.connect(url)
    try:
        plain.autocommit = True
        with plain.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} {like}")
    finally:
        plain.close()


def empty() -> list[str]:
    """Delete all rows that tests wrote; the tables that had some."""
    tables = [name for name in connection.introspection.table_names() if name not in KEPT]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables))
        filled = [name for (name,) in cursor.fetchall()]
        # As a replica, PostgreSQL runs no triggers. On a server that others started we may not be allowed to say so.
        cursor.execute(
            "SELECT set_config('session_replication_role', 'replica', true)"
            " WHERE has_parameter_privilege('session_replication_role', 'SET')"
        )
        replica = bool(cursor.rowcount)
        # Foreign keys are checked at the end of the transaction, if at all, so any order will do.
        cursor.execute("SET LOCAL labeler.purge = 'on'")
        for name in filled:
            cursor.execute(f"TRUNCATE {name}" if name == ONLY_GROWS and not replica else f"DELETE FROM {name}")
    return filled


def wait_until_the_database_is_quiet(seconds: float = 10) -> None:
    """Until no other connection of the test's database has worked for a quarter of a second."""
    end = monotonic() + seconds
    busy = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND (state <> 'idle' OR state_change > now() - interval '250 ms')"""
    while monotonic() < end:
        sleep(0.1)  # also the time a last request takes from a browser to the server
        with connection.cursor() as cursor:
            cursor.execute(busy)
            if cursor.fetchone()[0] == 0:
                return


def end_other_sessions(seconds: float = 5) -> None:
    """Wait until nobody else is connected to the test's database; after `seconds`, end the sessions that are left.

    PostgreSQL drops no database that somebody is connected to. A thread of the live server keeps its connection as long
    as a browser holds on to it, and the session of a process that a test has killed stands until its statement ends:
    on a loaded machine both outlast the last test.
    """
    end = monotonic() + seconds
    # Sessions of the server itself, such as autovacuum's, end by themselves when the database is dropped.
    others = """FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend' AND usename = current_user"""
    with connection.cursor() as cursor:
        while monotonic() < end:
            cursor.execute(f"SELECT count(*) {others}")
            if cursor.fetchone()[0] == 0:
                return
            sleep(0.1)
        cursor.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
