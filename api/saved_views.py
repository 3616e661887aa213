"""/api/projects/{id}/saved-views/: filters of the images page under a name. Leads keep them, reviewers follow them."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import page
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import PAGING, describe, example, page_of
from labeler.curation import saved_views
from labeler.errors import Invalid
from labeler.models import Project, SavedView

TAG = "Images"


class SavedViewInput(serializers.Serializer):
    name = serializers.CharField(max_length=saved_views.LONGEST_NAME)
    query = serializers.CharField(
        max_length=saved_views.LONGEST_QUERY,
        help_text="what stands behind the address of the images page: ?status=disputed&search=leaf",
    )


class SavedViewShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    query = serializers.CharField(help_text="put it behind the address of the images page")
    filter = serializers.CharField(
        allow_null=True, help_text="the same images as parameters of images/ and export/; null: those cannot ask for it"
    )
    created_by = serializers.CharField(source="created_by.username", allow_null=True, help_text="who kept it last")
    created_at = serializers.DateTimeField()


EXAMPLE = {
    "id": 5, "name": "To settle", "query": "?status=disputed&search=leaf", "filter": "status=disputed&search=leaf",
    "created_by": "lena", "created_at": "2026-11-23T10:00:00Z",
}  # fmt: skip


def _shapes(project: Project, rows: list[SavedView]) -> Any:
    for row in rows:
        row.filter = saved_views.read(project, row.query).exported()  # type: ignore[attr-defined]
    return SavedViewShape(rows, many=True).data


class SavedViews(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe(
        "list_saved_views", "The saved views of a project.\n\nA view that asks for what leads alone see (the trash, "
        "the place) is told to leads alone.", tag=TAG, parameters=PAGING, answers={200: page_of(SavedViewShape)},
        examples=[example({"results": [EXAMPLE], "next": None})],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        rows = SavedView.objects.filter(pk__in=[view.pk for view in saved_views.visible(project)])
        return page(request, rows.select_related("created_by"), lambda found: _shapes(project, found))

    @describe(
        "save_view", "Keep filters under a name; a view of that name has them from now on.\n\n201 for a new view, 200 "
        f"where there was one of that name; at most {saved_views.MOST} per project (422).", tag=TAG,
        request=SavedViewInput, answers={200: SavedViewShape, 201: SavedViewShape}, errors=(422,),
        examples=[example({"name": EXAMPLE["name"], "query": EXAMPLE["query"]}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wanted = parsing.parse(SavedViewInput, request)
        kept = saved_views.read(project, wanted["query"])
        # A browser leaves out what it cannot read and shows what it read; a program would not notice.
        sent = QueryDict(wanted["query"].removeprefix("?")).dict()
        if lost := sorted(name for name, value in sent.items() if value and name != "page" and name not in kept.asked):
            raise Invalid(
                _("The images page has no such filter, or not with this value: %(names)s.")
                % {"names": ", ".join(lost)[:200]},
                fields={"query": [f"not a filter: {name[:100]}" for name in lost[:5]]},
            )
        view, is_new = saved_views.save(project=project, by=self.person, name=wanted["name"], query=kept.link())
        return Response(_shapes(project, [view])[0], status=201 if is_new else 200)


class OneSavedView(View):
    needs = {"DELETE": LEADS_MANAGE}

    @describe("delete_saved_view", "Forget a saved view; the images stay as they are.", tag=TAG, answers={204: None})
    def delete(self, request: Request, project_id: int, view_id: int) -> Response:
        saved_views.delete(project=self.project(project_id), by=self.person, pk=view_id)
        return Response(status=204)
