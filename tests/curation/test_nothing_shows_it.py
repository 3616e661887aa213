"""Every address that shows a project is read before and after an image is deleted: nothing of it is told any more."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import NoReverseMatch, reverse

from labeler import urls
from labeler.consensus import snapshots
from labeler.curation import deletion
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import CategoryExample
from labeler.review import adjudication, comments, gold
from tests.helpers.accepted_requests import address
from tests.helpers.addresses import TABLE
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, make_model, predict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

NAME = "unmistakable-name"
QUESTION = "Unmistakable question?"
# Long lists by id, or files that are no text.
SKIPPED = {"schema", "docs", "explanation", "model-export", "prediction", "varied-image", "nothing"}


@pytest.fixture
def lab(project, ann, bea, rev, lena):
    """One image with something of every kind, and two ordinary ones."""
    (image,) = add_images(project, 1, labels_needed=3, slice="", name=f"{NAME}.jpg")
    others = add_images(project, 2, labels_needed=3, slice="")
    run = make_model(project, predicted_at="2026-01-01T00:00Z")
    for one in (image, *others):
        predict(run, one, "cat", 0.97)
    for person, name in ((ann, "dog"), (bea, "cat")):
        for claim in claims.claim(project=project, annotator=person, count=10):
            reason = NAME if claim.image_id == image.pk else ""
            save_label(image_id=claim.image_id, annotator=person, categories=[name], reason=reason)
    comments.raise_flag(image=image, by=ann, text=QUESTION)
    gold.add(project=project, by=lena, image_id=image.pk, categories=["cat"], explanation=NAME)
    CategoryExample.objects.create(category=project.categories.first(), image=image, caption=NAME)
    adjudication.decide(image_id=others[0].pk, reviewer=rev, categories=["cat"])
    snapshots.refresh(project)
    return project, image


def read_all(project, lena) -> dict[str, str]:
    """The texts of all pages and REST lists of the project, as its lead reads them, by address."""
    ids = {
        "project_id": project.pk, "category_id": project.categories.first().pk, "run_id": project.runs.first().pk,
        "number": 1, "format": "jsonl", "member_id": project.memberships.first().pk,
    }  # fmt: skip
    client, found = as_person(lena), {}
    for name, method in TABLE:
        if method != "get" or name in SKIPPED:
            continue
        try:
            path = address(name, ids)
        except AssertionError:
            continue  # about one image, or one of something that this project lacks
        found[path] = _text(client.get(path))
    for page in urls.project_pages:
        try:
            path = reverse(str(page.name), args=[project.pk])
        except NoReverseMatch:
            continue
        found[path] = _text(client.get(path))
    return found


def _text(response) -> str:
    assert response.status_code < 500
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode("utf-8", "replace")


def tells(texts: dict[str, str], image) -> set[str]:
    marks = re.compile(rf"{NAME}|{re.escape(QUESTION)}|/images/{image.pk}/|{image.sha256}|\"image\": ?{image.pk}[,}}]")
    return {path for path, text in texts.items() if marks.search(text)}


def test_what_every_address_tells_of_an_image_ends_when_it_is_deleted(lab, lena):
    project, image = lab
    before = read_all(project, lena)
    assert len(tells(before, image)) >= 8, tells(before, image)  # or the marks are wrong

    deletion.delete(project=project, by=lena, image_ids=[image.pk])
    after = read_all(project, lena)

    assert tells(after, image) == set()
    assert len(after) == len(before) > 40

    deletion.restore(project=project, by=lena, image_ids=[image.pk])
    assert tells(read_all(project, lena), image) == tells(before, image)


def test_agreement_and_export_are_those_of_a_project_without_it(lab, lena):
    project, image = lab
    client = as_person(lena)

    def figures():
        agreement = client.get(f"/api/projects/{project.pk}/agreement/?labels=all").json()
        agreement.pop("as_of")
        export = b"".join(client.get(f"/api/projects/{project.pk}/export/jsonl/").streaming_content).decode()
        progress = client.get(f"/api/projects/{project.pk}/progress/").json()
        return agreement, sorted(json.loads(line)["image"] for line in export.splitlines()), progress["images"]

    before = figures()
    deletion.delete(project=project, by=lena, image_ids=[image.pk])
    agreement, exported, images = figures()

    assert agreement["n_images"] == before[0]["n_images"] - 1
    assert agreement["n_labels"] == before[0]["n_labels"] - 2
    assert set(before[1]) - set(exported) == {image.pk}
    assert sum(v for v in images.values() if isinstance(v, int)) < sum(
        v for v in before[2].values() if isinstance(v, int)
    )
    deletion.restore(project=project, by=lena, image_ids=[image.pk])
    assert figures() == before
