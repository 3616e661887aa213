"""Every address that can be read, held against what must not be told: the answers do not depend on it.

What others (or the model) say of an image is one thing in one world and another in the next. Whoever may not know it
must get the same bytes in both, from every page and every endpoint: then nothing of it can be in them, in whatever
words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

from api import urls as api_urls
from labeler import urls as page_urls
from labeler.consensus import snapshots
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import CategoryExample, Image, Label, Membership
from labeler.models.image import Slice, Status
from labeler.review import comments
from tests.helpers.api import log_in
from tests.helpers.factories import add_images, make_model, predict

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

# Figures over all images of a project, in which one image is one of many: no page of any image. What an annotator
# reads there of two images moves with either; of a project that is labeled, with neither.
OF_ALL_IMAGES = {"agreement", "annotator", "trust", "mixups"}
# For reviewers also where people's agreement with the model is told: the report, and the matrix of the overview.
REPORTS = OF_ALL_IMAGES | {"agreement-report", "agreement_report", "project"}
# Everything as it is, for those who take it away: what is in it is tested with the releases
# (tests/releases/test_export.py).
DOWNLOADS = {"export"}


def names() -> Iterator[tuple[str, str]]:
    """Namespace and name of every address of a project."""
    for prefix, patterns in (("api:", api_urls.urlpatterns), ("", page_urls.project_pages)):
        for pattern in patterns:
            if isinstance(pattern, URLPattern) and pattern.name and pattern.name != "nothing":
                yield prefix, pattern.name


QUERIES = {
    "api:images": [
        "", "?status=partly labeled", "?status=settled", "?category=dog", "?category=fox", "?predicted=dog",
        "?predicted=fox", "?min_confidence=0.7", "?max_confidence=0.7", "?disagreement=0.5", "?order=-confidence",
        "?order=uncertainty", "?order=-disagreement", "?labeled_by=bea", "?accepted=true",
    ],
    "api:disagreements": ["", "?open=true"],
    "api:labels": ["", "?format=csv", "?history=true"],
    "images": ["", "?status=differ", "?status=settled", "?status=disputed", "?status=accepted"],
    "mine": ["", "?differ=1"],
    "adjudicate": ["", "?all=1", "?doubted=1"],
    "contested": [""],
}  # fmt: skip


def addresses(project, images: list[Image], thread_id: int) -> Iterator[tuple[str, str]]:
    """Name and address of everything that can be read, for each of these images."""
    ids = {
        "project_id": project.pk, "category_id": project.categories.first().pk, "number": 1, "thread_id": thread_id,
        "member_id": Membership.objects.filter(project=project).first().pk, "run_id": project.runs.get().pk,
        "format": "jsonl", "username": "ann", "job_id": 1, "import_id": 1, "prediction_id": 1, "invitation_id": 1,
        "example_id": 1, "token_id": 1, "page": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a", "key": "0" * 32, "row": 0,
        "column": 0, "errand_id": 1, "release_id": 1, "webhook_id": 1, "delivery_id": 1, "code": "blurred",
        "question_id": 1, "level": 0, "view_id": 1,
    }  # fmt: skip
    for prefix, name in names():
        found = set()
        for image in images:
            found.add(_reverse(prefix + name, {**ids, "image_id": image.pk}))
        for url in sorted(found):
            for query in QUERIES.get(prefix + name, [""]):
                yield name, url + query
    for image in images:
        yield "adjudicate", reverse("adjudicate", args=[project.pk]) + f"?image={image.pk}"


def _reverse(name: str, ids: dict[str, object]) -> str:
    """With as many of the ids as the address wants."""
    wanted = {}
    for pattern in [*api_urls.urlpatterns, *page_urls.project_pages]:
        if isinstance(pattern, URLPattern) and name.removeprefix("api:") == pattern.name:
            wanted = {key: ids[key] for key in re.findall(r"<\w+:(\w+)>", str(pattern.pattern))}
            if name.startswith("api:") == (pattern in api_urls.urlpatterns):
                break
    for extra in ({}, {"project_id": ids["project_id"]}):
        try:
            return reverse(name, kwargs={**wanted, **extra})
        except NoReverseMatch:
            continue
    raise AssertionError(f"no address for {name}")


# What differs between any two requests.
# Tokens and nonces are of these letters in tests (conftest.py).
NOISE = re.compile(r"[QXZ]{20,}|\d{4}-\d\d-\d\dT[\d:.+Z-]+")


def read(client: Client, url: str) -> tuple[int, str]:
    """Status and text of an answer, without what differs between any two."""
    response = client.get(url)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return response.status_code, NOISE.sub("", content.decode("utf-8", "replace"))


@contextmanager
def undone():
    """What happens inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def differing(person, project, images, thread_id, worlds: list[Callable[[], None]], besides: set[str]) -> list[str]:
    """The addresses whose answers are not the same in all worlds; and that most were read at all."""
    answers: list[dict[str, tuple[int, str]]] = []
    for make in worlds:
        with undone():
            make()
            cache.clear()
            client = Client()
            log_in(client, person)
            answers.append(
                {
                    url: read(client, url)
                    for name, url in addresses(project, images, thread_id)
                    if name not in besides | DOWNLOADS
                }
            )
    first, second = answers
    assert all(status < 500 for one in answers for status, _text in one.values())
    assert sum(status == 200 for status, _text in first.values()) > 25
    return [f"{url}: {_difference(first[url], second[url])}" for url in first if first[url] != second[url]]


