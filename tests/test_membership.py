"""Who may do what in a project; and that what is read by hand for it is what the ORM would read."""

import pytest

from labeler import access
from labeler.errors import NotAllowed, NotFound
from labeler.models import Category, Image, Membership, Project, Role
from labeler.projects.projects import trash
from tests.helpers.factories import add_images
from tests.helpers.rows import values

pytestmark = pytest.mark.django_db


@pytest.fixture
def described(project):
    project.training_config = {"seed": 1, "candidates": ["linear"]}
    project.save()
    Membership.objects.filter(project=project).update(category_keys={"1": "r"})
    (image,) = add_images(project, 1, metadata={"plot": 3})
    return image


def test_a_project_has_all_its_columns_and_the_members_place(project, described, ann):
    found = access.project_for(ann, project.pk)

    assert values(found) == values(Project.objects.get())
    assert values(found.membership) == values(Membership.objects.get(user=ann))


def test_an_image_has_all_its_columns_its_project_and_the_members_place(
    project, described, ann, django_assert_num_queries
):
    with django_assert_num_queries(1):
        found = access.image_for(ann, described.pk)
        name = found.project.name

    assert name == project.name
    assert values(found) == values(Image.objects.get())
    assert values(found.project.membership) == values(Membership.objects.get(user=ann))


def asked(project, image, person, at_least=Role.ANNOTATOR):
    """The three ways to ask for something of a project, each as a call."""
    rows = Category.objects.filter(project=project)
    return [
        lambda: access.project_for(person, project.pk, at_least=at_least),
        lambda: access.image_for(person, image.pk, at_least=at_least),
        lambda: access.row_for(person, rows, at_least=at_least, missing="There is no such class."),
    ]


def test_a_stranger_is_not_told_that_it_exists(project, described, carl):
    for ask in asked(project, described, carl, at_least=Role.LEAD):
        with pytest.raises(NotFound):
            ask()


def test_what_is_in_the_trash_or_was_never_there_is_not_found(project, described, lena, carl):
    trash(project=project, by=lena)

    for ask in asked(project, described, lena)[:2]:  # the rows of the third are the caller's to choose
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(NotFound):
        access.project_for(lena, 10**30)
    assert access.project_for(lena, project.pk, also_in_trash=True).trashed_at is not None
    with pytest.raises(NotFound):
        access.project_for(carl, project.pk, also_in_trash=True)


def test_each_role_may_do_what_the_ones_before_it_may(project, described, ann, rev, lena, ada):
    assert [role.rank for role in Role] == [0, 1, 2]
    for person, rank in ((ann, 0), (rev, 1), (lena, 2), (ada, 2)):  # ada, an administrator, is no member
        for least in Role:
            for ask in asked(project, described, person, at_least=least):
                if rank >= least.rank:
                    ask()
                else:
                    with pytest.raises(NotAllowed, match=f"Only a {least} of this project"):
                        ask()


def test_an_administrator_leads_everywhere_and_is_a_member_only_where_they_are_one(project, ada, lena):
    found = access.project_for(ada, project.pk)

    assert (found.role, found.membership) == (Role.LEAD, None)
    assert access.may_lead(found) and access.may_review(found)
    assert access.roles_in(ada, [project.pk]) == {project.pk: Role.LEAD}
    assert access.leads(ada, project.pk) and access.leads(lena, project.pk)


def test_the_lists_of_projects_are_those_one_may_open(project, ann, carl, lena, ada):
    assert [access.projects_of(person).count() for person in (carl, ann, lena, ada)] == [0, 1, 1, 1]
    trash(project=project, by=lena)

    assert [access.projects_of(person).count() for person in (carl, ann, lena, ada)] == [0, 0, 0, 0]
    assert [access.trash_of(person).count() for person in (carl, ann, lena, ada)] == [0, 0, 1, 1]
    assert access.roles_in(carl, [project.pk]) == {}
