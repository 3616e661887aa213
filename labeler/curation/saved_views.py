"""Filters of the images page under a name, for everybody who works on the project. Writes SavedView.

Who shows a view reads its address as that of the reader: what leads alone may look for is shown to leads alone.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from labeler.access import may_lead
from labeler.accounts.audit import audit
from labeler.curation.image_list import Filters
from labeler.errors import Invalid, NotFound, NotPossibleNow
from labeler.models import Project, SavedView

MOST = 50  # of a project: a row of links, not an archive
LONGEST_NAME, LONGEST_QUERY = 100, 2000  # as the columns have it


def read(project: Project, query: str) -> Filters:
    """A kept address, or part of one, as the person for whom the project was handed out may ask it."""
    return Filters.read(project, QueryDict(query.removeprefix("?")).dict(), may_lead=may_lead(project))


def visible(project: Project) -> list[SavedView]:
    """The views that the person for whom the project was handed out may follow, by name.

    One that asks for what leads alone see would show others another list.
    """
    views = SavedView.objects.filter(project=project).select_related("created_by")
    return [view for view in views if may_lead(project) or read(project, view.query).link() == view.query]


@transaction.atomic
def save(*, project: Project, by: User, name: str, query: str) -> tuple[SavedView, bool]:
    """Keep these filters; a view of that name has them from now on. The view, and whether it is new.

    query: of an address, with its "?", as read() and link() put it. Raises Invalid, NotPossibleNow.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        raise Invalid(_("A view has a name of at most %(n)s letters.") % {"n": LONGEST_NAME}, fields={"name": ["name"]})
    if query in ("", "?") or len(query) > LONGEST_QUERY:
        raise Invalid(
            _("There are no filters to keep: choose some first.") if len(query) < 2
            else _("These filters are too long to be kept."),
            fields={"query": ["length"]},
        )  # fmt: skip
    # So that two who save at once do not both find the last place free.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    others = SavedView.objects.filter(project=project).exclude(name=name)
    if others.count() >= MOST:
        raise NotPossibleNow(_("A project has at most %(n)s saved views: delete one first.") % {"n": MOST})
    view, is_new = SavedView.objects.update_or_create(
        project=project, name=name, defaults={"query": query, "created_by": by}
    )
    audit(by, "view.save", project=project, subject=name, query=query)
    return view, is_new


@transaction.atomic
def delete(*, project: Project, by: User, pk: int) -> str:
    """Forget a view; its name. Raises NotFound."""
    view = SavedView.objects.select_for_update().filter(project=project, pk=pk).first()
    if view is None:
        raise NotFound(_("There is no such view."))
    view.delete()
    audit(by, "view.delete", project=project, subject=view.name)
    return view.name
