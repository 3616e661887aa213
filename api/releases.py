"""/api/projects/{id}/releases/ and /api/releases/{id}/: numbered, frozen data sets, and their files."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing, ranges
from api.access import View
from api.exports import PREPARED
from api.pagination import Key, page
from api.permissions import LEADS_MANAGE, REVIEWERS_EXPORT, REVIEWERS_READ
from api.release_shapes import (
    EXAMPLE,
    READINGS,
    FrozenShape,
    ReleaseChange,
    ReleaseFileShape,
    ReleaseInput,
    ReleaseShape,
    brief,
    file_row,
    whole,
)  # fmt: skip
from api.schema import IDEMPOTENCY, PAGING, describe, example, page_of, parameter
from labeler import releases as exports
from labeler.accounts.audit import audit
from labeler.curation import filters
from labeler.errors import NotFound
from labeler.labeling import blindness
from labeler.models import Release, ReleaseFile
from labeler.releases import files, preparation, releases

TAG = "Data sets out"
POLL_SECONDS = "2"


class Releases(View):
    needs = {"GET": REVIEWERS_READ, "POST": REVIEWERS_EXPORT}

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
        key = parsing.idempotency_key(request)
        release = releases.request(project=project, by=self.person, idempotency_key=key, **asked)
        return Response(ReleaseShape(brief(release)).data, status=202)


class _OfRelease(View):
    def release(self, release_id: int) -> Release:
        rows = Release.objects.kept().select_related("job", "created_by")
        return self.row(rows, release_id, _("There is no such release."))


class OneRelease(_OfRelease):
    needs = {"GET": REVIEWERS_READ, "PATCH": REVIEWERS_EXPORT, "DELETE": LEADS_MANAGE}

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
    needs = {"GET": REVIEWERS_EXPORT}

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
