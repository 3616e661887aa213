"""Imports against what a model knows: how often one is named though nothing drifted, and what is said when one did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from bench.drift import share
from labeler.models import Drift, Image, Job
from labeler.models.job import Kind
from labeler.stats import drift as stats
from labeler.training import drift
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, make_model, predict
from tests.helpers.pages import url

# ---------------------------------------------------------------- the statistics


def test_hardly_any_project_in_which_nothing_drifted_is_alarmed():
    # 5 % at most; of 200 projects 19 and more (9.5 %) would come by chance with p .006 where it is exactly 5 %.
    assert share(200, 100, 4, trials=200) <= 0.09


def test_an_import_of_other_images_is_named_and_the_others_beside_it_are_not():
    random = np.random.default_rng(1)
    known = (random.choice(3, 300, p=[0.6, 0.3, 0.1]), random.beta(8, 1, 300))
    imports = [(random.choice(3, 200, p=p), random.beta(*b, 200)) for p, b in (
        ([0.6, 0.3, 0.1], (8, 1)), ([0.3, 0.3, 0.4], (8, 1)), ([0.6, 0.3, 0.1], (4, 2)), ([0.6, 0.3, 0.1], (8, 1)),
    )]  # fmt: skip
    found = [stats.compare(*known, *one, 3) for one in imports]

    assert stats.drifted(found) == [False, True, True, False]
    assert found[1].distance == pytest.approx(0.3, abs=0.08) and found[2].confidence < found[2].known_confidence


def test_classes_of_a_hand_worked_table():
    # 60 and 40 of two classes against 30 and 70: chi-squared (1) is 18.18, p 2e-5; as many permutations reach it.
    codes = np.repeat([0, 1], [60, 40]), np.repeat([0, 1], [30, 70])
    found = stats.compare(codes[0], np.ones(100), codes[1], np.ones(100), 2)
    assert found.distance == pytest.approx(0.3) and found.p_classes == pytest.approx(1 / 2000)
    assert found.p_confidence == 1.0 and found.p == pytest.approx(1 / 1000)


def test_many_images_with_a_difference_of_no_weight_are_not_named():
    codes = [np.repeat([0, 1], [n, 20_000 - n]) for n in (10_000, 10_600)]  # three points: beyond chance, under ten
    found = stats.compare(codes[0], np.ones(20_000), codes[1], np.ones(20_000), 2)
    assert found.p is not None and found.p < 0.01 and stats.drifted([found]) == [False]


def test_too_few_images_have_no_verdict_and_wrong_arrays_are_refused():
    few = stats.compare(np.zeros(49, int), np.ones(49), np.zeros(100, int), np.ones(100), 1)
    assert few.p is None and stats.drifted([few]) == [False]
    with pytest.raises(ValueError, match="one confidence"):
        stats.compare([0, 1], [0.5], [0], [0.5], 2)
    with pytest.raises(ValueError, match="one of the classes"):
        stats.compare([0], [0.5], [2], [0.5], 2)


# ---------------------------------------------------------------- rows, page and REST


def html_of(as_, person, name, project) -> str:
    return as_(person).get(url(name, project)).content.decode().replace("\N{NO-BREAK SPACE}", " ")


def page(as_, person, project) -> str:
    return html_of(as_, person, "model", project)


@pytest.fixture
def looked(project):
    """A model that knows sixty test images as cats and dogs; since then an import alike, and one of foxes."""
    run = make_model(project)
    known = add_images(project, 60, slice="test")
    Image.objects.update(created_at=run.created_at - timedelta(days=1))
    for at, image in enumerate(known):
        predict(run, image, "cat" if at % 2 else "dog", 0.9 + at % 20 / 1000)
    for name, answers, sure in (("alike.zip", ("cat", "dog"), 0.9), ("other.zip", ("fox", "dog"), 0.5)):
        job = Job.objects.create(project=project, kind=Kind.IMPORT, state="done", params={"name": name})
        for at, image in enumerate(add_images(project, 40, job=job)):
            predict(run, image, answers[at % 2], sure + at % 20 / 1000)
    Image.objects.exclude(pk__in=[image.pk for image in known]).update(created_at=timezone.now() + timedelta(hours=1))
    assert drift.record(run) == 2
    return run


@pytest.mark.django_db
def test_each_import_since_the_model_was_trained_is_compared_with_held_out_images(project, looked):
    found = {one.row.name: one for one in drift.compared_imports(project, looked)}

    assert {name: one.drifted for name, one in found.items()} == {"alike.zip": False, "other.zip": True}
    assert (found["other.zip"].compared.n, found["other.zip"].compared.n_known) == (40, 60)
    moved = drift.moved_most(project, found["other.zip"])
    assert moved[1:] in ((0.0, 0.5), (0.5, 0.0)) and moved[0] in (["fox"], ["cat"])
    drift.record(looked)
    assert Drift.objects.count() == 2  # counted anew, not twice


@pytest.mark.django_db
@pytest.mark.usefixtures("uncollected_static_files")
def test_the_model_page_says_it_in_a_sentence_and_the_overview_asks_for_a_look(as_, rev, project, looked):
    html = page(as_, rev, project)

    assert "they differ" in html and "The images of “other.zip" in html and "look different to model 1" in html
    assert "alike.zip" in html and "like those it knows" in html and "How sure is it?" in html
    card = as_(rev).get(url("project", project)).content.decode()
    assert "new images look different." in card and "other.zip is not like what model 1 knows." in card


@pytest.mark.django_db
@pytest.mark.usefixtures("uncollected_static_files")
def test_imports_of_one_day_are_told_apart_by_their_time_and_by_how_they_came(as_, rev, project, looked, settings):
    settings.TIME_ZONE = "UTC"
    day = datetime(2031, 3, 2, tzinfo=UTC)
    Job.objects.filter(params__name="alike.zip").update(created_at=day.replace(hour=8, minute=5))
    Job.objects.filter(params__name="other.zip").update(created_at=day.replace(hour=16, minute=40), params={})
    Image.objects.exclude(job=None).update(created_at=day.replace(hour=17))
    Drift.objects.all().delete()
    drift.record(looked)

    html = page(as_, rev, project)
    assert "alike.zip, 2 Mar 2031, 08:05" in html and "An archive, 2 Mar 2031, 16:40" in html

    # Files sent one by one, and those of the command line, belong to no import.
    for at, image in enumerate(add_images(project, 40)):
        predict(looked, image, "fox", 0.9)
        Image.objects.filter(pk=image.pk).update(created_at=day.replace(hour=9, minute=at))
    drift.record(looked)
    html = page(as_, rev, project)
    assert "The images of “Uploads and the command line, 2 Mar 2031, 09:00 to 09:39” look different" in html

    Drift.objects.exclude(job=None).delete()
    html = page(as_, rev, project)
    assert "The images of “Uploads and the command line, 2 Mar 2031” look different" in html  # alone in its day
    assert "What came in on 2 Mar 2031 is not like what model 1 knows." in html_of(as_, rev, "project", project)


@pytest.mark.django_db
@pytest.mark.usefixtures("uncollected_static_files")
def test_with_too_few_images_it_says_how_many_are_missing(as_, rev, project, looked):
    Drift.objects.all().delete()
    Image.objects.filter(slice="test").update(slice="")
    drift.record(looked)

    html = as_(rev).get(url("model", project)).content.decode()
    assert "Too few to compare: 0 held-out images that model 1 knows (50 are needed)" in html


@pytest.mark.django_db
def test_programs_read_the_figures(project, rev, looked):
    rows = as_person(rev).get(f"/api/projects/{project.pk}/drift/").json()["results"]

    assert [(row["name"], row["drifted"], row["model"]) for row in rows] == [
        ("other.zip", True, 1), ("alike.zip", False, 1),
    ]  # fmt: skip
    assert rows[0]["import"] and rows[0]["p"] < 0.01 and rows[0]["classes"][0]["categories"]
