"""What needs somebody now: rules from figures to cards, each with the way to act on it.

Knows thresholds and sentences; reads nothing itself. The figures are labeler/overview.py's. A rule that speaks of a
person asks for much evidence, because naming somebody on a page can hurt: enough images, a change that chance does
not make, and one that the others did not make too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from statistics import NormalDist, median
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.models import Project
from labeler.pages import wall
from labeler.templatetags.figures import day, figure, percent, seconds, thousands

MOST_CARDS = 5

# Two classes need a word when people split on so many images, and agree on which of the two less than the target.
SPLIT_IMAGES = 10
# One person is the reason when leaving that person out, and nobody else, lifts the kappa between the two classes to
# the target; judged where at least so many comparisons of two people are left.
BETWEEN_ENOUGH = 30
# A person drifts when their kappa with the others fell by so much from the weeks before to the last two, beyond chance,
# and by so much more than that of the person in the middle of the others; with at least so many shared images in
# either time, and two others to compare with. Beyond chance: of projects in which nobody drifts, at most this share
# would name anybody, however many people there are (Bonferroni).
DRIFT = 0.1
DRIFT_BEYOND_OTHERS = 0.05
DRIFT_IMAGES = 50
DRIFT_OTHERS = 2
BY_CHANCE = 0.025
# A person agrees less when their kappa is below the target, so much below the mean of the others, and its interval
# still half of that.
LESS = 0.1
LESS_IMAGES = 50
# Fast: this share of the others' time for an image, or less.
FAST = 0.6
# A page of the review grid has eighteen images; fewer are not worth a way. How right the model is there is told from
# so many held-out images on.
REVIEW_IMAGES = 18
JUDGED_IMAGES = 30
UNLIKE, UNLIKE_SHARE = 10, 0.02  # images, and share of the unlabeled: one in a hundred is so by chance
DOUBTS = 5  # labels that the model doubts: fewer can wait
SAFE = 0.9  # right this often where it is sure: below, the card warns


@dataclass(frozen=True, slots=True)
class Need:
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
    figures: Mapping[str, Any]  # labeler/overview.py
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


def needs(now: Situation) -> list[Need]:
    """The most urgent cards first."""
    rules = (
        _no_images, _too_few_people, _complete, _breach, _disputes, _questions, _unclear_pair, _person, _first_model,
        _drift, _doubts, _unlike, _review, _unseen,
    )  # fmt: skip
    found = (need for rule in rules for need in rule(now))
    return [need for _place, need in zip(range(MOST_CARDS), found, strict=False)]


# ---------------------------------------------------------------- a project that begins


def _no_images(now: Situation) -> Iterator[Need]:
    if now.may_lead and not now.images["total"]:
        text = _("Drop a folder or a zip, and labeling can begin.")
        yield Need("0", _("images so far."), text, now.to("import"), _("Import images"))


def _too_few_people(now: Situation) -> Iterator[Need]:
    if now.may_lead and now.people < 2:
        text = _("Agreement needs two who judge the same images.")
        strong = ngettext("person here.", "people here.", now.people)
        yield Need(str(now.people), strong, text, now.to("members"), _("Add people"))


def _first_model(now: Situation) -> Iterator[Need]:
    can = now.may_lead and now.model is None and not now.is_training
    if can and now.images["total"] and not now.figures["too_few"]:
        text = _("There are enough labels.")
        yield Need(_("Ready"), _("to train the first model."), text, now.to("model"), _("Train"), "good")


def _breach(now: Situation) -> Iterator[Need]:
    found = now.suspended
    if now.may_lead and found:
        strong = ngettext("audited image was wrong.", "audited images were wrong.", found["wrong"])
        text = _("Model %(model)s accepts nothing more, and what it had accepted is back with people.")
        figure_ = _("%(wrong)s of %(n)s") % {"wrong": thousands(found["wrong"]), "n": thousands(found["judged"])}
        yield Need(figure_, strong, text % {"model": found["model"]}, now.to("model") + "#accepted", _("See why"))


# ---------------------------------------------------------------- people who wait


def _disputes(now: Situation) -> Iterator[Need]:
    disputed = now.images["disputed"]
    if not disputed:
        return
    yield Need(
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


def _questions(now: Situation) -> Iterator[Need]:
    if now.questions:
        yield Need(
            thousands(now.questions),
            ngettext("question from the team.", "questions from the team.", now.questions),
            _("Somebody wants to know what you think about an image."),
            now.to("threads"),
            _("Answer"),
        )


# ---------------------------------------------------------------- classes


def _unclear_pair(now: Situation) -> Iterator[Need]:
    pair = unclear_pair(now.figures, now.project.target_agreement)
    if pair is None:
        return
    images = pair["images"]
    link = ngettext("See the %(n)s image", "See the %(n)s images", images) % {"n": thousands(images)}
    href = wall.url(now.project, pair=",".join(str(pk) for pk in pair["ids"]))
    if pair["kappa"] is None:  # several classes per image: kappa is of whole answers
        strong = _("images split on %(a)s and %(b)s.") % {"a": pair["a"], "b": pair["b"]}
        yield Need(thousands(images), strong, _("Look whether the guideline tells the two apart."), href, link)
        return
    strong = _("between %(a)s and %(b)s.") % {"a": pair["a"], "b": pair["b"]}
    yield Need(f"κ {figure(pair['kappa'])}", strong, verdict(pair, now.project.target_agreement), href, link)


def unclear_pair(figures: Mapping[str, Any], target: float) -> Mapping[str, Any] | None:
    """The two classes that most images split on, if those are enough and people agree on the two below the target."""
    pairs: Iterable[Mapping[str, Any]] = figures["class_pairs"]
    for pair in pairs:
        if pair["images"] >= SPLIT_IMAGES and (pair["kappa"] is None or pair["kappa"] < target):
            return pair
    return None


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


# ---------------------------------------------------------------- people


def _person(now: Situation) -> Iterator[Need]:
    """One person at most, and for leads alone."""
    if not now.may_lead:
        return
    people = now.figures["people"]
    drift = drifting(people)
    if drift is not None:
        person = drift
        strong = _("drifts from the others.")
        text = _("κ %(earlier)s → %(now)s in the last two weeks%(speed)s.") % {
            "earlier": figure(person["earlier"]["value"]),
            "now": figure(person["now"]["value"]),
            "speed": _speed(person, people),
        }
    else:
        less = agreeing_less(people, now.project.target_agreement)
        if less is None:
            return
        person, others = less
        strong = _("agrees less than the others.")
        text = _("κ %(kappa)s, the others' mean %(others)s%(speed)s.") % {
            "kappa": figure(person["kappa"]["value"]),
            "others": figure(others),
            "speed": _speed(person, people),
        }
    href = wall.url(now.project, by=person["username"])
    yield Need(person["username"], strong, text, href, _("Look at the latest answers"))


def drifting(people: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The person whose agreement with the others fell most, if anybody's fell by the rule above."""
    changes = [(row, _change(row)) for row in people]
    known = [(row, change) for row, change in changes if change is not None]
    errors = NormalDist().inv_cdf(1 - BY_CHANCE / max(1, len(known)))
    found = []
    for row, change in known:
        others = [other for another, other in known if another is not row]
        if len(others) < DRIFT_OTHERS:
            continue
        error = (row["earlier"]["error"] ** 2 + row["now"]["error"] ** 2) ** 0.5
        beyond_chance = change + errors * error < 0
        if change <= -DRIFT and beyond_chance and change - median(others) <= -DRIFT_BEYOND_OTHERS:
            found.append((change, row))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _change(row: Mapping[str, Any]) -> float | None:
    """Kappa now less kappa earlier; None without enough images in either time."""
    earlier, now = row["earlier"], row["now"]
    if min(earlier["n"], now["n"]) < DRIFT_IMAGES or earlier["value"] is None or now["value"] is None:
        return None
    return float(now["value"] - earlier["value"])


