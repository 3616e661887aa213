"""Balance of classes, who labeled what, groups by metadata: numbers, and what is not among them."""

from __future__ import annotations

import pytest

from labeler.consensus import snapshots
from labeler.data_checks import check, report
from labeler.intake import import_metadata
from labeler.intake.formats.judgements import Judgement
from labeler.models import Image
from tests.helpers.factories import add_images, bring_labels, category, make_model, predict
from tests.helpers.faulty_pictures import blurred, bring_in, sound

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def labeled(project, ada, rows):
    """rows: (image, person, class); the consensus follows."""
    said = [
        Judgement(n, image.name, person, [name], "labeled", None, None)
        for n, (image, person, name) in enumerate(rows, 2)
    ]
    bring_labels(project, ada, said)
    snapshots.refresh(project)


def test_classes_count_by_the_consensus_of_people(project, ada, ann, bea):
    images = add_images(project, 8)
    labeled(project, ada, [
        *((image, "ann", "cat") for image in images[:4]), *((image, "bea", "cat") for image in images[:3]),
        (images[3], "bea", "dog"), (images[4], "ann", "dog"),
    ])  # fmt: skip
    run = make_model(project)
    for image in images:
        predict(run, image, "fox")
    counted = report.count(project)
    # a tie (image 3) is none; what only the model has said is none
    by_class = {row["category"]: row for row in counted["classes"]["rows"]}
    assert counted["images"] == 8 and counted["classes"]["n"] == 4
    assert {name: by_class[category(project, name)]["n"] for name in ("cat", "dog", "fox")} == {
        "cat": 3, "dog": 1, "fox": 0,
    }  # fmt: skip
    cat = by_class[category(project, "cat")]
    assert cat["share"] == 0.75 and (cat["low"], cat["high"]) == pytest.approx((0.301, 0.954), abs=1e-3)  # Wilson 3/4


def test_who_labeled_what_the_busiest_first(project, ada, ann, bea):
    images = add_images(project, 4)
    labeled(project, ada, [
        *((image, "bea", "cat") for image in images), (images[0], "ann", "dog"), (images[1], "ann", "cat"),
    ])  # fmt: skip
    cat, dog = str(category(project, "cat")), str(category(project, "dog"))
    assert report.count(project)["people"] == {
        "rows": [
            {"person": "bea", "n": 4, "counts": {cat: 4}},
            {"person": "ann", "n": 2, "counts": {cat: 1, dog: 1}},
        ],
        "more": 0,
    }


def test_without_answers_everything_is_undefined_or_empty(project):
    counted = report.count(project)
    assert counted["classes"]["n"] == 0
    assert {(row["n"], row["share"], row["low"]) for row in counted["classes"]["rows"]} == {(0, None, None)}
    assert counted["people"] == {"rows": [], "more": 0}
    assert counted["groups"] == {"rows": [], "tests": 0, "fields": []}


def test_groups_are_fields_that_divide_and_never_the_place(project, ada, ann, bea):
    images = add_images(project, 60)
    facts = {}
    for n, image in enumerate(images):
        facts[image.pk] = {
            "exif.camera": "C-3" if n < 20 else "C-7", "exif.gps_latitude": 51.0 + n % 2, "serial": n,
            "exif.taken_at": f"2024-05-03T12:{n:02}:00", "file.source": "upload",
        }  # fmt: skip
    import_metadata.add_facts(facts)
    labeled(project, ada, [
        *((image, "ann", "cat") for image in images),
        *((image, "bea", "dog" if n < 12 else "cat") for n, image in enumerate(images)),
    ])  # fmt: skip
    groups = report.count(project)["groups"]
    assert groups["fields"] == ["exif.camera"] and groups["tests"] == 2
    many, few = groups["rows"]
    assert (many["value"], many["images"], many["judged"], many["agreed"], many["less"]) == ("C-7", 40, 40, 40, False)
    assert (few["value"], few["images"], few["judged"], few["agreed"]) == ("C-3", 20, 20, 8)
    assert few["agreement"] == 0.4 and few["elsewhere"] == 1.0 and few["less"] and few["p"] < 0.001


def test_metadata_that_are_no_object_do_not_stop_it(project):
    images = add_images(project, 3)
    Image.objects.filter(pk=images[0].pk).update(metadata=["a", "list"])
    Image.objects.filter(pk=images[1].pk).update(metadata={"site": {"nested": 1}})
    Image.objects.filter(pk=images[2].pk).update(metadata={"site": None})
    assert report.count(project)["groups"]["tests"] == 0


def test_measures_are_counted_in_parts_of_their_range(project):
    bring_in(project, {"a": sound(1), "b": sound(2), "soft": blurred(3)})
    check.run(project, files=False, tell=lambda n: None)
    blur = report.count(project)["histograms"]["blur"]
    assert sum(blur["counts"]) == 3 and len(blur["counts"]) == report.BINS
    limit = int(blur["limit"] * report.BINS)
    assert (sum(blur["counts"][:limit]), sum(blur["counts"][limit:])) == (2, 1)
