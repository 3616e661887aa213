"""/api/projects/{id}/images/ and /api/images/{id}/: upload images, list them, and read one."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, FloatField, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import BY_ID, Key, page
from api.permissions import Needs
from api.schema import IDEMPOTENCY, PAGING, describe, example, page_of, parameter
from api.shapes import ImageShape, image_shapes
from api.uploads import PathKeepingUploads, Uploads
from labeler.access import may_review
from labeler.errors import Invalid, NotAllowed
from labeler.intake import images as intake
from labeler.intake import import_metadata, incoming, outcomes, private_fields
from labeler.jobs import jobs
from labeler.labeling import blindness
from labeler.models import Acceptance, Image, Label, Prediction, Project, Role
from labeler.models.account import Scope
from labeler.models.image import Status

TAG = "Images"
# From a fixed list, and nothing else: a sort key is never built from what a client sends.
ORDERS: dict[str, tuple[Key, ...]] = {
    "id": BY_ID,
    "-confidence": (Key("confidence", descending=True, type=float), Key("id")),
    "uncertainty": (Key("margin", type=float), Key("id")),
    "-disagreement": (Key("disagreement", descending=True, type=float), Key("id")),
}
# What these ask for would tell an annotator what others said, or what the model says.
FOR_REVIEWERS = ("status", "category", "predicted", "min_confidence", "max_confidence", "disagreement", "accepted")


class AddedShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()


class DuplicateShape(serializers.Serializer):
    name = serializers.CharField()
    image = serializers.IntegerField(help_text="the image that has the same bytes")


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
    needs = {"GET": Needs(Scope.READ, Role.ANNOTATOR), "POST": Needs(Scope.MANAGE, Role.LEAD)}

    def most_bytes(self) -> int:
        return incoming.most_bytes_of_images()

    @describe(
        "list_images", "Images of a project.\n\nAnnotators may filter by their own name (`labeled_by`) and search file "
        "names "
        "where the project shows them; the other filters are for reviewers and leads. Orders by the model's opinion "
        "leave out "
        "images it has not looked at, held-out ones, and others that are judged blind until they are settled. Labels "
        "given after others' answers or the model's were shown here are `informed`.",
        tag=TAG, answers={200: page_of(ImageShape)},
        parameters=[
            *PAGING,
            parameter("status", "repeat for several", enum=Status.values),
            parameter("category", "somebody's current answer names it (id or name); repeated: each of them is named"),
            parameter("labeled_by", "this person has a current answer"),
            parameter("predicted", "the active model names this class (id or name)"),
            parameter("min_confidence", "of the active model, 0 to 1", float),
            parameter("max_confidence", "of the active model, 0 to 1", float),
            parameter("disagreement", "at least this much, 0 to 1", float),
            parameter("accepted", "the model's answer stands for it, and nobody has judged it", bool),
            parameter("metadata.<key>", "metadata has this value under the key"),
            parameter("search", "part of the file name"),
            parameter("order", "a fixed list", enum=list(ORDERS)),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        order = parsing.choice(request, "order", tuple(ORDERS), "id")
        rows = _filtered(request, project, order)
        return page(request, rows, lambda found: image_shapes(self.person, project, found), order=ORDERS[order])

    @describe(
        "upload_images", "Bring images in, as a form with `files` repeated.\n\nJPEG, PNG, WebP, GIF, BMP and TIFF. A "
        "bad file is "
        "refused alone; the same bytes are not taken twice. For archives see imports.\n\nA web process looks at "
        "two requests at a time, and others wait for their turn: who waited ten seconds in vain is answered 503 with "
        "`Retry-After`, before anything was taken in.",
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
            case outcomes.Duplicate(name, image_id):
                result["duplicates"].append({"name": name, "image": image_id})
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


def _filtered(request: Request, project: Project, order: str) -> QuerySet[Image]:
    images = Image.objects.for_project(project)
    if not may_review(project):
        _refuse_curiosity(request, project, order)
    if statuses := request.query_params.getlist("status"):
        if unknown := set(statuses) - set(Status.values):
            raise Invalid(
                _("status is one of %(names)s.") % {"names": ", ".join(Status.values)},
                fields={"status": [f"unknown: {s}" for s in unknown]},
            )
        images = images.filter(status__in=statuses)
    for name in request.query_params.getlist("category"):
        images = images.filter(_has_answer(project, categories__contains=[parsing.category(project, name)]))
    if username := parsing.text(request, "labeled_by"):
        images = images.filter(_has_answer(project, annotator__username=username))
    if parsing.flag(request, "accepted"):
        images = images.filter(Exists(Acceptance.objects.standing().filter(image=OuterRef("pk"))))
    if (least := parsing.share(request, "disagreement")) is not None:
        images = images.filter(disagreement__gte=least)
    if words := parsing.text(request, "search"):
        images = images.filter(name__icontains=words)
    for name, value in request.query_params.items():
        if name.startswith("metadata."):
            if not private_fields.may_see(project, name.removeprefix("metadata.")):
                raise NotAllowed(_("Only leads may look for images by %(name)s.") % {"name": name[:200]})
            images = images.filter(_has_metadata(name.removeprefix("metadata."), str(value)))
    return _by_model(request, project, images, order)


def _has_answer(project: Project, **of: Any) -> Exists:
    """Somebody's current answer is like this."""
    return Exists(Label.objects.current().filter(image=OuterRef("pk"), project=project, **of))


