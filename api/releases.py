"""/api/projects/{id}/releases/ and /api/releases/{id}/: numbered, frozen data sets, and their files."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from api import parsing, ranges
from api.access import View
from api.exports import PREPARED
from api.fields import FailureShape, ObjectField, StatShape
from api.pagination import Key, page
from api.permissions import Needs
from api.schema import IDEMPOTENCY, PAGING, describe, example, page_of, parameter
from labeler import releases as exports
from labeler.accounts.audit import audit
from labeler.curation import filters
from labeler.errors import NotFound
from labeler.labeling import blindness
from labeler.models import Release, ReleaseFile, Role
from labeler.models.account import Scope
from labeler.models.job import State
from labeler.models.release import ReleaseLabels
from labeler.releases import files, preparation, releases
from labeler.releases.data_set import ALL, CONSENSUS, SOFT
from labeler.wording.sentences import in_words

TAG = "Data sets out"
POLL_SECONDS = "2"
READINGS = (CONSENSUS, ALL, SOFT)


class ReleaseInput(serializers.Serializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    labels = serializers.ChoiceField(ReleaseLabels.choices, required=False, default=ReleaseLabels.CONSENSUS)
    splits = serializers.DictField(
        child=serializers.FloatField(), required=False, allow_null=True, default=None,
        help_text="shares of train, validation and test, together 1; without it there is no split",
    )  # fmt: skip
    group_by = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=200, default="",
        help_text="a key of the metadata (patient, say): images with one value stay in one split",
    )  # fmt: skip
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**53, default=0)
    location = serializers.BooleanField(
        required=False, default=False, help_text="places and personal fields of EXIF stay in its files"
    )
    filter = serializers.DictField(
        required=False, allow_null=True, default=None,
        help_text="only the images that fit, as the parameters of the list: {status: […], search: …}",
    )  # fmt: skip


class ReleaseChange(serializers.Serializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    card = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=releases.LONGEST_ANSWER), required=False,
        help_text="answers of the data card by question, added to those that are there; an empty one is taken out",
    )  # fmt: skip


class HowFarShape(serializers.Serializer):
    done = serializers.IntegerField(help_text="of a file: kB")
    total = serializers.IntegerField(help_text="0: not known")


class WorkShape(serializers.Serializer):
    """How far a worker is."""

    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField()
    progress = HowFarShape()
    error = FailureShape(allow_null=True)


class ReleaseShape(serializers.Serializer):
    """A release as lists have it. All that is counted is null until it is frozen."""

    id = serializers.IntegerField()
    project = serializers.IntegerField()
    number = serializers.IntegerField(help_text="counted per project, never given twice")
    name = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField(help_text="what the worker is doing, in words")
    progress = HowFarShape()
    error = FailureShape(allow_null=True)
    labels = serializers.ChoiceField(ReleaseLabels.choices)
    splits = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    group_by = serializers.CharField()
    seed = serializers.IntegerField()
    location = serializers.BooleanField()
    filter = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="which images; empty: all"
    )
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    frozen_at = serializers.DateTimeField(allow_null=True)
    checksum = serializers.CharField(allow_null=True, help_text="SHA-256 of the frozen file")
    images = serializers.IntegerField(allow_null=True)
    judgements = serializers.IntegerField(allow_null=True)
    outcomes = serializers.IntegerField(allow_null=True, help_text="images that people gave a class, or verified none")


class SplitCountsShape(serializers.Serializer):
    split = serializers.CharField(help_text="empty where the release is not split")
    images = serializers.IntegerField(help_text="of which somebody, or a model alone, has said something")
    outcomes = serializers.IntegerField(help_text="with an outcome by people")
    none = serializers.IntegerField(help_text="verified to be of no class")
    unnamed = serializers.IntegerField(help_text="answered, but nothing can be named: tied, or cannot tell")
    classes = serializers.DictField(child=serializers.IntegerField(), help_text="images of each class, by people")
    by_model = serializers.DictField(child=serializers.IntegerField(), help_text="images by a model's word alone")


class ReleaseAgreementShape(serializers.Serializer):
    labels = serializers.CharField()
    sample = serializers.CharField()
    n_images = serializers.IntegerField()
    n_shared_images = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    alpha = StatShape()
    fleiss = StatShape()
    observed = StatShape()
    categories = serializers.ListField(child=ObjectField(), help_text="each {name, kappa, n}")


class ReleaseModelShape(serializers.Serializer):
    number = serializers.IntegerField()
    sha256 = serializers.CharField(allow_blank=True, help_text="of its weights")
    backbone = serializers.CharField(allow_blank=True)
    trained_at = serializers.DateTimeField(allow_null=True)
    shown = serializers.IntegerField(help_text="judgements whose author saw its pre-label")
    predicted = serializers.IntegerField(help_text="images with its prediction beside them")
    alone = serializers.IntegerField(help_text="images that stand by its word alone")


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "array", "items": {}}]})
class ChangesField(serializers.Field):
    """How many, or which."""

    def to_representation(self, value: Any) -> Any:
        return value


class ReleaseDiffShape(serializers.Serializer):
    before = serializers.IntegerField(allow_null=True, help_text="id of the older release; null: everything is new")
    images_added = ChangesField(help_text="how many; with `diff=full` their ids")
    images_removed = ChangesField(help_text="how many; with `diff=full` their ids")
    labels_changed = ChangesField(help_text="images whose outcome (of `all`: any judgement) is another; or their ids")
    categories_changed = ChangesField(help_text="classes; with `diff=full` each `{id, before, after}`")


class ReleaseFileShape(WorkShape):
    """A file of a release; while it is built, this is the row to poll: ask for the file again."""

    id = serializers.IntegerField()
    release = serializers.IntegerField()
    format = serializers.CharField()
    labels = serializers.ChoiceField(READINGS)
    accepted = serializers.BooleanField()
    images = serializers.BooleanField(allow_null=True)
    file_name = serializers.CharField(allow_blank=True)
    checksum = serializers.CharField(allow_null=True, help_text="SHA-256 of its bytes, also its ETag")
    bytes = serializers.IntegerField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="then deleted; asked for again, built again")
    url = serializers.URLField()


class FrozenShape(ReleaseShape):
    """All that a release says of itself. What is counted is null until it is frozen."""

    counts = SplitCountsShape(many=True, allow_null=True)
    images_sha256 = serializers.CharField(allow_null=True, help_text="over the hashes of all images, in order of id")
    by_model = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    left_out = serializers.DictField(child=serializers.IntegerField(), allow_null=True, help_text="images by reason")
    categories = serializers.ListField(child=ObjectField(), allow_null=True, help_text="the classes")
    label_set_version = serializers.IntegerField(allow_null=True)
    guideline = ObjectField(allow_null=True, help_text="{version, text}")
    consensus = ObjectField(allow_null=True, help_text="{method, parameters}")
    agreement = ReleaseAgreementShape(allow_null=True, help_text="at the moment of freezing")
    models = ReleaseModelShape(many=True, allow_null=True)
    decided_by = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True,
        help_text="images by the rule that chose their split: imported, earlier, held_out, group, seed",
    )  # fmt: skip
    groups_divided = serializers.IntegerField(
        allow_null=True, help_text="groups of near-duplicates or of `group_by` that lie in several splits all the same"
    )
    kept_from = serializers.IntegerField(allow_null=True, help_text="number of the release whose splits were kept")
    diff = ReleaseDiffShape(allow_null=True)
    card = serializers.DictField(child=serializers.CharField())
    files = ReleaseFileShape(many=True)


EXAMPLE = {
    "id": 4, "project": 1, "number": 2, "name": "v2", "state": "queued", "stage": "",
    "progress": {"done": 0, "total": 0}, "error": None, "labels": "consensus",
    "splits": {"train": 0.8, "validation": 0.1, "test": 0.1}, "group_by": "patient", "seed": 0, "location": False,
    "filter": {}, "created_by": "rev", "created_at": "2026-11-22T10:00:00Z", "frozen_at": None, "checksum": None,
    "images": None, "judgements": None, "outcomes": None,
}  # fmt: skip


def _work(job: Any, *, is_there: bool) -> dict[str, Any]:
    if is_there or job is None:
        state = State.DONE if is_there else State.FAILED
        return {"state": state, "stage": "", "progress": {"done": 0, "total": 0}, "error": None}
    progress = {"done": job.progress_done, "total": job.progress_total}
    return {"state": job.state, "stage": job.stage, "progress": progress, "error": job.error}


def brief(release: Release) -> dict[str, Any]:
    is_frozen = release.frozen_at is not None
    counted = {name: release.manifest.get(name) for name in ("images", "judgements", "outcomes")}
    return {
        "id": release.pk, "project": release.project_id, "number": release.number, "name": release.name,
        **_work(release.job, is_there=is_frozen), "labels": release.labels, "splits": release.splits,
        "group_by": release.group_by, "seed": release.seed, "location": release.location, "filter": release.filter,
        "created_by": release.created_by.get_username() if release.created_by else None,
        "created_at": release.created_at, "frozen_at": release.frozen_at, "checksum": release.checksum or None,
        **counted,
    }  # fmt: skip


OF_MANIFEST = (
    "counts", "images_sha256", "by_model", "left_out", "label_set_version", "guideline", "consensus", "models",
    "decided_by", "groups_divided", "kept_from",
)  # fmt: skip


def whole(release: Release, request: Request, diff: dict[str, Any] | None) -> dict[str, Any]:
    manifest = release.manifest
    rows = release.files.select_related("job").order_by("format", "options")
    return {
        **brief(release), **{name: manifest.get(name) for name in OF_MANIFEST},
        "categories": manifest.get("classes"),
        "agreement": in_words(manifest["agreement"]) if manifest else None, "diff": diff, "card": release.card,
        "files": [file_row(row, release, request) for row in rows],
    }  # fmt: skip


def file_row(row: ReleaseFile, release: Release, request: Request) -> dict[str, Any]:
    is_there = files.is_there(row)
    wanted = files.wanted_of(release, row.options)
    address = reverse("api:release-file", [release.pk, row.format], request=request)
    return {
        "id": row.pk, "release": release.pk, "format": row.format, **_work(row.job, is_there=is_there),
        "labels": wanted.labels, "accepted": wanted.accepted, "images": wanted.images, "file_name": row.file_name,
        "checksum": row.checksum if is_there else None, "bytes": row.n_bytes if is_there else None,
        "expires_at": row.expires_at if is_there else None, "url": f"{address}?{row.options}".rstrip("?"),
    }  # fmt: skip


class Releases(View):
    needs = {"GET": Needs(Scope.READ, Role.REVIEWER), "POST": Needs(Scope.EXPORT, Role.REVIEWER)}

    @describe("list_releases", "The releases of a project, newest first.", tag=TAG, parameters=PAGING,
              answers={200: page_of(ReleaseShape)})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        rows = Release.objects.kept().filter(project=project).select_related("job", "created_by")
        return page(
            request, rows, lambda found: ReleaseShape([brief(one) for one in found], many=True).data,
            order=(Key("number", descending=True),),
        )  # fmt: skip

    @describe(
        "create_release", "Freeze the project as the next release.\n\nA worker does it; follow the row. A release "
        "holds every image (with `filter` every image that fits) with all judgements, outcome, decision and prediction "
        "as of one moment, and never changes. "
        "With `splits` each image that anything is said of has one, decided by the first of: the split it was imported "
        "with; the one it had in the newest earlier release with the same splits and groups; being held out here "
        "(test); its group (near-duplicates, and images with one value of `group_by`); the seed, evenly by class.",
        tag=TAG, request=ReleaseInput, answers={202: ReleaseShape}, errors=(409, 422), parameters=[IDEMPOTENCY],
        examples=[example(EXAMPLE), example({"name": "v2", "splits": {"train": 0.8, "test": 0.2}}, of_request=True)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        asked = parsing.parse(ReleaseInput, request)
        asked["group_by"] = asked["group_by"] or ""
        asked["filter"] = filters.texts(asked["filter"] or {})
        for name, values in asked["filter"].items():
            for text in (name, *values):
                parsing.check_text(text)
        key = parsing.idempotency_key(request)
        release = releases.request(project=project, by=self.person, idempotency_key=key, **asked)
        return Response(ReleaseShape(brief(release)).data, status=202)


class _OfRelease(View):
    def release(self, release_id: int) -> Release:
        rows = Release.objects.kept().filter(pk=release_id, project__trashed_at=None)
        found = self.row(rows.select_related("job", "created_by", "project"), _("There is no such release."))
        assert isinstance(found, Release)
        return found


class OneRelease(_OfRelease):
    needs = {
        "GET": Needs(Scope.READ, Role.REVIEWER), "PATCH": Needs(Scope.EXPORT, Role.REVIEWER),
        "DELETE": Needs(Scope.MANAGE, Role.LEAD),
    }  # fmt: skip

    @describe(
        "get_release", "A release with all it says of itself.\n\n`diff` is to the release before it; `against` names "
        "another one of the same project, and `diff=full` lists what changed.", tag=TAG, answers={200: FrozenShape},
        errors=(422,),
        parameters=[parameter("diff", "counts or lists", enum=("counts", "full")),
                    parameter("against", "id of the release to compare with", int)],
    )  # fmt: skip
    def get(self, request: Request, release_id: int) -> Response:
        release = self.release(release_id)
        how = parsing.choice(request, "diff", ("counts", "full"), "counts")
        against = parsing.integer(request, "against")
        return Response(FrozenShape(whole(release, request, self._diff(release, how, against))).data)

    def _diff(self, release: Release, how: str, against: int | None) -> dict[str, Any] | None:
        if against is None and how == "counts":
            return release.manifest.get("diff")
        if against is None:
            found = releases.changes(release, releases.before(release))
        else:
            other = Release.objects.kept().filter(pk=against, project=release.project_id).select_related("job").first()
            if other is None:
                raise NotFound(_("This project has no such release to compare with."))
            found = releases.changes(release, other)
        return found.full() if how == "full" else found.counts()

    @describe("change_release", "Give it another name, or answer questions of its data card; what it holds stays.",
              tag=TAG, request=ReleaseChange, answers={200: FrozenShape})  # fmt: skip
    def patch(self, request: Request, release_id: int) -> Response:
        release = self.release(release_id)
        asked = parsing.parse(ReleaseChange, request, partial=True)
        release = releases.edit(release, by=self.person, **asked)
        return Response(FrozenShape(whole(release, request, release.manifest.get("diff"))).data)

    @describe("delete_release", "Delete a release and its files. Its number is not given again.", tag=TAG,
              answers={204: None})  # fmt: skip
    def delete(self, request: Request, release_id: int) -> Response:
        releases.delete(self.release(release_id), by=self.person)
        return Response(status=204)


class ReleaseDownload(_OfRelease):
    needs = {"GET": Needs(Scope.EXPORT, Role.REVIEWER)}

    @describe(
        "get_release_file", "A release in one format.\n\nThe first time a worker builds it: 202 with the row; ask "
        "again until it is there. Then the bytes, with `ETag` (their SHA-256) and `Range`, so that a download can go "
        "on where it broke off. Files are deleted seven days after they were last asked for; asked for again they are "
        "built again, with the same bytes.", tag=TAG, errors=(422,),
        parameters=[
            parameter("accepted", "with what stands by a model's word alone, marked as such", bool),
            parameter("labels", "normally as the release has them; soft: shares of the votes", enum=READINGS),
            parameter("images", "with the image files; normally as the format usually has it", bool),
            *PREPARED,
        ],
        answers={
            202: ReleaseFileShape,
            (200, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, description="the file"),
            (206, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, description="the part that Range asked for"),
        },
    )  # fmt: skip
    def get(self, request: Request, release_id: int, format: str) -> HttpResponseBase:
        release = self.release(release_id)
        exports.writer_of(format)  # 404 before 400
        accepted = parsing.flag(request, "accepted")
        labels = parsing.choice(request, "labels", READINGS, release.labels)
        images = parsing.flag(request, "images") if parsing.text(request, "images") else None
        row = files.ask(
            release, format, by=self.person, accepted=accepted, images=images, labels=labels,
            preparation=preparation.parse_texts(request.query_params),
        )  # fmt: skip
        if files.is_there(row):
            try:
                return self._sent(request, release, row)
            except FileNotFoundError:
                pass  # expired at this moment: asked for again, it is built again
        response = Response(ReleaseFileShape(file_row(row, release, request)).data, status=202)
        response["Retry-After"] = POLL_SECONDS
        return response

    def _sent(self, request: Request, release: Release, row: ReleaseFile) -> HttpResponseBase:
        response = ranges.answer(
            request, files.path_of(row), checksum=row.checksum, media_type=row.media_type, file_name=row.file_name
        )
        if request.method != "HEAD" and response.status_code == 200:
            audit(
                self.person, "release.download", project=release.project_id, subject=row.file_name,
                format=row.format, checksum=row.checksum,
            )  # fmt: skip
        if request.method != "HEAD" and response.status_code in (200, 206):
            blindness.remember_download(self.person, release.project)
        return response
