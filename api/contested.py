"""/api/projects/{id}/disagreements/groups/ and rounds/: groups of disagreements, and images sent back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import CategoryNamesField, IntegersField, TextsField
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import IDEMPOTENCY, describe, example, parameter
from labeler.agreement import disagreement_groups, divided_objects, rounds
from labeler.agreement.disagreement_groups import DisagreementGroup
from labeler.errors import Invalid
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Project
from labeler.progress import cached_reports
from labeler.review.worklists import Pair

TAG = "Agreement"


class SumOfVotesShape(serializers.Serializer):
    categories = CategoryNamesField(
        source="category_ids",
        help_text="[] is a verified none of them; where people draw: nothing drawn there",
    )
    category_ids = IntegersField()
    n = serializers.IntegerField(
        help_text="how many judgements say so; where people draw, of the places that they differ on"
    )


class ContestedPairShape(SumOfVotesShape):
    n = serializers.IntegerField(
        help_text="images of the group that are divided on these two; one class alone: some drew it where others drew "
        "nothing"
    )


class ContestedGroupShape(serializers.Serializer):
    number = serializers.IntegerField(
        allow_null=True, help_text="from 1, the largest first; null: no model has seen these images yet"
    )
    n = serializers.IntegerField(help_text="images")
    images = IntegersField(help_text="ids, the most typical first")
    votes = SumOfVotesShape(many=True, help_text="the most frequent first")
    cannot_tell = serializers.IntegerField()
    pair = ContestedPairShape(allow_null=True, help_text="what most of them are divided on")
    reasons = TextsField(help_text="what reviewers wrote on its images")


class ContestedGroupsShape(serializers.Serializer):
    as_of = serializers.DateTimeField(help_text="when they were grouped; the votes are those of now")
    n = serializers.IntegerField(help_text="contested images")
    n_grouped = serializers.IntegerField(
        help_text=f"of them in the groups: the most divided {disagreement_groups.MOST:,}"
    )
    groups = ContestedGroupShape(many=True)


EXAMPLE = {
    "as_of": "2026-11-21T16:46:00Z", "n": 61, "n_grouped": 61,
    "groups": [{
        "number": 1, "n": 43, "images": [812, 94, 355], "cannot_tell": 4,
        "votes": [{"categories": ["rust"], "category_ids": [3], "n": 51},
                  {"categories": ["leaf spot"], "category_ids": [4], "n": 47}],
        "pair": {"categories": ["rust", "leaf spot"], "category_ids": [3, 4], "n": 40},
        "reasons": ["orange dust underneath"],
    }],
}  # fmt: skip


class ContestedGroups(View):
    needs = {"GET": REVIEWERS_READ}

    @describe(
        "list_contested_groups", "Contested images by look: groups that are one question each.\n\nGrouped by what the "
        "model's backbone makes of the images' content. More than "
        f"{disagreement_groups.AT_ONCE} contested images are grouped beside the requests; "
        "`as_of` says of when. The first answer is counted while you wait. Where people draw, a place on an image "
        "is divided that not everybody drew, or not as the same class; the votes are then as of `as_of`, too.",
        tag=TAG, answers={200: ContestedGroupsShape}, examples=[example(EXAMPLE)],
        parameters=[parameter("pair", "only images divided on these two classes: two ids or names, with a comma; where "
                              "people draw also one alone, which some drew where others drew nothing")],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        figures = cached_reports.contested_figures(project, _pair(request, project), wait=True)
        assert figures.value is not None
        found = disagreement_groups.present(project, figures.value)
        reasons = disagreement_groups.reasons(found.groups)
        groups = [_group(group, reasons) for group in found.groups]
        blindness.remember(self.person, others=[pk for group in found.groups for pk in group.ids])
        answer = {"as_of": figures.as_of, "n": found.n, "n_grouped": found.n_grouped, "groups": groups}
        return Response(ContestedGroupsShape(answer, context={"index": categories.index(project)}).data)


def _pair(request: Request, project: Project) -> Pair | None:
    named = parsing.text(request, "pair")
    if not named:
        return None
    index = categories.index(project)
    ids = sorted({index.id_of(part.strip()) for part in named.split(",")})
    if len(ids) == 1 and project.draws:
        return divided_objects.NOTHING, ids[0]
    if len(ids) != 2:
        raise Invalid(_("pair names two classes, with a comma between them."), fields={"pair": ["not two classes"]})
    return ids[0], ids[1]


def _group(group: DisagreementGroup, reasons: dict[int, list[str]]) -> dict[str, Any]:
    written = dict.fromkeys(text for pk in group.ids for text in reasons.get(pk, ()))
    return {
        "number": group.number,
        "n": len(group.images),
        "images": group.ids,
        "votes": [{"category_ids": ids, "n": n} for ids, n in group.votes],
        "cannot_tell": group.cannot_tell,
        "pair": group.pair and {
            "category_ids": [pk for pk in group.pair if pk != divided_objects.NOTHING], "n": group.pair_n,
        },
        "reasons": list(written),
    }  # fmt: skip


class RoundInput(serializers.Serializer):
    images = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=parsing.LARGEST), max_length=rounds.MOST
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class RoundShape(serializers.Serializer):
    sent = serializers.IntegerField(help_text="images that are in the queue again")


class Rounds(View):
    needs = {"POST": LEADS_MANAGE}

    @describe(
        "send_back", "Send images back to the queue.\n\nThey begin a new round: everybody may answer them again, by "
        "the guideline of now. The answers so far stay in the history and no longer count; a reviewer's decision is "
        "withdrawn. Images without an answer stay as they are and are not counted in `sent`.",
        tag=TAG, request=RoundInput, answers={200: RoundShape}, errors=(409,), parameters=[IDEMPOTENCY],
        examples=[
            example({"images": [812, 94, 355], "reason": "guideline 4: rust or leaf spot"}, of_request=True),
            example({"sent": 3}),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        sent = parsing.parse(RoundInput, request)
        n = rounds.send_back(
            project=project, by=self.person, image_ids=sent["images"], reason=sent["reason"],
            idempotency_key=parsing.idempotency_key(request),
        )  # fmt: skip
        return Response(RoundShape({"sent": n}).data)
