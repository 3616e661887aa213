"""Training in several processes ends where one process ends: here two on the CPU, as on two GPUs."""

import contextlib
import fcntl
import gc
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from labeler.train_settings import Augmentation, TrainConfig
from labeler.train_settings.settings import Drawing
from tests.helpers.drawn_scenes import landscapes, scenes
from tests.helpers.ml_data import drawn_images
from worker.ml.candidates import finetune, trainable
from worker.ml.detection import canvas as canvases
from worker.ml.detection import detector, fit
from worker.ml.detection.train import DrawnResult
from worker.ml.distributed import process_group, torchrun
from worker.ml.errors import TooFewLabels
from worker.ml.evaluation.objects import ap50
from worker.ml.images.pixels import PixelStore, Squares
from worker.ml.images.tensors import augment
from worker.ml.networks import backbones, features
from worker.ml.training.run import Progress, TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import Result, train

pytestmark = pytest.mark.worker

CPU = torch.device("cpu")
N = 30
# dropout and noise are drawn by each process for its own images: without them both ways must agree
SETTINGS = {
    "candidates": ["frozen", "finetuned", "scratch"], "image_size": 64, "folds": 2, "time_limit_s": 3600,
    "augmentation": {"noise": 0},
    "finetune": {"min_labels": 20, "epochs": 2, "first_stage": 16, "views": 0, "batch": 9, "dropout": 0},
    "scratch": {"min_labels": 20, "epochs": 2, "size": 32},
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spread")
    images, classes = drawn_images(N)
    paths = [folder / f"{k}.jpg" for k in range(N)]
    for path, content in zip(paths, images, strict=True):
        path.write_bytes(content)
    store = PixelStore(folder / "kept")
    keys = [path.stem for path in paths]
    for _ in store.fill(keys, paths):
        pass
    parts = features.embed(images, backbones.EFFICIENTNET_LITE0, CPU, size=64)
    found = np.concatenate([part.features for part in parts])
    return TrainingSet(found, classes, ["disc", "cross", "stripes"], sources=paths, squares=Squares(store, keys))


def test_two_processes_end_where_one_ends(samples):
    config = read_settings(SETTINGS)
    *_, one = train(samples, config, device=CPU)
    *events, two = torchrun.train_in_processes(samples, config, processes=2, on="cpu")

    assert isinstance(two, Result)
    assert {event.stage for event in events} >= {"frozen", "finetune", "scratch", "refit"}
    assert all(isinstance(event, Progress) for event in events)
    assert [row["tried"] for row in two.comparison] == [True, True, True]
    assert two.candidate == one.candidate
    for name in ("frozen", "finetuned", "scratch"):
        np.testing.assert_allclose(two.out_of_fold_of[name], one.out_of_fold_of[name], atol=2e-3)
    assert two.weights.keys() == one.weights.keys()
    for name, tensor in one.weights.items():
        torch.testing.assert_close(two.weights[name], tensor, atol=2e-3, rtol=2e-3)


LONG = SETTINGS | {"candidates": ["frozen", "finetuned"]}
LONG["finetune"] = {"min_labels": 20, "epochs": 500, "patience": 500, "first_stage": 12, "views": 0, "batch": 9}
WORKER = """
import pickle, sys
from worker.ml.distributed import torchrun
samples, config, state_dir = pickle.loads(open(sys.argv[1], "rb").read())
for event in torchrun.train_in_processes(samples, config, processes=2, on="cpu", state_dir=state_dir):
    print(event.stage, flush=True)
"""


def alive(folder):
    """Ids of torchrun and its processes: their command names a job below this folder."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{folder}/{torchrun.FOLDER}".encode() in command.read_bytes():
                found.append(int(command.parent.name))
    return found


def all_end(folder, seconds=90):
    """Whether nobody works for this folder any more; kills those who do, so that no test leaves them behind."""
    until = time.monotonic() + seconds
    while (left := alive(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


linux = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found in /proc")


@linux
def test_processes_end_with_the_worker_that_started_them(samples, tmp_path, temporary):
    job = tmp_path / "job"
    job.write_bytes(pickle.dumps((samples, read_settings(LONG), tmp_path / "state")))
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(job)], cwd=torchrun.ROOT, stdout=subprocess.PIPE)
    try:
        assert worker.stdout.readline() == b"frozen\n"
        assert len(alive(temporary)) == 3  # torchrun and two
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
        ended = all_end(temporary)
    assert ended

    [left] = temporary.glob(f"{torchrun.FOLDER}*")
    torchrun.forget_abandoned()
    assert not left.exists()


@linux
def test_processes_end_with_a_cancelled_run_also_when_torchrun_hangs(samples, temporary, monkeypatch):
    monkeypatch.setattr(torchrun, "END_SECONDS", 2, raising=False)
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(torchrun.subprocess, "Popen", Recorded)
    events = torchrun.train_in_processes(samples, read_settings(LONG), processes=2, on="cpu")
    try:
        assert next(events).stage == "frozen"
        assert len(alive(temporary)) == 3
        os.kill(started[0].pid, signal.SIGSTOP)
    finally:
        events.close()
        ended = all_end(temporary)
    assert ended
    assert started[0].returncode == -signal.SIGKILL


def test_folders_of_killed_workers_are_removed_and_no_others(temporary):
    abandoned, held, being_made, foreign = (
        temporary / name
        for name in (f"{torchrun.FOLDER}a", f"{torchrun.FOLDER}b", f"{torchrun.FOLDER}c", "another-programs")
    )
    for folder in (abandoned, held, being_made, foreign):
        folder.mkdir()
    os.close(torchrun.hold(abandoned))
    (abandoned / torchrun.EVENTS).write_bytes(b"half")
    lock = torchrun.hold(held)

    torchrun.forget_abandoned()
    assert sorted(temporary.iterdir()) == sorted([held, being_made, foreign])

    os.close(lock)
    torchrun.forget_abandoned()
    assert not held.exists()


def test_no_program_that_the_worker_starts_holds_its_lock_on(temporary):
    lock = torchrun.hold(temporary)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    other = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], **pipes, close_fds=False)
    try:
        assert other.stdout.readline() == b"\n"  # it is that program now, and not still a copy of this one
        os.close(lock)
        with (temporary / torchrun.LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises BlockingIOError where somebody holds it
    finally:
        other.communicate(b"\n")


class Ended:
    """A launcher that is over."""

    def poll(self):
        return 1


def test_what_the_first_process_raised_is_raised_here_and_a_silent_end_is_told_with_its_log(tmp_path):
    (tmp_path / torchrun.LOG).write_text("one\nNCCL said no\n")
    with pytest.raises(RuntimeError, match="NCCL said no"):
        list(torchrun._events(tmp_path, Ended()))
    said = [Progress("frozen", "x", 0, 1, 0.0), TooFewLabels(2, 20)]
    half = pickle.dumps(said[0])[:10]
    (tmp_path / torchrun.EVENTS).write_bytes(b"".join(map(pickle.dumps, said)) + half)
    events = torchrun._events(tmp_path, Ended())
    assert next(events) == said[0]
    with pytest.raises(TooFewLabels, match="20"):
        next(events)


def test_parts_of_a_batch_are_varied_as_in_the_whole():
    pixels = torch.randint(0, 256, (7, 32, 32, 3), dtype=torch.uint8)
    how = Augmentation(noise=0)
    whole = augment(pixels, 24, how, torch.Generator().manual_seed(1))
    parts = [
        augment(pixels[part], 24, how, torch.Generator().manual_seed(1), of=(7, part))
        for part in (slice(0, 3), slice(3, 7))
    ]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_every_image_of_a_batch_has_one_process(monkeypatch):
    monkeypatch.setattr(process_group, "world", lambda: 4)
    for n in (1, 3, 4, 32):
        taken = []
        for rank in range(4):
            monkeypatch.setattr(process_group, "rank", lambda rank=rank: rank)
            taken += list(range(n))[process_group.share(n)]
        assert taken == list(range(n))


class Logits(trainable.Trainable):
    """One layer on small images, or one for which there is no memory."""

    def __init__(self, *, fits=True):
        super().__init__()
        self.fc, self.fits = torch.nn.Linear(3 * 8 * 8, 4), fits

    def forward(self, x):
        if not self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.fc(x.flatten(1))


def one_step(tail, views, generator):
    recipe = finetune.Recipe("single", 1, 2, 1e-3, 0.0, 0.0, 3, 0)
    return finetune._step(
        tail, finetune.Labeled(views, torch.eye(4), torch.ones(4)), torch.arange(2), generator, recipe, CPU
    )


@pytest.mark.parametrize("noise", [0, 0.02])
def test_processes_without_an_image_of_a_batch_shuffle_as_the_others_do(monkeypatch, noise):
    class Drawn:
        cut = 0

        def varied(self, indices, generator, part=slice(None)):
            pixels = torch.zeros(len(indices[part]), 8, 8, 3, dtype=torch.uint8)
            return augment(pixels, 8, Augmentation(noise=noise), generator, of=(len(indices), part))

    monkeypatch.setattr(process_group, "world", lambda: 4)  # of a batch of two images
    monkeypatch.setattr(process_group, "add_up", lambda numbers, device: list(numbers))
    monkeypatch.setattr(process_group, "add_gradients", lambda parameters: None)
    tails, orders = [], []
    for rank in range(4):
        monkeypatch.setattr(process_group, "rank", lambda rank=rank: rank)
        generator = torch.Generator().manual_seed(0)
        tails.append(Logits())
        one_step(tails[-1], Drawn(), generator)
        orders.append(torch.randperm(8, generator=generator).tolist())

    assert [tail.fc.weight.grad is None for tail in tails] == [True, False, True, False]  # who had an image
    assert orders == [orders[0]] * 4


@pytest.mark.parametrize("processes", [1, 2])
def test_what_did_not_fit_into_memory_is_gone_before_the_next_try(monkeypatch, processes):
    monkeypatch.setattr(process_group, "world", lambda: processes)
    monkeypatch.setattr(process_group, "rank", lambda: 0)
    monkeypatch.setattr(process_group, "add_up", lambda numbers, device: list(numbers))
    made = []

    class Zeros:
        cut = 0

        def varied(self, indices, generator, part=slice(None)):
            x = torch.zeros(len(indices[part]), 3, 8, 8)
            made.append(weakref.ref(x))
            return x

    gc.disable()  # it would come sometime, and a GPU's memory does not wait for it
    try:
        with contextlib.suppress(MemoryError, torch.OutOfMemoryError):
            one_step(Logits(fits=False), Zeros(), torch.Generator())
        assert [x() for x in made] == [None]
    finally:
        gc.enable()


def test_memory_that_is_short_in_another_process_halves_the_batch_here_too(monkeypatch):
    """The second of two processes, as seen by the first: it says that it was short."""
    sizes = []
    monkeypatch.setattr(process_group, "world", lambda: 2)
    monkeypatch.setattr(process_group, "rank", lambda: 0)
    monkeypatch.setattr(process_group, "add_gradients", lambda parameters: None)

    def add_up(numbers, device):
        short = len(numbers) == 3 and sizes[-1] > 2
        return [*numbers[:-1], numbers[-1] + short] if len(numbers) == 3 else list(numbers)

    monkeypatch.setattr(process_group, "add_up", add_up)

    class Linear(trainable.Trainable):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 2)

        def forward(self, x):
            sizes.append(len(x))
            return self.fc(x)

        def state(self):
            return {k: v.clone() for k, v in self.state_dict().items()}

        def load_state(self, state):
            self.load_state_dict(state)

    class Rows:
        cut, x = 0, torch.randn(16, 3)

        def plain(self, indices):
            return self.x[indices]

        def varied(self, indices, generator, part=slice(None)):
            return self.x[indices[part]]

    recipe = finetune.Recipe("single", 1, 16, 1e-3, 0.0, 0.0, 3, 0)
    nothing = np.empty(0, np.int64)
    everything = np.arange(16)
    known = finetune.Labeled(Rows(), torch.eye(2)[torch.arange(16) % 2], torch.ones(16))
    *_, end = finetune.fit(Linear(), known, (everything, nothing, nothing), recipe, CPU)
    assert end.batch == 4
    assert sizes[:3] == [8, 4, 2]


# ---------------------------------------------------------------- models that draw

DRAWN = """
import sys, torch
from labeler.train_settings import TrainConfig
from labeler.train_settings.settings import Drawing
from tests.helpers.drawn_scenes import scenes
from worker.ml.detection import train as training
from worker.ml.distributed import process_group

device = process_group.join()
training.MOST_EPOCHS, training.FEWEST_STEPS = 6, 10
config = TrainConfig(drawing=Drawing(candidates=("heatmap", "two_stage"), size=160), time_limit_s=3600.0)
*_, result = training.train(scenes(24, task="masks"), config, device=device)
torch.save((result.weights, result.recipe, result.comparison), f"{sys.argv[1]}/{process_group.rank()}.pt")
process_group.leave()
"""


def test_two_processes_learn_one_detector_from_parts_of_each_batch(tmp_path):
    script = tmp_path / "drawn.py"
    script.write_text(DRAWN)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(torchrun.ROOT), "LABELER_RANKS_ON": "cpu", "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(script), str(tmp_path)], check=True, cwd=torchrun.ROOT, env=environment, timeout=240)

    (one, recipe, rows), (other, _, other_rows) = (
        torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in (0, 1)
    )
    assert [row["ap50"] for row in rows] == [row["ap50"] for row in other_rows]
    assert [row["settings"]["steps"] for row in rows] == [row["settings"]["steps"] for row in other_rows]
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), f"{name} differs between the two"
    test = scenes(12, task="masks", seed=5)
    finder = detector.from_parts(one, recipe, "efficientnet_lite0", CPU)
    found = [said for _, said in finder.find(test.sources, test.sizes)]
    assert ap50(test.drawn, found, 2, test.sizes) > 0.5


def test_memory_that_is_short_in_one_process_ends_a_step_in_all(monkeypatch):
    """Otherwise the others would wait for its gradients until the end of their patience."""
    samples = scenes(4)
    canvas = canvases.choose(samples, "cpu", 160)
    *_, (_, pixels, _) = canvases.read_all(canvas, samples)
    backbone = backbones.EFFICIENTNET_LITE0
    data = fit.data_of(samples, canvas, pixels, backbone.offset, backbone.scale)
    parameters = [torch.nn.Parameter(torch.zeros(2))]
    told = []

    def losses(network, data, chosen, how, rng, device):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fit, "_losses", losses)
    monkeypatch.setattr(process_group, "world", lambda: 2)
    monkeypatch.setattr(process_group, "rank", lambda: 1)
    monkeypatch.setattr(process_group, "add_up", lambda numbers, device: told.append(list(numbers)) or list(numbers))
    with pytest.raises(MemoryError, match="of a process"):
        fit._gradients(None, parameters, data, np.arange(4), Augmentation(), np.random.default_rng(0), CPU)
    assert told == [[0, 0, 0, 0, 1]]


def test_a_segmenter_is_learned_in_two_processes_from_files(tmp_path):
    samples = landscapes(20)
    paths = [tmp_path / f"{k}.png" for k in range(len(samples))]
    for path, source in zip(paths, samples.sources, strict=True):
        Image.fromarray(source).save(path)
    config = TrainConfig(drawing=Drawing(pixel_candidates=("unet",), size=96), time_limit_s=3.0)

    *events, result = torchrun.train_in_processes(replace(samples, sources=paths), config, processes=2, on="cpu")

    assert isinstance(result, DrawnResult)
    assert {event.stage for event in events} >= {"decode", "finetune", "refit"}
    assert all(isinstance(event, Progress) for event in events)
    assert (result.candidate, result.task) == ("unet", "semantic")
    assert result.comparison[0]["miou"] > 0.5


@pytest.mark.parametrize(("device", "n"), [("cuda", 4), ("cpu", 1)])
def test_a_model_that_draws_is_trained_on_every_gpu(monkeypatch, device, n):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert torchrun.processes_for(scenes(2), TrainConfig(), torch.device(device)) == n
