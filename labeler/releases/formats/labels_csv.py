"""labels-csv: file_name, annotator, label, created_at, seconds, answer: what our own import of judgements reads.

One row per judgement; several classes in one cell with | between. A verified none has an empty label and answer
labeled, cannot tell has answer cannot_tell, an unlabeled image has no row. With the outcome instead of the judgements,
the annotator is "consensus", and "model 7" where an image stands by that model's word alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import classes, csv_chunks
from labeler.models.label import Answer
from labeler.releases.contents import MODEL, Contents
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats.answers import CANNOT_TELL, answer_of, judgements_of

FILE = ("text/csv; charset=utf-8", "csv")
TITLE = gettext_lazy("CSV of labels")
TEXT = gettext_lazy("File name, annotator and label in each row: comes back in by Import, here or elsewhere.")
IMAGES = (False,)
READINGS = (ALL, CONSENSUS)
COLUMNS = ("file_name", "annotator", "label", "created_at", "seconds", "answer")


def write(data: DataSet) -> Iterator[bytes]:
    header = (*COLUMNS, "split") if data.is_split else COLUMNS
    rows = _judged if data.wanted.labels == ALL else _outcome
    yield from csv_chunks(header, (row for contents in data.rows() for row in rows(contents, data)))


def _judged(contents: Contents, data: DataSet) -> Iterator[tuple[Any, ...]]:
    split = (contents.split,) if data.is_split else ()
    for one in judgements_of(contents):
        named = classes(one.categories, multi=data.is_multi)
        yield contents.image.name, one.annotator, named, one.created_at, one.seconds, one.answer, *split
    if contents.by_model:
        yield from _outcome(contents, data)


def _outcome(contents: Contents, data: DataSet) -> Iterator[tuple[Any, ...]]:
    said = answer_of(contents)
    if said.names is None and said.state != CANNOT_TELL:
        return
    annotator = f"{MODEL} {said.model}" if contents.by_model else "consensus"
    answer = Answer.LABELED.value if said.names is not None else Answer.CANNOT_TELL.value
    split = (contents.split,) if data.is_split else ()
    named = classes(said.names, multi=data.is_multi)
    yield contents.image.name, annotator, named, None, None, answer, *split
