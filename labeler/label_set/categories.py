"""Look up a project's classes by id or by any name they ever had.

The label set has a version, raised by every change, so a process may keep what it read: saving a label costs no
query here.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from labeler.errors import CategoryNotInProject, Invalid, WrongTask
from labeler.label_set import markers
from labeler.label_set.markers import Marker
from labeler.models import Category, Project


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    """The classes of one project at one version of its label set."""

    names: dict[int, str]  # every id that ever existed, in screen order
    ids_in_use: frozenset[int]
    merged: dict[int, int]  # id -> the id it was merged into
    by_name: dict[str, int]  # casefolded present and former names -> id
    markers: dict[int, Marker]  # of the classes in use, in screen order
    smallest: dict[int, float]  # pixels: the least shorter side of an object, where there is one
    background: int | None  # of pixels that nobody painted

    def resolve(self, wanted: Iterable[int | str]) -> list[int]:
        """Ids, ascending and distinct, of classes given by id or name. Merged ones become what they were merged into.

        Retired classes are accepted: an answer begun before the change is a person's work. Raises CategoryNotInProject.
        """
        found, unknown = set(), []
        for item in wanted:
            if isinstance(item, bool) or not isinstance(item, int | str):
                raise Invalid(
                    _("Name each class by its id or its name."), fields={"categories": ["not an id or a name"]}
                )
            pk = self.by_name.get(item.strip().casefold()) if isinstance(item, str) else item
            if pk is None or pk not in self.names:
                unknown.append(str(item)[:100])
                continue
            found.add(self.last(pk))
        if unknown:
            names = ", ".join(f"“{name}”" for name in unknown)
            raise CategoryNotInProject(
                _("This project has no class %(names)s.") % {"names": names},
                fields={"categories": [f"unknown: {name}" for name in unknown]},
            )
        return sorted(found)

    def id_of(self, text: str) -> int:
        """The id of the class that a text names, by its id or by any name it ever had. Raises CategoryNotInProject."""
        is_id = text.isascii() and text.isdigit() and len(text) < 19 and int(text) in self.names
        return self.resolve([int(text) if is_id else text])[0]

    def present(self, ids: Iterable[int]) -> list[int]:
        """What an old answer means today: merged classes followed, retired ones left out; ascending and distinct."""
        return sorted({self.last(pk) for pk in ids} & self.ids_in_use)

    def last(self, pk: int, declared: Container[int] = ()) -> int:
        """The class that a class was merged into, or itself; one that was still declared is itself."""
        while pk in self.merged and pk not in declared:
            pk = self.merged[pk]
        return pk

    def label(self, ids: Sequence[int] | None) -> list[str]:
        """Names of ids, in the order given."""
        return [self.names.get(pk, f"#{pk}") for pk in ids or ()]


@lru_cache(maxsize=256)
def _read(project_id: int, version: int) -> CategoryIndex:
    categories = list(Category.objects.filter(project_id=project_id).order_by("position", "id"))
    by_name: dict[str, int] = {}
    # Former names first, so that a present name always wins over what another class was once called.
    for category in categories:
        for name in category.former_names:
            by_name.setdefault(name.casefold(), category.pk)
    for category in sorted(categories, key=lambda c: c.retired_at is None):
        by_name[category.name.casefold()] = category.pk
    return CategoryIndex(
        names={c.pk: c.name for c in categories},
        ids_in_use=frozenset(c.pk for c in categories if c.retired_at is None),
        merged={c.pk: c.merged_into_id for c in categories if c.merged_into_id},
        by_name=by_name,
        markers={
            c.pk: markers.marker_of(c, place) for place, c in enumerate(c for c in categories if c.retired_at is None)
        },
        smallest={c.pk: c.smallest for c in categories if c.smallest > 0},
        background=next((c.pk for c in categories if c.background and c.retired_at is None), None),
    )


def index(project: Project) -> CategoryIndex:
    """The classes of a project as of `project.label_set_version`."""
    return _read(project.pk, project.label_set_version)


def marker_of(category: Category) -> Marker:
    """Colour and shape in which a class is shown everywhere; one that is not in use: by the place it had."""
    return index(category.project).markers.get(category.pk) or markers.marker_of(category, category.position)


def markers_by_name(project: Project) -> dict[str, Marker]:
    """Names of the classes in use and their markers, in screen order: for lists whose rows know a name only."""
    found = index(project)
    return {found.names[pk]: marker for pk, marker in found.markers.items()}


def check_answer(project: Project, wanted: Iterable[int | str]) -> list[int]:
    """Category ids that answer the project's question. Raises WrongTask when their number does not fit."""
    ids = index(project).resolve(wanted)
    if not project.is_multi and len(ids) != 1:
        raise WrongTask(_("This project wants exactly one class per image."), fields={"categories": ["exactly one"]})
    return ids
