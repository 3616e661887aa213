"""import_images: counts, lines, JSON and exit codes."""

import json

import pytest
from django.core.management import CommandError, call_command

from labeler.models import Image
from tests.helpers.factories import make_project
from tests.helpers.pictures import archive, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a.jpg").write_bytes(picture(1))
    (tmp_path / "in" / "sub" / "b.jpg").write_bytes(picture(2))
    return tmp_path / "in"


def test_a_folder_goes_in_and_again_changes_nothing(project, folder, capsys):
    call_command("import_images", str(folder), project="Animals")
    assert capsys.readouterr().out == "Added 2 images to “Animals”; 0 were there already, 0 refused.\n"
    assert sorted(Image.objects.values_list("name", flat=True)) == ["a.jpg", "sub/b.jpg"]
    call_command("import_images", str(folder), project=str(project.pk))
    assert "2 were there already" in capsys.readouterr().out


def test_refusals_are_named_and_make_the_exit_code_3(project, tmp_path, capsys):
    path = archive(tmp_path / "a.zip", {"a.jpg": picture(1), "bad.jpg": b"no", "cut.jpg": picture(2)[:200]})
    with pytest.raises(SystemExit) as end:
        call_command("import_images", str(path), project="Animals")
    assert end.value.code == 3
    out = capsys.readouterr().out
    assert "refused bad.jpg: This is not an image." in out
    assert "refused cut.jpg: The image is incomplete" in out


def test_json_stands_alone_on_stdout(project, tmp_path, capsys):
    path = archive(tmp_path / "a.zip", {"a.jpg": picture(1), "bad.jpg": b"no"})
    with pytest.raises(SystemExit):
        call_command("import_images", str(path), project="Animals", json=True)
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert (facts["project"], facts["added"], facts["duplicates"]) == (project.pk, 1, 0)
    assert [file["name"] for file in facts["refused"]] == ["bad.jpg"]
    assert "refused bad.jpg" in captured.err


def test_a_dry_run_writes_nothing(project, folder, capsys):
    call_command("import_images", str(folder), project="Animals", dry_run=True)
    assert "Would add 2 images" in capsys.readouterr().out
    assert not Image.objects.exists()


def test_quiet_says_nothing_when_all_is_well(project, folder, capsys):
    call_command("import_images", str(folder), project="Animals", quiet=True)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_what_cannot_be_used_is_a_sentence_with_exit_code_2_and_what_fails_with_1(project, folder, tmp_path):
    with pytest.raises(CommandError, match="There are: “Animals”") as error:
        call_command("import_images", str(folder), project="Plants")
    assert error.value.returncode == 2
    with pytest.raises(CommandError, match="There is no") as error:
        call_command("import_images", str(tmp_path / "nothing"), project="Animals")
    assert error.value.returncode == 2
    make_project(name="Animals")
    with pytest.raises(CommandError, match="Several projects") as error:
        call_command("import_images", str(folder), project="Animals")
    assert error.value.returncode == 2
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(CommandError, match="damaged") as error:
        call_command("import_images", str(tmp_path / "broken.zip"), project=str(project.pk))
    assert error.value.returncode == 1
