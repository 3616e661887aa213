"""/api/projects/{id}/near-duplicates/: images that are nearly the same, and whether their labels differ."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import IntegersField, TextsField
from api.permissions import REVIEWERS_READ
from api.schema import describe, example, parameter
from labeler.consensus import snapshots
from labeler.intake import near_duplicates
from labeler.intake.near_duplicates import DuplicateGroup
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Project

TAG = "Images"
MOST = 100


class NearDuplicatesShape(serializers.Serializer):
    images = IntegersField(help_text="ids, ascending")
    categories = serializers.ListField(
        child=TextsField(allow_null=True),
        help_text="of each image what it is taken to be; null: nothing yet",
    )
    differ = serializers.BooleanField(help_text="two of them are taken to be different things")
    slices = TextsField(help_text="test, calibration, blind, apart (neither trained on nor judged by)")


class NearDuplicateGroupsShape(serializers.Serializer):
    n = serializers.IntegerField(help_text="groups of two and more")
    results = NearDuplicatesShape(many=True, help_text=f"the largest first, at most {MOST}")


EXAMPLE = {
    "n": 1,
    "results": [{
        "images": [12, 90], "categories": [["rust"], ["leaf spot"]], "differ": True, "slices": ["test", "test"],
    }],
}  # fmt: skip


class NearDuplicates(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "list_near_duplicates", "Images that are nearly the same, in groups.\n\nThe same picture saved anew, resized "
        "or brightened is known at import and joins the slice of its group; one that bridges two slices is left out of "
        "training and tests. One that was cropped, turned a little, mirrored or marked is found by a worker when it "
        "has looked at the images; there the held-out image stays and the trained one is left out.",
        tag=TAG, answers={200: NearDuplicateGroupsShape},
        parameters=[parameter("offset", "groups to leave out at the beginning", int)], examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        start = parsing.text(request, "offset") or "0"
        at = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
        found, n = near_duplicates.groups(project, MOST, at)
        blindness.remember(self.person, others=[image.pk for group in found for image in group.images])
        return Response(NearDuplicateGroupsShape({"n": n, "results": [_group(project, one) for one in found]}).data)


def _group(project: Project, group: DuplicateGroup) -> dict[str, Any]:
    index = label_set.index(project)
    outcomes = snapshots.shown_consensus(group.images)
    taken = [None if (named := outcomes[i.pk].categories) is None else index.resolve(named) for i in group.images]
    return {
        "images": [image.pk for image in group.images],
        "categories": [None if named is None else index.label(named) for named in taken],
        "differ": len({tuple(named) for named in taken if named is not None}) > 1,
        "slices": [image.slice for image in group.images],
    }
