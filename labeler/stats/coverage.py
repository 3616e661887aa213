"""Are groups of images (by camera, place, source, …) covered, and do people agree on them as on the others?

Groups of several fields are compared at once, so the p-values of all of them are taken together (Holm 1979): that one
of forty groups looks bad by chance is no news. Knows counts only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labeler.stats.intervals import Interval, wilson
from labeler.stats.special import gammaln

LEVEL = 0.05
FEWEST = 10  # images with two answers, inside and outside: of fewer no comparison is made
# A group has fewer images than this share of what it would have if all groups of the field were equal.
UNDER_SHARE = 0.25
TOO_FEW, ONE_GROUP, NOBODY = "too_few", "one_group", "nobody"  # why a figure is undefined


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one value of one field. judged: images with two answers or more, of these `agreed` without dissent."""

    field: str
    value: str
    images: int
    labeled: int
    judged: int
    agreed: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group, compared with the rest of the images that have the field.

    share: of these images, in [0, 1]; under: it has fewer than UNDER_SHARE of an equal share, beyond its interval.
    agreement: share of the judged that have one answer; None without any, and `reason` says why. p: that it is so low
    by chance (Fisher's exact test, one-sided, corrected for all groups); None where it is not compared, and `reason`
    says why. less: lower than elsewhere beyond chance.
    """

    counts: Counts
    share: float
    share_within: Interval | None
    under: bool
    agreement: float | None
    agreement_within: Interval | None
    elsewhere: float | None
    p: float | None
    less: bool
    reason: str | None


def compare(rows: Sequence[Counts]) -> list[Group]:
    """Each group against the others of its field; in the order given."""
    fields: dict[str, list[Counts]] = {}
    for row in rows:
        fields.setdefault(row.field, []).append(row)
    tests = {id(row): _p_less(row, fields[row.field]) for row in rows}
    corrected = _holm({key: p for key, p in tests.items() if p is not None})
    return [_group(row, fields[row.field], corrected.get(id(row))) for row in rows]


def _group(row: Counts, field: Sequence[Counts], p: float | None) -> Group:
    images = sum(one.images for one in field)
    within = wilson(row.images, images)
    elsewhere = _rest(row, field)
    reason = None
    if row.judged == 0:
        reason = NOBODY
    elif p is None:
        reason = ONE_GROUP if elsewhere[1] == 0 else TOO_FEW
    return Group(
        counts=row,
        share=row.images / images if images else 0.0,
        share_within=within,
        under=len(field) > 1 and within is not None and within[1] < UNDER_SHARE / len(field),
        agreement=row.agreed / row.judged if row.judged else None,
        agreement_within=wilson(row.agreed, row.judged),
        elsewhere=elsewhere[0] / elsewhere[1] if elsewhere[1] else None,
        p=p,
        less=p is not None and p < LEVEL,
        reason=reason,
    )


def _rest(row: Counts, field: Sequence[Counts]) -> tuple[int, int]:
    """Of the other groups of the field: agreed, judged."""
    others = [one for one in field if one is not row]
    return sum(one.agreed for one in others), sum(one.judged for one in others)


def _p_less(row: Counts, field: Sequence[Counts]) -> float | None:
    agreed, judged = _rest(row, field)
    if min(row.judged, judged) < FEWEST:
        return None
    return fisher_less(row.agreed, row.judged, agreed, judged)


def fisher_less(k: int, n: int, k_rest: int, n_rest: int) -> float:
    """Probability of k or fewer of n, if n were drawn from n + n_rest of which k + k_rest are such (Fisher 1935)."""
    if not (0 <= k <= n and 0 <= k_rest <= n_rest):
        raise ValueError(f"{k} of {n}, {k_rest} of {n_rest}")
    all_k, total = k + k_rest, n + n_rest
    least = max(0, all_k - n_rest)
    terms = [_log_choose(all_k, x) + _log_choose(total - all_k, n - x) for x in range(least, k + 1)]
    highest = max(terms)
    sums = math.fsum(math.exp(term - highest) for term in terms)
    return min(1.0, math.exp(highest + math.log(sums) - _log_choose(total, n)))


def _log_choose(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _holm(ps: dict[int, float]) -> dict[int, float]:
    """Corrected for all tests, by the key of each (Holm 1979)."""
    found, worst = {}, 0.0
    for place, key in enumerate(sorted(ps, key=lambda key: ps[key])):
        worst = max(worst, min(1.0, ps[key] * (len(ps) - place)))
        found[key] = worst
    return found
