"""The tests' databases: copied from one that was migrated once, and emptied quickly after tests that commit.

Migrating takes some 7 s of a core, and each of four processes needed it. Django's way of emptying a database truncates
all 42 tables and makes permissions and content types again, .3 to .9 s each of some hundred times; here only tables
that have rows are emptied.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
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
            _create(url)
            environment = {**os.environ, "DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{TEMPLATE}"))}
            words = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
            subprocess.run(words, cwd=ROOT, env=environment, check=True)
            done.touch()
    return TEMPLATE


def _create(url: str) -> None:
    plain = psycopg2.connect(url)
    try:
        plain.autocommit = True
        with plain.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
            cursor.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        plain.close()


def empty() -> list[str]:
    """Delete all rows that tests wrote; the tables that had some."""
    tables = [name for name in connection.introspection.table_names() if name not in KEPT]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables))
        filled = [name for (name,) in cursor.fetchall()]
        # Foreign keys are checked at the end of the transaction, so any order will do.
        cursor.execute("SET LOCAL labeler.purge = 'on'")
        for name in filled:
            cursor.execute(f"TRUNCATE {name}" if name == ONLY_GROWS else f"DELETE FROM {name}")
    return filled
