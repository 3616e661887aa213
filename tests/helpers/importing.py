"""Files of other tools, made as their specifications say, and the import of them as a worker does it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from labeler.imports import options, run
from labeler.intake.check import Source
from labeler.intake.images import add_images, file_member
from labeler.intake.outcomes import Outcome
from labeler.jobs import jobs
from labeler.models import Job, Project
from tests.helpers.pictures import picture

TEXT = str | bytes

# One box of Pascal VOC; the number of its first pixel goes in.
VOC_ONE = (
    "<annotation><filename>a.jpg</filename><path>/etc/passwd</path><size><width>64</width><height>48</height></size>"
    "<object><name>king</name><bndbox><xmin>{0}</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
    "</annotation>"
)


def add_image(*, project: Project, name: str, source: Source, job: Job | None = None) -> Outcome:
    """Take in one image."""
    (outcome,) = add_images(project=project, members=[file_member(name, source)], job=job, threads=1)
    return outcome


def pictures(*names: str, start: int = 1) -> dict[str, bytes]:
    """Different images under these names."""
    return {name: picture(number) for number, name in enumerate(names, start=start)}


def zipped(path: Path, files: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), _bytes(content))
    return path


def tarred(path: Path, files: dict[str, Any], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(_bytes(content))
            archive.addfile(info, io.BytesIO(_bytes(content)))
    return path


def _bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def task(image: str, *choices: str, by: Any = 1, predicted: tuple[str, float] | None = None, **data: Any):
    """A task of Label Studio with one annotation, as its export has it."""
    result = [
        {"id": "a", "from_name": "choice", "to_name": "image", "type": "choices", "value": {"choices": [*choices]}}
    ]
    found: dict[str, Any] = {"id": 7, "data": {"image": image, **data}, "annotations": [], "predictions": []}
    if choices:
        found["annotations"] = [
            {"id": 3, "completed_by": by, "result": result, "was_cancelled": False, "ground_truth": False,
             "created_at": "2026-01-05T10:00:00.000000Z", "lead_time": 4.25}
        ]  # fmt: skip
    if predicted:
        value = {"choices": [predicted[0]]}
        found["predictions"] = [
            {"model_version": "resnet50-v3", "score": predicted[1],
             "result": [{"from_name": "choice", "to_name": "image", "type": "choices", "value": value}]}
        ]  # fmt: skip
    return found


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>4</id><name>n</name><labels><label><name>cat</name><type>tag</type></label></labels></task></meta>
  {images}
</annotations>
"""


def begun(project, by, path: Path | None, **params: Any) -> Job:
    """The row of an import that nobody has begun."""
    if path is not None:
        params = {"path": str(path), "name": path.name, **params}
    params |= options.check(params.get("labels_as"), params.get("new_categories"), params.get("origin"))
    return jobs.request_import(project=project, requested_by=by, params=params)


def bring_in(project, by, path: Path | None, *, job: Job | None = None, **params: Any) -> dict[str, Any]:
    """Import a file as a worker does, in this process; the result of its row."""
    job = job or begun(project, by, path, **params)

    def progress(stage, done, total, result):
        Job.objects.filter(pk=job.pk).update(result=result)

    project.refresh_from_db()
    job.project = project
    ended = run.import_file(job, path, progress=progress)
    result = ended.result | ({"asks": True} if ended.asks else {})
    Job.objects.filter(pk=job.pk).update(result=result, state="done", finished_at=job.created_at)
    return {**result, "job": job.pk}


def reasons(result: dict[str, Any]) -> list[tuple[str, Any, str]]:
    return [(one["name"], one.get("row"), one["reason"]) for one in result["refused"]]
