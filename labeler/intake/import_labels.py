"""Import judgements that people made elsewhere.

Each is marked with its import, and is one person's current answer of the image's present round. It has a seat (an image
gets more seats when it needs them) and never takes the place of an answer that is there. It counts as given blind, and
as chosen by nobody, only where whoever imports says so. Nobody is given words: an author is a person who cannot log in,
made here for a name without an account; only an administrator may name others. Killed at any point and run again, each
judgement is in once. The rows are written by labeling/import_rows.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.accounts.audit import audit
from labeler.accounts.people import without_password
from labeler.errors import Invalid, NotPossibleNow
from labeler.intake import lookup
from labeler.intake.formats.judgements import Judgement
from labeler.intake.outcomes import LabelImportResult, Refusal
from labeler.label_set import categories as label_set
from labeler.labeling import import_rows, object_rows, seats
from labeler.labeling.import_rows import There
from labeler.labeling.objects import Drawing, Drawn
from labeler.models import AuditEvent, Job, Project
from labeler.models.label import Answer
from labeler.stats.pace import LONGEST_ANSWER

BATCH_IMAGES = 500  # one transaction, in which people who save on these images wait
LONGEST_NAME = 150
BROUGHT_IN = "account.bring_in"
NAMES_LOCK = 0x1A77  # advisory: two imports that meet the same new name make one account
OF_A_PERSON = gettext_lazy(
    "“%(name)s” is an account that can log in, and only its owner answers under it. Write another name, or have an "
    "administrator import the file."
)
NO_NAME = gettext_lazy("An annotator's name has letters, digits and @ . + - _ only.")
SEVERAL = gettext_lazy("Several accounts are called so but for capitals: write the name exactly as one of them is.")
ANOTHER = gettext_lazy("There is another answer of this person on this image already.")


@dataclass(slots=True)
class Judged:
    """One judgement, its names looked up. Several rows of one person on one image, in multi-label work, are one."""

    rows: list[int]
    name: str
    image_id: int
    person_id: int
    categories: list[int]
    answer: str
    created_at: datetime
    seconds: float | None
    drawing: Drawing | None = None  # None: the answer is classes

    @property
    def row(self) -> int | None:
        return self.rows[0] if self.rows else None


def import_judgements(
    *,
    job: Job,
    rows: Iterable[Judgement | Refusal],
    progress: Callable[[LabelImportResult, int], None] = lambda outcome, total: None,
    sink: Callable[[Refusal], None] | None = None,
) -> LabelImportResult:
    """Take judgements into the project of an import; what cannot be used is refused row by row, with the reason.

    job: who asks; its params say whether the judgements were given `blind`, and whether the operator of the server asks
    at a `terminal`. progress(outcome, rows in all) is called between batches and may raise to stop.
    """
    project, outcome = job.project, LabelImportResult(sink=sink)
    if project.draws:
        raise NotPossibleNow(
            _("This project wants drawn objects, and this table names classes only: give it a column “objects”.")
        )
    readable = []
    for row in rows:
        if isinstance(row, Refusal):
            outcome.refuse(row)
        else:
            readable.append(row)
    total = len(readable) + outcome.n_refused
    progress(outcome, total)
    people = find_people(job, list(dict.fromkeys(row.annotator for row in readable)))
    said = _look_up(project, readable, people, outcome)
    by_image: dict[int, list[Judged]] = defaultdict(list)
    for one in said:
        by_image[one.image_id].append(one)
    if said and is_blind(job):
        write_down(job, "labels.declare_blind")  # before any is in: who stops an import has said so all the same
    ids = iter(sorted(by_image))
    while batch := list(islice(ids, BATCH_IMAGES)):
        store(job, batch, [one for pk in batch for one in by_image[pk]], outcome)
        progress(outcome, total)
    seats.forget_frontiers(project)
    if outcome.labels_added:
        write_down(job, "labels.import", labels=outcome.labels_added, blind=is_blind(job))
    return outcome


def is_blind(job: Job) -> bool:
    """Did whoever asked for this import say that its judgements were given blind?"""
    return job.params.get("blind") is True


def write_down(job: Job, action: str, **details: Any) -> None:
    audit(job.requested_by, action, project=job.project, subject=job.project.name, **{"import": job.pk}, **details)


# ---------------------------------------------------------------- names


def find_people(job: Job, names: list[str]) -> dict[str, int | str]:
    """User id by name, or the sentence why that name cannot be used. New names become accounts without a password.

    Names are the same whatever their capitals, as the database folds them: no two accounts are made that differ by them
    alone (accounts.create_person). The first spelling of a new name is kept.
    """
    found: dict[str, int | str] = {}
    with transaction.atomic():
        accounts = _accounts(names)
        ours = _cannot_log_in([person for people in accounts.values() for person in people])
        may_name_anyone, named = _is_administrator(job), []
        for name in names:
            wanted, people = _normal(name), accounts[name]
            try:
                if not people:
                    people.append(_make_person(job, wanted))
                    ours.add(people[0].pk)
            except ValidationError:
                found[name] = str(NO_NAME)
                continue
            except IntegrityError:  # somebody registered under that name at this moment
                found[name] = OF_A_PERSON % {"name": name}
                continue
            exact = [person for person in people if person.get_username() == wanted]
            person = (exact or people)[0]
            if not exact and len(people) > 1:
                found[name] = str(SEVERAL)
            elif person.pk in ours:
                found[name] = person.pk
            elif may_name_anyone:
                found[name] = person.pk
                named.append(person.get_username())
            else:
                found[name] = OF_A_PERSON % {"name": name}
        if named:
            write_down(job, "labels.import_for", people=sorted(set(named)))
    return found


def _normal(name: str) -> str:
    return get_user_model().normalize_username(name)


def _accounts(names: list[str]) -> dict[str, list[User]]:
    """Who is called so, by name; names that differ by capitals alone have one list. Call in a transaction.

    Another import that would make the same new account waits for this transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMES_LOCK])
        cursor.execute("SELECT n, upper(n) FROM unnest(%s::text[]) AS n", [[_normal(name) for name in names]])
        folded = dict(cursor.fetchall())
    people: dict[str, list[User]] = {fold: [] for fold in folded.values()}
    for person in get_user_model().objects.annotate(fold=Upper("username")).filter(fold__in=list(people)):
        people[person.fold].append(person)
    return {name: people[folded[_normal(name)]] for name in names}


