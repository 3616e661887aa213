"""The work that beat starts every few seconds: expired claims, the consensus of images with new votes, seats of images
in doubt, trainings and pre-labels that are due.

Everything here may be skipped, run twice, or run on two machines at once: each verb it calls checks for
itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Max, Q
from django.db.models.functions import Now
from django.utils import timezone

from labeler.acceptance import accepting, promises
from labeler.consensus import label_economy, overlap, reliability, snapshots
from labeler.curation import deletion
from labeler.data_checks import check
from labeler.errors import LabelerError, RunInProgress, TooFewLabels
from labeler.intake import facts, import_metadata, incoming, near_duplicates
from labeler.intake.images import media_store
from labeler.labeling import claim_ends, drafts
from labeler.models import Claim, Decision, Label, Project, TrainingRun
from labeler.models.project import ConsensusMethod
from labeler.models.queue import ClaimState
from labeler.releases import files
from labeler.training import image_index, judging, prelabels, runs
from labeler.webhooks import deliveries, events
from worker.indexing import pixels
from worker.training import checkpoints

logger = logging.getLogger(__name__)

SKETCHED_AT_ONCE = 200  # images of before, of each project and each round: half a second
_sketched: set[int] = set()  # projects in which every image was looked for that had no sketch
_not_drawn: set[int] = set()  # images whose thumbnail this process could not read
READ_AT_ONCE = 100  # files of before, of each project and each round, for what they say of themselves
_read_up_to: dict[int, int] = {}  # the last image of a project that was looked for such; LARGEST when there is no more
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Looked:
    """Up to where this process has turned a project's votes into snapshots."""

    label: int
    at: datetime


_looked: dict[int, _Looked] = {}


@dataclass(slots=True)
class _Weighed:
    """When this process last weighed a project's people, what that took, and the images that wait for the next time."""

    # Of the project, and its model: another method, another budget, another model weighs everything anew.
    version: tuple[int, tuple[int, datetime | None] | None]
    at: float = 0.0  # of the monotonic clock
    seconds: float = 0.0
    waiting: set[int] | None = field(default_factory=set)  # None: all


_weighed: dict[int, _Weighed] = {}
# Weighing reads all votes of a project. It takes at most this share of a worker's time, however large the project is.
SHARE_OF_TIME = 1 / 20
# A transaction that was slow to commit shows its label, with an id and a time from before, only later.
OVERLAP_LABELS, OVERLAP = 200, timedelta(minutes=2)


def run_due_work() -> None:
    """One round of everything."""
    return_expired_claims()
    for project in Project.objects.not_in_trash().order_by("pk"):
        refresh_snapshots(project)
    request_due_runs()
    request_prelabels(prelabels.due())  # of images that came in after the active model looked
    request_due_acceptances()
    for run in judging.due():
        judging.request(run)
    request_due_indexes()
    request_first_indexes()
    sketch_older_images()
    read_older_files()
    check.request_due()
    pixels.forget_trashed()
    checkpoints.forget()
    incoming.forget_abandoned()
    pixels.forget_purged(anew=deletion.purge_overdue() > 0)
    drafts.forget_old()
    files.expire()
    if events.collect():
        deliveries.send_due()
    deliveries.forget_old()


def return_expired_claims() -> int:
    """Give back the seats of people who left, in projects where nobody claims (a claim does it too); how many."""
    overdue = Claim.objects.filter(state=ClaimState.OPEN, expires_at__lt=Now()).values("project")
    return sum(claim_ends.expire_leases(project) for project in Project.objects.filter(pk__in=overdue))


def refresh_snapshots(project: Project) -> int:
    """Bring the consensus of images with new votes up to date; of all images when this process starts. How
    many changed.
    """
    at, before = timezone.now(), _looked.get(project.pk)
    images: set[int] | None = None
    newest = Label.objects.filter(project=project).aggregate(Max("id"))["id__max"] or 0
    if before is None:
        changed = snapshots.refresh(project)
    else:
        images = set(
            Decision.objects.filter(image__project=project)
            .filter(Q(created_at__gt=before.at - OVERLAP) | Q(withdrawn_at__gt=before.at - OVERLAP))
            .values_list("image_id", flat=True)
        )
        if newest > before.label:
            labels = Label.objects.filter(project=project, id__gt=before.label - OVERLAP_LABELS)
            images.update(labels.values_list("image_id", flat=True))
        changed = snapshots.refresh(project, images) if images else 0
    _looked[project.pk] = _Looked(newest, at)
    changed += promises.audit_acceptance(project, images)
    return changed + refresh_consensus(project, images)


