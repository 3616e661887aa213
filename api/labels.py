"""/api/images/{id}/label/ and /api/projects/{id}/labels/: answer, take back, and the long table of all answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import CategoryRefsField, IntegersField, JudgementShape, LabelObjectShape, ObjectListField, TextsField
from api.pagination import page
from api.permissions import REVIEWERS_READ, Needs
from api.schema import IDEMPOTENCY, PAGING, PERSON, describe, example, page_of, parameter
from api.shapes import VoteShape
from labeler.access import NO_IMAGE
from labeler.errors import Invalid, LabelerError, NotFound
from labeler.labeling import blindness, labels, object_rows
from labeler.models import Label
from labeler.models.account import Scope
from labeler.models.label import VOTES, Answer
from labeler.models.queue import Purpose
from labeler.releases import long_table
from labeler.review import gold

TAG = "Labeling"
MOST_CATEGORIES = 1000
MOST_OBJECTS = 20_000  # of a page of the long table


class LabelInput(serializers.Serializer):
    """Either categories or an answer. Parsed by hand in LabelView: this is the request that must cost least."""

    categories = CategoryRefsField(
        required=False,
        help_text="by id or by any name they ever had; [] in a multi-label project is a verified “none of them”",
    )
    objects = ObjectListField(
        required=False,
        help_text="where people draw: {category, box | polygon | mask, attributes?, from?} each; {from} alone keeps "
        "that object of the pre-label; [] is a verified “nothing here”",
    )
    keep = serializers.CharField(required=False, help_text="`all`: objects of the pre-label not named here stay")
    mend = serializers.BooleanField(required=False, help_text="polygons that cross themselves are mended, not refused")
    answer = serializers.CharField(required=False, help_text="skip or cannot_tell")
    reason = serializers.CharField(required=False)
    seconds = serializers.FloatField(required=False, help_text="from the image painted to the answer")
    label_set = serializers.IntegerField(required=False, help_text="version of the label set that was on screen")


class FeedbackShape(serializers.Serializer):
    right = serializers.BooleanField()
    categories = TextsField(help_text="what the image is")
    explanation = serializers.CharField()
    objects = ObjectListField(required=False, help_text="where people draw: what is there")


class ObjectChangeShape(serializers.Serializer):
    number = serializers.IntegerField()
    change = serializers.ChoiceField(["clipped", "mended"])


class LabelShape(serializers.Serializer):
    id = serializers.IntegerField()
    image = serializers.IntegerField()
    answer = serializers.ChoiceField(Answer.choices)
    categories = TextsField()
    category_ids = IntegersField()
    annotator = serializers.CharField()
    created_at = serializers.DateTimeField()
    supersedes = serializers.IntegerField(
        allow_null=True, help_text="your earlier answer, which this one takes the place of"
    )
    extra = serializers.BooleanField(help_text="came late: the image had all its labels by then")
    informed = serializers.BooleanField(
        help_text="you had been shown what others, or the model, say of it: counted, but never as blind"
    )
    objects = LabelObjectShape(many=True, required=False, help_text="where people draw: as stored")
    deleted = IntegersField(required=False, help_text="numbers of the pre-label's objects left out")
    changes = ObjectChangeShape(many=True, required=False, help_text="what was not stored as it was sent")
    feedback = FeedbackShape(
        required=False, help_text="only for an image with a known answer, where the project says at once what it was"
    )


class OneLabel(View):
    # No role: save_label and undo look for themselves, in the one statement they need anyway.
    needs = {"PUT": Needs(Scope.LABEL), "DELETE": Needs(Scope.LABEL)}

    @contextmanager
    def _strangers_first(self, image_id: int) -> Iterator[None]:
        """Whoever may not know of the image gets 404 whatever they send. Looked at only where something is wrong: the
        verb's own statement does it for the others.
        """
        try:
            yield
        except (LabelerError, APIException):
            if self.image(image_id).project.membership is None:
                raise NotFound(str(NO_IMAGE)) from None
            raise

    @describe(
        "save_label", "Answer an image, or change your answer.\n\nNeeds a claim of your own, open or expired: a late "
        "answer is kept, and marked `extra` when the image has all its labels. 201 for a first answer, 200 for a "
        "change or a replay.",
        tag=TAG, request=LabelInput, answers={200: LabelShape, 201: LabelShape}, errors=(409,),
        parameters=[IDEMPOTENCY, PERSON],
        examples=[
            example({"categories": ["cat"], "seconds": 1.8}, "one class", of_request=True),
            example({"categories": []}, "none of them", of_request=True),
            example({"answer": "cannot_tell", "reason": "blurred"}, "cannot tell", of_request=True),
            example({"objects": [{"from": 1, "box": [100, 60, 40, 58]},
                                 {"category": "king", "box": [210, 40, 44, 80], "attributes": {"occluded": False}}],
                     "seconds": 6.4}, "drawn", of_request=True),
            example({"objects": [{"category": "leaf", "polygon": [[4, 6, 20, 6, 20, 26], [8, 8, 12, 8, 12, 12]]},
                                 {"category": "rust", "mask": {"size": [2, 2], "counts": "13", "offset": [50, 40]}}]},
                    "outline and mask", of_request=True),
            example({"keep": "all"}, "the pre-label as it is", of_request=True),
            example({"id": 5012, "image": 613, "answer": "labeled", "categories": ["cat"], "category_ids": [3],
                     "annotator": "ann", "created_at": "2026-11-05T10:00:00Z", "supersedes": None, "extra": False,
                     "informed": False}),
            example({"id": 5013, "image": 614, "answer": "labeled", "categories": ["pawn", "king"],
                     "category_ids": [3, 4], "annotator": "ann", "created_at": "2026-11-05T10:00:09Z",
                     "supersedes": None, "extra": False, "informed": False, "deleted": [2], "changes": [],
                     "objects": [
                         {"number": 1, "category": "pawn", "category_id": 3, "box": [100, 60, 40, 58],
                          "attributes": {}, "from": 1, "change": "moved", "iou": 0.89},
                         {"number": 2, "category": "king", "category_id": 4, "box": [210, 40, 44, 80],
                          "attributes": {"occluded": False}, "from": None, "change": "drawn", "iou": None},
                     ]}, "drawn"),
        ],
    )  # fmt: skip
    def put(self, request: Request, image_id: int) -> Response:
        with self._strangers_first(image_id):
            saved = labels.save_label(
                image_id=image_id,
                annotator=self.person,
                idempotency_key=parsing.idempotency_key(request),
                **_answer(parsing.body(request)),
            )
        return Response(_saved(saved) | _drawn(saved) | self._feedback(saved), status=201 if saved.created else 200)

    @describe(
        "undo_label", "Take back your answer.\n\nIt is superseded, not deleted, and the image is yours to answer "
        "again.",
        tag=TAG, answers={200: LabelShape}, errors=(409,), parameters=[IDEMPOTENCY, PERSON],
    )  # fmt: skip
    def delete(self, request: Request, image_id: int) -> Response:
        with self._strangers_first(image_id):
            saved = labels.undo(
                image_id=image_id, annotator=self.person, idempotency_key=parsing.idempotency_key(request)
            )
        return Response(_saved(saved))

    def _feedback(self, saved: labels.Saved) -> dict[str, Any]:
        """Nothing is asked for other images: this is the request that must cost least."""
        if saved.purpose != Purpose.GOLD or saved.answer not in VOTES:
            return {}
        told = gold.feedback(
            image_id=saved.image_id, categories=saved.categories,
            drawn=saved.drawing.objects if saved.drawing is not None else None,
        )  # fmt: skip
        if told:
            blindness.remember(self.person, told=[saved.image_id])
        return {"feedback": told} if told else {}


def _answer(sent: dict[str, Any]) -> dict[str, Any]:
    """The members of a label's body with their types checked, ready for save_label."""
    answer, categories, drawn, keep = (sent.get(name) for name in ("answer", "categories", "objects", "keep"))
    if answer is None and categories is None and drawn is None and keep is None:
        raise Invalid(
            _("Send categories, or objects where people draw, or answer skip or cannot_tell."),
            fields={"categories": ["missing"]},
        )
    if drawn is not None and not isinstance(drawn, list):
        raise Invalid(_("objects is a list of objects."), fields={"objects": ["not a list of objects"]})
    if keep not in (None, "all"):
        raise Invalid(_("keep is all, or absent."), fields={"keep": ["unknown"]})
    if categories is not None and not (isinstance(categories, list) and len(categories) <= MOST_CATEGORIES):
        raise Invalid(_("categories must be a list of ids or names."), fields={"categories": ["not a list"]})
    return {
        "answer": parsing.typed(sent, "answer", str) or Answer.LABELED,
        "categories": categories or (),
        "drawn": drawn,
        "keep_all": keep == "all",
        "reason": parsing.typed(sent, "reason", str) or "",
        "seconds": parsing.typed(sent, "seconds", int, float),
        "label_set": parsing.typed(sent, "label_set", int),
        "mend": bool(parsing.typed(sent, "mend", bool)),
    }


