"""Groups of near-duplicates, with the consensus of each image: where the labels differ, one is wrong.

Knows how groups are shown; which images are near-duplicates, and in which slice they are, is
labeler/intake/near_duplicates.py's.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.consensus import snapshots
from labeler.intake import near_duplicates as duplicates
from labeler.intake.near_duplicates import DuplicateGroup
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Project, Role
from labeler.models.image import Slice, Status
from labeler.pages.asking import Access, project_page
from labeler.pages.images.images import tile
from labeler.pages.refusals import page_asked_for

PER_PAGE = 20
SHOWN = 24  # images of a group


@project_page(Role.REVIEWER)
def near_duplicates(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    at = page_asked_for(request)
    found, n = duplicates.groups(project, PER_PAGE, (at - 1) * PER_PAGE)
    images = [image.pk for group in found for image in group.images[:SHOWN]]
    blindness.remember(request.user, others=images)
    shown = number_format(n, force_grouping=True)
    return access.render(
        request,
        "images/duplicates.html",
        "images",
        groups=[group_context(project, group) for group in found],
        markers=categories.markers_by_name(project),
        summary=ngettext("%(n)s group, the largest first", "%(n)s groups, the largest first", n) % {"n": shown},
        n=n,
        before=f"?page={at - 1}" if at > 1 else "",
        after=f"?page={at + 1}" if n > at * PER_PAGE else "",
    )


def group_context(project: Project, group: DuplicateGroup) -> dict[str, Any]:
    """A group with what its images are taken to be, and whether that differs."""
    index = categories.index(project)
    images = group.images[:SHOWN]
    outcomes = snapshots.shown_consensus(images)
    taken = {pk: None if one.categories is None else index.resolve(one.categories) for pk, one in outcomes.items()}
    said = {tuple(named) for named in taken.values() if named is not None}
    open_ = [image for image in images if taken[image.pk] is None]
    disputed = sum(image.status == Status.DISPUTED for image in open_)
    return {
        "n": len(group.images),
        "more": len(group.images) - len(images),
        "differ": len(said) > 1,
        "disputed": disputed,
        "unlabeled": len(open_) - disputed,
        "where": _where({Slice(image.slice) for image in group.images}),
        "rows": [
            {**tile(image, index), "taken": None if (named := taken[image.pk]) is None else index.label(named)}
            for image in images
        ],
    }


def _where(slices: set[Slice]) -> str:
    """What the group is used for, in words."""
    if Slice.TEST in slices or Slice.CALIBRATION in slices:
        judged = _("judged by, never trained on")
        return _("%(judged)s; some left out of both") % {"judged": judged} if Slice.APART in slices else judged
    if slices == {Slice.APART}:
        return _("left out: neither trained on nor judged by")
    return _("trained on")
