"""/api/projects/{id}/outside-models/: predictions of another program's model, stored beside those of our own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import CategoryRefsField
from api.pagination import NEWEST_FIRST, page
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.runs import RUN_PAGE, RunRowShape, RunShape, run_shape
from api.schema import PAGING, describe, example
from labeler.errors import Invalid, NotFound
from labeler.intake import lookup
from labeler.labeling.objects import SHAPES
from labeler.models import Project, TrainingRun
from labeler.training import outside_models, runs
from labeler.training.outside_models import Given
from labeler.training.outside_objects import DrawnObject

TAG = "Model"
MOST_ITEMS = 1_000
MISSING = "There is no such model of another program, or you are not a member of its project."


class OutsideModelInput(serializers.Serializer):
    name = serializers.CharField(max_length=outside_models.LONGEST_NAME, help_text="as its program calls it")
    version = serializers.CharField(
        max_length=outside_models.LONGEST_VERSION, required=False, allow_blank=True, default=""
    )
    threshold = serializers.FloatField(
        required=False, min_value=0, max_value=1,
        help_text="where people draw: objects from this probability on are shown; 0.5 if left out",
    )  # fmt: skip


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}})
class ProbabilitiesField(serializers.Field):
    """Name of a class to its probability; each item's own are looked at where they are taken in."""


@extend_schema_field({
    "type": "array", "items": {"type": "object", "properties": {
        "category": {"type": "string"}, "box": {"type": "array", "items": {"type": "number"}},
        "polygon": {"type": "array", "items": {}}, "mask": {"type": "object"},
        "probability": {"type": "number", "minimum": 0, "maximum": 1},
    }},
})  # fmt: skip
class ObjectsField(serializers.Field):
    """Objects of an image; each is looked at where it is taken in."""


class OutsideItem(serializers.Serializer):
    """What the model says of one image, which is named in one of three ways."""

    image = serializers.IntegerField(required=False, help_text="its id")
    sha256 = serializers.CharField(required=False, help_text="of its file's bytes")
    file_name = serializers.CharField(required=False, help_text="its exact name, or a last part that only it has")
    categories = CategoryRefsField(required=False, help_text="by id or any name; without, what the probabilities say")
    probabilities = ProbabilitiesField(
        required=False,
        help_text="of each class; missing: 0. Single choice: their sum is within 0.01 of 1. Without, none are shown",
    )
    objects = ObjectsField(
        required=False,
        help_text="where people draw: [{category, box | polygon | mask, probability}]; [] where nothing is. Kept are "
        "those from 0.05 on, 300 at most",
    )


class OutsideInput(serializers.Serializer):
    items = OutsideItem(many=True, help_text=f"up to {MOST_ITEMS:,}")


class RefusedItem(serializers.Serializer):
    item = serializers.IntegerField(help_text="from 0 in the request")
    object = serializers.IntegerField(required=False, help_text="from 1: the image's others are stored")
    reason = serializers.CharField()


class TakenShape(serializers.Serializer):
    stored = serializers.IntegerField()
    refused = RefusedItem(many=True)


