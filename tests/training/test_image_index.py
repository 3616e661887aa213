"""Images that look alike, and images unlike anything labeled: found by the index that a worker writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labeler.models import AuditEvent, Feature, Image, Job, Project, QueueEntry
from labeler.models.job import Kind
from labeler.training import features, image_index, queue_order
from tests.helpers.answers import answer
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, make_model
from tests.helpers.image_index import NAME, index, seen
from tests.helpers.pages import url
from worker import periodic
from worker.indexing import build_index
from worker.indexing import features as worker_features
from worker.ml.networks import backbones

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def _models(settings, tmp_path):
    settings.MODELS_DIR = str(tmp_path / "models")
    settings.MEDIA_DIR = tmp_path / "media"
    image_index.forget()


@pytest.fixture
def circle(project):
    """Twelve images around a circle in eight dimensions, the neighbours 30 degrees apart."""
    images = add_images(project, 12)
    angles = np.deg2rad(30 * np.arange(12))
    vectors = np.zeros((12, 8))
    vectors[:, 0], vectors[:, 1] = 3 * np.cos(angles), 3 * np.sin(angles)
    seen(images, vectors)
    index(project, images)
    return images


# ---------------------------------------------------------------- the index


def test_the_most_similar_come_first_with_the_cosine_of_their_features(circle):
    found = image_index.nearest(circle[3], 4)

    assert [one.image.pk for one in found] == [circle[k].pk for k in (2, 4, 1, 5)]
    assert [one.similarity for one in found] == pytest.approx([np.cos(np.pi / 6)] * 2 + [0.5] * 2, abs=2e-3)


def test_many_images_are_ordered_as_by_their_whole_features(project):
    rng = np.random.default_rng(0)
    images = add_images(project, 300)
    vectors = rng.normal(size=(20, 200))[rng.integers(0, 20, 300)] + 0.6 * rng.normal(size=(300, 200))
    seen(images, vectors)
    index(project, images)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    # 128 of 200 axes, in one byte each: nine in ten of the nearest ten are found for all that.
    right = 0
    for at in range(0, 300, 30):
        best = [images[k].pk for k in np.argsort(-(unit @ unit[at]))[1:11]]
        right += len(set(best) & {one.image.pk for one in image_index.nearest(images[at], 10)})
    assert right >= 90


def test_an_image_nobody_looked_at_and_a_project_without_an_index_say_so(project, circle, multi_project):
    (late,) = add_images(project, 1)

    assert image_index.nearest(late) is None
    assert image_index.nearest(add_images(multi_project, 1)[0]) is None
    assert image_index.novel(multi_project, 10) == ([], 0)


def test_an_image_that_was_deleted_is_not_shown_and_a_damaged_index_is_none(project, circle):
    Image.objects.filter(pk=circle[2].pk).delete()
    assert [one.image.pk for one in image_index.nearest(circle[3], 1)] == [circle[4].pk]

    pointer = image_index.folder(project.pk) / image_index.POINTER
    said = json.loads(pointer.read_text())
    (Path(pointer.parent) / said["folder"] / "rows.npy").write_bytes(b"nothing")
    image_index.forget()
    assert image_index.index_of(project) is None


def test_what_is_unlike_anything_labeled_comes_first(project, circle):
    for image in (circle[0], circle[1]):
        answer(image, ann="cat", bea="cat")
    index(project, circle)

    found, n = image_index.novel(project, 3)

    # The labeled ones stand at 0 and 30 degrees: the opposite is 180 from one and 150 from the other.
    assert n == 10 and [pk for pk, _ in found][:2] != [circle[2].pk, circle[11].pk]
    novelty = dict(image_index.novel(project, 12)[0])
    assert novelty[circle[2].pk] == pytest.approx(1 - np.cos(np.pi / 6), abs=2e-3)
    assert novelty[circle[7].pk] == 1.0 and circle[0].pk not in novelty


def test_more_images_than_usual_that_look_like_nothing_labeled_want_a_look(project, monkeypatch):
    from labeler.pages.overview import card as attention_card
    from tests.helpers.situations import figures, situation, told

    monkeypatch.setattr(attention_card.Situation, "to", lambda self, name: f"/{name}/")
    rng = np.random.default_rng(0)
    labeled, alike, other = (add_images(project, n) for n in (100, 60, 12))
    centre, far = np.eye(16)[0], np.eye(16)[5]
    seen([*labeled, *alike], centre + 0.02 * rng.normal(size=(160, 16)))
    seen(other, far + 0.02 * rng.normal(size=(12, 16)))
    Image.objects.filter(pk__in=[image.pk for image in labeled]).update(status="settled")
    index(project, [*labeled, *alike, *other])

    n, of = image_index.count_novel(project)

    assert of == 72 and 12 <= n <= 15  # one in a hundred of the others by chance
    card = told(situation(figures(unlike=[n, of])))["images look like nothing labeled."]
    assert (card.figure, card.href) == (str(n), "/unlike/")
    assert "images look like nothing labeled." not in told(situation(figures(unlike=[12, 1_000])))


# ---------------------------------------------------------------- a worker looks


def test_new_images_are_looked_at_soon_after_they_came_in_and_once(project, circle, monkeypatch):
    run = make_model(project, config={"backbone": "tiny", "image_size": 64}, predicted_at="2026-01-01T00:00:00Z")
    monkeypatch.setattr(build_index, "kept_as", lambda _backbone, _size: NAME)
    monkeypatch.setattr(backbones, "get", lambda name: name)
    looked: list[str] = []

    def computed(hashes, *_backbone, size, progress):
        looked.extend(hashes)
        new = list(Image.objects.filter(sha256__in=hashes))
        seen(new, np.eye(8)[:1].repeat(len(new), 0))
        return None, {}

    monkeypatch.setattr(build_index, "features_of", computed)
    (late,) = add_images(project, 1)
    seen_by_model = {"params": {"run": run.pk}, "result": {"last_image": late.pk}, "state": "done"}
    Job.objects.create(project=project, kind=Kind.PRELABEL, **seen_by_model)
    periodic.run_due_work()
    assert periodic.request_due_indexes() == 0
    (job,) = Job.objects.filter(kind=Kind.LOOK)

    build_index.index_job(job.pk, worker="w")

    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"n": 13, "left": 0, "last_image": late.pk, "uncompared": 0})
    assert looked == [late.sha256] and image_index.nearest(late) is not None
    assert periodic.request_due_indexes() == 0
    add_images(project, 1)
    assert [due.pk for due in image_index.due()] == [run.pk]


def test_before_there_is_a_model_the_first_images_cover_what_there_is(project, monkeypatch):
    monkeypatch.setattr(image_index, "COVERED", 3)
    monkeypatch.setattr(build_index, "kept_as", lambda _backbone, _size: NAME)
    images = add_images(project, 40)
    # Three heaps in eight dimensions; the first image of each lies in its middle.
    rng = np.random.default_rng(5)
    heap = np.arange(40) % 3
    vectors = 4 * np.eye(8)[heap] + 0.4 * rng.normal(size=(40, 8)) * (np.arange(40) >= 3)[:, None]
    monkeypatch.setattr(build_index, "features_of", lambda *_a, **_k: (None, seen(images, vectors) or {}))

    assert periodic.request_first_indexes() == 0  # more may be on their way
    Image.objects.update(created_at="2026-01-01T00:00:00Z")
    assert periodic.request_first_indexes() == 1
    assert periodic.request_first_indexes() == 0
    (job,) = Job.objects.filter(kind=Kind.LOOK)
    build_index.index_job(job.pk, worker="w")

    job.refresh_from_db()
    assert (job.state, job.error, job.result["n"]) == ("done", None, 40)
    covering = QueueEntry.objects.filter(chosen_by="cover").values_list("image", flat=True)
    at = {image.pk: k for k, image in enumerate(images)}
    assert sorted(heap[at[pk]] for pk in covering) == [0, 1, 2]
    others = QueueEntry.objects.exclude(chosen_by="cover").order_by("-priority").first()
    assert min(e.priority for e in QueueEntry.objects.filter(chosen_by="cover")) > others.priority
    assert periodic.request_first_indexes() == 0
    assert image_index.nearest(images[5], 1) is not None  # similar images are found before there is a model


@pytest.mark.parametrize("why", ["random order", "by gain", "a model", "labeled", "few images", "trash", "importing"])
def test_nobody_looks_for_images_to_begin_with_where_that_is_of_no_use(project, monkeypatch, why):
    monkeypatch.setattr(image_index, "COVERED", 3)
    images = add_images(project, 3 if why == "few images" else 12)
    Image.objects.update(created_at="2026-01-01T00:00:00Z")
    if why == "random order":
        Project.objects.update(ask_uncertain_first=False)
    elif why == "by gain":
        Project.objects.update(ask_by_gain=True)
    elif why == "a model":
        make_model(project)
    elif why == "labeled":
        for image in images[:3]:
            answer(image, ann="cat")
    elif why == "trash":
        Project.objects.update(trashed_at="2026-01-01T00:00:00Z")
    elif why == "importing":
        Job.objects.create(project=project, kind=Kind.IMPORT)

    assert periodic.request_first_indexes() == 0


# ---------------------------------------------------------------- weights that were exchanged


@pytest.fixture
def backbone(tmp_path, monkeypatch):
    """A network whose weights the operator chooses."""
    file = tmp_path / "resnet18.pth"
    file.write_bytes(b"the first weights")
    monkeypatch.setenv(backbones.FOLDER_SETTING, str(tmp_path))
    worker_features._bring_over.cache_clear()
    return file


def test_features_are_kept_under_the_contents_of_the_weights(backbone):
    first = worker_features.kept_as(backbones.RESNET18, 224)
    backbone.write_bytes(b"other weights, of another size")
    other = worker_features.kept_as(backbones.RESNET18, 224)

    assert first != other and first.startswith("resnet18@224-") and len(first) <= 100


def test_features_of_before_are_brought_over_where_the_weights_are_theirs(project, backbone, settings):
    (image,) = add_images(project, 1)
    old = features.name_of("resnet18", 224)
    seen([image], np.ones((1, 4)), name=old)
    run = make_model(project, config={"backbone": "resnet18", "image_size": 224}, checkpoint="m.json")
    Path(settings.MODELS_DIR).mkdir()
    described = {"backbone": "resnet18", "image_size": 224, "backbone_sha256": backbones.checksum(backbones.RESNET18)}
    (Path(settings.MODELS_DIR) / "m.json").write_text(json.dumps(described))

    name = worker_features.kept_as(backbones.RESNET18, 224)

    run.refresh_from_db()
    assert features.of_run(run) == name
    assert features.load(name, [image.sha256]) and not features.are_kept(old)


def test_features_of_weights_that_are_gone_are_not_taken_for_theirs(project, backbone):
    (image,) = add_images(project, 1)
    seen([image], np.ones((1, 4)), name=features.name_of("resnet18", 224))
    make_model(project, config={"backbone": "resnet18", "image_size": 224}, checkpoint="gone.json")

    name = worker_features.kept_as(backbones.RESNET18, 224)

    assert not features.load(name, [image.sha256]) and not Feature.objects.exists()


# ---------------------------------------------------------------- pages and REST


def test_a_lead_hands_similar_images_out_first_but_never_those_judged_blind(as_, lena, rev, project, circle):
    blind = circle[4]
    blind.slice = "test"
    blind.save()
    client, here = as_(lena), url("similar", project, circle[3].pk)
    html = client.get(here).content.decode()
    assert f'value="{circle[2].pk}"' in html and f'value="{blind.pk}"' not in html

    said = client.post(here, {"images": [circle[2].pk, blind.pk]}, follow=True).content.decode()

    assert "1 image comes first now." in said and "1 stays where it is" in said
    first = QueueEntry.objects.get(pk=circle[2].pk)
    assert (first.priority, first.chosen_by) == (1.0, "lead")
    assert QueueEntry.objects.get(pk=blind.pk).chosen_by == "random"
    assert AuditEvent.objects.filter(action="queue.put_first", project=project).count() == 1
    queue_order.reorder(project)
    assert QueueEntry.objects.get(pk=circle[2].pk).priority == 1.0  # a new order leaves it there

    seen_by_rev = as_(rev).get(here).content.decode()
    assert "Hand" not in seen_by_rev
    assert as_(rev).post(here, {"images": [circle[2].pk]}).status_code == 403


def test_the_pages_say_what_is_missing(as_, rev, project, circle):
    (late,) = add_images(project, 1)
    client = as_(rev)

    assert "none is trained yet" in client.get(url("similar", project, late.pk)).content.decode()
    assert "Every image that a worker has looked at" in client.get(url("unlike", project)).content.decode()
    answer(circle[0], ann="cat", bea="cat")
    index(project, circle)
    html = client.get(url("unlike", project)).content.decode()
    assert "novelty 1.00" in html and "held against 1 labeled image" in html
    assert client.get(url("similar", project, 10**9)).status_code == 404


def test_programs_find_similar_images_and_see_no_more_of_them_than_their_person_may(project, ann, rev):
    asked, hers, theirs = add_images(project, 3)
    seen([asked, hers, theirs], [[1, 0], [0, 1], [np.sqrt(3), 1]])
    index(project, [asked, hers, theirs])
    answer(hers, ann="dog", bea="dog")
    answer(theirs, bea="cat")
    address = f"/api/images/{asked.pk}/similar/?limit=2"

    told = {row["id"]: row for row in as_person(ann).get(address).json()["results"]}
    assert list(told) == [theirs.pk, hers.pk]
    assert told[theirs.pk]["status"] is None and told[hers.pk]["status"] == "settled"
    assert told[theirs.pk]["similarity"] == pytest.approx(0.866, abs=2e-3)
    assert all(row["status"] for row in as_person(rev).get(address).json()["results"])

    wrong = as_person(ann).get(f"/api/images/{asked.pk}/similar/?limit=0")
    assert (wrong.status_code, error_of(wrong)) == (400, "invalid")
    (late,) = add_images(project, 1)
    assert as_person(ann).get(f"/api/images/{late.pk}/similar/").status_code == 422
