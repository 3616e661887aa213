"""/api/projects/{id}/imports/ and /api/imports/{id}/: upload archives, which a worker imports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import FailureShape, ProgressShape
from api.images import RefusedShape
from api.permissions import Needs
from api.schema import IDEMPOTENCY, describe, example
from api.uploads import PathKeepingUploads, Uploads
from labeler.errors import Invalid, NotPossibleNow
from labeler.intake import import_labels, uploads
from labeler.intake.archives import clean_name
from labeler.jobs import jobs
from labeler.models import Job, Project, Role
from labeler.models.account import Scope
from labeler.models.job import Kind, State

TAG = "Images"
SUPPORTED = ("auto", "zip", "imagefolder", "tar", "labels-csv")
LATER = ("csv", "labelstudio", "coco", "yolo", "voc", "cvat", "urls")


class ImportInput(serializers.Serializer):
    file = serializers.FileField(help_text="a zip, or a tar (plain, gzip, bzip2, xz); or a CSV of judgements")
    format = serializers.ChoiceField([*SUPPORTED, *LATER], required=False, default="auto")
    blind = serializers.BooleanField(
        required=False, default=False,
        help_text="of judgements: they were given without seeing others' answers or a model's suggestion, so they "
        "count in the blind agreement; kept with your name",
    )  # fmt: skip


class RefusedRowShape(RefusedShape):
    row = serializers.IntegerField(required=False, help_text="of a table, as a spreadsheet counts: the header is 1")


class CountField(serializers.IntegerField):
    """How many there are under this name in the result. An upload that was sent with a key has lists there."""

    def get_attribute(self, job: Job) -> int:
        found = job.result.get(self.field_name, 0)
        return len(found) if isinstance(found, list) else found


class ImportShape(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.IntegerField(source="project_id")
    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField(help_text="what the worker is doing, in words")
    progress = ProgressShape(source="*")
    error = FailureShape(allow_null=True)
    name = serializers.SerializerMethodField(help_text="of the file, as it was sent")
    format = serializers.SerializerMethodField()
    blind = serializers.SerializerMethodField(help_text="whoever sent it said that its judgements were given blind")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    added = CountField()
    duplicates = CountField()
    labels_added = CountField()
    predictions_added = CountField()
    refused = serializers.SerializerMethodField()

    def get_name(self, job: Job) -> str:
        return job.params.get("name", "")

    def get_format(self, job: Job) -> str:
        return job.params.get("format", "auto")

    def get_blind(self, job: Job) -> bool:
        return import_labels.is_blind(job)

    def get_refused(self, job: Job) -> RefusedRowShape(many=True):  # type: ignore[valid-type]
        return job.result.get("refused", [])


class Imports(Uploads, View):
    needs = {"POST": Needs(Scope.MANAGE, Role.LEAD)}

    def most_bytes(self) -> int:
        return settings.MAX_ARCHIVE_BYTES

    @describe(
        "create_import", "Import an archive of images, or judgements that were made elsewhere.\n\nA worker opens it; "
        "follow the row. Folders are kept in the images' names. `labels-csv`, which `auto` knows by its header, has "
        "the columns file_name, annotator, label (and perhaps created_at, seconds, answer), one row per judgement; "
        "names without an account become people who cannot log in, and names of people who can are refused, unless an "
        "administrator imports. Each label keeps its import's id. It counts as blind only with `blind=true`; without, "
        "it is in `labels=all` of the agreement, and not in the default.",
        tag=TAG,
        request={"multipart/form-data": ImportInput}, answers={202: ImportShape}, errors=(409, 413, 422, 507),
        parameters=[IDEMPOTENCY],
        examples=[example({"id": 12, "project": 1, "state": "queued", "stage": "", "progress": {"done": 0, "total": 0},
                           "error": None, "name": "leaves.zip", "format": "zip", "blind": False,
                           "created_at": "2026-11-05T10:00:00Z",
                           "finished_at": None, "added": 0, "duplicates": 0, "labels_added": 0, "predictions_added": 0,
                           "refused": []})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        format_ = str(request.data.get("format", "auto")) if isinstance(request.data, Mapping) else ""
        _check_format(format_)
        blind = _blind(request)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(_("Send a form with the archive as “file”."), fields={"file": ["missing"]})
        kept = uploads.keep(file.chunks())
        params: dict[str, Any] = {
            "path": kept.path, "format": format_, "name": clean_name(PathKeepingUploads.path_of(file)), "blind": blind,
        }  # fmt: skip
        try:
            job = jobs.request_import(
                project=project, requested_by=self.person, params=params,
                idempotency_key=parsing.idempotency_key(request), body_hash=_hash(project, format_, blind, kept),
            )  # fmt: skip
        except BaseException:
            kept.discard()
            raise
        if job.params.get("path") != kept.path:
            kept.discard()  # a replay: the first one's file is the one that counts
        return Response(ImportShape(job).data, status=202)


def _hash(project: Project, format_: str, blind: bool, kept: uploads.Kept) -> str:
    said = f"{format_} blind" if blind else format_
    return hashlib.sha256(f"{project.pk} {said} {kept.sha256}".encode()).hexdigest()


def _blind(request: Request) -> bool:
    said = str(request.data.get("blind", "") if isinstance(request.data, Mapping) else "").lower()
    if said not in ("true", "1", "false", "0", ""):
        raise Invalid(_("blind must be true or false."), fields={"blind": ["not true or false"]})
    return said in ("true", "1")


def _check_format(format_: str) -> None:
    if format_ in SUPPORTED:
        return
    known = ", ".join(SUPPORTED)
    if format_ in LATER:
        raise NotPossibleNow(
            _("Imports as %(format)s are not possible yet; %(known)s are.") % {"format": format_, "known": known},
            fields={"format": ["not supported yet"]},
        )
    raise Invalid(_("format must be one of %(known)s.") % {"known": known}, fields={"format": ["unknown"]})


class OneImport(View):
    needs = {"GET": Needs(Scope.READ, Role.LEAD)}

    def _job(self, import_id: int) -> Job:
        rows = Job.objects.select_related("project").filter(
            pk=import_id, kind=Kind.IMPORT, project__trashed_at__isnull=True
        )
        return self.row(rows, "There is no such import, or you are not a member of its project.")

    @describe("get_import", "An import: its state, progress, and what became of the files.", tag=TAG,
              answers={200: ImportShape})  # fmt: skip
    def get(self, request: Request, import_id: int) -> Response:
        return Response(ImportShape(self._job(import_id)).data)


class Cancellation(OneImport):
    needs = {"POST": Needs(Scope.MANAGE, Role.LEAD)}
    http_method_names = ["post", "options"]

    @describe("cancel_import", "Stop an import. Images that are in stay in.", tag=TAG, request=None,
              answers={200: ImportShape}, errors=(409,))  # fmt: skip
    def post(self, request: Request, import_id: int) -> Response:
        return Response(ImportShape(jobs.cancel(self._job(import_id))).data)
