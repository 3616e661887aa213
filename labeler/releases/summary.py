"""What an export of a project would hold at this moment, and what it would leave out, with the reasons.

Counts only, by the same rule as the export itself (labeler/consensus.py): images with the same votes are counted
together, so a million of them cost a few hundred votes. Does not write files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count, Sum

from labeler.models import Acceptance, Decision, Image, Label, Project
from labeler.models.image import Status
from labeler.stats import tally as votes

# Why an image has no outcome.
UNANSWERED, CANNOT_TELL, TIE, UNDECIDABLE = "unanswered", "cannot_tell", "tie", "undecidable"
ACCEPTED = "accepted"  # nobody answered, and a model's answer stands: it is in only where it is asked for


@dataclass(slots=True)
class Summary:
    """Images with and without an outcome. n_bytes: of the image files of those with one."""

    images: int = 0
    judgements: int = 0
    outcome: int = 0
    n_bytes: int = 0
    early: int = 0  # with an outcome, but fewer answers than were asked for, and no decision
    accepted: int = 0  # of those without an answer: a model's stands
    accepted_bytes: int = 0
    without: dict[str, int] = field(default_factory=dict)  # how many, by reason

    def _leave_out(self, reason: str, n: int) -> None:
        if n:
            self.without[reason] = self.without.get(reason, 0) + n

    def _take(self, n: int, n_bytes: int) -> None:
        self.outcome += n
        self.n_bytes += n_bytes


def of(project: Project) -> Summary:
    """Four queries, however large the project."""
    summary = Summary(judgements=Label.objects.current().filter(project=project).count())
    images = Image.objects.for_project(project).order_by()
    rows = images.filter(has_decision=False).values_list("tally", "status")
    for tally, status, n, n_bytes in rows.annotate(n=Count("id"), size=Sum("n_bytes")):
        summary.images += n
        vote = votes.vote(tally)
        if vote.categories is not None:
            summary._take(n, n_bytes)
            summary.early += n if status == Status.PARTLY else 0
        elif vote.is_tie:
            summary._leave_out(TIE, n)
        else:
            summary._leave_out(CANNOT_TELL if vote.n_cannot_tell else UNANSWERED, n)
    standing = Decision.objects.filter(image__project=project, withdrawn_at=None).order_by().values_list("undecidable")
    for undecidable, n, n_bytes in standing.annotate(n=Count("id"), size=Sum("image__n_bytes")):
        summary.images += n
        if undecidable:
            summary._leave_out(UNDECIDABLE, n)
        else:
            summary._take(n, n_bytes)
    standing_ = Acceptance.objects.standing().filter(project=project)
    found = standing_.aggregate(n=Count("id"), size=Sum("image__n_bytes"))
    summary.accepted, summary.accepted_bytes = found["n"], found["size"] or 0
    if summary.accepted:
        summary.without[UNANSWERED] -= summary.accepted
        summary._leave_out(ACCEPTED, summary.accepted)
    return summary
