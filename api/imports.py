"""/api/projects/{id}/imports/ and /api/imports/{id}/: files of images, labels and more, which a worker imports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import FailureShape, ProgressShape, TextsField
from api.images import RefusedShape
from api.permissions import LEADS_MANAGE, LEADS_READ
from api.schema import IDEMPOTENCY, describe, example
from api.uploads import PathKeepingUploads, Uploads
from labeler.curation import filters
from labeler.errors import Invalid, NotFound
from labeler.imports import options, run
from labeler.intake import bucket, import_labels, refusal_report, uploads
from labeler.intake.names import clean_name
from labeler.jobs import jobs
from labeler.models import Job, Project
from labeler.models.job import Kind, State

TAG = "Images"
SUPPORTED = tuple(name for name in run.FORMATS if name != "images")
MOST_URLS = 10_000
# Formats that hold labels, so that it can be asked what these are.
OF_IMAGES_ALONE = ("zip", "tar", "urls")


class ImportInput(serializers.Serializer):
    file = serializers.FileField(
        help_text="a zip, or a tar (plain, gzip, bzip2, xz); a CSV or JSON Lines; a JSON, XML or parquet of other tools"
    )
    format = serializers.ChoiceField(SUPPORTED, required=False, default="auto")
    blind = serializers.BooleanField(
        required=False, default=False,
        help_text="of judgements: they were given without seeing others' answers or a model's suggestion, so they "
        "count in the blind agreement; kept with your name",
    )  # fmt: skip
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="say in `found` and in the counts what would be, and write nothing"
    )
    ask = serializers.BooleanField(
        required=False, default=False,
        help_text="where the file says more than that images are there, only look, and wait for a `confirmation/`",
    )  # fmt: skip
    labels_as = serializers.CharField(
        required=False,
        help_text='JSON: what the labels are: {"people": "<column, field or completed_by>"}, {"source": "<name>"}, '
        '"prelabels", "gold" or "nothing"; absent: those of one source that is called like the format (of labels-csv: '
        "of the people it names)",
    )
    new_categories = serializers.CharField(
        required=False,
        help_text='of classes the project lacks: "make", "refuse" (the default: the image comes in, its label does '
        'not), or JSON {"old": "new"}, where null leaves a class out and a new name that is unknown is made',
    )
    origin = serializers.ChoiceField(
        [0, 1], required=False, default=1,
        help_text="of voc: the number of the first pixel. 1: the standard, the last one is in the box; 0: edges",
    )  # fmt: skip


class UrlsInput(serializers.Serializer):
    format = serializers.ChoiceField(["urls", "s3"])
    urls = TextsField(max_length=MOST_URLS, required=False)
    url = serializers.CharField(required=False, help_text="of s3: s3://bucket/folder/")
    by_reference = serializers.BooleanField(
        required=False,
        help_text="of s3: originals stay in the bucket; only previews and thumbnails are kept here. Without it objects "
        "are copied",
    )


class ConfirmationInput(serializers.Serializer):
    origin = serializers.ChoiceField([0, 1], required=False, help_text="as for an import")
    labels_as = serializers.JSONField(required=False, help_text="as for an import; here JSON itself")
    new_categories = serializers.JSONField(required=False, help_text="as for an import; here JSON itself")
    blind = serializers.BooleanField(required=False)


class FoundClassShape(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField(help_text="judgements that name it")
    known = serializers.BooleanField(help_text="the project has it, or had it under this name")


class FoundPersonShape(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField()


class SampleShape(serializers.Serializer):
    name = serializers.CharField()
    objects = serializers.IntegerField(help_text="drawn on it by the first who is named")
    classes = TextsField()
    annotator = serializers.CharField(allow_blank=True)
    prediction = TextsField()
    probability = serializers.FloatField(allow_null=True)
    split = serializers.CharField(allow_blank=True)
    metadata = serializers.DictField()


class FoundShape(serializers.Serializer):
    format = serializers.CharField()
    images = serializers.IntegerField()
    classes = FoundClassShape(many=True)
    people = FoundPersonShape(many=True)
    predictions = serializers.IntegerField()
    labels = serializers.IntegerField(help_text="judgements")
    unnamed = serializers.IntegerField(help_text="judgements that name nobody")
    gold = serializers.IntegerField(help_text="answers that the file itself calls the known ones")
    objects = serializers.IntegerField(help_text="drawn, of people and models together")
    brought = serializers.IntegerField(help_text="rows whose image comes with the file or from an address")
    splits = serializers.DictField(child=serializers.IntegerField())
    sample = SampleShape(many=True, help_text="the first five rows")


class RefusedRowShape(RefusedShape):
    row = serializers.IntegerField(required=False, help_text="of a table, as a spreadsheet counts: the header is 1")
    object = serializers.IntegerField(
        required=False, help_text="of the image's objects in the file, from 1: the others came in"
    )


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
    dry_run = serializers.SerializerMethodField(help_text="nothing is written: the counts are what would be")
    asks = serializers.SerializerMethodField(help_text="it has looked at the file, which waits for a `confirmation/`")
    found = serializers.SerializerMethodField(help_text="null for images alone, and before it was looked at")
    report = serializers.SerializerMethodField(help_text="address of a CSV with every refused row, or null")
    blind = serializers.SerializerMethodField(help_text="whoever sent it said that its judgements were given blind")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    added = CountField()
    duplicates = CountField()
    labels_added = CountField()
    predictions_added = CountField()
    gold_added = CountField()
    objects_added = CountField(help_text="drawn")
    objects_mended = CountField(help_text="of these: the outline crossed itself, and was made whole")
    objects_clipped = CountField(help_text="of these: they reached over the border, and were cut")
    refused = serializers.SerializerMethodField()

    def get_name(self, job: Job) -> str:
        return job.params.get("name", "")

    def get_format(self, job: Job) -> str:
        return job.params.get("format", "auto")

    def get_dry_run(self, job: Job) -> bool:
        return job.params.get("dry_run") is True or job.result.get("asks") is True

    def get_asks(self, job: Job) -> bool:
        return jobs.is_waiting_for_answers(job)

    @extend_schema_field(FoundShape(allow_null=True))
    def get_found(self, job: Job) -> Any:
        return job.result.get("found")

    def get_report(self, job: Job) -> str | None:
        has_one = job.is_finished and refusal_report.path_of(job.pk).is_file()
        return f"/api/imports/{job.pk}/report/" if has_one else None

    def get_blind(self, job: Job) -> bool:
        return import_labels.is_blind(job)

    def get_refused(self, job: Job) -> RefusedRowShape(many=True):  # type: ignore[valid-type]
        return job.result.get("refused", [])


class Imports(Uploads, View):
    needs = {"POST": LEADS_MANAGE}

    def most_bytes(self) -> int:
        return settings.MAX_ARCHIVE_BYTES

    @describe(
        "create_import", "Import a file: images, and labels that were made elsewhere.\n\nA worker opens it; follow the "
        "row. `auto` recognises the format: images alone (zip, tar), imagefolder (below splits, or where folders are "
        "classes of the project; name it where they are to become classes), csv and jsonl manifests (alone or as "
        "`manifest.csv` or `manifest.jsonl` in an archive), labelstudio, cvat, yolo (of classes: to be named), coco, "
        "voc, masks (PNG), huggingface (metadata or parquet), webdataset, and `labels-csv` by its header: file_name, "
        "annotator, label (and perhaps created_at, seconds, answer), one row per judgement. `format=urls` takes JSON "
        "with a list of addresses, which the worker fetches; `format=s3` the `url` of a folder in a bucket, whose "
        "originals are copied, or with `by_reference` stay there. Send `dry_run=true` to see first what it finds, or "
        "`ask=true` to see it only where there is more than images.\n\nNames without an account become people who "
        "cannot log in, and names of people who can are refused, unless an administrator imports. Each label keeps its "
        "import's id. It counts as blind only with `blind=true`; without, it is in `labels=all` of the agreement, and "
        "not in the default.",
        tag=TAG, request={"multipart/form-data": ImportInput, "application/json": UrlsInput},
        answers={202: ImportShape}, errors=(409, 413, 422, 507), parameters=[IDEMPOTENCY],
        examples=[example({"id": 12, "project": 1, "state": "queued", "stage": "", "progress": {"done": 0, "total": 0},
                           "error": None, "name": "leaves.zip", "format": "zip", "dry_run": False, "asks": False,
                           "found": None, "report": None, "blind": False,
                           "created_at": "2026-11-05T10:00:00Z", "finished_at": None, "added": 0, "duplicates": 0,
                           "labels_added": 0, "predictions_added": 0, "gold_added": 0, "objects_added": 0,
                           "objects_mended": 0, "objects_clipped": 0, "refused": []})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        said = request.data if isinstance(request.data, Mapping) else {}
        format_ = str(said.get("format", "auto"))
        if format_ not in SUPPORTED:
            known = ", ".join(SUPPORTED)
            raise Invalid(_("format must be one of %(known)s.") % {"known": known}, fields={"format": ["unknown"]})
        if format_ != run.S3 and _switch(said, "by_reference"):
            raise Invalid(
                _("Only objects of a bucket can stay where they are: leave by_reference away, or import from s3."),
                fields={"by_reference": ["only with s3"]},
            )
        params = _params(said, format_)
        if format_ == run.URLS:
            return self._request(request, project, {**params, "urls": _urls(said), "name": _("Addresses")}, None)
        if format_ == run.S3:
            url = parsing.check_text(str(said.get("url", "")))
            bucket.check_address(url)
            stays = {"by_reference": True} if _switch(said, "by_reference") else {}
            return self._request(request, project, {**params, **stays, "url": url, "name": url}, None)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(_("Send a form with the archive as “file”."), fields={"file": ["missing"]})
        kept = uploads.keep(file.chunks())
        params |= {"path": kept.path, "name": clean_name(PathKeepingUploads.path_of(file))}
        try:
            return self._request(request, project, params, kept)
        except BaseException:
            kept.discard()
            raise

    def _request(
        self, request: Request, project: Project, params: dict[str, Any], kept: uploads.Kept | None
    ) -> Response:
        job = jobs.request_import(
            project=project, requested_by=self.person, params=params,
            idempotency_key=parsing.idempotency_key(request), body_hash=_hash(project, params, kept),
        )  # fmt: skip
        if kept is not None and job.params.get("path") != kept.path:
            kept.discard()  # a replay: the first one's file is the one that counts
        return Response(ImportShape(job).data, status=202)


def _params(said: Mapping[str, Any], format_: str) -> dict[str, Any]:
    """The answers of a request, checked, without its file."""
    answers = options.check(said.get("labels_as"), said.get("new_categories"), said.get("origin"))
    if answers and format_ in OF_IMAGES_ALONE:
        raise Invalid(
            _("A %(format)s of images holds no labels: leave %(names)s away, or name the format that has them.")
            % {"format": format_, "names": ", ".join(answers)},
            fields={key: ["not with this format"] for key in answers},
        )
    switches = {name: True for name in ("dry_run", "ask") if _switch(said, name)}
    return {"format": format_, "blind": _switch(said, "blind"), **switches, **answers}


def _urls(said: Mapping[str, Any]) -> list[str]:
    urls = said.get("urls")
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) and len(url) < 8000 for url in urls):
        raise Invalid(_("Send JSON with a list of addresses as “urls”."), fields={"urls": ["not a list of addresses"]})
    if len(urls) > MOST_URLS:
        raise Invalid(
            _("At most %(most)s addresses at once: send the rest in another import, or a manifest.")
            % {"most": f"{MOST_URLS:,}"},
            fields={"urls": ["too many"]},
        )
    return urls


def _hash(project: Project, params: dict[str, Any], kept: uploads.Kept | None) -> str:
    """Of all that was asked, and of the file: where it was kept, and how it is called, is no part of it."""
    asked = {name: value for name, value in params.items() if name not in ("path", "name")}
    said = f"{project.pk} {json.dumps(asked, sort_keys=True)} {kept.sha256 if kept else ''}"
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _switch(said: Mapping[str, Any], name: str) -> bool:
    return filters.flag(name, str(said.get(name, "")))


class OneImport(View):
    needs = {"GET": LEADS_READ}

    def _job(self, import_id: int) -> Job:
        missing = "There is no such import, or you are not a member of its project."
        return self.row(Job.objects.filter(kind=Kind.IMPORT), import_id, missing)

    @describe("get_import", "An import: its state, progress, and what became of the files.", tag=TAG,
              answers={200: ImportShape})  # fmt: skip
    def get(self, request: Request, import_id: int) -> Response:
        return Response(ImportShape(self._job(import_id)).data)


class Cancellation(OneImport):
    needs = {"POST": LEADS_MANAGE}
    http_method_names = ["post", "options"]

    @describe("cancel_import", "Stop an import. Images that are in stay in.", tag=TAG, request=None,
              answers={200: ImportShape}, errors=(409,))  # fmt: skip
    def post(self, request: Request, import_id: int) -> Response:
        return Response(ImportShape(jobs.cancel(self._job(import_id))).data)


class Confirmation(OneImport):
    needs = {"POST": LEADS_MANAGE}
    http_method_names = ["post", "options"]

    @describe("confirm_import", "Import the file that a dry run has looked at.\n\nIt is not sent again: it waits for a "
              "day. Confirmed twice, it is one import.", tag=TAG, request=ConfirmationInput,
              answers={202: ImportShape}, errors=(422,))  # fmt: skip
    def post(self, request: Request, import_id: int) -> Response:
        job = self._job(import_id)
        said = request.data if isinstance(request.data, Mapping) else {}
        answers = options.check(said.get("labels_as"), said.get("new_categories"), said.get("origin"))
        if "blind" in said:
            answers["blind"] = _switch(said, "blind")
        return Response(ImportShape(jobs.confirm(job, by=self.person, params=answers)).data, status=202)


class RefusedRows(OneImport):
    @describe("get_import_report", "Every refused row of an import, with the reason and what can be done, as a CSV: "
              "`row, name, reason, advice, object`.", tag=TAG,
              answers={(200, "text/csv"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, import_id: int) -> Any:
        path = refusal_report.path_of(self._job(import_id).pk)
        if not path.is_file():
            raise NotFound(_("Nothing was refused by this import."))
        name = f"import-{import_id}-refused.csv"
        return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
