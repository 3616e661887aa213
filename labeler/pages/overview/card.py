"""An attention card, and the figures of a project that the rules for cards read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from labeler.models import Project


@dataclass(frozen=True, slots=True)
class Card:
    """One card: a figure, what it means, and a link."""

    figure: str
    strong: str
    text: str
    href: str
    link: str
    tone: str = "attn"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules look at."""

    project: Project
    figures: Mapping[str, Any]  # labeler/progress/overview.py
    people: int
    questions: int  # of annotators, unanswered
    model: int | None  # number of the active one
    is_training: bool
    may_lead: bool
    suspended: Mapping[str, Any] | None = None  # what an audit stopped: its model, how many were judged, how many wrong

    @property
    def accepted(self) -> int:
        """Images that stand by the model's word alone: they are unlabeled, and nobody is asked about them."""
        return int(self.figures["progress"].get("accepted", 0))

    @property
    def images(self) -> Mapping[str, int]:
        return self.figures["progress"]["images"]

    def to(self, name: str) -> str:
        """The address of a page of the project."""
        return reverse(name, args=[self.project.pk])
