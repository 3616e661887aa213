"""One image of the adjudication page: the answers, who gave them, what was decided, what may be chosen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.label_set import categories
from labeler.label_set.categories import CategoryIndex
from labeler.labeling import blindness
from labeler.models import Category, Comment, Decision, Image, Label, Prediction, Project, TrainingRun
from labeler.models.label import Answer
from labeler.pages.asking import person
from labeler.pages.forms import Settle
from labeler.pages.images.images import thumbnail_url
from labeler.pages.review import decisions
from labeler.review import adjudication, label_errors, similar_settled
from labeler.review.worklists import Selection
from labeler.stats import tally as votes

MANY_CLASSES = 9  # more do not stand beside an image without scrolling; as in static/js/adjudicate/keys.js
LISTED_COMMENTS = 20
JUST_NOW = timedelta(hours=1)  # one's last decision can be taken back from any image for so long


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: the selection, and how links keep it."""

    selection: Selection
    person: str = ""

    def query(self, **more: Any) -> str:
        pair = self.selection.pair
        kept = {
            "pair": f"{pair[0]},{pair[1]}" if pair else "",
            "person": self.person,
            "all": "1" if self.selection.everything else "",
            "doubted": "1" if self.selection.doubted else "",
        }
        return "?" + urlencode({name: value for name, value in {**kept, **more}.items() if value})


def image_context(
    project: Project, image: Image, run: TrainingRun | None, form: Settle, asked: Asked
) -> dict[str, Any]:
    index = categories.index(project)
    decision: Decision | None = next(iter(image.standing), None)  # type: ignore[attr-defined]
    labels = list(Label.objects.votes().filter(image=image).select_related("annotator").order_by("id"))
    near, by_look = similar_settled.nearest(image, run), True
    if not near:
        near, by_look = similar_settled.newest_alike(image), False
    voted = {pk for answer in image.tally if answer != votes.CANNOT_TELL for pk in votes.categories_of(answer)}
    in_use = list(project.categories.in_use())
    sent = form["categories"].data or []  # of a decision that was refused
    chosen = set(sent if isinstance(sent, list) else [sent])
    return {
        "image": image,
        "form": form,
        "heading": _heading(image, decision),
        "version": adjudication.version_of(image, decision),
        "answers": _answers(project, labels, index),
        # The texts alone: who wrote them, and the names in the answers, come with the decision.
        "comments": list(
            Comment.objects.filter(thread__image=image).order_by("id").values_list("text", flat=True)[:LISTED_COMMENTS]
        ),
        "told": _told(image, decision, labels, index, run, asked) if decision else None,
        "classes": _classes(in_use, voted, chosen),
        "many_classes": len(in_use) > MANY_CLASSES,
        "near": [
            {
                "image": one.image,
                "url": reverse("image", args=[project.pk, one.image.pk]),
                "thumb": thumbnail_url(one.image.pk),
                "names": None if one.categories is None else index.label(index.resolve(one.categories)),
                "reason": one.reason,
            }
            for one in near
        ],
        "by_look": by_look,
    }


def _classes(in_use: Sequence[Category], voted: Container[int], chosen: Container[str]) -> list[dict[str, Any]]:
    """What can be chosen. Of many classes those that somebody said come first: the digits choose among them."""
    rows = [
        {"category": one, "place": place, "voted": one.pk in voted, "chosen": str(one.pk) in chosen}
        for place, one in enumerate(in_use)
    ]
    return sorted(rows, key=lambda row: not row["voted"]) if len(in_use) > MANY_CLASSES else rows


def _heading(image: Image, decision: Decision | None) -> str:
    """Three people, two answers."""
    if decision is not None:
        return _("Decided: %(answer)s") % {"answer": decisions.in_words(image, decision)}
    unsure = image.tally.get(votes.CANNOT_TELL, 0)
    answers = len(image.tally) - bool(unsure)
    if not image.n_votes:
        return _("Nobody has judged this image yet")
    if not answers:
        return ngettext("%(n)s person cannot tell", "%(n)s people cannot tell", unsure) % {"n": _counted(unsure)}
    parts = [
        ngettext("%(n)s person", "%(n)s people", image.n_votes) % {"n": _counted(image.n_votes)},
        ngettext("%(n)s answer", "%(n)s answers", answers) % {"n": _counted(answers).lower()},
    ]
    if unsure:
        parts.append(ngettext("%(n)s cannot tell", "%(n)s cannot tell", unsure) % {"n": _counted(unsure).lower()})
    return ", ".join(parts)


