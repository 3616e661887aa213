"""Serializer fields of our own, and shapes that several nouns share."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from labeler import train_settings
from labeler.models.job import Leased, State
from labeler.models.label import SOURCES, Answer
from labeler.wording.sentences import sentence


class ShareField(serializers.FloatField):
    """A number from 0 to 1. The framework's own field lets the text "nan" through."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"min_value": 0.0, "max_value": 1.0, **kwargs})

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class IntegersField(serializers.ListField):
    child = serializers.IntegerField()


class FloatsField(serializers.ListField):
    child = serializers.FloatField()


class TextsField(serializers.ListField):
    child = serializers.CharField()


class JudgementShape(serializers.Serializer):
    """A label: what was said by whom, where it came from, and whether it counts as blind."""

    id = serializers.IntegerField()
    annotator = serializers.CharField()
    answer = serializers.ChoiceField(Answer.choices)
    categories = TextsField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    seconds = serializers.FloatField(allow_null=True)
    informed = serializers.BooleanField(
        help_text="others' answers or the model's were shown before; of an import: it does not say that none were"
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # Names that cannot be attributes here: one is a keyword, the other an attribute of every field.
        source = serializers.ChoiceField(SOURCES, help_text="given here, or brought in with an import")
        number = serializers.IntegerField(allow_null=True, help_text="id of the import it came with")
        return {**super().get_fields(), "source": source, "import": number}


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class CategoryRefField(serializers.Field):
    """A class, by its id or by any name it ever had."""

    default_error_messages = {"invalid": "Name the class by its id or its name."}

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class CategoryRefsField(serializers.ListField):
    child = CategoryRefField()


class CategoryNamesField(TextsField):
    """The names of classes by their ids; the serializer's context has the `index` of the project's classes."""

    def to_representation(self, data: list[int]) -> list[str]:
        return self.context["index"].label(data)


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.DictField):
    """Any JSON object."""


class ObjectListField(serializers.ListField):
    child = ObjectField()


@extend_schema_field(train_settings.json_schema())
class TrainSettingsField(ObjectField):
    """Settings of a training run; the domain checks them."""


class MaskShape(serializers.Serializer):
    """A run-length code as COCO has it, column by column, of a crop of the image."""

    size = IntegersField(help_text="height and width of the crop")
    counts = serializers.CharField(help_text="compressed, as pycocotools writes it; a list of runs is taken too")
    offset = IntegersField(help_text="x and y of the crop's top left")


class DrawnShape(serializers.Serializer):
    """Where an object is: one of three, in pixels of the upright image, edges from 0 to its width and height."""

    box = FloatsField(required=False, help_text="x, y, width, height")
    polygon = serializers.ListField(
        child=serializers.JSONField(), required=False,
        help_text="[[x1, y1, …], [hole …]]; several parts: one nesting more",
    )  # fmt: skip
    mask = MaskShape(required=False)


class LabelObjectShape(DrawnShape):
    """An object of an answer."""

    number = serializers.IntegerField(help_text="from 1, within the answer")
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    attributes = ObjectField(help_text="answers by the name of the question")
    change = serializers.CharField(
        allow_null=True, help_text="kept, moved, class or drawn: what became of the pre-label; null without one"
    )
    iou = serializers.FloatField(allow_null=True, help_text="with the pre-label's object")

    def get_fields(self) -> dict[str, serializers.Field]:
        origin = serializers.IntegerField(allow_null=True, help_text="its number in the pre-label")
        return {**super().get_fields(), "from": origin}


class FailureShape(serializers.Serializer):
    """Why work failed, in its row."""

    code = serializers.CharField(help_text="for programs: never changes")
    message = serializers.CharField(help_text="one sentence a person can act on")


class ErrorShape(FailureShape):
    """Inside of every error answer."""

    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.JSONField()),
        help_text="what is wrong with which member; of drawn objects: {number, code, reason}, numbers from 0",
    )


class ErrorAnswer(serializers.Serializer):
    """Every answer of 400 and above."""

    error = ErrorShape()


class ProgressShape(serializers.Serializer):
    """How far long work is, of a row: `ProgressShape(source="*")`."""

    done = serializers.IntegerField(source="progress_done")
    total = serializers.IntegerField(source="progress_total")


class StepShape(serializers.Serializer):
    """The same of work that is one step: done or not."""

    done = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()

    def get_done(self, row: Leased) -> int:
        return int(row.state == State.DONE)

    def get_total(self, row: Leased) -> int:
        return 1


class ReasonField(serializers.CharField):
    """The sentence for the code that a figure carries (labeler/wording/sentences.py)."""

    def to_representation(self, value: Any) -> str:
        return sentence(value)


class StatShape(serializers.Serializer):
    """A figure with its evidence."""

    value = serializers.FloatField(allow_null=True, help_text="null where undefined: `reason` says why")
    low = serializers.FloatField(allow_null=True, help_text="of the 95 % interval")
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(help_text="images behind it")
    reason = ReasonField(allow_null=True)