def _saved(saved: labels.Saved) -> dict[str, Any]:
    return {
        "id": saved.id,
        "image": saved.image_id,
        "answer": saved.answer,
        "categories": saved.category_names,
        "category_ids": saved.categories,
        "annotator": saved.annotator.get_username(),
        "created_at": saved.created_at,
        "supersedes": saved.supersedes,
        "extra": saved.extra,
        "informed": saved.informed,
    }


def _drawn(saved: labels.Saved) -> dict[str, Any]:
    """What an answer has besides where people draw."""
    if saved.drawing is None:
        return {}
    stored = saved.drawing
    return {"objects": stored.as_sent(saved.names), "deleted": stored.deleted, "changes": stored.changes}


class TableRowShape(JudgementShape):
    """What the long table and the exports say of a label besides."""

    purpose = serializers.CharField()
    round = serializers.IntegerField()
    extra = serializers.BooleanField()
    chosen_by = serializers.CharField(help_text="why the image was handed out: random, uncertainty, …")
    guideline_version = serializers.IntegerField()
    label_set_version = serializers.IntegerField()


class LabelRowShape(TableRowShape, VoteShape):
    image = serializers.IntegerField()
    file_name = serializers.CharField()
    superseded_at = serializers.DateTimeField(required=False, allow_null=True, help_text="with history=true")
    objects = LabelObjectShape(many=True, required=False, help_text="where people draw; not with objects=false")
    deleted = IntegersField(required=False, help_text="numbers of the pre-label's objects left out")


