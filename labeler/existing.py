"""Bring in judgements that people made elsewhere. With labeling.py the only module that writes Label.

They count as votes that were given blind and chosen by nobody: each is one person's current answer of the image's
present round, has a seat (an image gets more seats when it needs them), and never takes the place of an answer that is
there. Names without an account become people who cannot log in. Killed at any point and run again, each judgement is in
once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler import categories as label_set
from labeler import recount, seating
from labeler.accounts import audit
from labeler.errors import Invalid
from labeler.intake import lookup
from labeler.intake.judgements import BadRow, Judgement
from labeler.models import AuditEvent, Claim, Label, Membership, Project
from labeler.models.label import Answer, Purpose
from labeler.models.queue import ChosenBy, ClaimState

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BATCH_IMAGES = 500  # one transaction, in which people who save on these images wait
MOST_NAMED = 10_000  # refusals; the rest is counted
LONGEST_ANSWER = 24 * 3600.0
BROUGHT_IN = "account.bring_in"
STRANGER = gettext_lazy(
    "%(name)s has an account here and is no member of this project: add them as a member first, or use another name."
)


@dataclass(slots=True)
class Outcome:
    """What became of the rows."""

    labels_added: int = 0
    duplicates: int = 0  # the same person's same answer is there already
    n_refused: int = 0
    refused: list[BadRow] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.labels_added + self.duplicates + self.n_refused

    def refuse(self, row: int, name: str, reason: str) -> None:
        self.n_refused += 1
        if len(self.refused) < MOST_NAMED:
            self.refused.append(BadRow(row, name, reason))

    def as_json(self) -> dict[str, Any]:
        """For Job.result, the REST answer and --json."""
        refused: list[dict[str, Any]] = [{"name": r.name, "row": r.row, "reason": r.reason} for r in self.refused]
        if self.n_refused > len(refused):
            refused.append({"name": "", "reason": f"… and {self.n_refused - len(refused):,} more rows."})
        return {
            "added": 0, "duplicates": self.duplicates, "labels_added": self.labels_added, "predictions_added": 0,
            "refused": refused,
        }  # fmt: skip


@dataclass(slots=True)
class _Said:
    """One judgement, its names looked up. Several rows of one person on one image, in multi-label work, are one."""

    rows: list[int]
    name: str
    image_id: int
    person_id: int
    categories: list[int]
    answer: str
    created_at: Any
    seconds: float | None


def bring_in(
    *,
    project: Project,
    by: User | None,
    rows: Iterable[Judgement | BadRow],
    progress: Callable[[Outcome, int], None] = lambda outcome, total: None,
) -> Outcome:
    """Take judgements into a project; what cannot be used is refused row by row, with the reason.

    by: who asked, for the audit. progress(outcome, rows in all) is called between batches and may raise to stop.
    """
    outcome = Outcome()
    readable = []
    for row in rows:
        if isinstance(row, BadRow):
            outcome.refuse(row.row, row.name, row.reason)
        else:
            readable.append(row)
    total = len(readable) + outcome.n_refused
    progress(outcome, total)
    people = _people(project, by, {row.annotator for row in readable})
    said = _look_up(project, readable, people, outcome)
    by_image: dict[int, list[_Said]] = defaultdict(list)
    for one in said:
        by_image[one.image_id].append(one)
    ids = iter(sorted(by_image))
    while batch := list(islice(ids, BATCH_IMAGES)):
        _store(project, batch, [one for pk in batch for one in by_image[pk]], outcome)
        progress(outcome, total)
    seating.forget_frontiers(project)
    if outcome.labels_added:
        audit(by, "labels.import", project=project, subject=project.name, labels=outcome.labels_added)
    return outcome


# ---------------------------------------------------------------- names


def _people(project: Project, by: User | None, names: set[str]) -> dict[str, int | str]:
    """User id by name, or the sentence why that name cannot be used. New names become accounts without a password."""
    users = get_user_model()
    known = {person.get_username(): person for person in users.objects.filter(username__in=names)}
    members = set(Membership.objects.filter(project=project).values_list("user_id", flat=True))
    # People who were brought in before, here or in another project: nobody can log in as them.
    made = AuditEvent.objects.filter(action=BROUGHT_IN, subject__in=names).values_list("subject", flat=True)
    earlier = {name for name in made if name in known and not known[name].has_usable_password()}
    found: dict[str, int | str] = {}
    for name in sorted(names):
        if name in known:
            is_ours = known[name].pk in members or name in earlier
            found[name] = known[name].pk if is_ours else STRANGER % {"name": name}
            continue
        try:
            UnicodeUsernameValidator()(name)
        except ValidationError:
            found[name] = "An annotator's name has letters, digits and @ . + - _ only."
            continue
        with transaction.atomic():
            person = users.objects.create_user(name, password=None)
            audit(by, BROUGHT_IN, project=project, subject=name)
        found[name] = person.pk
    return found


def _look_up(project: Project, rows: list[Judgement], people: dict[str, int | str], outcome: Outcome) -> list[_Said]:
    images = lookup.by_name(project, {row.file_name for row in rows})
    index = label_set.index(project)
    now = timezone.now()
    said: dict[tuple[int, int], _Said] = {}
    for row in rows:
        person, image = people[row.annotator], images.get(row.file_name)
        if image is None or isinstance(image, str) or isinstance(person, str):
            reason = image or _("This project has no image of that name.") if not isinstance(image, int) else person
            outcome.refuse(row.row, row.file_name, str(reason))
            continue
        try:
            ids = index.resolve(row.classes)
        except Invalid as error:
            outcome.refuse(row.row, row.file_name, error.message)
            continue
        earlier = said.get((image, person))
        if earlier is None:
            said[image, person] = _Said(
                [row.row], row.file_name, image, person, ids, row.answer, row.created_at or now, row.seconds
            )
        elif project.is_multi and earlier.answer == row.answer == Answer.LABELED:
            earlier.rows.append(row.row)
            earlier.categories = sorted({*earlier.categories, *ids})
        elif (earlier.categories, earlier.answer) == (ids, row.answer):
            outcome.duplicates += 1
        else:
            outcome.refuse(
                row.row,
                row.file_name,
                _("Row %(row)s has another answer of %(name)s on this image.")
                % {"row": earlier.rows[0], "name": row.annotator},
            )
    return list(said.values())


# ---------------------------------------------------------------- rows


# Locks in the order of queue.py: memberships, so that these people are given nothing meanwhile; claims, images, queue
# entries; each kind by rising key.
_LOCK_MEMBERS = """
    SELECT id FROM labeler_membership WHERE project_id = %(project)s AND user_id = ANY (%(people)s)
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_CLAIMS = """
    SELECT id FROM labeler_claim WHERE image_id = ANY (%(images)s) AND annotator_id = ANY (%(people)s)
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_IMAGES = "SELECT id, round FROM labeler_image WHERE id = ANY (%(images)s) ORDER BY id FOR NO KEY UPDATE"
_LOCK_ENTRIES = "SELECT image_id FROM labeler_queueentry WHERE image_id = ANY (%(images)s) ORDER BY image_id FOR UPDATE"


def _store(project: Project, images: list[int], said: list[_Said], outcome: Outcome) -> None:
    """One batch of images in one transaction: claims, seats, labels, counters."""
    with transaction.atomic(), connection.cursor() as cursor:
        wanted: dict[str, Any] = {
            "project": project.pk,
            "images": images,
            "people": sorted({one.person_id for one in said}),
        }
        cursor.execute(_LOCK_MEMBERS, wanted)
        cursor.execute(_LOCK_CLAIMS, wanted)
        cursor.execute(_LOCK_IMAGES, wanted)
        rounds = dict(cursor.fetchall())
        cursor.execute(_LOCK_ENTRIES, wanted)
        there = _answers_there(images, wanted["people"])
        fresh, taken_back = [], {}
        for one in said:
            known = there.get((one.image_id, one.person_id, rounds[one.image_id]))
            if known is None:
                fresh.append(one)
            elif known.answer == Answer.UNDONE:
                # The person took their answer back; what they said elsewhere takes the place of that row.
                fresh.append(one)
                taken_back[one.image_id, one.person_id] = known.label_id
            elif (known.answer, known.categories) == (one.answer, one.categories):
                outcome.duplicates += len(one.rows)
            else:
                outcome.refuse(
                    one.rows[0], one.name, _("There is another answer of this person on this image already.")
                )
        _sit_down(project, fresh, rounds)
        Label.objects.filter(pk__in=taken_back.values()).update(superseded_at=timezone.now())
        Label.objects.bulk_create(
            Label(
                project=project, image_id=one.image_id, annotator_id=one.person_id, round=rounds[one.image_id],
                purpose=Purpose.VOTE, answer=one.answer, categories=one.categories, chosen_by=ChosenBy.RANDOM,
                seconds=None if one.seconds is None else min(one.seconds, LONGEST_ANSWER),
                guideline_version=project.guideline_version, label_set_version=project.label_set_version,
                created_at=one.created_at, supersedes_id=taken_back.get((one.image_id, one.person_id)),
            )
            for one in fresh
        )  # fmt: skip
        # Here, with the images locked: an answer that is taken back a moment later must have been counted.
        recount.these(project, images)
        outcome.labels_added += len(fresh)


class _There(NamedTuple):
    """A current row of somebody on an image: perhaps one that says that they took their answer back."""

    label_id: int
    answer: str
    categories: list[int]


def _answers_there(images: list[int], people: list[int]) -> dict[tuple[int, int, int], _There]:
    """By image, person and round."""
    rows = Label.objects.filter(image__in=images, annotator__in=people, superseded_at=None, purpose=Purpose.VOTE)
    return {
        (image, person, round_): _There(pk, answer, list(categories))
        for pk, image, person, round_, answer, categories in rows.values_list(
            "pk", "image_id", "annotator_id", "round", "answer", "categories"
        )
    }


def _sit_down(project: Project, fresh: list[_Said], rounds: dict[int, int]) -> None:
    """An answered claim with a seat for each; images that have no seat left get one more."""
    claims = {
        (claim.image_id, claim.annotator_id): claim
        for claim in Claim.objects.filter(
            image__in={one.image_id for one in fresh}, annotator__in={one.person_id for one in fresh}
        )
        if claim.round == rounds[claim.image_id] and claim.purpose == Purpose.VOTE
    }
    taken: dict[int, int] = defaultdict(int)
    new, changed = [], []
    for one in fresh:
        claim = claims.get((one.image_id, one.person_id))
        if claim is None or not claim.holds_seat:
            taken[one.image_id] += 1
        if claim is None:
            new.append(
                Claim(
                    project=project, image_id=one.image_id, annotator_id=one.person_id, round=rounds[one.image_id],
                    state=ClaimState.ANSWERED, holds_seat=True, chosen_by=ChosenBy.RANDOM,
                    claimed_at=one.created_at, expires_at=one.created_at,
                )
            )  # fmt: skip
        else:
            claim.state, claim.holds_seat = ClaimState.ANSWERED, True
            changed.append(claim)
    seating.seat_more(taken)
    Claim.objects.bulk_create(new)
    Claim.objects.bulk_update(changed, ["state", "holds_seat"])
