"""The classes that a file names, and those of the project: known, made anew, taken for another, or left out.

Resolves names to ids once, before rows are taken in. Makes classes through labeler/projects/classes.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.imports.options import ImportOptions
from labeler.label_set import categories as label_set
from labeler.models import Job, Project
from labeler.projects import classes as project_classes

TO_BE_MADE = -1  # stands for the id of a class that a dry run does not make


@dataclass(slots=True)
class ClassPlan:
    """What each name means. ids: by the name as the file has it; None: left out."""

    ids: dict[str, int | None] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    multi: bool = False

    def resolve(self, names: Iterable[str]) -> list[int] | None:
        """Ids, ascending and distinct; None where all of them are left out. Raises Invalid with a sentence."""
        named = list(names)
        if unknown := [name for name in named if name in self.unknown]:
            shown = ", ".join(f"“{name[:100]}”" for name in unknown)
            raise Invalid(_("This project has no class %(names)s.") % {"names": shown})
        found = {pk for name in named if (pk := self.ids.get(name)) is not None}
        if named and not found:
            return None
        if not self.multi and len(found) != 1:
            raise Invalid(_("This project wants exactly one class per image."))
        return sorted(found)


def plan(project: Project, job: Job, names: Iterable[str], options: ImportOptions, *, dry_run: bool) -> ClassPlan:
    """Decide every name of the file; makes the classes that are to be made, unless it is a dry run.

    Raises Invalid where one cannot be made: its name is too long, or there are too many.
    """
    planned = ClassPlan(multi=project.is_multi)
    index = label_set.index(project)
    made: dict[str, int] = {}
    for name in names:
        said = options.classes.get(name.strip().casefold())
        target = name if said is None else said  # the name in the project, "" left out
        known = _known(index, target)
        if not target:
            planned.ids[name] = None
        elif known is not None:
            planned.ids[name] = known
        elif said is None and not options.make_classes:
            planned.unknown.add(name)
        elif dry_run:
            planned.ids[name] = made.setdefault(target.casefold(), TO_BE_MADE - len(made))
        else:
            if (key := target.casefold()) not in made:
                made[key] = project_classes.add_category(project=project, by=job.requested_by, name=target).pk  # type: ignore[arg-type]
            planned.ids[name] = made[key]
    return planned


def _known(index: label_set.CategoryIndex, name: str) -> int | None:
    try:
        return index.resolve([name])[0] if name else None
    except Invalid:
        return None
