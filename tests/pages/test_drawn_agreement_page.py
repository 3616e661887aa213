"""Agreement of a project that draws, as pages show it: to whom, and what of it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.models import Exposure, Snapshot
from labeler.progress import cache, cached_reports
from tests.helpers.drawn_projects import drawing_project, three_people
from tests.helpers.factories import join
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def boxes(ann, bea, dora, rev, lena):
    project = drawing_project(ann, bea, dora, lead=lena, labels_per_image=3)
    join(project, rev, "reviewer")
    project.drawn_images = three_people(project, ann, bea, dora)
    return project


def test_a_lead_reads_alpha_and_what_differs_leads_to_its_images(boxes, as_, lena):
    page = as_(lena).get(url("agreement", boxes)).content.decode()

    assert "0.64" in page  # alpha 0.636, worked out in tests/agreement/test_objects.py
    assert "beyond chance" in page and "Distance α" in page and "kappa" not in page.lower()
    there = url("differences", boxes) + "?labels=blind&amp;sample=random&amp;kind=missed"
    assert there in page
    missed = as_(lena).get(there.replace("&amp;", "&")).content.decode()
    second, last = boxes.drawn_images[1], boxes.drawn_images[5]
    assert f"/api/images/{second.pk}/preview/" in missed and f"/api/images/{last.pk}/preview/" in missed
    assert f"/api/images/{boxes.drawn_images[0].pk}/preview/" not in missed
    # dora's two answers, and what she missed: ann's and bea's objects stand out, those of all three stand back.
    assert "dora: pawn" in missed and "nothing here" in missed
    assert missed.count('class="who') > missed.count("faded") > 0
    # Whoever has seen it does not answer blind any more.
    assert Exposure.objects.filter(image=second, user=lena).exists()


def test_the_page_of_differences_is_for_reviewers_of_projects_that_draw(boxes, project, as_, ann, rev, carl, lena):
    assert as_(rev).get(url("differences", boxes)).status_code == 200
    assert as_(ann).get(url("differences", boxes)).status_code == 403
    assert as_(carl).get(url("differences", boxes)).status_code == 404
    assert as_(lena).get(url("differences", boxes) + "?kind=beauty").status_code == 404
    assert as_(lena).get(url("differences", project)).status_code == 404


def test_an_annotator_sees_own_figures_and_nobody_elses(boxes, as_, ann):
    for address in (url("agreement", boxes), reverse("annotator", args=[boxes.pk, "ann"]), url("project", boxes)):
        page = as_(ann).get(address).content.decode()
        assert "bea" not in page and "dora" not in page
    assert as_(ann).get(reverse("annotator", args=[boxes.pk, "bea"])).status_code == 404


def test_the_overview_and_the_image_speak_of_objects(boxes, as_, lena):
    overview = as_(lena).get(url("project", boxes)).content.decode()
    assert "0.64" in overview and "F1 with others" in overview and "κ" not in overview

    image = as_(lena).get(url("image", boxes, boxes.drawn_images[2].pk)).content.decode()
    assert image.count('<g class="who') == 6  # two objects of each of three people
    assert "bea: pawn" in image


def test_a_large_project_is_compared_by_a_worker(boxes, as_, lena, monkeypatch):
    monkeypatch.setattr(cache, "LARGE_BOXES", 5)
    page = as_(lena).get(url("agreement", boxes)).content.decode()
    assert "The figures are being counted" in page
    assert "The figures are being counted" in as_(lena).get(url("differences", boxes)).content.decode()

    assert cached_reports.refresh() > 0
    assert Snapshot.objects.filter(project=boxes, name="agreement:blind:random").exists()
    assert "0.64" in as_(lena).get(url("agreement", boxes)).content.decode()
    assert cached_reports.compute(boxes, "agreement:all:all:0.7")["iou"] == 0.7
