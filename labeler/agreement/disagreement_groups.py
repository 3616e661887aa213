"""Group the images that people disagree on by how they look, with the votes in each group and their places on a map.

An image is contested when the votes of its present round differ, or two people could not tell. Knows images and the
vectors that a worker kept of them; reads only. Which images belong together is counted once (find(), by a worker where
there are many: progress/cached_reports.py) and kept as plain values; the votes on them are read when they are shown
(present()), so what was sent back or agreed on since is gone from its group. Where people draw, the votes are those of
the places they differ on (divided_objects.py), as they were when the images were grouped: they take geometry to count.
Writing the rule is guideline_rules.py's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from labeler.agreement import divided_objects, reports
from labeler.agreement.divided_objects import NOTHING, Divided
from labeler.label_set import categories
from labeler.models import Decision, Image, Project, TrainingRun
from labeler.review import worklists
from labeler.review.worklists import Pair
from labeler.stats import tally as votes
from labeler.stats.clusters import group_by_look
from labeler.stats.plane import reduce
from labeler.training import features

Report = dict[str, Any]

MOST = 2_000  # images that are grouped, the most divided ones
AT_ONCE = 150  # images: up to here a request groups them itself (70 ms); beyond, a worker does
LOOKED_AT = 20_000  # contested images among which those of one pair are looked for
COUNTED = 2_000  # the most divided images, by which pairs are ordered on each look at the page


@dataclass(frozen=True, slots=True)
class Contested:
    """One image whose votes differ."""

    id: int
    round: int
    tally: Mapping[str, int]
    has_decision: bool
    pairs: tuple[Pair, ...] | None = None  # where people draw; else what the tally is divided on


@dataclass(frozen=True, slots=True)
class DisagreementGroup:
    """Images that look alike. number None: nobody has looked at them yet, so how they look is not known."""

    number: int | None  # from 1, the largest first
    images: list[Contested]  # the most typical first
    votes: list[tuple[list[int], int]]  # category ids and how many said so, the most frequent first
    cannot_tell: int
    pair: Pair | None  # the two classes that most of its images are divided on
    pair_n: int  # images divided on these two

    @property
    def ids(self) -> list[int]:
        return [image.id for image in self.images]


@dataclass(frozen=True, slots=True)
class Point:
    """An image on the map. x, y in [0, 1]."""

    image: Contested
    group: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page or a client is told."""

    groups: list[DisagreementGroup]
    points: list[Point]
    n: int  # contested images, of the pair where one was asked for
    n_grouped: int  # that are in the groups: at most MOST
    has_vectors: bool  # of any image: without, all are in one group
    share: float  # of what tells the images apart that the map shows


# ---------------------------------------------------------------- counting


def find(project: Project, pair: Pair | None = None) -> Report:
    """The groups as plain values: n, share, has_vectors, groups [[image ids]], points {id: [x, y]}, unseen [ids].

    pair: only images divided on these two classes. Where people draw also divided {id: [tally, [pairs]]} and pairs
    [[a, b, images]], of the hardest MOST images; one of a pair may be NOTHING.
    """
    divided: dict[int, Divided] = {}
    if project.draws:
        rows, n, divided = _rows_of_drawn(project, pair)
    else:
        rows, n = _rows(project, pair)
    ids, vectors = _vectors(project, rows)
    seen = set(ids)
    unseen = [pk for pk, _sha256, _tally in rows if pk not in seen]
    groups: list[list[int]] = []
    points: dict[str, list[float]] = {}
    share = 0.0
    if ids:
        reduced = reduce(vectors)
        found = group_by_look(reduced.compact)
        groups = [[ids[at] for at in found.members(number)] for number in range(int(found.group.max()) + 1)]
        share = round(reduced.share, 4)
        points = {str(pk): at for pk, at in zip(ids, _in_a_square(reduced.points), strict=True)}
    return {
        "n": n, "share": share, "has_vectors": bool(ids), "groups": groups, "points": points, "unseen": unseen,
        **(_as_values(divided) if project.draws else {}),
    }  # fmt: skip


