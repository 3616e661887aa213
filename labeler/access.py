"""Who may do what in a project: the one place that pages and REST ask.

Strangers are not told that a project exists (NotFound); a member whose role does not reach is (NotAllowed). An
administrator counts as a lead everywhere, but labels only where they are a member. The project that is handed out says
for whom: `role` and `membership`.

Nearly every request begins with this. By hand: built with the ORM it takes 3 ms of processor time, by hand 0.3
(docs/decisions/0014). Knows no address; what is shown of an image to whom is labeler/labeling/blindness.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotAllowed, NotFound
from labeler.models import Image, Membership, Project, Role
from labeler.models.statements import columns, fetch_one, whole

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NO_PROJECT = gettext_lazy("There is no such project, or you are not a member of it.")
NO_IMAGE = gettext_lazy("There is no such image, or you are not a member of its project.")

_PROJECT = f"""
    SELECT {columns(Membership, "m")}, {columns(Project, "p")}
    FROM labeler_project p
    LEFT JOIN labeler_membership m ON m.project_id = p.id AND m.user_id = %s
    WHERE p.id = %s AND (%s OR p.trashed_at IS NULL) AND p.trash_of_id IS NULL
"""
_IMAGE = f"""
    SELECT {columns(Membership, "m")}, {columns(Project, "p")}, {columns(Image, "i")}
    FROM labeler_image i
    JOIN labeler_project p ON p.id = i.project_id AND p.trashed_at IS NULL
    LEFT JOIN labeler_membership m ON m.project_id = p.id AND m.user_id = %s
    WHERE i.id = %s
"""
# In the trash an image is in another project (docs/decisions/0017): that one has no members.
_IMAGE_IN_TRASH = _IMAGE.replace("i.project_id", "coalesce(i.trashed_from_id, i.project_id)")
_OF_MEMBER = len(Membership._meta.concrete_fields)
_OF_PROJECT = _OF_MEMBER + len(Project._meta.concrete_fields)
_TRASHED_AT = [field.attname for field in Image._meta.concrete_fields].index("trashed_at")


# ---------------------------------------------------------------- one project, one image, one row of a project


def project_for(
    person: User, project_id: int, *, at_least: Role = Role.ANNOTATOR, also_in_trash: bool = False
) -> Project:
    """The project, with the person's `role` and `membership`. Raises NotFound for strangers, NotAllowed."""
    row = fetch_one(_PROJECT, [person.pk, project_id, also_in_trash])
    return _checked(person, row, at_least, NO_PROJECT)


def image_for(person: User, image_id: int, *, at_least: Role = Role.ANNOTATOR, also_in_trash: bool = False) -> Image:
    """The image of a project that is not in the trash; `image.project` is as from project_for, which says the rest.

    also_in_trash: a deleted image too, for leads only; its `project` is the one it was deleted from.
    """
    row = fetch_one(_IMAGE_IN_TRASH if also_in_trash else _IMAGE, [person.pk, image_id])
    if row is not None and also_in_trash and row[_OF_PROJECT + _TRASHED_AT] is not None:
        project = _checked(person, row, Role.ANNOTATOR, NO_IMAGE)
        if not may_lead(project):
            raise NotFound(str(NO_IMAGE))
    project = _checked(person, row, at_least, NO_IMAGE)
    assert row is not None  # _checked looked
    image = whole(Image, row[_OF_PROJECT:])
    image.project = project
    return image


def row_for(
    person: User,
    rows: QuerySet[Any],
    *,
    at_least: Role = Role.ANNOTATOR,
    missing: str | Promise,
    project: str = "project",
) -> Any:
    """The first of `rows`, of whatever table, with the person's `role` in its project.

    project: the way from the row to it. Raises NotFound, which says `missing`, for strangers, and NotAllowed.
    """
    theirs = Membership.objects.filter(project=OuterRef(project), user=person).values("role")[:1]
    row = rows.annotate(role=Subquery(theirs)).first()
    role = check(person, row and row.role, exists=row is not None, at_least=at_least, missing=missing)
    row.role = role
    return row


def check(person: User, role: str | None, *, exists: bool, at_least: Role, missing: str | Promise) -> Role:
    """As what the person counts there. Every verb above ends with this: nobody gets in past it.

    role: theirs as a member, None for strangers. Raises NotFound, which says `missing`, and NotAllowed.
    """
    counts_as = role_of(person, role)
    if not exists or counts_as is None:
        raise NotFound(str(missing))
    if not counts_as.reaches(at_least):
        raise NotAllowed(
            _("Only a %(least)s of this project may do this; you are %(a)s.")
            % {"least": at_least, "a": f"an {counts_as}" if counts_as[0] in "aeiou" else f"a {counts_as}"}
        )
    return counts_as


# ---------------------------------------------------------------- roles


def role_of(person: User, role: str | None) -> Role | None:
    """As what somebody counts in a project where they have this role, or none. None: a stranger."""
    if administers(person):
        return Role.LEAD
    return None if role is None else Role(role)


def roles_in(person: User, project_ids: Iterable[int]) -> dict[int, Role]:
    """As what the person counts in each of these projects, by one query; those where they are a stranger left out."""
    ids = list(project_ids)
    theirs = dict(Membership.objects.filter(user=person, project__in=ids).values_list("project", "role"))
    return {pk: role for pk in ids if (role := role_of(person, theirs.get(pk))) is not None}


def may_review(row: Any) -> bool:
    """A project, or another row, from here: does whoever asked for it reach a reviewer?"""
    return bool(row.role.reaches(Role.REVIEWER))


def may_lead(row: Any) -> bool:
    return bool(row.role.reaches(Role.LEAD))


def leads(person: User, project_id: int) -> bool:
    """Does the person lead this project by now, in the trash or not?"""
    if administers(person):
        return True
    return Membership.objects.filter(project=project_id, user=person, role=Role.LEAD).exists()


def administers(person: User) -> bool:
    """May make projects, sees all of them, and how the server is."""
    return person.is_superuser


# ---------------------------------------------------------------- all projects of a person


def projects_of(person: User) -> QuerySet[Project]:
    """Those the person is a member of, without the trash; all of them for an administrator."""
    live = Project.objects.not_in_trash()
    return live if administers(person) else live.filter(memberships__user=person)


def trash_of(person: User) -> QuerySet[Project]:
    """Those in the trash that the person leads; all of them for an administrator."""
    gone = Project.objects.filter(trashed_at__isnull=False, trash_of=None)
    if administers(person):
        return gone
    return gone.filter(memberships__user=person, memberships__role=Role.LEAD)


def _checked(person: User, row: tuple[Any, ...] | None, at_least: Role, missing: Promise) -> Project:
    """The project of a row of one of the queries above, if the person may come in."""
    member = whole(Membership, row[:_OF_MEMBER]) if row and row[0] is not None else None
    role = check(person, member.role if member else None, exists=row is not None, at_least=at_least, missing=missing)
    assert row is not None  # check looked
    project = whole(Project, row[_OF_MEMBER:_OF_PROJECT])
    project.role, project.membership = role, member
    return project
