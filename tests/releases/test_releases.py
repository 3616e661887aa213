"""Releases: what is frozen, by which rule it was split, that it is the same to the byte, and what changed since."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from django.db import DatabaseError, transaction

from labeler.errors import Invalid, NotPossibleNow
from labeler.intake.outcomes import Added
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Acceptance, AuditEvent, Category, Guarantee, Image, Release, ReleaseFile, Role, Sketch
from labeler.models.image import Slice
from labeler.models.job import State
from labeler.projects import classes as project_classes
from labeler.releases import frozen, releases
from labeler.releases.contents import read, snapshot
from labeler.releases.formats import ONLY_OBJECTS, WRITERS
from labeler.releases.freeze import freeze
from labeler.review import adjudication
from tests.helpers.factories import add_images, category, make_model, predict
from tests.helpers.importing import add_image
from tests.helpers.pages import answer
from tests.helpers.pictures import picture
from tests.helpers.releasing import frozen_bytes, frozen_lines, make_file, make_release, sides

pytestmark = pytest.mark.django_db
THREE = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def labeled(project, ann):
    """Forty images, cat and dog in turn."""
    images = add_images(project, 40)
    for at, image in enumerate(images):
        answer(project, ann, image, ("cat", "dog")[at % 2])
    return images


def test_what_is_frozen_is_what_was_there(project, ann, bea, rev, lena):
    model = make_model(project)
    images = add_images(project, 5)
    predict(model, images[0], "dog", 0.75)
    answer(project, ann, images[0], "dog")
    answer(project, bea, images[0], "cat")
    adjudication.decide(image_id=images[0].pk, reviewer=rev, categories=["fox"], reason="seen before")
    answer(project, ann, images[1], "cat")
    claims.claim(project=project, annotator=ann, count=50)
    save_label(image_id=images[2].pk, annotator=ann, answer="cannot_tell", reason="blurred")

    release = make_release(project, lena, name="first")

    with snapshot():
        now = list(read(project, accepted=True))
    assert list(frozen.read(release.pk, release.checksum)) == now
    manifest = release.manifest
    assert (release.number, release.name, release.job.state) == (1, "first", State.DONE)
    assert (manifest["images"], manifest["judgements"], manifest["outcomes"]) == (5, 4, 2)
    assert manifest["left_out"] == {"cannot_tell": 1, "unanswered": 2}
    assert manifest["classes"] == [
        {"id": one.pk, "name": one.name, "description": ""} for one in Category.objects.filter(project=project)
    ]
    assert manifest["models"][0] | {"number": 1, "shown": 2, "predicted": 1, "alone": 0} == manifest["models"][0]
    assert manifest["consensus"]["method"] == "majority"
    assert manifest["counts"] == [
        {"split": "", "images": 3, "outcomes": 2, "none": 0, "unnamed": 1, "classes": {"fox": 1, "cat": 1},
         "by_model": {}},
    ]  # fmt: skip
    assert AuditEvent.objects.filter(action="release.create", actor=lena, project_id=project.pk).count() == 1


def test_the_same_state_is_frozen_to_the_same_bytes(project, labeled):
    release = make_release(project, splits=THREE, seed=7)
    first = frozen_bytes(release)

    again = freeze(release)

    assert (again.checksum, frozen_bytes(release)) == (release.checksum, first)
    assert again.manifest == release.manifest


def test_a_release_does_not_change_when_the_project_does(project, labeled, ann, bea, lena):
    release = make_release(project, splits=THREE)
    before = {format_: make_file(release, format_)[1] for format_ in ("csv", "jsonl")}
    for image in labeled[:5]:
        answer(project, bea, image, "fox")
    add_images(project, 3)
    cat = Category.objects.get(project=project, name="cat")
    project_classes.change_category(category=cat, by=lena, changes={"name": "tiger"})

    releases.edit(release, by=lena, name="another name")  # its files are built anew
    after = {format_: make_file(release, format_)[1] for format_ in ("csv", "jsonl")}

    assert after == before
    assert b"cat" in after["csv"] and b"tiger" not in after["csv"]


def test_the_database_refuses_to_change_what_is_frozen(project, labeled):
    release = make_release(project)

    for changed in ({"manifest": {}}, {"checksum": "0" * 64}, {"seed": 5}, {"frozen_at": None, "checksum": ""}):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            Release.objects.filter(pk=release.pk).update(**changed)
    assert Release.objects.filter(pk=release.pk).update(name="x", card={"a": "b"}) == 1


def test_a_release_of_a_part_counts_and_splits_these_images_only(project, labeled, bea, lena):
    for image in labeled[:20]:  # shared by two, who disagree about the first alone
        answer(project, bea, image, "dog" if image == labeled[0] else ("cat", "dog")[labeled.index(image) % 2])
    Image.objects.filter(pk__in=[one.pk for one in labeled[:10]]).update(metadata={"site": "north"})
    add_images(project, 2)
    project.role = Role.REVIEWER  # as access.py hands it out
    everything = make_release(project, splits=THREE)

    asked = {"metadata.site": ["north"], "category": [str(category(project, "dog"))]}
    release = make_release(project, lena, splits=THREE, filter=asked)

    # Odd ones of the first ten are dogs, and of the first one a person says so.
    inside = [labeled[0].pk, *(one.pk for one in labeled[1:10:2])]
    assert [line["image"]["pk"] for line in frozen_lines(release)] == inside
    manifest = release.manifest
    assert manifest["filter"] == release.filter == {"category": ["dog"], "metadata.site": ["north"]}
    assert (manifest["images"], manifest["judgements"], manifest["outcomes"]) == (6, 12, 5)
    assert manifest["left_out"] == {"tie": 1}
    assert sum(row["images"] for row in manifest["counts"]) == 6
    assert (manifest["agreement"]["n_images"], manifest["agreement"]["observed"]["value"]) == (6, pytest.approx(5 / 6))
    # Whoever trained on the whole finds each image on the side it had there.
    assert sides(release) == {pk: side for pk, side in sides(everything).items() if pk in inside}
    card = make_file(release, "datacard")[1].decode()
    assert "A part of the project" in card and "Somebody said dog, and site is north." in card
    assert freeze(release).checksum == release.checksum
    assert everything.filter == {} and everything.manifest["images"] == 42


@pytest.mark.parametrize(
    ("asked", "kind"),
    [({"category": ["horse"]}, Invalid), ({"statuz": ["settled"]}, Invalid), ({"status": ["deleted"]}, Invalid),
     ({"search": ["nobody has this name"]}, NotPossibleNow)],
)  # fmt: skip
def test_a_filter_that_says_nothing_is_no_release_of_all(project, labeled, asked, kind):
    with pytest.raises(kind):
        releases.request(project=project, by=None, filter=asked)
    assert not Release.objects.exists()


# ---------------------------------------------------------------- splits


def test_classes_are_dealt_out_evenly_and_the_manifest_counts_them(project, labeled):
    release = make_release(project, splits=THREE)

    rows = {row["split"]: row for row in release.manifest["counts"]}
    assert {name: row["classes"] for name, row in rows.items()} == {
        "train": {"cat": 12, "dog": 12}, "validation": {"cat": 4, "dog": 4}, "test": {"cat": 4, "dog": 4},
    }  # fmt: skip
    assert release.manifest["decided_by"] == {"imported": 0, "earlier": 0, "held_out": 0, "group": 0, "seed": 40}
    assert Counter(sides(release).values()) == {"train": 24, "validation": 8, "test": 8}


def test_images_that_nobody_answered_are_in_no_split(project, labeled):
    [unanswered] = add_images(project, 1)

    assert sides(make_release(project, splits=THREE))[unanswered.pk] == ""


def test_look_alikes_and_patients_stay_on_one_side(project, labeled):
    for at, image in enumerate(labeled):
        image.metadata = {"patient": f"p{at // 4}"}
        image.save(update_fields=["metadata"])
    # Two patients whose images look alike: all eight are one group.
    for image in (labeled[0], labeled[4]):
        Sketch.objects.create(image=image, project=project, look=0, pixels=b"", group=labeled[0].pk)

    release = make_release(project, splits=THREE, group_by="patient")

    found = sides(release)
    for patient in range(10):
        assert len({found[image.pk] for image in labeled[4 * patient : 4 * patient + 4]}) == 1
    assert found[labeled[0].pk] == found[labeled[4].pk]
    assert (release.manifest["groups"], release.manifest["groups_divided"]) == (9, 0)
    assert release.manifest["decided_by"]["group"] == 40


def test_held_out_images_are_in_test(project, labeled):
    Image.objects.filter(pk__in=[labeled[0].pk, labeled[1].pk]).update(slice=Slice.TEST)
    Image.objects.filter(pk=labeled[2].pk).update(slice=Slice.CALIBRATION)

    release = make_release(project, splits=THREE)

    assert {sides(release)[image.pk] for image in labeled[:3]} == {"test"}
    assert release.manifest["decided_by"]["held_out"] == 3


def test_images_keep_their_side_when_others_are_added(project, labeled, ann):
    first = make_release(project, splits=THREE, seed=1)
    for image in add_images(project, 20):
        answer(project, ann, image, "fox")

    second = make_release(project, splits=THREE, seed=2)

    before, after = sides(first), sides(second)
    assert {pk: after[pk] for pk in before} == before
    assert second.manifest["decided_by"] | {"earlier": 40, "seed": 20} == second.manifest["decided_by"]
    assert second.manifest["kept_from"] == 1
    assert Counter(after[pk] for pk in after if pk not in before) == {"train": 12, "validation": 4, "test": 4}
    # Other splits are another question: nothing to keep.
    assert make_release(project, splits={"train": 0.5, "test": 0.5}).manifest["kept_from"] is None


@pytest.fixture
def imported(labeled):
    """The first three came with a split."""
    for image, split in zip(labeled, ("test", "validation", "train"), strict=False):
        image.split, image.metadata = split, {"patient": "p1"}
        image.save(update_fields=["split", "metadata"])
    return labeled[:3]


def test_an_imported_split_wins_and_the_group_it_divides_is_counted(project, imported, labeled):
    Image.objects.filter(pk=imported[2].pk).update(slice=Slice.TEST)
    for image in labeled[3:]:
        image.metadata = {"patient": f"p{image.pk}"}
        image.save(update_fields=["metadata"])

    release = make_release(project, splits=THREE, group_by="patient")

    assert [sides(release)[image.pk] for image in imported] == ["test", "validation", "train"]
    assert release.manifest["decided_by"] | {"imported": 3, "held_out": 0, "seed": 37} == release.manifest["decided_by"]
    assert (release.manifest["groups"], release.manifest["groups_divided"]) == (1, 1)


def test_an_imported_split_that_the_release_does_not_have_is_refused(project, imported):
    release = make_release(project, splits={"train": 0.5, "test": 0.5})

    assert release.job.state == State.FAILED
    assert "came in as “validation”, and this release has no such split" in release.job.error["message"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"splits": {"train": 0.5, "test": 0.4}}, "come to 1; these come to 0.9"),
        ({"splits": {"train": 1.0}}, "at least one of"),
        ({"splits": {"train": 0.5, "holdout": 0.5}}, "train and at least one"),
        ({"splits": {"train": 1.5, "test": -0.5}}, "above 0"),
        ({"group_by": "patient"}, "none: say which"),
        ({"labels": "some"}, "“consensus” or “all”"),
    ],
)
def test_what_contradicts_itself_is_refused(project, labeled, asked, said):
    with pytest.raises(Invalid, match=said):
        releases.request(project=project, by=None, **asked)
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("key", "said"), [("patient", "No image has “patient”"), ("site", "2 different values of “site”")]
)
def test_groups_that_cannot_be_are_said_on_the_row(project, labeled, key, said):
    for at, image in enumerate(labeled):
        image.metadata = {"site": at % 2}
        image.save(update_fields=["metadata"])

    release = make_release(project, splits=THREE, group_by=key)

    assert (release.job.state, release.frozen_at) == (State.FAILED, None)
    assert said in release.job.error["message"]


def test_an_empty_project_has_nothing_to_release(project):
    with pytest.raises(NotPossibleNow, match="no image"):
        releases.request(project=project, by=None)


# ---------------------------------------------------------------- files


@pytest.fixture
def photographs(project, ann):
    """Eight images with files, cat and dog in turn."""
    images = []
    for serial in range(8):
        outcome = add_image(project=project, name=f"leaf-{serial}.png", source=picture(serial, "PNG"))
        assert isinstance(outcome, Added)
        answer(project, ann, outcome.image, ("cat", "dog")[serial % 2])
        images.append(outcome.image)
    return images


@pytest.mark.parametrize("format_", [name for name in WRITERS if name not in ONLY_OBJECTS])
def test_every_format_of_a_release_is_the_same_to_the_byte(project, photographs, ann, bea, lena, format_):
    release = make_release(project, lena, splits={"train": 0.5, "validation": 0.25, "test": 0.25})
    row, first = make_file(release, format_)
    assert row.checksum == hashlib.sha256(first).hexdigest()
    for image in photographs[:3]:
        answer(project, bea, image, "fox")
    ReleaseFile.objects.all().delete()

    again, second = make_file(release, format_)

    assert (again.checksum, second == first) == (row.checksum, True)


def test_what_stands_by_a_models_word_is_frozen_and_marked_and_in_files_that_ask_for_it(project, photographs):
    model = make_model(project)
    [alone] = add_images(project, 1)
    guarantee = Guarantee.objects.create(
        project=project, run=model, precision=0.95, confidence=0.9, audited_share=0.1, thresholds={}
    )
    Acceptance.objects.create(
        guarantee=guarantee, project=project, image=alone, prediction=predict(model, alone, "fox", 0.9),
        probability=0.9, threshold=0.8, categories=[category(project, "fox")], is_audited=False,
    )  # fmt: skip

    release = make_release(project, splits={"train": 0.5, "test": 0.5})

    assert release.manifest["by_model"] == {"accepted": 1}
    assert release.manifest["left_out"] == {"accepted": 1}
    assert release.manifest["models"][0]["alone"] == 1
    assert sum(row["by_model"].get("fox", 0) for row in release.manifest["counts"]) == 1
    without, marked = (make_file(release, "csv", accepted=accepted)[1].decode() for accepted in (False, True))
    assert alone.name not in without and alone.name in marked


# ---------------------------------------------------------------- two of them


def test_what_changed_since_the_one_before(project, labeled, ann, bea, lena):
    first = make_release(project)
    assert first.manifest["diff"] == {
        "before": None, "images_added": 40, "images_removed": 0, "labels_changed": 0, "categories_changed": 0,
    }  # fmt: skip
    for image in labeled[:2]:  # two tied, which names nothing
        answer(project, bea, image, "fox")
    answer(project, bea, labeled[2], "cat")  # one more judgement, the same outcome
    add_images(project, 3)
    cat = Category.objects.get(project=project, name="cat")
    project_classes.change_category(category=cat, by=lena, changes={"name": "tiger"})

    second, third = make_release(project), make_release(project, labels="all")

    assert second.manifest["diff"] == {
        "before": first.pk, "images_added": 3, "images_removed": 0, "labels_changed": 2, "categories_changed": 1,
    }  # fmt: skip
    full = releases.changes(third, first)
    assert full.labels_changed == [image.pk for image in labeled[:3]]
    assert full.categories_changed == [{"id": cat.pk, "before": "cat", "after": "tiger"}]
    back = releases.changes(first, third)
    assert (len(back.images_added), len(back.images_removed)) == (0, 3)


def test_a_lost_index_is_made_again_from_the_file(project, labeled, bea):
    first = make_release(project, splits=THREE)
    answer(project, bea, labeled[0], "fox")
    second = make_release(project, splits=THREE)
    known = releases.changes(second, first)
    for path in frozen.folder_of(first.pk).glob("*.index"):
        path.unlink()

    assert releases.changes(second, first) == known


def test_a_deleted_release_leaves_its_number(project, labeled, lena):
    first = make_release(project)
    releases.delete(first, by=lena)

    assert not frozen.folder_of(first.pk).exists()
    assert make_release(project).number == 2
    assert AuditEvent.objects.get(action="release.delete").details["checksum"] == first.checksum


def test_lines_hold_their_split_last(project, labeled):
    release = make_release(project, splits=THREE)

    assert {list(line)[-1] for line in frozen_lines(release)} == {"split"}
