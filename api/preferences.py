"""/api/me/preferences/ and /api/projects/{id}/keys/: how a person wants the screens, and their keys."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.permissions import MEMBERS_LABEL, MEMBERS_READ, Needs
from api.schema import describe, example
from labeler.accounts import preferences
from labeler.errors import Invalid, NotAllowed
from labeler.models import Membership, Preference
from labeler.models.account import Scope, Theme

TAG = "Account"
EXAMPLE = {
    "theme": "auto",
    "single_keys": True,
    "keys": {"skip": "x"},
    "all_keys": {"accept": "Enter", "skip": "x", "undo": "z"},
}


class PreferencesInput(serializers.Serializer):
    theme = serializers.ChoiceField(Theme.choices, required=False)
    single_keys = serializers.BooleanField(
        required=False, help_text="false: a letter, digit or sign alone does nothing; with Alt it does"
    )
    keys = serializers.DictField(
        child=serializers.CharField(max_length=30, trim_whitespace=False), required=False,
        help_text="{action: key}, all that differ from the defaults; they replace the ones before",
    )  # fmt: skip


class PreferencesShape(serializers.Serializer):
    theme = serializers.ChoiceField(Theme.choices)
    single_keys = serializers.BooleanField()
    keys = serializers.DictField(child=serializers.CharField(), help_text="what differs from the defaults")
    all_keys = serializers.SerializerMethodField(help_text="every action with its key")

    def get_all_keys(self, row: Preference) -> dict[str, str]:
        return preferences.keys_of(row, preferences.ACTIONS | preferences.DRAWING)


class Preferences(View):
    needs = {"GET": Needs(Scope.READ), "PATCH": Needs(Scope.LABEL)}

    @describe(
        "my_preferences", "How you want the screens.", tag=TAG, answers={200: PreferencesShape},
        examples=[example(EXAMPLE)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        return Response(PreferencesShape(preferences.preferences_of(self.person)).data)

    @describe(
        "change_my_preferences", "Change how you want the screens.\n\nA key is a character (`x`), a name as the "
        "browser gives it (`Enter`, `ArrowLeft`, `Space` …), or one of them with `Alt+` or `Shift+` in front. Two "
        "actions cannot have the same key; the digits 1 to 9 are the classes'.",
        tag=TAG, request=PreferencesInput, answers={200: PreferencesShape},
        examples=[example({"single_keys": False}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        changed = preferences.change(user=self.person, **parsing.parse(PreferencesInput, request))
        return Response(PreferencesShape(changed).data)


class ClassKeysShape(serializers.Serializer):
    keys = serializers.DictField(
        child=serializers.CharField(max_length=30, trim_whitespace=False),
        help_text="{category id: key}; a class that is missing has the key of its project",
    )


class ClassKeys(View):
    # An administrator who is no member has no keys here: the verb says so.
    needs = {"GET": MEMBERS_READ, "PUT": MEMBERS_LABEL}

    @describe("my_class_keys", "Your own keys for the classes of a project.", tag=TAG, answers={200: ClassKeysShape})
    def get(self, request: Request, project_id: int) -> Response:
        member = Membership.objects.filter(project=self.project(project_id), user=self.person).first()
        return Response(ClassKeysShape({"keys": member.category_keys if member else {}}).data)

    @describe(
        "set_my_class_keys", "Choose your own keys for classes.\n\nThey replace the ones before; `{}` goes back to the "
        "project's.",
        tag=TAG, request=ClassKeysShape, answers={200: ClassKeysShape},
        examples=[example({"keys": {"3": "r"}}, of_request=True), example({"keys": {"3": "r"}})],
    )  # fmt: skip
    def put(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        if project.membership is None:
            raise NotAllowed(_("Only members of this project have keys in it."))
        sent = parsing.parse(ClassKeysShape, request)["keys"]
        if wrong := [pk for pk in sent if not (pk.isascii() and pk.isdigit() and len(pk) < 19)]:
            raise Invalid(_("Name each class by its id."), fields={"keys": [f"no id: {pk[:40]}" for pk in wrong]})
        member = preferences.change_class_keys(
            project=project, user=self.person, keys={int(pk): key for pk, key in sent.items()}
        )
        return Response(ClassKeysShape({"keys": member.category_keys}).data)
