"""Attention cards: rules that turn figures into cards, each with a link to act on it.

Knows thresholds and sentences; reads nothing itself. The figures are labeler/progress/overview.py's. A rule that speaks
of a person asks for much evidence, because naming somebody on a page can hurt: enough images, a change that chance does
not make, and one that the others did not make too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.pages.images import filters
from labeler.pages.overview.card import Card, Situation
from labeler.pages.overview.people_attention import person_card
from labeler.stats.results import FEW_IMAGES
from labeler.templatetags.figures import day, figure, percent, thousands

MOST_CARDS = 5

# Two classes need a word when people split on so many images, and agree on which of the two less than the target.
SPLIT_IMAGES = 10
# One person is the reason when leaving that person out, and nobody else, lifts the kappa between the two classes to
# the target; judged where at least so many comparisons of two people are left.
BETWEEN_ENOUGH = 30
# A page of the review grid has eighteen images; fewer are not worth a way.
REVIEW_IMAGES = 18
UNLIKE, UNLIKE_SHARE = 10, 0.02  # images, and share of the unlabeled: one in a hundred is so by chance
DOUBTS = 5  # labels that the model doubts: fewer can wait
SAFE = 0.9  # right this often where it is sure: below, the card warns


def needs(now: Situation) -> list[Card]:
    """The most urgent cards first."""
    rules = (
        _no_images, _too_few_people, _complete, _breach, _disputes, _questions, _unclear_pair, person_card,
        _first_model, _drift, _doubts, _unlike, _review, _unseen,
    )  # fmt: skip
    found = (need for rule in rules for need in rule(now))
    return [need for _place, need in zip(range(MOST_CARDS), found, strict=False)]


# ---------------------------------------------------------------- a project that begins


def _no_images(now: Situation) -> Iterator[Card]:
    if now.may_lead and not now.images["total"]:
        text = _("Drop a folder or a zip, and labeling can begin.")
        yield Card("0", _("images so far."), text, now.to("import"), _("Import images"))


def _too_few_people(now: Situation) -> Iterator[Card]:
    if now.may_lead and now.people < 2:
        text = _("Agreement needs two who judge the same images.")
        strong = ngettext("person here.", "people here.", now.people)
        yield Card(str(now.people), strong, text, now.to("members"), _("Add people"))


def _first_model(now: Situation) -> Iterator[Card]:
    can = now.may_lead and now.model is None and not now.is_training
    if can and now.images["total"] and not now.figures["too_few"]:
        text = _("There are enough labels.")
        yield Card(_("Ready"), _("to train the first model."), text, now.to("model"), _("Train"), "good")


def _breach(now: Situation) -> Iterator[Card]:
    found = now.suspended
    if now.may_lead and found:
        strong = ngettext("audited image was wrong.", "audited images were wrong.", found["wrong"])
        text = _("Model %(model)s accepts nothing more, and what it had accepted is back with people.")
        figure_ = _("%(wrong)s of %(n)s") % {"wrong": thousands(found["wrong"]), "n": thousands(found["judged"])}
        yield Card(figure_, strong, text % {"model": found["model"]}, now.to("model") + "#accepted", _("See why"))


# ---------------------------------------------------------------- people who wait


def _disputes(now: Situation) -> Iterator[Card]:
    disputed = now.images["disputed"]
    if not disputed:
        return
    yield Card(
        thousands(disputed),
        ngettext("disagreement to settle.", "disagreements to settle.", disputed),
        _waited(now.figures["oldest_dispute"]),
        now.to("adjudicate"),
        _("Adjudicate"),
    )


def _waited(since: str | None) -> str:
    """How long the oldest dispute has waited, in days."""
    if since is None:
        return _("The votes do not decide; a reviewer's word does.")
    days = (timezone.now() - datetime.fromisoformat(since)).days
    if days < 1:
        return _("The oldest came up within a day.")
    return ngettext("The oldest has waited %(n)s day.", "The oldest has waited %(n)s days.", days) % {"n": days}


def _questions(now: Situation) -> Iterator[Card]:
    if now.questions:
        yield Card(
            thousands(now.questions),
            ngettext("question from the team.", "questions from the team.", now.questions),
            _("Somebody wants to know what you think about an image."),
            now.to("threads"),
            _("Answer"),
        )


# ---------------------------------------------------------------- classes


def _unclear_pair(now: Situation) -> Iterator[Card]:
    pair = unclear_pair(now.figures, now.project.target_agreement)
    if pair is None:
        return
    images = pair["images"]
    link = ngettext("See the %(n)s image", "See the %(n)s images", images) % {"n": thousands(images)}
    href = filters.url(now.project, pair=",".join(str(pk) for pk in pair["ids"]))
    if pair["kappa"] is None:  # several classes per image: kappa is of whole answers
        strong = _("images split on %(a)s and %(b)s.") % {"a": pair["a"], "b": pair["b"]}
        yield Card(thousands(images), strong, _("Look whether the guideline tells the two apart."), href, link)
        return
    strong = _("between %(a)s and %(b)s.") % {"a": pair["a"], "b": pair["b"]}
    yield Card(f"κ {figure(pair['kappa'])}", strong, verdict(pair, now.project.target_agreement), href, link)


def unclear_pair(figures: Mapping[str, Any], target: float) -> Mapping[str, Any] | None:
    """The two classes that most images split on, if those are enough and people agree on the two below the target."""
    pairs: Iterable[Mapping[str, Any]] = (pair for pair in figures["class_pairs"] if pair["images"] >= SPLIT_IMAGES)
    return next((pair for pair in pairs if pair["kappa"] is None or pair["kappa"] < target), None)


def verdict(pair: Mapping[str, Any], target: float) -> str:
    """Whether the guideline or one person makes two classes unclear, with the evidence; or why that cannot be told."""
    judged = [one for one in pair["without"] if one["n"] >= BETWEEN_ENOUGH and one["kappa"] is not None]
    if pair["people"] < 3:
        return _("Of two people, nobody can say who is right: look at the images together.")
    if len(judged) < pair["people"]:
        return _("Too few answers to say whether the guideline is unclear or one person sees it otherwise.")
    lifting = [one for one in judged if one["kappa"] >= target]
    if not lifting:
        return ngettext(
            "All %(n)s person splits on it: the guideline is unclear.",
            "All %(n)s people split on it: the guideline is unclear.",
            pair["people"],
        ) % {"n": pair["people"]}
    if len(lifting) == 1:
        words = _("One person: %(name)s. Among the others κ is %(kappa)s (%(n)s comparisons).")
        one = lifting[0]
        return words % {"name": one["username"], "kappa": figure(one["kappa"]), "n": thousands(one["n"])}
    return _("Several people draw the line in different places: settle it in the guideline.")


# ---------------------------------------------------------------- what the model can take over


def _review(now: Situation) -> Iterator[Card]:
    review = now.figures["review"]
    if not review or review["ready"] < REVIEW_IMAGES:
        return
    right = review["right"]
    above = number_format(review["confidence"], decimal_pos=2)
    if right["value"] is None or right["n"] < FEW_IMAGES:
        text = _("How often model %(model)s is right above %(above)s cannot be told yet: look closely.")
        words, tone = text % {"model": review["run"], "above": above}, "good"
    else:
        text = _("Model %(model)s is right %(share)s of the time above %(above)s.")
        words = text % {"model": review["run"], "share": percent(right["value"]), "above": above}
        tone = "good" if right["value"] >= SAFE else "attn"
    yield Card(
        thousands(review["ready"]),
        ngettext("image ready for one-key review.", "images ready for one-key review.", review["ready"]),
        words,
        now.to("review"),
        _("Review"),
        tone,
    )


def _drift(now: Situation) -> Iterator[Card]:
    found = now.figures.get("drift")
    if not found:
        return
    yield Card(
        thousands(found["n"]),
        ngettext("new image looks different.", "new images look different.", found["n"]),
        _("%(name)s is not like what model %(n)s knows.")
        % {
            "name": found["name"] or _("What came in on %(day)s") % {"day": day(date.fromisoformat(found["day"]))},
            "n": now.model,
        },
        f"{now.to('model')}#drift",
        _("How they differ"),
    )


def _doubts(now: Situation) -> Iterator[Card]:
    n = now.figures.get("doubts") or 0
    if n < DOUBTS:
        return
    yield Card(
        thousands(n),
        ngettext("label may be wrong.", "labels may be wrong.", n),
        _("Model %(n)s, which had not seen them, is sure of something else.") % {"n": now.model},
        f"{now.to('adjudicate')}?doubted=1",
        _("Look at them"),
    )


def _unlike(now: Situation) -> Iterator[Card]:
    n, of = now.figures.get("unlike") or (0, 0)
    if n < UNLIKE or n < UNLIKE_SHARE * of:
        return
    yield Card(
        thousands(n),
        ngettext("image looks like nothing labeled.", "images look like nothing labeled.", n),
        _("A new kind, a broken camera, or a class that is missing?"),
        now.to("unlike"),
        _("See them"),
    )


def _unseen(now: Situation) -> Iterator[Card]:
    unlabeled = now.images["unlabeled"] - now.accepted
    if now.model is not None and unlabeled:
        yield Card(
            thousands(unlabeled),
            ngettext("image nobody has seen.", "images nobody has seen.", unlabeled),
            _("The model suggests an answer on most of them."),
            filters.url(now.project, status="unlabeled"),
            _("See them"),
            "good",
        )


# ---------------------------------------------------------------- the end


def _complete(now: Situation) -> Iterator[Card]:
    progress = now.figures["progress"]
    wanted, final = progress["wanted"]["images"], progress["wanted"]["settled"]
    if not now.may_lead or not now.images["total"]:
        return
    if wanted is not None and final >= wanted:
        words = _("final, of %(wanted)s wanted.") % {"wanted": thousands(wanted)}
        text = _("The data set has as many images as you asked for.")
        yield Card(thousands(final), words, text, now.to("export"), _("Export"), "good")
    elif wanted is None and now.images["unlabeled"] == now.accepted and not progress["labels"]["left"]:
        text = _("Every image has its labels.")
        yield Card(_("All"), _("seats are filled."), text, now.to("export"), _("Export"), "good")
