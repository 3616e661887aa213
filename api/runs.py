"""/api/projects/{id}/runs/, /api/runs/{id}/ and /api/projects/{id}/model/: training, and the model that pre-labels."""

from __future__ import annotations

from itertools import chain
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import (
    FailureShape,
    IntegersField,
    ObjectField,
    ObjectListField,
    ProgressShape,
    StatShape,
    TextsField,
    TrainSettingsField,
)
from api.pagination import NEWEST_FIRST, page
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import PAGING, describe, example, page_of, parameter
from labeler.errors import NotFound, NotPossibleNow
from labeler.jobs import leases
from labeler.labeling import blindness
from labeler.models import Image, TrainingRun
from labeler.models.job import State
from labeler.models.run import HEADLINE
from labeler.training import drawn_comparison, run_answers, runs
from labeler.wording.sentences import in_words

TAG = "Model"


class RunInput(serializers.Serializer):
    config = TrainSettingsField(required=False, help_text="laid over the project's training_config")


class WorkerShape(serializers.Serializer):
    device = serializers.CharField(help_text="cpu, or the name of the GPU")


class PredictedShape(serializers.Serializer):
    done = serializers.IntegerField(source="predicted_done")
    total = serializers.IntegerField(source="predicted_total")


class RunRowShape(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.IntegerField(source="project_id")
    number = serializers.IntegerField(help_text="version of the model in its project")
    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField(help_text="what the worker is doing, in words")
    progress = ProgressShape(source="*")
    predicted = PredictedShape(source="*", help_text="pre-labels made with this model")
    error = FailureShape(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    worked_seconds = serializers.SerializerMethodField(
        help_text="how long workers have been at it, so far or in all: without the time between a worker that died "
        "and the next one; null: not begun, or trained before this was counted",
    )
    attempts = serializers.IntegerField(
        source="attempt", help_text="workers that took it; beyond the first: how often it was resumed"
    )
    seconds_left = serializers.SerializerMethodField(
        help_text="by worked_seconds and progress; null before that can be said, while no worker is at it, and when "
        "it has ended",
    )
    dataset = ObjectField(help_text="images per part: train, validation, test, calibration")
    active = serializers.BooleanField(source="is_active", help_text="it makes the pre-labels")
    outside = serializers.BooleanField(
        source="is_outside", help_text="a model of another program: only its predictions are here"
    )
    name = serializers.CharField(source="outside_name", help_text="as its program calls it; empty: our own")
    version = serializers.CharField(source="outside_version", help_text="as its program calls it; empty: our own")
    calibrated = serializers.BooleanField(source="is_calibrated")
    note = serializers.CharField(help_text="why it was or was not made active")
    worker = WorkerShape(source="*")
    headline = ObjectField(
        help_text="accuracy, macro_f1, ap50, miou, cross_validation, judged_on of its metrics; null where there is none"
    )

    def get_worked_seconds(self, run: TrainingRun) -> float | None:
        return leases.worked_seconds(run)

    def get_seconds_left(self, run: TrainingRun) -> int | None:
        return runs.seconds_left(run)


class RunShape(RunRowShape):
    config = ObjectField()
    categories = TextsField(source="category_names", help_text="its classes, in the order of its outputs")
    metrics = ObjectField(help_text="on held-out images, with intervals")
    history = ObjectListField(help_text="curves")
    comparison = ObjectListField(help_text="the candidates and what they scored")


RUN_PAGE = page_of(RunRowShape)


def run_shape(run: TrainingRun, person: User) -> dict[str, Any]:
    run.headline = {name: run.metrics.get(name) for name in HEADLINE}
    run.metrics = in_words(run.metrics)
    if doubted := (run.metrics.get("label_errors") or {}).get("suspects"):
        told = _told(run, person, {row["image"] for row in doubted})
        rows = [row for row in doubted if row["image"] in told]
        run.metrics = {**run.metrics, "label_errors": {**run.metrics["label_errors"], "suspects": rows}}
    if behind := (run.metrics.get("confusion") or {}).get("images"):
        told = _told(run, person, set(chain(*behind.values())))
        images = {cell: [pk for pk in ids if pk in told] for cell, ids in behind.items()}
        run.metrics = {**run.metrics, "confusion": {**run.metrics["confusion"], "images": images}}
    return RunShape(run).data


def _told(run: TrainingRun, person: User, named: set[int]) -> set[int]:
    """Of these images, those of which the person may see what a model says; that they saw it is remembered."""
    there = Image.objects.filter(project=run.project_id, pk__in=named).exclude(blindness.HIDES_MODEL)
    told = set(there.values_list("pk", flat=True))
    blindness.remember(person, told=told)
    return told


class Runs(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe("list_runs", "Training runs of a project, newest first.\n\nWithout settings, curves and findings: "
              "those are in each run's own answer.", tag=TAG, parameters=PAGING,
              answers={200: RUN_PAGE})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        rows = TrainingRun.objects.filter(project=self.project(project_id)).slim()
        return page(request, rows, RunRowShape, order=NEWEST_FIRST)

    @describe("request_run", "Train a model now.\n\nA worker does it; follow the row. One unfinished run per "
    "project.", tag=TAG,
              request=RunInput, answers={202: RunShape}, errors=(409, 422),
              examples=[example({"config": {"seed": 1}}, of_request=True)])  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        run = runs.request(project=project, requested_by=self.person, **parsing.parse(RunInput, request))
        return Response(run_shape(run, self.person), status=202)


class OfRun(View):
    """A view of one run."""

    def run(self, run_id: int) -> TrainingRun:
        return self.row(TrainingRun.objects, run_id, "There is no such run, or you are not a member of its project.")


class OneRun(OfRun):
    needs = {"GET": REVIEWERS_READ}

    @describe("get_run", "A training run: state, progress, data, metrics with intervals, curves.", tag=TAG,
              answers={200: RunShape})  # fmt: skip
    def get(self, request: Request, run_id: int) -> Response:
        return Response(run_shape(self.run(run_id), self.person))


class Cancellation(OfRun):
    needs = {"POST": LEADS_MANAGE}

    @describe("cancel_run", "Stop a training run.", tag=TAG, request=None, answers={200: RunShape}, errors=(409,))
    def post(self, request: Request, run_id: int) -> Response:
        return Response(run_shape(runs.cancel(self.run(run_id), self.person), self.person))


class Activation(OfRun):
    needs = {"POST": LEADS_MANAGE}

    @describe("activate_run", "Let this model make the pre-labels.", tag=TAG, request=None, answers={200: RunShape},
              errors=(422,))  # fmt: skip
    def post(self, request: Request, run_id: int) -> Response:
        return Response(run_shape(runs.activate(self.run(run_id), self.person), self.person))


class CountsShape(serializers.Serializer):
    right = serializers.IntegerField()
    missed = serializers.IntegerField()
    invented = serializers.IntegerField()
    score = serializers.FloatField(help_text="F1 of the image, or the share of its pixels that is right")


class FlipShape(serializers.Serializer):
    """One image on which two versions differ: classes, or counts where people draw; the others are absent."""

    image = serializers.IntegerField(source="image_id")
    truth = IntegersField(required=False, help_text="classes people had settled on")
    old = IntegersField(required=False)
    new = IntegersField(required=False)
    old_counts = CountsShape(required=False, help_text="objects, or pixels where every pixel has a class")
    new_counts = CountsShape(required=False)


class DifferencesShape(serializers.Serializer):
    """New minus old, with intervals by resampling images; precision, recall and F1, or mIoU."""

    f1 = StatShape(required=False)
    precision = StatShape(required=False)
    recall = StatShape(required=False)
    miou = StatShape(required=False)


class ComparisonShape(serializers.Serializer):
    old = serializers.IntegerField(help_text="number of the version compared with")
    new = serializers.IntegerField(help_text="number of this version")
    part = serializers.ChoiceField(
        ["test", "crossed"], help_text="the test images both judged; with few of them, those of cross-validation"
    )
    measure = serializers.ChoiceField(
        ["share_right", "f1", "miou"], help_text="what `difference` is of; share_right where whole images have a class"
    )
    difference = StatShape(help_text="the measure of new minus old")
    differences = DifferencesShape(required=False, help_text="where people draw")
    p = serializers.FloatField(
        source="flips.p", help_text="that the images which changed did so by chance: McNemar's test, exact, two-sided; "
        "where people draw the sign test"
    )  # fmt: skip
    both_right = serializers.IntegerField(source="flips.both_right")
    both_wrong = serializers.IntegerField(source="flips.both_wrong")
    differently_wrong = serializers.IntegerField(required=False, help_text="of those, with different answers")
    left_out = serializers.IntegerField(
        required=False, help_text="where people draw: images that both judged, by answers of people that differ"
    )
    fixed = FlipShape(many=True, help_text="only new is right; where people draw: new is better, most changed first")
    broken = FlipShape(many=True, help_text="only old is right; where people draw: old is better")


class ComparedRuns(OfRun):
    needs = {"GET": REVIEWERS_READ}

    @describe("compare_runs", "This version against another, image by image.\n\nOn images that neither has learned "
              "from; 422 where both have judged none. Where people draw, `differences` and counts of each image take "
              "the place of classes.", tag=TAG, answers={200: ComparisonShape}, errors=(422,),
              parameters=[parameter("with", "number of the other version; without it, the one before", int)],
              )  # fmt: skip
    def get(self, request: Request, run_id: int) -> Response:
        new = self.run(run_id)
        other = parsing.integer(request, "with", low=1)
        others = TrainingRun.objects.filter(project=new.project_id, state=State.DONE).order_by("-number")
        old = others.filter(number=other).first() if other else others.filter(number__lt=new.number).first()
        compare = drawn_comparison.compare if new.project.draws else run_answers.compare
        found = compare(old, new) if old else None
        if old is None or found is None:
            raise NotPossibleNow(_("There is no other version that has judged the same images."))
        told = blindness.evidence(row.image_id for row in [*found.fixed, *found.broken])
        blindness.remember(self.person, told=told)
        answer: dict[str, Any] = {"old": old.number, "new": new.number, "part": found.part, "flips": found.flips}
        if isinstance(found, run_answers.Comparison):
            answer |= {
                "measure": "share_right", "difference": found.flips.difference,
                "differently_wrong": found.differently_wrong,
                "fixed": [row for row in found.fixed if row.image_id in told],
                "broken": [row for row in found.broken if row.image_id in told],
            }  # fmt: skip
        else:
            answer |= {
                "measure": found.measure, "difference": found.difference, "differences": found.figures,
                "left_out": found.left_out,
                "fixed": [_counted(row) for row in found.fixed if row.image_id in told],
                "broken": [_counted(row) for row in found.broken if row.image_id in told],
            }  # fmt: skip
        return Response(ComparisonShape(answer).data)


def _counted(row: drawn_comparison.ChangedImage) -> dict[str, Any]:
    return {"image_id": row.image_id, "old_counts": row.old, "new_counts": row.new}


class ActiveModel(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "get_model", "The model that makes the pre-labels; 404 before there is one.", tag=TAG, answers={200: RunShape}
    )
    def get(self, request: Request, project_id: int) -> Response:
        run = runs.active(self.project(project_id))
        if run is None:
            raise NotFound(_("This project has no model yet. One is trained when there are labels enough."))
        return Response(run_shape(run, self.person))
