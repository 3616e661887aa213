"""`make install`: torch first and alone, then the locks; nothing when nothing changed; a sentence when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# Stands in for .venv/bin/python: notes what pip was asked for, and has torch once pip was asked for it.
PRETENDING = """#!/bin/sh
case "$*" in
*"-m pip install"* | *"-m compileall"*) echo "$*" >> "$(dirname "$0")/asked" ;;
*"-m pip check"*) echo "No broken requirements found." ;;
*torch.txt*) grep -q "torch.txt" "$(dirname "$0")/asked" 2>/dev/null ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


@pytest.fixture
def asked(checkout: Path) -> Path:
    """What pip was asked for, one line per call; the checkout has a pretending interpreter."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PRETENDING)
    python.chmod(0o755)
    return python.with_name("asked")


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        ["make", *words], cwd=checkout, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_torch_comes_first_and_alone_from_its_own_index(checkout, asked):
    ran = make(checkout, "install", "TORCH_INDEX=https://download.pytorch.org/whl/cpu")

    assert ran.returncode == 0, ran.stderr
    torch, runtime, compiling = asked.read_text().splitlines()
    assert "--index-url https://download.pytorch.org/whl/cpu -r requirements/torch.txt" in torch
    assert "runtime.lock" not in torch
    # The constraint keeps torch as it is; its index serves nothing else.
    assert "-r requirements/runtime.lock -c requirements/torch.txt" in runtime
    assert "--index-url" not in runtime
    assert all("--only-binary=:all:" in line for line in (torch, runtime))
    # pip would compile with one core, the packages' tests too.
    assert all("--no-compile" in line for line in (torch, runtime)) and "compileall -q -j 0" in compiling


def test_a_second_install_asks_pip_for_nothing_until_a_lock_changes(checkout, asked):
    make(checkout, "install")
    asked.write_text("torch.txt\n")

    assert make(checkout, "install").stdout == ""
    assert asked.read_text() == "torch.txt\n"

    with (checkout / "requirements" / "runtime.lock").open("a") as lock:
        lock.write("another==1.0\n")
    make(checkout, "install")
    assert [line for line in asked.read_text().splitlines() if "install" in line] == [
        "-m pip install --quiet --no-compile --only-binary=:all: -r requirements/runtime.lock -c requirements/torch.txt"
    ]


def test_without_a_python_that_will_do_it_says_which_one_it_wants(checkout):
    refused = make(checkout, "install", "PYTHON=/bin/false")

    assert refused.returncode != 0
    assert "No Python 3.11 or newer with the venv module was found (PYTHON=/bin/false)" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_torch_is_pinned_to_one_version_and_in_no_lock():
    pinned = (ROOT / "requirements" / "torch.txt").read_text().strip()
    assert pinned.startswith("torch==")
    assert f'"{pinned}"' in (ROOT / "pyproject.toml").read_text()
    for lock in ("runtime", "dev"):
        lines = (ROOT / "requirements" / f"{lock}.lock").read_text().splitlines()[1:]
        assert all("==" in line for line in lines)
        assert not [line for line in lines if line.startswith(("torch", "nvidia", "triton"))]
