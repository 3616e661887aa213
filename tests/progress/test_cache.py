"""Figures of large projects: counted beside the requests, shown with their age, and never twice at once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone
from django.utils.translation import override

from labeler.agreement import reports
from labeler.labeling import claims
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label
from labeler.models import Label, Project, Snapshot
from labeler.progress import cache, cached_reports
from labeler.progress.cache import MAX_AGE, NEVER, UNMOVED_MAX_AGE, WARM_AGE
from labeler.projects import projects
from tests.helpers.api import as_person
from tests.helpers.factories import add_images
from worker.celery import app
from worker.tasks import refresh_figures as count_task

pytestmark = pytest.mark.django_db


def label(person, image, name: str) -> None:
    claims.claim(project=image.project, annotator=person, count=50)
    save_label(image_id=image.pk, annotator=person, categories=[name])


@pytest.fixture
def large(project, ann, bea, monkeypatch):
    """A project that is too large to be counted in a request: six labels, where five are many."""
    monkeypatch.setattr(cache, "LARGE", 5)
    for number, image in enumerate(add_images(project, 3)):
        label(ann, image, "cat")
        label(bea, image, "cat" if number else "dog")
    return project


def age(project: Project, by: timedelta, *, counted_in: float = 0.05) -> None:
    """Let the kept figures be older than they are, and have been counted in so many seconds.

    What a count took on a busy machine would decide otherwise when the next is due.
    """
    for row in Snapshot.objects.filter(project=project).exclude(computed_at=NEVER):
        Snapshot.objects.filter(pk=row.pk).update(computed_at=row.computed_at - by, seconds=counted_in)


def overview(project: Project) -> cache.Figures:
    return cached_reports.figures(project, "overview")


def wanted(project: Project) -> int:
    return Snapshot.objects.filter(project=project, wanted_at__isnull=False).count()


def test_a_small_project_is_counted_in_the_request_and_nothing_is_kept(project, ann):
    label(ann, add_images(project, 1)[0], "cat")

    figures = overview(project)

    assert figures.value["progress"]["labels"]["total"] == 1
    assert not figures.is_kept
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize("many", ["images", "labels"])
def test_many_images_or_many_labels_make_a_project_large(many, project, ann, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 3)
    images = add_images(project, 3)
    assert not cache.is_large(project)

    if many == "images":
        add_images(project, 1)
    else:
        for image in images:
            label(ann, image, "cat")
        label(ann, images[0], "dog")  # four rows: what was changed is kept
    assert cache.is_large(project)


def test_the_first_visit_of_a_large_project_waits_for_nothing(large):
    figures = overview(large)

    assert figures.value is None and figures.is_kept
    assert wanted(large) == 1
    assert overview(large).value is None
    assert Snapshot.objects.count() == 1


def test_a_worker_counts_what_was_asked_for_and_the_page_says_of_when(large):
    overview(large)
    before = timezone.now()

    count_task()

    figures = overview(large)
    assert figures.value["progress"]["labels"]["total"] == 6
    assert figures.value["agreement"]["n_shared_images"] == 3
    assert before <= figures.as_of <= timezone.now()
    assert figures.is_kept and wanted(large) == 0
    assert cached_reports.refresh() == 0  # nobody asked again


def test_beat_has_wanted_figures_looked_for_every_few_seconds():
    [entry] = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == count_task.name]

    assert entry["schedule"] <= 15
    assert entry["options"]["queue"] == "default"


def test_figures_that_new_labels_overtook_are_shown_and_asked_for_anew(large, ann):
    overview(large)
    cached_reports.refresh()
    label(ann, add_images(large, 1)[0], "fox")

    assert overview(large).value["progress"]["labels"]["total"] == 6
    assert wanted(large) == 0  # they are a moment old: that is new enough
    age(large, MAX_AGE * 1.1)
    old = overview(large)
    assert old.value["progress"]["labels"]["total"] == 6
    assert old.as_of < timezone.now() - MAX_AGE
    assert wanted(large) == 1
    cached_reports.refresh()
    assert overview(large).value["progress"]["labels"]["total"] == 7


def test_with_every_worker_away_the_old_figures_stand_however_often_they_are_asked_for(large, ann):
    overview(large)
    cached_reports.refresh()
    label(ann, add_images(large, 1)[0], "fox")
    age(large, timedelta(days=3))

    for _ in range(3):
        assert overview(large).value["progress"]["labels"]["total"] == 6
    assert wanted(large) == 1


def test_figures_nothing_has_overtaken_are_counted_rarely(large):
    overview(large)
    cached_reports.refresh()

    age(large, MAX_AGE * 5)
    overview(large)
    assert wanted(large) == 0
    age(large, UNMOVED_MAX_AGE)
    overview(large)
    assert wanted(large) == 1


def test_a_changed_target_does_not_wait(large, lena):
    overview(large)
    cached_reports.refresh()

    projects.update(project=large, by=lena, changes={"target_agreement": 0.8})
    large.refresh_from_db()
    age(large, timedelta(seconds=5))
    overview(large)

    assert wanted(large) == 1


def test_counting_takes_a_small_share_of_the_workers_time(large, ann):
    overview(large)
    cached_reports.refresh()
    label(ann, add_images(large, 1)[0], "fox")

    age(large, MAX_AGE * 2, counted_in=60)  # a minute of counting is not due again after two
    overview(large)
    assert wanted(large) == 0
    age(large, timedelta(minutes=20), counted_in=60)
    overview(large)
    assert wanted(large) == 1


def test_the_overview_of_a_busy_project_is_kept_warm_without_anybody_looking(large, ann):
    overview(large)
    cached_reports.refresh()
    label(ann, add_images(large, 1)[0], "fox")

    assert cached_reports.refresh() == 0
    age(large, WARM_AGE * 1.1)
    assert cached_reports.refresh() == 1
    assert overview(large).value["progress"]["labels"]["total"] == 7
    age(large, WARM_AGE * 1.1)
    assert cached_reports.refresh() == 0  # and of a quiet one left alone


def test_what_fails_to_count_leaves_the_old_figures_and_is_not_tried_for_ever(large, caplog):
    overview(large)
    cached_reports.refresh()
    age(large, UNMOVED_MAX_AGE * 2)
    overview(large)

    def broken(*_):
        raise RuntimeError("out of memory")

    assert cache.refresh_wanted(broken) == 0
    assert "could not be counted" in caplog.text
    assert wanted(large) == 0
    assert overview(large).value["progress"]["labels"]["total"] == 6
    assert wanted(large) == 1  # the next page asks again


def test_figures_of_an_older_version_of_the_program_are_counted_anew(large, rev, monkeypatch):
    overview(large)
    client = as_person(rev)
    url = f"/api/projects/{large.pk}/progress/"
    client.get(url)
    cached_reports.refresh()
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)

    assert overview(large).value is None
    assert client.get(url).json()["labels"]["total"] == 6  # REST waits for it
    assert cached_reports.refresh() == 1
    assert overview(large).value is not None


def test_a_project_in_the_trash_is_not_counted(large):
    overview(large)
    Project.objects.update(trashed_at=timezone.now())

    assert cached_reports.refresh() == 0


def test_one_count_is_for_every_language(large):
    overview(large)
    with override("de"):
        overview(large)

    assert list(Snapshot.objects.values_list("name", flat=True)) == ["overview"]
    assert cached_reports.refresh() == 1


def test_what_is_kept_is_what_was_counted(large):
    """JSON keeps neither tuples nor numbers as keys: a page must not look different for a large project."""
    counted = cached_reports.compute(large, "overview")

    assert json.loads(json.dumps(counted, allow_nan=False)) == counted
    with pytest.raises(ValueError, match="no report called"):
        cached_reports.compute(large, "secrets")


# ---------------------------------------------------------------- REST


def test_endpoints_wait_for_the_first_count_and_say_of_when_it_is(large, rev, ann):
    client = as_person(rev)
    agreement, progress = (f"/api/projects/{large.pk}/{name}/" for name in ("agreement", "progress"))

    first = client.get(progress).json()
    assert first["labels"]["total"] == 6
    assert client.get(agreement + "?labels=all").json()["n_labels"] == 6

    label(ann, add_images(large, 1)[0], "fox")
    again = client.get(progress).json()
    assert again["labels"]["total"] == 6 and again["as_of"] == first["as_of"]
    age(large, MAX_AGE * 2)
    client.get(progress)
    client.get(agreement + "?labels=all")
    assert cached_reports.refresh() == 2
    assert client.get(progress).json()["labels"]["total"] == 7
    assert client.get(agreement + "?labels=all").json()["n_labels"] == 7


def test_endpoints_of_a_small_project_speak_of_now(project, rev, ann):
    client = as_person(rev)
    url = f"/api/projects/{project.pk}/progress/"
    label(ann, add_images(project, 1)[0], "cat")
    assert client.get(url).json()["labels"]["total"] == 1
    label(ann, add_images(project, 1)[0], "cat")

    report = client.get(url).json()
    assert report["labels"]["total"] == 2
    assert report["as_of"] <= timezone.now().isoformat().replace("+00:00", "Z")


def test_rare_selections_are_not_kept(large):
    selection = Selection.with_default_sample("all", guideline=1)

    assert cached_reports.agreement_figures(large, selection).value == reports.agreement(large, selection)
    assert not Snapshot.objects.exists()


def test_saving_a_label_asks_for_no_figures(large, ann, django_assert_num_queries):
    [image] = add_images(large, 1)
    claims.claim(project=large, annotator=ann, count=50)
    overview(large)

    with django_assert_num_queries(5) as queries:  # as ever: three statements and their savepoint
        save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    assert not any("snapshot" in query["sql"] for query in queries.captured_queries)
    assert Label.objects.count() == 7


# ---------------------------------------------------------------- two workers


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_count_the_same_figures_at_once(large):
    overview(large)
    row = Snapshot.objects.get()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [cache.LOCK_SPACE, row.pk])

            assert cached_reports.refresh() == 0
            assert wanted(large) == 1
            # Pages go on meanwhile, and are not held up by whoever counts.
            assert overview(large).value is None

            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [cache.LOCK_SPACE, row.pk])
        assert cached_reports.refresh() == 1
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
                   WHERE locktype = 'advisory' AND datname = current_database()"""
            )
            assert cursor.fetchone() == (0,)
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_counting_leaves_the_session_as_it_was(large):
    def settings() -> list[str]:
        found = []
        with connection.cursor() as cursor:
            for name in ("statement_timeout", "work_mem", "enable_indexscan"):
                cursor.execute(f"SHOW {name}")
                found.append(cursor.fetchone()[0])
        return found

    before = settings()
    overview(large)
    cached_reports.refresh()

    assert settings() == before
