"""Cards about people: who differs from the others more than before, or more than most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import NormalDist, median
from typing import Any

from django.utils.translation import gettext as _

from labeler.pages.images import filters
from labeler.pages.overview.card import Card, Situation
from labeler.templatetags.figures import figure, seconds

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


def person_card(now: Situation) -> Iterator[Card]:
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
    href = filters.url(now.project, by=person["username"])
    yield Card(person["username"], strong, text, href, _("Look at the latest answers"))


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
