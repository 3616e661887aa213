"""/api/categories/{id}/examples/ and /api/examples/{id}/: images that show annotators what a class means."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.categories import OfCategory
from api.claims import WithImageUrls
from api.pagination import page
from api.permissions import LEADS_MANAGE, MEMBERS_READ
from api.schema import PAGING, describe, example, page_of
from labeler.errors import Invalid
from labeler.label_set import examples
from labeler.labeling import blindness
from labeler.models import CategoryExample, Image

TAG = "Projects"


class ExampleInput(serializers.Serializer):
    image = serializers.IntegerField(min_value=1, max_value=parsing.LARGEST, help_text="of the same project")
    caption = serializers.CharField(
        required=False, allow_blank=True, max_length=examples.LONGEST_CAPTION, help_text="typical, mild, …"
    )


class ExampleShape(WithImageUrls):
    id = serializers.IntegerField()
    category = serializers.IntegerField(source="category_id")
    image = serializers.IntegerField(source="image_id")
    caption = serializers.CharField()
    created_at = serializers.DateTimeField()


class Examples(OfCategory):
    needs = {"GET": MEMBERS_READ, "POST": LEADS_MANAGE}

    @describe("list_examples", "The example images of a class, as annotators see them beside the guideline.", tag=TAG,
              parameters=PAGING, answers={200: page_of(ExampleShape)})  # fmt: skip
    def get(self, request: Request, category_id: int) -> Response:
        def shapes(rows: list[CategoryExample]) -> Any:
            blindness.remember(self.person, told=[row.image_id for row in rows])
            return ExampleShape(rows, many=True).data

        return page(request, self.category(category_id).examples.filter(image__trashed_from=None), shapes)

    @describe(
        "add_example", f"Show an image as an example of a class; at most {examples.MOST} per class.\n\nAnnotators see "
        "its answer, so it is no fair test of them any more, and held-out images are refused (422). The same image "
        "again answers 200 with the row there is; a caption that is sent replaces the former one.", tag=TAG,
        request=ExampleInput, answers={200: ExampleShape, 201: ExampleShape}, errors=(422,),
        examples=[example({"image": 31, "caption": "mild"}, of_request=True)],
    )  # fmt: skip
    def post(self, request: Request, category_id: int) -> Response:
        category = self.category(category_id)
        wanted = parsing.parse(ExampleInput, request)
        image = Image.objects.filter(project=category.project_id, pk=wanted["image"]).first()
        if image is None:
            raise Invalid(_("This project has no such image."), fields={"image": ["not of this project"]})
        row, is_new = examples.add(
            category=category, image=image, by=self.person, caption=wanted.get("caption"),
        )  # fmt: skip
        return Response(ExampleShape(row).data, status=201 if is_new else 200)


class OneExample(View):
    needs = {"DELETE": LEADS_MANAGE}

    @describe("remove_example", "Show an image as an example no longer. The image itself stays as it is.", tag=TAG,
              answers={204: None})  # fmt: skip
    def delete(self, request: Request, example_id: int) -> Response:
        missing = "There is no such example, or you are not a member of its project."
        row = self.row(CategoryExample.objects, example_id, missing, project="category__project")
        examples.remove(example=row, by=self.person)
        return Response(status=204)