def fingerprint(project: Project) -> str:
    """Changes with what find() says: images sent back, votes, a model that looked at more. One query on an index."""
    found = reports.disagreements(project).order_by().aggregate(n=Count("id"), rounds=Sum("round"), last=Sum("n_votes"))
    return f"{found['n']}:{found['rounds']}:{found['last']}"


def how_many(project: Project, most: int) -> int:
    """Contested images, counted up to `most` + 1."""
    return reports.disagreements(project).order_by()[: most + 1].count()


def pairs(project: Project, report: Mapping[str, Any] | None = None) -> list[tuple[Pair, int]]:
    """The classes that people are divided on, with how many of the hardest COUNTED images; most frequent first.

    report: of find(); where people draw the pairs are those that it counted.
    """
    if project.draws:
        return [((a, b), n) for a, b, n in (report or {}).get("pairs", ())]
    tallies = _hardest(reports.disagreements(project)).values_list("tally", flat=True)[:COUNTED]
    return _divided_on(tallies).most_common()


def _divided_on(tallies: Iterable[Mapping[str, int]]) -> Counter[Pair]:
    """By pair of classes: the images that are divided on it."""
    found: Counter[Pair] = Counter()
    # Most images have one of a few sets of answers: each set is looked at once.
    for answers, n in Counter(tuple(sorted(tally)) for tally in tallies).items():
        for pair in worklists.pairs_of(dict.fromkeys(answers, 1)):
            found[pair] += n
    return found


def _hardest(images: QuerySet[Image]) -> QuerySet[Image]:
    return images.order_by("-disagreement", "id")


def _rows(project: Project, pair: Pair | None) -> tuple[list[tuple[int, str, dict[str, int]]], int]:
    """The most divided images as (id, hash, tally), and how many there are in all."""
    images = reports.disagreements(project)
    if pair is None:
        n = images.order_by().count()
        return list(_hardest(images).values_list("id", "sha256", "tally")[:MOST]), n
    if not project.is_multi:
        images = images.filter(Q(tally__has_keys=[str(pk) for pk in pair]))
    rows = _hardest(images).values_list("id", "sha256", "tally")[:LOOKED_AT]
    own = [row for row in rows if pair in worklists.pairs_of(row[2])]
    return own[:MOST], len(own)


def _rows_of_drawn(
    project: Project, pair: Pair | None
) -> tuple[list[tuple[int, str, dict[str, int]]], int, dict[int, Divided]]:
    """As _rows; and what each of the hardest MOST images is divided on."""
    hardest = list(_hardest(reports.disagreements(project))[:MOST])
    divided = divided_objects.of_images(project, hardest)
    own = [image for image in hardest if pair is None or pair in divided[image.pk].pairs]
    rows = [(image.pk, image.sha256, divided[image.pk].tally) for image in own]
    return rows, len(own) if pair or len(hardest) < MOST else how_many(project, LOOKED_AT), divided


def _as_values(divided: Mapping[int, Divided]) -> Report:
    counted = Counter(pair for one in divided.values() for pair in one.pairs)
    return {
        "divided": {str(pk): [one.tally, [list(pair) for pair in one.pairs]] for pk, one in divided.items()},
        "pairs": [[*pair, n] for pair, n in sorted(counted.items(), key=lambda row: (-row[1], row[0]))],
    }


def _vectors(project: Project, rows: Sequence[tuple[int, str, Any]]) -> tuple[list[int], Any]:
    """Ids of the images of which features are kept, and the features; the project's active model's first."""
    newest = TrainingRun.objects.filter(project=project).order_by("-is_active", "-id")
    names = [features.of_run(run) for run in newest.defer("history", "metrics", "comparison")[:5]]
    for name in dict.fromkeys(name for name in names if name):
        kept = features.load(name, {sha256 for _pk, sha256, _tally in rows})
        read = {sha256: np.frombuffer(vector, "<f2").astype(np.float32) for sha256, vector in kept.items()}
        # A vector that holds an infinity (float16 ends at 65,504) says nothing.
        read = {sha256: vector for sha256, vector in read.items() if np.isfinite(vector).all()}
        ids = [pk for pk, sha256, _tally in rows if sha256 in read]
        if ids:
            return ids, np.stack([read[sha256] for _pk, sha256, _tally in rows if sha256 in read])
    return [], np.zeros((0, 0))


