"""/api/images/{id}/similar/ and /api/projects/{id}/priorities/: images like one, and images to hand out first."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.permissions import LEADS_MANAGE, MEMBERS_READ
from api.schema import describe, example, parameter
from api.shapes import ImageShape, image_shapes
from labeler.errors import Invalid, NotPossibleNow
from labeler.labeling import priorities
from labeler.training import image_index

TAG = "Images"


class SimilarImageShape(ImageShape):
    similarity = serializers.FloatField(help_text="cosine of what the network sees in both, 1: the same")


class SimilarImagesShape(serializers.Serializer):
    results = SimilarImageShape(many=True, help_text="the most similar first, without the image itself")


class SimilarImages(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "list_similar_images", "Images that look like this one.\n\nBy the features of the active model's backbone, "
        "whatever people or models said of them. Each as in the list of images: annotators see status and consensus of "
        "what they have answered only. 422 while no worker has looked at the image.", tag=TAG,
        answers={200: SimilarImagesShape}, errors=(422,),
        parameters=[parameter("limit", f"1 to {image_index.MOST}, normally {image_index.SHOWN}", int)],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        given = request.query_params.get("limit", str(image_index.SHOWN))
        if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= image_index.MOST):
            raise Invalid(
                _("limit is a number from 1 to %(most)s.") % {"most": image_index.MOST},
                fields={"limit": ["out of range"]},
            )
        found = image_index.nearest(image, int(given))
        if found is None:
            raise NotPossibleNow(_("No worker has looked at this image yet. It does soon after there is a model."))
        shapes = image_shapes(self.person, image.project, [one.image for one in found])
        likeness = {one.image.pk: one.similarity for one in found}
        return Response({"results": [{**shape, "similarity": likeness[shape["id"]]} for shape in shapes]})


class PrioritiesInput(serializers.Serializer):
    images = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=parsing.LARGEST), max_length=priorities.MOST_FIRST
    )


class PrioritiesShape(serializers.Serializer):
    moved = serializers.IntegerField(help_text="images that come first now")


class Priorities(View):
    needs = {"POST": LEADS_MANAGE}

    @describe(
        "put_first", "Hand these images out before all others.\n\nThose that are judged blind keep their random place, "
        "and those that have their labels stay where they are: `moved` counts the others.", tag=TAG,
        request=PrioritiesInput, answers={200: PrioritiesShape},
        examples=[example({"images": [812, 94]}, of_request=True), example({"moved": 2})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wanted = parsing.parse(PrioritiesInput, request)["images"]
        moved = priorities.put_first(project=project, by=self.person, image_ids=wanted)
        return Response(PrioritiesShape({"moved": moved}).data)
