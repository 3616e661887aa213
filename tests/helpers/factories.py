"""Rows for tests, made the short way. What a test is about is made by the product's own verbs instead."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model

from labeler.intake import import_labels
from labeler.jobs import jobs
from labeler.labeling import seats
from labeler.models import (
    Category,
    GuidelineVersion,
    Image,
    Job,
    Membership,
    Prediction,
    Project,
    Role,
    TrainingRun,
)
from labeler.models.image import Slice

User = get_user_model()
_serial = count(1)


def begin_anew() -> None:
    """Count from one again: what a test makes has the same names and contents whatever ran before it."""
    global _serial
    _serial = count(1)


def make_user(username: str, **fields: Any):
    """A person who cannot log in by password; tests use force_login."""
    user = User(username=username, **fields)
    user.set_unusable_password()
    user.save()
    return user


def make_project(*members, lead=None, categories=("cat", "dog", "fox"), **fields: Any) -> Project:
    """A project with classes, annotators and perhaps a lead. Nothing is blind unless blind_share is given."""
    fields.setdefault("name", f"Project {next(_serial)}")
    fields.setdefault("blind_share", 0.0)
    project = Project.objects.create(created_by=lead, **fields)
    GuidelineVersion.objects.create(project=project, number=1, text=project.guideline, author=lead)
    for position, name in enumerate(categories):
        Category.objects.create(project=project, name=name, position=position)
    for user in members:
        join(project, user)
    if lead is not None:
        join(project, lead, Role.LEAD)
    return project


def join(project: Project, user, role: Role = Role.ANNOTATOR) -> Membership:
    return Membership.objects.create(project=project, user=user, role=role)


def category(project: Project, name: str) -> int:
    """The id of a class."""
    return project.categories.get(name=name).pk


def add_images(
    project: Project,
    n: int,
    *,
    labels_needed: int | None = None,
    hashes: Sequence[str] | None = None,
    **fields: Any,
) -> list[Image]:
    """`n` images without files, in the queue. `labels_needed` sets their quota; `slice` is drawn unless given.

    hashes: SHA-256 of each, for who adds the files; otherwise of nothing.
    """
    images = []
    for place in range(n):
        serial = next(_serial)
        sha256 = hashes[place] if hashes else hashlib.sha256(f"image {serial}".encode()).hexdigest()
        images.append(
            Image(
                project=project,
                **{
                    "name": f"image-{serial:06}.jpg",
                    "sha256": sha256,
                    "extension": "jpg",
                    "width": 640,
                    "height": 480,
                    "n_bytes": 1000,
                    "slice": seats.draw_slice(project, sha256),
                    **fields,
                },
            )
        )
    images = Image.objects.bulk_create(images)
    seats.enter(project, images)
    if labels_needed is not None:
        from labeler.models import QueueEntry

        QueueEntry.objects.filter(image__in=images).update(seats=labels_needed, seats_left=labels_needed)
    return images


def make_model(project: Project, *, active: bool = True, **fields: Any) -> TrainingRun:
    """A finished run, without a checkpoint."""
    categories = list(project.categories.in_use())
    number = project.runs.count() + 1
    return TrainingRun.objects.create(
        project=project,
        **{
            "number": number,
            "state": "done",
            "is_active": active,
            "category_ids": [c.pk for c in categories],
            "category_names": [c.name for c in categories],
            **fields,
        },
    )


def predict(run: TrainingRun, image: Image, name: str, probability: float = 0.8) -> Prediction:
    """The model's opinion on an image: one class, the rest shared by the others."""
    position = run.category_names.index(name)
    others = (1 - probability) / max(1, len(run.category_ids) - 1)
    return Prediction.objects.create(
        run=run,
        image=image,
        probabilities=[probability if k == position else others for k in range(len(run.category_ids))],
        categories=[run.category_ids[position]],
        probability=probability,
        margin=max(0.0, probability - others),
    )


BLIND = Slice.BLIND


def bring_labels(project, by, rows, *, blind=True, **params):
    """Judgements from elsewhere, as a worker takes them in; declared blind, so that agreement counts them."""
    params = {"format": jobs.JUDGEMENTS, "blind": blind, **params}
    job = Job.objects.create(project=project, kind="import", state="running", requested_by=by, params=params)
    return import_labels.import_judgements(job=job, rows=rows)
