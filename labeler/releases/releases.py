"""Ask for a release, keep what a worker has frozen, rename it, answer its data card, delete it. Writes Release.

Freezing itself is freeze.py's; files in other formats are files.py's. Knows who wrote what down in the audit table, not
who may.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.curation import filters
from labeler.errors import Invalid, NotCancellable, NotPossibleNow
from labeler.jobs import jobs
from labeler.jobs.leases import Lease
from labeler.models import Project, Release, ReleaseFile
from labeler.models.job import UNFINISHED, Kind
from labeler.models.project import Task
from labeler.models.release import ReleaseLabels
from labeler.releases import diff, frozen, index
from labeler.releases.contents import Contents
from labeler.releases.data_set import Class, DataSet, Wanted
from labeler.releases.diff import Diff
from labeler.releases.freeze import Frozen
from labeler.releases.live import check_filter, safe_file_name
from labeler.releases.splits import SPLITS, TRAIN

LONGEST_QUESTION, LONGEST_ANSWER, MOST_ANSWERS = 100, 10_000, 100  # of a data card
MOST_WAITING = 5  # releases of a project that are not frozen yet


def request(
    *,
    project: Project,
    by: User | None,
    name: str = "",
    labels: str = ReleaseLabels.CONSENSUS,
    splits: dict[str, float] | None = None,
    group_by: str = "",
    seed: int = 0,
    location: bool = False,
    filter: Mapping[str, Sequence[str]] | None = None,
    idempotency_key: UUID | None = None,
) -> Release:
    """The next release of a project; a worker freezes it. Raises Invalid, CategoryNotInProject, NotPossibleNow.

    filter: only the images that fit at the moment of freezing, as curation.filters.read() takes it.

    The same idempotency key gives the release it made before; for another request it raises KeyReused.
    """
    if labels not in ReleaseLabels.values:
        raise Invalid(_("A release has the labels “consensus” or “all”."), fields={"labels": ["unknown"]})
    if splits is not None:
        check_splits(splits)
    elif group_by:
        raise Invalid(
            _("Groups are kept together in splits, and this release would have none: say which, or leave the key out."),
            fields={"group_by": ["no splits"]},
        )
    if not project.images.exists():
        raise NotPossibleNow(_("There is no image in this project, so there is nothing to release."))
    # by None: asked for on the server itself.
    kept_filter = filters.kept(project, filter or {}, is_checked=by is None)
    if kept_filter:
        only = filters.read(project, kept_filter, is_checked=True)
        check_filter(only)
        if not only.images(project).exists():
            raise NotPossibleNow(
                _("No image fits this filter, so there is nothing to release."), fields={"filter": ["fits nothing"]}
            )
    part = {"filter": kept_filter} if kept_filter else {}
    said = json.dumps([project.pk, name, labels, splits, group_by, seed, location, *part.values()])
    body_hash = hashlib.sha256(said.encode()).hexdigest()
    with transaction.atomic():
        # One number for one release, also of two people at once.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if idempotency_key is not None and by is not None:
            earlier = jobs.earlier_upload(requested_by=by, key=idempotency_key, body_hash=body_hash)
            if earlier is not None:
                return Release.objects.select_related("job", "project", "created_by").get(job=earlier)
        theirs = Release.objects.filter(project=project)
        if theirs.kept().filter(job__state__in=UNFINISHED).count() >= MOST_WAITING:
            raise NotPossibleNow(_("Several releases of this project are being made already. Wait for them."))
        number = (theirs.aggregate(last=Max("number"))["last"] or 0) + 1
        job = jobs.create(
            Kind.RELEASE, project=project, requested_by=by, params={"number": number, **part},
            idempotency_key=idempotency_key, body_hash=body_hash,
        )  # fmt: skip
        release = Release.objects.create(
            project=project, number=number, name=name.strip()[:200], labels=labels, splits=splits, group_by=group_by,
            seed=seed, location=location, created_by=by, job=job,
        )  # fmt: skip
        audit(by, "release.create", project=project, subject=str(number), name=release.name)
    return release


def check_splits(splits: dict[str, float]) -> None:
    """Raises Invalid for splits that are not train, validation and test, or whose shares do not come to 1."""
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown or TRAIN not in splits or len(splits) < 2:
        raise Invalid(
            _("Splits are train and at least one of validation and test; each has its share."),
            fields={"splits": [f"unknown: {name}"[:100] for name in unknown[:5]] or ["missing"]},
        )
    shares = list(splits.values())
    if not all(math.isfinite(share) and 0 < share < 1 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise Invalid(
            _("The shares of the splits must be above 0 and come to 1; these come to %(sum)s.")
            % {"sum": f"{sum(share for share in shares if math.isfinite(share)):.4g}"},
            fields={"splits": ["sum"]},
        )


def keep(release: Release, found: Frozen, lease: Lease) -> None:
    """What was frozen, and the end of its job: both or neither. Raises LeaseLost, having changed nothing."""
    with transaction.atomic():
        lease.finish(result={"release": release.pk, "checksum": found.checksum})
        Release.objects.filter(pk=release.pk, frozen_at=None).update(
            frozen_at=Now(), checksum=found.checksum, n_bytes=found.n_bytes, manifest=found.manifest
        )
    for path in frozen.folder_of(release.pk).iterdir():
        # What an attempt before this one had finished, when it was killed: of another moment, and nobody's.
        if path.is_file() and not path.name.startswith((found.checksum, ".")):
            path.unlink(missing_ok=True)


def edit(release: Release, *, by: User, name: str | None = None, card: dict[str, str] | None = None) -> Release:
    """Another name, or other answers of the data card; what it holds stays. Raises Invalid.

    Answers are merged into those that are there; an empty one takes its question out.
    """
    changed: dict[str, Any] = {}
    if name is not None:
        changed["name"] = name.strip()[:200]
    if card is not None:
        answers = {**release.card, **card}
        if len(answers) > MOST_ANSWERS or any(
            len(question) > LONGEST_QUESTION or len(text) > LONGEST_ANSWER for question, text in answers.items()
        ):
            raise Invalid(
                _("A data card has at most %(n)s answers, each a text of at most %(long)s characters.")
                % {"n": MOST_ANSWERS, "long": LONGEST_ANSWER},
                fields={"card": ["too long"]},
            )
        changed["card"] = {question: text for question, text in answers.items() if text.strip()}
    if not changed:
        return release
    with transaction.atomic():
        Release.objects.filter(pk=release.pk).update(**changed)
        # Name and answers stand in some formats: those files are built again when they are asked for.
        ReleaseFile.objects.filter(release=release).delete()
        audit(by, "release.edit", project=release.project_id, subject=str(release.number), changed=sorted(changed))
    release.refresh_from_db(fields=list(changed))
    return release


def delete(release: Release, *, by: User) -> None:
    """Take a release away: its files are deleted, its number is given to no other one."""
    with transaction.atomic():
        if not Release.objects.kept().filter(pk=release.pk).update(deleted_at=Now()):
            return
        ReleaseFile.objects.filter(release=release).delete()
        audit(
            by, "release.delete", project=release.project_id, subject=str(release.number), name=release.name,
            checksum=release.checksum,
        )  # fmt: skip
    if release.job is not None and not release.job.is_finished:
        with suppress(NotCancellable):  # it may end at this moment
            jobs.cancel(release.job)
    shutil.rmtree(frozen.folder_of(release.pk), ignore_errors=True)


# ---------------------------------------------------------------- what is read from one


def check_frozen(release: Release) -> None:
    """Raises NotPossibleNow while there is nothing in it."""
    if release.frozen_at is None:
        failed = release.job is not None and release.job.is_finished
        raise NotPossibleNow(
            _("This release could not be made, so it has no files.")
            if failed
            else _("This release is being made. Its files are there when it is.")
        )


def before(release: Release) -> Release | None:
    """The frozen release before this one, among those that are left."""
    return Release.objects.frozen().filter(project=release.project_id, number__lt=release.number).first()


def changes(release: Release, against: Release | None) -> Diff:
    """From another release of the same project to this one; None: from nothing. Raises as check_frozen()."""
    check_frozen(release)
    if against is not None:
        check_frozen(against)
    return diff.between(against, release.labels, index.index_of(release), release.manifest["classes"])


def data_set(release: Release, wanted: Wanted | None = None) -> DataSet:
    """What the formats write from. Raises as check_frozen()."""
    check_frozen(release)
    manifest = release.manifest
    project = manifest["project"]
    asked = wanted or Wanted(labels=release.labels, location=release.location)

    def rows() -> Iterator[Contents]:
        for contents in frozen.read(release.pk, release.checksum):
            yield contents if asked.accepted or contents.by_model is None else contents._replace(by_model=None)

    alone = sum(manifest["by_model"].values()) if asked.accepted else 0
    return DataSet(
        file_name=f"{safe_file_name(project['name'])}-{release.project_id}-release-{release.number}",
        title=project["name"],
        question=project["question"],
        is_multi=project["task"] != Task.SINGLE,
        classes=tuple(Class(one["id"], one["name"], one["description"]) for one in manifest["classes"]),
        rows=rows,
        wanted=asked,
        is_split=bool(release.splits),
        release=facts(release),
        has_outcomes=bool(manifest["outcomes"] + alone),
        task=project["task"],
        background=manifest.get("background", ""),
    )


def facts(release: Release) -> dict[str, Any]:
    """The manifest with what it is called and what is answered about it: of a frozen release, for its files."""
    assert release.frozen_at is not None
    return {
        **release.manifest, "number": release.number, "name": release.name, "checksum": release.checksum,
        "created_at": release.created_at.isoformat(), "frozen_at": release.frozen_at.isoformat(), "card": release.card,
        "by": release.created_by.get_username() if release.created_by else "",
    }  # fmt: skip
