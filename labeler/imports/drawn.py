"""The objects that a file says of an image, as they are to be stored: classes looked up, shapes checked, one by one.

What cannot be is refused object by object, with its number; the others stay. Knows the size of each image, which shapes
in shares of it need; does not know whose the objects are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from labeler.geometry.shapes import Malformed
from labeler.imports.classes import ClassPlan
from labeler.intake.formats.item import Item, Object, Unreadable
from labeler.intake.outcomes import ItemsResult
from labeler.labeling import objects as answers
from labeler.labeling.objects import Drawing
from labeler.models import Image, Project
from labeler.wording import shapes as words

Sent = tuple[dict[str, Any], int, float | None]  # as REST has an object; its number in the file; a model's probability


class Drawings:
    """look_up() a batch of images, then read() what is said of each."""

    def __init__(self, project: Project, plan: ClassPlan, result: ItemsResult) -> None:
        self.project, self.plan, self.result = project, plan, result
        self._sizes: dict[int, tuple[int, int]] = {}

    def look_up(self, images: Iterable[int]) -> None:
        rows = Image.objects.filter(pk__in=set(images)).values_list("pk", "width", "height")
        self._sizes = {pk: (width, height) for pk, width, height in rows}

    def read(self, item: Item, objects: Sequence[Object], image: int) -> Drawing | None:
        """None: of what the file has nothing can be used, so that an empty answer would be wrong."""
        found = self._placed(item, objects, image)
        if found is None:
            return None
        sent, n_refused = found
        width, height = self._sizes[image]
        drawing, refused = answers.sift(
            project=self.project, width=width, height=height, sent=[one for one, _number, _p in sent]
        )
        for one in refused:
            self.result.refuse_item(item, one["reason"], sent[one["number"]][1])
        return None if not drawing.objects and n_refused + len(refused) else drawing

    def shapes(self, item: Item, objects: Sequence[Object], image: int) -> list[Sent] | None:
        """The same of a model's objects, whose shapes are checked where predictions are stored."""
        found = self._placed(item, objects, image)
        return None if found is None or (found[1] and not found[0]) else found[0]

    def _placed(self, item: Item, objects: Sequence[Object], image: int) -> tuple[list[Sent], int] | None:
        if image not in self._sizes:
            self.result.refuse_item(item, _("The image was deleted from the project at this moment."))
            return None
        width, height = self._sizes[image]
        if objects and item.size and item.size != (width, height):
            text = _(
                "The file places its objects on %(a)s × %(b)s pixels, but the image has %(c)s × %(d)s: none is taken."
            )
            self.result.refuse_item(item, text % {"a": item.size[0], "b": item.size[1], "c": width, "d": height})
            return None
        return self._sent(item, objects, width, height)

    def _sent(self, item: Item, objects: Sequence[Object], width: int, height: int) -> tuple[list[Sent], int]:
        """What can be checked, and how many were refused."""
        sent: list[Sent] = []
        n_refused = 0
        for one in objects:
            category = self.plan.ids.get(one.category)
            reason = ""
            if one.category in self.plan.unknown:
                reason = _("This project has no class %(names)s.") % {"names": f"“{one.category[:100]}”"}
            elif category is None:
                continue  # left out, as whoever imports said
            else:
                try:
                    shape = one.shape(width, height) if callable(one.shape) else one.shape
                except Unreadable as error:
                    reason = str(error)
                except Malformed as error:
                    reason = words.sentence(error.code)
            if reason:
                self.result.refuse_item(item, reason, one.number)
                n_refused += 1
                continue
            sent.append(({"category": category, "attributes": one.attributes, **shape}, one.number, one.probability))
        return sent, n_refused


def is_only_planned(plan: ClassPlan, objects: Sequence[Object]) -> bool:
    """Does one of them name a class that a dry run does not make?"""
    return any((plan.ids.get(one.category) or 0) < 0 for one in objects)
