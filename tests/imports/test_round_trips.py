"""What each format takes out comes back in with equal answers, and a second time nothing is new."""

from __future__ import annotations

import re

import pytest

from labeler import releases
from labeler.models import Image, Label
from labeler.releases import live
from labeler.releases.data_set import Wanted
from tests.helpers.data_sets import add_photographs, fill
from tests.helpers.factories import make_project
from tests.helpers.importing import bring_in, pictures, tarred

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def outcomes(project) -> dict[str, list[str]]:
    """The agreed answer of each image that has one, by name."""
    data = live.data_set(project, Wanted())
    return {one.image.name: sorted(one.names) for one in data.rows() if one.names}


def brought(project, source) -> dict[int, list[str]]:
    """What the labels of an import say, by the image of the source: its name, or its number in the file's name."""
    names = dict(project.categories.values_list("pk", "name"))
    numbers = dict(Image.objects.filter(project=source).values_list("name", "pk"))
    found = {}
    for label in Label.objects.current().filter(project=project).select_related("image"):
        name = label.image.name
        number = numbers.get(name) or int(re.search(r"(\d+)\.\w+$", name).group(1))
        found[number] = sorted(names[pk] for pk in label.categories)
    return found


# Formats with pictures, and whether they can hold several classes of one image.
WITH_PICTURES = [
    ("imagefolder", {}, False), ("yolo", {"format": "yolo"}, False), ("huggingface", {}, True),
    ("webdataset", {}, True), ("cvat", {}, True), ("labelstudio", {}, True),
]  # fmt: skip


@pytest.mark.parametrize(("format_", "params", "multi"), [
    *((name, params, False) for name, params, _multi in WITH_PICTURES),
    *((name, params, True) for name, params, multi in WITH_PICTURES if multi),
])  # fmt: skip
def test_pictures_come_back_with_the_outcome(
    project, multi_project, ann, bea, rev, ada, tmp_path, format_, params, multi
):
    source = multi_project if multi else project
    fill(source, (ann, bea), rev)
    # A verified none has no place in files of tags and folders: said in docs/formats.md.
    wanted = {pk: names for pk, names in by_number(source).items() if names}
    images = None if format_ in ("imagefolder", "yolo", "huggingface", "webdataset") else True
    export = releases.export(source, format_, labels="consensus", images=images)
    path = tmp_path / export.file_name
    path.write_bytes(b"".join(export.chunks))
    target = make_project(lead=ada, name="again", task=source.task, categories=class_names(source))

    said = {"labels_as": {"source": "before"}, **params}
    result = bring_in(target, ada, path, **said)
    again = bring_in(target, ada, path, **said)

    found = {pk: names for pk, names in brought(target, source).items() if names}
    assert found == wanted, result
    assert result["added"] >= len(wanted) and not Image.objects.filter(project=target, name="").exists()
    assert (again["added"], again["labels_added"]) == (0, 0)


def test_every_judgement_comes_back_with_its_author(project, ann, bea, rev, ada, tmp_path):
    fill(project, (ann, bea), rev)
    export = releases.export(project, "labels-csv")
    path = tmp_path / export.file_name
    path.write_bytes(b"".join(export.chunks))
    target = make_project(lead=ada, name="again", categories=class_names(project))
    add_photographs(target, 7)

    result = bring_in(target, ada, path)
    again = bring_in(target, ada, path)

    assert judgements(target) == judgements(project), result
    assert (again["labels_added"], again["refused"]) == (0, [])


def by_number(project) -> dict[int, list[str]]:
    numbers = dict(Image.objects.filter(project=project).values_list("name", "pk"))
    return {numbers[name]: names for name, names in outcomes(project).items()}


def class_names(project) -> tuple[str, ...]:
    return tuple(project.categories.order_by("position").values_list("name", flat=True))


def judgements(project) -> list[tuple[str, str, str, list[str]]]:
    names = dict(project.categories.values_list("pk", "name"))
    rows = Label.objects.current().filter(project=project).select_related("image", "annotator")
    return sorted(
        (one.image.name, one.annotator.get_username(), one.answer, sorted(names[pk] for pk in one.categories))
        for one in rows
    )


def test_a_folder_of_shards_is_read_shard_by_shard(project, lena, tmp_path):
    """The images are read after the rows: of three shards the first is closed by then, and opened again."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for n in range(3):
        (picture,) = pictures(f"{n}.jpg", start=n + 1).values()
        tarred(folder / f"train-{n:06}.tar", {f"{n}.jpg": picture, f"{n}.cls": "cat"})

    result = bring_in(project, lena, folder, labels_as={"source": "before"})

    assert (result["format"], result["added"], result["labels_added"], result["refused"]) == ("webdataset", 3, 3, [])
    assert set(Image.objects.filter(project=project).values_list("split", flat=True)) == {"train"}
