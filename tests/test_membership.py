"""Who a person is in a project, as it is read by hand: the same as the ORM would read, for members and for others."""

import pytest

from labeler import access
from labeler.models import Image, Membership, Project
from labeler.projects.projects import trash
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db


def values(row):
    """All columns, as the ORM would give them."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def described(project):
    project.training_config = {"seed": 1, "candidates": ["linear"]}
    project.save()
    Membership.objects.filter(project=project).update(category_keys={"1": "r"})
    (image,) = add_images(project, 1, metadata={"plot": 3})
    return image


def test_a_project_has_all_its_columns_and_the_members_place(project, described, ann):
    found, member = access.of_project(ann, project.pk)

    assert values(found) == values(Project.objects.get())
    assert values(member) == values(Membership.objects.get(user=ann))


def test_an_image_has_all_its_columns_its_project_and_the_members_place(
    project, described, ann, django_assert_num_queries
):
    with django_assert_num_queries(1):
        found, member = access.of_image(ann, described.pk)
        name = found.project.name

    assert name == project.name
    assert values(found) == values(Image.objects.get())
    assert values(member) == values(Membership.objects.get(user=ann))


def test_a_stranger_has_no_place(project, described, carl):
    assert access.of_project(carl, project.pk)[1] is None
    assert access.of_image(carl, described.pk)[1] is None


def test_what_is_in_the_trash_or_was_never_there_is_not_found(project, described, lena):
    trash(project=project, by=lena)

    assert access.of_project(lena, project.pk) == (None, None)
    assert access.of_image(lena, described.pk) == (None, None)
    assert access.of_project(lena, 10**30) == (None, None)
