"""/api/projects/{id}/deletions/, restorations/ and image-work/, and /api/jobs/{id}/: something done to many images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.imports import FailureShape, ProgressShape
from api.permissions import LEADS_MANAGE, LEADS_READ
from api.schema import describe, example
from labeler.curation import filters, work
from labeler.curation.actions import ACTIONS
from labeler.errors import Invalid
from labeler.models import Job, Project
from labeler.models.job import Kind, State

TAG = "Images"
MOST_NAMED = 100_000  # images in one body; more are found by a filter
EXAMPLE = {
    "id": 31, "project": 1, "kind": "images", "state": "done", "stage": "", "progress": {"done": 2, "total": 2},
    "error": None, "what": "delete", "changed": 2, "kept": 0, "message": "2 images are in the trash.",
    "created_at": "2026-11-05T10:00:00Z", "finished_at": "2026-11-05T10:00:00Z",
}  # fmt: skip


class ChosenInput(serializers.Serializer):
    """One of the three: images, a filter, or all."""

    images = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=parsing.LARGEST), max_length=MOST_NAMED, required=False
    )
    filter = serializers.DictField(required=False, help_text="as the parameters of the list: {status: […], search: …}")
    all = serializers.BooleanField(required=False)


class WorkInput(ChosenInput):
    do = serializers.ChoiceField(list(ACTIONS))
    reason = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="again: why")
    categories = serializers.ListField(required=False, help_text="gold, label: by id or name")
    key = serializers.CharField(required=False, help_text="metadata: which field")
    value = serializers.JSONField(required=False, help_text="metadata: what it is; null takes it away")


class JobShape(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.IntegerField(source="project_id")
    kind = serializers.ChoiceField(Kind.choices)
    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField()
    progress = ProgressShape(source="*")
    error = FailureShape(allow_null=True)
    what = serializers.SerializerMethodField(help_text="work on images: what is done")
    changed = serializers.SerializerMethodField(help_text="images to which it was done so far")
    kept = serializers.SerializerMethodField(help_text="images that stayed as they were")
    message = serializers.SerializerMethodField(help_text="a sentence about it")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_what(self, job: Job) -> str:
        return str(job.params.get("do", ""))

    def get_changed(self, job: Job) -> int:
        return int(job.result.get("changed", 0)) if job.kind == Kind.IMAGES else 0

    def get_kept(self, job: Job) -> int:
        return int(job.result.get("kept", 0)) if job.kind == Kind.IMAGES else 0

    def get_message(self, job: Job) -> str:
        return work.sentence(job) if job.kind == Kind.IMAGES else ""


def chosen(project: Project, sent: Mapping[str, Any], *, of_trash: bool) -> list[int]:
    """Ids of what a body names, by id or by filter. Raises Invalid unless it names exactly one way."""
    ways = [name for name in ("images", "filter", "all") if sent.get(name) not in (None, False)]
    if len(ways) != 1:
        raise Invalid(
            _("Name the images in one way: images, filter, or all: true."), fields={"images": ["one way of three"]}
        )
    if ways == ["images"]:
        return list(sent["images"])
    named = filters.texts(sent.get("filter") or {})
    status = [name for name in named.get("status", []) if name != filters.DELETED]
    wanted = filters.read(project, {**named, "status": [*status, filters.DELETED] if of_trash else status})
    if ways == ["filter"] and not named:
        raise Invalid(_("An empty filter: send all: true for all images."), fields={"filter": ["empty"]})
    return list(wanted.images(project).order_by("id").values_list("pk", flat=True)[: work.MOST + 1])


class _Work(View):
    needs = {"POST": LEADS_MANAGE}

    def _do(self, request: Request, project_id: int, shape: type[ChosenInput], do: str = "") -> Response:
        project = self.project(project_id)
        sent = parsing.parse(shape, request)
        do = do or sent["do"]
        ids = chosen(project, sent, of_trash=ACTIONS[do].of_trash)
        job = work.request(project=project, by=self.person, do=do, image_ids=ids, asked=sent)
        return Response(JobShape(job).data, status=202)


class Deletions(_Work):
    @describe(
        "delete_images", "Move images to the trash.\n\nBy id, by a filter of the list, or all of them. They are out of "
        "sight and of all figures at once; after 30 days they are deleted for good. Few are in the trash when the "
        "answer comes; of many the row is to be polled.", tag=TAG, request=ChosenInput, answers={202: JobShape},
        examples=[example({"images": [812, 94]}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        return self._do(request, project_id, ChosenInput, "delete")


class Restorations(_Work):
    @describe(
        "restore_images", "Bring images back from the trash, with everything that is known of them.", tag=TAG,
        request=ChosenInput, answers={202: JobShape},
        examples=[example({"all": True}, of_request=True),
                  example({**EXAMPLE, "what": "restore", "message": "2 images are back."})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        return self._do(request, project_id, ChosenInput, "restore")


class ImageWork(_Work):
    @describe(
        "work_on_images", "Do something to many images.\n\n`first`: ask people about them first. `again`: send them "
        "back for another round. `gold`: make them gold, with what is known of them or with `categories`. `metadata`: "
        "set the field `key` to `value`. `label`: label them with `categories`, as judgements of your own that count "
        "as informed; images that are judged blind stay as they are.", tag=TAG, request=WorkInput,
        answers={202: JobShape}, errors=(409, 422),
        examples=[example({"do": "first", "filter": {"search": "leaf"}}, of_request=True),
                  example({**EXAMPLE, "what": "first", "message": "2 images come first now."})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        return self._do(request, project_id, WorkInput)


class OneJob(View):
    needs = {"GET": LEADS_READ}

    @describe("get_job", "Long work: its state, progress, and what came of it.", tag=TAG, answers={200: JobShape})
    def get(self, request: Request, job_id: int) -> Response:
        job = self.row(Job.objects, job_id, _("There is no such job, or you are not a member of its project."))
        return Response(JobShape(job).data)