def _in_a_square(points: Any) -> list[list[float]]:
    """Places in [0, 1], both axes on one scale: distances stay comparable. A few far ones stand at the edge."""
    low, high = np.percentile(points, [1, 99], axis=0)
    middle, span = (low + high) / 2, float(max((high - low).max(), 1e-12))
    placed = np.clip((points - middle) / span + 0.5, 0, 1)
    return [[round(float(x), 4), round(float(y), 4)] for x, y in placed]


# ---------------------------------------------------------------- showing


def present(project: Project, report: Mapping[str, Any]) -> Shown:
    """A counted report with the votes of now. One query."""
    wanted = [pk for group in report["groups"] for pk in group] + report["unseen"]
    rows = reports.disagreements(project).filter(pk__in=wanted)
    divided = report.get("divided", {})
    there = {
        pk: _contested(pk, round_, tally, decided, divided.get(str(pk)))
        for pk, round_, tally, decided in rows.values_list("id", "round", "tally", "has_decision")
    }
    parts = [[there[pk] for pk in group if pk in there] for group in report["groups"]]
    # Those that were sent back leave their groups smaller: the numbers go on telling the order of size.
    parts = sorted((part for part in parts if part), key=lambda part: -len(part))
    groups = [group_of(number, part) for number, part in enumerate(parts, 1)]
    points = [
        Point(image, group.number or 0, *report["points"][str(image.id)]) for group in groups for image in group.images
    ]
    if unseen := [there[pk] for pk in report["unseen"] if pk in there]:
        groups.append(group_of(None, unseen))
    gone = len(wanted) - len(there)
    return Shown(
        groups, points, max(len(there), report["n"] - gone), len(there), report["has_vectors"], report["share"]
    )


def _contested(pk: int, round_: int, tally: Mapping[str, int], decided: bool, divided: Any) -> Contested:
    """divided: what find() kept of the image, where people draw."""
    if divided is None:
        return Contested(pk, round_, tally, decided)
    said, pairs_of = divided
    return Contested(pk, round_, said, decided, tuple((a, b) for a, b in pairs_of))


def group_of(number: int | None, images: list[Contested]) -> DisagreementGroup:
    """A group of these images, with their votes in sum."""
    said: dict[str, int] = defaultdict(int)
    for image in images:
        for answer, n in image.tally.items():
            said[answer] += n
    divided = _divided_on(image.tally for image in images if image.pairs is None)
    for image in images:
        divided.update(image.pairs or ())
    cannot_tell = said.pop(votes.CANNOT_TELL, 0)
    # By number and then by id: as often said must not change places from one look to the next.
    told = sorted(said.items(), key=lambda row: (-row[1], row[0]))
    pair, n = min(divided.items(), key=lambda row: (-row[1], row[0]), default=(None, 0))
    return DisagreementGroup(
        number, images, [(votes.categories_of(answer), n) for answer, n in told], cannot_tell, pair, n
    )


def reasons(groups: Sequence[DisagreementGroup]) -> dict[int, list[str]]:
    """What reviewers wrote when they settled images, by image id of any group. One query."""
    decided = [image.id for group in groups for image in group.images if image.has_decision]
    rows = Decision.objects.filter(image__in=decided, withdrawn_at=None).exclude(reason="")
    found: dict[int, list[str]] = {}
    for pk, reason in rows.order_by("-id").values_list("image_id", "reason"):
        found.setdefault(pk, []).append(reason)
    return found


def names(index: categories.CategoryIndex, pair: Pair | None) -> list[str]:
    """The two, of merged classes the name they have now; what others did not draw comes last."""
    if pair is None:
        return []
    named = index.label([pk for pk in pair if pk != NOTHING])
    return named if NOTHING not in pair else [*named, _("nothing drawn")]
