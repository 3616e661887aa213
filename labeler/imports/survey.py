"""What a file holds, counted in one pass that writes nothing: for the preview, for a dry run, and before an import.

Knows items, not what becomes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.formats.item import Item, Object
from labeler.intake.outcomes import Refusal
from labeler.label_set import categories as label_set
from labeler.models import Project

SAMPLE = 5
MOST_NAMES = 5000  # of classes, and of people
FIELDS_SHOWN = 8
EVERY = 5000  # rows between two calls of progress


@dataclass(slots=True)
class Found:
    """Counts. images: different names that the file brings or speaks of."""

    format: str
    rows: int = 0
    brought: int = 0  # rows whose image comes with the file, or from an address
    judgements: int = 0
    predictions: int = 0
    refused: int = 0
    gold: int = 0
    objects: int = 0  # drawn, of people and models together
    classes: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0  # judgements that nobody is named for
    splits: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)
    _names: set[int] = field(default_factory=set)  # hashes: an image of several judgements has several rows

    def count(self, item: Item) -> None:
        """Raises NotPossibleNow where names have no end: then the wrong column was taken for one of names."""
        self.rows += 1
        self.brought += bool(item.source or item.url)
        self._names.add(hash(item.external_id or item.sha256 or item.name))
        if item.split:
            self.splits[item.split] += 1
        for said in item.judgements:
            self.judgements += 1
            self.classes.update(said.classes)
            self._count_objects(said.objects)
            if said.annotator:
                self.people[said.annotator] += 1
            else:
                self.unnamed += 1
        for predicted in item.predictions:
            self.predictions += 1
            self._count_objects(predicted.objects)
            # Counted as no judgement, but the class must be known as well.
            self.classes.update(dict.fromkeys((*predicted.classes, *predicted.probabilities), 0))
        self.gold += item.gold is not None or item.gold_objects is not None
        if len(self.classes) > MOST_NAMES:
            raise NotPossibleNow(
                _("The file names more than %(most)s classes: is that column the one of labels?")
                % {"most": f"{MOST_NAMES:,}"}
            )
        if len(self.people) > MOST_NAMES:
            raise NotPossibleNow(
                _("The file names more than %(most)s people: is that column the one of annotators?")
                % {"most": f"{MOST_NAMES:,}"}
            )
        if len(self.sample) < SAMPLE:
            self.sample.append(_shown(item))

    def _count_objects(self, objects: Sequence[Object] | None) -> None:
        self.objects += len(objects or ())
        self.classes.update(one.category for one in objects or ())

    @property
    def images(self) -> int:
        return len(self._names)

    def as_json(self, project: Project) -> dict[str, Any]:
        """The answer's `found`, with what else the page wants to know."""
        known = label_set.index(project).by_name
        return {
            "format": self.format,
            "images": self.images,
            "classes": [
                {"name": name, "count": n, "known": name.casefold() in known} for name, n in self.classes.items()
            ],
            "people": [{"name": name, "count": n} for name, n in self.people.items()],
            "predictions": self.predictions,
            "sample": self.sample,
            "labels": self.judgements,
            "unnamed": self.unnamed,
            "gold": self.gold,
            "objects": self.objects,
            "brought": self.brought,
            "splits": dict(self.splits),
        }


def survey(items: Iterable[Item | Refusal], format_: str, progress: Callable[[int], None] = lambda n: None) -> Found:
    """Count all of them. progress(rows so far) may raise to stop. Raises what reading raises, and NotPossibleNow."""
    found = Found(format_)
    for number, item in enumerate(items, start=1):
        if isinstance(item, Item):
            found.count(item)
        else:
            found.refused += 1
        if number % EVERY == 0:
            progress(number)
    return found


def _shown(item: Item) -> dict[str, Any]:
    """A row of the sample."""
    said = item.judgements[0] if item.judgements else None
    predicted = item.predictions[0] if item.predictions else None
    objects = (said and said.objects) or (predicted and predicted.objects) or ()
    return {
        "name": item.name,
        "classes": list(said.classes or dict.fromkeys(one.category for one in said.objects or ())) if said else [],
        "objects": len(objects),
        "annotator": said.annotator or "" if said else "",
        "prediction": list(predicted.classes) if predicted else [],
        "probability": predicted.probability if predicted else None,
        "split": item.split,
        "metadata": dict(list(item.metadata.items())[:FIELDS_SHOWN]),
    }
