"""Labels that a model doubts."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from labeler.models import TrainingRun
from tests.helpers.factories import make_model


def doubted(image, label, suggested, doubt=0.9, confident=True):
    return {"image": image.pk, "label": label, "suggested": suggested, "doubt": doubt, "confident": confident}


def model_that_doubts(project, *suspects, ago=timedelta(minutes=5), **fields) -> TrainingRun:
    found = {"n": len(suspects), "suspects": list(suspects)}
    return make_model(project, metrics={"label_errors": found}, finished_at=timezone.now() - ago, **fields)
