"""/api/projects/{id}/checks/: what is wrong with images, and how classes, people and groups are spread."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import FloatsField, IntegersField
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import describe, example, parameter
from labeler.data_checks import check, found
from labeler.label_set import categories
from labeler.models import Finding, Project
from labeler.models.job import State
from labeler.progress import cached_reports

TAG = "Images"
SHOWN, PAGE = 12, 500


class FindingShape(serializers.Serializer):
    code = serializers.ChoiceField(Finding.choices)
    n = serializers.IntegerField(help_text="images")
    images = IntegersField(help_text=f"ids, the newest first; {SHOWN}, or {PAGE} of the finding asked for")
    next = serializers.IntegerField(allow_null=True, help_text="`before` of the next page; null: there is none")


class ClassBalanceShape(serializers.Serializer):
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    n = serializers.IntegerField(help_text="images, by the consensus of people")
    share = serializers.FloatField(allow_null=True, help_text="null: no image has an answer")
    low = serializers.FloatField(allow_null=True, help_text="95 % (Wilson)")
    high = serializers.FloatField(allow_null=True)


class PersonAnswersShape(serializers.Serializer):
    person = serializers.CharField()
    n = serializers.IntegerField(help_text="current answers")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="answers by the id of the class")


class GroupShape(serializers.Serializer):
    field = serializers.CharField(help_text="of the metadata")
    value = serializers.CharField(allow_blank=True)
    images = serializers.IntegerField()
    labeled = serializers.IntegerField()
    judged = serializers.IntegerField(help_text="images with two answers or more")
    agreed = serializers.IntegerField(help_text="of these, without dissent")
    share = serializers.FloatField(help_text="of the images that have the field")
    share_within = FloatsField(allow_null=True, help_text="95 %")
    under = serializers.BooleanField(help_text="fewer than a quarter of an equal share, beyond the interval")
    agreement = serializers.FloatField(allow_null=True, help_text="agreed / judged; null: see `reason`")
    agreement_within = FloatsField(allow_null=True, help_text="95 %")
    elsewhere = serializers.FloatField(allow_null=True, help_text="the same in the other groups of the field")
    p = serializers.FloatField(
        allow_null=True,
        help_text="Fisher's exact test, one-sided, all groups corrected together (Holm); null: `reason`",
    )
    less = serializers.BooleanField(help_text="people agree less than elsewhere, beyond chance")
    reason = serializers.CharField(allow_null=True, help_text="why it is not compared: too_few, one_group, nobody")


class ChecksShape(serializers.Serializer):
    state = serializers.ChoiceField(
        [("", ""), *State.choices], help_text="of the last check; empty: there was none", allow_blank=True
    )
    images = serializers.IntegerField(help_text="of the project")
    measured = serializers.IntegerField(help_text="of these, by now")
    findings = FindingShape(many=True)
    as_of = serializers.DateTimeField(allow_null=True, help_text="of what follows; null: being counted")
    classes = ClassBalanceShape(many=True)
    people = PersonAnswersShape(many=True)
    groups = GroupShape(many=True)


EXAMPLE = {
    "state": "done", "images": 1200, "measured": 1200,
    "findings": [{"code": "blurred", "n": 2, "images": [812, 40], "next": None}],
    "as_of": "2026-11-22T12:00:00Z",
    "classes": [
        {"category": "rust", "category_id": 3, "n": 300, "share": 0.3, "low": 0.272, "high": 0.329},
    ],
    "people": [{"person": "ann", "n": 410, "counts": {"3": 120, "4": 290}}],
    "groups": [{
        "field": "exif.camera", "value": "C-3", "images": 80, "labeled": 60, "judged": 40, "agreed": 22, "share": 0.07,
        "share_within": [0.05, 0.08], "under": True, "agreement": 0.55, "agreement_within": [0.4, 0.69],
        "elsewhere": 0.81, "p": 0.003, "less": True, "reason": None,
    }],
}  # fmt: skip


class Checks(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe(
        "get_checks", "Checks on the data set.\n\nImages whose files are gone or damaged, near-duplicates, and images "
        "that are tiny, very long, blurred, dark, over-exposed, of one colour, or unlike the others in their colours. "
        "With `finding` only that one, with all its images, page by page. Nothing of it is a model's word.",
        tag=TAG, answers={200: ChecksShape}, examples=[example(EXAMPLE)],
        parameters=[
            parameter("finding", "only this one", enum=Finding.values),
            parameter("before", "from `next` of the page before", int),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        code = parsing.choice(request, "finding", ("", *Finding.values), "")
        before = parsing.integer(request, "before")
        return Response(_answer(project, code, before))

    @describe(
        "ask_for_checks", "Have a worker look at the images again, and whether their files are there.\n\nImages that "
        "come in are measured without asking. Ask again until `state` is `done`.", tag=TAG, request=None,
        answers={202: ChecksShape},
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        check.request(project, by=self.person)
        return Response(_answer(project, "", None), status=202)


def _answer(project: Project, code: str, before: int | None) -> dict[str, Any]:
    standing = found.standing(project)
    figures = cached_reports.figures(project, "checks")
    value = figures.value or {"classes": {"rows": []}, "people": {"rows": []}, "groups": {"rows": []}}
    names = categories.index(project).names
    latest = standing.job or standing.last
    return {
        "state": latest.state if latest else "",
        "images": standing.images,
        "measured": standing.measured,
        "findings": _findings(project, code, before),
        "as_of": figures.as_of if figures.value is not None else None,
        "classes": [
            {**row, "category_id": row["category"], "category": names.get(row["category"], "")}
            for row in value["classes"]["rows"]
        ],
        "people": value["people"]["rows"],
        "groups": value["groups"]["rows"],
    }


def _findings(project: Project, code: str, before: int | None) -> list[dict[str, Any]]:
    """Each kind with its newest images, or a page of the one kind that was asked for."""
    counts = found.counts(project)
    if code:
        return [_finding(code, counts[code], found.page(project, code, before=before, size=PAGE + 1), PAGE)]
    newest = found.newest(project, SHOWN + 1)
    return [_finding(code, counts[code], newest[code], SHOWN) for code in Finding.values]


def _finding(code: str, n: int, images: list[int], size: int) -> dict[str, Any]:
    return {"code": code, "n": n, "images": images[:size], "next": images[size - 1] if len(images) > size else None}
