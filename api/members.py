"""/api/projects/{id}/members/: who works in a project, and as what."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import page
from api.permissions import Needs
from api.schema import PAGING, describe, example, page_of
from labeler import projects
from labeler.errors import NotFound
from labeler.models import Membership, Role
from labeler.models.account import Scope

TAG = "Projects"


class RoleChange(serializers.Serializer):
    role = serializers.ChoiceField(Role.choices)


class NewMember(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(Role.choices, default=Role.ANNOTATOR)


class MemberShape(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(Role.choices)
    created_at = serializers.DateTimeField()


class Members(View):
    needs = {"GET": Needs(Scope.READ, Role.REVIEWER), "POST": Needs(Scope.MANAGE, Role.LEAD)}

    @describe(
        "list_members", "The members of a project.", tag=TAG, parameters=PAGING, answers={200: page_of(MemberShape)}
    )
    def get(self, request: Request, project_id: int) -> Response:
        members = self.project(project_id).memberships.select_related("user")
        return page(request, members, lambda rows: MemberShape(rows, many=True).data)

    @describe("add_member", "Let a person into a project.", tag=TAG, request=NewMember, answers={201: MemberShape},
              errors=(409,), examples=[example({"username": "bea", "role": "annotator"}, of_request=True)])  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        member = projects.add_member(project=project, by=self.person, **parsing.parse(NewMember, request))
        return Response(MemberShape(member).data, status=201)


class OneMember(View):
    needs = {"PATCH": Needs(Scope.MANAGE, Role.LEAD), "DELETE": Needs(Scope.MANAGE, Role.LEAD)}

    def _member(self, project_id: int, member_id: int) -> Membership:
        member = self.project(project_id).memberships.select_related("user").filter(pk=member_id).first()
        if member is None:
            raise NotFound(_("This project has no such member."))
        return member

    @describe("change_role", "Give a member another role.", tag=TAG, request=RoleChange, answers={200: MemberShape},
              errors=(409,))  # fmt: skip
    def patch(self, request: Request, project_id: int, member_id: int) -> Response:
        member = self._member(project_id, member_id)
        changed = projects.change_role(member=member, by=self.person, **parsing.parse(RoleChange, request))
        return Response(MemberShape(changed).data)

    @describe("remove_member", "Show a person out. Their labels stay, their open images go back to the others.",
    tag=TAG,
              answers={204: None}, errors=(409,))  # fmt: skip
    def delete(self, request: Request, project_id: int, member_id: int) -> Response:
        projects.remove_member(member=self._member(project_id, member_id), by=self.person)
        return Response(status=204)
