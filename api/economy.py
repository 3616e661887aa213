"""/api/projects/{id}/economy/: how many labels are right by now, what more judgements buy, when it ends."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.agreement import dated
from api.fields import StatShape
from api.permissions import REVIEWERS_READ
from api.schema import describe, example
from labeler.progress import cached_reports

TAG = "Model"


class EconomyPaceShape(serializers.Serializer):
    seconds_per_judgement = StatShape(
        help_text="of one person's work: from answer to answer, pauses left out, skips and known answers included"
    )
    per_hour = serializers.FloatField(allow_null=True, help_text="of one person: 3600 / seconds_per_judgement")
    per_day = serializers.FloatField(allow_null=True, help_text="of the project, on days with judgements")
    labels = serializers.IntegerField(help_text="judgements it rests on, of the last 14 days; none of an import")


class EconomyPointShape(serializers.Serializer):
    judgements = serializers.IntegerField()
    per_image = serializers.FloatField(allow_null=True)
    right = serializers.FloatField(help_text="share of the labels estimated right then")
    low = serializers.FloatField()
    high = serializers.FloatField()
    claimed = serializers.FloatField()
    checks = serializers.IntegerField()
    at = serializers.DateTimeField()


class EconomyAheadShape(serializers.Serializer):
    judgements = serializers.IntegerField(help_text="from now")
    right = serializers.FloatField(help_text="expected share right then, if the model learned nothing more")


class EconomyHourShape(serializers.Serializer):
    judgements = serializers.IntegerField(help_text="in one hour of one person's work; no more than `askable`")
    right = serializers.FloatField()
    gain = serializers.FloatField(help_text="share of the labels that become right")


class EconomyGoalShape(serializers.Serializer):
    judgements = serializers.IntegerField()
    hours = serializers.FloatField(allow_null=True, help_text="of one person's work")
    days = serializers.FloatField(allow_null=True, help_text="as the project goes")


class EconomyShape(serializers.Serializer):
    as_of = serializers.DateTimeField(help_text="when it was counted")
    images = serializers.IntegerField(help_text="that shall have a label")
    judgements = serializers.IntegerField(help_text="votes of the present rounds")
    judged = serializers.IntegerField(help_text="images with a vote or a decision")
    per_image = serializers.FloatField(allow_null=True)
    fixed_per_image = serializers.IntegerField(help_text="what it is compared with")
    right = StatShape(help_text="share of the labels that are right now")
    claimed = serializers.FloatField(allow_null=True, help_text="by the posterior of people and model alone")
    corrected = StatShape(help_text="by the blind images alone, post-stratified")
    checks = serializers.IntegerField(help_text="held-out images on which one answer leads by two, or that are decided")
    checks_wanted = serializers.IntegerField(help_text="before the goal counts as reached")
    held_out = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True, help_text="chance that the next person is right")
    goal = serializers.FloatField()
    reached = serializers.BooleanField(help_text="the estimate is at the goal, known nearly enough, checked enough")
    surely = serializers.BooleanField(help_text="so is its whole interval")
    near_enough = serializers.FloatField(
        allow_null=True, help_text="half of the 95 % interval, at most, before the goal counts as reached"
    )
    askable = serializers.IntegerField(help_text="judgements that may still be asked, by the most labels per image")
    asks_by_gain = serializers.BooleanField()
    decides_together = serializers.BooleanField(help_text="the project's consensus is that of people and model")
    fills = serializers.BooleanField(help_text="the model answers for images without a label")
    model = serializers.IntegerField(allow_null=True, help_text="number of the active model")
    assisted = serializers.IntegerField(help_text="images answered with a suggestion on screen: no vote of the model")
    pace = EconomyPaceShape()
    ahead = EconomyAheadShape(many=True, help_text="empty where an image may have several classes")
    next_hour = EconomyHourShape(allow_null=True)
    until_goal = EconomyGoalShape(
        allow_null=True, help_text="until it is said to be reached; null: farther than can be foretold"
    )
    history = EconomyPointShape(many=True, help_text="readings that were kept, at most 60, the newest last")


EXAMPLE = {
    "as_of": "2026-11-21T16:46:00Z", "images": 3781, "judgements": 2080, "judged": 1720, "per_image": 0.55,
    "fixed_per_image": 3, "right": {"value": 0.962, "low": 0.941, "high": 0.983, "n": 3781, "reason": None},
    "claimed": 0.958, "corrected": {"value": 0.968, "low": 0.944, "high": 0.992, "n": 104, "reason": None},
    "checks": 104, "checks_wanted": 30, "held_out": 302, "accuracy": 0.85, "goal": 0.97, "reached": False,
    "surely": False, "near_enough": 0.0125, "askable": 9263, "asks_by_gain": True, "decides_together": True,
    "fills": True, "model": 11, "assisted": 0,
    "pace": {"seconds_per_judgement": {"value": 3.2, "low": 2.9, "high": 3.6, "n": 2080, "reason": None},
             "per_hour": 1125.0, "per_day": 1040.0, "labels": 2080},
    "ahead": [{"judgements": 0, "right": 0.962}, {"judgements": 190, "right": 0.967}],
    "next_hour": {"judgements": 1125, "right": 0.985, "gain": 0.023},
    "until_goal": {"judgements": 320, "hours": 0.28, "days": 0.31},
    "history": [{"judgements": 2043, "per_image": 0.54, "right": 0.961, "low": 0.94, "high": 0.982, "claimed": 0.957,
                 "checks": 102, "at": "2026-11-21T16:40:00Z"}],
}  # fmt: skip


class Economy(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_economy", "How many labels are right by now, what more judgements buy, when the goal is reached.\n\nBy "
        "the posterior of people and model, corrected by the held-out images that people judged blind. A project asks "
        "by it with `ask_by_gain`; elsewhere the figures say what it would come to.", tag=TAG,
        answers={200: EconomyShape}, examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        figures = cached_reports.figures(self.project(project_id), "economy", wait=True)
        return Response(EconomyShape(dated(figures)).data)
