"""A reviewer's word above the votes, and what becomes of an image that does not say."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from labeler import releases
from labeler.errors import StaleVersion, WrongTask
from labeler.intake.outcomes import Added
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import AuditEvent, Consensus, Decision, Image
from labeler.progress import counts
from labeler.review import adjudication
from labeler.training import runs
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category, make_project
from tests.helpers.importing import add_image
from tests.helpers.pictures import picture
from worker.training.dataset import assemble

pytestmark = pytest.mark.django_db


def answer(person, image, *names):
    claims.claim(project=image.project, annotator=person, count=50)
    save_label(image_id=image.pk, annotator=person, categories=names)


def decide(image, reviewer, *names, **more):
    return adjudication.decide(image_id=image.pk, reviewer=reviewer, categories=names, **more)


# ---------------------------------------------------------------- the image does not say


def test_an_image_that_does_not_say_is_settled_without_an_answer(project, ann, bea, rev):
    (image,) = add_images(project, 1)
    answer(ann, image, "cat")
    answer(bea, image, "dog")

    decision = decide(image, rev, undecidable=True, reason="out of focus")

    image.refresh_from_db()
    snapshot = Consensus.objects.get(image=image)
    assert (decision.undecidable, decision.categories, decision.reason) == (True, [], "out of focus")
    assert (image.status, image.has_decision) == ("settled", True)
    assert (snapshot.categories, snapshot.method, snapshot.is_tie) == (None, "undecidable", False)
    assert AuditEvent.objects.get(action="consensus.decide").details["undecidable"] is True
    assert counts.count_progress(project)["images"]["settled"] == 1


def test_it_returns_to_its_votes_when_it_is_withdrawn(project, ann, bea, rev):
    (image,) = add_images(project, 1)
    answer(ann, image, "cat")
    answer(bea, image, "cat")
    decide(image, rev, undecidable=True)

    adjudication.withdraw(image_id=image.pk, reviewer=rev)

    snapshot = Consensus.objects.get(image=image)
    assert (snapshot.categories, snapshot.method) == ([category(project, "cat")], "majority")


def test_an_image_cannot_both_have_a_class_and_not_say(project, rev):
    (image,) = add_images(project, 1)

    with pytest.raises(WrongTask):
        decide(image, rev, "cat", undecidable=True)

    assert not Decision.objects.exists()


def test_none_of_the_classes_is_an_answer_and_not_saying_is_none(multi_project, lena):
    none, silent = add_images(multi_project, 2)
    decide(none, lena)
    decide(silent, lena, undecidable=True)

    outcomes = dict(Consensus.objects.values_list("image", "categories"))
    assert outcomes == {none.pk: [], silent.pk: None}
    # A verified "none" is trained on, the other is not.
    assert runs.trainable(multi_project).n_images == 1
    assert [example.image_id for example in assemble(multi_project).train] == [none.pk]


def test_it_is_left_out_of_training(project, ann, rev):
    kept, silent = add_images(project, 2)
    for image in (kept, silent):
        answer(ann, image, "cat")
    assert runs.trainable(project).n_images == 2

    decide(silent, rev, undecidable=True)

    assert runs.trainable(project).n_images == 1
    assert [example.image_id for example in assemble(project).train] == [kept.pk]


def test_exports_leave_it_out_and_say_how_many(project, ann, rev, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    images = []
    for serial in range(3):
        outcome = add_image(project=project, name=f"{serial}.png", source=picture(serial, "PNG"))
        assert isinstance(outcome, Added)
        images.append(outcome.image)
    kept, silent, _unlabeled = images
    for image in (kept, silent):
        answer(ann, image, "cat")
    decide(silent, rev, undecidable=True, reason="out of focus")

    def export(name: str) -> bytes:
        return b"".join(releases.export(project, name).chunks)

    archive = zipfile.ZipFile(io.BytesIO(export("imagefolder")))
    assert [name for name in archive.namelist() if name.startswith("root/")] == [f"root/cat/0-{kept.pk}.png"]
    assert json.loads(archive.read("classes.json"))["left_out"] == {"undecidable": 1, "no_consensus": 1}
    rows = {row["image_id"]: row for row in csv.DictReader(io.StringIO(export("csv").decode()))}
    # What people said stays in the table of judgements.
    row = rows[str(silent.pk)]
    assert (row["categories"], row["consensus"], row["consensus_method"]) == ("cat", "", "undecidable")
    lines = {line["image"]: line for line in map(json.loads, export("jsonl").decode().splitlines())}
    assert lines[silent.pk]["consensus"]["categories"] is None
    assert (lines[silent.pk]["decision"]["undecidable"], lines[silent.pk]["decision"]["reason"]) == (
        True,
        "out of focus",
    )


def test_a_client_says_so_too(project, ann, rev):
    (image,) = add_images(project, 1)
    answer(ann, image, "cat")
    client, url = as_person(rev), f"/api/images/{image.pk}/consensus/"

    decided = client.put(url, {"undecidable": True, "reason": "out of focus"})

    assert decided.status_code == 200
    assert (decided.json()["categories"], decided.json()["category_ids"]) == (None, None)
    assert decided.json()["method"] == "undecidable"
    assert client.put(url, {"undecidable": False, "categories": ["cat"]}).json()["categories"] == ["cat"]
    assert client.put(url, {"undecidable": True, "categories": ["cat"]}).status_code == 400


def test_a_decision_that_says_nothing_is_not_none_of_the_classes(ann, rev):
    project = make_project(ann, lead=rev, task="multi")
    (image,) = add_images(project, 1)

    response = as_person(rev).put(f"/api/images/{image.pk}/consensus/", {"reason": "hm"})

    assert (response.status_code, error_of(response)) == (400, "invalid")
    assert not Image.objects.get(pk=image.pk).has_decision


# ---------------------------------------------------------------- two reviewers


def test_what_another_reviewer_decided_meanwhile_is_not_overwritten(project, ann, rev, lena):
    (image,) = add_images(project, 1)
    answer(ann, image, "cat")
    image.refresh_from_db()
    seen = adjudication.version_of(image, None)
    decide(image, lena, "dog")

    with pytest.raises(StaleVersion):
        decide(image, rev, "cat", expected_version=seen)

    assert Decision.objects.get(withdrawn_at=None).reviewer == lena
