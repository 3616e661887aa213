"""How many cores a training takes on a CPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch

from worker.ml import device
from worker.ml.distributed import process_group, torchrun


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr(device, "LOOKS_S", 0)


def test_idle_cores_are_counted_by_what_they_did_just_now(four_cores, monkeypatch):
    readings = iter([(1_000, 9_000), (1_150, 9_200)])  # of 200 ticks of all cores 150 were idle
    monkeypatch.setattr(device, "_ticks", lambda: next(readings))

    assert device.idle_cores() == pytest.approx(3.0)


def test_a_system_that_does_not_say_is_judged_by_its_load(four_cores, monkeypatch):
    monkeypatch.setattr(device, "_ticks", lambda: None)
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0.0, 0.0))

    assert device.idle_cores() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("idle", "processes", "threads"),
    [(0.2, 1, 1), (1.4, 1, 1), (2.6, 1, 3), (64.0, 1, 8), (2.0, 2, 1), (3.0, 2, 1), (7.8, 2, 4)],
)
def test_a_training_takes_the_idle_cores_and_gives_them_back(monkeypatch, idle, processes, threads):
    before = torch.get_num_threads()
    monkeypatch.setattr(device, "idle_cores", lambda: idle)
    monkeypatch.setattr(process_group, "world", lambda: processes)
    monkeypatch.setattr(device, "MOST_THREADS", 8)

    with device.all_cores(torch.device("cpu")):
        assert torch.get_num_threads() == threads

    assert torch.get_num_threads() == before


def test_linux_says_how_long_its_cores_were_idle():
    idle, total = device._ticks()
    assert 0 < idle < total


def test_threads_of_a_worker_sleep_soon_while_they_wait_for_each_other():
    """On a core that another process uses, a thread that spins is waited for: a training took ten times as long."""
    plain = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    told = subprocess.run(
        [sys.executable, "-c", "import worker.ml.device"], env=plain | {"OMP_DISPLAY_ENV": "verbose"},
        cwd=torchrun.ROOT, capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip

    assert set(re.findall("GOMP_SPINCOUNT = .*", told)) == {"GOMP_SPINCOUNT = '1000'"}
