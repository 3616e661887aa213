"""/api/projects/{id}/invitations/: links that let one person into a project. Joining is a page's, not a program's."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import NEWEST_FIRST, page
from api.permissions import LEADS_MANAGE
from api.schema import PAGING, describe, example, page_of
from labeler.errors import NotFound
from labeler.models import Invitation, Role
from labeler.projects import invitations

TAG = "Projects"


class NewInvitation(serializers.Serializer):
    role = serializers.ChoiceField(Role.choices, default=Role.ANNOTATOR)
    note = serializers.CharField(max_length=100, required=False, allow_blank=True, default="", help_text="for whom")
    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=invitations.LONGEST_LIFE_DAYS, required=False, default=invitations.LIFE_DAYS
    )


class InvitationShape(serializers.Serializer):
    """An invitation without its secret."""

    id = serializers.IntegerField()
    role = serializers.ChoiceField(Role.choices)
    note = serializers.CharField()
    state = serializers.SerializerMethodField(help_text="open, accepted, expired or revoked")
    invited_by = serializers.CharField(source="invited_by.username", default=None, allow_null=True)
    accepted_by = serializers.CharField(source="accepted_by.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, invitation: Invitation) -> str:
        return invitations.state_of(invitation)


class NewInvitationShape(InvitationShape):
    """A new invitation, with the link that is shown this once."""

    secret = serializers.CharField(help_text="shown once: only its hash is kept")
    url = serializers.URLField(help_text="where the person goes")


EXAMPLE = {
    "id": 4, "role": "annotator", "note": "Bea", "state": "open", "invited_by": "lena", "accepted_by": None,
    "created_at": "2026-11-21T10:00:00Z", "expires_at": "2026-12-05T10:00:00Z", "accepted_at": None,
    "secret": "q3V…", "url": "https://labels.example.org/invitations/q3V…/",
}  # fmt: skip


class Invitations(View):
    needs = {"GET": LEADS_MANAGE, "POST": LEADS_MANAGE}

    @describe("list_invitations", "The invitations of a project, newest first, without their links.", tag=TAG,
              parameters=PAGING, answers={200: page_of(InvitationShape)})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        rows = self.project(project_id).invitations.select_related("invited_by", "accepted_by")
        return page(request, rows, InvitationShape, order=NEWEST_FIRST)

    @describe(
        "create_invitation", "Make a link that lets one person in.\n\nThe link is in this answer only. Whoever opens "
        "it joins with an account, or makes one there. It works once, until it expires (14 days, 90 at most).", tag=TAG,
        request=NewInvitation, answers={201: NewInvitationShape},
        examples=[
            example({"role": "annotator", "note": "Bea", "expires_in_days": 14}, of_request=True), example(EXAMPLE),
        ],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        wanted = parsing.parse(NewInvitation, request)
        invitation, secret = invitations.create(project=project, by=self.person, **wanted)
        url = request.build_absolute_uri(reverse("invitation", args=[secret]))
        return Response({**InvitationShape(invitation).data, "secret": secret, "url": url}, status=201)


class OneInvitation(View):
    needs = {"DELETE": LEADS_MANAGE}

    @describe("revoke_invitation", "Make a link worthless at once.", tag=TAG, answers={204: None}, errors=(409,))
    def delete(self, request: Request, project_id: int, invitation_id: int) -> Response:
        invitation = self.project(project_id).invitations.filter(pk=invitation_id).first()
        if invitation is None:
            raise NotFound(_("This project has no such invitation."))
        invitations.revoke(invitation=invitation, by=self.person)
        return Response(status=204)