def _make_person(job: Job, name: str) -> User:
    """Raises ValidationError, and IntegrityError for a name that somebody has."""
    UnicodeUsernameValidator()(name)
    if len(name) > LONGEST_NAME:
        raise ValidationError(name)
    with transaction.atomic():
        person = without_password(name)
        audit(job.requested_by, BROUGHT_IN, project=job.project, subject=name, **{"import": job.pk})
    return person


def _cannot_log_in(people: list[User]) -> set[int]:
    """Those who were brought in, here or in another project, and for whom nobody has made a way in since."""
    names = [person.get_username() for person in people]
    made = set(AuditEvent.objects.filter(action=BROUGHT_IN, subject__in=names).values_list("subject", flat=True))
    return {
        person.pk
        for person in people
        if person.get_username() in made
        and not (person.has_usable_password() or person.is_staff or person.is_superuser or person.last_login)
    }


def _is_administrator(job: Job) -> bool:
    """Asked when the import runs: who has lost the right since gets nothing by it."""
    by = job.requested_by
    return job.params.get("terminal") is True or (by is not None and by.is_active and by.is_superuser)


def _look_up(
    project: Project, rows: list[Judgement], people: dict[str, int | str], outcome: LabelImportResult
) -> list[Judged]:
    images = lookup.by_name(project, {row.file_name for row in rows})
    index = label_set.index(project)
    known: dict[tuple[str, ...], list[int]] = {}  # the same few classes in every row
    now = timezone.now()
    said: dict[tuple[int, int], Judged] = {}
    for row in rows:
        person, image = people[row.annotator], images.get(row.file_name)
        if image is None or isinstance(image, str) or isinstance(person, str):
            reason = image or _("This project has no image of that name.") if not isinstance(image, int) else person
            outcome.refuse(Refusal(row.file_name, str(reason), row.row))
            continue
        classes = tuple(row.classes)
        if classes not in known:
            try:
                known[classes] = index.resolve(classes)
            except Invalid as error:
                outcome.refuse(Refusal(row.file_name, error.message, row.row))
                continue
        ids = known[classes]
        earlier = said.get((image, person))
        if earlier is None:
            said[image, person] = Judged(
                [row.row], row.file_name, image, person, ids, row.answer, row.created_at or now, row.seconds
            )
        elif project.is_multi and earlier.answer == row.answer == Answer.LABELED:
            earlier.rows.append(row.row)
            earlier.categories = sorted({*earlier.categories, *ids})
        elif (earlier.categories, earlier.answer) == (ids, row.answer):
            outcome.duplicates += 1
        else:
            another = _("Row %(row)s has another answer of %(name)s on this image.")
            reason = another % {"row": earlier.rows[0], "name": row.annotator}
            outcome.refuse(Refusal(row.file_name, reason, row.row))
    return list(said.values())


