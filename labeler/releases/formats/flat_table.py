"""The flat table that several formats write: a row per image, or with every judgement a row for each of them.

state says where an image stands, so verified none, cannot tell, tied, undecidable and unlabeled are five values; source
is model where nobody judged the image. An image without a judgement has a row without an annotator. Shares of the votes
are a column per class. Knows columns; how they are written is the formats' business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from labeler.intake.formats.cells import classes
from labeler.models.label import Answer
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats.answers import answer_of, judgements_of, objects_text, shares_of
from labeler.releases.places import public_metadata

_IMAGE = ("image_id", "file_name", "sha256", "width", "height")
_LAST = ("source", "model", "n_votes", "metadata")
SHARE = "share."  # before the name of a class


def columns(data: DataSet) -> tuple[str, ...]:
    """Names of the columns, in order."""
    split = ("split",) if data.is_split else ()
    named = "labels" if data.is_multi else "label"
    if data.wanted.labels == CONSENSUS:
        said: tuple[str, ...] = ("state", named, "confidence")
    elif data.wanted.labels == ALL:
        said = ("state", "annotator", "answer", named, "created_at", "seconds", "label_id")
    else:
        said = ("state", *(SHARE + one.name for one in data.classes))
    return (*_IMAGE, *split, *said, *_LAST, *(("objects",) if data.draws and data.wanted.labels != SOFT else ()))


def rows(contents: Contents, data: DataSet, *, joined: bool) -> Iterator[tuple[Any, ...]]:
    """The rows of an image, in the order of columns(). joined: several classes as one text, else as a list.

    metadata is JSON. Without an answer the label is None; a verified none is [], or "" where joined.
    """
    said, image = answer_of(contents), contents.image
    split = (contents.split,) if data.is_split else ()
    before = (image.pk, image.name, image.sha256, image.width, image.height, *split, said.state)
    votes = contents.outcome.n_votes
    about = _text(image.metadata, location=data.wanted.location)
    after = (said.source, said.model, votes, about)
    if data.wanted.labels == CONSENSUS:
        sure = said.confidence if said.probability is None else said.probability
        yield (*before, _named(said.names, data, joined), sure, *after, *_objects(contents.objects, data))
    elif data.wanted.labels == ALL:
        judged = judgements_of(contents)
        if not judged:
            outcome = _objects(contents.objects, data)
            yield (*before, None, None, _named(said.names, data, joined), None, None, None, *after, *outcome)
        for one in judged:
            names = one.categories if one.answer == Answer.LABELED else None
            who = (one.annotator, one.answer, _named(names, data, joined), one.created_at, one.seconds, one.id)
            yield (*before, *who, one.source, None, votes, about, *_objects(one.objects, data))
    else:
        shares = shares_of(contents)
        each = (None if shares is None else shares.get(one.name, 0.0) for one in data.classes)
        yield (*before, *each, *after)


def _objects(objects: Sequence[Object] | None, data: DataSet) -> tuple[str | None, ...]:
    """The cell of the column that only drawn answers have: JSON."""
    return (objects_text(objects),) if data.draws else ()


def _named(names: tuple[str, ...] | None, data: DataSet, joined: bool) -> Any:
    if names is None:
        return None
    if joined:
        return classes(names, multi=data.is_multi)
    return list(names) if data.is_multi else names[0]


def _text(metadata: str, *, location: bool) -> str:
    if metadata == "{}":
        return metadata
    return json.dumps(public_metadata(metadata, location=location), ensure_ascii=False, sort_keys=True)