def _counted(n: int) -> str:
    """Small numbers in words, as a sentence begins with them."""
    words = (
        "", _("One"), _("Two"), _("Three"), _("Four"), _("Five"), _("Six"), _("Seven"), _("Eight"), _("Nine"),
    )  # fmt: skip
    return words[n] if 0 < n < len(words) else number_format(n, force_grouping=True)


def _answers(project: Project, labels: Iterable[Label], index: CategoryIndex) -> list[dict[str, Any]]:
    """Each answer with how many gave it and what they wrote, most frequent first; nobody by name."""
    rows = []
    for answer, said in _by_answer(labels, index).items():
        earlier = sorted({label.guideline_version for label in said} - {project.guideline_version})
        rows.append(
            {
                "names": None if answer == votes.CANNOT_TELL else index.label(votes.categories_of(answer)),
                "n": len(said),
                "reasons": [label.reason for label in said if label.reason],
                "guidelines": earlier,
                "late": sum(label.extra for label in said),
            }
        )
    return sorted(rows, key=lambda row: (row["names"] is None, -row["n"], row["names"] or []))


def _by_answer(labels: Iterable[Label], index: CategoryIndex) -> dict[str, list[Label]]:
    found: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        unsure = label.answer == Answer.CANNOT_TELL
        found[votes.CANNOT_TELL if unsure else votes.key(index.resolve(label.categories))].append(label)
    return found


def _told(
    image: Image,
    decision: Decision,
    labels: Iterable[Label],
    index: CategoryIndex,
    run: TrainingRun | None,
    asked: Asked,
) -> dict[str, Any]:
    """What may be known once an image is decided: who said what, and what the model says."""
    # Not before the decision, and of a held-out image not after it either: the next model is judged on it too.
    is_hidden = run is None or bool(blindness.hides_model([image]))
    prediction = None if is_hidden else Prediction.objects.filter(run=run, image=image).first()
    taken = None if decision.undecidable else index.resolve(decision.categories)
    rows = [
        {
            "names": None if answer == votes.CANNOT_TELL else index.label(votes.categories_of(answer)),
            "people": [label.annotator.get_username() for label in said],
            "agrees": answer != votes.CANNOT_TELL and votes.categories_of(answer) == taken,
        }
        for answer, said in _by_answer(labels, index).items()
    ]
    return {
        "image": image,
        "decision": decision,
        "names": None if taken is None else index.label(taken),
        "in_words": decisions.in_words(image, decision),
        "version": adjudication.version_of(image, decision),
        "rows": sorted(rows, key=lambda row: (-len(row["people"]), row["people"])),
        "prediction": prediction,
        "is_calibrated": run is not None and run.is_calibrated,
        "predicted": index.label(prediction.categories) if prediction else [],
        "instead": _instead(image, index, run) if asked.selection.doubted and not is_hidden else None,
        "model_agrees": prediction is not None and taken is not None and index.resolve(prediction.categories) == taken,
        "thumb": thumbnail_url(image.pk),
    }


def _instead(image: Image, index: CategoryIndex, run: TrainingRun | None) -> list[dict[str, Any]]:
    """What the model that doubts an image's label would have said, having never learned from it."""
    return [
        {
            "name": index.label([one.label if isinstance(one.suggested, bool) else one.suggested])[0],
            "without": one.suggested is False,
            "more": one.box is not None and one.suggested is True,  # an object that nobody drew
        }
        for one in label_errors.rows_of(label_errors.listed(run))
        if one.image_id == image.pk
    ]


def just_decided(
    request: HttpRequest, project: Project, run: TrainingRun | None, asked: Asked, besides: Image | None
) -> dict[str, Any] | None:
    """The person's own last decision, with everything that may be known now; None when it was long ago."""
    last = (
        Decision.objects.filter(
            reviewer=person(request),
            image__project=project,
            withdrawn_at=None,
            created_at__gt=timezone.now() - JUST_NOW,
        )
        .select_related("image", "reviewer")
        .order_by("-id")
        .first()
    )
    if last is None or (besides is not None and besides.pk == last.image_id):
        return None
    last.image.project = project
    labels = Label.objects.votes().filter(image=last.image).select_related("annotator").order_by("id")
    return _told(last.image, last, labels, categories.index(project), run, asked)
