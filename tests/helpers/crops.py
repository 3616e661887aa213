"""Objects that a model predicts, for answers to their crops."""

from __future__ import annotations

from typing import Any

from labeler.access import project_for
from labeler.models import TrainingRun
from labeler.review import crops
from tests.helpers.factories import category


def predict(run: TrainingRun, image: Any, *objects: dict[str, Any]) -> None:
    """The model's prediction for an image: boxes of pawns, shown, numbered in turn, unless said otherwise."""
    pawn = category(run.project, "pawn")
    drawn = [
        {"number": n, "category": pawn, "box": [10.0 + 60 * n, 20.0, 40.0, 30.0], "probability": 0.9, "shown": True}
        | one
        for n, one in enumerate(objects)
    ]
    run.predictions.create(
        image=image, categories=[pawn], probabilities=[], probability=0.9, margin=0.8, drawn=drawn
    )  # fmt: skip


def page_of(person: Any, run: TrainingRun, name: str = "pawn") -> list[tuple[int, int]]:
    """(image, number) of the crops that this person is given."""
    project = project_for(person, run.project_id)
    found = crops.open_crops(project=project, member=person, run=run, category=category(project, name))
    return [(crop.image.pk, crop.number) for crop in found]


def say(person: Any, run: TrainingRun, **verdicts: str) -> list[bool]:
    """One person's verdicts on objects named image_number: say(ann, run, i12_0="wrong")."""
    answers = [
        crops.Answer(*(int(part) for part in name[1:].split("_")), verdict) for name, verdict in verdicts.items()
    ]
    project = project_for(person, run.project_id)
    return crops.answer_crops(project=project, member=person, model=run.number, answers=answers)
