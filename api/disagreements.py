"""/api/projects/{id}/disagreements/: the images on which people differ, least agreed first, and in what."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import DrawnShape, TextsField
from api.images import ORDERS
from api.pagination import page
from api.permissions import REVIEWERS_READ
from api.schema import PAGING, describe, page_of, parameter
from api.shapes import ImageShape, VoteShape, image_shapes, vote_shape
from labeler.agreement import reports
from labeler.label_set import categories as label_set
from labeler.labeling import drawn_votes, object_rows
from labeler.labeling.drawn_votes import Place
from labeler.models import Image, Label, Project

TAG = "Agreement"
MOST_PLACES = 100  # of one image
MOST_OBJECTS = 20_000  # of the answers to the images of a page


class DrawnBySomeShape(serializers.Serializer):
    annotator = serializers.CharField()
    category = serializers.CharField()
    category_id = serializers.IntegerField()


class DividedPlaceShape(DrawnShape):
    """Where people differ; the shape is that of the first who drew there."""

    drawn_by = DrawnBySomeShape(many=True)
    not_drawn_by = TextsField(help_text="who answered, and drew nothing there")


class DisagreementShape(serializers.Serializer):
    image = ImageShape()
    disagreement = serializers.FloatField(
        help_text="entropy of the votes, 0 to 1; where people draw the mean share of people against the most frequent "
        "rating of a place, doubled"
    )
    votes = VoteShape(many=True)
    decided = serializers.BooleanField(help_text="a reviewer has settled it")
    n_places = serializers.IntegerField(
        required=False, help_text="where people draw: places that not everybody drew, or not as the same class"
    )
    places = DividedPlaceShape(many=True, required=False, help_text=f"of them the first {MOST_PLACES}")


class Disagreements(View):
    needs = {"GET": REVIEWERS_READ}

    @describe("list_disagreements", "Images by how much their judgements differ, with the votes; where people draw "
              "with what differs, object by object.", tag=TAG,
              parameters=[*PAGING, parameter("open", "without those that a reviewer has settled", bool)],
              answers={200: page_of(DisagreementShape)})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        images = reports.disagreements(project)
        if parsing.flag(request, "open"):
            images = images.filter(has_decision=False)

        def shape(found: list[Image]) -> list[dict[str, Any]]:
            votes = reports.votes_of(found)
            places = drawn_votes.divided(project, found) if project.draws else {}
            return [
                {
                    "image": shown,
                    "disagreement": image.disagreement,
                    "votes": [vote_shape(project, label) for label in votes[image.pk]],
                    "decided": image.has_decision,
                    **(_places(project, votes[image.pk], places.get(image.pk, [])) if project.draws else {}),
                }
                for image, shown in zip(found, image_shapes(self.person, project, found), strict=True)
            ]

        weigh = (object_rows.on_images, MOST_OBJECTS) if project.draws else None
        return page(request, images, shape, order=ORDERS["-disagreement"], weigh=weigh)


def _places(project: Project, votes: list[Label], places: list[Place]) -> dict[str, Any]:
    """Where people differ on an image. votes: with their authors, who are all that a place can name."""
    name_of = {label.annotator_id: label.annotator.get_username() for label in votes}
    index = label_set.index(project)
    shapes = [
        {
            **place.shape,
            "drawn_by": [
                {"annotator": name_of.get(person, ""), "category": index.names[category], "category_id": category}
                for person, category in place.drawn_by
            ],
            "not_drawn_by": [name_of.get(person, "") for person in place.not_drawn_by],
        }
        for place in places[:MOST_PLACES]
    ]
    return {"n_places": len(places), "places": shapes}
