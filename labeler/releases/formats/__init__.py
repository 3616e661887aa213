"""One module per format: MEDIA_TYPE, EXTENSION, check(data), which raises NotPossibleNow, and write(data), which yields
the file in pieces. All know a DataSet and nothing of projects."""

from __future__ import annotations

from types import ModuleType

from labeler.releases.formats import csv_table, imagefolder, json_lines

WRITERS: dict[str, ModuleType] = {"csv": csv_table, "jsonl": json_lines, "imagefolder": imagefolder}
