"""Verify predictions a page at a time: open a page of one class, answer it, take an answer back.

A page is a set of claims under one client id (labeling/claims.py) and some planted images among them: their answer is
known and their suggestion is wrong, and planted.py chooses them. If the reviewer misses it, the rest of the page is
worth less. The answer to a planted image goes to its Plant row, and never to a label, a vote, a count or a claim;
nothing that is sent to the browser tells it from the others. With planted.py the only module that writes Plant. Labels
are labeling/labels.py's, seats labeling/seats.py's.

Which images may be planted: docs/decisions/0005.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler.errors import Conflict, Invalid, KeyReused, LabelerError, NoClaim, NothingToUndo, TaskNotSupported
from labeler.label_set import categories as label_set
from labeler.labeling import claim_ends, labels, member_lock
from labeler.labeling import claims as queue
from labeler.labeling.wanted import answering, taking_back
from labeler.models import Claim, Image, Plant, Project, TrainingRun
from labeler.models.queue import ChosenBy, ClaimState
from labeler.models.statements import fetch
from labeler.review.planted import confidences, how_many, plant, plantable, waiting_plants

PAGE_SIZE = 18  # six by three on a desk, and whole rows in threes and twos
MOST_ITEMS = 50
DECIMALS = 3  # of a probability that is shown: the last digits must not tell a planted one from a computed one
COUNTED = 100_000  # predictions looked at to say how many wait
WAITING_SECONDS = 10  # how long such a count is reused


# ---------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True)
class Tile:
    """One image of a page as the reviewer sees it. Does not say whether it was planted, and nor may anything else."""

    image: Image
    categories: list[int]
    probability: float | None  # None: an outside model that gave no probabilities


@dataclass(frozen=True, slots=True)
class Page:
    """Images that the active model puts in one class, surest first."""

    client: UUID
    tiles: list[Tile]
    is_calibrated: bool
    expires_at: datetime | None  # None: there are no images


def open_page(
    *,
    project: Project,
    reviewer: User,
    client: UUID,
    predicted: int,
    min_confidence: float | None = None,
    max_confidence: float = 1.0,
    count: int = PAGE_SIZE,
) -> Page:
    """Lease a page of up to `count` images (1 to 50) of one predicted class to a reviewer.

    client names the page: asked for again under the same name, the same page comes, its lease renewed. min_confidence:
    the project's threshold unless given. max_confidence: where to begin, such as where the last page ended; when too
    little is left below, what is above it comes too. Empty when nothing is left for this person.
    Raises NotFound for people who are not in the project, Paused, Invalid, NotPossibleNow where no pre-labels are
    shown, TaskNotSupported where people draw.
    """
    _check_task(project)
    low = project.review_confidence if min_confidence is None else min_confidence
    queue.check_count(count)
    run = (
        TrainingRun.objects.filter(project=project, is_active=True).only("id", "is_calibrated", "outside_name").first()
    )
    claim_ends.expire_leases(project)
    with transaction.atomic():
        member = member_lock.lock_member(project, reviewer)
        claims = [c for c in queue.open_claims(member, client) if _is_review(c)]
        plants = list(waiting_plants(project, reviewer).filter(client=client).select_related("image"))
        if not claims and not plants:
            member_lock.refuse_paused(member)
            found = plantable(project, reviewer, predicted, how_many(project, count))
            wanted = count - len(found)
            claims = queue.claim_predicted(member, client, predicted, (low, max_confidence), wanted)
            if len(claims) < wanted and max_confidence < 1.0:
                claims += queue.claim_predicted(member, client, predicted, (low, 1.0), wanted - len(claims))
            # Never more than half of a page, and none where there is nothing to hide among.
            plants = plant(project, reviewer, client, predicted, found[: len(claims)], confidences(claims), low)
    return _page(client, claims, plants, run)


def _check_task(project: Project) -> None:
    if project.draws:
        raise TaskNotSupported(
            _("The review page is for classes of whole images: objects are confirmed image by image, while drawing.")
        )


def _is_review(claim: Claim) -> bool:
    return claim.chosen_by == ChosenBy.REVIEW and claim.shown_prediction is not None


def _page(client: UUID, claims: Sequence[Claim], plants: Sequence[Plant], run: TrainingRun | None) -> Page:
    tiles = [_tile(c.image, c.shown_prediction.categories, c.shown_prediction.confidence) for c in claims]  # type: ignore[union-attr]
    # Where the model says nothing of how sure it is, a planted one must not either.
    untold = bool(tiles) and all(tile.probability is None for tile in tiles)
    if not tiles and run is not None and run.is_outside:  # all others of the page are answered
        untold = all(plant.probability == 1.0 for plant in plants)
    tiles += [_tile(plant.image, [plant.suggested], None if untold else plant.probability) for plant in plants]

    def place(tile: Tile) -> tuple[float, bytes]:
        # Equal ones in an order that neither age nor kind of an image decides.
        return -(1.0 if tile.probability is None else tile.probability), hashlib.sha256(
            f"{client}:{tile.image.pk}".encode()
        ).digest()

    # A page that is shown again after another model became active still shows what it showed.
    runs = [c.shown_prediction.run for c in claims if c.shown_prediction]
    return Page(
        client=client,
        tiles=sorted(tiles, key=place),
        is_calibrated=all(r.is_calibrated for r in runs) if runs else bool(run and run.is_calibrated),
        expires_at=min((c.expires_at for c in claims), default=None),
    )


def _tile(image: Image, categories: Sequence[int], probability: float | None) -> Tile:
    return Tile(image, sorted(categories), None if probability is None else round(probability, DECIMALS))


def keep_page(*, project: Project, reviewer: User, client: UUID) -> None:
    """Renew the leases of a page that is still looked at. Takes no new images, whatever became of the old ones."""
    with transaction.atomic():
        queue.open_claims(member_lock.lock_member(project, reviewer), client)
        waiting_plants(project, reviewer).filter(client=client).update(shown_at=Now())


def close_page(*, project: Project, reviewer: User, client: UUID) -> None:
    """Give a page back unanswered; its images may come to the same person again."""
    claim_ends.release_client(project=project, annotator=reviewer, client=client)
    waiting_plants(project, reviewer).filter(client=client).update(client=None)


def waiting(project: Project, reviewer: User, min_confidence: float | None = None) -> tuple[dict[int, int], bool]:
    """How many images of each predicted class wait for this reviewer, by class id; and whether there may be more.

    Those on a page of theirs that is open count as waiting. Counted at most once in ten seconds per process.
    """
    low = project.review_confidence if min_confidence is None else min_confidence
    key = f"review:{project.pk}:{reviewer.pk}:{low}"
    counted: tuple[dict[int, int], bool] | None = cache.get(key)
    if counted is None:
        params: dict[str, Any] = {
            "project": project.pk,
            "annotator": reviewer.pk,
            "low": low,
            "in_use": list(label_set.index(project).ids_in_use),
            "most": COUNTED,
        }
        rows = fetch(_WAITING, params)
        is_cut = bool(rows) and rows[0][2] >= COUNTED
        counted = {category: n for category, n, _ in rows if category is not None}, is_cut
        cache.set(key, counted, WAITING_SECONDS)
    return counted


# The same images as searching.PREDICTED offers, and those that this person holds open just now.
_WAITING = """
    WITH surest AS (
        SELECT p.image_id, p.categories FROM labeler_trainingrun r JOIN labeler_prediction p ON p.run_id = r.id
        WHERE r.project_id = %(project)s AND r.is_active AND p.probability >= %(low)s
        ORDER BY p.probability DESC, p.image_id DESC LIMIT %(most)s
    ), open AS (
        SELECT s.categories FROM surest s
        JOIN labeler_queueentry e ON e.image_id = s.image_id AND e.project_id = %(project)s
        JOIN labeler_image i ON i.id = s.image_id
        LEFT JOIN labeler_claim c ON c.image_id = s.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
        WHERE i.slice = '' AND NOT e.accepted AND e.chosen_by <> 'audit' AND s.categories <@ %(in_use)s::bigint[]
          AND (c.id IS NULL OR c.state IN ('open', 'expired', 'released'))
          AND (e.seats_left > 0 OR (c.state = 'open' AND c.holds_seat))
    )
    SELECT n.category, n.images, (SELECT count(*) FROM surest)
    FROM (SELECT 1) one LEFT JOIN
         (SELECT unnest(categories) AS category, count(*) AS images FROM open GROUP BY 1) n ON true
