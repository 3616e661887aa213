"""CSV: the long table, one row per current judgement, with the image's consensus and prediction beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labeler.models import Project
from labeler.releases.contents import Contents, read, snapshot
from labeler.releases.text import classes, csv_chunks

MEDIA_TYPE = "text/csv; charset=utf-8"
EXTENSION = "csv"
COLUMNS = (
    "image_id", "file_name", "sha256", "annotator", "categories", "answer", "created_at", "seconds", "prelabel_shown",
    "prelabel_categories", "prelabel_probability", "prelabel_model", "purpose", "round", "extra", "reason", "chosen_by",
    "guideline_version", "label_set_version", "consensus", "consensus_method", "consensus_confidence", "prediction",
    "prediction_probability", "prediction_model", "label_id",
)  # fmt: skip


# With the accepted: who the outcome comes from. An accepted image has a row without an annotator and without a label.
SOURCE = (
    "source", "accepted", "accepted_model", "accepted_probability", "promised_precision", "promised_confidence",
)  # fmt: skip
MODEL, PEOPLE = "model", "people"


def check(project: Project, *, accepted: bool = False) -> None:
    """Every project can be written."""


def write(project: Project, *, accepted: bool = False) -> Iterator[bytes]:
    """The file, in pieces; images without a label have no row, but for accepted ones."""
    with snapshot():
        if not accepted:
            yield from csv_chunks(
                COLUMNS, (cells for contents in read(project) for cells in _rows(contents, project.is_multi))
            )
            return
        rows = (
            cells
            for contents in read(project, accepted=True)
            for cells in [
                *([*one, PEOPLE, *[None] * (len(SOURCE) - 1)] for one in _rows(contents, project.is_multi)),
                *_accepted(contents, project.is_multi),
            ]
        )
        yield from csv_chunks((*COLUMNS, *SOURCE), rows)


def _accepted(contents: Contents, multi: bool) -> Iterator[list[Any]]:
    """The row of an image that stands by a model's word; none for others."""
    found = contents.accepted
    if found is not None:
        image = contents.image
        yield [
            image.pk, image.name, image.sha256, *[None] * (len(COLUMNS) - 3), MODEL, classes(found.names, multi=multi),
            found.model, found.probability, found.precision, found.confidence,
        ]  # fmt: skip


def _rows(contents: Contents, multi: bool) -> Iterator[list[Any]]:
    image, outcome, opinion = contents.image, contents.consensus, contents.prediction
    after = [
        classes(contents.consensus_names, multi=multi),
        outcome.method,
        outcome.confidence,
        classes(opinion.categories, multi=multi) if opinion else None,
        opinion.probability if opinion else None,
        opinion.model if opinion else None,
    ]
    for label in contents.labels:
        shown = label.shown
        yield [
            image.pk, image.name, image.sha256, label.annotator, classes(label.categories, multi=multi), label.answer,
            label.created_at, label.seconds, shown is not None, classes(shown.categories,
            multi=multi) if shown else None,
            shown.probability if shown else None, shown.model if shown else None, label.purpose, label.round,
            label.extra,
            label.reason, label.chosen_by, label.guideline_version, label.label_set_version, *after, label.id,
        ]  # fmt: skip
