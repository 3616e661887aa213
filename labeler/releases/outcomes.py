"""The outcome of each image in a data set: one rule, for the files and for the page that counts them.

A reviewer's decision; else what the project's consensus method made of exactly these votes when it last ran; else their
majority. A prediction for an image that nobody voted on is kept apart: it was accepted under a promise, or the
project lets the model fill in (model_fills). For images that are labeled blind a prediction never counts, neither
beside people nor alone. Reads no file format, writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from labeler.consensus import snapshots
from labeler.labeling.blindness import model_hidden_sql
from labeler.models import Acceptance, Consensus, Project, TrainingRun
from labeler.stats import tally as votes

# Whose the outcome is, where it is the model's alone.
ACCEPTED, FILLED = "accepted", "filled"
NOBODY = "{}"  # the tally of an image that nobody voted on


# An image with all that decides what it is taken to be. Parameter: methods, those of Rule.
IMAGES = """
    labeler_image i
    LEFT JOIN labeler_decision d ON d.image_id = i.id AND d.withdrawn_at IS NULL
    LEFT JOIN labeler_consensus c ON c.image_id = i.id AND c.method = ANY(%(methods)s)
    LEFT JOIN labeler_acceptance a ON a.image_id = i.id AND a.withdrawn_at IS NULL AND NOT a.is_audited
"""
# What Rule.outcome() is given.
COLUMNS = f"""i.tally::text, i.n_votes, {model_hidden_sql()}, d.undecidable, d.categories, a.id IS NOT NULL,
           c.method, c.categories, c.confidence, c.votes"""
# The same for images that are only counted, so that few groups of them remain: a name there is, but not which.
COUNTED = f"""i.tally::text, 0, {model_hidden_sql()}, d.undecidable, ARRAY[]::bigint[], a.id IS NOT NULL,
           c.method, CASE WHEN c.categories IS NOT NULL THEN ARRAY[]::bigint[] END, NULL::float8, c.votes"""


class Outcome(NamedTuple):
    """What an image is taken to be. A tuple: an export makes one for each of a million images."""

    categories: Sequence[int] | None  # by people, or by people and model; None: nothing can be named
    confidence: float | None
    is_tie: bool
    method: str
    n_votes: int
    by_model: str = ""  # ACCEPTED or FILLED: a model's word is all there is; then categories is None


class OutcomeRule:
    """The rule of one project, as of now."""

    def __init__(self, project: Project) -> None:
        self.run = TrainingRun.objects.active().filter(project=project).first()
        # Without a model there is nobody whose word a filled answer would be: a worker is about to take it back.
        self.methods = [m for m in snapshots.kept_methods(project) if self.run is not None or m != snapshots.MODEL]
        # Many images have the same votes: a thousand sorts of them are thousands of images.
        self.counted = lru_cache(maxsize=10_000)(lambda tally: votes.vote(json.loads(tally)))
        self.holds = lru_cache(maxsize=10_000)(
            lambda method, made_from, tally: snapshots.holds(method, made_from, json.loads(tally))
        )

    def outcome(
        self, tally: str, n_votes: int, hidden: bool, undecidable: bool | None, decided: Sequence[int] | None,
        accepted: bool, method: str | None, kept: Sequence[int] | None, confidence: float | None, made_from: str | None,
    ) -> Outcome:  # fmt: skip
        """Of one image, from its columns in IMAGES.

        tally: as JSON. undecidable, decided: of the decision, None without one. accepted: there is an acceptance.
        method, kept, confidence, made_from: of the consensus row, None without one.
        """
        if undecidable is not None:
            how = snapshots.UNDECIDABLE if undecidable else snapshots.DECISION
            return Outcome(None if undecidable else decided, None, False, how, n_votes)
        vote = self.counted(tally)
        by_majority = Outcome(vote.categories, vote.share, vote.is_tie, snapshots.MAJORITY, n_votes)
        holds = method is not None and self.holds(method, made_from or "", tally)
        if tally == NOBODY:
            is_filled = holds and kept is not None
            alone = "" if hidden else ACCEPTED if accepted else FILLED if is_filled else ""
            return by_majority._replace(by_model=alone) if alone else by_majority
        if not holds or (hidden and method == snapshots.WITH_MODEL):
            return by_majority
        return Outcome(kept, confidence, kept is None, method or "", n_votes)


def has_model_answers(project: Project) -> bool:
    """Is there an answer that stands by a model's word alone?"""
    if Acceptance.objects.standing().filter(project=project).exists():
        return True
    is_filling = snapshots.MODEL in OutcomeRule(project).methods
    return is_filling and Consensus.objects.filter(project=project, method=snapshots.MODEL).exists()