def agreeing_less(people: Iterable[Mapping[str, Any]], target: float) -> tuple[Mapping[str, Any], float] | None:
    """The person with the lowest kappa, if it is below the target and clearly below the others' mean; and that mean."""
    rows = [row for row in people if row["kappa"]["value"] is not None and row["kappa"]["n"] >= LESS_IMAGES]
    if len(rows) < 3:
        return None
    lowest = min(rows, key=lambda row: row["kappa"]["value"])
    others = [row["kappa"]["value"] for row in rows if row is not lowest]
    mean = sum(others) / len(others)
    kappa = lowest["kappa"]
    if kappa["value"] >= target or mean - kappa["value"] < LESS:
        return None
    if kappa["high"] is None or mean - kappa["high"] < LESS / 2:
        return None
    return lowest, mean


def _speed(person: Mapping[str, Any], people: Iterable[Mapping[str, Any]]) -> str:
    """ ", 1.1 s an image where the others take 2.3 s" of somebody who is much faster; else nothing."""
    own = person["seconds_median"]
    others = [
        row["seconds_median"]
        for row in people
        if row["username"] != person["username"] and row["seconds_median"] is not None
    ]
    if own is None or not others or own > FAST * median(others):
        return ""
    return _(", %(own)s an image where the others take %(others)s") % {
        "own": seconds(own),
        "others": seconds(median(others)),
    }


