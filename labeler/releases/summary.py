"""What an export of a project would hold at this moment, and what it would leave out, with the reasons.

Counts only, by the same rule as the export itself (outcomes.py): images that the rule cannot tell apart are counted
together, so a million of them cost it a few thousand questions. Where people draw the rule is one of objects, not of
the classes that are somewhere in answers (drawn_summary.py). Does not write files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import connection
from django.db.models import QuerySet

from labeler.consensus.snapshots import DECISION, UNDECIDABLE
from labeler.models import Image, Label, Project
from labeler.models.image import Status
from labeler.releases import drawn_summary
from labeler.releases.outcomes import ACCEPTED, COUNTED, FILLED, IMAGES, Outcome, OutcomeRule
from labeler.stats.tally import Vote

# Why an image has no outcome. ACCEPTED and FILLED: nobody answered, and a model's word is all there is; it is in only
# where it is asked for.
UNANSWERED, CANNOT_TELL, TIE = "unanswered", "cannot_tell", "tie"
__all__ = ["ACCEPTED", "CANNOT_TELL", "FILLED", "TIE", "UNANSWERED", "UNDECIDABLE", "Summary", "summary_of"]


@dataclass(slots=True)
class Summary:
    """Images with and without an outcome. n_bytes: of the image files of those with one."""

    images: int = 0
    judgements: int = 0
    outcome: int = 0
    n_bytes: int = 0
    early: int = 0  # with an outcome, but fewer answers than were asked for, and no decision
    by_model: int = 0  # of those without an answer: a model's word is all there is
    by_model_bytes: int = 0
    without: dict[str, int] = field(default_factory=dict)  # how many, by reason
    objects: dict[str, int] | None = None  # where people draw: of outcomes, by class; None: too many to count here


_GROUPS = f"""
    SELECT count(*), sum(i.n_bytes)::bigint, i.status, {COUNTED}
    FROM {IMAGES} WHERE i.project_id = %(project)s AND (%(some)s::bigint[] IS NULL OR i.id = ANY (%(some)s::bigint[]))
    GROUP BY 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
"""


def summary_of(project: Project, only: QuerySet[Image] | None = None, *, with_objects: bool = True) -> Summary:
    """Of a project, or of some of its images. Three queries, however large the project; one more for some images.

    with_objects: where people draw, count the objects of outcomes too, which takes geometry.
    """
    labels = Label.objects.current().filter(project=project)
    some = None
    if only is not None:
        some = list(only.order_by().values_list("pk", flat=True))
        labels = labels.filter(image__in=only.order_by().values("pk"))
    summary = Summary(judgements=labels.count())
    if project.draws:
        return _of_drawn(project, summary, some, with_objects=with_objects)
    rule = OutcomeRule(project)
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, {"project": project.pk, "methods": rule.methods, "some": some})
        groups = cursor.fetchall()
    for n, n_bytes, status, tally, *deciding in groups:
        outcome = rule.outcome(tally, *deciding)
        summary.images += n
        if outcome.categories is not None:
            summary.outcome += n
            summary.n_bytes += n_bytes
            summary.early += n if status == Status.PARTLY and outcome.method != DECISION else 0
            continue
        reason = _reason(outcome, rule.counted(tally))
        summary.without[reason] = summary.without.get(reason, 0) + n
        if outcome.by_model:
            summary.by_model += n
            summary.by_model_bytes += n_bytes
    return summary


def _of_drawn(project: Project, summary: Summary, some: list[int] | None, *, with_objects: bool) -> Summary:
    """No image stands by a model's word alone here: accepting is for classes."""
    for n, n_bytes, status, undecidable, told, unsure, is_open in drawn_summary.groups(project, some):
        summary.images += n
        if undecidable is False or (undecidable is None and told and not is_open):
            summary.outcome += n
            summary.n_bytes += n_bytes
            summary.early += n if status == Status.PARTLY and undecidable is None else 0
            continue
        reason = UNDECIDABLE if undecidable else TIE if told else CANNOT_TELL if unsure else UNANSWERED
        summary.without[reason] = summary.without.get(reason, 0) + n
    for n_bytes, status in drawn_summary.settled_by_pixels(project, some):
        summary.outcome += 1
        summary.n_bytes += n_bytes
        summary.early += status == Status.PARTLY
        summary.without[TIE] -= 1
    if summary.without.get(TIE) == 0:
        del summary.without[TIE]
    if with_objects:
        summary.objects = drawn_summary.objects(project, some)
    return summary


def _reason(outcome: Outcome, vote: Vote) -> str:
    """Why nothing is named."""
    if outcome.by_model:
        return outcome.by_model
    if outcome.method == UNDECIDABLE:
        return UNDECIDABLE
    if outcome.is_tie:
        return TIE
    return CANNOT_TELL if vote.n_cannot_tell else UNANSWERED
