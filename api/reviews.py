"""/api/projects/{id}/review-pages/ and reviews/: a page of predictions to verify, and a reviewer's answers to them.

Nothing here tells a planted image from the others, in no member, order or status (labeler/review/grid.py).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.claims import HandedOutImageShape, handed_out
from api.fields import CategoryRefField, CategoryRefsField, ErrorShape, IntegersField, ShareField, TextsField
from api.permissions import MEMBERS_LABEL
from api.schema import IDEMPOTENCY, PERSON, describe, example
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.models import Project
from labeler.review import grid

TAG = "Review"
MOST_CATEGORIES = 1000
WORDS = ("back", "undo")


class PageInput(serializers.Serializer):
    page = serializers.UUIDField(help_text="a new name for a new page; the same one again: the same page, renewed")
    predicted = CategoryRefField(help_text="the class, by id or by any name it ever had")
    min_confidence = ShareField(required=False, allow_null=True, help_text="without it: the project's threshold")
    max_confidence = ShareField(
        required=False, default=1.0,
        help_text="begin here, such as where your last page ended; what is above comes when too little is left below",
    )  # fmt: skip
    count = serializers.IntegerField(required=False, default=grid.PAGE_SIZE, min_value=1, max_value=grid.MOST_ITEMS)


class TileShape(serializers.Serializer):
    image = HandedOutImageShape()
    categories = TextsField(help_text="what the model would answer")
    category_ids = IntegersField()
    probability = serializers.FloatField(
        allow_null=True, help_text="three decimals; null: a model of another program that gave no probabilities"
    )


class PageShape(serializers.Serializer):
    page = serializers.UUIDField()
    items = TileShape(many=True, help_text="surest first")
    calibrated = serializers.BooleanField(help_text="false: read the probability as an order, not as a frequency")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null: no images")


class ReviewItem(serializers.Serializer):
    image = serializers.IntegerField()
    categories = CategoryRefsField(required=False, allow_null=True, help_text="null: send it back to labeling")
    answer = serializers.CharField(
        required=False, help_text="in place of categories. back: to labeling; undo: take your answer back"
    )


class ReviewInput(serializers.Serializer):
    """Parsed by hand: a page is answered at the pace of labeling, and one bad item must not refuse the others."""

    items = ReviewItem(many=True)
    seconds = serializers.FloatField(required=False, help_text="for all of it, from painted to answered")
    label_set = serializers.IntegerField(required=False, help_text="version of the label set that was on screen")


class ReviewOutcome(serializers.Serializer):
    image = serializers.IntegerField()
    result = serializers.ChoiceField(("saved", "sent_back", "taken_back", "refused"))
    categories = TextsField(required=False, help_text="of what was saved")
    error = ErrorShape(required=False, help_text="why this one was refused; the others are not touched by it")


class ReviewAnswer(serializers.Serializer):
    results = ReviewOutcome(many=True)


PAGE_EXAMPLE = {
    "page": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a",
    "items": [
        {
            "image": {"id": 613, "name": "Image 613", "width": 1152, "height": 864,
                      "preview_url": "/api/images/613/preview/",
                      "thumbnail_url": "/api/images/613/thumb/", "file_url": "/api/images/613/file/"},
            "categories": ["rust"], "category_ids": [3], "probability": 0.987,
        }
    ],
    "calibrated": True,
    "expires_at": "2026-11-05T10:30:00Z",
}  # fmt: skip


class ReviewPages(View):
    needs = {"POST": MEMBERS_LABEL}  # reviewing is labeling with the model's word shown, so all who label may

    @describe(
        "open_review_page", "Take a page of images that the active model puts in one class.\n\nSurest first, never "
        "one that must be judged blind. You hold a claim on them, and what the model says is remembered as shown. "
        "Some images may have a known answer under a wrong suggestion, so that clicking through is noticed; nothing "
        "tells them from the others. Empty when nothing is left for you.", tag=TAG, request=PageInput,
        answers={200: PageShape}, errors=(409, 422), parameters=[PERSON],
        examples=[
            example({"page": PAGE_EXAMPLE["page"], "predicted": "rust", "min_confidence": 0.9}, of_request=True),
            example(PAGE_EXAMPLE),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project_of_member(project_id)
        wanted = parsing.parse(PageInput, request)
        (wanted["predicted"],) = label_set.index(project).resolve([wanted["predicted"]])
        page = grid.open_page(project=project, reviewer=self.person, client=wanted.pop("page"), **wanted)
        return Response(
            {
                "page": str(page.client),
                "items": [_tile(project, tile) for tile in page.tiles],
                "calibrated": page.is_calibrated,
                "expires_at": page.expires_at,
            }
        )


class OneReviewPage(View):
    needs = {"PATCH": MEMBERS_LABEL, "DELETE": MEMBERS_LABEL}

    @describe("keep_review_page", "Renew the leases of a page you are still looking at. Takes no new images.", tag=TAG,
              answers={204: None}, errors=(409,), parameters=[PERSON])  # fmt: skip
    def patch(self, request: Request, project_id: int, page: UUID) -> Response:
        grid.keep_page(project=self.project_of_member(project_id), reviewer=self.person, client=page)
        return Response(status=204)

    @describe("close_review_page", "Give back what is unanswered of a page. Nothing happens when nothing is.", tag=TAG,
              answers={204: None}, errors=(409,), parameters=[PERSON])  # fmt: skip
    def delete(self, request: Request, project_id: int, page: UUID) -> Response:
        grid.close_page(project=self.project_of_member(project_id), reviewer=self.person, client=page)
        return Response(status=204)


class Reviews(View):
    needs = {"POST": MEMBERS_LABEL}

    @describe(
        "review_images", "Answer a page of images at once.\n\nOne result per item, in order; an item that is refused "
        "keeps no other from being saved. The labels count as given with the pre-label shown, which comes from your "
        "claim. An image sent back gives up your claim: it goes to labeling again, and is not put on your pages "
        "again. Late answers are kept. The same call under the same key does it once.",
        tag=TAG, request=ReviewInput, answers={200: ReviewAnswer}, errors=(409,), parameters=[IDEMPOTENCY, PERSON],
        examples=[
            example({"items": [{"image": 613, "categories": ["rust"]}, {"image": 588, "categories": ["leaf spot"]},
                               {"image": 540, "answer": "back"}], "seconds": 9.4}, "a page", of_request=True),
            example({"items": [{"image": 613, "answer": "undo"}]}, "take back", of_request=True),
            example({"results": [{"image": 613, "result": "saved", "categories": ["rust"]},
                                 {"image": 588, "result": "saved", "categories": ["leaf spot"]},
                                 {"image": 540, "result": "sent_back"}]}),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project_of_member(project_id)
        sent = parsing.body(request)
        outcomes = grid.answer_page(
            project=project,
            reviewer=self.person,
            answers=_answers(sent.get("items")),
            seconds=parsing.typed(sent, "seconds", int, float),
            label_set_version=parsing.typed(sent, "label_set", int),
            idempotency_key=parsing.idempotency_key(request),
        )
        return Response({"results": [_outcome(project, outcome) for outcome in outcomes]})


def _tile(project: Project, tile: grid.Tile) -> dict[str, Any]:
    return {
        "image": handed_out(project, tile.image),
        "categories": label_set.index(project).label(tile.categories),
        "category_ids": tile.categories,
        "probability": tile.probability,
    }


def _answers(items: Any) -> list[grid.ReviewAnswer]:
    if not isinstance(items, list):
        raise Invalid(_("Send a list of items."), fields={"items": ["not a list"]})
    return [_answer(place, item) for place, item in enumerate(items[: grid.MOST_ITEMS + 1])]


def _answer(place: int, item: Any) -> grid.ReviewAnswer:
    name = f"items.{place}"
    if not isinstance(item, dict):
        raise Invalid(_("%(name)s must be an object.") % {"name": name}, fields={name: ["not an object"]})
    image, categories, word = item.get("image"), item.get("categories"), item.get("answer")
    if isinstance(image, bool) or not isinstance(image, int):
        raise Invalid(
            _("%(name)s.image must be the id of an image.") % {"name": name}, fields={f"{name}.image": ["not an id"]}
        )
    if word is not None and word not in WORDS:
        raise Invalid(
            _("%(name)s.answer must be back or undo.") % {"name": name}, fields={f"{name}.answer": ["unknown"]}
        )
    if word is None and "categories" not in item:
        raise Invalid(
            _("%(name)s: send categories, or answer back or undo.") % {"name": name},
            fields={f"{name}.categories": ["missing"]},
        )
    is_list = isinstance(categories, list) and len(categories) <= MOST_CATEGORIES
    if word is None and categories is not None and not is_list:
        raise Invalid(
            _("%(name)s.categories must be a list of ids or names, or null.") % {"name": name},
            fields={f"{name}.categories": ["not a list"]},
        )
    return grid.ReviewAnswer(image, None if word else categories, is_undo=word == "undo")


def _outcome(project: Project, outcome: grid.ReviewResult) -> dict[str, Any]:
    shape: dict[str, Any] = {"image": outcome.image_id, "result": outcome.result}
    if outcome.error is not None:
        error = outcome.error
        shape["error"] = {"code": error.code, "message": error.message, "fields": error.fields}
    elif outcome.categories is not None:
        shape["categories"] = label_set.index(project).label(outcome.categories)
    return shape
