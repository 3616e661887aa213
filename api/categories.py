"""/api/projects/{id}/categories/ and /api/categories/{id}/: classes, renamed, merged, retired, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import override
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import etags, parsing
from api.access import View
from api.fields import CategoryRefField
from api.permissions import LEADS_MANAGE, MEMBERS_READ
from api.schema import IF_MATCH, describe, example
from labeler.label_set import categories as label_set
from labeler.label_set import markers
from labeler.models import Category
from labeler.projects import classes

TAG = "Projects"


MOST = 2_147_483_647  # what the column holds


def in_words(names: Mapping[int, Any]) -> str:
    with override("en"):  # the description of the API is written once, in English
        return ", ".join(f"{number} {name}" for number, name in names.items())


COLOURS, SHAPES = in_words(markers.COLOURS), in_words(markers.SHAPES)


class CategoryInput(serializers.Serializer):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    key = serializers.CharField(required=False, allow_blank=True, max_length=1, help_text="chooses it on the screen")
    colour = serializers.IntegerField(
        required=False, min_value=0, max_value=len(markers.COLOURS), help_text=f"{COLOURS}; 0: by its position"
    )
    shape = serializers.IntegerField(
        required=False, min_value=0, max_value=len(markers.SHAPES), help_text=f"{SHAPES}; 0: by its position"
    )
    wanted = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST, help_text="images of this class, at least"
    )
    variety = serializers.CharField(
        required=False, allow_blank=True, max_length=10_000, help_text="in words: what its images shall differ in"
    )
    smallest = serializers.FloatField(
        required=False, min_value=0, max_value=100_000,
        help_text="drawn objects: pixels that the shorter side has at least; smaller ones are refused",
    )  # fmt: skip
    background = serializers.BooleanField(
        required=False, help_text="`semantic`: pixels that nobody painted are of this class; one class at most"
    )


class CategoryChange(CategoryInput):
    position = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    retired = serializers.BooleanField(required=False, help_text="can no longer be chosen; its labels stay")
    merged_into = CategoryRefField(
        required=False, allow_null=True, help_text="another class in use that takes over its labels; null: none"
    )


class MarkerShape(serializers.Serializer):
    colour = serializers.IntegerField(min_value=1, max_value=len(markers.COLOURS))
    shape = serializers.IntegerField(min_value=1, max_value=len(markers.SHAPES))


class CategoryShape(serializers.ModelSerializer):
    marker = serializers.SerializerMethodField(help_text="how it is drawn: its own colour and shape, or its place's")
    retired = serializers.SerializerMethodField()
    merged_into = serializers.IntegerField(source="merged_into_id", allow_null=True)

    class Meta:
        model = Category
        fields = (
            "id", "name", "description", "key", "position", "colour", "shape", "marker", "wanted", "variety",
            "smallest", "background", "retired",
            "merged_into", "former_names", "version",
        )  # fmt: skip

    def get_marker(self, category: Category) -> MarkerShape:
        return label_set.marker_of(category)._asdict()  # type: ignore[return-value]

    def get_retired(self, category: Category) -> bool:
        return category.retired_at is not None


class CategoryListShape(serializers.Serializer):
    results = CategoryShape(many=True)
    next = serializers.URLField(allow_null=True)
    label_set = serializers.IntegerField(help_text="version of the whole set, raised by every change")


class Categories(View):
    needs = {"GET": MEMBERS_READ, "POST": LEADS_MANAGE}

    @describe("list_categories", "The classes of a project, retired ones included, in the order of the screen.",
              tag=TAG, answers={200: CategoryListShape})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        rows = project.categories.order_by("position", "id")
        answer = CategoryListShape({"results": rows, "next": None, "label_set": project.label_set_version})
        return etags.tagged(Response(answer.data), project.label_set_version)

    @describe("add_category", "Add a class.", tag=TAG, request=CategoryInput, answers={201: CategoryShape},
              errors=(409,), examples=[example({"name": "leaf spot", "key": "l"}, of_request=True)])  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        category = classes.add_category(project=project, by=self.person, **parsing.parse(CategoryInput, request))
        return etags.tagged(Response(CategoryShape(category).data, status=201), category.version)


class OfCategory(View):
    """A view of one class."""

    def category(self, category_id: int) -> Category:
        missing = "There is no such class, or you are not a member of its project."
        return self.row(Category.objects, category_id, missing)


class OneCategory(OfCategory):
    needs = {"GET": MEMBERS_READ, "PATCH": LEADS_MANAGE}

    @describe("get_category", "One class.", tag=TAG, answers={200: CategoryShape})
    def get(self, request: Request, category_id: int) -> Response:
        category = self.category(category_id)
        return etags.tagged(Response(CategoryShape(category).data), category.version)

    @describe(
        "change_category", "Rename, merge, retire or describe a class.\n\nOld labels keep their meaning: former names "
        "go on working for clients, a merged class counts as what it was merged into. Every change raises the version "
        "of the label set.", tag=TAG, request=CategoryChange, answers={200: CategoryShape}, errors=(409, 412),
        parameters=[IF_MATCH],
        examples=[example({"name": "rust"}, "rename", of_request=True),
                  example({"colour": 3, "shape": 11}, "another marker", of_request=True),
                  example({"wanted": 400, "variety": "young and old leaves"}, "images wanted", of_request=True),
                  example({"merged_into": "leaf spot"}, "merge", of_request=True),
                  example({"retired": True}, "retire", of_request=True)],
    )  # fmt: skip
    def patch(self, request: Request, category_id: int) -> Response:
        category = self.category(category_id)
        changes = parsing.parse(CategoryChange, request, partial=True)
        if changes.get("merged_into") is not None:
            index = label_set.index(category.project)
            (changes["merged_into"],) = index.resolve([changes["merged_into"]])
        changed = classes.change_category(
            category=category, by=self.person, changes=changes,
            expected_version=etags.expected_number(request, category.version),
        )  # fmt: skip
        return etags.tagged(Response(CategoryShape(changed).data), changed.version)
