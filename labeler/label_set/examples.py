"""Images that show what a class means, beside the guideline. The only module that writes CategoryExample.

Knows which images may serve, and which to offer a lead. Annotators see the answer to an example image, so an image
that models and people are tested on can be none.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotPossibleNow
from labeler.label_set import categories as label_set
from labeler.models import Category, CategoryExample, Image
from labeler.models.image import HELD_OUT, Status
from labeler.models.project import Project

MOST = 12  # per class: more are not looked at
LONGEST_CAPTION = 100
# How sure it is that an image shows its class, the surest first: what the picker offers.
UNANIMOUS, DECIDED, MOSTLY = "unanimous", "decided", "mostly"
OFFERS = (UNANIMOUS, DECIDED, MOSTLY)


def examples_of(project: Project) -> dict[int, list[CategoryExample]]:
    """The examples of all classes in use, by class, oldest first. One query."""
    found: dict[int, list[CategoryExample]] = {}
    rows = CategoryExample.objects.filter(category__project=project, category__retired_at=None, image__project=project)
    for row in rows.select_related("image").order_by("id"):
        found.setdefault(row.category_id, []).append(row)
    return found


def add(*, category: Category, image: Image, by: User, caption: str | None = None) -> tuple[CategoryExample, bool]:
    """Show this image as an example of the class; (the row, whether it is new). Again: takes another caption, if any.

    Raises Invalid for an image of another project or a long caption, NotPossibleNow for a held-out image, a class that
    is not in use, or one that has MOST.
    """
    if image.project_id != category.project_id:
        raise Invalid(_("The image must be one of the class's project."), fields={"image": ["not of this project"]})
    if caption is not None and len(caption.strip()) > LONGEST_CAPTION:
        sentence = f"A caption has at most {LONGEST_CAPTION} characters."
        raise Invalid(sentence, fields={"caption": ["too long"]})
    if image.is_held_out:
        raise NotPossibleNow(
            _(
                "This image is held out to test models and people: as an example, annotators would see "
                "its answer. Choose another one."
            ),
            fields={"image": ["held out"]},
        )
    with transaction.atomic():
        # The class: two leads who each add a twelfth example would otherwise add two.
        row = Category.objects.select_for_update(no_key=True).get(pk=category.pk)
        example = row.examples.filter(image=image).first()
        if example is not None:
            if caption is not None and example.caption != caption.strip():
                example.caption = caption.strip()
                example.save(update_fields=["caption"])
                _write_down(by, "example.caption", example, row)
            return example, False
        if row.retired_at is not None:
            raise NotPossibleNow(_("This class is not in use: nobody would see its examples."))
        if row.examples.count() >= MOST:
            raise NotPossibleNow(
                _("“%(name)s” has %(most)s examples, the most there can be. Remove one first.")
                % {"name": row.name, "most": MOST}
            )
        caption = (caption or "").strip()
        example = CategoryExample.objects.create(category=row, image=image, caption=caption, added_by=by)
        _write_down(by, "example.add", example, row)
    return example, True


def remove(*, example: CategoryExample, by: User) -> None:
    """Show it no longer. The image stays as it is. Does nothing when somebody was quicker."""
    with transaction.atomic():
        row = CategoryExample.objects.select_for_update().filter(pk=example.pk).select_related("category").first()
        if row is not None:
            _write_down(by, "example.remove", row, row.category)
            row.delete()


def _write_down(by: User, action: str, example: CategoryExample, category: Category) -> None:
    about = {"category": category.pk, "image": example.image_id, "caption": example.caption}
    audit(by, action, project=category.project_id, subject=category.name, **about)


def may_serve(project: Project) -> QuerySet[Image]:
    """Images that can be examples of something: settled ones, except those that people and models are tested on."""
    return Image.objects.for_project(project).filter(status=Status.SETTLED).exclude(slice__in=HELD_OUT)


def offer(category: Category, kind: str) -> QuerySet[Image]:
    """Settled images of a class that are no example of it yet, newest first; kind: of OFFERS."""
    taken = CategoryExample.objects.filter(category=category, image=OuterRef("pk"))
    images = may_serve(category.project).filter(_is_taken_to_be(category), ~Exists(taken))
    unanimous = Q(consensus__method="majority", consensus__confidence=1.0)
    wanted = {
        UNANIMOUS: unanimous,
        DECIDED: Q(consensus__method="decision"),
        MOSTLY: Q(consensus__method="majority", consensus__confidence__lt=1.0),
    }[kind]
    return images.filter(wanted).order_by("-id")


def _is_taken_to_be(category: Category) -> Q:
    # A snapshot from before a merge names the class that went: it means this one all the same.
    merged = label_set.index(category.project).merged
    return Q(consensus__categories__overlap=[category.pk, *_came_into(category.pk, merged)])


def _came_into(target: int, merged: dict[int, int]) -> Iterable[int]:
    for pk, into in merged.items():
        if into == target:
            yield pk
            yield from _came_into(pk, merged)
