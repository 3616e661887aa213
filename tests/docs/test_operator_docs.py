"""The operator's page names every environment variable and every command there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operator.md").read_text()
READS = re.compile(r"""(?:environ(?:\.get\(|\[)|env_(?:bool|int|list)\()\s*["']([A-Z_]+)["']""")
OF_THE_SYSTEM = {"PATH", "DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER"}


def variables() -> list[str]:
    """Every environment variable that the code reads by name."""
    found = set()
    for folder in ("labeler", "api", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(READS.findall(path.read_text()))
    return sorted(found - OF_THE_SYSTEM)


def commands() -> list[str]:
    folder = ROOT / "labeler" / "management" / "commands"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("variable", variables())
def test_every_environment_variable_is_explained(variable):
    assert f"`{variable}`" in PAGE


@pytest.mark.parametrize("command", commands())
def test_every_command_is_explained(command):
    assert re.search(rf"`{command}[ `]", PAGE)


def test_every_path_that_the_notice_names_exists():
    text = (ROOT / "NOTICE").read_text()
    named = re.findall(r"(?<![\w/:.-])(?:[\w.-]+/)+(?:[\w-]+\.\w+)?", re.sub(r"https?://\S+", "", text))
    assert {"tests/helpers/vendor/", "static/"} <= set(named)
    assert [path for path in named if not (ROOT / path).exists() and not path.startswith("api/docs")] == []
