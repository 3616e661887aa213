"""A pytest plugin: a private PostgreSQL and Valkey for the tests, before pytest-django loads the settings.

Loaded by `-p tests.helpers.servers` (pyproject.toml). With DATABASE_URL set it starts nothing. Under xdist the
workers inherit the controller's environment and so its servers; pytest-django gives each its own database, and
`own_broker_database` one of the broker's.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from labeler.launch import embedded
from labeler.launch.postgres import OWNER, ROLE

PREFIX = "labeler-tests-"


def _remove_abandoned() -> None:
    """Clear up after test runs that were killed: their lock is free, their servers may still run."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not (directory / "run" / "lock").exists() or directory.stat().st_uid != os.geteuid():
            continue
        hold = embedded.Hold(directory)
        if hold.take("clearing up"):
            embedded.Servers(directory).ledger.end_leftovers()
            hold.free()
            shutil.rmtree(directory, ignore_errors=True)


def _start() -> None:
    _remove_abandoned()
    data_dir = Path(tempfile.mkdtemp(prefix=PREFIX))
    data_dir.chmod(0o711)  # started by root, the servers run as another account
    embedded.prepare_data_dir(data_dir)
    hold = embedded.Hold(data_dir)
    assert hold.take("tests")
    # Nothing of the tests' data outlives them, so waiting for the disk would only cost time.
    servers = embedded.Servers(data_dir, fsync=False)
    starter = os.getpid()

    def stop() -> None:
        if os.getpid() == starter:  # not in a forked child
            servers.stop()
            hold.free()
            shutil.rmtree(data_dir, ignore_errors=True)

    atexit.register(stop)
    found = servers.start()
    _allow_test_databases(servers)
    os.environ["DATABASE_URL"] = found.database_url or ""
    os.environ["REDIS_URL"] = found.redis_url or ""
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    os.environ["LABELER_DATA"] = os.environ["LABELER_TESTS_SERVERS"] = str(data_dir)


def _allow_test_databases(servers: embedded.Servers) -> None:
    """What tests do and the product's role must not: make and drop `test_labeler`, and empty it without triggers."""
    import psycopg2

    assert servers.postgres is not None
    connection = psycopg2.connect(servers.postgres.url(OWNER, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {ROLE} CREATEDB")
        cursor.execute(f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")
    connection.close()


def own_broker_database(url: str, process: str) -> str:
    """`url` with a database of the broker for one process of the tests ("gw0", …; "" when there is only one).

    Workers and messages of one process's tests must not be seen by another's, and each test begins by emptying
    its database: 0, the product's, is nobody's. A broker has 16 unless it is told otherwise.
    """
    return f"{url.rpartition('/')[0]}/{int(process.removeprefix('gw') or 0) % 15 + 1}"


if not os.environ.get("DATABASE_URL"):
    _start()
if os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = own_broker_database(os.environ["REDIS_URL"], os.environ.get("PYTEST_XDIST_WORKER", ""))
