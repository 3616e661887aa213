"""/api/tokens/ and /api/me/: tokens of REST clients, and the caller's own account."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.permissions import Needs, SignedIn
from api.schema import describe, example
from labeler import access
from labeler.accounts import people
from labeler.accounts import tokens as rest_tokens
from labeler.errors import Invalid, NotAllowed
from labeler.models import Role, Token
from labeler.models.account import Scope

TAG = "Account"
NORMAL_LIFE_DAYS = 365


class TokenInput(serializers.Serializer):
    """With the session of a browser, name and password may be left out."""

    username = serializers.CharField(required=False, max_length=150)
    password = serializers.CharField(required=False, max_length=4096, trim_whitespace=False, write_only=True)
    name = serializers.CharField(required=False, max_length=100, allow_blank=True, default="")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), required=False, help_text="all four when left out"
    )
    expires_in_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=rest_tokens.LONGEST_LIFE_DAYS,
        help_text="365 when left out; null: never",
    )  # fmt: skip


class TokenShape(serializers.Serializer):
    """A token without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="its first characters, to recognise it")
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="to the minute")


class NewTokenShape(TokenShape):
    """A new token, with the secret that is shown this once."""

    token = serializers.CharField(help_text="shown once: only its hash is kept")


class TokenListShape(serializers.Serializer):
    results = TokenShape(many=True)
    next = serializers.URLField(allow_null=True)


class _MayBeUnknown(SignedIn):
    """A password is as good as a login for POST."""

    def has_permission(self, request: Request, view: object) -> bool:
        return request.method == "POST" or super().has_permission(request, view)  # type: ignore[arg-type]


class Tokens(View):
    permission_classes = [_MayBeUnknown]
    needs = {"GET": Needs(Scope.READ), "POST": Needs(Scope.MANAGE)}

    @describe("list_tokens", "Your tokens that still work, without their secrets.", tag=TAG,
              answers={200: TokenListShape})  # fmt: skip
    def get(self, request: Request) -> Response:
        tokens = rest_tokens.live_tokens(self.person)
        return Response(TokenListShape({"results": tokens, "next": None}).data)

    @describe(
        "create_token", "Make a token from a name and a password.\n\nThe secret is shown in this answer only. Send it "
        "as `Authorization: Token lb_…`.",
        tag=TAG, request=TokenInput, answers={201: NewTokenShape}, errors=(401, 403, 429), public=True,
        examples=[
            example({"username": "ann", "password": "…", "name": "laptop", "scopes": ["read", "label"]},
                    of_request=True),
            example({"id": 7, "token": "lb_9fJ…", "name": "laptop", "prefix": "lb_9fJx2kQa",
                     "scopes": ["read", "label"], "created_at": "2026-11-05T10:00:00Z",
                     "expires_at": "2027-11-05T10:00:00Z", "last_used_at": None}),
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        wanted = parsing.parse(TokenInput, request)
        username, password = wanted.get("username"), wanted.get("password")
        if username is not None or password is not None:
            user = people.check_password(
                username=username or "", password=password or "", address=request.META.get("REMOTE_ADDR", "")
            )
        elif isinstance(request.user, AnonymousUser):
            raise Invalid(_("Send username and password."), fields={"username": ["missing"], "password": ["missing"]})
        elif request.auth is not None:
            # Else a token could outlive itself, or give away more than it was given.
            raise NotAllowed(_("A token cannot make tokens: send username and password."))
        else:
            user = self.person
        token, secret = rest_tokens.create_token(
            user=user, name=wanted["name"], scopes=wanted.get("scopes"),
            expires_in_days=wanted.get("expires_in_days", NORMAL_LIFE_DAYS),
        )  # fmt: skip
        return Response({"token": secret, **TokenShape(token).data}, status=201)


class _ItselfOrScope(SignedIn):
    """Whoever holds a token may end it; a lost one with few scopes must not end the others."""

    def has_permission(self, request: Request, view: object) -> bool:
        itself = isinstance(request.auth, Token) and request.auth.pk == view.kwargs["token_id"]  # type: ignore[attr-defined]
        return itself or super().has_permission(request, view)  # type: ignore[arg-type]


class OneToken(View):
    permission_classes = [_ItselfOrScope]
    needs = {"DELETE": Needs(Scope.MANAGE)}

    @describe(
        "revoke_token", "End one of your tokens at once.\n\nWith a token: itself, or any of yours with the scope "
        "`manage`. A password change ends all of them.", tag=TAG, answers={204: None},
    )  # fmt: skip
    def delete(self, request: Request, token_id: int) -> Response:
        rest_tokens.revoke_token(user=self.person, token_id=token_id)
        return Response(status=204)


class MyProjectShape(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)


class MeShape(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    is_admin = serializers.BooleanField(help_text="may create projects and sees all of them")
    projects = MyProjectShape(many=True)


class Me(View):
    needs = {"GET": Needs(Scope.READ)}

    @describe("me", "Who you are, and in which projects.", tag=TAG, answers={200: MeShape})
    def get(self, request: Request) -> Response:
        projects = list(access.projects_of(self.person).order_by("-id").values_list("id", "name"))
        roles = access.roles_in(self.person, [pk for pk, _name in projects])
        answer = {
            "id": self.person.pk,
            "username": self.person.get_username(),
            "is_admin": access.administers(self.person),
            "projects": [{"id": pk, "name": name, "role": roles[pk]} for pk, name in projects],
        }
        return Response(MeShape(answer).data)
