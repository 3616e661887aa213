"""What the attention cards are told of a project."""

from __future__ import annotations

from labeler.models import Project
from labeler.pages.overview import card as attention_card
from labeler.pages.overview.attention import needs
from labeler.pages.overview.card import Situation

TARGET = 0.7


def stat(value, n=200, low=None, high=None):
    return {"value": value, "low": low, "high": high, "n": n, "reason": None if value is not None else "none"}


def person(name, *, kappa=0.8, high=None, n=200, earlier=0.8, now=0.8, n_each=100, error=0.02, seconds=2.0):
    high = high if high is not None or kappa is None else kappa + 0.04
    return {
        "username": name,
        "kappa": stat(kappa, n, high=high),
        "earlier": {"value": earlier, "error": error, "n": n_each},
        "now": {"value": now, "error": error, "n": n_each},
        "seconds_median": seconds,
    }


def figures(**changes):
    """A calm project of 100 images, half of them labeled, where nothing needs anybody."""
    base = {
        "progress": {
            "images": {"total": 100, "unlabeled": 50, "partly labeled": 0, "disputed": 0, "settled": 50},
            "labels": {"total": 100, "wanted": 200, "left": 100},
            "wanted": {"images": None, "settled": 50},
        },
        "people": [person("ann"), person("bea"), person("dora")],
        "class_pairs": [],
        "oldest_dispute": None,
        "review": None,
        "too_few": "too few",
    }
    return base | changes


def situation(found=None, **changes) -> Situation:
    project = Project(pk=1, name="Leaves", target_agreement=TARGET)
    base = {"people": 3, "questions": 0, "model": None, "is_training": False, "may_lead": True}
    return Situation(project=project, figures=found or figures(), **base | changes)


def told(now: Situation) -> dict[str, attention_card.Card]:
    """The cards by what they say is the matter."""
    return {need.strong: need for need in needs(now)}
