"""How many people each image is for, and the place in the queue it begins at.

Knows quota, slices and rounds. Who gets an image next is claims.py's; nobody else changes seats. Everything here locks
queue entries by rising key and holds nothing that a save waits for (the order of locks: claims.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from labeler.models import Image, Membership, Project, QueueEntry
from labeler.models.image import Slice, Status
from labeler.models.queue import ChosenBy
from labeler.models.statements import execute, fetch, fetch_one

HELD_OUT_SEATS = 2  # images that judge a model (test, calibration, audited) need at least two people to count


def draw(project: Project, sha256: str, purpose: str) -> float:
    """A number in [0, 1) that is random to everyone without the project's salt, and the same for ever."""
    digest = hashlib.sha256(f"{project.salt}:{purpose}:{sha256}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def draw_slice(project: Project, sha256: str) -> Slice:
    """Which images are judged blind: two fifths of the blind share to test, two to calibration, the rest just blind."""
    position = draw(project, sha256, "slice")
    if position >= project.blind_share:
        return Slice.NONE
    part = position / project.blind_share
    return Slice.TEST if part < 0.4 else Slice.CALIBRATION if part < 0.8 else Slice.BLIND


def seats_for(project: Project, image: Image) -> int:
    """The quota of one image: the project's, and never under two for the images that judge models."""
    return _quotas(project)["held_out" if image.is_held_out else "seats"]


def _quotas(project: Project) -> dict[str, int]:
    return {"seats": quota(project), "held_out": max(quota(project), HELD_OUT_SEATS)}


def quota(project: Project) -> int:
    """How many people an image is for when it enters; with adaptive overlap, more where the answers leave doubt.

    Asked by gain, one: who else is worth asking, a worker finds out (labeler/consensus/label_economy.py).
    """
    if project.ask_by_gain:
        return 1
    return project.fewest_labels if project.adaptive_overlap else project.labels_per_image


def enter(project: Project, images: Iterable[Image]) -> None:
    """Give new images their seats and a random place. Call in the transaction that creates them."""
    QueueEntry.objects.bulk_create(
        QueueEntry(
            image=image,
            project=project,
            seats=(seats := seats_for(project, image)),
            seats_left=seats,
            priority=draw(project, image.sha256, "priority"),
        )
        for image in images
    )


def forget_frontiers(project: Project) -> None:
    """Let every search begin at the top again. Call after a new order or new images, when all of it is committed."""
    with transaction.atomic():
        # By rising key: two who do this at once must not wait for each other in a circle.
        rows = Membership.objects.select_for_update(no_key=True).filter(project=project, frontier_image__isnull=False)
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        Membership.objects.filter(pk__in=ids).update(frontier_priority=None, frontier_image=None)


def set_seats(project: Project) -> int:
    """Bring the seats of all images in line with the project's quota, those in its trash included: they come back as
    what the others are. Returns how many changed.

    A quota below what is already claimed or answered leaves no seat open; nothing is taken from anybody.
    """
    changed, last = 0, 0
    while True:
        with transaction.atomic():
            last, n = fetch_one(_SET_SEATS, {"project": project.pk, "last": last, **_quotas(project)})
        if last is None:
            break
        changed += n
    forget_frontiers(project)
    return changed


def take_or_add_seats(taken: dict[int, int]) -> None:
    """Take this many seats of each image, adding seats where too few are left. Call with the entries locked."""
    if not taken:
        return
    execute(
        """
        UPDATE labeler_queueentry e
        SET seats = e.seats + greatest(0, t.n - e.seats_left), seats_left = greatest(0, e.seats_left - t.n)
        FROM unnest(%s::bigint[], %s::int[]) AS t(image, n) WHERE e.image_id = t.image
        """,
        [list(taken), list(taken.values())],
    )


def set_each(wanted: dict[int, int], *, in_doubt: Iterable[int] = ()) -> int:
    """Give each of these images so many seats, never fewer than are taken; how many changed. Call with no locks held.

    in_doubt: images that are asked on because people differ; whoever sits down there from now on knows it as doubt.
    """
    ids, doubted, changed = sorted(wanted), set(in_doubt), 0
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        seats, doubts = [wanted[pk] for pk in part], [pk in doubted for pk in part]
        with transaction.atomic():
            changed += execute(_SET_EACH, [part, part, seats, doubts])
    return changed


BATCH = 1000  # images per transaction, so that nobody who saves waits long
_SET_EACH = """
    WITH locked AS (
        SELECT image_id FROM labeler_queueentry WHERE image_id = ANY (%s) ORDER BY image_id FOR UPDATE
    )
    UPDATE labeler_queueentry e
    SET seats = greatest(n.seats, e.seats - e.seats_left),
        seats_left = greatest(n.seats, e.seats - e.seats_left) - (e.seats - e.seats_left),
        chosen_by = CASE WHEN n.doubt AND e.chosen_by = 'random' THEN 'doubt' ELSE e.chosen_by END
    FROM unnest(%s::bigint[], %s::int[], %s::bool[]) AS n(image_id, seats, doubt) JOIN locked l USING (image_id)
    WHERE e.image_id = n.image_id AND e.seats <> greatest(n.seats, e.seats - e.seats_left)
"""


def adapt(wanted: dict[int, int], *, at_least_as_before: Collection[int] = ()) -> list[int]:
    """Give each of these images so many seats, never fewer than are taken; those that changed, by id.

    at_least_as_before: images of which no open seat is closed. Call with the images locked: then nobody who answers
    meanwhile is missed.
    """
    changed = []
    for entry in QueueEntry.objects.select_for_update().filter(pk__in=list(wanted)).order_by("pk"):
        taken = entry.seats - entry.seats_left
        seats = max(wanted[entry.pk], entry.seats if entry.pk in at_least_as_before else taken)
        if seats != entry.seats:
            if seats > entry.seats and taken and entry.chosen_by == ChosenBy.RANDOM:
                # Who comes now is asked because the others differ: such answers speak for the hard images, and
                # agreement on randomly chosen ones must not count them. The first ones stay what they are.
                entry.chosen_by = ChosenBy.DOUBT
            entry.seats, entry.seats_left = seats, seats - taken
            changed.append(entry)
    QueueEntry.objects.bulk_update(changed, ["seats", "seats_left", "chosen_by"])
    return [entry.pk for entry in changed]


def add_seats_for_others(project: Project, image_ids: Sequence[int], people: Sequence[int]) -> list[int]:
    """Seat as many others as the quota asks for, beside these people who sit there; images that got seats, by id.

    Asked again it adds nothing: seats that are open or taken by others count. Waits for entries, by rising key; holds
    nothing else.
    """
    params: dict[str, Any] = {"images": sorted(image_ids), "people": list(people), **_quotas(project)}
    with transaction.atomic():
        return sorted(row[0] for row in fetch(_SEAT_OTHERS, params))


_SEAT_OTHERS = """
    WITH batch AS (
        SELECT e.image_id, CASE WHEN i.slice IN ('test', 'calibration') OR e.chosen_by = 'audit' THEN %(held_out)s
                                ELSE %(seats)s END + (
            SELECT count(*) FROM labeler_claim c WHERE c.image_id = e.image_id AND c.round = e.round AND c.holds_seat
              AND c.annotator_id = ANY (%(people)s)) AS wanted
        FROM labeler_queueentry e JOIN labeler_image i ON i.id = e.image_id
        WHERE e.image_id = ANY (%(images)s) ORDER BY e.image_id FOR UPDATE OF e
    )
    UPDATE labeler_queueentry e SET seats_left = e.seats_left + (b.wanted - e.seats), seats = b.wanted
    FROM batch b WHERE e.image_id = b.image_id AND b.wanted > e.seats
    RETURNING e.image_id
"""


# ---------------------------------------------------------------- images that a model's answer stands for


def set_aside(project: Project, accepted: Sequence[int], audited: Sequence[int]) -> None:
    """Ask nobody about the accepted images; the audited ones come first, to two people at least.

    Call with images and entries locked.
    """
    execute("UPDATE labeler_queueentry SET accepted = true WHERE image_id = ANY (%s)", [list(accepted)])
    execute(
        """
        UPDATE labeler_queueentry
        SET accepted = false, chosen_by = 'audit', priority = 1.0,
            seats = greatest(seats, %(fewest)s), seats_left = seats_left + greatest(0, %(fewest)s - seats)
        WHERE image_id = ANY (%(images)s)
        """,
        {"images": list(audited), "fewest": HELD_OUT_SEATS},
    )


def reopen_seats(project: Project, images: Sequence[Image]) -> None:
    """Ask people about these images again: each lies where it was drawn. Call with images and entries locked.

    Audited ones that somebody answered keep their place: they go on to their second answer.
    """
    execute(
        """
        UPDATE labeler_queueentry e
        SET accepted = false,
            chosen_by = CASE WHEN e.chosen_by = 'audit' AND n.free THEN 'random' ELSE e.chosen_by END,
            priority = CASE WHEN e.chosen_by = 'audit' AND n.free THEN n.priority ELSE e.priority END,
            seats_left = CASE WHEN e.chosen_by = 'audit' AND n.free THEN n.seats ELSE e.seats_left END,
            seats = CASE WHEN e.chosen_by = 'audit' AND n.free THEN n.seats ELSE e.seats END
        FROM (
            SELECT t.image_id, t.priority, t.seats, NOT EXISTS (
                SELECT 1 FROM labeler_claim c
                WHERE c.image_id = t.image_id AND c.round = q.round AND c.holds_seat) AS free
            FROM unnest(%s::bigint[], %s::float8[], %s::int[]) AS t(image_id, priority, seats)
            JOIN labeler_queueentry q USING (image_id)) n
        WHERE e.image_id = n.image_id
        """,
        [
            [image.pk for image in images],
            [draw(project, image.sha256, "priority") for image in images],
            [seats_for(project, image) for image in images],
        ],
    )


def begin_round(project: Project, image_ids: Sequence[int]) -> None:
    """Begin a round of these images, one higher: no votes, every seat given back. Call with images and entries locked.

    Claims of earlier rounds hold no seat from now on: their answers are history. One that is being answered or given
    back at this moment is passed by: whoever does it waits for us, and finds another round. With adaptive overlap, or
    asked by gain, an image begins with the fewest seats again, as what it was before anybody differed.
    """
    Image.objects.filter(pk__in=image_ids).update(
        round=F("round") + 1, tally={}, n_votes=0, status=Status.UNLABELED, has_decision=False, disagreement=0.0,
        disputed_objects=None,
    )  # fmt: skip
    execute(
        """
        WITH held AS (
            SELECT id FROM labeler_claim WHERE image_id = ANY (%(images)s) AND (holds_seat OR state = 'open')
            FOR NO KEY UPDATE SKIP LOCKED
        ), over AS (
            UPDATE labeler_claim c
            SET holds_seat = false, state = CASE WHEN state = 'open' THEN 'released' ELSE state END
            FROM held WHERE c.id = held.id
        )
        UPDATE labeler_queueentry SET round = round + 1, seats_left = seats WHERE image_id = ANY (%(images)s)
        """,
        {"images": list(image_ids)},
    )
    if project.adaptive_overlap or project.ask_by_gain:
        execute(
            """
            UPDATE labeler_queueentry e
            SET seats = n.seats, seats_left = n.seats,
                chosen_by = CASE e.chosen_by WHEN 'doubt' THEN 'random' ELSE e.chosen_by END
            FROM (
                SELECT id, CASE WHEN slice IN ('test', 'calibration') THEN %(held_out)s ELSE %(seats)s END AS seats
                FROM labeler_image WHERE id = ANY (%(images)s)) n
            WHERE e.image_id = n.id
            """,
            {"images": list(image_ids), **_quotas(project)},
        )


# A thousand images per transaction, so that nobody who saves waits long; locked by rising key, as in expire_leases.
# Never fewer seats than are taken: the invariant "left + held = seats" must survive.
_SET_SEATS = """
    WITH batch AS (
        SELECT e.image_id, CASE WHEN i.slice IN ('test', 'calibration') OR e.chosen_by = 'audit' THEN %(held_out)s
                                ELSE %(seats)s END AS wanted
        FROM labeler_queueentry e JOIN labeler_image i ON i.id = e.image_id
        WHERE e.project_id IN (SELECT id FROM labeler_project WHERE %(project)s IN (id, trash_of_id))
          AND e.image_id > %(last)s
        ORDER BY e.image_id LIMIT 1000 FOR UPDATE OF e
    ), changed AS (
        UPDATE labeler_queueentry e
        SET seats = greatest(b.wanted, e.seats - e.seats_left),
            seats_left = greatest(b.wanted, e.seats - e.seats_left) - (e.seats - e.seats_left)
        FROM batch b
        WHERE e.image_id = b.image_id AND e.seats <> greatest(b.wanted, e.seats - e.seats_left)
        RETURNING e.image_id
    )
    SELECT (SELECT max(image_id) FROM batch), (SELECT count(*) FROM changed)
"""
