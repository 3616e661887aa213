"""Decode many image files in processes of their own, into the slots of one file.

A decoder that dies is replaced, and no image is blamed for it. Knows files and processes, not what pixels are for.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from worker.ml.errors import DecodersDied, DiskFull

ROOT = Path(__file__).resolve().parents[3]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (the file has a name that nobody else has)


class _Decoder:
    """A process that decodes (python -m worker.ml.images.decoder): started when it is asked, and anew after it has
    died.

    One thread asks; another may end it meanwhile, and then it is not started again.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._over = False
        self.died = ""  # the way the last one ended

    def ask(self, slot: int, path: Path | None) -> str | None:
        """Why it cannot be read, "" when it is decoded; None when the process died of it, or was ended."""
        with self._lock:
            if self._over:
                return None
            if self._process is None:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
                )
            process = self._process
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):  # a broken pipe: it has died
            process.stdin.write(json.dumps([slot, path and str(path)]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line.endswith("\n"):
                return str(json.loads(line))
        self._reap()
        return None

    def end(self) -> None:
        """Stop what it is at: who asks is told None."""
        with self._lock:
            self._over = True
            if self._process is not None:
                self._process.kill()

    def _reap(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not written goes nowhere
                pipe.close()  # type: ignore[union-attr]
        self.died = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit status {code}"

    def close(self) -> None:
        """When nobody asks any more."""
        self.end()
        self._reap()


def decoded_into(file: Path, paths: Sequence[Path], side: int, processes: int) -> Iterator[tuple[int, str]]:
    """Decode images into the slots of a raw file; yields (slot, "" or why it cannot be read) as they are done.

    In processes of their own, each of which takes the next image when it has finished one: decoding is most of the
    work beside a GPU, and a process that holds a CUDA context, or serves Celery, may not fork. One that dies is
    replaced. An image is to blame when two died of it, and a third reads an image of its own into the same slot; when
    that one dies, too, DecodersDied is raised. Stopping the iteration stops them.
    """
    todo = iter(enumerate(paths))
    lock = threading.Lock()
    command = [sys.executable, "-m", "worker.ml.images.decoder", str(file), str(len(paths)), str(side)]
    decoders = [_Decoder(command) for _ in range(max(1, min(processes, len(paths))))]
    answers: list[tuple[int, str]] = []
    problems: list[Exception] = []
    news = threading.Condition()
    running = len(decoders)

    def judged(decoder: _Decoder, slot: int, path: Path) -> str:
        for _ in range(2):
            if (reason := decoder.ask(slot, path)) is not None:
                return reason
        if decoder.ask(slot, None) is None:
            raise DecodersDied(
                f"The programs that read images end ({decoder.died}), also on an image that is fine: perhaps the "
                "worker is short of memory, or of room for temporary files."
            )
        return "The file stopped the program that reads it."

    def serve(decoder: _Decoder) -> None:
        nonlocal running
        try:
            while True:
                with lock:
                    slot, path = next(todo, (None, None))
                if slot is None or path is None:
                    break
                reason = judged(decoder, slot, path)
                with news:
                    answers.append((slot, reason))
                    news.notify()
        except Exception as error:  # raised by the consumer: a thread's own traceback is lost
            with news:
                problems.append(error)
        finally:
            with news:
                running -= 1
                news.notify()

    threads = [threading.Thread(target=serve, args=(decoder,), daemon=True) for decoder in decoders]
    for thread in threads:
        thread.start()
    try:
        over = False
        while not over:
            with news:
                news.wait_for(lambda: answers or problems or not running)
                ready, answers[:] = answers[:], []
                over = not running
            yield from ready
            if problems:
                raise problems[0]
    finally:
        with lock:
            for _ in todo:
                pass
        for decoder in decoders:
            decoder.end()
        for thread in threads:
            thread.join()
        for decoder in decoders:
            decoder.close()


@contextlib.contextmanager
def room_beside_memory(n: int) -> Iterator[Path]:
    """A file of n bytes that several processes write into and that is gone afterwards: in memory where there is room.

    It has no name where the system lets a child open it without one (Linux), so that a process killed meanwhile
    leaves nothing behind: in memory that would be gone until the next start of the machine. In a container /dev/shm
    has 64 MB unless more is asked for. Raises DiskFull when there is no room at all.
    """
    for folder in (SHARED_MEMORY, Path(tempfile.gettempdir())):
        if not folder.is_dir() or shutil.disk_usage(folder).free <= n:
            continue
        with tempfile.NamedTemporaryFile(dir=folder, prefix="labeler-", delete=False) as file:
            name, opened = Path(file.name), Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
            try:
                if nameless := opened.exists():
                    name.unlink()
                try:
                    reserve(file.fileno(), n)
                except DiskFull:
                    continue  # somebody else was quicker
                yield opened if nameless else name
                return
            finally:
                name.unlink(missing_ok=True)
    raise DiskFull(
        f"Reading images takes {n / 1e9:.1f} GB of room for a while, in /dev/shm or in the temporary folder."
    )


def reserve(handle: int, n: int) -> None:
    """Give an open file n bytes that are there. Raises DiskFull when they are not.

    A process that writes into memory mapped from a file whose room is only promised, as truncate() does, is killed
    (SIGBUS) when the disk is full.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, n)
        else:  # macOS has none
            for start in range(0, n, 1 << 20):
                os.pwrite(handle, bytes(min(1 << 20, n - start)), start)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no room for {n / 1e9:.1f} GB of decoded images.") from error
        raise


def processes_for(device_type: str) -> int:
    """How many decode: beside a GPU all cores but one; on a CPU the core that computes is the one that decodes."""
    return max(1, min(cores() - 1, 32)) if device_type == "cuda" else 1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
