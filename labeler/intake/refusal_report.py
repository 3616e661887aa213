"""Every refused row of an import as a CSV beside the uploads: all of them, with what can be done about each.

The row of the job names the first some thousand only. Written anew by each attempt, so that it ends like one that was
not killed.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from labeler.intake.advice import advice_for
from labeler.intake.formats.cells import cell
from labeler.intake.outcomes import Refusal

REPORTS = "reports"  # below MEDIA_DIR
HEADER = ("row", "name", "reason", "advice", "object")


def path_of(job_id: int) -> Path:
    return Path(settings.MEDIA_DIR, REPORTS, f"import-{job_id}.csv")


def forget(job_id: int) -> None:
    """Delete the report of an import, where there is one."""
    path_of(job_id).unlink(missing_ok=True)


class RefusalReport:
    """`with RefusalReport(job.pk) as report: report(refusal)`. Where nothing is refused, there is no file."""

    def __init__(self, job_id: int) -> None:
        self._path = path_of(job_id)
        self._file: IO[str] | None = None
        self._table: Any = None
        self._path.unlink(missing_ok=True)

    def __call__(self, refusal: Refusal) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8", errors="replace", newline="")
            self._table = csv.writer(self._file)
            self._table.writerow(HEADER)
        cells = (refusal.row, refusal.name, refusal.reason, advice_for(refusal.reason), refusal.object)
        self._table.writerow([cell(value) for value in cells])

    def __enter__(self) -> RefusalReport:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._file is not None:
            self._file.close()
