"""A person's preferences: theme, keys, and whether a single key acts.

The only module that writes Preference, and a member's own class keys. Knows which actions there are and what counts
as a key; what an action does is the labeling screen's (static/js/label/input.js).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import Invalid, NotFound
from labeler.models import Category, Membership, Preference, Project
from labeler.models.account import Theme

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as LazyText


@dataclass(frozen=True, slots=True)
class Action:
    """Something the labeling screen does on a key."""

    key: str  # the default
    words: LazyText


# In the order of the "?" dialog. Digits 1 to 9 are the classes', Escape always leads back.
ACTIONS: dict[str, Action] = {
    "accept": Action("Enter", gettext_lazy("Accept the suggestion, save what is switched on")),
    "none": Action("0", gettext_lazy("None of these classes")),
    "skip": Action("s", gettext_lazy("Skip: not for me")),
    "cannot_tell": Action("c", gettext_lazy("Cannot tell: nobody could")),
    "flag": Action("f", gettext_lazy("Ask the team about this image")),
    "undo": Action("z", gettext_lazy("Undo, go back")),
    "guide": Action("g", gettext_lazy("Guideline on or off")),
    "zoom": Action("Space", gettext_lazy("Zoom in, or show all of the image")),
    "full_screen": Action("Shift+f", gettext_lazy("Full screen")),
    "adjust": Action("Shift+b", gettext_lazy("Brightness, contrast, gamma")),
    "filter": Action("/", gettext_lazy("Find a class")),
    "help": Action("?", gettext_lazy("These keys")),
}

# Where people draw, beside those above. A key of ACTIONS that a person changed goes before a default here.
DRAWING: dict[str, Action] = {
    "tool_select": Action("a", gettext_lazy("Choose and move objects")),
    "tool_box": Action("b", gettext_lazy("Box")),
    "tool_extreme": Action("x", gettext_lazy("Box by four extreme points")),
    "tool_polygon": Action("p", gettext_lazy("Polygon")),
    "tool_vertex": Action("t", gettext_lazy("Points of a polygon, and holes")),
    "tool_cut": Action("u", gettext_lazy("Cut a polygon in two")),
    "join": Action("j", gettext_lazy("Join two polygons")),
    "tool_brush": Action("d", gettext_lazy("Brush")),
    "tool_erase": Action("e", gettext_lazy("Eraser")),
    "tool_fill": Action("i", gettext_lazy("Fill")),
    "tool_wand": Action("w", gettext_lazy("Colour wand")),
    "tool_superpixels": Action("m", gettext_lazy("Superpixels")),
    "tool_scissors": Action("r", gettext_lazy("Scissors that follow edges")),
    "tool_cut4": Action("y", gettext_lazy("Object from four points")),
    "tool_click": Action("o", gettext_lazy("Object at a click")),
    "again": Action("n", gettext_lazy("Draw another one")),
    "keep": Action("k", gettext_lazy("Keep what the model drew, for what is chosen")),
    "less_sure": Action("Shift+k", gettext_lazy("Also what the model is less sure of")),
    "remove": Action("Delete", gettext_lazy("Delete what is chosen")),
    "hide": Action("h", gettext_lazy("Hide what is chosen, or show all")),
    "lock": Action("l", gettext_lazy("Lock what is chosen, or unlock all")),
    "up": Action("]", gettext_lazy("One further up")),
    "down": Action("[", gettext_lazy("One further down")),
    "before": Action("v", gettext_lazy("Objects of the image before")),
    "fit": Action("f", gettext_lazy("Whole image")),
}
# On those screens Space pans, and F shows all of the image: asking has another key, as static/js/label/keys.js has it.
NOT_WHILE_DRAWING = ("zoom",)
FLAG_WHILE_DRAWING = "q"

# What the browser calls the keys that print nothing; Space stands for " ", which a reader could not see.
NAMED_KEYS = (
    *("Enter", "Space", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown"),
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"),
    *(f"F{number}" for number in range(2, 13)),
)
_KEY = re.compile(r"(?P<modifiers>(?:Alt\+)?(?:Shift\+)?)(?P<base>.+)", re.DOTALL)
_NAMED = {name.lower(): name for name in NAMED_KEYS} | {" ": "Space"}
CLASS_DIGITS = "123456789"
LOOKING_SIGNS = "+-="  # zoom, for everybody (static/js/label/looks.js)


def preferences_of(user: User) -> Preference:
    """The person's preferences; without a row the defaults, unsaved."""
    return Preference.objects.filter(user=user).first() or Preference(user=user)


def keys_of(preference: Preference, actions: Mapping[str, Action] = ACTIONS) -> dict[str, str]:
    """Every action with the key that it has for this person."""
    return {name: preference.keys.get(name, action.key) for name, action in actions.items()}


def keys_while_drawing(keys: Mapping[str, str]) -> dict[str, str]:
    """{action: key} where people draw, of what differs from the defaults. A default that is taken is left out."""
    found = {name: keys.get(name, action.key) for name, action in ACTIONS.items() if name not in NOT_WHILE_DRAWING}
    if "flag" not in keys and FLAG_WHILE_DRAWING not in found.values():
        found["flag"] = FLAG_WHILE_DRAWING
    found |= {name: keys[name] for name in DRAWING if name in keys}
    for name, action in DRAWING.items():
        if name not in keys and action.key not in found.values():
            found[name] = action.key
    return found


