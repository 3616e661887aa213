"""Planted images: settled images under a wrong suggestion, among the others of a review page.

Which images, how many, and how often reviewers notice. Answering one is grid.py's.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import Now

from labeler.label_set import categories as label_set
from labeler.models import Claim, Image, Plant, Project
from labeler.models.image import Status
from labeler.models.label import BLIND_SQL
from labeler.models.statements import fetch
from labeler.stats import tally as votes
from labeler.stats.intervals import wilson

SEARCHED = 500  # images looked at, from a random place on, to find some that may be planted
LOOKED_AT = 50  # of them first: mostly one or two are wanted, and these have them
chance = random.SystemRandom()  # nobody shall learn from one page where the next one has its plants


def waiting_plants(project: Project, reviewer: User) -> QuerySet[Plant]:
    return Plant.objects.filter(project=project, reviewer=reviewer, answered__isnull=True)


def how_many(project: Project, count: int) -> int:
    """How many images of a page to plant: the project's share on average, at most half of them."""
    return min(count // 2, math.floor(project.planted_share * count + chance.random()))


def plantable(project: Project, reviewer: User, suggested: int, wanted: int) -> list[tuple[Image, list[int]]]:
    """Up to `wanted` images with a known answer, at random, that may be shown to this person as `suggested`."""
    if not wanted:
        return []
    again = waiting_plants(project, reviewer).filter(suggested=suggested)
    # A page that was left, or whose browser died: nothing was said of these, so they may come again.
    again = again.filter(Q(client=None) | Q(shown_at__lt=Now() - timedelta(seconds=project.lease_seconds)))
    # Those that were on a page before come first: they are spent already.
    spent = list(again.values_list("image_id", flat=True)[:SEARCHED])
    found = _known(project, reviewer, suggested, spent, again=True) if spent else []
    if len(found) < wanted:
        settled = _some_settled(project)
        for some in (settled[:LOOKED_AT], settled[LOOKED_AT:]):
            if some and len(found) < wanted:
                found += _known(project, reviewer, suggested, some, again=False)
    return found[:wanted]


def _some_settled(project: Project) -> list[int]:
    """Ids of settled images in random order, from a random place in the table on; SEARCHED at most."""
    settled = Image.objects.filter(project=project, status=Status.SETTLED)
    ends = settled.aggregate(first=Min("id"), last=Max("id"))
    if ends["first"] is None:
        return []
    start = chance.randint(ends["first"], ends["last"])
    ids = list(settled.filter(id__gte=start).order_by("id").values_list("id", flat=True)[:SEARCHED])
    if len(ids) < SEARCHED:
        ids += settled.filter(id__lt=start).order_by("id").values_list("id", flat=True)[: SEARCHED - len(ids)]
    chance.shuffle(ids)
    return ids


# Not blind ones, and none that may still be asked of this person: they would judge them with our wrong word in mind.
# Nor any they have seen, judged, or settled, or that shows beside the guideline what it is. Known is what a reviewer
# decided, or what two others agree on, unaided.
_KNOWN = f"""
    SELECT i.id, i.tally, d.categories
    FROM labeler_image i
    JOIN labeler_queueentry e ON e.image_id = i.id AND e.seats_left = 0
    LEFT JOIN labeler_decision d ON d.image_id = i.id AND d.withdrawn_at IS NULL
    WHERE i.id = ANY (%(images)s) AND i.project_id = %(project)s AND i.status = 'settled' AND i.slice = ''
      AND CASE WHEN d.id IS NOT NULL THEN NOT d.undecidable ELSE (
          SELECT count(DISTINCT l.annotator_id) FROM labeler_label l
          WHERE l.image_id = i.id AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
            AND l.round = i.round AND {BLIND_SQL}) >= 2 END
      AND NOT EXISTS (SELECT 1 FROM labeler_claim c WHERE c.image_id = i.id AND c.annotator_id = %(reviewer)s)
      AND NOT EXISTS (SELECT 1 FROM labeler_label l WHERE l.image_id = i.id AND l.annotator_id = %(reviewer)s)
      AND NOT EXISTS (SELECT 1 FROM labeler_decision o WHERE o.image_id = i.id AND o.reviewer_id = %(reviewer)s)
      AND NOT EXISTS (SELECT 1 FROM labeler_categoryexample x WHERE x.image_id = i.id)
      AND (%(again)s OR NOT EXISTS (
          SELECT 1 FROM labeler_plant t WHERE t.image_id = i.id AND t.reviewer_id = %(reviewer)s))
"""


def _known(
    project: Project, reviewer: User, suggested: int, ids: Sequence[int], *, again: bool
) -> list[tuple[Image, list[int]]]:
    """Those of these images that may be planted, with their known answer, in the order given."""
    params: dict[str, Any] = {"images": list(ids), "project": project.pk, "reviewer": reviewer.pk, "again": again}
    rows = {row[0]: row for row in fetch(_KNOWN, params)}
    index = label_set.index(project)
    found = {}
    for pk, (_unused, tally, decided) in rows.items():
        said = decided if decided is not None else _unanimous(json.loads(tally))
        if said is None:
            continue
        known = index.resolve(said)
        # A class that nobody can choose any more is no answer to notice it by.
        if suggested not in known and index.ids_in_use.issuperset(known):
            found[pk] = known
    images = Image.objects.in_bulk(found)
    return [(images[pk], found[pk]) for pk in ids if pk in found]


def _unanimous(tally: Mapping[str, int]) -> list[int] | None:
    """What all votes say, none of them "cannot tell"; None when they differ."""
    outcome = votes.vote(tally)
    return outcome.categories if outcome.share == 1.0 and not outcome.n_cannot_tell else None


def confidences(claims: Sequence[Claim]) -> list[float]:
    return sorted((c.shown_prediction.probability for c in claims if c.shown_prediction), reverse=True)


def plant(
    project: Project,
    reviewer: User,
    client: UUID,
    suggested: int,
    found: Sequence[tuple[Image, list[int]]],
    confidences: Sequence[float],
    low: float,
) -> list[Plant]:
    """Put these images on the page, each at a random place of its order."""
    plants = []
    for image, known in found:
        plant, _ = Plant.objects.update_or_create(
            project=project,
            image=image,
            reviewer=reviewer,
            defaults={
                "client": client,
                "suggested": suggested,
                "known": known,
                "probability": _plausible(confidences, low),
                "shown_at": Now(),
            },
        )
        plants.append(plant)
    return plants


def _plausible(confidences: Sequence[float], low: float) -> float:
    """A confidence that puts a planted image at a random place among these, which fall from first to last."""
    step = (confidences[0] - confidences[-1]) / len(confidences)
    place = chance.randint(0, len(confidences))
    above = confidences[place - 1] if place else min(1.0, confidences[0] + step)
    below = confidences[place] if place < len(confidences) else max(low, confidences[-1] - step)
    return chance.uniform(min(below, above), above)


@dataclass(frozen=True, slots=True)
class CatchRate:
    """How often one reviewer noticed a planted answer, with its 95 % interval (Wilson)."""

    reviewer: User
    caught: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.caught / self.n


def catch_rate(project: Project, reviewer: User | None = None) -> list[CatchRate]:
    """Of each reviewer who has answered a planted image, most answers first; of one person alone when given.

    For leads, and for each person of themselves: nobody else may see it.
    """
    plants = Plant.objects.filter(project=project, caught__isnull=False)
    if reviewer is not None:
        plants = plants.filter(reviewer=reviewer)
    counts = plants.order_by().values("reviewer").annotate(n=Count("id"), caught_n=Count("id", filter=Q(caught=True)))
    people = get_user_model().objects.in_bulk([row["reviewer"] for row in counts])
    rates = []
    for row in counts:
        interval = wilson(row["caught_n"], row["n"])
        assert interval is not None  # n is never 0: there is a row
        rates.append(CatchRate(people[row["reviewer"]], row["caught_n"], row["n"], *interval))
    return sorted(rates, key=lambda rate: (-rate.n, rate.reviewer.get_username()))