# ---------------------------------------------------------------- rows


def store(
    job: Job,
    images: list[int],
    said: list[Judged],
    outcome: LabelImportResult,
    repeated: Collection[tuple[int, int]] = (),
) -> list[Judged]:
    """One batch of images in one transaction: claims, seats, labels and their objects, counters. What was added.

    repeated: image and person of what this very run has taken in before, so that it is not counted twice.
    """
    project = job.project
    with transaction.atomic():
        found = import_rows.read(project, images, sorted({one.person_id for one in said}))
        fresh: list[dict[str, Any]] = []
        added: list[Judged] = []
        drawn = _drawn_before(found, said)
        taken: dict[int, int] = defaultdict(int)
        for one in said:
            if one.image_id not in found.rounds:
                gone = _("The image was deleted from the project at this moment.")
                outcome.refuse(Refusal(one.name, gone, one.row))
                continue
            place = (one.image_id, one.person_id, found.rounds[one.image_id])
            known = found.there.get(place)
            if known is None or known.answer == Answer.UNDONE:
                fresh.append(_row(one, found.rounds[one.image_id], known))
                added.append(one)
                if place not in found.sitting:
                    taken[one.image_id] += 1
            elif (known.answer, known.categories) != (one.answer, one.categories) or not is_same(
                one.drawing, drawn.get(known.label_id)
            ):
                outcome.refuse(Refusal(one.name, str(ANOTHER), one.row))
            elif known.import_id == job.pk and place[:2] not in repeated:
                outcome.labels_added += 1  # by an attempt that was killed
                added.append(one)
            else:
                outcome.duplicates += max(1, len(one.rows))
        if fresh:
            by_place = {(one.image_id, one.person_id): one.drawing for one in added}
            import_rows.write(job, fresh, taken, by_place, blind=is_blind(job))
            outcome.labels_added += len(fresh)
    return added


def is_same(drawing: Drawing | None, before: list[Drawn] | None) -> bool:
    """Are these the same objects, in the same order?"""
    if drawing is None or before is None:
        return drawing is None
    return [(one.category, one.shape) for one in drawing.objects] == [(one.category, one.shape) for one in before]


def _drawn_before(found: import_rows.Found, said: list[Judged]) -> dict[int, list[Drawn]]:
    """The objects of answers that are there, by label, where objects come."""
    places = {
        (one.image_id, one.person_id, found.rounds.get(one.image_id, 0)) for one in said if one.drawing is not None
    }
    return object_rows.read(there.label_id for place, there in found.there.items() if place in places)


def _row(one: Judged, round_: int, known: There | None) -> dict[str, Any]:
    """For import_rows.write. known: they took their answer back; what they said elsewhere takes the place of that."""
    return {
        "image": one.image_id, "person": one.person_id, "round": round_, "answer": one.answer,
        "categories": one.categories, "created_at": one.created_at.isoformat(),
        "seconds": None if one.seconds is None else min(one.seconds, LONGEST_ANSWER),
        "supersedes": known.label_id if known else None,
        "kind": "classification" if one.drawing is None else "objects",
    }  # fmt: skip
