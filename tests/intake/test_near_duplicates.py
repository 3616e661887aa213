"""Nearly the same images: known again, kept on one side of training and test, and listed."""

from __future__ import annotations

import io
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image as Pixels
from PIL import ImageEnhance

from labeler.intake import images as intake
from labeler.intake import near_duplicates
from labeler.labeling import seats
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label
from labeler.models import AuditEvent, Sketch
from labeler.models.image import NEVER_TRAINED, Slice
from tests.helpers.near_duplicates import bring_in, drawn, saved, slices
from tests.helpers.pages import url
from worker import periodic
from worker.training.dataset import assemble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    periodic._sketched.clear()


def photo(seed: int) -> Pixels.Image:
    """A picture of its own: large soft shapes."""
    random = np.random.default_rng(seed)
    coarse = Pixels.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    return coarse.resize((320, 240), Pixels.Resampling.BICUBIC)


def anew(seed: int) -> list[bytes]:
    """The same picture, saved in three other ways."""
    image = photo(seed)
    return [saved(image, 40), saved(image.resize((160, 120))), saved(ImageEnhance.Brightness(image).enhance(1.15))]


# ---------------------------------------------------------------- known again


def test_a_picture_saved_anew_is_known_and_others_are_not():
    sketches = [near_duplicates.draw(saved(photo(seed))) for seed in range(40)]
    for seed in (0, 1, 2):
        for content in anew(seed):
            other = near_duplicates.draw(content)
            by_bits = [
                k for k, one in enumerate(sketches) if (one.look ^ other.look).bit_count() <= near_duplicates.BITS
            ]
            near = [k for k in by_bits if near_duplicates.is_nearly(sketches[k].pixels, other.pixels)]
            assert near == [seed]


def test_pictures_without_contrast_are_alike_by_their_grey_alone():
    black, grey = (near_duplicates.draw(saved(Pixels.new("RGB", (64, 64), tone))) for tone in ((0, 0, 0), (90, 90, 90)))
    assert near_duplicates.is_nearly(black.pixels, black.pixels) and not near_duplicates.is_nearly(
        black.pixels, grey.pixels
    )


@pytest.mark.parametrize(
    ("own", "near", "becomes"),
    [
        ("test", [], "test"),
        ("", ["test"], "test"),
        ("blind", ["calibration", "calibration"], "calibration"),
        ("test", [""], ""),
        ("calibration", ["blind"], "blind"),
        ("test", ["blind", ""], ""),  # both are trained on
        ("", ["test", ""], "apart"),
        ("", ["test", "calibration"], "apart"),
        ("", ["apart"], "apart"),
        ("", ["apart", "test"], "test"),
    ],
)
def test_the_slice_of_a_newcomer(own, near, becomes):
    assert near_duplicates.joined(Slice(own), [Slice(one) for one in near]) == becomes


# ---------------------------------------------------------------- intake


def test_a_newcomer_near_a_test_image_joins_test_and_one_near_a_training_image_trains(project, monkeypatch):
    drawn(monkeypatch, "test", "")
    test, train = bring_in(project, saved(photo(1)), saved(photo(2)))
    drawn(monkeypatch, *[""] * 3, *["test"] * 3)

    newcomers = bring_in(project, *anew(1), *anew(2))

    assert slices(*newcomers) == ["test"] * 3 + [""] * 3
    groups = dict(Sketch.objects.values_list("image_id", "group"))
    assert {groups[one.pk] for one in newcomers[:3]} == {groups[test.pk]} == {test.pk}
    assert {groups[one.pk] for one in newcomers[3:]} == {train.pk}


def test_within_one_import_they_stay_together_too(project, monkeypatch):
    drawn(monkeypatch, "calibration", "", "test")

    assert slices(*bring_in(project, saved(photo(1)), *anew(1)[:2])) == ["calibration"] * 3


