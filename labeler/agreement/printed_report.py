"""The report on agreement that can be published: every figure with its interval, and how to count it again.

Two parts. `agreement` is counted from labels alone, and labels are never deleted: with the report's own `until`, `at`,
`classes` and `ordered` it comes out the same in ten years, whatever was changed, undone, sent back, merged or retired
since; `hash` says whether the labels are the same. `of_the_day` speaks of settings, gold and the model as they were
then, and is in a report of now only. People are "Annotator 1" unless their names are asked for. Knows what a report
holds; pages and endpoints ask progress/cached_reports.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from labeler import __version__
from labeler.agreement import methods, object_trust, objects, reports, trust
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.labeling import drawn_arrays, label_arrays
from labeler.labeling.drawn_arrays import DrawnArrays
from labeler.labeling.label_arrays import Selection, Until
from labeler.models import Label, Project
from labeler.models.project import ConsensusMethod
from labeler.stats.intervals import REPLICATES, SEED
from labeler.stats.results import Reason
from labeler.wording.sentences import in_words

Report = dict[str, Any]

FORMAT = 1  # of the JSON; raised when a member changes its meaning


def until(
    project: Project, label: int | None = None, at: datetime | None = None, classes: Sequence[int] = ()
) -> Until | None:
    """The state of the past that a request names; None when it names none. Raises Invalid for what never was.

    label: the newest label id, at: the time. With one of them the other is what it was then.
    """
    known = label_set.index(project).names
    if unknown := [pk for pk in classes if pk not in known]:
        raise Invalid(
            _("This project has no class %(id)s.") % {"id": unknown[0]}, fields={"classes": [f"unknown: {unknown[0]}"]}
        )
    if label is None and at is None:
        if classes:
            raise Invalid(_("classes goes with until or at."), fields={"classes": ["without until or at"]})
        return None
    labels = Label.objects.filter(project=project)
    if label is None:
        label = labels.filter(created_at__lte=at).order_by("-id").values_list("id", flat=True).first() or 0
    elif at is None:
        at = labels.filter(id=label).values_list("created_at", flat=True).first()
        if at is None:
            raise Invalid(_("This project has no label %(id)s.") % {"id": label}, fields={"until": ["unknown"]})
    assert at is not None
    return Until(label, at, tuple(dict.fromkeys(classes)))


def build(project: Project, selection: Selection, *, names: bool = False, ordered: str | None = None) -> Report:
    """The report as it is kept, with codes for sentences: document() says them.

    selection: labels, sample and until; names: of people instead of numbers; ordered: as the project had it then, where
    it has it otherwise now.
    """
    is_past = selection.until is not None
    # Written down before the labels are read: what is saved meanwhile has a higher id.
    newest = Label.objects.filter(project=project).order_by("-id").values_list("id", flat=True).first() or 0
    then = selection.until or Until(newest, timezone.now())
    index = label_set.index(project)
    declared = tuple(label_arrays.declared_classes(project, index, selection.until))
    then = Until(then.label, then.at, declared)
    selection = Selection(selection.labels, selection.sample, until=then)
    rows = drawn_arrays.read(project, selection) if project.draws else label_arrays.read_labels(project, selection)
    people = dict(zip(rows.annotators, _people(rows.annotators, names), strict=True))
    known = list(people.values())
    if isinstance(rows, DrawnArrays):
        counted = objects.report_of(project, rows, selection, known)
    else:
        counted = reports.report_of(project, rows, selection, known)
    for row in counted["annotators"]:
        row.pop("gold_accuracy")  # of the day
    ids = label_arrays.label_ids(project, selection)
    today = None if is_past else _of_the_day(project, people)
    if ordered is not None:  # after what is kept was counted: it is of the project as it is
        project.ordered = ordered
    if isinstance(rows, DrawnArrays):
        counted |= object_trust.of_rows(rows)
    else:
        counted |= trust.of_rows(project, rows, known)
    version = project.guideline_versions.filter(created_at__lte=then.at).order_by("-number").first()
    return {
        "format": FORMAT,
        "title": Reason("report_title", {"name": project.name}).as_dict(),
        "project": {
            "id": project.pk, "name": project.name, "question": project.question, "task": project.task,
            "draws": project.draws, "description": project.description,
        },
        "counted_at": timezone.now().isoformat(),
        "software": {"name": "Labeler", "version": __version__},
        "bootstrap": {"replicates": REPLICATES, "seed": SEED},
        "selection": {
            "labels": selection.labels, "sample": selection.sample, "until": then.label, "at": then.at.isoformat(),
            "classes": list(declared), "ordered": project.ordered,
        },
        "again": again(project, selection, project.ordered),
        "hash": fingerprint(ids.tolist()),
        "n_hashed": len(ids),
        "guideline": {"version": version.number, "began": version.created_at.isoformat()} if version else None,
        "classes": [{"id": pk, "name": index.names[pk], "declared": pk in declared} for pk in rows.categories],
        "agreement": counted,
        "of_the_day": today,
    }  # fmt: skip


def document(project: Project, counted: Report) -> Report:
    """What was counted as people read it: with its sentences, and with the definitions of its figures at the end."""
    project.ordered = counted["selection"]["ordered"]
    told = in_words(counted)
    for row in (told["of_the_day"] or {}).get("consensus_on_gold", []):
        row["name"] = str(ConsensusMethod(row["method"]).label)
    return told | {"methods": [asdict(method) for method in methods.methods_used(project)]}


def fingerprint(label_ids: Sequence[int]) -> str:
    """SHA-256 over the ids of labels in decimal, ascending, one per line."""
    return "sha256:" + hashlib.sha256("\n".join(map(str, label_ids)).encode()).hexdigest()


def again(project: Project, selection: Selection, ordered: str) -> str:
    """The address at which the same figures are counted again."""
    then = selection.until
    assert then is not None
    query = {
        "labels": selection.labels, "sample": selection.sample, "until": then.label, "at": then.at.isoformat(),
        "classes": ",".join(map(str, then.classes)), "ordered": ordered,
    }  # fmt: skip
    return f"/api/projects/{project.pk}/agreement/report/?" + urlencode(query, safe=",:")


def _people(ids: Sequence[int], names: bool) -> list[Any]:
    """What each is called: by name, or by a number with the code of its words."""
    if names:
        return label_arrays.usernames(list(ids))
    return [Reason("annotator", {"n": number}).as_dict() for number in range(1, len(ids) + 1)]


def _of_the_day(project: Project, people: dict[int, Any]) -> Report:
    """What settings, gold and the model say today. Signs in a person's work are for their lead, not for readers."""
    found = reports.kept(project, f"trust:{project.version}", lambda: trust.figures(project))
    told = sorted((row for row in found["people"] if row["id"] in people), key=lambda row: row["id"])
    return {
        "settings": {
            "labels_per_image": project.labels_per_image, "blind_share": project.blind_share,
            "gold_share": project.gold_share, "repeat_share": project.repeat_share,
            "planted_share": project.planted_share, "consensus_method": project.consensus_method,
            "adaptive_overlap": project.adaptive_overlap, "fewest_labels": project.fewest_labels,
            "most_labels": project.most_labels, "enough_confidence": project.enough_confidence,
            "target_agreement": project.target_agreement,
        },
        "assisted": found["assisted"],
        "assisted_minus_blind": found["assisted_minus_blind"],
        "anchoring": found["anchoring"],
        "by_guideline": found["by_guideline"],
        "quality": [
            {"person": people[row["id"]], "gold": row["gold"], "repeats": row["repeats"], "planted": row["planted"]}
            for row in told
            if row["gold"]["n"] or row["repeats"]["n"] or row["planted"]["n"]
        ],
        "consensus_on_gold": [row for row in found["methods"] if row["right"]["n"]],
        "overlap": found["overlap"],
    }  # fmt: skip


def dated(report: Report) -> str:
    """The day it speaks of, in words."""
    return date_format(timezone.localtime(datetime.fromisoformat(report["selection"]["at"])), "j F Y, H:i")
