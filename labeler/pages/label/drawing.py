"""The labeling screen where people draw: its tools, its keys, what is asked of each object, and its sentences.

Knows what the page must be told besides what labeling.py tells. What may be drawn is labeler/labeling/objects.py's;
what the tools do is static/js/draw's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.accounts import preferences
from labeler.label_set import questions
from labeler.labeling import object_rows
from labeler.models.label import Answer
from labeler.models.project import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeler.models import Label, Project

# So many objects of earlier answers are told with the page, so that a click in the film shows them at once: of eight
# images with 3,000 each the page would weigh 3 MB. The last answer is always there, to be taken back.
MOST_TOLD = 2_000

# Told to the browser at once, as labeling.MODULES are: what lies in these folders, but for types and what comes later.
_FOLDERS = ("draw", "draw/pixels", "draw/tools", "label/drawn")
_NOT_AT_ONCE = {"draw/tilelayer", "draw/tiles", "draw/types", "label/drawn/types"}
_SCRIPTS = settings.BASE_DIR / "static" / "js"
MODULES = tuple(
    name
    for folder in _FOLDERS
    for file in sorted((_SCRIPTS / folder).glob("*.js"))
    if (name := f"{folder}/{file.stem}") not in _NOT_AT_ONCE
)


class Tool(NamedTuple):
    """A button of the toolbar. What it does is said by static/js/label/drawn/toolbar.js."""

    does: str  # an action of preferences.DRAWING
    icon: str
    words: str | Promise


_TOOLS: dict[str, Tool] = {
    name: Tool(name, icon, words)
    for name, icon, words in (
        ("tool_select", "choose", gettext_lazy("Choose")),
        ("tool_box", "box", gettext_lazy("Box")),
        ("tool_extreme", "extreme", gettext_lazy("Four extreme points")),
        ("tool_polygon", "polygon", gettext_lazy("Polygon")),
        ("tool_vertex", "vertex", gettext_lazy("Points and holes")),
        ("tool_cut", "cut", gettext_lazy("Cut in two")),
        ("join", "join", gettext_lazy("Join two")),
        ("tool_click", "click", gettext_lazy("Object at a click")),
        ("tool_brush", "brush", gettext_lazy("Brush")),
        ("tool_erase", "eraser", gettext_lazy("Eraser")),
        ("tool_fill", "fill", gettext_lazy("Fill")),
        ("tool_wand", "wand", gettext_lazy("Colour wand")),
        ("tool_superpixels", "superpixels", gettext_lazy("Superpixels")),
        ("tool_scissors", "scissors", gettext_lazy("Scissors")),
        ("tool_cut4", "cut4", gettext_lazy("Four points")),
    )
}
# The first that draws is in hand when the page opens.
_OF_TASK: dict[str, tuple[str, ...]] = {
    Task.BOXES: ("tool_select", "tool_box", "tool_extreme", "tool_click"),
    Task.POLYGONS: (
        "tool_select",
        "tool_polygon",
        "tool_vertex",
        "tool_cut",
        "join",
        "tool_click",
        "tool_scissors",
        "tool_cut4",
    ),
    Task.MASKS: (
        *("tool_select", "tool_brush", "tool_erase", "tool_fill", "tool_wand", "tool_superpixels"),
        *("tool_click", "tool_scissors", "tool_cut4", "tool_polygon"),
    ),
    Task.SEMANTIC: (
        *("tool_select", "tool_brush", "tool_erase", "tool_fill", "tool_wand", "tool_superpixels"),
        *("tool_click", "tool_scissors", "tool_cut4", "tool_polygon"),
    ),
}

# What some actions of every screen mean where people draw.
_WORDS = {
    "accept": gettext_lazy("Done: save what is drawn, and what the model drew"),
    "none": gettext_lazy("Nothing here"),
    "undo": gettext_lazy("Take back the last answer, when nothing is drawn"),
}


def tools_of(project: Project) -> list[Tool]:
    """The tools that fit the task, in the order of the toolbar; none where classes are chosen."""
    return [_TOOLS[name] for name in _OF_TASK.get(project.task, ())]


def actions_of(project: Project) -> dict[str, preferences.Action]:
    """What a key may do on this project's screen, in the order of the "?" dialog."""
    has = {tool.does for tool in tools_of(project)}
    common = {
        name: replace(one, words=_WORDS.get(name, one.words))
        for name, one in preferences.ACTIONS.items()
        if name not in preferences.NOT_WHILE_DRAWING
    }
    drawing = {name: one for name, one in preferences.DRAWING.items() if name not in _TOOLS or name in has}
    return common | drawing


