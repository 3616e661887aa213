"""/api/projects/{id}/agreement/ and progress/: how far people agree, how far they have come."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import IntegersField, ReasonField, StatShape, TextsField
from api.permissions import MEMBERS_READ, REVIEWERS_READ
from api.schema import describe, example, parameter
from labeler.access import may_review
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.labeling import label_arrays
from labeler.progress import cached_reports
from labeler.progress.cache import Figures
from labeler.stats.objects.place_then_class import HEADLINE
from labeler.wording.sentences import in_words

TAG = "Agreement"


class PairShape(serializers.Serializer):
    a = serializers.CharField()
    b = serializers.CharField()
    n = serializers.IntegerField(help_text="images both have labeled")
    kappa = StatShape(help_text="Cohen's, with its 95 % interval")
    observed = serializers.FloatField(allow_null=True)
    expected = serializers.FloatField(allow_null=True)
    ac1 = serializers.FloatField(allow_null=True, help_text="Gwet's")
    pabak = serializers.FloatField(allow_null=True)
    # Where people draw objects:
    objects_a = serializers.IntegerField(required=False, help_text="what a drew on these images")
    objects_b = serializers.IntegerField(required=False)
    alpha = StatShape(required=False, help_text="Krippendorff's, of these two alone")
    matched = serializers.IntegerField(required=False, help_text="one to one from `iou` on, whatever their class")
    f1 = StatShape(required=False, help_text="2 matched / (objects_a + objects_b)")
    mean_iou = StatShape(required=False, help_text="of the matched")
    dice = StatShape(required=False, help_text="mean of the matched, by pixels; null of boxes")
    boundary_f = StatShape(
        required=False, help_text="mean of the matched: how far their boundaries run within 2 px; null of boxes"
    )
    same_class = StatShape(required=False, help_text="share of the matched")
    pq = StatShape(required=False, help_text="f1 x mean_iou: panoptic quality without regard to class")
    second_annotator_ap = StatShape(
        required=False, help_text="at `iou`: one scored as if a model against the other, mean of both directions"
    )
    second_annotator_ap_50_95 = StatShape(required=False, help_text="the same, mean over IoU .5, .55, … .95")


class CategoryAgreementShape(serializers.Serializer):
    name = serializers.CharField()
    kappa = StatShape(help_text="this class against all others")
    n = serializers.IntegerField(help_text="labels that name it")


class ClassAlphaShape(serializers.Serializer):
    name = serializers.CharField()
    alpha = StatShape(help_text="this class against everything else, nothing included")
    n = serializers.IntegerField(help_text="objects of it")


class CurveShape(serializers.Serializer):
    iou = serializers.FloatField()
    alpha = StatShape()


class PersonCountShape(serializers.Serializer):
    username = serializers.CharField()
    n = serializers.IntegerField()


class DifferenceShape(serializers.Serializer):
    n = serializers.IntegerField()
    n_images = serializers.IntegerField()
    images = IntegersField(help_text="ids, those with most first; at most 60")
    people = PersonCountShape(many=True, help_text="whose they are")


class ConfusionShape(serializers.Serializer):
    a = serializers.CharField()
    b = serializers.CharField()
    count = serializers.IntegerField(help_text="images on which one person said a and another b")


class AnnotatorShape(serializers.Serializer):
    username = serializers.CharField()
    n = serializers.IntegerField()
    n_shared = serializers.IntegerField()
    mean_kappa = serializers.FloatField(allow_null=True)
    seconds_median = serializers.FloatField(allow_null=True)
    gold_accuracy = serializers.FloatField(allow_null=True, help_text="null without gold images")
    # Where people draw objects:
    objects = serializers.IntegerField(required=False)
    vitality = StatShape(required=False, help_text="alpha of all the others, without this person")
    difference = StatShape(required=False, help_text="alpha of all minus vitality; below 0: better without")
    f1 = StatShape(required=False, help_text="objects shared with each of the others, pooled")
    second_annotator_ap = StatShape(required=False, help_text="with each of the others, pooled")


class AgreementShape(serializers.Serializer):
    as_of = serializers.DateTimeField(help_text="when it was counted: large projects are counted beside the requests")
    labels = serializers.ChoiceField(label_arrays.LABELS)
    sample = serializers.ChoiceField(label_arrays.SAMPLES)
    n_images = serializers.IntegerField()
    n_shared_images = serializers.IntegerField(help_text="with labels of two or more people")
    n_labels = serializers.IntegerField()
    alpha = StatShape(help_text="Krippendorff's, the headline; MASI distance for several classes")
    fleiss = StatShape()
    light = StatShape(help_text="mean of the defined kappas of pairs")
    # Where people draw objects:
    n_objects = serializers.IntegerField(required=False)
    iou = serializers.FloatField(required=False, help_text="from which overlap on two objects are the same")
    curve = CurveShape(many=True, required=False, help_text="alpha at an IoU of .3 to .9")
    distance_alpha = StatShape(required=False, help_text="of answers as wholes: how far they differ, beyond chance")
    kappa = StatShape(required=False, help_text="always undefined here")
    per_class = ClassAlphaShape(many=True, required=False)
    differences = serializers.DictField(
        child=DifferenceShape(),
        required=False,
        help_text="by kind: missed, extra, doubled, other_class, shifted, too_large, too_small; against what most "
        "drew, of two people against the other",
    )
    observed = StatShape()
    pairs = PairShape(many=True)
    categories = CategoryAgreementShape(many=True)
    confusion = ConfusionShape(many=True)
    annotators = AnnotatorShape(many=True)
    notes = TextsField(help_text="what the figures mean, in words")


_STAT = {"value": 0.74, "low": 0.70, "high": 0.78, "n": 412, "reason": None}
EXAMPLE = {
    "as_of": "2026-11-21T16:46:00Z",
    "labels": "blind", "sample": "random", "n_images": 500, "n_shared_images": 412, "n_labels": 1100, "alpha": _STAT,
    "fleiss": {"value": None, "low": None, "high": None, "n": 412, "reason": "images have unequal numbers of labels"},
    "light": _STAT, "observed": {**_STAT, "value": 0.81, "low": 0.78, "high": 0.84},
    "pairs": [{"a": "ann", "b": "bea", "n": 210, "kappa": _STAT, "observed": 0.82, "expected": 0.31, "ac1": 0.77,
    "pabak": 0.76}],
    "categories": [{"name": "rust", "kappa": _STAT, "n": 260}], "confusion": [{"a": "rust", "b": "leaf spot",
    "count": 31}],
    "annotators": [{"username": "ann", "n": 400, "n_shared": 380, "mean_kappa": 0.74, "seconds_median": 1.9,
                    "gold_accuracy": None}],
    "notes": ["…"],
}  # fmt: skip


class Agreement(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_agreement", "How far people agree.\n\nNormally from labels given without a pre-label, on images chosen at "
        "random: these speak for the project. A figure that is undefined is null, with the reason.", tag=TAG,
        answers={200: AgreementShape}, examples=[example(EXAMPLE)],
        parameters=[
            parameter("labels", "given without, with, or regardless of a pre-label", enum=label_arrays.LABELS),
            parameter("sample", "images chosen at random, or all. Normally random; all with labels=all",
            enum=label_arrays.SAMPLES),
            parameter("since", "labels from this time on (ISO 8601)"),
            parameter("guideline", "labels made by this version of the guideline", int),
            parameter("category", "this class against all others (id or name)"),
            parameter("iou", "where people draw: objects are the same from this intersection over union on, above 0 "
            "and at most 1. Normally 0.5", float),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        iou = _iou(request)
        labels = parsing.choice(request, "labels", label_arrays.LABELS, "blind")
        sample = parsing.choice(request, "sample", label_arrays.SAMPLES, "all" if labels == "all" else "random")
        category = parsing.text(request, "category")
        selection = label_arrays.Selection(
            labels=labels,  # type: ignore[arg-type]
            sample=sample,  # type: ignore[arg-type]
            since=parsing.moment(request, "since"),
            guideline=parsing.integer(request, "guideline", high=2**31 - 1),
            category=label_set.index(project).id_of(category) if category else None,
        )
        return Response(AgreementShape(dated(cached_reports.agreement_figures(project, selection, iou=iou))).data)


def _iou(request: Request) -> float:
    """The IoU asked for; Invalid where nothing can be compared at it."""
    iou = parsing.share(request, "iou")
    if iou == 0:
        raise Invalid(_("iou must be above 0, and at most 1."), fields={"iou": ["not above 0"]})
    return HEADLINE if iou is None else iou


def dated(figures: Figures) -> dict[str, Any]:
    """A report in words, with its time. One is counted here, when a large project has none yet: a client can wait."""
    assert figures.value is not None
    return {"as_of": figures.as_of, **in_words(figures.value)}


class DayShape(serializers.Serializer):
    day = serializers.DateField()
    labels = serializers.IntegerField()
    imported = serializers.IntegerField(help_text="of them: brought in; pace and forecast leave them out")


class PersonProgressShape(serializers.Serializer):
    username = serializers.CharField()
    labels = serializers.IntegerField()


class ForecastShape(serializers.Serializer):
    days = serializers.FloatField(allow_null=True, help_text="until no label is missing")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True, help_text="null beside a value: perhaps never")
    reason = ReasonField(allow_null=True)


class PaceShape(serializers.Serializer):
    labels_per_day = serializers.FloatField(allow_null=True)
    days = serializers.IntegerField(help_text="that it was counted over")


class LabelCountsShape(serializers.Serializer):
    total = serializers.IntegerField()
    wanted = serializers.IntegerField()
    left = serializers.IntegerField()


class WantedCategoryShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    wanted = serializers.IntegerField(allow_null=True, help_text="at least so many images; null: any number")
    settled = serializers.IntegerField(allow_null=True, help_text="null for annotators: it would tell others' answers")
    missing = serializers.IntegerField(allow_null=True)
    variety = serializers.CharField(help_text="in words: what its images shall differ in")


class WantedShape(serializers.Serializer):
    images = serializers.IntegerField(allow_null=True, help_text="in all; null: any number")
    variety = serializers.CharField()
    settled = serializers.IntegerField(help_text="images that have their answer")
    missing = serializers.IntegerField(allow_null=True)
    categories = WantedCategoryShape(many=True)


class ProjectProgressShape(serializers.Serializer):
    as_of = serializers.DateTimeField(help_text="when it was counted: large projects are counted beside the requests")
    images = serializers.DictField(child=serializers.IntegerField(), help_text="total, and by status")
    accepted = serializers.IntegerField(help_text="of the unlabeled ones: the model's answer stands, nobody is asked")
    labels = LabelCountsShape()
    by_day = DayShape(many=True)
    by_annotator = PersonProgressShape(many=True, help_text="annotators: only themselves")
    pace = PaceShape()
    wanted = WantedShape()
    forecast = ForecastShape()


class Progress(View):
    needs = {"GET": MEMBERS_READ}

    @describe("get_progress", "Images by status, labels by day, pace, a forecast with its interval, and "
              "what the data set still wants.", tag=TAG,
              answers={200: ProjectProgressShape})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        report = dated(cached_reports.figures(project, "progress", wait=True))
        if not may_review(project):
            mine = [row for row in report["by_annotator"] if row["username"] == self.person.get_username()]
            # How many images are settled on each class would tell what the others answered.
            classes = [row | {"settled": None, "missing": None} for row in report["wanted"]["categories"]]
            report = {**report, "by_annotator": mine, "wanted": {**report["wanted"], "categories": classes}}
        return Response(ProjectProgressShape(report).data)
