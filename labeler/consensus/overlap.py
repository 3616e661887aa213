"""Adaptive overlap: give an image another seat while its answers leave doubt, and close it when they do not.

A worker looks at images with new votes; saving a label knows nothing of it. Works in projects that have switched it on
(fewest_labels, most_labels, enough_confidence); elsewhere the quota is fixed. The rule is labeler/stats/overlap.py's.
Where people draw, the doubt is the objects without a majority (Image.disputed_objects), and nobody is weighed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from django.db import transaction

from labeler.consensus import reliability
from labeler.labeling import counters
from labeler.labeling import seats as image_seats
from labeler.labeling.seats import HELD_OUT_SEATS
from labeler.models import Image, Membership, Project, QueueEntry
from labeler.models.project import ConsensusMethod
from labeler.models.queue import ChosenBy
from labeler.models.statements import fetch
from labeler.stats import overlap as rule_stats
from labeler.stats.dawid_skene import DECENT
from labeler.stats.tally import CANNOT_TELL

BATCH = 500


_ANSWERS = """
    SELECT l.image_id, l.annotator_id, l.categories FROM labeler_label l
    JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    WHERE l.image_id = ANY (%s) AND l.superseded_at IS NULL AND l.purpose = 'vote' AND l.answer = 'labeled'
    ORDER BY l.image_id, l.annotator_id
"""


def adjust(project: Project, image_ids: Iterable[int] | None = None) -> int:
    """Open or close seats of images with votes; how many images changed. None: all of the project. Safe to run twice.

    Never fewer seats than are taken. Multi-label: each class is a question; the image goes on while one is in doubt.
    Cannot-tells leave no posterior: such an image has the most seats until two of them send it to a reviewer.
    Drawn objects: the image goes on while a place on it has no majority.
    """
    if not project.adaptive_overlap:
        return 0
    images = Image.objects.filter(project=project, n_votes__gt=0, has_decision=False)
    if image_ids is not None:
        images = images.filter(pk__in=list(image_ids))
    known = None if project.draws else reliability.infer(project, ConsensusMethod.ONE_COIN)
    rule, changed = rule_stats.OverlapRule(project.fewest_labels, project.most_labels, project.enough_confidence), 0
    ids = list(images.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        changed += _adjust(project, rule, known, ids[start : start + BATCH])
    if changed:
        image_seats.forget_frontiers(project)
    return changed


def _adjust(project: Project, rule: rule_stats.OverlapRule, known: reliability.Inference | None, ids: list[int]) -> int:
    with transaction.atomic():
        # Images before entries, as everywhere; a save that commits meanwhile waits for this, or is seen.
        rows = Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        images = {image.pk: image for image in rows}
        said: dict[int, list[tuple[int, list[int]]]] = {pk: [] for pk in ids}
        # Of drawn answers only who gave them: what they differ in stands on the image, which is locked.
        for image_id, person, categories in fetch(_ANSWERS, [ids]):
            said[image_id].append((person, categories))
        audited = set(QueueEntry.objects.filter(pk__in=ids, chosen_by=ChosenBy.AUDIT).values_list("pk", flat=True))
        wanted = {pk: _seats(project, rule, known, images[pk], said[pk], judges=pk in audited) for pk in ids}
        # Of whom somebody is paused, images may wait for others (agreement/second_opinions.py): what is open there
        # stays open.
        paused = set(Membership.objects.filter(project=project, paused_at__isnull=False).values_list("user", flat=True))
        asked = {pk for pk in ids if any(person in paused for person, _ in said[pk])} if paused else set()
        changed = image_seats.adapt(wanted, at_least_as_before=asked)
    if changed:
        counters.these(project, changed)
    return len(changed)


def _seats(
    project: Project,
    rule: rule_stats.OverlapRule,
    known: reliability.Inference | None,
    image: Image,
    said: list[tuple[int, list[int]]],
    *,
    judges: bool = False,
) -> int:
    """How many seats the image should have in all, by the votes it has. judges: it is audited, so it judges a model."""
    fewest = max(rule.fewest, HELD_OUT_SEATS) if judges or image.is_held_out else rule.fewest

    def doubted() -> bool:
        if project.draws:
            return _objects_in_doubt(image)
        return known is None or _in_doubt(project, rule, known, said)

    return rule_stats.seats(rule, image.n_votes, doubted, fewest=fewest)


def _objects_in_doubt(image: Image) -> bool:
    """Has a drawn object no majority? A single drawing says nothing: only a cannot-tell beside it is doubt."""
    return image.tally.get(CANNOT_TELL, 0) > 0 if image.disputed_objects is None else image.disputed_objects > 0


def _in_doubt(
    project: Project, rule: rule_stats.OverlapRule, known: reliability.Inference, said: list[tuple[int, list[int]]]
) -> bool:
    accuracy = [known.accuracy.get(person, DECENT) for person, _ in said]
    place = {pk: at for at, pk in enumerate(known.categories)}
    if not said:
        return True
    if project.is_multi:
        return any(
            rule_stats.in_doubt(rule, [int(pk in categories) for _, categories in said], accuracy, [1 - share, share])
            for pk, share in zip(known.categories, known.shares, strict=True)
        )
    answers = [place[categories[0]] for _, categories in said if categories and categories[0] in place]
    if len(answers) < len(said):
        return True  # a class that has left the set since
    return rule_stats.in_doubt(rule, answers, accuracy, known.shares)


def savings(project: Project) -> dict[str, Any]:
    """What the page shows: labels per image so far, what a fixed quota would have asked, and the expected error.

    {n_images, labels, per_image, fixed, saved, expected_error}; of images that are closed. expected_error: share of
    them whose most probable class is wrong, by the one-coin posterior; None without any, and where an image may have
    several classes or drawn objects.
    """
    closed = QueueEntry.objects.filter(project=project, seats_left=0, image__n_votes__gt=0)
    votes = dict(closed.values_list("image_id", "image__n_votes"))
    error = None
    known = reliability.infer(project, ConsensusMethod.ONE_COIN) if votes and not project.is_multi else None
    if known is not None:
        chosen = np.isin(known.image_ids, list(votes))
        error = rule_stats.expected_error(known.posterior[chosen])
    n, labels = len(votes), sum(votes.values())
    fixed = n * project.labels_per_image
    return {
        "n_images": n, "labels": labels, "per_image": labels / n if n else None, "fixed": fixed,
        "saved": fixed - labels, "expected_error": error,
    }  # fmt: skip