def test_one_that_bridges_two_slices_is_left_out_of_all(project, monkeypatch, ann, bea):
    # Two pictures that are not nearly the same, and one between them that is like either.
    one, other = np.asarray(photo(1), float), np.asarray(photo(2), float)
    ends = [Pixels.fromarray((one + k * 0.2 * (other - one)).astype(np.uint8)) for k in (0, 1)]
    between = Pixels.fromarray((one + 0.1 * (other - one)).astype(np.uint8))
    drawn(monkeypatch, "test", "")
    test, train = bring_in(project, *map(saved, ends))
    assert slices(test, train) == ["test", ""]
    drawn(monkeypatch, "")

    (bridge,) = bring_in(project, saved(between))

    assert slices(bridge, test, train) == ["apart", "test", ""]
    for person in (ann, bea):
        for one_claim in claim(project=project, annotator=person, count=3):
            save_label(image_id=one_claim.image_id, annotator=person, categories=["cat"])
    dataset = assemble(project)
    assert [[row.image_id for row in part] for part in (dataset.train, dataset.test)] == [[train.pk], [test.pk]]


def on_one_ground(n: int) -> list[bytes]:
    """Pictures that differ in one small mark: X-rays, or drawings on the same ground."""
    random, made = np.random.default_rng(7), []
    for _ in range(n):
        pixels = np.asarray(photo(1)).copy()
        x, y = random.integers(0, 200, 2)
        pixels[y : y + 24, x : x + 24] = random.integers(0, 256, 3)
        made.append(saved(Pixels.fromarray(pixels)))
    return made


def test_pictures_that_all_look_alike_are_drawn_by_chance_as_others_are(project):
    project.blind_share = 0.3
    project.save()

    images = bring_in(project, *on_one_ground(300))

    drawn_by_chance = [seats.draw_slice(project, image.sha256) for image in images]
    kept = sum(a == b for a, b in zip(slices(*images), drawn_by_chance, strict=True))
    assert kept >= 0.75 * len(images)
    sizes = Counter(Sketch.objects.filter(project=project).values_list("group", flat=True))
    assert max(sizes.values()) <= near_duplicates.MOST_OF_A_GROUP
    trained = [image for image in images if image.slice not in NEVER_TRAINED]
    assert len(trained) >= 0.6 * len(images) and slices(*images).count("test") >= 10


def test_among_pictures_that_look_alike_one_saved_again_is_still_known(project, monkeypatch):
    contents = on_one_ground(60)
    images = bring_in(project, *contents)
    again = Pixels.open(io.BytesIO(contents[50]))

    (copy,) = bring_in(project, saved(again, 93))

    groups = dict(Sketch.objects.values_list("image_id", "group"))
    assert groups[copy.pk] == groups[images[50].pk] and copy.slice == images[50].slice


def test_pairs_that_a_worker_finds_take_no_project_either(project, monkeypatch):
    drawn(monkeypatch, *["test", ""] * 100)
    images = bring_in(project, *(saved(photo(100 + seed)) for seed in range(200)))
    ids = [image.pk for image in images]

    # As registration would find them, if all of them were one drawing: each is like the next.
    most = near_duplicates.most_of_a_group_in(project)
    left_out = near_duplicates.join(project, ids, list(pairwise(ids)), most=most)

    assert 0 < left_out <= near_duplicates.MOST_OF_A_GROUP
    sizes = Counter(Sketch.objects.filter(project=project).values_list("group", flat=True))
    assert max(sizes.values()) <= near_duplicates.MOST_OF_A_GROUP


def test_neither_a_batch_of_an_import_nor_a_step_of_a_worker_counts_all_sketches(project, monkeypatch):
    images = bring_in(project, *(saved(photo(seed)) for seed in range(3)))
    alike = [saved(photo(seed), 40) for seed in range(3)]

    with CaptureQueriesContext(connection) as batch:
        copies = bring_in(project, *alike)
    with CaptureQueriesContext(connection) as step:
        near_duplicates.join(project, [], [(images[0].pk, images[1].pk)], most=64)

    groups = dict(Sketch.objects.values_list("image_id", "group"))
    assert groups[copies[0].pk] == groups[images[0].pk] == groups[images[1].pk]
    # Counting the members of named groups is cheap; counting the project each time makes an import quadratic.
    counting = [one["sql"] for one in (*batch, *step) if "COUNT(" in one["sql"] and "GROUP BY" not in one["sql"]]
    assert [sql for sql in counting if "labeler_sketch" in sql or "labeler_image" in sql] == []


