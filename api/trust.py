"""/api/projects/{id}/trust/: whether the labels can be trusted, beside agreement itself."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.agreement import TAG, dated
from api.fields import StatShape
from api.permissions import MEMBERS_READ
from api.schema import describe, example
from labeler.access import may_review
from labeler.agreement import trust
from labeler.models.project import ConsensusMethod
from labeler.progress import cached_reports
from labeler.stats.cause import KINDS
from labeler.stats.quality import RULES


class PlanShape(serializers.Serializer):
    images = serializers.IntegerField(allow_null=True, help_text="images that two people must judge, in all")
    more = serializers.IntegerField(allow_null=True, help_text="beyond those there are; null: nothing can be said yet")
    half_width = serializers.FloatField(help_text="of the 95 % interval that the plan aims at")
    sentence = serializers.CharField()


class AnchoringShape(serializers.Serializer):
    shown = StatShape(help_text="labels equal to the model's suggestion, where it was seen")
    hidden = StatShape(help_text="the same on images judged without it")
    difference = StatShape()
    copied = StatShape(help_text="of the labels that would have differed: the share that gave way")
    sample = serializers.ChoiceField(["random", "all"], help_text="the images of `shown`")
    note = serializers.CharField(allow_blank=True)


class ParadoxShape(serializers.Serializer):
    category = serializers.CharField()
    prevalence = serializers.FloatField(help_text="its share of the labels, 0.8 or more")
    bias = serializers.FloatField(allow_null=True, help_text="how far two people differ in how often they choose it")
    pabak = serializers.FloatField(allow_null=True)
    ac1 = serializers.FloatField(allow_null=True)
    alpha = serializers.FloatField(allow_null=True)
    observed = StatShape()


class WhyShape(serializers.Serializer):
    kind = serializers.ChoiceField(KINDS)
    pairs = serializers.IntegerField(help_text="pairs with enough shared images")
    low = serializers.IntegerField(help_text="of them below the target")
    people = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    person = serializers.CharField(allow_null=True, help_text="of kind person; null for annotators")
    own = serializers.FloatField(allow_null=True, help_text="mean kappa of the pairs with that person")
    others = serializers.FloatField(allow_null=True, help_text="mean kappa of the pairs without")
    target = serializers.FloatField()


class OrderedPairShape(serializers.Serializer):
    a = serializers.CharField()
    b = serializers.CharField()
    kappa = StatShape(help_text="weighted")


class OrderedShape(serializers.Serializer):
    weights = serializers.ChoiceField(["linear", "quadratic"])
    alpha_ordinal = StatShape()
    alpha_interval = StatShape()
    pairs = OrderedPairShape(many=True, help_text="annotators: none")


class WeekShape(serializers.Serializer):
    week = serializers.DateField(help_text="its Monday (UTC)")
    alpha = StatShape()


class VersionShape(serializers.Serializer):
    version = serializers.IntegerField()
    began = serializers.DateField(allow_null=True)
    alpha = StatShape()
    change = StatShape(allow_null=True, help_text="against the version before")


class SignShape(serializers.Serializer):
    rule = serializers.ChoiceField(RULES)
    sentence = serializers.CharField()
    evidence = serializers.DictField()


class PersonWeekShape(serializers.Serializer):
    week = serializers.DateField(help_text="its Monday (UTC)")
    n = serializers.IntegerField()
    agrees = StatShape(help_text="share of answers equal to what most others say")
    seconds_median = serializers.FloatField(allow_null=True)


class SittingShape(serializers.Serializer):
    vars()["from"] = serializers.IntegerField(help_text="minutes since the sitting began")
    to = serializers.IntegerField(allow_null=True)
    n = serializers.IntegerField()
    agrees = StatShape()
    seconds_median = serializers.FloatField(allow_null=True)


class ConfusedShape(serializers.Serializer):
    others = serializers.IntegerField(help_text="the class that most others chose, by id")
    said = serializers.IntegerField(help_text="the class that this person chose")
    n = serializers.IntegerField()


class ByClassShape(serializers.Serializer):
    category = serializers.IntegerField()
    both = serializers.IntegerField()
    missed = serializers.IntegerField(help_text="images on which most others see it and this person does not")
    added = serializers.IntegerField(help_text="images on which this person sees it and most others do not")


class TrustPersonShape(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    n = serializers.IntegerField(help_text="labels, of all rounds")
    paused = serializers.BooleanField()
    kappa = StatShape(help_text="Cohen's, the others taken as one person; labels without a suggestion")
    f1 = StatShape(required=False, help_text="where people draw: objects shared with the others, no suggestion shown")
    n_blind = serializers.IntegerField(help_text="labels of the present rounds without a suggestion")
    seconds_blind = serializers.FloatField(allow_null=True, help_text="median time of these")
    seconds_median = serializers.FloatField(allow_null=True)
    gold = StatShape(help_text="share right on gold images")
    repeats = StatShape(
        help_text="share of silently repeated images answered as before; where people draw, F1 of the objects of both "
        "answers at the project's `object_iou`, whatever their class"
    )
    repeats_iou = StatShape(required=False, help_text="where people draw: mean IoU of the objects drawn both times")
    repeats_class = StatShape(required=False, help_text="where people draw: share of these that have the same class")
    planted = StatShape(help_text="share of planted wrong suggestions noticed")
    signs = SignShape(many=True, help_text="reasons to look together, never a verdict")
    confusion = ConfusedShape(many=True, help_text="one class per image: with the others, cells that are not empty")
    by_class = ByClassShape(many=True, help_text="several classes per image: against most of the others")
    by_week = PersonWeekShape(many=True)
    by_sitting = SittingShape(many=True)


class TrustCategoryShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class MethodShape(serializers.Serializer):
    method = serializers.ChoiceField(ConsensusMethod.values)
    right = StatShape(help_text="share of the gold images with votes that it names rightly")


class OverlapShape(serializers.Serializer):
    n_images = serializers.IntegerField(help_text="that have all their labels")
    labels = serializers.IntegerField()
    per_image = serializers.FloatField(allow_null=True)
    fixed = serializers.IntegerField(help_text="labels that a fixed overlap would have asked for")
    saved = serializers.IntegerField()
    expected_error = serializers.FloatField(allow_null=True)


class RatedPersonShape(serializers.Serializer):
    username = serializers.CharField()
    kappa = StatShape()
    n = serializers.IntegerField()


class ModelRaterShape(serializers.Serializer):
    number = serializers.IntegerField()
    pairs = RatedPersonShape(many=True, help_text="answers without a suggestion that the model had not learned from")


class TrustShape(serializers.Serializer):
    as_of = serializers.DateTimeField(help_text="when it was counted: large projects are counted beside the requests")
    blind = StatShape(help_text="Krippendorff's alpha of labels without a suggestion, on images chosen at random")
    assisted = StatShape(help_text="alpha of labels with a suggestion")
    assisted_minus_blind = StatShape()
    plan = PlanShape()
    anchoring = AnchoringShape()
    ac1 = StatShape(help_text="Gwet's, of the labels of `blind`")
    paradox = ParadoxShape(allow_null=True, help_text="null unless one class holds four of five labels")
    why = WhyShape(help_text="is the guideline unclear, or one person?")
    ordered = OrderedShape(allow_null=True, help_text="null where classes have no order")
    by_week = WeekShape(many=True)
    by_guideline = VersionShape(many=True)
    people = TrustPersonShape(many=True, help_text="annotators: only themselves")
    model = ModelRaterShape(allow_null=True, help_text="the active model as one more rater; never part of agreement")
    categories = TrustCategoryShape(many=True, help_text="the classes that people's `confusion` speaks of")
    methods = MethodShape(many=True)
    overlap = OverlapShape(allow_null=True, help_text="null unless adaptive overlap is on")
    few = serializers.IntegerField(help_text="below so many images, read the interval and not the value")


def _stat(value: float, low: float, high: float, n: int) -> dict[str, object]:
    return {"value": value, "low": low, "high": high, "n": n, "reason": None}


_ALPHA = _stat(0.74, 0.70, 0.78, 412)
EXAMPLE = {
    "as_of": "2026-11-21T16:46:00Z",
    "blind": _ALPHA, "assisted": _stat(0.81, 0.78, 0.84, 600), "assisted_minus_blind": _stat(0.07, 0.02, 0.12, 412),
    "plan": {"images": 552, "more": 140, "half_width": 0.05, "sentence": "Have 140 more random images judged by two "
             "people to bring the interval to ±0.05."},
    "anchoring": {"shown": _stat(0.88, 0.85, 0.90, 900), "hidden": _stat(0.81, 0.77, 0.84, 400),
                  "difference": _stat(0.07, 0.03, 0.11, 400), "copied": _stat(0.37, 0.18, 0.51, 400),
                  "sample": "random", "note": ""},
    "ac1": _stat(0.77, 0.73, 0.80, 412), "paradox": None,
    "why": {"kind": "person", "pairs": 6, "low": 3, "people": 4, "mean": 0.72, "person": "ben", "own": 0.60,
            "others": 0.81, "target": 0.7},
    "ordered": None,
    "by_week": [{"week": "2026-11-16", "alpha": _ALPHA}],
    "by_guideline": [{"version": 2, "began": "2026-11-02", "alpha": _ALPHA, "change": _stat(0.09, 0.02, 0.15, 180)}],
    "people": [{
        "id": 7, "username": "ben", "n": 840, "paused": False, "kappa": _stat(0.60, 0.54, 0.66, 380), "n_blind": 400,
        "seconds_blind": 1.1, "seconds_median": 1.0, "gold": _stat(0.78, 0.64, 0.87, 45),
        "repeats": _stat(0.9, 0.74, 0.97, 30), "planted": _stat(0.5, 0.25, 0.75, 12),
        "signs": [{"rule": "drift", "sentence": "agrees with the others on 64 % of the last 100 images, before on 82 %",
                   "evidence": {"now": 0.64, "before": 0.82, "n": 100}}],
        "confusion": [{"others": 1, "said": 2, "n": 62}], "by_class": [],
        "by_week": [{"week": "2026-11-16", "n": 120, "agrees": _stat(0.66, 0.57, 0.74, 110), "seconds_median": 1.0}],
        "by_sitting": [{"from": 0, "to": 15, "n": 300, "agrees": _stat(0.78, 0.73, 0.82, 280), "seconds_median": 1.3}],
    }],
    "model": {"number": 3, "pairs": [{"username": "ben", "kappa": _stat(0.64, 0.60, 0.68, 861), "n": 861}]},
    "categories": [{"id": 1, "name": "rust"}, {"id": 2, "name": "leaf spot"}],
    "methods": [{"method": "majority", "right": _stat(0.91, 0.84, 0.95, 100)}],
    "overlap": None, "few": 30,
}  # fmt: skip


class Trust(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "get_trust", "Whether the labels can be trusted.\n\nAnchoring by the model, the plan for a narrower interval, "
        "guideline or person, agreement over time, each person's gold, repeats, planted answers and signs, methods of "
        "consensus on gold, what adaptive overlap saved. Annotators get the project's figures and their own.", tag=TAG,
        answers={200: TrustShape}, examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        report = dated(cached_reports.figures(project, "trust", wait=True))
        if not may_review(project):
            report = trust.of_person(report, self.person.get_username())
        return Response(TrustShape(report).data)
