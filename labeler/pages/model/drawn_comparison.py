"""Two versions of a model that draws, compared image by image: the context of templates/model/compare_drawn.html.

Knows labeler/training/drawn_comparison.py. Which two, and the page around it: run.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler.labeling import blindness
from labeler.models import Project, RunAnswers, TrainingRun
from labeler.pages.images.images import thumbnail_url
from labeler.templatetags.figures import percent, thousands
from labeler.training import drawn_comparison
from labeler.training.drawn_comparison import ChangedImage, Comparison, Counts
from labeler.wording.sentences import in_words

MOST = 600  # images of each kind, with ?all=1
NAMES = {
    "f1": gettext_lazy("F1"),
    "precision": gettext_lazy("Precision"),
    "recall": gettext_lazy("Recall"),
    "miou": gettext_lazy("mIoU"),
}


def compared(
    request: HttpRequest, project: Project, old: TrainingRun, new: TrainingRun, *, most: int
) -> dict[str, Any]:
    """Context; most: images of each kind."""
    found = drawn_comparison.compare(old, new)
    if found is None:
        return {"found": None, "nothing": True}
    shown = [*found.fixed[:most], *found.broken[:most]]
    there = blindness.evidence(row.image_id for row in shown)
    blindness.remember(request.user, told=there)

    def tiles(rows: Sequence[ChangedImage]) -> list[dict[str, Any]]:
        pixels = found.measure == "miou"
        return [
            {
                "pk": row.image_id,
                "url": reverse("image", args=[project.pk, row.image_id]),
                "thumb": thumbnail_url(row.image_id),
                "old": _words(row.old, pixels=pixels),
                "new": _words(row.new, pixels=pixels),
            }
            for row in rows[:most]
            if row.image_id in there
        ]

    return {
        "found": found,
        "drawn": True,
        "flips": found.flips,
        "said": _said(old, new, found),
        "differences": [{"name": NAMES[key], "stat": in_words(stat.as_dict())} for key, stat in found.figures.items()],
        "left_out": _left_out(found.left_out),
        "fixed": tiles(found.fixed),
        "broken": tiles(found.broken),
        "is_test": found.part == RunAnswers.Part.TEST,
        "more": most < MOST and max(len(found.fixed), len(found.broken)) > most,
    }


def _words(counts: Counts, *, pixels: bool) -> str:
    if pixels:
        return _("%(share)s of the pixels right") % {"share": percent(counts.score, 1)}
    numbers = {"right": counts.right, "missed": counts.missed, "invented": counts.invented}
    return _("%(right)s right, %(missed)s missed, %(invented)s invented") % numbers


def _said(old: TrainingRun, new: TrainingRun, found: Comparison) -> str:
    stat = found.difference
    words = {"old": old.number, "new": new.number, "figure": NAMES[found.measure]}
    if stat.value is None or stat.low is None or stat.high is None:
        return _("The images that both have judged are too few, or too much alike, to say which version is better.")
    if stat.low > 0:
        return _("Model %(new)s is better than model %(old)s beyond chance (%(figure)s, 95 %% interval).") % words
    if stat.high < 0:
        return _("Model %(new)s is worse than model %(old)s beyond chance (%(figure)s, 95 %% interval).") % words
    return (
        _("No difference beyond chance between model %(old)s and model %(new)s (%(figure)s, 95 %% interval).") % words
    )


def _left_out(n: int) -> str:
    if not n:
        return ""
    words = ngettext(
        "%(n)s image is left out: what people say of it has changed in between.",
        "%(n)s images are left out: what people say of them has changed in between.",
        n,
    )
    return words % {"n": thousands(n)}
