"""Add, change, place, merge and retire the classes of a project. Writes Category.

When labels count for another class than before, labeling/counters.py is asked to count again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Conflict, Invalid
from labeler.label_set import markers
from labeler.labeling import counters
from labeler.models import Category, Project
from labeler.models.project import Task
from labeler.projects.checks import check_row, check_version

MOST_CATEGORIES = 1000
# Letters with a meaning of their own on the labeling screen (static/js/label/keys.js).
RESERVED_KEYS = frozenset("scfzg? 0+-=")
# What is said of a class; its place, and whether it is in use, are changed by change_category alone.
CATEGORY_FIELDS = ("name", "description", "key", "colour", "shape", "wanted", "variety", "smallest", "background")


def add_category(*, project: Project, by: User, name: str, **fields: Any) -> Category:
    """One more class, at the end of the row. fields: of CATEGORY_FIELDS. Raises Invalid, Conflict for a name in use."""
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        last = row.categories.aggregate(models.Max("position"))["position__max"]
        if row.categories.count() >= MOST_CATEGORIES:
            raise Invalid(
                _("A project has at most %(most_categories)s classes.") % {"most_categories": MOST_CATEGORIES},
                fields={"name": ["too many classes"]},
            )
        category = insert_category(row, 0 if last is None else last + 1, name=name, **fields)
        raise_label_set(row, project)
        audit(by, "category.create", project=row, subject=category.name)
    return category


def insert_category(project: Project, position: int, **fields: Any) -> Category:
    category = Category(project=project, position=position)
    if unknown := [name for name in fields if name not in CATEGORY_FIELDS]:
        raise TypeError(f"a class has no {unknown}")
    for name, value in fields.items():
        setattr(category, name, _tidy(name, value))
    check_row(category, CATEGORY_FIELDS)
    _check_numbers(category)
    _check_key(category)
    return _saved(category)


def _tidy(name: str, value: Any) -> Any:
    return value.strip() if name in ("name", "key") and isinstance(value, str) else value


def _check_numbers(category: Category) -> None:
    if category.background and category.project.task != Task.SEMANTIC:
        raise Invalid(
            _("Only where each pixel has a class is one of them the background."),
            fields={"background": ["not in this task"]},
        )
    if category.wanted == 0:
        raise Invalid(_("The wanted number of images is at least 1, or left open."), fields={"wanted": ["at least 1"]})
    for name, last in (("colour", len(markers.COLOURS)), ("shape", len(markers.SHAPES))):
        if getattr(category, name) > last:
            raise Invalid(
                _("%(name)s is a number from 1 to %(last)s, or 0: by its position.") % {"name": name, "last": last},
                fields={name: ["unknown"]},
            )


def _check_key(category: Category) -> None:
    if not category.key:
        return
    if category.key.casefold() in RESERVED_KEYS or not category.key.isprintable():
        raise Invalid(
            _("The key “%(key)s” has a meaning of its own on the labeling screen.") % {"key": category.key},
            fields={"key": ["reserved"]},
        )
    others = (
        Category.objects.in_use().filter(project=category.project, key__iexact=category.key).exclude(pk=category.pk)
    )
    if other := others.first():
        raise Conflict(
            _("The key “%(key)s” chooses “%(name)s” already.") % {"key": category.key, "name": other.name},
            fields={"key": ["taken"]},
        )


def _saved(category: Category) -> Category:
    try:
        with transaction.atomic():
            category.save()
    except IntegrityError as error:
        if "one_background_per_project" in str(error):
            raise Conflict(
                _("Another class is the background already."), fields={"background": ["taken by another class"]}
            ) from error
        raise Conflict(
            _("There is a class “%(name)s” already.") % {"name": category.name},
            fields={"name": ["taken by another class"]},
        ) from error
    return category


def raise_label_set(row: Project, project: Project) -> None:
    """Every change of a class makes a new version of the set: processes keep what they read by that number."""
    row.label_set_version += 1
    row.save(update_fields=["label_set_version"])
    project.label_set_version = row.label_set_version


def change_category(
    *, category: Category, by: User, changes: Mapping[str, Any], expected_version: int | None = None
) -> Category:
    """Rename, describe, give a key, a marker or a place, merge into another class, retire or bring back.

    changes: any of CATEGORY_FIELDS, position, retired (bool), merged_into (id of a class in use, or
    None). Old labels keep their meaning: a former name still works, a merged class counts as what it was
    merged into. Raises StaleVersion, Invalid, Conflict.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=category.project_id)
        row = Category.objects.select_for_update(no_key=True).get(pk=category.pk)
        check_version(row.version, expected_version, "class")
        before = row.merged_into_id
        changed = _apply(row, changes)
        if not changed:
            return row
        row.version += 1
        _check_numbers(row)
        _check_key(row)
        _saved(row)
        raise_label_set(project, category.project)
        audit(by, "category.update", project=project, subject=row.name, category=row.pk, changed=changed)
    if row.merged_into_id != before:
        counters.images(project)
    return row


def place_category(*, category: Category, by: User, place: int) -> None:
    """Move a class in use to this place in the row, counted from 0; the others close up. Raises Conflict."""
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=category.project_id)
        row = list(project.categories.in_use())
        moved = next((c for c in row if c.pk == category.pk), None)
        if moved is None:
            raise Conflict(_("This class is not in use: it has no place in the row."))
        row.remove(moved)
        row.insert(max(0, place), moved)
        # Positions may have gaps, where classes were retired: a place is what people see.
        shifted = [c for position, c in enumerate(row) if c.position != position]
        for position, c in enumerate(row):
            c.position = position
        if not shifted:
            return
        for c in shifted:
            c.version += 1
        Category.objects.bulk_update(shifted, ["position", "version"])
        raise_label_set(project, category.project)
        audit(by, "category.update", project=project, subject=moved.name, category=moved.pk, changed=["position"])


def _apply(row: Category, changes: Mapping[str, Any]) -> list[str]:
    changed = []
    fields = (*CATEGORY_FIELDS, "position")
    for name in fields:
        value = _tidy(name, changes.get(name, getattr(row, name)))
        if value != (old := getattr(row, name)):
            setattr(row, name, value)
            changed.append(name)
            if name == "name":
                row.former_names = [*[former for former in row.former_names if former != old], old]
    check_row(row, fields)
    if "merged_into" in changes and changes["merged_into"] != row.merged_into_id:
        row.merged_into = _target(row, changes["merged_into"])
        row.retired_at = timezone.now() if row.merged_into else None
        changed.append("merged_into")
    elif "retired" in changes and bool(changes["retired"]) != (row.retired_at is not None):
        if row.merged_into_id and not changes["retired"]:
            raise Conflict(_("This class was merged. Set merged_into to null to bring it back."))
        row.retired_at = timezone.now() if changes["retired"] else None
        changed.append("retired")
    if row.retired_at and changed and not Category.objects.in_use().filter(project=row.project_id).exclude(pk=row.pk):
        raise Conflict(_("This is the last class in use: add another one before it goes."))
    return changed


def _target(row: Category, wanted: int | None) -> Category | None:
    if wanted is None:
        return None
    target = Category.objects.in_use().filter(project=row.project_id, pk=wanted).exclude(pk=row.pk).first()
    if target is None:
        raise Invalid(
            _("A class is merged into another class of the same project that is in use."),
            fields={"merged_into": ["not another class in use"]},
        )
    return target
