"""The keys of the labeling screen, on the account page: typed by name, because nothing can be pressed without a script.

Knows the form. What counts as a key, and which stand in each other's way, is labeler/accounts/preferences.py's.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeler.accounts import preferences
from labeler.models import Preference
from labeler.pages.refusals import refusal_in

ALL = preferences.ACTIONS | preferences.DRAWING


class OwnKeys(forms.Form):
    """One field per action, and whether a character alone may act."""

    single_keys = forms.BooleanField(
        label=_("Single keys"),
        required=False,
        help_text=_(
            "Off: letters, digits and signs do nothing alone, only together with Alt. Enter, Escape, arrows and space "
            "go on working."
        ),
    )

    def __init__(self, data: Any, preference: Preference):
        shown = {name: _typed(key) for name, key in preferences.keys_of(preference, ALL).items()}
        super().__init__(data, initial={**shown, "single_keys": preference.single_keys}, auto_id="key_%s")
        for name, action in ALL.items():
            attrs = {"list": "key-names", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
            self.fields[name] = forms.CharField(
                label=action.words, max_length=30, strip=False, widget=forms.TextInput(attrs=attrs),
                required=name in preferences.ACTIONS,  # the others: empty is the one that it comes with
            )  # fmt: skip

    def actions(self) -> list[forms.BoundField]:
        return [self[name] for name in preferences.ACTIONS]

    def drawing(self) -> list[forms.BoundField]:
        return [self[name] for name in preferences.DRAWING]

    def save(self, user: Any) -> bool:
        """False when the domain has something to say about it."""
        with refusal_in(self):
            preferences.change(
                user=user,
                single_keys=self.cleaned_data["single_keys"],
                keys={name: _read(typed) for name in ALL if (typed := self.cleaned_data[name])},
            )
            return True
        return False


def _typed(key: str) -> str:
    """As people type it: S, Space, Shift+F."""
    start = key.rfind("+", 0, -1) + 1
    return key[:start] + (key[start:].upper() if len(key) - start == 1 else key[start:])


def _read(text: str) -> str:
    return text if text == " " else text.strip()


NAMES = [*preferences.NAMED_KEYS, "Shift+F", "Alt+X"]