def refresh_consensus(project: Project, images: set[int] | None) -> int:
    """Infer a project's consensus anew, and give images in doubt their seats, after new votes; how many changed.

    images: those with new votes; None: all. Does nothing in projects of majority and fixed overlap.
    """
    asks = project.adaptive_overlap or project.ask_by_gain
    if project.consensus_method == ConsensusMethod.MAJORITY and not asks:
        _weighed.pop(project.pk, None)
        return 0
    state = _weighed.get(project.pk)
    version = (project.version, _model_of(project))
    if state is None or state.version != version:
        state = _weighed[project.pk] = _Weighed(version, waiting=None)
    elif images is None:
        state.waiting = None
    elif state.waiting is not None:
        state.waiting |= images
    if state.waiting == set() or time.monotonic() - state.at < state.seconds / SHARE_OF_TIME:
        return 0
    began, due = time.monotonic(), state.waiting
    if project.ask_by_gain:
        changed = label_economy.ask_where_gain_is_highest(project)
    else:
        changed = reliability.run(project) if project.consensus_method != ConsensusMethod.MAJORITY else 0
        changed += overlap.adjust(project, due)
    state.at, state.waiting = time.monotonic(), set()
    state.seconds = state.at - began
    return changed


def _model_of(project: Project) -> tuple[int, datetime | None] | None:
    """The active model and when it had looked at all images: its vote counts where the project lets it."""
    if not (project.ask_by_gain or project.consensus_method == ConsensusMethod.WITH_MODEL):
        return None
    return TrainingRun.objects.filter(project=project, is_active=True).values_list("pk", "predicted_at").first()


def request_due_runs() -> int:
    """Ask for the trainings that are due by themselves; how many."""
    requested = 0
    for project in runs.due():
        try:
            runs.request(project=project)
            requested += 1
        except TooFewLabels as reason:
            logger.debug("project %s is not trained yet: %s", project.pk, reason)
        except RunInProgress:
            logger.debug("project %s: somebody asked for a run at this moment", project.pk)
        except LabelerError as error:
            # A project's settings may be wrong; that must not stop the others.
            logger.warning("project %s cannot be trained: %s", project.pk, error)
    return requested


def request_prelabels(due: Iterable[TrainingRun]) -> int:
    """Ask for pre-labels by these active models; of how many projects."""
    requested = 0
    for run in due:
        try:
            prelabels.request(run)
            requested += 1
        except IntegrityError:
            logger.debug("project %s: somebody asked for pre-labels at this moment", run.project_id)
    return requested


def request_due_acceptances() -> int:
    """Ask for what the active models may accept now: it was switched on, or another promise is wanted; how many."""
    return request_prelabels(accepting.due())


def request_due_indexes() -> int:
    """Ask for a look at the images that came in since the last one, for the index of similar images; how many."""
    return len([image_index.request(run) for run in image_index.due()])


def request_first_indexes() -> int:
    """Ask for a look at images of projects without a model, so that the first labels cover them; how many."""
    return len([image_index.request_first(project) for project in image_index.first_due()])


def sketch_older_images() -> int:
    """Know images again that came in before there were sketches, some at a time; how many were left out of training."""
    left_out = 0
    for project in Project.objects.not_in_trash().exclude(pk__in=_sketched).order_by("pk"):
        # What came in since this process started has its sketch from the start.
        todo, drawn = near_duplicates.without(project, SKETCHED_AT_ONCE, _not_drawn), []
        for image in todo:
            try:
                drawn.append((image, near_duplicates.draw(media_store().thumb_path(image.sha256))))
            except OSError:
                _not_drawn.add(image.pk)  # gone or damaged, as doctor says: not asked for every few seconds
        if drawn:
            left_out += near_duplicates.keep_older_sketches(project, drawn)
        if len(todo) < SKETCHED_AT_ONCE:
            _sketched.add(project.pk)
    return left_out


def read_older_files() -> int:
    """Read what files say of themselves (EXIF) that came in before it was read, some at a time; of how many."""
    done, store = 0, media_store()
    for project in Project.objects.not_in_trash().order_by("pk"):
        if (after := _read_up_to.get(project.pk, 0)) == LARGEST:
            continue  # what came in since this process started was read from the start
        todo = facts.without(project, READ_AT_ONCE, after)
        if todo:
            done += import_metadata.add_facts({image.pk: facts.of_older(image, store) for image in todo})
        _read_up_to[project.pk] = todo[-1].pk if len(todo) == READ_AT_ONCE else LARGEST
    return done
