"""What changed since the last start: migrations to run, static files to collect. So a later start is quick.

Compares fingerprints of files with those of the last finished start. Knows nothing of the database's
contents: `prepare` looks at those at every start, beside the web server.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from labeler.launch.parts import CHECKOUT

# Packages that bring migrations or static files of their own, or make something of ours.
PACKAGES = ("Django", "djangorestframework", "drf-spectacular-sidecar", "whitenoise", "rjsmin", "rcssmin")


class Preparation:
    """Which commands have to run before the first page of this start."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]):
        self._path = data_dir / "run" / "prepared.json"
        versions = [f"{name} {metadata.version(name)}" for name in PACKAGES]
        static_root = Path(environment.get("LABELER_STATIC") or data_dir / "static")
        # Our own database stays the same one when its port changes.
        database = os.environ.get("DATABASE_URL") or "own"
        self._now = {
            "migrate": _fingerprint((CHECKOUT / "labeler" / "migrations").glob("*.py"), [*versions, database]),
            "collectstatic": _fingerprint(
                (path for path in (CHECKOUT / "static").rglob("*") if path.is_file()),
                [*versions, str(static_root)],
            ),
        }
        try:
            before = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            before = {}
        self._due = [name for name, fingerprint in self._now.items() if before.get(name) != fingerprint]
        if "collectstatic" not in self._due and not (static_root / "staticfiles.json").exists():
            self._due.append("collectstatic")

    @property
    def steps(self) -> list[tuple[str, list[str]]]:
        """Names and manage.py arguments of the commands to run; they may run side by side."""
        words = {"migrate": ["--no-input"], "collectstatic": ["--no-input", "--verbosity", "0"]}
        return [(name, [name, *words[name]]) for name in self._due]

    def remember(self) -> None:
        """The start got through: the next one may skip what has not changed."""
        self._path.write_text(json.dumps(self._now))


def _fingerprint(files: Iterable[Path], words: list[str]) -> str:
    digest = hashlib.sha256("\n".join(words).encode())
    for path in sorted(files):
        status = path.stat()
        digest.update(f"{path.relative_to(CHECKOUT)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
