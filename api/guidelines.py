"""/api/projects/{id}/guidelines/: the texts people worked by. A new one is made by changing the project."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from api.pagination import Key, page
from api.permissions import MEMBERS_READ
from api.schema import PAGING, describe, page_of
from labeler.errors import NotFound
from labeler.models import GuidelineVersion

TAG = "Projects"
LARGEST_NUMBER = 2**31 - 1


class GuidelineShape(serializers.ModelSerializer):
    author = serializers.SerializerMethodField()

    class Meta:
        model = GuidelineVersion
        fields = ("number", "text", "author", "created_at")

    def get_author(self, version: GuidelineVersion) -> str | None:
        return version.author.get_username() if version.author else None


class Guidelines(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "list_guidelines", "Versions of the guideline, newest first.\n\nLabels say which version they followed. "
        "Another `guideline` of the project makes a new version; to go back to an older text, send that text.", tag=TAG,
        parameters=PAGING, answers={200: page_of(GuidelineShape)},
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        versions = self.project(project_id).guideline_versions.select_related("author")
        return page(request, versions, GuidelineShape, order=[Key("number", descending=True)])


class OneGuideline(View):
    needs = {"GET": MEMBERS_READ}

    @describe("get_guideline", "One version of the guideline.", tag=TAG, answers={200: GuidelineShape})
    def get(self, request: Request, project_id: int, number: int) -> Response:
        versions = self.project(project_id).guideline_versions.select_related("author")
        version = versions.filter(number=number).first() if number <= LARGEST_NUMBER else None
        if version is None:
            raise NotFound(_("This project has no such version of its guideline."))
        return Response(GuidelineShape(version).data)