def test_no_test_image_is_ever_trained_on_also_not_saved_anew(project, ann, bea):
    project.blind_share = 0.5
    project.save()
    pictures = {seed: [saved(photo(seed)), *anew(seed)] for seed in range(6)}
    order = [(seed, k) for k in range(4) for seed in pictures]
    rows = bring_in(project, *[pictures[seed][k] for seed, k in order])
    for person in (ann, bea):
        for _ in range(10):
            for one in claim(project=project, annotator=person, count=5):
                save_label(image_id=one.image_id, annotator=person, categories=["cat"])

    dataset = assemble(project)
    picture_of = {row.pk: seed for row, (seed, _k) in zip(rows, order, strict=True)}
    parts = [{picture_of[e.image_id] for e in part} for part in (dataset.train, dataset.test, dataset.calibration)]

    assert sum(map(len, parts)) == 6 and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    # By content as well: no vector that is judged by is one that was learned from.
    hashes = [{e.sha256 for e in part} for part in (dataset.train, dataset.test)]
    assert not hashes[0] & hashes[1]


# ---------------------------------------------------------------- images of before


def test_images_of_before_are_known_again_and_the_trained_one_of_a_pair_is_left_out(project, monkeypatch):
    monkeypatch.setattr(intake.near_duplicates, "place", lambda _known, newcomers: [[] for _ in newcomers])
    drawn(monkeypatch, "test", "", "calibration", "")
    test, train, calibration, alone = bring_in(project, saved(photo(1)), *anew(1)[:2], saved(photo(2)))
    Sketch.objects.all().delete()
    monkeypatch.undo()

    periodic.sketch_older_images()

    # The newest of the held-out ones gives way as well: one picture in two of them says nothing either.
    assert slices(test, train, calibration, alone) == ["test", "apart", "apart", ""]
    assert Sketch.objects.filter(group=test.pk).count() == 3
    assert AuditEvent.objects.filter(action="images.left_out", project=project).count() == 1
    assert NEVER_TRAINED == ("test", "calibration", "apart")


# ---------------------------------------------------------------- the list


def test_a_lead_sees_the_groups_and_where_their_labels_differ(as_, lena, rev, project, ann, bea):
    same, differing, alone = (bring_in(project, *files) for files in (
        [saved(photo(1)), anew(1)[0]], [saved(photo(2)), *anew(2)[:2]], [saved(photo(3))],
    ))  # fmt: skip
    for person in (ann, bea):
        for _ in range(3):
            for one in claim(project=project, annotator=person, count=5):
                name = "dog" if one.image_id == differing[2].pk else "cat"
                save_label(image_id=one.image_id, annotator=person, categories=[name])

    page = as_(rev).get(url("near_duplicates", project))

    groups = page.context["groups"]
    assert [[row["image"].pk for row in group["rows"]] for group in groups] == [
        [image.pk for image in differing], [image.pk for image in same],
    ]  # fmt: skip
    assert [group["differ"] for group in groups] == [True, False]
    html = page.content.decode()
    assert "labels differ" in html and f"/thumb/{alone[0].pk}" not in html


def test_a_disputed_image_of_a_group_is_no_image_without_a_label(as_, rev, project, ann, bea):
    disputed, _unlabeled = bring_in(project, saved(photo(1)), anew(1)[0])
    for person, name in ((ann, "dog"), (bea, "cat")):
        claim(project=project, annotator=person, count=5)
        save_label(image_id=disputed.pk, annotator=person, categories=[name])

    page = as_(rev).get(url("near_duplicates", project))

    (group,) = page.context["groups"]
    assert (group["disputed"], group["unlabeled"], group["differ"]) == (1, 1, False)
    html = page.content.decode()
    assert "1 disputed" in html and "1 without a label" in html
    shown = html[html.index('<ul class="wall">') : html.index("</ul>", html.index('<ul class="wall">'))]
    assert re.findall(r"<b>(\w+)</b>", shown) == ["cat", "dog"]
