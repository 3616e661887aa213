"""The long table of GET /api/projects/{id}/labels/: one row per judgement, superseded ones included on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from labeler.intake.formats.cells import classes, csv_chunks
from labeler.label_set import categories as label_set
from labeler.labeling import object_rows, objects
from labeler.models import Label, Project
from labeler.releases.contents import PROVENANCE, snapshot

COLUMNS = (
    "id", "image", "file_name", "annotator", "categories", "answer", "created_at", "seconds", "prelabel_shown",
    *PROVENANCE, "import", "informed",
)  # fmt: skip


def row(project: Project, label: Label, *, history: bool = False) -> dict[str, Any]:
    """One label as plain values. Its image and annotator should be loaded; `history` adds superseded_at."""
    values = {
        "id": label.pk,
        "image": label.image_id,
        "file_name": label.image.name,
        "annotator": label.annotator.get_username(),
        "categories": label_set.index(project).label(label.categories),
        "category_ids": label.categories,
        "answer": label.answer,
        "created_at": label.created_at,
        "seconds": label.seconds,
        "prelabel_shown": label.shown_prediction_id is not None,
        **{name: getattr(label, name) for name in PROVENANCE},
        "import": label.source_import_id,
        "informed": label.informed,
    }
    if history:
        values["superseded_at"] = label.superseded_at
    return values


def add_objects(project: Project, labels: Sequence[Label], rows: Sequence[dict[str, Any]]) -> None:
    """Add the drawn objects to rows of these labels. One query."""
    drawn = object_rows.read([label.pk for label in labels])
    names = label_set.index(project).names
    for label, values in zip(labels, rows, strict=True):
        values["objects"] = objects.as_sent(drawn[label.pk], names)
        values["deleted"] = (label.value or {}).get("deleted", [])


def csv_lines(project: Project, labels: QuerySet[Label], *, history: bool = False) -> Iterator[bytes]:
    """The whole table as CSV, in pieces, from one snapshot."""
    columns = (*COLUMNS, "superseded_at") if history else COLUMNS
    with snapshot():
        rows = labels.select_related("image", "annotator").order_by("id").iterator(chunk_size=1000)
        yield from csv_chunks(columns, (_cells(project, label, columns, history) for label in rows))


def _cells(project: Project, label: Label, columns: tuple[str, ...], history: bool) -> list[Any]:
    values = row(project, label, history=history)
    values["categories"] = classes(values["categories"], multi=project.is_multi)
    return [values[name] for name in columns]
