"""Processes: start one in a session of its own, recognise it later, end it with everything it started.

A process id alone proves nothing after a crash, because numbers are used again: a record is the id
together with the moment the process began. Knows nothing of what the processes do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from labeler.launch.accounts import Account, dropping_to

LOG_LIMIT_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 3


def began(pid: int) -> str | None:
    """When process `pid` began, as an opaque text that never fits another process; None when there is none.

    Linux: ticks since boot with the boot's own id, from /proc (a bare container has no `ps`).
    Elsewhere `ps -o lstart=`. A process that ended and was not yet collected counts as gone.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    listing = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        env=small_environment(),
    )
    state, _, moment = listing.stdout.strip().partition(" ")
    return moment.strip() if moment and not state.startswith("Z") else None


def small_environment() -> dict[str, str]:
    """PATH, and plain words and times: PGDATA, PGPORT and the like of the user's shell must not reach a server."""
    return {"PATH": os.environ.get("PATH", "/bin:/usr/bin"), "LC_ALL": "C", "TZ": "UTC"}


def command_line(pid: int) -> str:
    """The words process `pid` was started with, joined by spaces; empty when it is gone."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def rotate(log: Path, limit: int = LOG_LIMIT_BYTES) -> None:
    """Move a log above `limit` bytes aside (log.1, log.2, …); only the newest few are kept."""
    if not log.exists() or log.stat().st_size <= limit:
        return
    for number in range(LOGS_KEPT, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)


def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    account: Account | None = None,
    cwd: Path | str = "/",
) -> subprocess.Popen[bytes]:
    """Start argv in its own session, its output appended to `log`; `account` is the one to drop to.

    An own session, so that Ctrl-C in the terminal reaches only the launcher, which then stops all in order.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [os.fspath(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=0o077,
            **dropping_to(account),
        )


def becomes_ready(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], seconds: float) -> bool:
    """Wait until a server says that it is ready; False when it ended or took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready():
            return True
        time.sleep(0.02)
    return False


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the session that `pid` leads; a session that is gone is no error."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        # macOS answers this for a group of which only uncollected dead are left.
        if began(pid) is not None:
            raise


def end(process: subprocess.Popen[bytes], number: int, grace: float, *, ask: bool = True) -> bool:
    """Ask `process` to end, wait up to `grace` seconds, then kill its whole session.

    ask=False: it was asked before. True when it went in time.
    """
    if ask and process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(grace)
        in_time = True
    except subprocess.TimeoutExpired:
        in_time = False
    # What the leader left behind (a killed master's children) would keep sockets and memory.
    signal_group(process.pid, signal.SIGKILL)
    process.wait()
    return in_time


def end_stranger(pid: int, mark: str, number: int, grace: float) -> None:
    """End a process that is not our child, if it still is the one that began at `mark`; then its session."""
    if began(pid) == mark:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + grace
        while began(pid) == mark and time.monotonic() < deadline:
            time.sleep(0.05)
        if began(pid) == mark:
            signal_group(pid, signal.SIGKILL)


class Ledger:
    """The processes of one data directory, on disk: so what a killed launcher leaves behind is found again.

    Written by the holder of the directory's lock only.
    """

    def __init__(self, path: Path):
        self._path = path
        try:
            self._rows: dict[str, list] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            self._rows = {}

    def end_leftovers(self, grace: float = 10) -> list[str]:
        """End every recorded process that still runs (the database gently), and return their names."""
        ended = []
        # Users of the servers first, in the reverse of the order they were started in.
        for name, (pid, mark) in reversed(list(self._rows.items())):
            if began(pid) == mark:
                ended.append(name)
                end_stranger(pid, mark, signal.SIGINT if name == "PostgreSQL" else signal.SIGTERM, grace)
                signal_group(pid, signal.SIGKILL)
        self._rows = {}
        self._write()
        return ended

    def add(self, name: str, pid: int) -> None:
        self._rows.pop(name, None)
        self._rows[name] = [pid, began(pid)]
        self._write()

    def remove(self, name: str) -> None:
        if self._rows.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        # A full disk must not keep anybody from stopping or restarting a part; the record is a help after
        # a kill of the launcher, and one that is out of date fits no process.
        with suppress(OSError):
            beside.write_text(json.dumps(self._rows))
            beside.replace(self._path)


def free_port(preferred: int | None = None, host: str = "127.0.0.1") -> int:
    """`preferred` when nobody listens there, else a port the system picks."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            # As the servers do: a port in TIME_WAIT after a restart is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AssertionError("port 0 always binds")


def tail(log: Path, lines: int = 5, since: int = 0) -> str:
    """The last lines a log received after byte `since`."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(since, log.stat().st_size - 20_000))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])
