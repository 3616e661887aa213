"""Store metadata of images: what is known of them besides their pixels. The only module that changes Image.metadata.

What a newcomer's file says stands in its row from the start (labeler/intake/facts.py, whose fields nobody else writes).
A row changes the fields it names and leaves the others. Written in short transactions of some hundred images, which
lock these images by rising id and nothing else (the order of labeling/claims.py): a label that is saved meanwhile waits
for one of them at most. Stopped at any point and started again, it ends in the same metadata. Knows rows, not where
they come from (intake/formats/metadata.py) or who may see them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotFound
from labeler.intake import lookup
from labeler.intake.formats.judgements import Unusable
from labeler.intake.formats.metadata import MOST_FIELDS, Described, Value, check_keys, flat, typed
from labeler.intake.outcomes import Counted, Refusal
from labeler.intake.private_fields import is_reserved
from labeler.models import Image, Project

BATCH_IMAGES = 500  # one transaction
AUDITED_FIELDS = 50


@dataclass(slots=True)
class MetadataResult(Counted):
    """Of rows of metadata."""

    REST: ClassVar[str] = "further rows"

    updated: int = 0
    unchanged: int = 0  # all that the row says was known


def describe(
    *,
    project: Project,
    by: User | None,
    rows: Iterable[Described | Refusal],
    progress: Callable[[MetadataResult, int], None] = lambda outcome, total: None,
) -> MetadataResult:
    """Take metadata into a project; what cannot be used is refused row by row, with the reason.

    rows: read twice, so no generator: once to know that all of it can be read before anything is written, once to
    write. by: who asked, for the audit. progress(outcome, rows in all) is called between batches and may raise to stop.
    """
    total, fields = _survey(rows)
    outcome = MetadataResult()
    seen: set[int] = set()  # images that a row has spoken of
    is_audited = False
    waiting = iter(rows)
    while part := list(islice(waiting, lookup.LOOKED_UP)):
        said = _find(project, part, seen, outcome)
        ids = iter(sorted(said))
        while batch := list(islice(ids, BATCH_IMAGES)):
            with transaction.atomic():
                has_written = store(project, {pk: said[pk] for pk in batch}, outcome)
                if has_written and not is_audited:
                    # With the first batch: a stop further on must not leave changes that nobody has made.
                    audit(by, "metadata.import", project=project, subject=project.name, rows=total, fields=fields)
                    is_audited = True
            progress(outcome, total)
    progress(outcome, total)
    return outcome


def _survey(rows: Iterable[Described | Refusal]) -> tuple[int, list[str]]:
    """How many rows there are, and the fields they name (the first AUDITED_FIELDS). Raises what reading raises."""
    total, fields = 0, dict[str, None]()
    for row in rows:
        total += 1
        if isinstance(row, Described) and len(fields) < AUDITED_FIELDS:
            fields.update(dict.fromkeys(row.fields))
    return total, list(fields)[:AUDITED_FIELDS]


def _find(
    project: Project, part: list[Described | Refusal], seen: set[int], outcome: MetadataResult
) -> dict[int, Described]:
    """The rows of images that there are, by the image's id; the others are refused."""
    asked: dict[str, set[Any]] = {"file_name": set(), "sha256": set(), "id": set()}
    for row in part:
        if isinstance(row, Described):
            asked[row.by].add(row.image)
    found: dict[tuple[str, Any], int | str] = {
        **{("file_name", name): pk for name, pk in lookup.by_name(project, asked["file_name"]).items()},
        **{("sha256", sha256): pk for sha256, pk in lookup.by_sha256(project, asked["sha256"]).items()},
        **{("id", pk): pk for pk in lookup.by_id(project, asked["id"])},
    }
    said: dict[int, Described] = {}
    for row in part:
        if isinstance(row, Refusal):
            outcome.refuse(row)
            continue
        image = found.get((row.by, row.image)) or lookup.unknown(row.by)
        if image in seen:
            image = _("An earlier row speaks of the same image: one row holds all of it.")
        if isinstance(image, str):
            outcome.refuse(Refusal(str(row.image), image, row.row))
        else:
            seen.add(image)
            said[image] = row
    return said


_WRITE = """
    UPDATE labeler_image SET metadata = new.metadata::jsonb
    FROM unnest(%s::bigint[], %s::text[]) AS new(id, metadata) WHERE labeler_image.id = new.id
"""


