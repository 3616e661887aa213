"""Start and stop the PostgreSQL and the Valkey that arrive as wheels, for one data directory.

The first that needs them holds the directory's lock and starts them: `up` for as long as it runs, another
command for its own duration. Everybody else reads their addresses from a file. Imported by settings, so
only the standard library here, and the launch package only when a server is really started.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labeler.launch.postgres import Postgres
    from labeler.launch.valkey import Valkey

DEFAULT_DATA_DIR = Path(__file__).resolve().parents[2] / "var"

# Commands that start no servers: `up` does it itself, the others touch no rows.
WITHOUT_SERVERS = frozenset(
    {
        "up",
        "help",
        "version",
        "collectstatic",
        "makemigrations",
        "spectacular",
        "compilemessages",
        "makemessages",
        "startapp",
        "diffsettings",
        "findstatic",
    }
)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the servers of a data directory listen, and its secret key; None for what it does not have."""

    database_url: str | None
    redis_url: str | None
    secret_key: str | None


def connection(data_dir: Path | str) -> Connection | None:
    """The addresses the launcher wrote below `data_dir`; None before the first start."""
    try:
        written = json.loads((Path(data_dir) / "run" / "connection.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Connection(written.get("database_url"), written.get("redis_url"), written.get("secret_key"))


def data_dir_from_environment() -> Path:
    """The data directory: LABELER_DATA, or var/ beside the code."""
    return Path(os.environ.get("LABELER_DATA") or DEFAULT_DATA_DIR).expanduser().resolve()


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory and the folders in it. Raises CannotStart when that is not possible."""
    from labeler.launch.problems import explain_os_error

    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            # Root's servers run as another account: it may pass through, and list nothing.
            data_dir.chmod(0o711)
        for name, mode in (("run", 0o700), ("logs", 0o750)):
            folder = data_dir / name
            if not folder.exists():
                folder.mkdir()
                folder.chmod(mode)
        probe = data_dir / "run" / f".writable.{os.getpid()}"
        try:
            probe.write_text("x")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise explain_os_error(error, f"writing to the data directory {data_dir}") from error


class Hold:
    """The lock of a data directory: who has it runs the servers. The system frees it when the process ends."""

    def __init__(self, data_dir: Path):
        self._path = data_dir / "run" / "lock"
        self._file: IO[str] | None = None

    def take(self, purpose: str) -> bool:
        """True when the lock is ours now; False when another process has it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        self.note(purpose=purpose)
        return True

    def note(self, **facts: Any) -> None:
        """Write who holds it, for the sentence the second one reads."""
        assert self._file is not None
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        # On a full disk the servers must still be stopped: the lock is what counts, the note only explains.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file.fileno(), 0)
            os.pwrite(self._file.fileno(), text, 0)

    def holder(self) -> dict[str, Any]:
        """What the holder noted; empty when it has not come so far, or when the note is a dead one's."""
        from labeler.launch.processes import began

        try:
            noted = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return noted if began(noted["pid"]) is not None else {}

    def free(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Servers:
    """The database and the broker of one data directory; the caller holds its lock."""

    def __init__(self, data_dir: Path, *, database: bool = True, broker: bool = True, fsync: bool = True):
        """database, broker: which of the two to run; fsync=False is for tests only."""
        from labeler.launch import accounts, processes
        from labeler.launch.postgres import OWNER, ROLE, Postgres
        from labeler.launch.valkey import Valkey

        self.data_dir = data_dir
        self.ledger = processes.Ledger(data_dir / "run" / "processes.json")
        self._state_path = data_dir / "run" / "servers.json"
        state = self._state = self._read_state()
        self.home, account = accounts.server_home(data_dir)
        logs = data_dir / "logs"
        for name in ("postgres", "valkey"):
            processes.rotate(logs / f"{name}.log")
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        if database:
            passwords = {OWNER: state["owner_password"], ROLE: state["role_password"]}
            self.postgres = Postgres(
                self.home, logs / "postgres.log", account, passwords, state.get("postgres_port"), fsync
            )
        if broker:
            self.valkey = Valkey(
                self.home, logs / "valkey.log", account, state["broker_password"], state.get("valkey_port")
            )

    @property
    def own(self) -> list[Postgres | Valkey]:
        """Those that are run, in the order in which they are started."""
        return [server for server in (self.postgres, self.valkey) if server is not None]

    def _read_state(self) -> dict[str, Any]:
        try:
            return json.loads(self._state_path.read_text())
        except FileNotFoundError:
            # Written before a server is made with them: a password that is used and lost locks everybody out.
            state = {name: secrets.token_urlsafe(24) for name in ("owner_password", "role_password", "broker_password")}
            state["secret_key"] = secrets.token_urlsafe(48)
            write_private(self._state_path, json.dumps(state))
            return state

    def start(self) -> Connection:
        """Start them, note where they listen, and return it. Raises CannotStart; then none is left running."""
        from labeler.launch.problems import explain_os_error

        try:
            self.ledger.end_leftovers()
            for server in self.own:
                server.start()
                assert server.process is not None
                self.ledger.add(server.name, server.process.pid)
                self._state[f"{server.directory.name}_port"] = server.port
            write_private(self._state_path, json.dumps(self._state))
            found = Connection(
                self.postgres.url() if self.postgres else None,
                self.valkey.url() if self.valkey else None,
                self._state["secret_key"],
            )
            write_private(self.data_dir / "run" / "connection.json", json.dumps(asdict(found)))
        except OSError as error:
            self.stop()
            raise explain_os_error(error, f"writing to {self.data_dir}") from error
        except BaseException:
            self.stop()
            raise
        return found

    def stop(self) -> None:
        """Stop the broker, then the database."""
        for server in reversed(self.own):
            server.stop()
            self.ledger.remove(server.name)


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


@contextlib.contextmanager
def running(data_dir: Path, purpose: str) -> Iterator[None]:
    """The servers of `data_dir`, for the duration of the block: those that run already, or our own.

    While we use somebody else's, or somebody uses ours, a second lock (users) keeps the starter from
    stopping them: it waits for the last user.
    """
    from labeler.launch.problems import CannotStart

    prepare_data_dir(data_dir)
    hold = Hold(data_dir)
    with (data_dir / "run" / "users").open("a") as users:
        servers = None
        deadline = time.monotonic() + 90
        while True:
            if hold.take(purpose):
                servers = Servers(data_dir)
                try:
                    servers.start()
                    hold.note(purpose=purpose, servers=True)
                except BaseException:
                    hold.free()
                    raise
                break
            if hold.holder().get("servers"):
                fcntl.flock(users, fcntl.LOCK_SH)
                if hold.holder().get("servers"):
                    break
                fcntl.flock(users, fcntl.LOCK_UN)  # they were stopped while we waited
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"Another process has held {data_dir} for 90 s without starting its servers. Try again."
                )
            time.sleep(0.1)
        try:
            yield
        finally:
            if servers is not None:
                fcntl.flock(users, fcntl.LOCK_EX)
                hold.note(purpose=purpose, servers=False)
                servers.stop()
                hold.free()


@contextlib.contextmanager
def prepare_for_command(argv: list[str]) -> Iterator[None]:
    """What manage.py wraps around a command: the servers it needs, before settings load.

    Nothing for commands that touch no rows, nothing when DATABASE_URL names a server. A problem is one
    sentence on stderr and exit code 1.
    """
    command = argv[1] if len(argv) > 1 else "help"
    asks_for_help = command.startswith("-") or bool({"-h", "--help", "--version"} & set(argv[2:]))
    if asks_for_help or command in WITHOUT_SERVERS or os.environ.get("DATABASE_URL"):
        yield
        return
    from labeler.launch.problems import CannotStart

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(running(data_dir_from_environment(), command))
        except CannotStart as problem:
            print(problem, file=sys.stderr)
            raise SystemExit(1) from None
        yield
