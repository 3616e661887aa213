"""JSON Lines: one image per line, with its labels, consensus, decision and prediction. Unlabeled images too.

state keeps verified none, cannot_tell, tie, undecidable and unlabeled apart; what stands by a model's word alone is in
`accepted`, never among the labels. All judgements are always in it; `shares` where shares of the votes are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import CHUNK_BYTES, timestamp
from labeler.releases.contents import MODEL, PROVENANCE, Contents, Judgement, Object
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats.answers import PEOPLE, image_marks, objects_of
from labeler.releases.formats.archives import compact_json
from labeler.releases.places import public_metadata

FILE = ("application/x-ndjson", "jsonl")
TITLE = gettext_lazy("JSON Lines")
TEXT = gettext_lazy("One line per image, with all of its answers, outcome, decision, prediction.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)


def write(data: DataSet) -> Iterator[bytes]:
    """The file, in pieces of some lines each."""
    for piece in pieces(data, between=b"\n"):
        yield piece + b"\n"


def pieces(data: DataSet, *, between: bytes) -> Iterator[bytes]:
    """An object for each image, `between` two of them but not between two pieces."""
    lines: list[bytes] = []
    size = 0
    for contents in data.rows():
        values = _image(contents, data)
        if data.wanted.accepted:
            values |= _accepted(contents)
        line = compact_json(values).encode("utf-8")
        lines.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield between.join(lines)
            lines, size = [], 0
    if lines:
        yield between.join(lines)


def _image(contents: Contents, data: DataSet) -> dict[str, Any]:
    image, outcome, decision, opinion = contents.image, contents.outcome, contents.decision, contents.prediction
    return {
        "image": image.pk,
        "file_name": image.name,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "metadata": public_metadata(image.metadata, location=data.wanted.location),
        "status": image.status,
        **image_marks(contents, data),
        "labels": [_label(label) for label in contents.labels],
        "consensus": {
            "categories": contents.names,
            "method": outcome.method,
            "confidence": outcome.confidence,
            "is_tie": outcome.is_tie,
            "n_votes": outcome.n_votes,
            **({"objects": objects_of(contents.objects)} if data.draws else {}),
        },
        "decision": decision
        and {
            "categories": contents.names,
            "undecidable": decision.undecidable,
            "reviewer": decision.reviewer,
            "reason": decision.reason,
            "created_at": timestamp(decision.created_at),
        },
        "prediction": opinion
        and {
            "model": opinion.model,
            "categories": opinion.categories,
            "probability": opinion.probability,
            "probabilities": opinion.probabilities,
            **_drawn(opinion.objects),
        },
    }


def _accepted(contents: Contents) -> dict[str, Any]:
    """Who the outcome comes from, and what stands by a model's word. Apart from the consensus, which is people's."""
    found = contents.by_model
    people = PEOPLE if contents.names is not None or contents.decision else None
    return {
        "source": MODEL if found else people,
        "accepted": found
        and {
            "categories": found.categories,
            "model": found.model,
            "probability": found.probability,
            "promise": None
            if found.precision is None
            else {"precision": found.precision, "confidence": found.confidence},
        },
    }


def _drawn(objects: Sequence[Object] | None) -> dict[str, Any]:
    return {} if objects is None else {"objects": objects_of(objects)}


def _label(label: Judgement) -> dict[str, Any]:
    shown = label.shown
    return {
        "id": label.id,
        "annotator": label.annotator,
        "answer": label.answer,
        "categories": label.categories,
        "created_at": timestamp(label.created_at),
        "seconds": label.seconds,
        "prelabel": shown and {"categories": shown.categories, "probability": shown.probability, "model": shown.model},
        **{name: getattr(label, name) for name in PROVENANCE},
        "import": label.import_id,
        "informed": label.informed,
        # Where people draw: what they drew, and which of the pre-label's objects they took away.
        **_drawn(label.objects),
        **({"deleted": label.deleted} if label.objects is not None and shown else {}),
    }
