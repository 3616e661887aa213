"""delete_images and restore_images on the command line."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from tests.helpers.factories import add_images, make_project

pytestmark = pytest.mark.django_db


def test_by_filter_into_the_trash_and_all_back(capsys):
    project = make_project(name="Leaves")
    add_images(project, 2, name="a/leaf.jpg")
    (bark,) = add_images(project, 1, name="b/bark.jpg")

    call_command("delete_images", project="Leaves", filter=["search=leaf"], json=True)
    assert json.loads(capsys.readouterr().out) == {"project": project.pk, "changed": 2, "kept": 0}
    assert list(project.images.values_list("pk", flat=True)) == [bark.pk]
    call_command("restore_images", project="Leaves", all=True)
    assert project.images.count() == 3

    with pytest.raises(SystemExit) as end:
        call_command("delete_images", 987654, project="Leaves")
    assert end.value.code == 3
    with pytest.raises(CommandError):
        call_command("delete_images", project="Leaves")