def config(project: Project) -> dict[str, Any]:
    """What the page's script needs besides; see static/js/label/drawn/types.js."""
    return {
        "draws": project.task,
        "tools": [tool.does for tool in tools_of(project)],
        "questions": [
            {
                "name": one.name,
                "kind": one.kind,
                "options": list(one.options),
                "required": one.required,
                "categories": sorted(one.categories),
            }
            for one in questions.index(project).asked
        ],
    }


def objects_of(told: Sequence[Label]) -> dict[int, dict[str, Any]]:
    """{label id: {objects}} of these answers, newest first, until MOST_TOLD are told; {} for a skip and the like.

    Two statements. A member `objects` as the page's script sends it, with class ids.
    """
    labeled = [row for row in told if row.answer == Answer.LABELED]
    counted = object_rows.counts([row.pk for row in labeled])
    wanted: list[int] = []
    total = 0
    for row in labeled:
        total += counted.get(row.pk, 0)
        if wanted and total > MOST_TOLD:
            break
        wanted.append(row.pk)
    found: dict[int, dict[str, Any]] = {row.pk: {} for row in told if row.answer != Answer.LABELED}
    for pk, drawn in object_rows.read(wanted).items():
        found[pk] = {
            "objects": [
                {"category": one.category, **one.shape, "attributes": one.attributes, "from": one.origin}
                for one in drawn
            ]
        }
    return found


def texts() -> dict[str, str]:
    """The sentences of the drawing screen; the script fills in the {names} in braces."""
    return {
        "enter_done": _("Done ({n})"),
        "enter_keep": _("Keep all {n}"),
        "enter_empty": _("Nothing here"),
        "enter_take": _("Take it"),
        "drawn_none": _("Nothing here"),
        "drawn_one": _("{n} object"),
        "drawn_other": _("{n} objects"),
        "object_hide": _("Hide object {n}, {name}"),
        "object_lock": _("Lock object {n}, {name}"),
        "object_delete": _("Delete object {n}, {name}"),
        "object_suggested": _("from the model"),
        "object_unfinished": _("unfinished"),
        "object_missing": _("answer missing"),
        "object_group": _("About object {n}, {name}"),
        "required": _("required"),
        "yes": _("Yes"),
        "no": _("No"),
        "unanswered": _("–"),
        "missing_attribute": _("Object {n}, {name}: “{question}” must be answered before you go on."),
        "unfinished": _("Object {n}, {name} is not closed yet: Enter closes it, Escape drops it."),
        "not_empty": _("There are {n} objects on this image. Delete them first, or press Enter."),
        "undo_within": _("Ctrl+Z takes back a step on this image. Z goes to the last image when nothing is drawn."),
        "changed_stays": _("You have changed this answer. Enter saves it; the button leaves it as it was."),
        "nothing_before": _("No image before this one has objects that fit here."),
        "kept_one": _("Kept: {n}"),
        "kept_other": _("Kept: {n}"),
        "less_sure_one": _("{n} object that the model is less sure of: dashed and chosen. Delete takes it away."),
        "less_sure_other": _("{n} objects that the model is less sure of: dashed and chosen. Delete takes them away."),
        "no_less_sure": _("There is nothing that the model is less sure of."),
        "nothing_to_keep": _("Nothing of the model is chosen."),
        "restored": _("What you had drawn is here again."),
        "newer_draft": _("Another screen of yours has a newer draft of this image."),
        "newer_load": _("Load the newer draft"),
        "newer_mine": _("Keep what is here"),
        "object_refused": _("Object {n}: {reason}"),
        "mend": _("Mend and save"),
        "mend_more": _("A border crosses itself. Move a point, or have it made whole: what it goes around stays."),
    }