class OutsideModels(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe("list_outside_models", "Models of other programs, newest first.", tag=TAG, parameters=PAGING,
              answers={200: RUN_PAGE})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        rows = TrainingRun.objects.outside().filter(project=self.project(project_id)).slim()
        return page(request, rows, RunRowShape, order=NEWEST_FIRST)

    @describe(
        "register_outside_model", "Tell of a model of another program, to send its predictions.\n\nThe same name and "
        "version again is the same one (200). It gets a number among the project's models, is judged on the same "
        "held-out images as they are, and can be the one in use. What it says is never a label or a vote.", tag=TAG,
        request=OutsideModelInput, answers={200: RunShape, 201: RunShape}, errors=(422,),
        examples=[example({"name": "resnet-50 of the clinic", "version": "2.1"}, of_request=True)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wanted = parsing.parse(OutsideModelInput, request)
        run, is_new = outside_models.register(project=project, by=self.person, **wanted)
        return Response(run_shape(run, self.person), status=201 if is_new else 200)


class _OfOutsideModel(View):
    needs = {"POST": LEADS_MANAGE}

    def run(self, run_id: int) -> TrainingRun:
        run: TrainingRun = self.row(TrainingRun.objects, run_id, MISSING)
        if not run.is_outside:
            raise NotFound(MISSING)
        return run


class OutsidePredictions(_OfOutsideModel):
    @describe(
        "send_outside_predictions", "Store what another program's model says of images of the project.\n\nUp to 1,000 "
        "at a time; the same items again change nothing. Items that make no sense are refused one by one, the others "
        "stored. An image of which a person was shown what this model said keeps it: send a new version instead. "
        "Held-out images may be among them: the model is judged on them, and nobody is shown what it says there.",
        tag=TAG, request=OutsideInput, answers={200: TakenShape}, errors=(413,),
        examples=[
            example({"items": [{"file_name": "leaf-0001.jpg", "categories": ["rust"],
                                "probabilities": {"rust": 0.9, "healthy": 0.1}}]}, of_request=True),
            example({"items": [{"file_name": "board-0001.jpg",
                                "objects": [{"category": "pawn", "box": [102.5, 61, 38, 57], "probability": 0.84}]}]},
                    "drawn", of_request=True),
            example({"stored": 1, "refused": []}),
        ],
    )  # fmt: skip
    def post(self, request: Request, run_id: int) -> Response:
        run = self.run(run_id)
        items = parsing.body(request).get("items")
        if not isinstance(items, list):
            raise Invalid(_("Send a list of items."), fields={"items": ["not a list"]})
        if len(items) > MOST_ITEMS:
            raise Invalid(
                _("Send at most %(most)s items at a time.") % {"most": f"{MOST_ITEMS:,}"},
                fields={"items": ["too many"]},
            )
        rows, refused = _rows(run.project, items)
        places = list(rows)
        taken = outside_models.take_in(run, rows.values())
        refused += [(places[at], reason) for at, reason in taken.refused]
        said: list[dict[str, Any]] = [{"item": item, "reason": reason} for item, reason in refused]
        said += [{"item": places[at], "object": n, "reason": reason} for at, n, reason in taken.refused_objects]
        said.sort(key=lambda one: (one["item"], one.get("object", 0)))
        return Response({"stored": taken.stored, "refused": said})


class OutsideActivation(_OfOutsideModel):
    @describe(
        "activate_outside_model", "Let this model's predictions be the pre-labels.\n\nIt stays in use until a lead "
        "chooses another, or until one that is trained here is better on the same held-out images.", tag=TAG,
        request=None, answers={200: RunShape}, errors=(422,),
    )  # fmt: skip
    def post(self, request: Request, run_id: int) -> Response:
        return Response(run_shape(runs.activate(self.run(run_id), self.person), self.person))


def _rows(project: Project, items: list[Any]) -> tuple[dict[int, Given], list[tuple[int, str]]]:
    """By place what each item says, its image found; and the others, with why."""
    refused: list[tuple[int, str]] = []
    asked: dict[int, tuple[str, Any]] = {}
    for place, item in enumerate(items):
        try:
            asked[place] = _image_of(item)
        except ValueError as problem:
            refused.append((place, str(problem)))
    by_name = lookup.by_name(project, {value for key, value in asked.values() if key == "file_name"})
    by_hash = lookup.by_sha256(project, {value for key, value in asked.values() if key == "sha256"})
    rows: dict[int, Given] = {}
    for place, (key, value) in asked.items():
        found = value if key == "image" else (by_name if key == "file_name" else by_hash).get(value)
        if not isinstance(found, int):
            refused.append((place, found or _("This project has no such image.")))
            continue
        item = items[place]
        named, p, objects = item.get("categories"), item.get("probabilities"), item.get("objects")
        if named is not None and not isinstance(named, list):
            refused.append((place, _("categories must be a list of classes.")))
        elif objects is not None and not (isinstance(objects, list) and all(isinstance(o, dict) for o in objects)):
            refused.append((place, _("objects must be a list of {category, box | polygon | mask, probability}.")))
        elif p is not None and not isinstance(p, dict):
            refused.append((place, _("probabilities must be an object of class names and numbers.")))
        else:
            rows[place] = Given(found, named, p, None if objects is None else [_drawn(one) for one in objects])
    return dict(sorted(rows.items())), refused


def _drawn(one: dict[str, Any]) -> DrawnObject:
    shape = {kind: one[kind] for kind in SHAPES if one.get(kind) is not None}
    return DrawnObject(one.get("category"), shape, one.get("probability"))  # type: ignore[arg-type]


def _image_of(item: Any) -> tuple[str, Any]:
    """How an item names its image. Raises ValueError with a sentence."""
    if not isinstance(item, dict):
        raise ValueError(_("Each item is an object."))
    given = [(key, item[key]) for key in ("image", "sha256", "file_name") if item.get(key) is not None]
    if len(given) != 1:
        raise ValueError(_("Name the image by one of image, sha256 and file_name."))
    ((key, value),) = given
    if key == "image":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(_("image must be an image's id."))
    elif not isinstance(value, str):
        raise ValueError(_("%(name)s must be text.") % {"name": key})
    return key, value.lower() if key == "sha256" else value
