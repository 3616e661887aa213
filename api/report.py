"""/api/projects/{id}/agreement/report/: all figures on agreement in one document; an old one can be computed again."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.agreement import EXAMPLE as AGREEMENT
from api.agreement import AgreementShape, AnnotatorShape
from api.fields import IntegersField, ObjectField, ObjectListField, StatShape
from api.permissions import REVIEWERS_READ
from api.schema import describe, example, parameter
from labeler.access import may_lead
from labeler.agreement import printed_report
from labeler.errors import Invalid, NotAllowed
from labeler.labeling import label_arrays
from labeler.labeling.label_arrays import Selection
from labeler.models.project import Ordered
from labeler.progress import cached_reports

TAG = "Agreement"
_ORDERS = tuple(Ordered.values)


class ReportedAnnotatorShape(AnnotatorShape):
    gold_accuracy = None  # type: ignore[assignment]  # of the day


class ReportedAgreementShape(AgreementShape):
    as_of = None  # type: ignore[assignment]
    annotators = ReportedAnnotatorShape(many=True)
    ac1 = StatShape()
    plan = ObjectField(help_text="how many more images bring the interval of alpha to ±0.05")
    paradox = ObjectField(allow_null=True, help_text="where one class dominates: prevalence, bias, PABAK, AC1")
    ordered = ObjectField(allow_null=True, help_text="for ordered classes: ordinal and interval alpha, weighted kappas")


class ReportSelectionShape(serializers.Serializer):
    labels = serializers.ChoiceField(label_arrays.LABELS)
    sample = serializers.ChoiceField(label_arrays.SAMPLES)
    until = serializers.IntegerField(help_text="the newest label id there was")
    at = serializers.DateTimeField()
    classes = IntegersField(help_text="declared then, in their order")
    ordered = serializers.ChoiceField(Ordered.choices)


class ReportShape(serializers.Serializer):
    format = serializers.IntegerField(help_text="of this document")
    title = serializers.CharField()
    project = ObjectField()
    counted_at = serializers.DateTimeField()
    software = ObjectField()
    bootstrap = ObjectField(help_text="replicates and seed of the intervals")
    selection = ReportSelectionShape()
    again = serializers.CharField(help_text="the address that counts `agreement` again from the labels of then")
    hash = serializers.CharField(help_text="SHA-256 over the ids of its labels in decimal, ascending, one per line")
    n_hashed = serializers.IntegerField(help_text="labels")
    guideline = ObjectField(allow_null=True)
    classes = ObjectListField()
    agreement = ReportedAgreementShape(help_text="counted from labels alone: the same whenever it is counted again")
    of_the_day = ObjectField(
        allow_null=True,
        help_text="settings, anchoring, gold, repeats, planted suggestions, consensus on gold, overlap: as of the day. "
        "null in a report of the past",
    )
    methods = ObjectListField(help_text="title, text and source of each definition")


EXAMPLE = {
    "format": 1, "title": "Agreement on Leaf diseases", "counted_at": "2026-11-21T16:46:00Z",
    "project": {"id": 1, "name": "Leaf diseases", "question": "Which disease?", "task": "single", "description": ""},
    "software": {"name": "Labeler", "version": "0.1.0"}, "bootstrap": {"replicates": 1000, "seed": 20240229},
    "selection": {"labels": "blind", "sample": "random", "until": 18231, "at": "2026-11-21T16:46:00Z",
                  "classes": [3, 4], "ordered": "none"},
    "again": "/api/projects/1/agreement/report/?labels=blind&sample=random&until=18231&…",
    "hash": "sha256:9f2c…", "n_hashed": 1100, "guideline": {"version": 4, "began": "2026-11-02T09:00:00Z"},
    "classes": [{"id": 3, "name": "rust", "declared": True}], "agreement": {
        **{name: value for name, value in AGREEMENT.items() if name != "as_of"}, "annotators": [],
        "ac1": AGREEMENT["alpha"], "plan": {}, "paradox": None, "ordered": None,
    },
    "of_the_day": None, "methods": [{"title": "Krippendorff's alpha", "text": "…", "source": "Krippendorff 2011"}],
}  # fmt: skip


class AgreementReport(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_agreement_report", "The report for an appendix, as JSON.\n\nEvery figure with its interval, the "
        "definitions with their sources, and what counts it again: open `again` in ten years and `agreement` and "
        "`hash` are the same, whatever was changed, undone, sent back or retired since. People are numbers; leads may "
        "ask for names.",
        tag=TAG, answers={200: ReportShape}, examples=[example(EXAMPLE)],
        parameters=[
            parameter("labels", "given without, with, or regardless of a pre-label", enum=label_arrays.LABELS),
            parameter("sample", "images chosen at random, or all", enum=label_arrays.SAMPLES),
            parameter("names", "of people, instead of numbers (leads)", bool),
            parameter("until", "as it was when this label was the newest (a label id)", int),
            parameter("at", "as it was at this time (ISO 8601)"),
            parameter("classes", "ids of the classes declared then, in their order, with commas"),
            parameter("download", "answer as a file to save", bool),
            parameter("ordered", "whether the classes had an order then", enum=_ORDERS),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        names = parsing.flag(request, "names")
        if names and not may_lead(project):
            raise NotAllowed(_("Only leads of this project may see a report with names."))
        labels = parsing.choice(request, "labels", label_arrays.LABELS, "blind")
        sample = parsing.choice(request, "sample", label_arrays.SAMPLES, "all" if labels == "all" else "random")
        then = printed_report.until(
            project, parsing.integer(request, "until"), parsing.moment(request, "at"), _classes(request)
        )  # fmt: skip
        ordered = parsing.choice(request, "ordered", _ORDERS, project.ordered)
        selection = Selection(labels, sample, until=then)  # type: ignore[arg-type]
        figures = cached_reports.report_figures(
            project, selection, names=names, ordered=None if ordered == project.ordered else ordered, wait=True
        )
        assert figures.value is not None
        response = Response(ReportShape(printed_report.document(project, figures.value)).data)
        if parsing.flag(request, "download"):
            response["Content-Disposition"] = f'attachment; filename="agreement-{project.pk}.json"'
        return response


def _classes(request: Request) -> list[int]:
    sent = parsing.text(request, "classes")
    parts = [part.strip() for part in sent.split(",")] if sent else []
    if not all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts):
        raise Invalid(_("classes are ids, with commas between them."), fields={"classes": ["not ids"]})
    return [int(part) for part in parts]
