"""/api/projects/{id}/members/: who works in a project, and as what."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import page
from api.permissions import LEADS_MANAGE, REVIEWERS_READ
from api.schema import PAGING, describe, example, page_of
from labeler.agreement import second_opinions
from labeler.errors import Invalid, NotFound
from labeler.models import Membership, Role
from labeler.projects import members as membership

TAG = "Projects"


class MemberChange(serializers.Serializer):
    role = serializers.ChoiceField(Role.choices, required=False)
    paused = serializers.BooleanField(
        required=False,
        help_text="true: no more images for this person, whose labels stay",
    )


class OpinionsInput(serializers.Serializer):
    since = serializers.DateTimeField(required=False, allow_null=True, help_text="only labels given since then")


class OpinionsShape(serializers.Serializer):
    images = serializers.IntegerField(help_text="how many got seats for others")


class NewMember(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(Role.choices, default=Role.ANNOTATOR)


class MemberShape(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(Role.choices)
    paused = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_paused(self, member: Membership) -> bool:
        return member.paused_at is not None


class Members(View):
    needs = {"GET": REVIEWERS_READ, "POST": LEADS_MANAGE}

    @describe(
        "list_members", "The members of a project.", tag=TAG, parameters=PAGING, answers={200: page_of(MemberShape)}
    )
    def get(self, request: Request, project_id: int) -> Response:
        members = self.project(project_id).memberships.select_related("user")
        return page(request, members, MemberShape)

    @describe("add_member", "Let a person into a project.", tag=TAG, request=NewMember, answers={201: MemberShape},
              errors=(409,), examples=[example({"username": "bea", "role": "annotator"}, of_request=True)])  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        member = membership.add_member(project=project, by=self.person, **parsing.parse(NewMember, request))
        return Response(MemberShape(member).data, status=201)


class OneMember(View):
    needs = {"PATCH": LEADS_MANAGE, "DELETE": LEADS_MANAGE}

    def _member(self, project_id: int, member_id: int) -> Membership:
        member = self.project(project_id).memberships.select_related("user", "project").filter(pk=member_id).first()
        if member is None:
            raise NotFound(_("This project has no such member."))
        return member

    @describe("change_member", "Give a member another role, or pause them.", tag=TAG, request=MemberChange,
              answers={200: MemberShape}, errors=(409,),
              examples=[example({"paused": True}, of_request=True)])  # fmt: skip
    def patch(self, request: Request, project_id: int, member_id: int) -> Response:
        member = self._member(project_id, member_id)
        wanted = parsing.parse(MemberChange, request, partial=True)
        if not wanted:
            raise Invalid(_("Send role, paused or both."), fields={"role": ["missing"]})
        with transaction.atomic():
            if "role" in wanted:
                member = membership.change_role(member=member, by=self.person, role=wanted["role"])
            if "paused" in wanted:
                member = membership.pause(member=member, by=self.person, paused=wanted["paused"])
        return Response(MemberShape(member).data)

    @describe("remove_member", "Show a person out. Their labels stay, their open images go back to the others.",
              tag=TAG, answers={204: None}, errors=(409,))  # fmt: skip
    def delete(self, request: Request, project_id: int, member_id: int) -> Response:
        membership.remove_member(member=self._member(project_id, member_id), by=self.person)
        return Response(status=204)


class SecondOpinions(OneMember):
    needs = {"POST": LEADS_MANAGE}
    http_method_names = ["post", "options"]

    @describe(
        "ask_others", "Have others judge what this person judged, too.\n\nEach image they voted on gets seats for as "
        "many others as the quota asks for; paused people do not count as others. Nothing is deleted, images that a "
        "reviewer decided stay as they are, and asking twice opens nothing more.", tag=TAG, request=OpinionsInput,
        answers={200: OpinionsShape}, examples=[example({"since": "2026-11-05T00:00:00Z"}, of_request=True),
                                                example({"images": 412})],
    )  # fmt: skip
    def post(self, request: Request, project_id: int, member_id: int) -> Response:
        member = self._member(project_id, member_id)
        since = parsing.parse(OpinionsInput, request).get("since")
        n = second_opinions.ask_others(project=member.project, member=member, by=self.person, since=since)
        return Response(OpinionsShape({"images": n}).data)
