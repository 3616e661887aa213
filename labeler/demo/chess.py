"""Make the second demo: photographs of a chess board on which three simulated people have drawn boxes.

Goes through the verbs that real work goes through. May be stopped and repeated; once all is there, it does nothing.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeler.demo.drawers import DRAWERS, Piece, draw
from labeler.demo.scenario import Progress, join, take_in
from labeler.intake.archives import Member
from labeler.labeling import claim_ends
from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import Image, Label, Project
from labeler.projects import projects

NAME = "Chess pieces (demo)"
PHOTOS = Path(__file__).parent / "chess_photos"
KINDS = ("pawn", "knight", "bishop", "rook", "queen", "king")
LABELED = 12  # images on which everybody has drawn; the others are left to try
SEED = 2027
DESCRIPTION = (
    "A demonstration of drawn objects. The photographs are real; Amara, Ben and Chen are simulated: "
    + "; ".join(f"{person.name} {person.manner}" for person in DRAWERS)
    + ". All else is real: the boxes were saved like yours, and agreement and consensus are computed from them. Draw "
    "on the photographs that are left."
)
GUIDELINE = """\
Draw a box around each piece on the board, as tight as you can, from its top to its foot.

- A piece that stands behind another one: the part you see.
- Pieces that lie beside the board are not drawn.
- **Bishop or pawn?** A bishop has a notch in its head and is taller.
"""


def make(*, lead: User, progress: Progress) -> Project:
    """Make what is missing of the project. Raises as the verbs do."""
    project = find()
    if project is not None and (project.trashed_at or _labels(project) >= LABELED * len(DRAWERS)):
        return project
    project = project or projects.create(
        created_by=lead, name=NAME, task="boxes", question=_("Where is which piece?"), description=DESCRIPTION,
        guideline=GUIDELINE, labels_per_image=len(DRAWERS), blind_share=0.0,
        categories=[{"name": kind, "smallest": 6} for kind in KINDS],
        questions=[{"name": "side", "kind": "one", "options": ["white", "black"]}],
    )  # fmt: skip
    boxes = json.loads((PHOTOS / "pieces.json").read_text())
    pieces = {name: [(kind, side, tuple(box)) for side, kind, *box in rows] for name, rows in boxes.items()}
    there = set(Image.objects.filter(project=project).values_list("name", flat=True))
    take_in(project, (Member(name, (PHOTOS / name).read_bytes) for name in sorted(pieces) if name not in there))
    for place, person in enumerate(DRAWERS):
        _draw(project, place, join(project, person.name, lead), pieces)
        progress(_labels(project), LABELED * len(DRAWERS), "photographs drawn on")
    return project


def find() -> Project | None:
    """The project, where it was made, also in the trash."""
    return Project.objects.filter(name=NAME).order_by("pk").first()


def _labels(project: Project) -> int:
    return Label.objects.filter(project=project).count()


def _draw(project: Project, place: int, user: User, pieces: dict[str, list[Piece]]) -> None:
    """One person draws on the first LABELED images, a day after the person before."""
    person = DRAWERS[place]
    labeled = sorted(pieces)[:LABELED]
    begun = datetime.combine((project.created_at - timedelta(days=7 - 2 * place)).date(), time(9), tzinfo=UTC)
    at = begun
    for claim in sorted(
        queue.claim(project=project, annotator=user, count=queue.MOST_CLAIMS), key=lambda claim: claim.image.name
    ):
        name = claim.image.name
        if name not in labeled:
            claim_ends.release(image_id=claim.image_id, annotator=user)
            continue
        rng = np.random.default_rng([SEED, labeled.index(name), place])
        drawn = draw(person, pieces[name], rng)
        seconds = float(person.seconds * max(1, len(drawn)) * rng.lognormal(0, 0.2))
        at += timedelta(seconds=seconds)
        save_label(image_id=claim.image_id, annotator=user, drawn=drawn, seconds=seconds, at=at)
