"""Have a model look at many images, and store what it predicts.

The only module that writes Prediction; queue_order.py orders the queue by what is stored here. Pre-labels are
made by a worker (worker/inference/write_prelabels.py) for one active model: a Job of kind "prelabel". Everything here
may run twice, or stop half-way and run again: predictions are upserts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Now
from numpy.typing import NDArray

from labeler.jobs import jobs, leases
from labeler.labeling import blindness
from labeler.labeling.priorities import recomputable
from labeler.models import Image, Job, Prediction, Project, TrainingRun, columns
from labeler.models.image import Slice, Status
from labeler.models.job import UNFINISHED, Kind, State
from labeler.stats.temper import tempered

STORED = 1024  # predictions per transaction: nobody waits for those
AGAIN_AFTER = timedelta(minutes=10)  # a pre-labeling that failed is not tried again at once
PAUSE = timedelta(seconds=60)  # between two trainings, or two judgements, that nobody asked for
GIVEN = 1_000  # an outside model's predictions per statement


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model says about one image. probabilities as in run.category_ids; categories: the ids it would
    answer.
    """

    image_id: int
    probabilities: list[float]
    categories: list[int]
    probability: float  # of that answer, 0 to 1
    margin: float | None  # 0 unsure, 1 sure; None: an outside model that gave no probabilities
    given: list[float] | None = None  # by an outside model, before any temperature; [] where it gave none
    drawn: list[dict[str, Any]] | None = None  # as Prediction has it; None where classes are predicted


# ---------------------------------------------------------------- asking for them


@transaction.atomic
def request(run: TrainingRun) -> Job:
    """Have the active model look at all images that need it.

    A pre-labeling by another model is cancelled: its work would be thrown away.
    """
    # Two that ask at once would both find no job, and the second's insert would undo what its transaction was about.
    Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    for job in _unfinished(run.project).select_for_update():
        if job.params.get("run") == run.pk:
            return job
        leases.cancel(Job, job.pk)
    return jobs.create(Kind.PRELABEL, project=run.project, requested_by=run.requested_by, params={"run": run.pk})


def stop(project: Project) -> None:
    """Cancel what our own model was about to say: a model of another program is in use now."""
    for job in _unfinished(project):
        leases.cancel(Job, job.pk)


def _unfinished(project: Project) -> QuerySet[Job]:
    return Job.objects.filter(project=project, kind=Kind.PRELABEL, state__in=UNFINISHED)


def are_under_way(project: Project) -> bool:
    """Is the model in use looking at images, or about to?"""
    return _unfinished(project).exists()


def due() -> list[TrainingRun]:
    """Active models that have not seen all images: new ones came in, or their pre-labeling was given up a
    while ago.
    """
    busy = Job.objects.filter(kind=Kind.PRELABEL, state__in=UNFINISHED).values("project")
    models = TrainingRun.objects.active().own().filter(project__trashed_at__isnull=True).exclude(project__in=busy)
    return [run for run in models.select_related("project") if _is_due(run)]


def _is_due(run: TrainingRun) -> bool:
    made = Job.objects.filter(project_id=run.project_id, kind=Kind.PRELABEL, params__run=run.pk)
    last = made.first()
    if last is not None and last.state != State.DONE:
        return made.filter(pk=last.pk, finished_at__lt=Now() - AGAIN_AFTER).exists()
    # Ids rise, so this asks only the images after the last one that was looked at; a search for images
    # without a prediction would read all of them, every few seconds.
    seen = last.result.get("last_image", 0) if last else 0
    return Image.objects.filter(project_id=run.project_id, id__gt=seen).exists()


def images_to_predict(run: TrainingRun) -> QuerySet[Image]:
    """Images the model has not judged and people have not settled, and the held-out ones; next in the queue
    first.

    Settled images that may train are left out: on those the model would grade its own homework. Asked by gain, nothing
    stays settled, and consensus/model_votes.py leaves out what a model has learned from.
    """
    images = Image.objects.filter(project_id=run.project_id)
    if not run.project.ask_by_gain:
        images = images.exclude(status=Status.SETTLED, slice__in=("", Slice.BLIND))
    return images.exclude(predictions__run=run).order_by(F("entry__priority").desc(nulls_last=True), "-id")


def hashes_of(image_ids: Sequence[int]) -> dict[int, str]:
    """SHA-256 by image; what was deleted meanwhile is left out."""
    with connection.cursor() as cursor:
        # By hand: the ORM takes longer to look at a thousand ids than PostgreSQL to find them.
        cursor.execute("SELECT id, sha256 FROM labeler_image WHERE id = ANY(%s)", [list(image_ids)])
        return dict(cursor.fetchall())


def judged(run: TrainingRun, image_ids: Sequence[int]) -> set[int]:
    """Those of these images that the model has judged."""
    return set(run.predictions.filter(image__in=image_ids).values_list("image", flat=True))


def last_image(project: Project) -> int:
    """The highest image id there is: newer ones are not yet predicted."""
    return Image.objects.filter(project=project).aggregate(Max("id"))["id__max"] or 0


