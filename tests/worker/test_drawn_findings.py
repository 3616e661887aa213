"""What a run of a model that draws tells beyond its figures: counts of images, and slices by metadata."""

from __future__ import annotations

import numpy as np
import pytest

from labeler.models import Image
from labeler.training.run_answers import Part
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images
from worker.ml.detection.samples import Drawn, Found, nothing
from worker.training import drawn_findings
from worker.training.drawn_dataset import DrawnDataset, DrawnExample
from worker.training.drawn_judgement import Judged

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(ann, lena):
    """80 images with a pawn each; the model finds it on every image by day, and on every second one by night."""
    project = drawing_project(ann, lead=lena)
    images = add_images(project, 80)
    for at, image in enumerate(images):
        image.metadata = {"light": "night" if at < 40 else "day", "exif.gps_latitude": 50.0 + at // 40, "file": f"{at}"}
    Image.objects.bulk_update(images, ["metadata"])
    ids = list(project.categories.order_by("pk").values_list("pk", flat=True))
    box = np.array([[10, 10, 40, 40]], np.float32)
    drawn = Drawn(box, np.array([0]), np.ones(1, np.float32))
    examples = [DrawnExample(image.pk, image.sha256, (640, 480), drawn) for image in images]
    seen = Found(box, np.array([0]), np.array([0.9], np.float32))
    found = [seen if at >= 40 or at % 2 else nothing() for at in range(80)]
    return DrawnDataset("boxes", ids, ["pawn", "king"], test=examples), examples, found


def test_each_image_is_counted_and_kept_with_a_checksum_of_its_answer(judged):
    dataset, examples, found = judged

    counts = drawn_findings.counts_of(dataset, Judged(examples, found, True), np.array([0.5, 0.5]))
    kept = drawn_findings.answers(dataset, Part.TEST, examples, counts)

    assert counts[0].tolist() == [[0, 0, 1], [0, 0, 0]] and counts[1].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert kept.answers[1] == [[dataset.category_ids[0], 1, 1, 1]]
    assert kept.image_ids == [one.image_id for one in examples]
    assert len({truth[0] for truth in kept.truth}) == 1, "the same objects have the same checksum"
    assert drawn_findings.counts_of(dataset, Judged(examples, found, True), np.array([0.95, 0.5]))[..., 1].sum() == 0


def test_places_that_the_model_doubts_are_named_by_image_and_class(judged):
    dataset, examples, found = judged

    told = drawn_findings.label_errors(dataset, Judged(examples, found, True), np.array([0.5, 0.5]), 7)

    # on 20 of 80 images the pawn is not found; of all pawns 60 of 80 are
    assert (told["n"], told["last_label"], len(told["suspects"])) == (20, 7, 20)
    assert told["suspects"][0] == {
        "image": examples[0].image_id, "label": dataset.category_ids[0], "suggested": False, "doubt": 0.375,
        "confident": True, "box": [10.0, 10.0, 40.0, 40.0],
    }  # fmt: skip


def test_where_it_is_worse_is_told_by_metadata_and_never_by_place(judged):
    dataset, examples, found = judged
    counts = drawn_findings.counts_of(dataset, Judged(examples, found, True), np.array([0.5, 0.5]))

    (report,) = drawn_findings.by_metadata(dataset, examples, counts)

    assert report["field"] == "light" and report["n"] == 80
    first = report["slices"][0]
    assert (first["value"], first["n"], first["n_objects"], first["worse"]) == ("night", 40, 40, True)
    assert first["recall"]["value"] == 0.5 and first["precision"]["value"] == 1
    assert first["f1"]["value"] == pytest.approx(2 * 20 / (20 + 40))
