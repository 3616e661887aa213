"""What models of other programs say in a file: handed on to labeler.training, which stores it. Never anybody's answer.

A model is known by the name and the version that stand in the file; where there are none, by the file's own name. Knows
which image each prediction is about, not how good it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.imports.classes import ClassPlan
from labeler.imports.drawn import Drawings, is_only_planned
from labeler.intake.formats.item import Item, Predicted, Said
from labeler.intake.outcomes import ItemsResult
from labeler.label_set import categories as label_set
from labeler.models import Job, Prediction, TrainingRun
from labeler.models.label import Answer
from labeler.training import outside_models
from labeler.training.outside_models import LONGEST_NAME, LONGEST_VERSION, Given
from labeler.training.outside_objects import DrawnObject


class Predictions:
    """store() takes a batch; what cannot be used is refused in the result, row by row."""

    def __init__(self, job: Job, plan: ClassPlan, result: ItemsResult, drawings: Drawings, *, dry_run: bool) -> None:
        self.job, self.plan, self.result, self.dry_run = job, plan, result, dry_run
        self._drawings = drawings
        self._runs: dict[tuple[str, str], TrainingRun] = {}
        # Image and run, of what this pass has counted; as one number: a million take 66 MB, as pairs 154.
        self._counted: set[int] = set()

    def store(self, predicted: Sequence[tuple[Item, int | None, Predicted]]) -> None:
        """(row, image id, what a model says) each; no id: an image that a dry run did not bring in."""
        by_model: dict[tuple[str, str], list[tuple[Item, Given]]] = {}
        index = label_set.index(self.job.project)
        for item, image, one in predicted:
            if self.job.project.draws:
                if (given := self._drawn(item, image, one)) is not None:
                    by_model.setdefault(self._model(one), []).append((item, given))
                continue
            try:
                answer = self.plan.resolve(one.classes) if one.classes else None
                p = self._probabilities(one, answer)
            except Invalid as error:
                self.result.refuse_item(item, error.message)
                continue
            if one.classes and answer is None:
                continue  # its classes are left out
            if not image or any(pk < 0 for pk in (*(answer or ()), *p)):
                self.result.predictions_added += 1  # of a dry run
                continue
            if not p and one.probability is not None and answer and not self.job.project.is_multi:
                p = _spread(answer[0], one.probability, index.ids_in_use)
            by_name = {index.names[pk]: value for pk, value in p.items()}
            by_model.setdefault(self._model(one), []).append((item, Given(image, answer, by_name or None)))
        for model, rows in by_model.items():
            self._take_in(model, rows)

    def _drawn(self, item: Item, image: int | None, one: Predicted) -> Given | None:
        if one.objects is None:
            self.result.refuse_item(item, _("This project wants drawn objects, and this names classes."))
            return None
        if not image or is_only_planned(self.plan, one.objects):
            self.result.predictions_added += 1  # of a dry run
            return None
        shapes = self._drawings.shapes(item, one.objects, image)
        if shapes is None:
            return None
        given = [
            DrawnObject(sent["category"], {k: v for k, v in sent.items() if k in ("box", "polygon", "mask")}, p, number)
            for sent, number, p in shapes
        ]
        return Given(image, objects=given)

    def _probabilities(self, one: Predicted, answer: list[int] | None) -> dict[int, float]:
        """By class id; none where a class that is left out had a share. Raises Invalid."""
        p: dict[int, float] = {}
        is_whole = True
        for name, value in one.probabilities.items():
            found = self.plan.resolve([name])
            is_whole = is_whole and found is not None
            for pk in found or ():
                p[pk] = p.get(pk, 0.0) + value
        if not p and not one.classes:
            raise Invalid(_("Give the classes it answers, or the probabilities of the classes."))
        return p if is_whole or self.job.project.is_multi or answer is None else {}

    def _model(self, one: Predicted) -> tuple[str, str]:
        name = " ".join((one.model or self.job.params.get("name", "")).split()) or _("imported predictions")
        return name[:LONGEST_NAME], " ".join(one.version.split())[:LONGEST_VERSION]

    def _take_in(self, model: tuple[str, str], rows: list[tuple[Item, Given]]) -> None:
        run = self._runs.get(model)
        if run is None:
            name, version = model
            project = self.job.project
            run, _new = outside_models.register(project=project, by=self.job.requested_by, name=name, version=version)
            if not self.dry_run:  # which takes it back after each batch
                self._runs[model] = run
        taken = outside_models.take_in(run, [given for _item, given in rows])
        for place, sentence in taken.refused:
            self.result.refuse_item(rows[place][0], sentence)
        for place, number, sentence in taken.refused_objects:
            self.result.refuse_item(rows[place][0], sentence, number)
        refused = {place for place, _sentence in taken.refused}
        images = {given.image_id for place, (_item, given) in enumerate(rows) if place not in refused}
        fresh = [pk for pk in images if (pk << 32 | run.pk) not in self._counted]
        self._counted.update(pk << 32 | run.pk for pk in fresh)
        # Since this import was asked for: an attempt of it that was killed counts, an earlier import of the file not.
        there = Prediction.objects.filter(run=run, image__in=fresh, created_at__gte=self.job.created_at)
        self.result.predictions_added += there.count()


def _spread(answer: int, probability: float, classes: Collection[int]) -> dict[int, float]:
    """Of one class alone the file gives a probability: the others share the rest alike.

    Empty where another class would then be likelier than the answer: then it is a score, and no probability.
    """
    others = [pk for pk in classes if pk != answer]
    rest = (1 - probability) / max(1, len(others))
    return {answer: probability, **dict.fromkeys(others, rest)} if others and rest <= probability <= 1 else {}


def of_labels(said: Sequence[Said], name: str) -> list[Predicted]:
    """Labels of a file that are a model's: its name is that of whom they are by, else `name`."""
    return [
        Predicted(one.annotator or name, "", one.classes, objects=one.objects)
        for one in said
        if one.answer == Answer.LABELED
    ]