# ---------------------------------------------------------------- what the model can take over


def _review(now: Situation) -> Iterator[Need]:
    review = now.figures["review"]
    if not review or review["ready"] < REVIEW_IMAGES:
        return
    right = review["right"]
    above = number_format(review["confidence"], decimal_pos=2)
    if right["value"] is None or right["n"] < JUDGED_IMAGES:
        text = _("How often model %(model)s is right above %(above)s cannot be told yet: look closely.")
        words, tone = text % {"model": review["run"], "above": above}, "good"
    else:
        text = _("Model %(model)s is right %(share)s of the time above %(above)s.")
        words = text % {"model": review["run"], "share": percent(right["value"]), "above": above}
        tone = "good" if right["value"] >= SAFE else "attn"
    yield Need(
        thousands(review["ready"]),
        ngettext("image ready for one-key review.", "images ready for one-key review.", review["ready"]),
        words,
        now.to("review"),
        _("Review"),
        tone,
    )


def _drift(now: Situation) -> Iterator[Need]:
    found = now.figures.get("drift")
    if not found:
        return
    yield Need(
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


def _doubts(now: Situation) -> Iterator[Need]:
    n = now.figures.get("doubts") or 0
    if n < DOUBTS:
        return
    yield Need(
        thousands(n),
        ngettext("label may be wrong.", "labels may be wrong.", n),
        _("Model %(n)s, which had not seen them, is sure of something else.") % {"n": now.model},
        f"{now.to('adjudicate')}?doubted=1",
        _("Look at them"),
    )


def _unlike(now: Situation) -> Iterator[Need]:
    n, of = now.figures.get("unlike") or (0, 0)
    if n < UNLIKE or n < UNLIKE_SHARE * of:
        return
    yield Need(
        thousands(n),
        ngettext("image looks like nothing labeled.", "images look like nothing labeled.", n),
        _("A new kind, a broken camera, or a class that is missing?"),
        now.to("unlike"),
        _("See them"),
    )


def _unseen(now: Situation) -> Iterator[Need]:
    unlabeled = now.images["unlabeled"] - now.accepted
    if now.model is not None and unlabeled:
        yield Need(
            thousands(unlabeled),
            ngettext("image nobody has seen.", "images nobody has seen.", unlabeled),
            _("The model suggests an answer on most of them."),
            wall.url(now.project, status="unlabeled"),
            _("See them"),
            "good",
        )


# ---------------------------------------------------------------- the end


def _complete(now: Situation) -> Iterator[Need]:
    progress = now.figures["progress"]
    wanted, final = progress["wanted"]["images"], progress["wanted"]["settled"]
    if not now.may_lead or not now.images["total"]:
        return
    if wanted is not None and final >= wanted:
        words = _("final, of %(wanted)s wanted.") % {"wanted": thousands(wanted)}
        text = _("The data set has as many images as you asked for.")
        yield Need(thousands(final), words, text, now.to("export"), _("Export"), "good")
    elif wanted is None and now.images["unlabeled"] == now.accepted and not progress["labels"]["left"]:
        text = _("Every image has its labels.")
        yield Need(_("All"), _("seats are filled."), text, now.to("export"), _("Export"), "good")
