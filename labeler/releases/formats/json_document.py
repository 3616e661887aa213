"""JSON: one document with the data set's name, question and classes, and under `images` what jsonl has in its lines.

state keeps verified none, cannot_tell, tie, undecidable and unlabeled apart; what stands by a model's word alone is in
`accepted`, never among the labels. Written image by image; readers that hold it all at once should take jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.utils.translation import gettext_lazy

from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import json_lines

FILE = ("application/json", "json")
TITLE = gettext_lazy("JSON")
TEXT = gettext_lazy("One document: the classes, and each image with its answers, outcome, decision, prediction.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)


def write(data: DataSet) -> Iterator[bytes]:
    header = {
        "title": data.title, "question": data.question, "task": data.task,
        "classes": [{"id": one.id, "name": one.name, "description": one.description} for one in data.classes],
        "release": data.release,
    }  # fmt: skip
    head = json.dumps(header, ensure_ascii=False, default=str)
    yield f'{head[:-1]}, "images": ['.encode()
    between = b"\n"
    for piece in json_lines.pieces(data, between=b",\n"):
        yield between + piece
        between = b",\n"
    yield b"\n]}\n"
