"""Claims as they are handed out: each with its image and the pre-label it shows, read with few columns.

By hand, not by the ORM: a person waits for it, and building the queries took longer than running them (claims.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from labeler.label_set import categories as label_set
from labeler.labeling.member_lock import Member
from labeler.models import Claim, Image, Prediction, Project, TrainingRun
from labeler.models.queue import ClaimState, Purpose
from labeler.models.statements import fetch, partly

# What is read of a claim, in this order: a row of these is what claims_of() takes.
COLUMNS = ("id", "image_id", "round", "chosen_by", "shown_prediction_id", "claimed_at", "expires_at", "purpose")


def claims_of(
    member: Member,
    client: UUID | None,
    rows: Sequence[tuple],
    images: dict[int, Image],
    predictions: dict[int, Prediction],
) -> list[Claim]:
    """Open claims from rows of COLUMNS, in their order, with these images and pre-labels by id.

    A pre-label that was shown with an earlier lease, and is not among these, is fetched.
    """
    earlier = {row[4] for row in rows if row[4] is not None} - predictions.keys()
    if earlier:
        found = Prediction.objects.filter(pk__in=earlier).select_related("run")
        predictions = predictions | {prediction.pk: prediction for prediction in found}
    claims = []
    for row in rows:
        claim = Claim(
            **dict(zip(COLUMNS, row, strict=True)), project=member.project, annotator=member.person,
            state=ClaimState.OPEN, holds_seat=row[7] == Purpose.VOTE, client=client,
        )  # fmt: skip
        claim.image = images[claim.image_id]
        claim.shown_prediction = predictions.get(row[4])
        claims.append(claim)
    return claims


_IMAGE = ("id", "project_id", "name", "sha256", "extension", "width", "height", "slice", "round", "status", "metadata")


def images_of(ids: Sequence[int]) -> dict[int, Image]:
    """Images by id, with the columns a claim shows; the others are fetched when asked for."""
    # The last column is JSON, which the driver leaves as it comes.
    rows = [
        dict(zip(_IMAGE, (*row[:-1], json.loads(row[-1])), strict=True))
        for row in fetch(f"SELECT {', '.join(_IMAGE)} FROM labeler_image WHERE id = ANY (%s)", [list(ids)])
    ]
    return {row["id"]: partly(Image, row) for row in rows}


_PREDICTION = ("id", "run_id", "image_id", "categories", "probability", "margin")
_RUN = ("id", "number", "is_calibrated")
_PRELABELS = f"""
    SELECT {", ".join(f"p.{name}" for name in _PREDICTION)}, {", ".join(f"r.{name}" for name in _RUN)}
    FROM labeler_trainingrun r JOIN labeler_prediction p ON p.run_id = r.id
    WHERE r.project_id = %(project)s AND p.image_id = ANY (%(images)s)
      AND CASE WHEN %(run)s::bigint IS NULL THEN r.is_active ELSE r.id = %(run)s END
"""


def prelabels_to_show(project: Project, images: dict[int, Image]) -> dict[int, Prediction]:
    """The active model's predictions, by image, for those images that may be judged with its help."""
    open_ids = [pk for pk, image in images.items() if not image.is_blind]
    return prelabels_of(project, open_ids) if project.show_prelabels and open_ids else {}


def prelabels_of(project: Project, ids: Sequence[int], run: TrainingRun | None = None) -> dict[int, Prediction]:
    """What one model says, the active one unless another is given, by image; only what can be chosen today."""
    rows = fetch(_PRELABELS, {"project": project.pk, "images": list(ids), "run": run.pk if run else None})
    in_use = label_set.index(project).ids_in_use if rows else frozenset()
    shown = {}
    for row in rows:
        prediction = partly(Prediction, dict(zip(_PREDICTION, row[: len(_PREDICTION)], strict=True)))
        prediction.run = partly(TrainingRun, dict(zip(_RUN, row[len(_PREDICTION) :], strict=True)))
        # A class that was retired since the training cannot be suggested: no key would accept it.
        if in_use.issuperset(prediction.categories):
            shown[prediction.image_id] = prediction
    return shown
