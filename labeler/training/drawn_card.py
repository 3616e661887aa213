"""The figures and limits of a model that draws, for its card, and limits that cards of both kinds have; the rest of
the card is model_card.py's.

Knows what worker/training/train_drawn.py stores with a run. Has no words for figures (model_card_text.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.models import TrainingRun
from labeler.models.project import Task
from labeler.stats.results import FEW_IMAGES
from labeler.templatetags.figures import figure

OVERALL = (
    "ap50", "ap", "second_annotator_ap50", "precision", "recall", "f1", "mean_iou", "pq", "miou", "dice", "boundary_f",
    "pixel_accuracy",
)  # fmt: skip
OF_CLASS = ("ap50", "ap", "precision", "recall", "f1", "threshold", "iou", "dice", "share", "n_objects", "n_images")
FEW = 20  # images or objects of a class to learn from; below, what is said of it says little
TEST = "test"


def metrics_of(run: TrainingRun, metrics: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
    """Figures with intervals: AP50, AP50:95 and the AP50 of a second annotator, or mIoU; by class, with thresholds.

    names: classes as they are called today, by id and by the name they had. A class's threshold is the probability
    from which on its objects are shown.
    """
    ids = dict(zip(run.category_names, run.category_ids, strict=True))
    return {
        "judged_on": metrics.get("judged_on"),
        "n": metrics.get("n"),
        "n_objects": metrics.get("n_objects"),
        "chance": None,
        "overall": {key: metrics[key] for key in OVERALL if metrics.get(key)},
        "cross_validation": None,
        "per_class": [
            {"class": names.get(ids.get(row["name"]), row["name"]), **{key: row[key] for key in OF_CLASS if key in row}}
            for row in metrics.get("per_class") or []
        ],
        "per_size": metrics.get("per_size") or [],
        "acceptance": [],
        "slices": [],
    }


def canvas_of(run: TrainingRun) -> dict[str, Any] | None:
    """Width, height and stride in px of what the network looks at, and of a tile of it, where there are some.

    None where the run's row does not say.
    """
    chosen: dict[str, Any] = next((row for row in run.comparison or [] if row.get("chosen")), {})
    said = chosen.get("settings") or {}
    tile = {"tile": said["tile"]} if said.get("tile") else {}
    return {key: said[key] for key in ("width", "height", "stride")} | tile if "width" in said else None


def limits(run: TrainingRun, names: Mapping[Any, str]) -> list[str]:
    """What its own figures give reason for, each as a sentence; what is so of every model is model_card.py's."""
    metrics = run.metrics or {}
    ids = dict(zip(run.category_names, run.category_ids, strict=True))
    rows = metrics.get("per_class") or []
    unseen = [names.get(ids.get(row["name"]), row["name"]) for row in rows if not row["n_images"]]
    few = _("Classes with fewer than %(few)s objects to learn from: %(names)s.")
    return [
        *_judged(metrics),
        *of_classes(metrics, names, few, unseen),
        *([] if run.project.task == Task.SEMANTIC else _beside_people(metrics)),
    ]


def _judged(metrics: Mapping[str, Any]) -> list[str]:
    if metrics.get("judged_on") == TEST:
        return few_images(metrics.get("n") or 0)
    return [
        _(
            "Too few held-out images were settled: its figures are of images that chose it among the candidates, "
            "before it learned from them."
        )
    ]


def few_images(n: int) -> list[str]:
    """The sentence for a model that so few held-out images have judged; [] where they are enough."""
    if n >= FEW_IMAGES:
        return []
    text = ngettext(
        "Only %(n)s held-out image judged it: the intervals say more than the values.",
        "Only %(n)s held-out images judged it: the intervals say more than the values.",
        n,
    )
    return [text % {"n": n}]


def of_classes(metrics: Mapping[str, Any], names: Mapping[Any, str], few: str, unseen: Sequence[str]) -> list[str]:
    """Sentences about classes with fewer than FEW to learn from, and about those that no judged image shows."""
    found = []
    by_category = (metrics.get("provenance") or {}).get("by_category") or {}
    if rare := [f"{names.get(int(pk), pk)} ({n})" for pk, n in by_category.items() if n < FEW]:
        found.append(few % {"few": FEW, "names": ", ".join(rare)})
    if unseen:
        found.append(_("Classes that no judged image shows: %(names)s.") % {"names": ", ".join(unseen)})
    return found


def _beside_people(metrics: Mapping[str, Any]) -> list[str]:
    own, people = metrics.get("ap50"), metrics.get("second_annotator_ap50")
    if not people or people["value"] is None:
        return [
            _(
                "How well people agree is not known: no two of them answered the same images blind, so nothing says "
                "how high its AP50 could be."
            )
        ]
    if own and own["high"] is not None and own["high"] < people["value"]:
        told = {"own": figure(own["value"]), "people": figure(people["value"])}
        return [_("It finds less than a second person would: AP50 %(own)s, people %(people)s.") % told]
    return []
