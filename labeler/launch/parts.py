"""The child processes of `up`: command line, environment and log of web server, workers and beat.

Knows how each is started; supervisor.py knows when.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
MANAGE = CHECKOUT / "manage.py"
GUNICORN_CONF = CHECKOUT / "labeler" / "launch" / "gunicorn_conf.py"
EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104  (recognised here, never the default)

# Page faults took up to two thirds of the training time with glibc's defaults: it gave the memory
# of each batch back to the system and took it again.
WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "2000000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "OMP_NUM_THREADS": "1",
    # Asked to stop, a worker puts unfinished messages back instead of waiting for a training to end.
    "REMAP_SIGTERM": "SIGQUIT",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for."""

    data_dir: Path
    port: int = 8000
    host: str = "127.0.0.1"
    demo: bool = False
    worker: bool = True


@dataclass(slots=True)
class ChildProcess:
    """A child process. grace: seconds between the request to stop and the kill."""

    name: str
    argv: list[str]
    log: Path
    env: Mapping[str, str]
    grace: float
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    restart_at: float | None = None  # when to start it again; None: it runs

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None


def environment_for(
    options: Options, database_url: str | None, redis_url: str | None, secret_key: str | None
) -> dict[str, str]:
    """The environment of every child. What the person set goes before what the launcher made."""
    own = {
        "DATABASE_URL": database_url or "",
        "REDIS_URL": redis_url or "",
        "SECRET_KEY": secret_key or "",
        "ALLOWED_HOSTS": ",".join(names_of(options.host)),
        "DJANGO_SETTINGS_MODULE": "labeler.settings",
    }
    given = {name: os.environ[name] for name in own if os.environ.get(name)}
    return {**os.environ, **own, **given, "LABELER_DATA": str(options.data_dir), "PYTHONUNBUFFERED": "1"}


def web_part(options: Options, environment: Mapping[str, str], listener: socket.socket) -> ChildProcess:
    """gunicorn on a socket that is open already: its restart refuses no connection."""
    count = max(2, min(os.cpu_count() or 1, 4))
    argv = [sys.executable, "-m", "gunicorn", "--config", str(GUNICORN_CONF), "labeler.wsgi:application"]
    argv += ["--bind", f"fd://{listener.fileno()}", "--workers", str(count), "--log-level", "warning"]
    if sys.platform == "linux":
        # Imported once and shared: 15 of 118 MB less for two processes, and half the CPU at a start.
        # Not on macOS, whose frameworks (numpy's Accelerate) do not survive a fork.
        argv.append("--preload")
    log = options.data_dir / "logs" / "web.log"
    return ChildProcess("web", argv, log, environment, grace=15, pass_fds=(listener.fileno(),))


def worker_parts(options: Options, environment: Mapping[str, str]) -> list[ChildProcess]:
    """The workers of short jobs, of trainings and of single answers, and the clock; none with --no-worker."""
    if not options.worker:
        return []
    logs = options.data_dir / "logs"
    celery = [sys.executable, "-m", "celery", "-A", "worker"]
    # Lower priority: training and imports take what people's clicks leave.
    work = ["nice", "-n", "10", *celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    # Two processes: while one imports for an hour, the other looks after lost work.
    default = [*work, "-Q", "default", "-c", "2", "-n", "default@%h"]
    # A fresh process for each task: the memory of a training goes back to the system.
    gpu = [*work, "-Q", "gpu", "-c", "1", "--max-tasks-per-child", "1", "-n", "gpu@%h"]
    # One process that keeps the model in use loaded, at normal priority: somebody waits for its answers.
    serve = [*work[3:], "-Q", "serve", "-c", "1", "-n", "serve@%h"]
    schedule = str(options.data_dir / "run" / "beat-schedule")
    beat = [*celery, "beat", "--loglevel", "INFO", "--schedule", schedule, "--pidfile", ""]
    for_workers = {**environment, **WORKER_ENVIRONMENT}
    return [
        ChildProcess("worker", default, logs / "worker.log", for_workers, grace=10),
        ChildProcess("gpu worker", gpu, logs / "gpu-worker.log", for_workers, grace=10),
        ChildProcess("serving worker", serve, logs / "serving-worker.log", for_workers, grace=10),
        ChildProcess("beat", beat, logs / "beat.log", environment, grace=5),
    ]


def reachable_host(host: str) -> str:
    """Where this machine itself reaches a server that listens on `host`."""
    if host in EVERYWHERE:
        return "::1" if host == "::" else "127.0.0.1"
    return host


def names_of(host: str) -> list[str]:
    """The host names a browser may use for a server on `host`; never "*", which invites forged links."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if host in {"127.0.0.1", "localhost", "::1"}:
        return names
    if host not in EVERYWHERE:
        return [*names, f"[{host}]" if ":" in host else host]
    machine = socket.gethostname()
    names += [machine, f"{machine}.local", socket.getfqdn()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks which of our addresses leads outside
            names.append(probe.getsockname()[0])
        except OSError:
            return list(dict.fromkeys(names))  # no network: the names alone
    return list(dict.fromkeys(names))