"""


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a reviewer says of one image: its classes; None: it goes back to labeling; or that they take it back."""

    image_id: int
    categories: Sequence[int | str] | None = None
    is_undo: bool = False


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What became of one answer. `categories` of a saved one; `error` of one that was refused, and changed nothing."""

    image_id: int
    result: str  # saved, sent_back, taken_back, refused
    categories: list[int] | None = None
    error: LabelerError | None = None


def answer_page(
    *,
    project: Project,
    reviewer: User,
    answers: Sequence[ReviewAnswer],
    seconds: float | None = None,
    label_set_version: int | None = None,
    idempotency_key: UUID | None = None,
) -> list[ReviewResult]:
    """Keep what a reviewer says of a page: one outcome per answer, in the order given.

    Each image for itself: one that is refused keeps no other from being saved. Needs a claim of one's own on each, as
    labeling does, open or not. An image that is sent back gives up its claim and goes to labeling again, but not to
    this person's grid. seconds: for all of it; each label carries its part. The same call again under the same key
    writes nothing and gives the same outcomes. Raises Invalid, NotFound, TaskNotSupported.
    """
    _check_task(project)
    ids = [answer.image_id for answer in answers]
    if not answers or len(answers) > MOST_ITEMS:
        raise Invalid(
            _("Send 1 to %(most_items)s items.") % {"most_items": MOST_ITEMS},
            fields={"items": ["too many" if answers else "none"]},
        )
    if len(set(ids)) < len(ids):
        raise Invalid(_("An image is named twice."), fields={"items": ["an image is named twice"]})
    if label_set_version is not None and not 1 <= label_set_version <= project.label_set_version:
        raise Invalid(_("label_set is not a version of this project's classes."), fields={"label_set": ["unknown"]})
    with transaction.atomic():
        # In the order of all locks: the member, so that the same call sent twice comes one after the other; all claims,
        # and all images, so that nobody who holds one of either can wait for what we hold; then seat by seat, by rising
        # id. With an image locked after another one's seat, a new round and new quotas closed a circle of three.
        member_lock.lock_member(project, reviewer)
        claims = _locked_claims(project, reviewer, ids)
        _lock_images(claims)
        plants = {p.image_id: p for p in Plant.objects.filter(project=project, reviewer=reviewer, image__in=ids)}
        case = _Case(project, reviewer, None if seconds is None else seconds / len(answers), label_set_version)
        outcomes = {}
        for answer in sorted(answers, key=lambda a: a.image_id):
            claim, plant = claims.get(answer.image_id), plants.get(answer.image_id)
            key = idempotency_key and uuid5(idempotency_key, str(answer.image_id))
            try:
                if plant is not None and _is_planted(plant, claim):
                    outcomes[answer.image_id] = _answer_plant(case, plant, answer, key)
                elif claim is not None:
                    outcomes[answer.image_id] = _answer_claim(case, claim, answer, key)
                else:
                    raise NoClaim(_("You have not been given this image. Open a page first, then answer its images."))
            except LabelerError as error:
                outcomes[answer.image_id] = ReviewResult(answer.image_id, "refused", error=error)
    return [outcomes[image_id] for image_id in ids]


@dataclass(frozen=True, slots=True)
class _Case:
    """What all answers of one call share."""

    project: Project
    reviewer: User
    seconds: float | None  # per image
    label_set: int | None


def _locked_claims(project: Project, reviewer: User, ids: Sequence[int]) -> dict[int, Claim]:
    """The person's latest claim on each of these images, all of them locked in one statement, by rising key."""
    rows = Claim.objects.select_for_update(no_key=True).filter(project=project, annotator=reviewer, image__in=ids)
    return {claim.image_id: claim for claim in sorted(rows.order_by("pk"), key=lambda claim: claim.round)}


