"""What the labels and predictions of a file become, as the person said: judgements, known answers, pre-labels, nothing.

Knows which image each item is about; does not know where it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import Invalid
from labeler.imports import drawn, gold, predictions
from labeler.imports.classes import ClassPlan
from labeler.imports.options import ImportOptions
from labeler.imports.survey import Found
from labeler.intake import import_labels
from labeler.intake.formats.item import Item, Object, Predicted, Said
from labeler.intake.import_labels import Judged
from labeler.intake.outcomes import ItemsResult, LabelImportResult
from labeler.labeling.objects import Drawing
from labeler.models import Job
from labeler.models.label import Answer

NOT_DRAWN = gettext_lazy("This project wants drawn objects, and this answer only names classes.")
NOBODY = gettext_lazy("No annotator is named here.")


class Answers:
    """store() takes a batch, end() writes down what must be known of the whole."""

    def __init__(
        self, job: Job, options: ImportOptions, plan: ClassPlan, result: ItemsResult, found: Found, *, dry_run: bool
    ) -> None:
        self.job, self.options, self.plan, self.result, self.dry_run = job, options, plan, result, dry_run
        self._brings_images = found.brought > 0
        self._drawings = drawn.Drawings(job.project, plan, result)
        self._predictions = predictions.Predictions(job, plan, result, self._drawings, dry_run=dry_run)
        self._judged: set[int] = set()  # image and person, of what this run has stored
        self._people = self._find_people(found)
        self._now = timezone.now()
        if found.judgements and self._people and options.blind and not dry_run:
            import_labels.write_down(job, "labels.declare_blind")

    def _find_people(self, found: Found) -> dict[str, int | str]:
        names = {"people": list(found.people), "source": [self.options.name]}.get(self.options.labels, [])
        if not names or not found.judgements:
            return {}
        with transaction.atomic():
            people = import_labels.find_people(self.job, names)
            transaction.set_rollback(self.dry_run)
        return people

    def store(self, batch: Sequence[tuple[Item, int | None]]) -> None:
        """(item, image id) each; None: an image that a dry run did not bring in."""
        if self.job.project.draws:
            self._drawings.look_up(image for _item, image in batch if image)
        if self.options.labels in ("people", "source"):
            self._store_judgements(batch)
        elif self.options.labels == "gold":
            self._store_gold(batch)
        if self.options.labels != "nothing":
            self._store_predictions(batch)

    def end(self) -> None:
        if self.result.labels_added and not self.dry_run:
            import_labels.write_down(
                self.job, "labels.import", labels=self.result.labels_added, blind=self.options.blind
            )

    # ---------------------------------------------------------------- judgements

    def _store_judgements(self, batch: Sequence[tuple[Item, int | None]]) -> None:
        said: dict[tuple[int, int], Judged] = {}
        for item, image in batch:
            for one in item.judgements:
                person = self._person(item, one)
                if person is None:
                    continue
                if self.job.project.draws and one.answer == Answer.LABELED:
                    self._judge_drawn(said, item, one, image, person)
                    continue
                ids = self._classes(item, one)
                if ids is None:
                    continue
                if not image or any(pk < 0 for pk in ids):
                    self.result.labels_added += 1  # of a dry run
                else:
                    self._judge(said, item, one, image, person, ids)
        if not said:
            return
        part = LabelImportResult()
        repeated = {place for place in said if (place[0] << 32 | place[1]) in self._judged}
        images = sorted({image for image, _person in said})
        added = import_labels.store(self.job, images, list(said.values()), part, repeated)
        for judged in added:
            self.result.objects_added += len(judged.drawing.objects) if judged.drawing else 0
            for change in judged.drawing.changes if judged.drawing else ():
                self.result.objects_mended += change["change"] == "mended"
                self.result.objects_clipped += change["change"] == "clipped"
        self._judged.update(image << 32 | person for image, person in said)
        self.result.labels_added += part.labels_added
        self._count_known(part.duplicates)
        for refusal in part.refused:
            self.result.refuse(refusal)

    def _judge_drawn(
        self, said: dict[tuple[int, int], Judged], item: Item, one: Said, image: int | None, person: int
    ) -> None:
        if one.objects is None:
            self.result.refuse_item(item, NOT_DRAWN)
        elif not image or drawn.is_only_planned(self.plan, one.objects):  # of a dry run
            self.result.labels_added += 1
            self.result.objects_added += len(one.objects)
        elif (drawing := self._drawings.read(item, one.objects, image)) is not None:
            self._judge(said, item, one, image, person, drawing.categories, drawing)

    def _judge(
        self, said: dict[tuple[int, int], Judged], item: Item, one: Said, image: int, person: int, ids: list[int],
        drawing: Drawing | None = None,
    ) -> None:  # fmt: skip
        earlier = said.get((image, person))
        if earlier is None:
            said[image, person] = Judged(
                [item.row] if item.row else [], item.name, image, person, ids, one.answer, one.created_at or self._now,
                one.seconds, drawing,
            )  # fmt: skip
        elif (earlier.categories, earlier.answer) == (ids, one.answer) and import_labels.is_same(
            earlier.drawing, drawing.objects if drawing else None
        ):
            self._count_known(1)
        else:
            self.result.refuse_item(item, import_labels.ANOTHER)

    def _count_known(self, n: int) -> None:
        """What brings images counts those; else it is labels that are here already."""
        if not self._brings_images:
            self.result.duplicates += n

    def _person(self, item: Item, said: Said) -> int | None:
        name = self.options.name if self.options.labels == "source" else said.annotator
        found = self._people.get(name, "") if name else ""
        if isinstance(found, int):
            return found
        self.result.refuse_item(item, found or str(NOBODY))
        return None

    def _classes(self, item: Item, said: Said) -> list[int] | None:
        if said.answer == Answer.CANNOT_TELL:
            return []
        try:
            return self.plan.resolve(said.classes)
        except Invalid as error:
            self.result.refuse_item(item, error.message)
            return None

    # ---------------------------------------------------------------- known answers, predictions

    def _store_gold(self, batch: Sequence[tuple[Item, int | None]]) -> None:
        answers: dict[int, gold.Known] = {}
        for item, image in batch:
            known = self._known_answer(item, image)
            before = answers.get(known.image) if known else None
            if known and before and (before.categories, before.drawn) != (known.categories, known.drawn):
                self.result.refuse_item(item, _("An earlier row has another answer for this image."))
            elif known:
                answers[known.image] = known
        if answers:
            gold.store(self.job, list(answers.values()), self.result)

    def _known_answer(self, item: Item, image: int | None) -> gold.Known | None:
        """None: it says nothing, was refused, or was counted in a dry run."""
        draws = self.job.project.draws
        judged: list[Any] = [s.objects if draws else s.classes for s in item.judgements if s.answer == Answer.LABELED]
        own: Any = item.gold_objects if draws else item.gold
        answer = own if own is not None else judged[0] if judged else None
        if answer is None:
            if judged:
                self.result.refuse_item(item, NOT_DRAWN)
            return None
        if own is None and (len(judged) > 1 if draws else any(set(other) != set(answer) for other in judged)):
            several = _("The file has several answers for this image: none of them is known to be right.")
            self.result.refuse_item(item, several)
            return None
        return (self._drawn_answer if draws else self._named_answer)(item, image, answer)

    def _named_answer(self, item: Item, image: int | None, classes: tuple[str, ...]) -> gold.Known | None:
        ids = self._classes(item, Said(None, classes))
        if ids is None:
            return None
        if not image or any(pk < 0 for pk in ids):
            self.result.gold_added += 1
            return None
        return gold.Known(image, item, ids)

    def _drawn_answer(self, item: Item, image: int | None, objects: tuple[Object, ...]) -> gold.Known | None:
        if not image or drawn.is_only_planned(self.plan, objects):
            self.result.gold_added += 1
            return None
        drawing = self._drawings.read(item, objects, image)
        if drawing is None:
            return None
        return gold.Known(image, item, drawing.categories, gold.as_kept(drawing))

    def _store_predictions(self, batch: Sequence[tuple[Item, int | None]]) -> None:
        said: list[tuple[Item, int | None, Predicted]] = []
        for item, image in batch:
            said += [(item, image, one) for one in item.predictions]
            if self.options.labels == "prelabels":
                said += [(item, image, one) for one in predictions.of_labels(item.judgements, self.options.name)]
        if said:
            self._predictions.store(said)
