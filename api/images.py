"""/api/projects/{id}/images/ and /api/images/{id}/: upload images, list them, and read one."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import BY_ID, Key, page
from api.permissions import LEADS_MANAGE, MEMBERS_READ
from api.schema import IDEMPOTENCY, PAGING, describe, example, page_of, parameter
from api.shapes import ImageShape, image_shapes
from api.uploads import PathKeepingUploads, Uploads
from labeler.access import image_for, may_lead, may_review
from labeler.curation import deletion, filters, listing
from labeler.errors import Invalid, NotAllowed
from labeler.intake import images as intake
from labeler.intake import import_metadata, incoming, outcomes
from labeler.jobs import jobs
from labeler.models import Finding, Project
from labeler.models.image import Split, Status

TAG = "Images"
# From a fixed list, and nothing else: a sort key is never built from what a client sends.
ORDERS: dict[str, tuple[Key, ...]] = {
    "id": BY_ID,
    "-confidence": (Key("confidence", descending=True, type=float), Key("id")),
    "uncertainty": (Key("margin", type=float), Key("id")),
    "-disagreement": (Key("disagreement", descending=True, type=float), Key("id")),
}


class AddedShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()


class DuplicateShape(serializers.Serializer):
    name = serializers.CharField()
    image = serializers.IntegerField(help_text="the image that has the same bytes")
    deleted = serializers.BooleanField(
        required=False, help_text="true: that image is in the trash; restore it there to have it again"
    )


class RefusedShape(serializers.Serializer):
    name = serializers.CharField()
    reason = serializers.CharField()


class UploadShape(serializers.Serializer):
    added = AddedShape(many=True)
    duplicates = DuplicateShape(many=True)
    refused = RefusedShape(many=True)


class UploadInput(serializers.Serializer):
    files = serializers.ListField(child=serializers.FileField(), help_text="repeated; the file name may be a path")


class Images(Uploads, View):
    needs = {"GET": MEMBERS_READ, "POST": LEADS_MANAGE}

    def most_bytes(self) -> int:
        return incoming.most_bytes_of_images()

    @describe(
        "list_images", "Images of a project.\n\nAnnotators may filter by their own name (`labeled_by`) and search file "
        "names where the project shows them; the other filters are for reviewers and leads. Orders by the model's "
        "opinion leave out images it has not looked at, held-out ones, and others that are judged blind until they are "
        "settled. Labels given after others' answers or the model's were shown here are `informed`.",
        tag=TAG, answers={200: page_of(ImageShape)},
        parameters=[
            *PAGING,
            parameter("status", "repeat for several; deleted: what is in the trash, for leads",
                      enum=[*Status.values, filters.DELETED]),
            parameter("category", "somebody's current answer names it (id or name); repeated: each of them is named"),
            parameter("labeled_by", "this person has a current answer"),
            parameter("predicted", "the active model names this class (id or name)"),
            parameter("min_confidence", "of the active model, 0 to 1", float),
            parameter("max_confidence", "of the active model, 0 to 1", float),
            parameter("disagreement", "at least this much, 0 to 1", float),
            parameter("accepted", "the model's answer stands for it, and nobody has judged it", bool),
            parameter("consensus", "taken to be this class (id or name)"),
            parameter("import", "came in with this import", int),
            parameter("split", "what an import said it is for; repeat for several", enum=Split.values),
            parameter("finding", "of the checks on the data set; repeated: each of them", enum=Finding.values),
            parameter("min_pixels", "width times height", int),
            parameter("max_pixels", "width times height", int),
            parameter("metadata.<key>", "metadata has this value under the key"),
            parameter("search", "part of the file name"),
            parameter("order", "a fixed list", enum=list(ORDERS)),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        order = parsing.choice(request, "order", tuple(ORDERS), "id")
        wanted = _wanted(request, project, order)
        rows = wanted.images(project, by_model=order in ("-confidence", "uncertainty"))
        shape = partial(image_shapes, self.person, project)
        # Of all images any order is an index's; filters may have little in common.
        fetch = None if wanted == filters.ImageFilter() else listing.first
        return page(request, rows, shape, order=ORDERS[order], fetch=fetch)

    @describe(
        "upload_images", "Bring images in, as a form with `files` repeated.\n\nJPEG, PNG, WebP, GIF, BMP and TIFF. A "
        "bad file is refused alone; the same bytes are not taken twice. For archives see imports.\n\nA web process "
        "looks at two requests at a time, and others wait for their turn: who waited ten seconds in vain is answered "
        "503 with `Retry-After`, before anything was taken in.",
        tag=TAG, request={"multipart/form-data": UploadInput}, answers={200: UploadShape}, errors=(409, 413, 507),
        parameters=[IDEMPOTENCY],
        examples=[example({"added": [{"id": 614, "name": "leaf-7.jpg", "sha256": "9f86d081…"}],
                           "duplicates": [{"name": "leaf-1.jpg", "image": 613}],
                           "refused": [{"name": "notes.pdf", "reason": "This is a PDF, not an image. …"}]})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        # request.data first: reading the form is what a malformed one is refused by.
        files = request.data and request.FILES.getlist("files")
        if not files:
            raise Invalid(_("Send a form with one or more files named “files”."), fields={"files": ["missing"]})
        key = parsing.idempotency_key(request)
        if key is None:
            return Response(_take_in(project, files))
        body_hash = _hash(project, files)
        earlier = jobs.earlier_upload(requested_by=self.person, key=key, body_hash=body_hash)
        if earlier is None:
            earlier = jobs.record_upload(
                project=project,
                requested_by=self.person,
                key=key,
                body_hash=body_hash,
                result=_take_in(project, files),
            )
        return Response(earlier.result)


def _take_in(project: Project, files: list[UploadedFile]) -> dict[str, Any]:
    sent = [(PathKeepingUploads.path_of(file), cast("BinaryIO", file)) for file in files]
    result: dict[str, list[dict[str, Any]]] = {"added": [], "duplicates": [], "refused": []}
    for outcome in intake.add_uploads(project=project, files=sent):
        match outcome:
            case outcomes.Added(name, image):
                result["added"].append({"id": image.pk, "name": name, "sha256": image.sha256})
            case outcomes.Duplicate(name, image_id, deleted):
                deleted_too = {"deleted": True} if deleted else {}
                result["duplicates"].append({"name": name, "image": image_id, **deleted_too})
            case outcomes.Refusal() as refusal:
                result["refused"].append(refusal.as_json())
    return result


def _hash(project: Project, files: list[UploadedFile]) -> str:
    digest = hashlib.sha256(str(project.pk).encode())
    for file in files:
        content = hashlib.sha256()
        for chunk in file.chunks():
            content.update(chunk)
        digest.update(f"\n{content.hexdigest()} {PathKeepingUploads.path_of(file)}".encode("utf-8", "replace"))
    return digest.hexdigest()


def _wanted(request: Request, project: Project, order: str) -> filters.ImageFilter:
    if not may_review(project):
        _refuse_curiosity(request, project, order)
    wanted = filters.read(project, parsing.lists(request))
    if wanted.deleted and not may_lead(project):
        raise NotAllowed(_("Only leads of this project see its deleted images."))
    return wanted


def _refuse_curiosity(request: Request, project: Project, order: str) -> None:
    asked = [name for name in filters.FOR_REVIEWERS if name in request.query_params]
    asked += [name for name in request.query_params if name.startswith("metadata.") and not project.show_file_names]
    if "search" in request.query_params and not project.show_file_names:
        asked.append("search")
    if request.query_params.get("labeled_by", request.user.get_username()) != request.user.get_username():
        asked.append("labeled_by")
    if order != "id":
        asked.append("order")
    if asked:
        raise NotAllowed(_("Only reviewers and leads may look for images by %(names)s.") % {"names": ", ".join(asked)})


class ImageInput(serializers.Serializer):
    metadata = serializers.DictField(
        help_text="fields to change: text, a number, true or false; null takes one away, others stay as they are"
    )


class OneImage(View):
    needs = {"GET": MEMBERS_READ, "PATCH": LEADS_MANAGE, "DELETE": LEADS_MANAGE}

    @describe(
        "get_image", "One image.\n\nAnnotators see status, disagreement, consensus and prediction only after they have "
        "answered it (a label or cannot tell) and when it has all its answers, and never other people's labels; until "
        "then these are null. What the model says of held-out images nobody sees. A label given after others' answers "
        "or the model's were shown is `informed`, and never counted as blind.\n\nDeleted images are there for leads, "
        "with `status=deleted`.", tag=TAG, answers={200: ImageShape},
        parameters=[parameter("status", "deleted: an image of the trash, too", enum=[filters.DELETED])],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        deleted = parsing.text(request, "status") == filters.DELETED
        image = image_for(self.person, image_id, also_in_trash=deleted)
        (shape,) = image_shapes(self.person, image.project, [image], with_labels=True)
        return Response(shape)

    @describe(
        "delete_image", "Move an image to the trash.\n\nIt is out of sight and of all figures at once, and is deleted "
        "for good after 30 days. `restorations/` brings it back until then.", tag=TAG, answers={204: None},
    )  # fmt: skip
    def delete(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        deletion.delete(project=image.project, by=self.person, image_ids=[image.pk])
        return Response(status=204)

    @describe(
        "change_image", "Change metadata of an image.\n\nField by field: of two people at once the last wins, and a "
        "field that is not named stays. What is read from the file (`exif.…`, `file.…`) cannot be changed.", tag=TAG,
        request=ImageInput, answers={200: ImageShape},
        examples=[example({"metadata": {"camera": "C-3", "site": None}}, of_request=True)],
    )  # fmt: skip
    def patch(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        changes = parsing.parse(ImageInput, request)["metadata"]
        image.metadata = import_metadata.edit(image=image, by=self.person, changes=changes)
        (shape,) = image_shapes(self.person, image.project, [image], with_labels=True)
        return Response(shape)
