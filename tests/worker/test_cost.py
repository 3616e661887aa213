"""What a training cost: counters where there are some, a stated estimate elsewhere; and what the model was made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from worker.training import cost, provenance
from worker.training.dataset import Example

CPU = torch.device("cpu")


def rapl(folder: Path, name: str, joules: float, range_joules: float = 1000.0) -> Path:
    package = folder / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "max_energy_range_uj").write_text(f"{int(range_joules * 1e6)}\n")
    (package / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    return package


def test_packages_are_added_and_a_counter_that_began_anew_is_no_gain(tmp_path):
    rapl(tmp_path, "intel-rapl:0", 990.0)
    rapl(tmp_path, "intel-rapl:1", 100.0)
    rapl(tmp_path, "intel-rapl:0:0", 500.0)  # a part of the first one
    meter = cost.Meter(CPU, tmp_path)
    rapl(tmp_path, "intel-rapl:0", 20.0)  # 10 up to its range of 1,000, and 20
    rapl(tmp_path, "intel-rapl:1", 106.0)
    rapl(tmp_path, "intel-rapl:0:0", 900.0)

    found = meter.read()

    assert found["parts"] == [{"part": "processor", "joules": 36.0, "how": "measured", "by": "RAPL"}]
    assert found["kwh"] == pytest.approx(36 / 3.6e6, abs=1e-9)


def test_without_a_counter_it_is_an_estimate_with_its_assumption(tmp_path):
    unreadable = rapl(tmp_path, "intel-rapl:0", 5.0)
    (unreadable / "energy_uj").unlink()
    meter = cost.Meter(CPU, tmp_path)
    sum(range(300_000))

    found = meter.read()

    (part,) = found["parts"]
    assert (part["how"], part["watts_per_core"]) == ("estimated", cost.WATTS_PER_CORE)
    assert part["joules"] == pytest.approx(found["cpu_seconds"] * cost.WATTS_PER_CORE, abs=0.1 * cost.WATTS_PER_CORE)
    assert cost.gpu_joules(CPU) is None


def test_what_other_processes_took_for_it_counts(tmp_path):
    meter = cost.Meter(CPU, tmp_path)
    busy = "import time\nwhile time.process_time() < 0.6: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)

    found = meter.read()

    assert found["cpu_seconds"] >= 0.6
    assert found["parts"][0]["joules"] >= 0.6 * cost.WATTS_PER_CORE


def test_every_gpu_that_took_part_counts(tmp_path, monkeypatch):
    taken = {0: 100.0, 1: 1000.0, 2: 5.0}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(cost, "gpu_joules", lambda device: taken[device.index])
    meter = cost.Meter(torch.device("cuda", 1), tmp_path)
    taken |= {0: 130.0, 1: 1004.0, 2: 905.0}

    assert meter.read()["parts"][1] == {"part": "gpu", "joules": 4.0, "how": "measured", "by": "NVML"}
    assert meter.read(n_gpus=2)["parts"][1]["joules"] == 34.0
    monkeypatch.setattr(cost, "gpu_joules", lambda device: None)
    assert meter.read(n_gpus=2)["parts"][1]["watts"] == 2 * cost.WATTS_PER_GPU


def test_what_several_attempts_took_is_added_and_measured_and_estimated_stay_apart(tmp_path):
    measured = {"part": "processor", "joules": 100.0, "how": "measured", "by": "RAPL"}
    estimated = {"part": "processor", "joules": 120.0, "how": "estimated", "watts_per_core": 12.0}
    first = {"seconds": 60.0, "cpu_seconds": 50.5, "kwh": 0.00005, "parts": [measured]}
    second = {"seconds": 300.0, "cpu_seconds": 10.0, "kwh": 0.00003, "parts": [estimated]}

    found = cost.together([first, second, second])

    # 60 + 300 + 300; 50.5 + 10 + 10; 100 measured, 120 + 120 estimated
    assert (found["seconds"], found["cpu_seconds"], found["attempts_counted"]) == (660.0, 70.5, 3)
    assert found["kwh"] == pytest.approx(0.00011, abs=1e-9)
    assert found["parts"] == [measured, estimated | {"joules": 240.0}]

    bill = cost.Bill(CPU, [first])
    assert [row["seconds"] for row in bill.readings()] == [60.0, pytest.approx(0, abs=5)]


def test_the_hash_of_a_training_set_is_of_its_images_and_answers_and_of_nothing_else():
    one, two = Example(1, "a" * 64, [3]), Example(2, "b" * 64, [5, 4], 0.9)
    assert provenance.hash_of([one, two]) == provenance.hash_of(
        [Example(9, "b" * 64, [4, 5]), Example(8, "a" * 64, [3])]
    )
    assert provenance.hash_of([one, two]) != provenance.hash_of([one, Example(2, "b" * 64, [4])])
    assert provenance.hash_of([one]) != provenance.hash_of([one, two])
