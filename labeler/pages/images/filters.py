"""The address of the list of images under some filters, and what some people say of the images on it.

What the filters mean: labeler/curation/image_list.py.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from labeler.curation.image_list import ACCEPTED, DIFFER, number
from labeler.models import Image, Label, Project

__all__ = ["ACCEPTED", "DIFFER", "answers_of", "number", "url"]


def url(project: Project, **filters: Any) -> str:
    """The wall of a project under some filters: `url(project, by="ann", status="disputed")`. class is `class_`."""
    chosen = {name.rstrip("_"): value for name, value in filters.items() if value}
    return reverse("images", args=[project.pk]) + ("?" + urlencode(chosen, safe=",") if chosen else "")


def answers_of(images: list[Image], people: list[User]) -> dict[int, list[Label]]:
    """What some people say about some images now, by image id, in the order of `people`."""
    found: dict[int, list[Label]] = {image.pk: [] for image in images}
    if people and images:
        order = {user.pk: place for place, user in enumerate(people)}
        said = Label.objects.votes().filter(image__in=found, annotator__in=people).select_related("annotator")
        for label in sorted(said, key=lambda row: order[row.annotator_id]):
            found[label.image_id].append(label)
    return found
