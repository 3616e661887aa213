"""Many files at once for the command line: paths in, one per line as JSON, answers out the same way.

Knows files and one model. Which files, and how answers are shown, is labeler/management/commands/predict.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labeler.intake.budget import decoded
from labeler.intake.check import Refused
from labeler.intake.renditions import make_renditions, make_thumbnail
from labeler.models import TrainingRun
from worker.inference import drawn_models, model_cache, saved_models
from worker.ml.saved import predict
from worker.ml.saved.drawn import DrawnModel
from worker.ml.saved.predict import Model

BATCH = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that was read: what the model looks at, and width and height of the upright original in px."""

    file: str
    content: bytes
    size: tuple[int, int]


def answer_lines(run_id: int, lines: Iterable[str]) -> Iterator[str]:
    """For each path (a JSON string) one line: {"file", "categories", "probability", "probabilities"} by class id, or
    {"file", "refused"} with a sentence. The first line is {"calibrated"}. Raises CheckpointDamaged.

    A model that draws says {"file", "width", "height", "categories", "probability", "objects"}, in px of the upright
    image; its objects as Prediction.drawn has them.
    """
    run = TrainingRun.objects.select_related("project").get(pk=run_id)
    if run.project.draws:
        drawing = model_cache.drawn_model_of(run)
        yield json.dumps({"calibrated": drawing.calibrated})
        answers = partial(_drawn_answers, drawing, str(run.project.task))
    else:
        model = model_cache.model_of(run)
        yield json.dumps({"calibrated": model.calibrated})
        answers = partial(_answers, model)
    waiting: list[Picture] = []
    for line in lines:
        path = json.loads(line)
        try:
            # As the same image would have in a project: the model says the same of both.
            with decoded(Path(path)) as image:
                content = make_renditions(image).preview if run.project.draws else make_thumbnail(image)
                waiting.append(Picture(path, content, (image.checked.width, image.checked.height)))
        except (Refused, OSError) as problem:
            reason = problem.reason if isinstance(problem, Refused) else f"It cannot be read ({problem.strerror})."
            yield json.dumps({"file": path, "refused": reason})
        if len(waiting) == BATCH:
            yield from answers(waiting)
            waiting = []
    yield from answers(waiting)


def _answers(model: Model, waiting: list[Picture]) -> Iterator[str]:
    if not waiting:
        return
    found = predict.predict(model, sources=[one.content for one in waiting])
    for opinion in saved_models.opinions(model, range(len(waiting)), found):
        yield json.dumps({"file": waiting[opinion.image_id].file} | saved_models.told(opinion))


def _drawn_answers(model: DrawnModel, task: str, waiting: list[Picture]) -> Iterator[str]:
    if not waiting:
        return
    said = drawn_models.said(model, task, [one.content for one in waiting], [one.size for one in waiting])
    for one, told in zip(waiting, said, strict=True):
        yield json.dumps({"file": one.file, "width": one.size[0], "height": one.size[1]} | told)
