"""/api/projects/{id}/gold/: images with a known answer, handed out to measure how right people are. Leads only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.claims import WithImageUrls
from api.fields import CategoryNamesField, CategoryRefsField, IntegersField, ObjectListField, StatShape
from api.pagination import Key, page
from api.permissions import LEADS_MANAGE, LEADS_READ
from api.schema import PAGING, describe, example, page_of, parameter
from labeler.label_set import categories as label_set
from labeler.models import Gold, Project
from labeler.review import gold

TAG = "Agreement"


class GoldInput(serializers.Serializer):
    image = serializers.IntegerField(min_value=1, max_value=parsing.LARGEST)
    categories = CategoryRefsField(
        required=False, allow_null=True, max_length=1000,
        help_text="what it is; without: what a reviewer decided, or two and more people agree on",
    )  # fmt: skip
    objects = ObjectListField(
        required=False, allow_null=True,
        help_text="where people draw: what is there, {category, box | polygon | mask} each",
    )  # fmt: skip
    explanation = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="shown with the feedback, where that is on"
    )


class GoldShape(WithImageUrls):
    image = serializers.IntegerField(source="image_id")
    categories = CategoryNamesField()
    category_ids = IntegersField(source="categories")
    objects = ObjectListField(source="drawn", allow_null=True, help_text="where people draw; classes by id")
    explanation = serializers.CharField()
    added_by = serializers.CharField(source="added_by.username", allow_null=True)
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)
    right = StatShape(
        source="told.share",
        help_text="share of the people who answered it as gold and were right; n: how many answered",
    )
    doubtful = serializers.BooleanField(
        source="told.is_doubtful", help_text="three and more answered, and most say something else"
    )


EXAMPLE = {
    "image": 613, "categories": ["rust"], "category_ids": [3], "objects": None,
    "explanation": "orange dust on the underside",
    "added_by": "lena", "created_at": "2026-11-05T10:00:00Z", "retired_at": None,
    "right": {"value": 0.9, "low": 0.6, "high": 0.98, "n": 10, "reason": None}, "doubtful": False,
    "preview_url": "/api/images/613/preview/", "thumbnail_url": "/api/images/613/thumb/",
    "file_url": "/api/images/613/file/",
}  # fmt: skip


def _shapes(project: Project, rows: list[Gold]) -> Any:
    index = label_set.index(project)
    told = gold.scores_of_images(project)
    for row in rows:
        row.categories = index.resolve(row.categories)
        row.told = told.get(row.pk, gold.Told())  # type: ignore[attr-defined]
    return GoldShape(rows, many=True, context={"index": index}).data


class GoldImages(View):
    needs = {"GET": LEADS_READ, "POST": LEADS_MANAGE}

    @describe(
        "list_gold", "Gold images, newest image first, with how people fare on each.", tag=TAG,
        parameters=[*PAGING, parameter("retired", "those that are handed out no more", bool)],
        answers={200: page_of(GoldShape)}, examples=[example({"results": [EXAMPLE], "next": None})],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        retired = parsing.flag(request, "retired")
        rows = Gold.objects.filter(project=project, retired_at__isnull=not retired).select_related("added_by")
        return page(request, rows, lambda found: _shapes(project, found), order=[Key("image_id", descending=True)])

    @describe(
        "add_gold", "Make an image gold, correct what it is, or bring a retired one back.\n\nFrom now on it is handed "
        f"out at the project's `gold_share`, without a sign, beyond its quota; at most {gold.MOST:,} per project. 201 "
        "for a new one, 200 for a change.", tag=TAG, request=GoldInput, answers={200: GoldShape, 201: GoldShape},
        examples=[example({"image": 613, "categories": ["rust"], "explanation": "orange dust"}, of_request=True),
                  example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wanted = parsing.parse(GoldInput, request)
        known = Gold.objects.filter(project=project, pk=wanted["image"], retired_at=None).exists()
        row = gold.add(
            project=project, by=self.person, image_id=wanted["image"], categories=wanted.get("categories"),
            drawn=wanted.get("objects"), explanation=wanted.get("explanation", ""),
        )  # fmt: skip
        return Response(_shapes(project, [row])[0], status=200 if known else 201)


class OneGoldImage(View):
    needs = {"DELETE": LEADS_MANAGE}

    @describe("retire_gold", "Hand a gold image out no more. Answers to it keep their score.", tag=TAG,
              answers={204: None}, errors=(409,))  # fmt: skip
    def delete(self, request: Request, project_id: int, image_id: int) -> Response:
        gold.retire(project=self.project(project_id), by=self.person, image_id=image_id)
        return Response(status=204)
