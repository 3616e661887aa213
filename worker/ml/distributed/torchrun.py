"""Train on several GPUs of one machine: start torchrun, hand it the labels, pass its progress on.

Knows processes and a folder between them. How they divide the work is process_group.py; what they run is learner_of().
By hand, on a folder that write_job() made:

    python -m torch.distributed.run --standalone --nproc-per-node 4 -m worker.ml.distributed.torchrun FOLDER

torchrun and each of its processes have sessions of their own, so no signal to the worker reaches them. The worker holds
a lock in the folder instead, which the kernel frees however the worker ends, and each process looks whether it is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.detection import train as detection
from worker.ml.detection.samples import DrawnSet
from worker.ml.detection.train import DrawnResult
from worker.ml.device import settle_process
from worker.ml.distributed import process_group
from worker.ml.errors import ModelError
from worker.ml.images.pixels import Squares
from worker.ml.segmentation import run as segmentation
from worker.ml.training.run import Progress, TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import Result, train, wants_pixels

LOOK_SECONDS = 0.2
ORPHAN_SECONDS = 1.0  # at most, that a process goes on after its worker has died or stopped waiting
END_SECONDS = 10.0  # that torchrun may take to end, once its processes do
FOLDER = "labeler-train-"
ROOT = Path(__file__).resolve().parents[3]
JOB, EVENTS, LOG, LOCK = "job.pickle", "events.pickle", "log.txt", "worker.lock"


def processes_for(samples: TrainingSet | DrawnSet, config: TrainConfig, device: torch.device) -> int:
    """In how many processes a run is trained: one per GPU; of classes, where a network is trained and its images are
    decoded."""
    if device.type != "cuda":
        return 1
    if isinstance(samples, TrainingSet) and (samples.squares is None or not wants_pixels(config, len(samples))):
        return 1
    return torch.cuda.device_count()


def learner_of(samples: TrainingSet | DrawnSet) -> Callable[..., Iterator[Any]]:
    """What learns from them, in this process: a generator of Progress and at last a Result or DrawnResult."""
    if isinstance(samples, TrainingSet):
        return train
    return segmentation.train if samples.task == "semantic" else detection.train


def train_in_processes(
    samples: TrainingSet | DrawnSet, config: TrainConfig, *, processes: int, on: str = "cuda",
    state_dir: Path | None = None,
) -> Iterator[Any]:  # fmt: skip
    """As learner_of(samples), in so many processes; on "cuda", each with a GPU of its own, or on "cpu".

    samples: with squares; drawn ones with sources that can be pickled, as each process reads them. Stop iterating to
    cancel. Raises what the learner raises, and RuntimeError with the last lines of the log when a process ends without
    a result.
    """
    forget_abandoned()
    # Errors while cleaning up: a process that has not ended yet wrote another line. The next run removes the rest.
    with tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True) as name:  # nobody else may read it
        folder = Path(name)
        with contextlib.ExitStack() as held:
            held.callback(os.close, hold(folder))
            write_job(folder, samples, config, state_dir)
            process = _start(folder, processes, on)
            try:
                yield from _events(folder, process)
            finally:
                held.close()  # the processes end by themselves, also where torchrun hangs and is killed
                _end(process)


def _start(folder: Path, processes: int, on: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "0"]
    command += ["--nproc-per-node", str(processes), "-m", "worker.ml.distributed.torchrun", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LABELER_RANKS_ON": on}
    with (folder / LOG).open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def hold(folder: Path) -> int:
    """A descriptor of the folder's lock, which is held until it is closed or this process ends, by SIGKILL too.

    Python closes it in the programs that this process starts: one that had it would hold the lock on.
    """
    # Locked before it has its name: a lock that is found free is one of a worker that is gone.
    unnamed = folder / f"{LOCK}.new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(folder / LOCK)
    return lock


def end_with_worker(folder: Path) -> None:
    """From now on this process ends at once when nobody holds the folder's lock. Nothing happens without a lock.

    Its worker is dead, or has lost the lease: the next attempt writes into the same state_dir.
    """
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return  # started by hand

    def watch() -> None:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(ORPHAN_SECONDS)
            else:
                os._exit(1)  # no exception: the main thread may wait for another process, in a library

    threading.Thread(target=watch, name="end_with_worker", daemon=True).start()


def forget_abandoned() -> None:
    """Remove the folders of workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDONLY)
        except OSError:
            continue  # another user's, or just being made
        with contextlib.suppress(OSError):  # it is held
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_job(folder: Path, samples: TrainingSet | DrawnSet, config: TrainConfig, state_dir: Path | None) -> None:
    """What the processes need. Decoded images stay where they are and are mapped by each of them."""
    if isinstance(samples, TrainingSet):
        assert samples.squares is not None, "images are decoded before a run is divided"
        samples = replace(samples, sources=None)
    job = {"samples": samples, "config": config.to_json(), "state_dir": state_dir}
    (folder / JOB).write_bytes(pickle.dumps(job))


def _events(folder: Path, process: subprocess.Popen[bytes]) -> Iterator[Progress | Result | DrawnResult]:
    at, path = 0, folder / EVENTS
    while True:
        over = process.poll() is not None  # before looking: what it wrote last is there then
        with (path if path.exists() else Path(os.devnull)).open("rb") as file:
            file.seek(at)
            while True:
                try:
                    event: Any = pickle.load(file)  # noqa: S301  (written by our own process into our own folder)
                except (EOFError, pickle.UnpicklingError):
                    break  # nothing more, or half of it
                at = file.tell()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Result | DrawnResult):
                    return
        if over:
            lines = (folder / LOG).read_text(errors="replace").splitlines()
            raise RuntimeError("Training in several processes ended without a result: " + " | ".join(lines[-5:]))
        time.sleep(LOOK_SECONDS)


def main(name: str) -> None:
    """What each of torchrun's processes does. The first one says what happens."""
    folder = Path(name)
    end_with_worker(folder)  # before it waits for the others
    settle_process()
    device = process_group.join()
    job = pickle.loads((folder / JOB).read_bytes())  # noqa: S301
    config = read_settings(job["config"])
    say = (folder / EVENTS).open("wb") if process_group.rank() == 0 else None

    def tell(event: Any) -> None:
        if say is not None:
            say.write(pickle.dumps(event))
            say.flush()

    try:
        samples = with_sources(job["samples"])
        for event in learner_of(samples)(samples, config, device=device, state_dir=job["state_dir"]):
            tell(event)
    except ModelError as problem:
        tell(problem)
    finally:
        if say is not None:
            say.close()
        process_group.leave()


def with_sources(samples: TrainingSet | DrawnSet) -> TrainingSet | DrawnSet:
    """The images are the squares: train() looks at them only where there are sources."""
    if isinstance(samples, DrawnSet):
        return samples
    squares = samples.squares
    assert isinstance(squares, Squares)
    return replace(samples, sources=[partial(_square, squares, at) for at in range(len(squares))])


def _square(squares: Squares, at: int) -> NDArray[np.uint8]:
    return squares[at : at + 1][0]


if __name__ == "__main__":
    main(sys.argv[1])