class Labels(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "list_labels", "Every judgement: the long table.\n\nOne row per person and image. With `format=csv` the whole "
        "table is streamed as a file; cells that a spreadsheet would take for a formula get an apostrophe in front.",
        tag=TAG, answers={200: page_of(LabelRowShape), (200, "text/csv"): str},
        parameters=[
            *PAGING,
            parameter("format", "json (by pages) or csv (all of it)", enum=["json", "csv"]),
            parameter("history", "also what was superseded or taken back", bool),
            parameter("annotator", "only this person's"),
            parameter("image", "only this image's", int),
            parameter("objects", "false: without the drawn objects; with them a page has at most 20,000", bool),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response | StreamingHttpResponse:
        project = self.project(project_id)
        history = parsing.flag(request, "history")
        rows = Label.objects.filter(project=project) if history else Label.objects.current().filter(project=project)
        if name := parsing.text(request, "annotator"):
            rows = rows.filter(annotator=get_user_model().objects.filter(username=name).first())
        if (image := parsing.integer(request, "image")) is not None:
            rows = rows.filter(image=image)
        if parsing.choice(request, "format", ("json", "csv"), "json") == "csv":
            blindness.remember_download(self.person, project)
            lines = long_table.csv_lines(project, rows, history=history)
            table = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
            table["Content-Disposition"] = f'attachment; filename="labels-{project.pk}.csv"'
            return table
        rows = rows.select_related("image", "annotator")
        drawn = project.draws and parsing.flag(request, "objects", default=True)

        def shape(found: list[Label]) -> list[dict[str, Any]]:
            blindness.remember(self.person, others=[r.image_id for r in found if r.annotator_id != self.person.pk])
            told = [long_table.row(project, r, history=history) for r in found]
            if drawn:
                long_table.add_objects(project, found, told)
            return told

        return page(request, rows, shape, weigh=(object_rows.counts, MOST_OBJECTS) if drawn else None)