def told(project: Project, run_id: int | None = None) -> QuerySet[Prediction]:
    """What a model of the project says, of the images of which that may be told; run_id None: the model in use."""
    rows = Prediction.objects.filter(run__project=project)
    rows = rows.filter(run__is_active=True) if run_id is None else rows.filter(run=run_id)
    images = Image.objects.filter(project=project).exclude(blindness.HIDES_MODEL)
    return rows.filter(image__in=images)


# ---------------------------------------------------------------- storing them


def store(run: TrainingRun, opinions: Iterable[Opinion]) -> int:
    """Write predictions, one per image and run, in chunks; returns how many. Labels and older predictions
    stay as they are.
    """
    # By image: two workers that write the same rows must lock them in the same order.
    rows = sorted(opinions, key=lambda o: o.image_id)
    for start in range(0, len(rows), STORED):
        if run.project.draws:
            _upsert(run, rows[start : start + STORED])
        else:
            _store(run, rows[start : start + STORED])
    return len(rows)


def _store(run: TrainingRun, opinions: Sequence[Opinion]) -> None:
    """One short transaction. The rows go as columns into a table of this connection's own and from there into place:
    100,000 of them follow each new model, and as text they took one half longer, as parameters six times as long.
    """
    n, width = len(opinions), max(1, *(len(o.categories) for o in opinions))
    rows = np.zeros(n, _said(len(opinions[0].probabilities), width))
    rows["image_id"] = [o.image_id for o in opinions]
    rows["probabilities"]["of"]["value"] = np.clip([o.probabilities for o in opinions], 0, 1)
    # No class has the id 0: it fills up answers of fewer classes than the longest.
    rows["categories"]["of"]["value"] = [o.categories + [0] * (width - len(o.categories)) for o in opinions]
    rows["probability"] = np.clip([o.probability for o in opinions], 0, 1)
    rows["margin"] = np.clip([o.margin for o in opinions], 0, 1)
    with transaction.atomic(), connection.cursor() as cursor:
        recomputable(cursor)
        cursor.execute(
            """
            CREATE TEMPORARY TABLE IF NOT EXISTS said (image_id bigint, probabilities float8[], categories bigint[],
                                                       probability float8, margin float8) ON COMMIT DELETE ROWS
            """
        )
        columns.write("said", rows)
        cursor.execute(
            """
            INSERT INTO labeler_prediction
                (image_id, run_id, probabilities, categories, probability, margin, created_at)
            SELECT image_id, %s, probabilities, array_remove(categories, 0), probability, margin, now()
            FROM said ORDER BY image_id
            ON CONFLICT (image_id, run_id) DO UPDATE SET probabilities = excluded.probabilities,
                categories = excluded.categories, probability = excluded.probability, margin = excluded.margin
            """,
            [run.pk],
        )
        cursor.execute("DELETE FROM said")  # a transaction around this one may store more


def store_given(run: TrainingRun, opinions: Sequence[Opinion]) -> int:
    """Write what an outside model gave, one row per image, each image once; how many images are new to this model.

    Call in a transaction that has locked the run. Unlike store(), durable: nobody here could compute it again.
    """
    before = Prediction.objects.filter(run=run, image__in=[o.image_id for o in opinions]).count()
    _upsert(run, opinions)
    return len(opinions) - before


def _upsert(run: TrainingRun, opinions: Sequence[Opinion]) -> None:
    """One row per image and run, new or in place of the one before."""
    rows = [
        Prediction(
            run=run, image_id=o.image_id, probabilities=o.probabilities, categories=o.categories,
            probability=o.probability, margin=o.margin, given=o.given, drawn=o.drawn,
        )
        for o in sorted(opinions, key=lambda o: o.image_id)
    ]  # fmt: skip
    Prediction.objects.bulk_create(
        rows,
        batch_size=GIVEN,
        update_conflicts=True,
        unique_fields=["image", "run"],
        update_fields=["probabilities", "categories", "probability", "margin", "given", "drawn"],
    )


def opinion_of(
    image_id: int,
    given: NDArray[np.float64],
    answer: list[int],
    places: Sequence[int],
    temperature: float,
    *,
    is_multi: bool,
) -> Opinion:
    """What is stored of (K,) probabilities as they were given: at this temperature, with how sure the answer is.

    places: of the answer's classes among the K.
    """
    p = tempered(given[None], temperature, is_multi)[0]
    if is_multi:
        chosen = np.zeros(len(p), bool)
        chosen[list(places)] = True
        sure, margin = float(np.where(chosen, p, 1 - p).prod()), float((np.abs(p - 0.5) * 2).min(initial=1.0))
    else:
        others = np.delete(p, places[0])
        sure, margin = float(p[places[0]]), max(0.0, float(p[places[0]] - others.max(initial=0.0)))
    return Opinion(image_id, p.tolist(), answer, min(1.0, sure), min(1.0, margin), given.tolist())


