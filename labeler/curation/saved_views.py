"""Filters of the images page under a name, for everybody who works on the project. Writes SavedView.

Knows names, not what a filter says: who shows a view reads its address as that of the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotFound, NotPossibleNow
from labeler.models import Project, SavedView

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 50  # of a project: a row of links, not an archive
LONGEST_NAME, LONGEST_QUERY = 100, 2000  # as the columns have it


@transaction.atomic
def save(*, project: Project, by: User, name: str, query: str) -> SavedView:
    """Keep these filters; a view of that name has them from now on. query: of an address, with its "?".

    Raises Invalid, NotPossibleNow.
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
    view, _is_new = SavedView.objects.update_or_create(
        project=project, name=name, defaults={"query": query, "created_by": by}
    )
    audit(by, "view.save", project=project, subject=name, query=query)
    return view


@transaction.atomic
def delete(*, project: Project, by: User, pk: int) -> str:
    """Forget a view; its name. Raises NotFound."""
    view = SavedView.objects.select_for_update().filter(project=project, pk=pk).first()
    if view is None:
        raise NotFound(_("There is no such view."))
    view.delete()
    audit(by, "view.delete", project=project, subject=view.name)
    return view.name
