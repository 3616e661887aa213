"""What became of each file of an import: added, known already, refused; and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labeler.models import Image

MOST_REFUSALS_NAMED = 10_000  # of a job with more, the rest is only counted: they stand in one row


@dataclass(frozen=True, slots=True)
class Added:
    """The image is in the project; `image` has its id."""

    name: str
    image: Image


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same bytes are in the project already, as the image with this id."""

    name: str
    image_id: int


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """Not taken in; `reason` is a sentence."""

    name: str
    reason: str


Outcome = Added | Duplicate | RefusedFile


@dataclass(slots=True)
class ImportResult:
    """What became of many files."""

    added: int = 0
    duplicates: int = 0
    n_refused: int = 0
    refused: list[RefusedFile] = field(default_factory=list)  # the first MOST_REFUSALS_NAMED
    stopped: str = ""  # why the archive as a whole was given up, when it was; what came before is in

    @property
    def seen(self) -> int:
        return self.added + self.duplicates + self.n_refused

    def count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Added):
            self.added += 1
        elif isinstance(outcome, Duplicate):
            self.duplicates += 1
        else:
            self.n_refused += 1
            if len(self.refused) < MOST_REFUSALS_NAMED:
                self.refused.append(outcome)

    def as_json(self) -> dict[str, Any]:
        """For Job.result, the REST answer and --json."""
        refused = [{"name": file.name, "reason": file.reason} for file in self.refused]
        if self.n_refused > len(refused):
            refused.append({"name": "", "reason": f"… and {self.n_refused - len(refused):,} more files."})
        if self.stopped:
            refused.append({"name": "", "reason": self.stopped})
        return {"added": self.added, "duplicates": self.duplicates, "refused": refused}
