"""The images that acceptance is computed from: those labeled blind, those that could be accepted, and their imports.

Reads; accepting.py decides and writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from django.db.models import Exists, F, OuterRef
from numpy.typing import NDArray

from labeler.acceptance import promises
from labeler.consensus import snapshots
from labeler.label_set import categories as label_set
from labeler.models import Image, Label, Project, TrainingRun
from labeler.models.image import Slice, Status
from labeler.models.label import TOUCHED_BY_MODEL
from labeler.models.statements import fetch

ClassSet = tuple[int, ...]  # ids of its classes as they are called today, ascending; of several labels () is one too
FEWEST_VOTES = 2  # on a calibration image: one person's slip must not count as the model's error
# Imports smaller than this are taken together with the next: they have hardly a calibration image of their own.
SMALL_IMPORT = 100
# An import is spoken for when judged calibration images are in it at this share of what its size would give, at least.
SPOKEN_FOR = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """Calibration images that the model and people judged, each as it is suggested and whether that is right."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    answers: list[ClassSet]
    disputed: int  # of them: people differ and nobody settled it yet, which counts as an error


def judged_images(project: Project, run: TrainingRun) -> Judged:
    """By votes and decisions alone, whatever the project's consensus is: a model may have a voice in that.

    An image on which people differ is a hard one. Left out until somebody settles it, the rest would look better than
    the images are; so it counts as an error until then. Images that do not say what they are stay out: the promise is
    about those that have an answer.
    """
    assisted = Label.objects.filter(TOUCHED_BY_MODEL, image=OuterRef("pk"), superseded_at=None, round=OuterRef("round"))
    images = (
        Image.objects.filter(project=project, slice=Slice.CALIBRATION, predictions__run=run)
        .filter(status__in=(Status.SETTLED, Status.DISPUTED), n_votes__gte=FEWEST_VOTES)
        .exclude(Exists(assisted))
        .annotate(suggested=F("predictions__categories"), score=F("predictions__probability"))
        .prefetch_related(snapshots.standing_decisions())
        .order_by("pk")
    )
    index, rows, disputed = label_set.index(project), [], 0
    for image in images:
        suggested = index.resolve(image.suggested)
        if image.status == Status.DISPUTED:
            disputed += 1
            right = False
        else:
            truth = promises.truth(project, image)
            if truth is None:
                continue
            right = suggested == truth
        rows.append((image.score, right, tuple(suggested)))
    scores, rights, answers = zip(*rows, strict=True) if rows else ((), (), ())
    return Judged(np.array(scores, float), np.array(rights, bool), list(answers), disputed)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Images that nobody has been given, with what the model says: one entry each."""

    prediction: NDArray[np.int64]
    image: NDArray[np.int64]
    answers: list[ClassSet]
    scores: NDArray[np.float64]
    arrival: list[str]  # the import each came with

    def where(self, chosen: NDArray[np.bool_]) -> Candidates:
        return Candidates(
            self.prediction[chosen], self.image[chosen], list(compress(self.answers, chosen)), self.scores[chosen],
            list(compress(self.arrival, chosen)),
        )  # fmt: skip


_ARRIVAL = "coalesce('import ' || i.job_id, 'day ' || (i.created_at AT TIME ZONE 'UTC')::date)"
# Not one that anybody was ever given: who answers late answers as a person, and an image that was sent back is to be
# judged anew. Not the blind ones, which judge models; not gold or planted ones, which judge people; not those that a
# lead wants people to look at.
FREE = """
    i.status = 'unlabeled' AND i.slice = '' AND i.n_votes = 0 AND NOT i.has_decision
    AND NOT EXISTS (SELECT 1 FROM labeler_claim c WHERE c.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_gold g WHERE g.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_plant t WHERE t.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_queueentry e WHERE e.image_id = i.id AND e.chosen_by = 'lead')
    AND NOT EXISTS (SELECT 1 FROM labeler_acceptance a WHERE a.image_id = i.id AND a.withdrawn_why = 'asked')
"""
_CANDIDATES = f"""
    SELECT p.id, p.image_id, p.categories, p.probability, {_ARRIVAL}
    FROM labeler_prediction p JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %s AND i.project_id = %s AND (%s OR cardinality(p.categories) = 1) AND {FREE}
    ORDER BY p.image_id
"""


def candidates(project: Project, run: TrainingRun) -> Candidates:
    rows = fetch(_CANDIDATES, [run.pk, project.pk, project.is_multi])
    # One look-up per different answer: there are few of these, and of images many.
    index = label_set.index(project)
    today = {named: index.resolve(named) for named in {tuple(row[2]) for row in rows}}
    in_use = {named: tuple(ids) for named, ids in today.items() if ids == index.present(named)}
    known = [row for row in rows if tuple(row[2]) in in_use]
    prediction, image, answers, scores, arrival = zip(*known, strict=True) if known else ((),) * 5
    return Candidates(
        np.array(prediction, np.int64), np.array(image, np.int64), [in_use[tuple(named)] for named in answers],
        np.array(scores, float), list(arrival),
    )  # fmt: skip


_ARRIVALS = f"""
    SELECT {_ARRIVAL}, count(*), min(i.created_at), count(*) FILTER (
        WHERE i.slice = 'calibration' AND i.n_votes >= {FEWEST_VOTES} AND i.status IN ('settled', 'disputed'))
    FROM labeler_image i WHERE i.project_id = %s GROUP BY 1 ORDER BY min(i.id)
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An import, or small ones that came one after the other."""

    names: frozenset[str]
    images: int
    since: Any
    judged: int  # calibration images that people have judged
    needed: int  # of these, before the promise speaks for the import

    @property
    def is_spoken_for(self) -> bool:
        return self.judged >= self.needed


def recent_arrivals(project: Project) -> list[Arrival]:
    """Which imports the judged calibration images speak for.

    The promise is about images as random as those were. An import of which people have not judged its part of the
    calibration images may hold anything, so it waits for people.
    """
    rows = fetch(_ARRIVALS, [project.pk])
    found: list[list[tuple[str, int, Any, int]]] = []
    for row in rows:
        if found and sum(one[1] for one in found[-1]) < SMALL_IMPORT:
            found[-1].append(row)
        else:
            found.append([row])
    images, judged = sum(row[1] for row in rows), sum(row[3] for row in rows)
    return [
        Arrival(
            frozenset(row[0] for row in part), (n := sum(row[1] for row in part)), part[0][2],
            sum(row[3] for row in part), max(1, int(np.ceil(SPOKEN_FOR * judged * n / images))),
        )
        for part in found
    ]  # fmt: skip
