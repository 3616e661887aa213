"""Write requirements/runtime.lock and dev.lock from what is installed: every package, with its exact version.

Run it in an environment where `make install` and `make test` have worked with newer packages:
    .venv/bin/python scripts/lock.py
torch is not in the locks: scripts/install.sh installs it first and alone (requirements/torch.txt), because which build
it is depends on the machine. Its portable dependencies are; those of CUDA builds (nvidia-*, triton) are not.
"""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PLATFORM_BOUND = ("torch", "triton", "nvidia-", "cuda-")

# Where Labeler runs: a package that only some of these need keeps the marker of whoever asks for it.
PYTHONS = ("3.11.2", "3.11.9", "3.12.4", "3.13.1", "3.14.0")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
ENVIRONMENTS = [
    {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": system,
        "platform_system": name,
        "platform_machine": machine,
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "implementation_version": python,
        "extra": "",
    }
    for python in PYTHONS
    for system, name, machine in PLATFORMS
]


def closure(wanted: list[str]) -> dict[str, tuple[str, str | None]]:
    """Name -> (version, marker or None) of everything the requirements in `wanted` bring, here and elsewhere."""
    found: dict[str, tuple[str, str | None]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [(Requirement(line), None) for line in wanted]
    while queue:
        requirement, inherited = queue.pop()
        name = canonicalize_name(requirement.name)
        marker = inherited
        if requirement.marker is not None:
            where = [env for env in ENVIRONMENTS if requirement.marker.evaluate(env)]
            if not where:
                continue
            if len(where) < len(ENVIRONMENTS):
                marker = str(requirement.marker)
        if name.startswith(PLATFORM_BOUND) and name != "torch":
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            version = KNOWN_ELSEWHERE.get(name)
            if version is None:
                sys.exit(f"{name} ({marker}) is needed on another platform: add its version to KNOWN_ELSEWHERE.")
            found[name] = (version, marker)
            continue
        if name in found and found[name][1] != marker:
            marker = None  # asked for twice, under different conditions: take it everywhere
        found[name] = (distribution.version.partition("+")[0], marker)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        for line in distribution.requires or []:
            child = Requirement(line)
            texts = str(child.marker) if child.marker else ""
            if "extra" in texts:
                if not any(
                    child.marker.evaluate({**env, "extra": extra})
                    for extra in requirement.extras
                    for env in ENVIRONMENTS
                ):
                    continue
                child.marker = None
            queue.append((child, marker))
    return found


# Not installed where the locks are written, because only another Python or system needs them.
KNOWN_ELSEWHERE = {"async-timeout": "5.0.1"}


def write(path: Path, title: str, packages: dict[str, tuple[str, str | None]]) -> None:
    lines = [f"# {title} Written by scripts/lock.py; edit pyproject.toml instead."]
    for name, (version, marker) in sorted(packages.items()):
        lines.append(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(packages)} packages")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = closure(project["project"]["dependencies"])
    runtime.pop("torch")
    development = closure(project["dependency-groups"]["dev"])
    for name in runtime:
        development.pop(name, None)
    write(ROOT / "requirements" / "runtime.lock", "What running Labeler needs, torch apart.", runtime)
    write(ROOT / "requirements" / "dev.lock", "What the tests and checks need besides.", development)


if __name__ == "__main__":
    main()
