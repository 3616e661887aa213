"""Requests to a worker that keeps models loaded: predictions, explanations, ONNX files, clicks. The only module that
writes Errand.

Knows rows and how long they are kept. What a model computes is worker/inference/requests.py; who may ask is api/.
"""

from __future__ import annotations

import time
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler.errors import Conflict, Invalid, NoModel, NotPossibleNow, TooLarge, TooManyRequests
from labeler.intake import near_duplicates
from labeler.intake.budget import decoded
from labeler.intake.check import Refused, Source
from labeler.intake.renditions import make_renditions, make_thumbnail
from labeler.jobs import dispatch, leases
from labeler.jobs.leases import Lease
from labeler.labeling import blindness
from labeler.models import Errand, Image, Project, TrainingRun
from labeler.models.errand import ErrandKind
from labeler.models.job import UNFINISHED, State
from labeler.training import outside_models, runs

OF_PICTURES = (ErrandKind.PREDICT, ErrandKind.TRY)  # of what is not in the project
AWAITED = (*OF_PICTURES, ErrandKind.CLICK)  # by somebody, now: later nobody wants the answer
KEPT = timedelta(days=1)  # an answered prediction; an explanation by a model that is not in use any more
GIVEN_UP = timedelta(minutes=10)  # a prediction that no worker took: nobody waits for it any more
AGAIN_AFTER = timedelta(minutes=1)  # what failed may be asked for again
# Of one person, and of all: behind these waits half a minute of a worker's time.
MOST_WAITING_OF_ONE, MOST_WAITING = 50, 500
MOST_CLICKS_OF_ONE = 5
# A process has four threads, and an image of 50 megapixels takes seconds. Two at a time; the others are for labels.
_checking = BoundedSemaphore(2)
WAIT_SECONDS = 2.0  # for the memory that other images take
# A thread that waits for an answer saves no labels meanwhile.
_waiting = BoundedSemaphore(1)
_clicking = BoundedSemaphore(2)  # a fifth of a second each
LOOK_SECONDS = (0.01, 0.1)  # between two looks at a row: at first, and at most


# ---------------------------------------------------------------- asking


def predict(
    *, project: Project, asked_by: User | None, source: Source, kind: ErrandKind = ErrandKind.PREDICT
) -> Errand:
    """Ask what is on an image that is not in the project; a worker is told after commit.

    kind TRY: with what speaks for the answer, and the labeled images that look like it; of a model that draws the same.

    Only what the model looks at is kept, a thumbnail or, where people draw, a preview, and only until it is answered.
    Raises NoModel, NotPossibleNow while
    a model of another program is in use, Invalid for what is no image, TooLarge, TooManyRequests, Busy, and Conflict
    for what shows an image of the project that is judged blind.
    """
    _active(project)
    waiting = Errand.objects.filter(kind__in=OF_PICTURES, state__in=UNFINISHED)
    if waiting.filter(asked_by=asked_by).count() >= MOST_WAITING_OF_ONE or waiting.count() >= MOST_WAITING:
        raise TooManyRequests(
            _("Many predictions wait for a worker already. Ask again in a few seconds."), retry_after=5
        )
    if not _checking.acquire(blocking=False):
        raise TooManyRequests(_("Other images are being read at this moment. Ask again in a second."), retry_after=1)
    try:
        with decoded(source, patience=WAIT_SECONDS) as image:
            # Objects are told in px of what was sent, and the preview may be smaller.
            width, height = image.checked.width, image.checked.height
            if project.draws:
                both = make_renditions(image)
                picture, thumbnail = both.preview, both.thumbnail
            else:
                picture = thumbnail = make_thumbnail(image)
    except Refused as refusal:
        raise _refused(source, refusal) from refusal
    finally:
        _checking.release()
    if _shows_a_hidden_one(project, image.checked.sha256, thumbnail):
        raise Conflict(
            _(
                "This image is in the project, or nearly the same as one that is, and judged blind: what the model "
                "says of it is not told."
            )
        )
    asked = {"width": width, "height": height}
    return _create(kind, project=project, asked_by=asked_by, picture=picture, asked=asked)


def _shows_a_hidden_one(project: Project, sha256: str, thumbnail: bytes) -> bool:
    """Is this an image of which the model's word is told to nobody, or nearly the same: saved anew, smaller, paler?

    So a preview or a thumbnail of it is. As newcomers are held against the images of a project, in under a millisecond
    for each thousand that are hidden (intake/near_duplicates.py).
    """
    hidden = Image.objects.filter(blindness.HIDES_MODEL, project=project)
    return hidden.filter(sha256=sha256).exists() or near_duplicates.shows_one_of(
        hidden, near_duplicates.draw(thumbnail)
    )


def _refused(source: Source, refusal: Refused) -> Invalid | TooLarge:
    size = getattr(source, "size", 0)
    if size and size > settings.MAX_IMAGE_BYTES:
        return TooLarge(refusal.reason)
    return Invalid(refusal.reason, fields={"file": [refusal.reason]})