@transaction.atomic
def change(
    *, user: User, theme: str | None = None, single_keys: bool | None = None, keys: Mapping[str, str] | None = None
) -> Preference:
    """Change what is given, leave the rest.

    single_keys: False = a letter, digit or sign alone does nothing (WCAG 2.1.4). keys: all that differ from the
    defaults, {action: key}; they replace the ones before, so {} resets. A key is a character ("x"), a name of
    NAMED_KEYS, or one of them with Alt+ or Shift+ in front. Raises Invalid.
    """
    row, _created = Preference.objects.select_for_update().get_or_create(user=user)
    if theme is not None:
        if theme not in Theme.values:
            raise Invalid(
                _("The theme is one of %(names)s.") % {"names": ", ".join(Theme.values)}, fields={"theme": ["unknown"]}
            )
        row.theme = theme
    if single_keys is not None:
        row.single_keys = single_keys
    if keys is not None:
        row.keys = _checked_keys(keys)
    row.save(update_fields=["theme", "single_keys", "keys"])
    return row


def _checked_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """The same without those that are the default anyway. Raises Invalid."""
    actions = ACTIONS | DRAWING
    if unknown := [name for name in keys if name not in actions]:
        raise Invalid(
            _("There is no action “%(name)s”; there are %(names)s.")
            % {"name": unknown[0][:40], "names": ", ".join(actions)},
            fields={"keys": [f"unknown: {name[:40]}" for name in unknown]},
        )
    wanted = {name: spelled(key) for name, key in keys.items()}
    for name, key in wanted.items():
        if key in CLASS_DIGITS:
            raise Invalid(
                _("The digits 1 to 9 choose classes: give “%(action)s” another key.") % {"action": actions[name].words},
                fields={"keys": [f"{name}: a digit"]},
            )
    changed = {name: key for name, key in wanted.items() if key != actions[name].key}
    _refuse_twins({name: wanted.get(name, action.key) for name, action in ACTIONS.items()})
    _refuse_twins(keys_while_drawing(changed))
    return changed


def _refuse_twins(keys: Mapping[str, str]) -> None:
    """Raises Invalid when two actions of one screen have the same key."""
    actions = ACTIONS | DRAWING
    taken: dict[str, str] = {}
    for name, key in keys.items():
        if key in taken:
            words = actions[taken[key]].words, actions[name].words
            raise _twins(*words, key, f"{taken[key]}, {name}: the same key")
        taken[key] = name


def _twins(first: str | LazyText, second: str | LazyText, key: str, why: str) -> Invalid:
    text = _("“%(first)s” and “%(second)s” cannot both have the key %(key)s.")
    return Invalid(text % {"first": first, "second": second, "key": printed(key)}, fields={"keys": [why]})


def spelled(key: Any) -> str:
    """The one spelling of a key that is stored: "S" is "s", " " is "Space". Raises Invalid for what is no key."""
    parts = _KEY.fullmatch(key) if isinstance(key, str) and len(key) <= 30 else None
    base = parts["base"] if parts else ""
    if base.lower() in _NAMED:
        base = _NAMED[base.lower()]
    elif len(base.lower()) == 1 and base.isprintable():
        base = base.lower()
    else:
        raise Invalid(
            _("“%(key)s” is no key that can be chosen: take a character, or one of %(names)s.")
            % {"key": str(key)[:30], "names": ", ".join(NAMED_KEYS)},
            fields={"keys": [f"no key: {str(key)[:30]}"]},
        )
    if base in LOOKING_SIGNS and not (parts and parts["modifiers"]):
        raise Invalid(_("The signs + and - zoom: choose another key."), fields={"keys": [f"zooms: {base}"]})
    # Whether Shift was held for a sign depends on the keyboard: "?" is a key of its own.
    if parts and "Shift+" in parts["modifiers"] and len(base) == 1 and not base.isalpha():
        raise Invalid(
            _("Shift counts with letters only: name the sign that it makes."), fields={"keys": ["Shift with a sign"]}
        )
    return (parts["modifiers"] if parts else "") + base


def printed(key: str) -> str:
    """As it stands on a button: S, Space, Alt+X. static/js/label/keys.js prints the same."""
    parts = _KEY.fullmatch(key)
    modifiers, base = (parts["modifiers"], parts["base"]) if parts else ("", key)
    return modifiers + (base.upper() if len(base) == 1 else _PRINTED.get(base, base))


_PRINTED = {
    "Enter": "↵", "Backspace": "⌫", "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓",
}  # fmt: skip


@transaction.atomic
def change_class_keys(*, project: Project, user: User, keys: Mapping[int, str]) -> Membership:
    """This person's own keys for classes of a project, {category id: key}; they replace the ones before.

    Raises Invalid when two classes would have one key, or a class the key of an action; NotFound for strangers.
    """
    member = Membership.objects.select_for_update(no_key=True).filter(project=project, user=user).first()
    if member is None:
        raise NotFound(_("You are not a member of this project."))
    names = dict(Category.objects.in_use().filter(project=project).values_list("id", "name"))
    own = preferences_of(user)
    keyed = keys_while_drawing(own.keys) if project.draws else keys_of(own)
    taken = {key: str((ACTIONS | DRAWING)[name].words) for name, key in keyed.items()}
    wanted: dict[str, str] = {}
    for pk, sent in keys.items():
        if pk not in names:
            raise Invalid(_("One of these classes is not in use in this project."), fields={"keys": [f"unknown: {pk}"]})
        key = spelled(sent)
        if key in taken:
            raise _twins(taken[key], names[pk], key, f"{pk}: taken")
        taken[key] = names[pk]
        wanted[str(pk)] = key
    member.category_keys = wanted
    member.save(update_fields=["category_keys"])
    return member