def store(project: Project, said: dict[int, Described], outcome: MetadataResult) -> bool:
    """One batch, in the caller's transaction; whether there was anything to write."""
    # Locked by rising id, and read under the lock: of two tables at once, each keeps the other's fields.
    images = Image.objects.select_for_update(no_key=True).filter(project=project, pk__in=said).order_by("pk")
    known = dict(images.values_list("pk", "metadata"))
    changed: dict[int, dict[str, Any]] = {}
    for pk, row in said.items():
        if pk not in known:
            gone = _("The image was deleted from the project at this moment.")
            outcome.refuse(Refusal(str(row.image), gone, row.row))
            continue
        before = known[pk] if isinstance(known[pk], dict) else {}
        # What the product reads from the file is left as it is: a table that it wrote itself may name it.
        given = {key: value for key, value in row.fields.items() if not is_reserved(key)}
        after = _with(before, given)
        if _is_same(before, after):
            outcome.unchanged += 1
        elif reason := _too_many(before, after):
            outcome.refuse(Refusal(str(row.image), reason, row.row))
        else:
            changed[pk] = after
            outcome.updated += 1
    _write(changed)
    return bool(changed)


def _with(before: Mapping[str, Any], changes: Mapping[str, Value]) -> dict[str, Any]:
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


def _too_many(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Why an image cannot have these fields; "" where it can. Those that the product reads itself do not count."""
    own, had = (sum(not is_reserved(key) for key in fields) for fields in (after, before))
    if own <= max(MOST_FIELDS, had):
        return ""
    reason = _("An image has at most %(most)s fields, and with these it would have %(n)s.")
    return reason % {"most": MOST_FIELDS, "n": own}


# ---------------------------------------------------------------- one image, by hand


def edit(*, image: Image, by: User, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change some fields of one image; None takes a field away, and fields not named stay as they are.

    Of two people at once the last wins, field by field. What the image has then. Raises Invalid, with the fields that
    cannot be written, and NotFound when the image is gone.
    """
    given = _checked(changes)
    with transaction.atomic():
        there = Image.objects.select_for_update(no_key=True).filter(pk=image.pk, project=image.project_id)
        row = there.values_list("metadata", flat=True).first()
        if row is None:
            raise NotFound(_("The image is gone."))
        before = row if isinstance(row, dict) else {}
        after = _with(before, given)
        if reason := _too_many(before, after):
            raise Invalid(reason, fields={"metadata": [reason]})
        if not _is_same(before, after):
            _write({image.pk: after})
            named = {key: before.get(key) for key in given if not _is_same_value(before.get(key), given[key])}
            audit(
                by, "metadata.edit", project=image.project_id, subject=f"image {image.pk}", image=image.pk,
                fields=list(named)[:AUDITED_FIELDS],
            )  # fmt: skip
    return after


def _checked(changes: Mapping[str, Any]) -> dict[str, Value]:
    """The changes as they are stored. Raises Invalid."""
    wrong: dict[str, list[str]] = {}
    given: dict[str, Value] = {}
    for key, value in changes.items():
        name = str(key).strip()
        try:
            check_keys([name])
            if is_reserved(name):
                raise Unusable(_("“%(key)s” is read from the file and cannot be changed.") % {"key": name})
            given[name] = flat(name, value)
            if given[name] == "":
                given[name] = None
        except Unusable as unusable:
            wrong[f"metadata.{name[:100]}"] = [str(unusable)]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    return given


def spelled(key: str, text: str) -> Value:
    """What somebody typed: a number, true or false, else the text; None for nothing. Raises Invalid."""
    try:
        return typed(key, text.strip()) if text.strip() else None
    except Unusable as unusable:
        raise Invalid(str(unusable), fields={"metadata": [str(unusable)]}) from unusable


# ---------------------------------------------------------------- what files say


@transaction.atomic
def add_facts(facts: Mapping[int, Mapping[str, Any]]) -> int:
    """Store what was read from the files of images that were in before it was read; of how many. Nobody's deed.

    facts: by the image's id, of the product's own fields.
    """
    images = Image.objects.select_for_update(no_key=True).filter(pk__in=facts).order_by("pk")
    known = dict(images.values_list("pk", "metadata"))
    # A lead's column of such a name, from before it was reserved, gives way to what the file says.
    _write({pk: {**(row if isinstance(row, dict) else {}), **facts[pk]} for pk, row in known.items()})
    return len(known)


def _write(changed: Mapping[int, Mapping[str, Any]]) -> None:
    rows = [json.dumps(fields, ensure_ascii=False, allow_nan=False) for fields in changed.values()]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [list(changed), rows])


def _is_same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return before.keys() == after.keys() and all(_is_same_value(before[key], value) for key, value in after.items())


def _is_same_value(a: Value, b: Value) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b  # to Python True is 1
    if isinstance(a, float) or isinstance(b, float):
        # The database spells 1e22 as a whole number: compare what they stand for.
        return isinstance(a, int | float) and isinstance(b, int | float) and float(a) == float(b)
    return a == b
