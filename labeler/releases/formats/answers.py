"""What a file says of an image: where it stands, what it is named, by whom, and the shares of its votes.

Verified none, cannot tell, tied, undecidable and not yet labeled are five things in every format; so is what stands by
a model's word alone. The one place that tells them apart, for all formats that say it. Knows rows, no format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from labeler.consensus.snapshots import UNDECIDABLE
from labeler.models.label import VOTES, Answer
from labeler.models.queue import Purpose
from labeler.releases.contents import MODEL, Contents, Judgement, Names, Object
from labeler.releases.data_set import SOFT, DataSet
from labeler.releases.formats.archives import compact_json

# Where an image stands. LABELED and NONE have an answer; in NONE it is that no class applies.
LABELED, NONE, CANNOT_TELL, TIE, UNLABELED = "labeled", "none", "cannot_tell", "tie", "unlabeled"
STATES = (LABELED, NONE, CANNOT_TELL, TIE, UNDECIDABLE, UNLABELED)
PEOPLE = "people"
UNASSIGNED = "unassigned"  # the folder of images without a split, in a data set that has splits


class Said(NamedTuple):
    """The one answer of an image. names: None in every state but LABELED and NONE."""

    state: str
    names: Names | None
    source: str | None  # PEOPLE, or MODEL: nobody judged it and a model's word is all there is; None: no answer
    model: int | None  # whose word it is
    probability: float | None  # that model's
    confidence: float | None  # of people's


def answer_of(contents: Contents) -> Said:
    """By the project's own consensus; by a model alone only where the data set has such images."""
    outcome, by_model = contents.outcome, contents.by_model
    if by_model is not None:
        names = by_model.categories
        return Said(LABELED if names else NONE, names, MODEL, by_model.model, by_model.probability, None)
    if contents.names is not None:
        return Said(LABELED if contents.names else NONE, contents.names, PEOPLE, None, None, outcome.confidence)
    if outcome.method == UNDECIDABLE:
        state = UNDECIDABLE
    elif outcome.is_tie:
        state = TIE
    else:
        state = CANNOT_TELL if outcome.n_votes else UNLABELED
    return Said(state, None, None, None, None, None)


def votes_of(contents: Contents) -> list[Judgement]:
    """The judgements that count: of the image's present round, cannot-tells among them."""
    if not contents.outcome.n_votes:
        return []
    votes = [one for one in contents.labels if one.purpose == Purpose.VOTE and one.answer in VOTES]
    last = max((vote.round for vote in votes), default=0)
    return [vote for vote in votes if vote.round == last]


def shares_of(contents: Contents) -> dict[str, float] | None:
    """Of the votes that could tell, the share that names each class; None where there are none.

    An image without votes that has an answer all the same (decided, or by a model's word) has 1 for each of its
    classes. In projects of several classes shares need not sum to 1.
    """
    told = [vote.categories for vote in votes_of(contents) if vote.answer == Answer.LABELED]
    if not told:
        said = answer_of(contents)
        return None if said.names is None else dict.fromkeys(said.names, 1.0)
    return {name: n / len(told) for name, n in Counter(chain.from_iterable(told)).items()}


def judgements_of(contents: Contents) -> list[Judgement]:
    """Every answer that says something of the image: skips do not."""
    return [one for one in contents.labels if one.answer in VOTES]


def objects_of(objects: Sequence[Object] | None) -> list[dict[str, Any]] | None:
    """Drawn objects as tables and JSON have them: [{number, category, box | polygon | mask, …}]; None for classes."""
    if objects is None:
        return None
    return [
        {
            "number": one.number, "category": one.category, **one.shape,
            **({"attributes": one.attributes} if one.attributes else {}),
            **({} if one.n is None else {"n": one.n, "asked": one.asked}),
            **({} if one.probability is None else {"probability": one.probability}),
            **({"from": one.origin, "change": one.change, "iou": one.iou} if one.change else {}),
        }
        for one in objects
    ]  # fmt: skip


def objects_text(objects: Sequence[Object] | None) -> str | None:
    """The same as one JSON text."""
    found = objects_of(objects)
    return None if found is None else compact_json(found)


def split_of(contents: Contents, data: DataSet) -> str:
    """The folder or shard of an image: its split; "" in a data set without splits."""
    return contents.split or (UNASSIGNED if data.is_split else "")


def image_marks(contents: Contents, data: DataSet) -> dict[str, Any]:
    """What a JSON object of an image says beside its labels: where it stands, its split, the shares of the votes."""
    said = answer_of(contents)
    marks: dict[str, Any] = {"state": said.state}
    if data.is_split:
        marks["split"] = contents.split
    if data.wanted.labels == SOFT:
        marks["shares"] = shares_of(contents)
    return marks
