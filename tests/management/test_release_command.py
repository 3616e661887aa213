"""`release` and `export --release`: a numbered data set from a terminal."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeler.management.commands import release as command
from labeler.models import AuditEvent, Image, Release
from tests.helpers.factories import add_images
from tests.helpers.pages import answer
from tests.helpers.releasing import make_file
from worker.releases import freeze_job

pytestmark = pytest.mark.django_db


class Done:
    """A child that has frozen it already."""

    def __init__(self, work: str, row: int) -> None:
        assert work == "release"
        freeze_job(row, worker="child@here")

    def poll(self) -> int:
        return 0

    def terminate(self) -> None:
        raise AssertionError("it has ended")


@pytest.fixture(autouse=True)
def _here(settings, tmp_path, monkeypatch):
    settings.MEDIA_DIR = tmp_path / "media"
    monkeypatch.setattr(command, "work_here", Done)


@pytest.fixture
def labeled(project, ann):
    for at, image in enumerate(add_images(project, 10)):
        answer(project, ann, image, ("cat", "dog")[at % 2])


def test_a_release_is_made_and_exported(project, labeled, capsys, tmp_path):
    call_command("release", project=project.name, name="v1", splits="train=0.5,test=0.5", seed=3, json=True)

    said = json.loads(capsys.readouterr().out)
    release = Release.objects.get()
    assert (said["number"], said["checksum"], said["images"]) == (1, release.checksum, 10)
    assert [(row["split"], row["images"]) for row in said["counts"]] == [("train", 5), ("test", 5)]
    target = tmp_path / "out.csv"
    call_command("export", project=project.name, format="csv", release=1, output=str(target), quiet=True)
    assert target.read_bytes() == make_file(release, "csv")[1]
    assert AuditEvent.objects.filter(action="project.export").get().details["release"] == 1


def test_only_the_images_that_fit_a_filter(project, labeled, capsys, tmp_path):
    Image.objects.filter(pk__in=Image.objects.values("pk")[:4]).update(metadata={"exif.gps_latitude": "north"})
    place = "metadata.exif.gps_latitude=north"  # a lead's to ask for, and the administrator's at the terminal
    call_command("release", project=project.name, filter=["category=cat", place], json=True)
    assert (said := json.loads(capsys.readouterr().out))["images"] == 2
    assert said["filter"] == {"category": ["cat"], "metadata.exif.gps_latitude": ["north"]}

    target = tmp_path / "out.csv"
    call_command("export", project=project.name, filter=["category=cat", place], output=str(target), json=True)
    assert json.loads(capsys.readouterr().out)["images"] == 2
    assert len(target.read_text().splitlines()) == 1 + 2
    assert AuditEvent.objects.get(action="project.export").details["filter"] == ["category=cat", place]


@pytest.mark.parametrize(
    ("command", "asked", "why"),
    [("release", {"filter": ["statuz=settled"]}, "no such filter: statuz"),
     ("release", {"filter": ["settled"]}, "NAME=VALUE, not 'settled'"),
     ("export", {"filter": ["statuz=settled"]}, "no such filter: statuz"),
     ("export", {"filter": ["status=settled"], "release": 1}, "A release has its images"),
     ("export", {"prepare": ["wide=3"], "format": "imagefolder"}, "has no wide"),
     ("delete_images", {"filter": ["serach=leaf"]}, "no such filter: serach")],
)  # fmt: skip
def test_a_filter_that_is_none_is_not_all_images(project, labeled, command, asked, why):
    with pytest.raises(CommandError, match=why):
        call_command(command, project=project.name, **asked)
    assert not Release.objects.exists() and project.images.count() == 10


@pytest.mark.parametrize("splits", ["train", "train=much", "train=0.5,test=0.1", "a=1"])
def test_splits_that_are_none_are_refused(project, labeled, splits):
    with pytest.raises(CommandError):
        call_command("release", project=project.name, splits=splits)
    assert not Release.objects.exists()


def test_what_cannot_be_made_says_why_and_fails(project, labeled, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("release", project=project.name, splits="train=0.5,test=0.5", group_by="patient")

    assert ended.value.code == 1
    assert "No image has “patient”" in capsys.readouterr().out


def test_there_is_no_such_release(project, labeled):
    with pytest.raises(CommandError, match="no release 7"):
        call_command("export", project=project.name, release=7)