def _difference(one: tuple[int, str], other: tuple[int, str]) -> str:
    """Where two answers begin to differ, with what stands before it."""
    if one[0] != other[0]:
        return f"{one[0]} and {other[0]}"
    pairs = enumerate(zip(one[1], other[1], strict=False))
    at = next((place for place, (a, b) in pairs if a != b), min(len(one[1]), len(other[1])))
    return f"…{one[1][max(0, at - 60) : at]}[{one[1][at : at + 40]}] and [{other[1][at : at + 40]}]"


@pytest.fixture
def world(project, ann, rev, lena, settings, tmp_path):
    """Three images on which ann said that she cannot tell; others' answers and the model's come later."""
    settings.MEDIA_DIR = tmp_path / "media"
    project.show_file_names = True
    project.save()
    images = [
        *add_images(project, 1, slice=Slice.TEST, labels_needed=3),
        *add_images(project, 1, slice=Slice.BLIND, labels_needed=3),
        *add_images(project, 1, labels_needed=3),
    ]
    make_model(project, is_calibrated=True, metrics={"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 50}})
    claims.claim(project=project, annotator=ann, count=3)
    for image in images:
        save_label(image_id=image.pk, annotator=ann, answer="cannot_tell")
    thread = comments.raise_flag(image=images[0], by=ann, text="Rust?").thread_id
    shown = add_images(project, 1)[0]
    CategoryExample.objects.create(category=project.categories.first(), image=shown)
    return images, thread


def others_say(project, person, images, name: str) -> None:
    claims.claim(project=project, annotator=person, count=50)
    for image in images:
        save_label(image_id=image.pk, annotator=person, categories=[name])


def test_before_the_votes_are_complete_an_annotator_reads_nothing_of_others_or_of_the_model(project, world, ann, bea):
    images, thread = world

    def one_world(name: str, probability: float) -> Callable[[], None]:
        def make() -> None:
            others_say(project, bea, images, name)
            for image in images:
                predict(project.runs.get(), image, name, probability)
            snapshots.refresh(project)
            assert set(Image.objects.filter(pk__in=[i.pk for i in images]).values_list("status", flat=True)) == {
                Status.PARTLY
            }

        return make

    worlds = [one_world("dog", 0.8137), one_world("fox", 0.6219)]

    assert differing(ann, project, images, thread, worlds, OF_ALL_IMAGES) == []


@pytest.mark.parametrize("role", ["rev", "lena", "ada"])
def test_nobody_reads_what_the_model_says_of_held_out_and_of_open_blind_images(
    project, world, request, bea, dora, role
):
    images, thread = world
    settled = add_images(project, 1, slice=Slice.CALIBRATION, labels_needed=2)
    others_say(project, bea, [*images, *settled], "dog")
    others_say(project, dora, settled, "dog")
    hidden = [image for image in images if image.slice] + settled

    def one_world(name: str, probability: float) -> Callable[[], None]:
        def make() -> None:
            for image in hidden:
                predict(project.runs.get(), image, name, probability)
            snapshots.refresh(project)

        return make

    worlds = [one_world("dog", 0.8137), one_world("fox", 0.6219)]
    person = request.getfixturevalue(role)

    assert differing(person, project, hidden, thread, worlds, REPORTS) == []


def test_the_worlds_can_be_told_apart_where_they_may(project, world, ann, rev, bea):
    """Or else the two tests above would be content with anything."""
    images, thread = world
    worlds = [lambda name=name: others_say(project, bea, images, name) for name in ("dog", "fox")]

    told = differing(rev, project, images, thread, worlds, OF_ALL_IMAGES)

    assert any("/api/images/" in url for url in told) and any(url.startswith("/projects/") for url in told)
    assert Label.objects.count() == 3
