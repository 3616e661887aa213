"""Another program's model: registered, its predictions sent, judged as a worker judges it."""

from __future__ import annotations

from typing import Any

from labeler.models import Job, TrainingRun
from labeler.models.job import Kind
from labeler.training import outside_models
from labeler.training.outside_models import Given
from worker.training.judge_outside import judge_job


def outside_model(project: Any, by: Any = None, name: str = "resnet", version: str = "1") -> TrainingRun:
    run, _is_new = outside_models.register(project=project, by=by, name=name, version=version)
    return run


def says(run: TrainingRun, image: Any, name: str, p: float | None = 0.8) -> outside_models.Taken:
    """The model's word on an image: one class, the rest shared by the others; None: without probabilities."""
    others = [other for other in run.project.categories.in_use() if other.name != name]
    shared = None if p is None else {name: p} | {other.name: (1 - p) / len(others) for other in others}
    return outside_models.take_in(run, [Given(image.pk, [name], shared)])


def judge(run: TrainingRun) -> TrainingRun:
    """What a worker does with the judgement that was asked for; the run as it is then."""
    for job in Job.objects.filter(kind=Kind.JUDGE, params__run=run.pk, state="queued"):
        judge_job(job.pk, worker="test")
        job.refresh_from_db()
        assert job.state == "done", job.error
    run.refresh_from_db()
    return run
