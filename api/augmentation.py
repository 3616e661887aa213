"""/api/projects/{id}/augmentation/: how training images are varied, and images that show it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import ObjectField, TextsField
from api.files import guarded_file
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import describe, example, file
from labeler.errors import NotFound
from labeler.labeling import blindness
from labeler.models import Project
from labeler.training import augmentation_preview
from labeler.training.augmentation_preview import Augmentation, Pictures

TAG = "Model"


class VariedImageShape(serializers.Serializer):
    image = serializers.IntegerField()
    original_url = serializers.CharField(help_text="the image as it is, a JPEG")
    view_urls = TextsField(help_text="variants of it")


class AugmentationShape(serializers.Serializer):
    settings = ObjectField(help_text="as in the `augmentation` of a run's config, every setting named")
    state = serializers.CharField(
        help_text="of the images: queued, running, done, failed; empty: nobody has asked for them"
    )
    error = serializers.CharField(help_text="why they could not be made")
    images = VariedImageShape(many=True)


class AugmentationInput(serializers.Serializer):
    augmentation = ObjectField(required=False, help_text="to be tried out; without: what the project's runs begin with")


EXAMPLE = {
    "settings": {"flip": False, "flip_vertical": False, "zoom": 0.35, "rotate_degrees": 12.0}, "state": "done",
    "error": "",
    "images": [{
        "image": 613, "original_url": "/api/projects/1/augmentation/0c9f/0/0/",
        "view_urls": ["/api/projects/1/augmentation/0c9f/0/1/"],
    }],
}  # fmt: skip


def _answer(person: User, project: Project, how: Augmentation, found: Pictures) -> dict[str, Any]:
    if project.draws and found.is_made:  # the pictures tell what people drew
        blindness.remember(person, others=found.rows)

    def address(row: int, column: int) -> str:
        return f"/api/projects/{project.pk}/augmentation/{found.key}/{row}/{column}/"

    answer = {
        "settings": how,
        "state": found.state,
        "error": found.error,
        "images": [
            {
                "image": pk,
                "original_url": address(row, 0),
                "view_urls": [address(row, column + 1) for column in range(augmentation_preview.VIEWS)],
            }
            for row, pk in enumerate(found.rows)
            if found.is_made
        ],
    }
    return AugmentationShape(answer).data


class Augmentations(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe(
        "get_augmentation", "How training images are varied, and images that show it.\n\nFor the settings that the "
        "project's runs begin with (its `training_config`).", tag=TAG, answers={200: AugmentationShape},
        examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        how = augmentation_preview.settings_of(project)
        return Response(_answer(self.person, project, how, augmentation_preview.find(project, how)))

    @describe(
        "show_augmentation", "Have the images made that show how training images are varied.\n\nNothing is saved: to "
        "train with these settings, PATCH the project's `training_config`. Ask again until `state` is `done`.", tag=TAG,
        request=AugmentationInput, answers={202: AugmentationShape}, errors=(422,),
        examples=[example({"augmentation": {"flip": False}}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        given = parsing.parse(AugmentationInput, request).get("augmentation")
        how = augmentation_preview.settings_of(project) if given is None else augmentation_preview.complete(given)
        found = augmentation_preview.ask(project, how, by=self.person)
        return Response(_answer(self.person, project, how, found), status=202)


class VariedImage(View):
    needs = {"GET": REVIEWERS_READ}

    @describe("get_varied_image", "One of these images. Column 0 is the image as it is.", tag=TAG,
              answers=file("image/jpeg", "the image"))  # fmt: skip
    def get(self, request: Request, project_id: int, key: str, row: int, column: int) -> HttpResponseBase:
        project = self.project(project_id)
        try:
            path = augmentation_preview.file_of(project.pk, key, row, column)
            opened = path.open("rb")
        except (ValueError, FileNotFoundError) as error:
            raise NotFound(_("The file of this image is not there: have the images made again.")) from error
        return guarded_file(opened, "image/jpeg", f'"{key}-{row}-{column}"')
