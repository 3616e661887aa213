"""How long a start takes, and what stands idle in memory afterwards.

The first `make run` on a bare machine, packages included, is timed by hand: `time make run`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.common import ROOT, free_port, show


def start(data: Path, port: int) -> tuple[subprocess.Popen, float]:
    """The running launcher and the seconds until it said that it answers."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--port", str(port)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            return process, time.monotonic() - begun
    raise RuntimeError(f"Labeler did not start (exit code {process.wait()}).")


def stop(process: subprocess.Popen) -> float:
    """Seconds until everything had stopped."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    return time.monotonic() - begun


def holds_torch(process: psutil.Process) -> bool:
    """Whether a process has torch's library mapped."""
    return any("libtorch" in region.path for region in process.memory_maps(grouped=True))


def memory(process: subprocess.Popen) -> None:
    """Resident memory of each kind of process after a minute's rest is over."""
    kinds = {"web": "gunicorn", "worker": "-Q default", "trainer": "-Q gpu", "serving": "-Q serve", "beat": " beat"}
    found: dict[str, list[psutil.Process]] = {name: [] for name in kinds}
    for child in psutil.Process(process.pid).children(recursive=True):
        words = " ".join(child.cmdline())
        for name, mark in kinds.items():
            if mark in words:
                found[name].append(child)
    for name, processes in found.items():
        if processes:
            show(f"idle memory of each {name} process (resident)", [p.memory_info().rss for p in processes], "MB", 1e-6,
                 "< 120" if name == "web" else "")  # fmt: skip
    torch = sum(holds_torch(p) for p in found["worker"] + found["trainer"])
    print(f"worker processes that hold torch before any training: {torch}   target 0")


def main() -> None:
    """First start on an empty data directory, five later ones, and idle memory."""
    with tempfile.TemporaryDirectory(prefix="labeler-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        data, port = Path(folder) / "data", free_port()
        process, seconds = start(data, port)
        show("first start, packages installed", [seconds], "s")
        stop(process)
        later, stops = [], []
        for _ in range(5):
            process, seconds = start(data, port)
            later.append(seconds)
            if len(later) == 5:
                time.sleep(20)
                memory(process)
            stops.append(stop(process))
        show("later start", later, "s", target="< 5")
        show("stop", stops, "s")


if __name__ == "__main__":
    main()
