"""JSON Lines: one image per line, with its labels, consensus, decision and prediction. Unlabeled images too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from labeler.intake.formats.cells import CHUNK_BYTES, timestamp
from labeler.releases.contents import MODEL, Contents, Judgement
from labeler.releases.data_set import DataSet

MEDIA_TYPE = "application/x-ndjson"
EXTENSION = "jsonl"
PEOPLE = "people"
_decoded = lru_cache(maxsize=1000)(json.loads)  # most images have none
# Made once: json.dumps would make an encoder for each line.
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def check(data: DataSet) -> None:
    """Every data set can be written."""


def write(data: DataSet) -> Iterator[bytes]:
    """The file, in pieces of some lines each."""
    lines: list[bytes] = []
    size = 0
    for contents in data.rows():
        values = _image(contents)
        if data.wanted.accepted:
            values |= _accepted(contents)
        line = _encoded(values).encode("utf-8") + b"\n"
        lines.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)


def _image(contents: Contents) -> dict[str, Any]:
    image, outcome, decision, opinion = contents.image, contents.outcome, contents.decision, contents.prediction
    return {
        "image": image.pk,
        "file_name": image.name,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "metadata": _decoded(image.metadata),
        "status": image.status,
        "labels": [_label(label) for label in contents.labels],
        "consensus": {
            "categories": contents.names,
            "method": outcome.method,
            "confidence": outcome.confidence,
            "is_tie": outcome.is_tie,
            "n_votes": outcome.n_votes,
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
        "purpose": label.purpose,
        "round": label.round,
        "extra": label.extra,
        "reason": label.reason,
        "chosen_by": label.chosen_by,
        "guideline_version": label.guideline_version,
        "label_set_version": label.label_set_version,
        "source": label.source,
        "import": label.import_id,
        "informed": label.informed,
    }
