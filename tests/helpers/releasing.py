"""Releases for tests: asked for by the product's own verb, frozen in this process instead of by a worker."""

from __future__ import annotations

import gzip
import json
from typing import Any

from labeler.models import Release, ReleaseFile
from labeler.releases import files, frozen, releases
from worker.releases import build_job, freeze_job


def make_release(project, by=None, **asked: Any) -> Release:
    """A release whose job has ended, frozen or not."""
    release = releases.request(project=project, by=by, **asked)
    return freeze_now(release)


def freeze_now(release: Release) -> Release:
    assert release.job is not None
    freeze_job(release.job.pk, worker="test@here")
    return Release.objects.select_related("job", "project").get(pk=release.pk)


def make_file(release: Release, format_: str, **wanted: Any) -> tuple[ReleaseFile, bytes]:
    """A file that is there, and its bytes."""
    row = files.ask(release, format_, by=None, **wanted)
    if not files.is_there(row):
        assert row.job is not None
        build_job(row.job.pk, worker="test@here")
        row = ReleaseFile.objects.select_related("job").get(pk=row.pk)
        assert row.job is not None and row.job.error is None, row.job and row.job.error
    return row, files.path_of(row).read_bytes()


def frozen_bytes(release: Release) -> bytes:
    return frozen.path_of(release.pk, release.checksum).read_bytes()


def frozen_lines(release: Release) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(frozen_bytes(release)).splitlines()]


def sides(release: Release) -> dict[int, str]:
    """The split of each image."""
    return {line["image"]["pk"]: line["split"] for line in frozen_lines(release)}
