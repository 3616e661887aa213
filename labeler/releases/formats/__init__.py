"""One module per format: MEDIA_TYPE, EXTENSION, check(project, accepted=) and write(project, accepted=), which yields
the file in pieces."""

from __future__ import annotations

from types import ModuleType

from labeler.releases.formats import csv_table, imagefolder, json_lines

WRITERS: dict[str, ModuleType] = {"csv": csv_table, "jsonl": json_lines, "imagefolder": imagefolder}
