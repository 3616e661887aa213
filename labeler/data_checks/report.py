"""What a page tells of a data set beside single images: balance of classes, who labeled what, groups left out.

Counted by the database over all images; nothing of it grows with them but a few numbers for each class, person and
group. Images that only a model has answered are in none of it. Large projects have it counted by a worker
(labeler/progress/cached_reports.py).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import connection

from labeler.consensus.snapshots import MODEL
from labeler.data_checks import findings
from labeler.intake import private_fields
from labeler.label_set import categories
from labeler.models import Image, ImageCheck, Project
from labeler.stats import coverage
from labeler.stats.intervals import wilson

SAMPLED = 20_000  # images whose fields say which of them divide the project
MOST_FIELDS = 8
MOST_VALUES = 20  # of a field: with more it is a name or a measure, not a group
MOST_PEOPLE = 50
LONGEST_VALUE = 60  # characters
BINS = 20


def count(project: Project) -> dict[str, Any]:
    """Plain values, as JSON keeps them: {classes, people, groups, histograms, images}."""
    return {
        "images": Image.objects.filter(project=project).count(),
        "classes": _classes(project),
        "people": _people(project),
        "groups": _groups(project),
        "histograms": _histograms(project),
    }


# ---------------------------------------------------------------- classes and people

_CONSENSUS = """
    SELECT c.categories, count(*) FROM labeler_consensus c
    WHERE c.project_id = %(project)s AND c.categories IS NOT NULL AND c.method <> %(by_model)s
    GROUP BY c.categories
"""


def _classes(project: Project) -> dict[str, Any]:
    """How many images each class has by the consensus of people: {n, rows: [{category, n, share, low, high}]}.

    With several classes for an image their shares sum to more than one. n: images with an answer.
    """
    index = categories.index(project)
    counts = dict.fromkeys((pk for pk in index.names if pk in index.ids_in_use), 0)
    n = 0
    for ids, images in _rows(_CONSENSUS, {"project": project.pk, "by_model": MODEL}):
        n += images
        for pk in index.present(ids):
            counts[pk] += images
    rows = []
    for pk, images in counts.items():
        low, high = wilson(images, n) or (None, None)
        rows.append({"category": pk, "n": images, "share": images / n if n else None, "low": low, "high": high})
    return {"n": n, "rows": rows}


_ANSWERS = """
    SELECT l.annotator_id, u.username, l.categories, count(*)
    FROM labeler_label l JOIN auth_user u ON u.id = l.annotator_id
    WHERE l.project_id = %(project)s AND l.superseded_at IS NULL AND l.answer = 'labeled' AND l.purpose = 'vote'
    GROUP BY 1, 2, 3
"""


def _people(project: Project) -> dict[str, Any]:
    """How often each person gave each class: {rows: [{person, n, counts: {category: n}}], more}; the busiest first."""
    index = categories.index(project)
    people: dict[int, dict[str, Any]] = {}
    for pk, name, ids, n in _rows(_ANSWERS, {"project": project.pk}):
        row = people.setdefault(pk, {"person": name, "n": 0, "counts": {}})
        row["n"] += n
        for category in index.present(ids):
            row["counts"][str(category)] = row["counts"].get(str(category), 0) + n
    ordered = sorted(people.values(), key=lambda row: (-row["n"], row["person"]))
    return {"rows": ordered[:MOST_PEOPLE], "more": max(0, len(ordered) - MOST_PEOPLE)}


# ---------------------------------------------------------------- groups

# The newest of the project and as many of all of it: fields that only an old or a new import has are found too.
_FIELDS = """
    WITH drawn AS (
        (SELECT metadata FROM labeler_image WHERE project_id = %(project)s ORDER BY id DESC LIMIT %(half)s)
        UNION ALL
        (SELECT metadata FROM labeler_image WHERE project_id = %(project)s ORDER BY sha256 LIMIT %(half)s)
    )
    SELECT f.key, count(*), count(DISTINCT left(f.value, %(longest)s))
    FROM drawn, jsonb_each_text(CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END) f
    GROUP BY f.key HAVING count(DISTINCT left(f.value, %(longest)s)) BETWEEN 1 AND %(values)s
    ORDER BY count(*) DESC, f.key
"""
_VALUES = """
    SELECT left(metadata->>%(field)s, %(longest)s), count(*), count(*) FILTER (WHERE status <> 'unlabeled'),
           count(*) FILTER (WHERE n_votes > 1), count(*) FILTER (WHERE n_votes > 1 AND disagreement = 0)
    FROM labeler_image WHERE project_id = %(project)s AND metadata ? %(field)s
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %(most)s
"""


def _groups(project: Project) -> dict[str, Any]:
    """{rows: [a Group as a dict], tests: how many comparisons were made together, fields}."""
    params = {"project": project.pk, "half": SAMPLED // 2, "longest": LONGEST_VALUE, "values": MOST_VALUES}
    # Without the place: reviewers read this.
    fields = [key for key, _n, _values in _rows(_FIELDS, params) if not private_fields.is_place(key)]
    counted: list[coverage.Counts] = []
    used: list[str] = []
    for field in fields:
        if len(used) == MOST_FIELDS:
            break
        rows = _rows(
            _VALUES,
            {"project": project.pk, "field": field, "longest": LONGEST_VALUE, "most": MOST_VALUES + 1},
        )
        if 2 <= len(rows) <= MOST_VALUES:
            used.append(field)
            counted += [coverage.Counts(field, value or "", *numbers) for value, *numbers in rows]
    compared = coverage.compare(counted)
    return {
        "rows": [_plain(group) for group in compared],
        "tests": sum(group.p is not None for group in compared),
        "fields": used,
    }


def _plain(group: coverage.Group) -> dict[str, Any]:
    row = asdict(group)
    return {**row.pop("counts"), **row}


# ---------------------------------------------------------------- measures

# Of each measure its range, and from where on it is a finding.
HISTOGRAMS: dict[str, tuple[float, float, float | None]] = {
    "brightness": (0.0, 255.0, None),
    "contrast": (0.0, 128.0, None),
    "saturation": (0.0, 255.0, None),
    "blur": (0.0, 1.0, findings.BLURRED),
}


def _histograms(project: Project) -> dict[str, Any]:
    """Of each measure {low, high, limit, counts of BINS equal parts}."""
    found = {}
    for name, (low, high, limit) in HISTOGRAMS.items():
        counts = [0] * BINS
        rows = ImageCheck.objects.filter(project=project).exclude(**{name: None})
        query, params = rows.values_list(name, flat=True).query.sql_with_params()
        sql = f"""
            SELECT least(%s, greatest(1, width_bucket(m.v, %s, %s, %s))), count(*) FROM ({query}) m(v) GROUP BY 1
        """
        for place, n in _rows(sql, [BINS, low, high, BINS, *params]):
            counts[place - 1] = n
        found[name] = {"low": low, "high": high, "limit": limit, "counts": counts}
    return found


def _rows(sql: str, params: dict[str, Any] | list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