def _has_metadata(key: str, value: str) -> Q:
    """The key's value as text, or as the number or truth value that the text spells."""
    parsing.check_text(key)
    parsing.check_text(value)
    condition = Q(metadata__contains={key: value})
    if value in ("true", "false"):
        return condition | Q(metadata__contains={key: value == "true"})
    try:
        number = float(value)
    except ValueError:
        return condition
    return condition | Q(metadata__contains={key: number}) if abs(number) < 1e300 else condition


def _by_model(request: Request, project: Project, images: QuerySet[Image], order: str) -> QuerySet[Image]:
    """Filters and orders that ask for the active model's opinion."""
    predicted = parsing.text(request, "predicted")
    low, high = parsing.share(request, "min_confidence"), parsing.share(request, "max_confidence")
    if not predicted and low is None and high is None and order in ("id", "-disagreement"):
        return images
    opinions = Prediction.objects.filter(image=OuterRef("pk"), run__project=project, run__is_active=True)
    if predicted:
        opinions = opinions.filter(categories__contains=[parsing.category(project, predicted)])
    if low is not None:
        opinions = opinions.filter(probability__gte=low)
    if high is not None:
        opinions = opinions.filter(probability__lte=high)
    # Whoever is told what the model says of an image cannot judge the model by it any more.
    images = images.exclude(blindness.HIDES_MODEL).filter(Exists(opinions))
    if order in ("-confidence", "uncertainty"):
        images = images.annotate(
            confidence=Subquery(opinions.values("probability")[:1], output_field=FloatField()),
            margin=Subquery(opinions.values("margin")[:1], output_field=FloatField()),
        )
    return images


def _refuse_curiosity(request: Request, project: Project, order: str) -> None:
    asked = [name for name in FOR_REVIEWERS if name in request.query_params]
    fields = [name for name in request.query_params if name.startswith("metadata.")]
    asked += [name for name in fields if not private_fields.may_see(project, name.removeprefix("metadata."))]
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
    needs = {"GET": Needs(Scope.READ, Role.ANNOTATOR), "PATCH": Needs(Scope.MANAGE, Role.LEAD)}

    @describe(
        "get_image", "One image.\n\nAnnotators see status, disagreement, consensus and prediction only after they have "
        "answered it (a label or cannot tell) and when it has all its answers, and never other people's labels; until "
        "then these are null. What the model says of held-out images nobody sees. A label given after others' answers "
        "or the model's were shown is `informed`, and never counted as blind.", tag=TAG, answers={200: ImageShape},
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        (shape,) = image_shapes(self.person, image.project, [image], with_labels=True)
        return Response(shape)

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
