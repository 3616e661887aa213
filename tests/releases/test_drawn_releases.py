"""Releases of drawn objects: frozen with them, split, described, and the same to the byte in every format."""

from __future__ import annotations

import json

import pytest

from labeler.models import LabelObject
from labeler.models.image import Slice
from labeler.releases import frozen, releases
from labeler.releases.formats import OF_OBJECTS
from labeler.review import adjudication
from tests.helpers.drawn_projects import draw_objects as draw
from tests.helpers.factories import add_images, make_project
from tests.helpers.releasing import frozen_bytes, frozen_lines, make_file, make_release

pytestmark = pytest.mark.django_db
MASK = {"size": [2, 2], "counts": "13", "offset": [50, 40]}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def drawn(ann, bea, lena):
    """Twelve images: most with a king, of some a mask too, of one nothing; one that nobody answered."""
    project = make_project(ann, bea, lead=lena, task="masks", categories=("king", "pawn"))
    images = add_images(project, 13, slice=Slice.NONE)
    for at, image in enumerate(images[:12]):
        king = {"category": "king", "polygon": [[4 + at, 6, 20 + at, 6, 20 + at, 26, 4 + at, 26]]}
        objects = [] if at == 5 else [king] if at % 2 else [king, {"category": "pawn", "mask": MASK}]
        draw(project, image, ann, objects)
    return project


def test_a_release_holds_the_objects_and_says_how_many(drawn, lena):
    release = make_release(drawn, lena, splits={"train": 0.5, "test": 0.5})
    lines = frozen_lines(release)
    assert [len(line["objects"]) if "objects" in line else None for line in lines][:6] == [2, 1, 2, 1, 2, 0]
    assert "objects" not in lines[12] and lines[12]["split"] == ""
    # One person drew: there is nothing to compare, and it says so for objects, not for classes.
    agreement = release.manifest["agreement"]
    assert (agreement["alpha"]["value"], agreement["iou"], agreement["n_objects"]) == (None, 0.5, 17)
    said = release.manifest["objects"]
    # 11 kings of 16 × 20 pixels, 6 masks of 3 pixels; one image is empty.
    assert (said["outcome"], said["people"], said["empty"], release.manifest["outcomes"]) == (17, 17, 1, 12)
    assert said["classes"]["king"]["objects"] == 11
    assert said["classes"]["king"]["side"]["median"] == pytest.approx(320**0.5, abs=0.05)
    read = list(frozen.read(release.pk, release.checksum))
    assert [one._replace(n=1, asked=1) for one in read[0].labels[0].objects] == list(read[0].objects)
    assert read[5].objects == () and read[12].objects is None


def test_the_same_state_is_the_same_release_and_another_outline_is_a_change(drawn, ann, lena):
    first, second = make_release(drawn, lena), make_release(drawn, lena)
    assert frozen_bytes(first) == frozen_bytes(second)
    image = drawn.images.order_by("pk").first()
    draw(drawn, image, ann, [{"category": "king", "polygon": [[4, 6, 20, 6, 20, 27, 4, 27]]},
                             {"category": "pawn", "mask": MASK}])  # fmt: skip
    third = make_release(drawn, lena)
    assert releases.changes(third, second).counts()["labels_changed"] == 1
    assert LabelObject.objects.filter(label__image=image).count() == 4


def test_an_image_with_an_open_object_is_left_out_until_somebody_settles_it(drawn, ann, bea, rev, lena):
    first = drawn.images.order_by("pk").first()
    draw(drawn, first, bea, [])
    assert "objects" not in frozen_lines(make_release(drawn, lena))[0]
    adjudication.decide(image_id=first.pk, reviewer=rev, drawn=[{"category": "pawn", "mask": MASK}])
    assert len(frozen_lines(make_release(drawn, lena))[0]["objects"]) == 1


def test_every_format_of_it_is_the_same_to_the_byte(drawn, lena):
    release = make_release(drawn, lena, splits={"train": 0.5, "test": 0.5})
    for format_ in sorted(OF_OBJECTS):
        can_be_without = format_ in ("yolo", "voc", "masks")
        wanted = {"images": False} if can_be_without else {}
        row, first = make_file(release, format_, **wanted)
        row.delete()
        _row, again = make_file(release, format_, **wanted)
        assert first == again and len(first) > 200, format_
    document = json.loads(make_file(release, "coco")[1])
    assert len(document["images"]) == 12 and len(document["annotations"]) == 17
    assert {one["split"] for one in document["images"]} == {"train", "test"}
    assert b"objects" in make_file(release, "datacard")[1]
