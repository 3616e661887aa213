"""/api/projects/{id}/object-crops/: objects that the active model sees, to say of each whether it is one; verdicts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.claims import WithImageUrls
from api.fields import FloatsField, StatShape
from api.permissions import MEMBERS_LABEL, MEMBERS_READ
from api.schema import PERSON, describe, example, parameter
from labeler.access import may_review
from labeler.errors import NotAllowed
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.review import crops
from labeler.training import runs

TAG = "Review"


class ObjectCropShape(WithImageUrls):
    image = serializers.IntegerField(source="image_id")
    width = serializers.IntegerField(help_text="of the upright image, px")
    height = serializers.IntegerField()
    number = serializers.IntegerField(help_text="of the object in the model's prediction for the image")
    box = FloatsField(help_text="x, y, width, height in px: its bounds")
    probability = serializers.FloatField(allow_null=True, help_text="null: an outside model that gave none")


class CropChoiceShape(serializers.Serializer):
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="objects that you may answer and have not")
    precision = StatShape(
        allow_null=True, help_text="reviewers: share of the judged objects that were kept; null before the first"
    )


class ObjectCropsShape(serializers.Serializer):
    model = serializers.IntegerField(allow_null=True, help_text="number of the active model; null: there is none")
    choices = CropChoiceShape(many=True)
    items = ObjectCropShape(many=True, help_text="of `?category=`, in an order that is not by probability")


class CropVerdictInput(serializers.Serializer):
    image = serializers.IntegerField(min_value=1, max_value=parsing.LARGEST)
    number = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    verdict = serializers.ChoiceField(crops.VERDICTS)


class CropVerdictsInput(serializers.Serializer):
    model = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="as it came with the objects")
    items = CropVerdictInput(many=True, help_text="1 to 40")


class CropVerdictOutcome(serializers.Serializer):
    image = serializers.IntegerField()
    number = serializers.IntegerField()
    result = serializers.ChoiceField(("saved", "gone"), help_text="gone: no longer predicted, or not to be shown now")


class CropVerdictsShape(serializers.Serializer):
    results = CropVerdictOutcome(many=True)


EXAMPLE = {
    "model": 7,
    "choices": [{
        "category": "platelet", "category_id": 3, "waiting": 212,
        "precision": {"value": 0.93, "low": 0.84, "high": 0.97, "n": 68, "reason": None},
    }],
    "items": [{
        "image": 613, "width": 1152, "height": 864, "number": 4, "box": [210.0, 96.5, 41.0, 38.0],
        "probability": 0.81, "preview_url": "/api/images/613/preview/",
        "thumbnail_url": "/api/images/613/thumb/", "file_url": "/api/images/613/file/",
    }],
}  # fmt: skip


class ObjectCrops(View):
    needs = {"GET": MEMBERS_READ, "POST": MEMBERS_LABEL}

    @describe(
        "list_object_crops", "Objects of one class that the active model sees.\n\nUp to 40 of `?category=` that you "
        "may see and have not answered; without it only what there is to choose from. Never of images that are judged "
        "blind. Reviewers and leads see all others; annotators those of images that they have answered and that have "
        "all their answers. What is shown is remembered.", tag=TAG, answers={200: ObjectCropsShape}, errors=(409, 422),
        parameters=[parameter("category", "the class, by id or by any name it ever had")],
        examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        run = runs.active(project)
        wanted = parsing.text(request, "category")
        found = []
        counts = crops.waiting(project, self.person, run)
        if wanted:
            category = label_set.index(project).id_of(wanted)
            found = crops.open_crops(project=project, member=self.person, run=run, category=category)
        blindness.remember(self.person, told=[one.image.pk for one in found])
        told = crops.precision(run) if may_review(project) else {}
        names = label_set.index(project).names
        answer = {
            "model": run.number if run else None,
            "choices": [
                {"category": names[pk], "category_id": pk, "waiting": counts.get(pk, 0), "precision": told.get(pk)}
                for pk in names
                if pk in counts or pk in told
            ],
            "items": [_crop(one) for one in found],
        }
        return Response(ObjectCropsShape(answer).data)

    @describe(
        "answer_object_crops", "Say of each object of a page whether it is what the model says.\n\nA verdict is no "
        "label and settles nothing; it says how often the model is right. Answering again replaces it; sent twice it "
        "counts once. An item that is gone keeps no other from being saved.", tag=TAG, request=CropVerdictsInput,
        answers={200: CropVerdictsShape}, errors=(409, 422), parameters=[PERSON],
        examples=[
            example({"model": 7, "items": [{"image": 613, "number": 4, "verdict": "wrong"}]}, of_request=True),
            example({"results": [{"image": 613, "number": 4, "result": "saved"}]}),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        if project.membership is None:
            raise NotAllowed(_("Become a member of this project first: its members answer."))
        sent = parsing.parse(CropVerdictsInput, request)
        answers = [crops.Answer(one["image"], one["number"], one["verdict"]) for one in sent["items"]]
        kept = crops.answer_crops(project=project, member=self.person, model=sent["model"], answers=answers)
        results: list[dict[str, Any]] = [
            {"image": one.image_id, "number": one.number, "result": "saved" if is_kept else "gone"}
            for one, is_kept in zip(answers, kept, strict=True)
        ]
        return Response({"results": results})


def _crop(one: crops.Crop) -> dict[str, Any]:
    return {
        "image_id": one.image.pk, "width": one.image.width, "height": one.image.height, "number": one.number,
        "box": one.box, "probability": one.probability,
    }  # fmt: skip