def _lock_images(ids: Iterable[int]) -> None:
    list(Image.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk").values_list("pk"))


def _is_planted(plant: Plant, claim: Claim | None) -> bool:
    """Is this answer about the planted image? Later the image may have come to the person in earnest."""
    return claim is None or (plant.answered is None and claim.chosen_by != ChosenBy.REVIEW)


def _answer_claim(case: _Case, claim: Claim, answer: ReviewAnswer, key: UUID | None) -> ReviewResult:
    if answer.is_undo:
        return _take_back(case, claim, key)
    if answer.categories is None:
        return _send_back(claim)
    wanted = answering(
        claim.image_id, categories=answer.categories, seconds=case.seconds, label_set=case.label_set, key=key
    )
    saved = labels.save_in_turn(annotator=case.reviewer, wanted=wanted)
    return ReviewResult(claim.image_id, "saved", categories=saved.categories)


def _send_back(claim: Claim) -> ReviewResult:
    if claim.state == ClaimState.ANSWERED:
        raise Conflict(_("You have answered this image. Take that back first."))
    # Another's claim of mine: the image came back to me for labeling since, and there it is already.
    if claim.chosen_by == ChosenBy.REVIEW and claim.state not in (ClaimState.SENT_BACK, ClaimState.SKIPPED):
        claim_ends.give_back(claim, ClaimState.SENT_BACK)
    return ReviewResult(claim.image_id, "sent_back")


def _take_back(case: _Case, claim: Claim, key: UUID | None) -> ReviewResult:
    if claim.state == ClaimState.SENT_BACK:
        claim_ends.reopen(claim, case.project)
        return ReviewResult(claim.image_id, "taken_back")
    with suppress(NothingToUndo):  # no answer stands: that is what was wanted
        labels.save_in_turn(annotator=case.reviewer, wanted=taking_back(claim.image_id, key=key))
    return ReviewResult(claim.image_id, "taken_back")


# ---------------------------------------------------------------- planted answers


def _answer_plant(case: _Case, plant: Plant, answer: ReviewAnswer, key: UUID | None) -> ReviewResult:
    """As labeling would answer, but to the Plant row alone."""
    said: list[int] | None = None if answer.is_undo else []
    if answer.categories is not None:
        said = label_set.check_answer(case.project, answer.categories)
    if key is None or key not in plant.idempotency_keys:
        plant.idempotency_keys += [key] if key else []
        plant.answered = said
        # Sent back was noticed too: what must not happen is that the wrong class is confirmed.
        plant.caught = None if said is None else plant.suggested not in said
        plant.answered_at = None if said is None else Now()
        plant.save(update_fields=["idempotency_keys", "answered", "caught", "answered_at"])
    elif key == plant.idempotency_keys[-1] and plant.answered != said:
        raise KeyReused(_("This idempotency key was used for another answer. Use a new key for a new answer."))
    if answer.is_undo:
        return ReviewResult(plant.image_id, "taken_back")
    if answer.categories is None:
        return ReviewResult(plant.image_id, "sent_back")
    return ReviewResult(plant.image_id, "saved", categories=said)
