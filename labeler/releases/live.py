"""The data set of a project as of now: what has been answered so far, frozen by nobody.

Everything read in one pass is as of one moment; two passes are too, inside `held`. A frozen release is made elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from labeler.curation.filters import ImageFilter
from labeler.errors import Invalid
from labeler.label_set import categories as label_set
from labeler.models import Category, Decision, Image, Label, Project
from labeler.releases.contents import Contents, read, snapshot
from labeler.releases.data_set import Class, DataSet, Wanted
from labeler.releases.outcomes import has_model_answers


def data_set(project: Project, wanted: Wanted | None = None, only: ImageFilter | None = None) -> DataSet:
    """The project, or its images that fit a filter, as of the moment at which its rows are read, not of this call.

    Raises Invalid for a filter of deleted images.
    """
    asked = wanted or Wanted()
    if only is not None:
        check_filter(only)
    answered = Image.objects.for_project(project).filter(Q(n_votes__gt=0) | Q(has_decision=True))
    is_part = only is not None and only != ImageFilter()

    def rows() -> Iterator[Contents]:
        with snapshot():
            images = only.images(project) if only is not None and is_part else None
            yield from read(project, accepted=asked.accepted, only=images)

    return DataSet(
        file_name=f"{safe_file_name(project.name)}-{project.pk}" + ("-part" if is_part else ""),
        title=project.name,
        question=project.question,
        is_multi=project.is_multi,
        classes=tuple(classes_of(project)),
        rows=rows,
        wanted=asked,
        held=snapshot,
        has_outcomes=(asked.accepted and has_model_answers(project)) or answered.exists(),
        task=project.task,
        background=background_of(project),
    )


def check_filter(only: ImageFilter) -> None:
    """Raises Invalid for a filter of deleted images."""
    if only.deleted:
        raise Invalid(
            _("Deleted images are in no export and no release: restore them first."), fields={"status": ["deleted"]}
        )


def classes_of(project: Project) -> Iterator[Class]:
    """Those in use, in screen order, then retired ones that answers still name: a file numbers them all."""
    categories = Category.objects.filter(project=project, merged_into=None).order_by("position", "id")
    yield from (Class(one.pk, one.name, one.description) for one in categories if one.retired_at is None)
    answers = Label.objects.current().filter(project=project)
    decisions = Decision.objects.filter(image__project=project, withdrawn_at=None)
    for one in categories:
        named = {"categories__contains": [one.pk]}
        if one.retired_at and (answers.filter(**named).exists() or decisions.filter(**named).exists()):
            yield Class(one.pk, one.name, one.description)


def background_of(project: Project) -> str:
    """The class of pixels that nobody painted; "" where there is none."""
    found = label_set.index(project)
    return found.names[found.background] if found.background is not None else ""


def safe_file_name(name: str) -> str:
    """A name as a part of a file's name, on every system."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60] or "project"
