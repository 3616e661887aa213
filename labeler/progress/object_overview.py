"""The figures of an overview (overview.py) that are counted otherwise where people draw.

Agreement is of objects, a person is compared by F1 with the others, decisions object by object. What has no meaning
here is null with its reason or empty, so that no card and no column speaks of it: kappa and its courses, pairs of
classes that are confused by one person, the review grid, doubted labels.
"""

from __future__ import annotations

from typing import Any

from labeler.agreement import objects
from labeler.labeling import drawn_arrays
from labeler.labeling.drawn_arrays import DrawnArrays
from labeler.labeling.label_arrays import Selection, usernames
from labeler.models import Project
from labeler.models.statements import fetch_one
from labeler.stats.pace import median
from labeler.stats.results import undefined

Report = dict[str, Any]

PAIRED_PEOPLE = 16  # as on the overview of classes


def figures(project: Project) -> Report:
    """{agreement, blind, people, seconds_median, accepted}; the others are the same for every task."""
    rows = drawn_arrays.read(project)
    everything = objects.report_of(project, rows, Selection.with_default_sample("all"))
    blind = objects.report_of(project, rows.part(rows.is_blind & rows.is_random), Selection())
    if len(rows.annotators) > PAIRED_PEOPLE:
        everything["pairs"] = []
    return {
        "agreement": everything,
        "blind": blind,
        "people": _people(rows, everything),
        "seconds_median": median(rows.seconds),
        "accepted": _accepted(project),
    }


def _people(rows: DrawnArrays, report: Report) -> list[Report]:
    nothing = {"value": None, "error": None, "n": 0}
    overlaps = objects.mean_overlap(rows.drawings)
    return [
        {
            "username": name,
            "n": row["n"],
            "n_shared": row["n_shared"],
            "mean_kappa": None,
            "seconds_median": row["seconds_median"],
            "kappa": undefined(objects.NOT_FOR_OBJECTS).as_dict(),
            "f1": row["f1"],
            "equal": row["f1"],
            "overlap": overlaps[code],
            "decided": None,
            "weeks": [],
            "earlier": nothing,
            "now": nothing,
        }
        for code, (name, row) in enumerate(zip(usernames(rows.annotators), report["annotators"], strict=True))
    ]


def _accepted(project: Project) -> Report:
    """Objects that were suggested to people who answered, and how many of them were kept as they were."""
    deleted, taken, kept = fetch_one(
        """
        SELECT coalesce(sum(jsonb_array_length(coalesce(l.value->'deleted', '[]'))), 0), coalesce(sum(o.taken), 0),
               coalesce(sum(o.kept), 0)
        FROM labeler_label l CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE change IN ('kept', 'moved', 'class')) AS taken,
                   count(*) FILTER (WHERE change = 'kept') AS kept
            FROM labeler_labelobject WHERE label_id = l.id) o
        WHERE l.project_id = %s AND l.superseded_at IS NULL AND l.answer = 'labeled' AND l.purpose = 'vote'
              AND l.shown_prediction_id IS NOT NULL
        """,
        [project.pk],
    )
    return {"shown": int(deleted + taken), "same": int(kept)}