def explain(*, image: Image, asked_by: User | None, category: int = 0) -> Errand:
    """What in an image of the project speaks for a class, in the eyes of the model in use; asked for once and kept.

    category: 0 for the model's own answer, and where people draw for all classes together. Raises NoModel, and Invalid
    for a class that the model does not know.
    """
    run = _active(image.project)
    if category and category not in run.category_ids:
        raise Invalid(_("Model %(n)s does not know this class.") % {"n": run.number}, fields={"category": ["unknown"]})
    return _once(ErrandKind.EXPLAIN, run, asked_by, image=image, category=category)


def click(*, image: Image, asked_by: User | None, asked: dict[str, Any]) -> Errand:
    """Which pixels belong to what was clicked on; asked as worker/inference/clicks.py reads it. TooManyRequests."""
    waiting = Errand.objects.filter(kind=ErrandKind.CLICK, state__in=UNFINISHED)
    if waiting.filter(asked_by=asked_by).count() >= MOST_CLICKS_OF_ONE or waiting.count() >= MOST_WAITING:
        raise TooManyRequests(_("The clicks before are being answered. Try again in a second."), retry_after=1)
    return _create(ErrandKind.CLICK, project_id=image.project_id, image=image, asked_by=asked_by, asked=asked)


def convert(*, run: TrainingRun, asked_by: User | None) -> Errand:
    """The run's model as an ONNX file; made once. Raises NotPossibleNow for a run without a model."""
    _check_own(run)
    if run.state != State.DONE or not run.checkpoint:
        raise NotPossibleNow(
            _("Model %(n)s was not trained to its end, so there is no file of it.") % {"n": run.number}
        )
    return _once(ErrandKind.CONVERT, run, asked_by)


def _active(project: Project) -> TrainingRun:
    run = runs.active(project)
    if run is None:
        raise NoModel(_("This project has no model yet. One is trained when there are labels enough."))
    _check_own(run)
    return run


def _check_own(run: TrainingRun) -> None:
    if run.is_outside:
        raise NotPossibleNow(outside_models.where_from(run))


def _once(kind: ErrandKind, run: TrainingRun, asked_by: User | None, **what: Any) -> Errand:
    """The errand that is there, or a new one. One that failed a while ago is tried anew."""
    known = Errand.objects.filter(kind=kind, run=run, **what)
    errand = known.first()
    if errand is not None:
        stale = known.filter(state=State.FAILED, finished_at__lt=Now() - AGAIN_AFTER)
        with transaction.atomic():
            if leases.try_again(stale):
                dispatch.send_after_commit(_task_of(kind), errand.pk)
                errand.refresh_from_db()
        return errand
    try:
        return _create(kind, project_id=run.project_id, run=run, asked_by=asked_by, **what)
    except IntegrityError:
        return known.get()  # somebody asked at this moment


@transaction.atomic
def _create(kind: ErrandKind, **what: Any) -> Errand:
    errand = Errand.objects.create(kind=kind, **what)
    dispatch.send_after_commit(_task_of(kind), errand.pk)
    return errand


def _task_of(kind: str) -> str:
    return dispatch.CONVERT if kind == ErrandKind.CONVERT else dispatch.ANSWER


def wait_for(errand: Errand, seconds: float) -> Errand:
    """Stay until it is answered, at most so long; one caller per process (two for clicks), the others get it as it is
    at once."""
    seats = _clicking if errand.kind == ErrandKind.CLICK else _waiting
    if errand.is_finished or seconds <= 0 or not seats.acquire(blocking=False):
        return errand
    try:
        until, pause = time.monotonic() + seconds, LOOK_SECONDS[0]
        while not errand.is_finished and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 1.3, LOOK_SECONDS[1])
            errand.refresh_from_db(fields=["state"])
    finally:
        seats.release()
    errand.refresh_from_db()
    return errand


# ---------------------------------------------------------------- for the worker that has taken one


def finish(lease: Lease, *, run: TrainingRun | None, answer: dict[str, Any], drawing: bytes | None = None) -> None:
    """Store the answer; what was sent goes. Raises LeaseLost."""
    lease.finish(run=run, answer=answer, drawing=drawing, picture=None)


# ---------------------------------------------------------------- for beat


def resend_lost() -> int:
    """Tell workers about errands they have not heard of or have dropped; how many. Those that nobody waits for end."""
    leases.fail_rows_without_attempts_left(Errand)
    leases.give_up(
        Errand.objects.filter(kind__in=AWAITED, created_at__lt=Now() - GIVEN_UP),
        "no_answer",
        "No worker answered within ten minutes: is one running that serves the queue “serve”?",
    )
    return sum(dispatch.send_again(_task_of(row.kind), row.pk) for row in leases.waiting(Errand))


def sweep() -> int:
    """Forget what was sent with predictions that ended unanswered, and rows kept long enough; how many rows."""
    ended = Errand.objects.exclude(state__in=UNFINISHED)
    ended.filter(picture__isnull=False).update(picture=None)
    old = ended.filter(created_at__lt=Now() - KEPT)
    # The file of a conversion lies beside its model and goes with it.
    gone = old.filter(kind__in=OF_PICTURES) | old.filter(kind=ErrandKind.EXPLAIN, run__is_active=False)
    clicks = ended.filter(kind=ErrandKind.CLICK, created_at__lt=Now() - GIVEN_UP)
    return gone.delete()[0] + clicks.delete()[0]
