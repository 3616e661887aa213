"""What a training costs: seconds, and the energy of the processor and the GPU. Measured where it can be read.

RAPL counts what a whole processor package took, other programs included; Linux lets mostly root read it. NVML counts
what a whole GPU took. Where neither answers, the energy is an estimate: seconds of work times assumed watts, and said
to be one. Knows counters, no run.
"""

from __future__ import annotations

import ctypes
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

POWERCAP = Path("/sys/class/powercap")
# Assumed where nothing can be measured: one busy core of a server or laptop with its share of memory and fans, and a
# data-centre GPU at work. Both within a factor of two of most machines.
WATTS_PER_CORE = 12.0
WATTS_PER_GPU = 300.0
JOULES_PER_KWH = 3.6e6


class Meter:
    """Begins to count when it is made."""

    def __init__(self, device: torch.device, powercap: Path = POWERCAP) -> None:
        self._device = device
        self._packages = [] if device.type == "mps" else packages(powercap)
        self._package_joules = [package.joules() for package in self._packages]
        self._gpu_joules = [gpu_joules(gpu) for gpu in self._gpus()]
        self._began, self._cpu_began = time.monotonic(), cpu_seconds()

    def _gpus(self) -> list[torch.device]:
        """This one, and the others that it may be joined by."""
        if self._device.type != "cuda":
            return []
        own = self._device.index or 0
        others = [at for at in range(torch.cuda.device_count()) if at != own]
        return [torch.device("cuda", at) for at in (own, *others)]

    def read(self, *, n_gpus: int = 1) -> dict[str, Any]:
        """Since it was made: seconds, cpu_seconds, and joules by part with how they are known (measured, estimated).

        cpu_seconds: of this process and of those that it started and that have ended. n_gpus: how many took part.
        """
        seconds, cpu = time.monotonic() - self._began, cpu_seconds() - self._cpu_began
        parts = [self._processor(cpu)]
        if self._device.type == "cuda":
            parts.append(self._gpu(seconds, n_gpus))
        return {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "kwh": round(sum(part["joules"] for part in parts) / JOULES_PER_KWH, 9),
            "parts": parts,
        }

    def _processor(self, cpu_seconds: float) -> dict[str, Any]:
        now = [package.joules() for package in self._packages]
        spent = [
            package.between(before, after)
            for package, before, after in zip(self._packages, self._package_joules, now, strict=True)
            if before is not None and after is not None
        ]
        if spent and len(spent) == len(now):
            return {"part": "processor", "joules": round(sum(spent), 3), "how": "measured", "by": "RAPL"}
        joules = cpu_seconds * WATTS_PER_CORE
        return {"part": "processor", "joules": round(joules, 3), "how": "estimated", "watts_per_core": WATTS_PER_CORE}

    def _gpu(self, seconds: float, n: int) -> dict[str, Any]:
        now = [gpu_joules(gpu) for gpu in self._gpus()[:n]]
        spent = [
            after - before
            for before, after in zip(self._gpu_joules, now, strict=False)
            if before is not None and after is not None
        ]
        if spent and len(spent) == n:
            return {"part": "gpu", "joules": round(sum(spent), 3), "how": "measured", "by": "NVML"}
        watts = n * WATTS_PER_GPU
        return {"part": "gpu", "joules": round(seconds * watts, 3), "how": "estimated", "watts": watts}


class Bill:
    """What each attempt at a run took: the earlier ones as they were last read, and this one as it goes."""

    def __init__(self, device: torch.device, earlier: Sequence[Mapping[str, Any]]) -> None:
        self._meter, self._earlier = Meter(device), list(earlier)
        self.n_gpus = 1  # that take part in this attempt

    def readings(self) -> list[Mapping[str, Any]]:
        """To be kept with the run every few seconds: of an attempt that is killed there is nothing else."""
        return [*self._earlier, self._meter.read(n_gpus=self.n_gpus)]


def together(readings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of what some attempts took, as Meter.read gives it, with how many there are: attempts_counted.

    What was measured and what was estimated stay parts of their own.
    """
    parts: list[dict[str, Any]] = []
    for part in (part for reading in readings for part in reading["parts"]):
        same = (known for known in parts if known | {"joules": 0} == part | {"joules": 0})
        if known := next(same, None):
            known["joules"] = round(known["joules"] + part["joules"], 3)
        else:
            parts.append(dict(part))
    return {
        "seconds": round(sum(reading["seconds"] for reading in readings), 1),
        "cpu_seconds": round(sum(reading["cpu_seconds"] for reading in readings), 1),
        "kwh": round(sum(reading["kwh"] for reading in readings), 9),
        "parts": parts,
        "attempts_counted": len(readings),
    }


def cpu_seconds() -> float:
    """What this process has taken of the processor, and what those took that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@dataclass(frozen=True, slots=True)
class Package:
    """One processor package's counter of energy."""

    folder: Path
    range_joules: float  # where it begins at 0 again

    def joules(self) -> float | None:
        """None where it may not be read."""
        return _microjoules(self.folder / "energy_uj")

    def between(self, before: float, after: float) -> float:
        return after - before if after >= before else after - before + self.range_joules


def packages(powercap: Path) -> list[Package]:
    """The packages whose counter can be read; their parts (intel-rapl:0:1) are counted in them."""
    found = []
    for folder in sorted(powercap.glob("intel-rapl:*")):
        largest = _microjoules(folder / "max_energy_range_uj")
        if folder.name.count(":") == 1 and largest is not None and _microjoules(folder / "energy_uj") is not None:
            found.append(Package(folder, largest))
    return found


def _microjoules(path: Path) -> float | None:
    try:
        return int(path.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def gpu_joules(device: torch.device) -> float | None:
    """What the GPU has taken since its driver was loaded; None for other devices, and where NVML does not say."""
    if device.type != "cuda":
        return None
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    uuid = str(torch.cuda.get_device_properties(device).uuid)
    name = (uuid if uuid.startswith("GPU-") else f"GPU-{uuid}").encode()
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        if nvml.nvmlDeviceGetHandleByUUID(ctypes.c_char_p(name), ctypes.byref(handle)) != 0:
            return None
        if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)) != 0:
            return None  # before Volta
        return millijoules.value / 1000
    finally:
        nvml.nvmlShutdown()
