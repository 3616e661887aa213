"""Every page and every GET endpoint, walked in a project that draws: none fails, none shows what is no number."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from labeler import urls
from tests.helpers.access_walk import ADMINISTRATORS, OPEN, OWN, walk
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import drawing_project, shape_of, three_people
from tests.helpers.factories import join, make_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

# There is nothing behind these numbers here; whatever they answer, it is no server error.
OTHERS = {"int": "1", "slug": "balance", "str": "x", "uuid": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a"}
# These read files from the store, and the images of the tests have none.
FILES = {"api:preview", "api:thumb", "api:file", "api:export", "api:release-file", "api:explanation"}
MUST_BE_THERE = {
    "project", "label", "images", "image", "mine", "checks", "agreement", "agreement_report", "contested",
    "annotator", "differences", "model", "economy", "export", "gold", "members", "settings", "categories",
    "adjudicate", "threads", "settings_quality", "settings_consensus", "api:project", "api:images", "api:image",
    "api:labels", "api:agreement", "api:agreement-report", "api:trust", "api:economy", "api:disagreements",
    "api:contested-groups", "api:label-errors", "api:progress", "api:consensus", "api:checks", "api:categories",
}  # fmt: skip


def address(route: str, known: dict[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        kind, _colon, name = found[1].partition(":")
        return known.get(name or kind, OTHERS.get(kind, "x"))

    return "/" + re.sub(r"<([^>]+)>", part, route)


def _with_a_model(project, images):
    """An active model of another program, which has drawn on every image."""
    run = make_model(project)
    pawn = project.categories.get(name="pawn").pk
    for image in images:
        drawn = [{"number": 1, "category": pawn, **shape_of(project.task, 100, 100, 80, 80), "probability": 0.9}]
        run.predictions.create(
            image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=drawn
        )


@pytest.mark.parametrize("task", ["boxes", "masks", "semantic"])
def test_no_page_and_no_endpoint_fails(task, ann, bea, dora, rev, lena):
    project = drawing_project(ann, bea, dora, lead=lena, task=task, labels_per_image=3)
    join(project, rev, "reviewer")
    images = three_people(project, ann, bea, dora)
    disputed = images[-1]
    _with_a_model(project, images)
    disputed.refresh_from_db()
    assert disputed.status == "disputed"
    known = {
        "project_id": str(project.pk), "image_id": str(disputed.pk), "username": "ann",
        "category_id": str(project.categories.get(name="pawn").pk),
    }  # fmt: skip

    failed, there = [], set()
    for person in (lena, rev, ann) if task == "boxes" else (lena,):
        pages, rest = Client(), as_person(person)
        pages.force_login(person)
        for asked in walk(urls.urlpatterns):
            if asked.method != "GET" or asked.name in FILES | OPEN.keys() | OWN.keys() | ADMINISTRATORS.keys():
                continue
            client = rest if asked.name.startswith("api:") else pages
            where = address(asked.route, known)
            try:
                answer = client.get(where)
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            except Exception as error:
                failed.append(f"{person} {asked.name} {where}: {type(error).__name__}: {str(error)[:200]}")
                continue
            if answer.status_code >= 500:
                failed.append(f"{person} {asked.name} {where}: {answer.status_code}")
            if answer.status_code == 200 and person == lena:
                there.add(asked.name)
            if re.search(rb">\s*(nan|None|NaN)\s*<", body):
                failed.append(f"{person} {asked.name} {where}: shows {body!r:.0} None or NaN")

    assert not failed, "\n".join(failed)
    assert there >= MUST_BE_THERE, MUST_BE_THERE - there
