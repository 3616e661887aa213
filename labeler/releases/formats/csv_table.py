"""CSV: the long table, one row per current judgement, with the image's consensus and prediction beside it.

What a reviewer decided on an image that nobody labeled has a row without an annotator: else it would be lost here.
state keeps verified none, cannot_tell, tie and undecidable apart; unlabeled images have no row. With shares of the
votes it is the flat table instead, a row per image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import classes, csv_chunks
from labeler.releases.contents import MODEL, Contents, Judgement
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import flat_table
from labeler.releases.formats.answers import answer_of, objects_text

FILE = ("text/csv; charset=utf-8", "csv")
TITLE = gettext_lazy("CSV")
TEXT = gettext_lazy("One row per judgement: image, annotator, time, classes, what was shown, outcome.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)
COLUMNS = (
    "image_id", "file_name", "sha256", "annotator", "categories", "answer", "created_at", "seconds", "prelabel_shown",
    "prelabel_categories", "prelabel_probability", "prelabel_model", "purpose", "round", "extra", "reason", "chosen_by",
    "guideline_version", "label_set_version", "consensus", "consensus_method", "consensus_confidence", "prediction",
    "prediction_probability", "prediction_model", "label_id", "import", "informed", "source",
)  # fmt: skip
# With what stands by a model's word alone: such an image has a row without an annotator and without a label.
ACCEPTED = ("accepted", "accepted_model", "accepted_probability", "promised_precision", "promised_confidence")
_JUDGED = COLUMNS.index("consensus") - COLUMNS.index("annotator")  # columns of a judgement before the outcome
DECISION = "decision"


def write(data: DataSet) -> Iterator[bytes]:
    """The file, in pieces; images without a label have no row, but for decided ones and those by a model's word."""
    if data.wanted.labels == SOFT:
        flat = (row for contents in data.rows() for row in flat_table.rows(contents, data, joined=True))
        yield from csv_chunks(flat_table.columns(data), flat)
        return
    accepted = data.wanted.accepted
    named = lru_cache(maxsize=10_000)(partial(classes, multi=data.is_multi))
    rows = (cells for contents in data.rows() for cells in _rows(contents, named, data))
    header = (*COLUMNS, *(ACCEPTED if accepted else ()), "state", *(("split",) if data.is_split else ()))
    header += ("objects", "consensus_objects", "prelabel_deleted") if data.draws else ()
    yield from csv_chunks(header, rows)


def _rows(contents: Contents, named: Any, data: DataSet) -> Iterator[tuple[Any, ...]]:
    image, outcome, opinion, by_model = contents.image, contents.outcome, contents.prediction, contents.by_model
    before = (image.pk, image.name, image.sha256)
    said = (named(opinion.categories), opinion.probability, opinion.model) if opinion else (None, None, None)
    after = (named(contents.names), outcome.method, outcome.confidence, *said)
    state = answer_of(contents).state
    split = (contents.split,) if data.is_split else ()
    nothing = (*((None,) * len(ACCEPTED) if data.wanted.accepted else ()), state, *split)
    agreed = (objects_text(contents.objects),) if data.draws else ()
    for label in contents.labels:
        drawn = (objects_text(label.objects), *agreed, _deleted(label)) if data.draws else ()
        shown = label.shown
        saw = (True, named(shown.categories), shown.probability, shown.model) if shown else (False, None, None, None)
        yield (
            *before, label.annotator, named(label.categories), label.answer, label.created_at, label.seconds, *saw,
            label.purpose, label.round, label.extra, label.reason, label.chosen_by, label.guideline_version,
            label.label_set_version, *after, label.id, label.import_id, label.informed, label.source, *nothing, *drawn,
        )  # fmt: skip
    if not contents.labels and contents.decision:
        drawn = (None, *agreed, None) if data.draws else ()
        yield *before, *(None,) * _JUDGED, *after, *(None,) * 3, DECISION, *nothing, *drawn
    if by_model is not None:
        empty = (None,) * (_JUDGED + len(after) + 3)
        none = (None, None, None) if data.draws else ()
        yield *before, *empty, MODEL, named(by_model.categories), *by_model[1:], state, *split, *none


def _deleted(label: Judgement) -> str | None:
    """Numbers of the pre-label's objects that the person took away; None where no objects were shown."""
    return json.dumps(label.deleted) if label.objects is not None and label.shown else None