def calibrate(run: TrainingRun, temperature: float, *, tick: Callable[[], None]) -> int:
    """Put an outside model's probabilities at another temperature, from those it gave; how many rows.

    Not those that somebody was shown: their label says what was on the screen.
    """
    position, changed, last = {pk: at for at, pk in enumerate(run.category_ids)}, 0, 0
    with_p = Prediction.objects.filter(run=run, margin__isnull=False)
    while True:
        tick()
        with transaction.atomic():
            # By image, and locked: as store_given() writes them.
            rows = list(with_p.filter(image__gt=last).select_for_update().order_by("image")[:GIVEN])
            if not rows:
                return changed
            last, seen = rows[-1].image_id, shown(run, [row.image_id for row in rows])
            free = [
                opinion_of(
                    row.image_id, np.array(row.given, float), row.categories, [position[pk] for pk in row.categories],
                    temperature, is_multi=run.project.is_multi,
                )
                for row in rows if row.image_id not in seen
            ]  # fmt: skip
            if free:
                # An upsert of rows that are there: 10,000 of them took a third of the time of CASE by CASE.
                store_given(run, free)
        changed += len(free)


def refuse_objects(run: TrainingRun, images: Mapping[int, Collection[int]]) -> None:
    """Leave objects out of pre-labels that people call wrong, {image: numbers}, and bring back all others of these.

    Not where somebody was shown the pre-label: the label says what was on the screen.
    """
    with transaction.atomic():
        # By image, and locked: as store() writes them.
        there = Prediction.objects.filter(run=run, image__in=images, drawn__isnull=False).select_for_update()
        rows = list(there.order_by("image"))
        seen = shown(run, [row.image_id for row in rows])
        changed = [row for row in rows if row.image_id not in seen and _refuse(row, images[row.image_id])]
        Prediction.objects.bulk_update(changed, ["drawn", "categories", "probability"])


def _refuse(row: Prediction, refused: Collection[int]) -> bool:
    """Set what is shown of the row's objects; false: nothing changed."""
    objects = [dict(one) for one in row.drawn or []]
    for one in objects:
        if one["number"] in refused and one.get("shown", True):
            one |= {"shown": False, "refused": True}
        elif one["number"] not in refused and one.pop("refused", False):
            one["shown"] = True
    if objects == row.drawn:
        return False
    left = [one for one in objects if one.get("shown", True)]
    row.drawn, row.categories = objects, sorted({one["category"] for one in left})
    if row.margin is not None:  # else an outside model gave no probabilities
        others = [one["probability"] or 0.0 for one in objects if not one.get("refused")]
        known = [one["probability"] for one in left if one["probability"] is not None]
        row.probability = min(known, default=1 - max(others, default=0.0))
    return True


def shown(run: TrainingRun, image_ids: Sequence[int]) -> set[int]:
    """Those of these images of which somebody was shown what this model says."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.image_id FROM labeler_prediction p WHERE p.run_id = %s AND p.image_id = ANY (%s)
              AND (EXISTS (SELECT FROM labeler_claim c WHERE c.shown_prediction_id = p.id)
                OR EXISTS (SELECT FROM labeler_label l WHERE l.shown_prediction_id = p.id))
            """,
            [run.pk, list(image_ids)],
        )
        return {row[0] for row in cursor.fetchall()}


@cache
def _said(n_classes: int, n_answers: int) -> np.dtype[Any]:
    return columns.record(
        [("image_id", ">i8"), ("probabilities", columns.array_of(">f8", n_classes)),
         ("categories", columns.array_of(">i8", n_answers)), ("probability", ">f8"), ("margin", ">f8")]
    )  # fmt: skip


def forget_old(project: Project) -> int:
    """Delete predictions of models before the previous one, except those a person was shown or that were accepted;
    returns how many.

    What was shown is part of the label it led to (and of the claim that may still become one).
    """
    # What another program has sent, nobody here could make again.
    made = project.runs.own().filter(predicted_at__isnull=False)
    keep = set(project.runs.active().values_list("pk", flat=True))
    keep |= set(made.exclude(pk__in=keep).order_by("-predicted_at").values_list("pk", flat=True)[:1])
    old = list(project.runs.own().exclude(pk__in=keep).values_list("pk", flat=True))
    deleted = 0
    while old:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                DELETE FROM labeler_prediction WHERE id IN (
                    SELECT p.id FROM labeler_prediction p
                    WHERE p.run_id = ANY(%s)
                      AND NOT EXISTS (SELECT 1 FROM labeler_label l WHERE l.shown_prediction_id = p.id)
                      AND NOT EXISTS (SELECT 1 FROM labeler_claim c WHERE c.shown_prediction_id = p.id)
                      AND NOT EXISTS (SELECT 1 FROM labeler_acceptance a WHERE a.prediction_id = p.id)
                    LIMIT 5000)
                """,
                [old],
            )
            if not cursor.rowcount:
                break
            deleted += cursor.rowcount
    return deleted
