"""`import_images` takes files of other tools, with the answers that the page asks for."""

import json

import pytest
from django.core.management import CommandError, call_command

from labeler.models import Image, Job, Label
from tests.helpers.importing import pictures, task, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


def test_a_dry_run_says_what_is_there_and_the_import_brings_it(project, tmp_path, capsys):
    files = {"t.json": [task("a.jpg", "cat"), task("b.jpg", "owl")], **pictures("a.jpg", "b.jpg")}
    path = str(zipped(tmp_path / "t.zip", files))
    with pytest.raises(SystemExit) as ended:
        call_command("import_images", path, project=project.name, dry_run=True)
    assert ended.value.code == 3  # a class is unknown
    said = capsys.readouterr().out
    assert "found labelstudio: 2 images, 2 labels: cat 1, owl 1 (new)" in said
    assert "Would add 2 images and 1 labels" in said
    assert not Image.objects.exists()

    call_command(
        "import_images", path, project=project.name, json=True, labels_as='{"people": ""}', new_categories="make"
    )
    result = json.loads(capsys.readouterr().out)
    assert (result["added"], result["labels_added"], result["refused"]) == (2, 2, [])
    assert Label.objects.count() == 2 and Job.objects.latest("pk").state == "done"


def test_a_folder_of_photographs_is_one_of_images_unless_it_is_said_otherwise(project, tmp_path, capsys):
    for name, content in pictures("2024/may/a.jpg", "2024/june/b.jpg").items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    call_command("import_images", str(tmp_path / "in"), project=project.name, quiet=True)
    assert (Image.objects.count(), Job.objects.count()) == (2, 0)
    call_command(
        "import_images", str(tmp_path / "in"), project=project.name, quiet=True, format="imagefolder",
        new_categories="make",
    )  # fmt: skip
    assert set(project.categories.values_list("name", flat=True)) >= {"may", "june"}
    with pytest.raises(CommandError, match="labels_as is"):
        call_command("import_images", str(tmp_path / "in"), project=project.name, labels_as="perhaps")
