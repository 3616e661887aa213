"""The agreement page beside agreement itself: over time, guideline or person, the model, gold, and who sees what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.urls import reverse

from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Project
from labeler.pages.agreement import trust_charts
from labeler.projects import projects
from labeler.review import gold
from tests.helpers.factories import add_images, bring_labels, make_model, predict

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = ("cat", "dog", "fox")

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def judged(project, lena):
    """Two weeks of 60 images by four people; vic sees half of it otherwise, and answers faster."""
    rng = np.random.default_rng(4)
    rows = []
    for at, image in enumerate(add_images(project, 120)):
        z = int(rng.integers(0, 3))
        for person, right, seconds in (("yan", 0.97, 2.0), ("zoe", 0.97, 2.4), ("xia", 0.97, 3.0), ("vic", 0.5, 0.9)):
            name = NAMES[z if rng.random() < right else int(rng.integers(0, 3))]
            when = MONDAY + timedelta(days=7 * (at // 60), minutes=at)
            rows.append(Judgement(len(rows), image.name, person, [name], "labeled", when, seconds))
    outcome = bring_labels(project, lena, rows)
    assert not outcome.refused
    return project


def page(project):
    return reverse("agreement", args=[project.pk])


def card(html, name):
    """The text of the card whose heading has this id."""
    found = html[html.index(f'aria-labelledby="{name}"') :]
    return " ".join(re.sub(r"<[^>]*>", " ", found[: found.index("</section>")]).split())


def test_it_names_the_person_who_sees_it_otherwise_and_leads_there(as_, judged, lena):
    html = as_(lena).get(page(judged)).content.decode()

    assert re.search(r"vic sees it otherwise: mean κ 0\.\d\d with the others, who agree among", card(html, "words"))
    assert f'<a href="{trust_charts.person_url(judged, "vic")}">vic</a>' in html
    assert "Fast and below the target: vic." in html


def test_an_annotator_reads_the_project_and_nobodys_name(as_, judged, ann):
    html = as_(ann).get(page(judged)).content.decode()

    assert "people draw the line in different places" in card(html, "words")
    assert not re.search(r"\b(vic|zoe|yan|xia)\b", html)
    assert "Is it getting better?" in html and 'id="careful"' not in html
    assert reverse("annotator", args=[judged.pk, "ann"]) in html


def test_weeks_are_a_line_with_its_numbers_and_a_change_has_its_interval(as_, project, said_twice, lena):
    html = as_(lena).get(page(project)).content.decode()
    better = card(html, "better")

    assert "week of 2 Mar" in better and "week of 9 Mar" in better
    assert re.search(r"Version 2 .*40 .*\+0\.\d\d 0\.\d\d to \d\.\d\d", better)
    assert reverse("guideline_version", args=[project.pk, 2]) in html


@pytest.fixture
def said_twice(project, lena):
    """40 images under each of two versions of the guideline; under the second people agree nearly always."""
    rng = np.random.default_rng(1)
    for version, right in ((1, 0.4), (2, 0.99)):
        if version == 2:
            projects.update(project=project, by=lena, changes={"guideline": "Ears up is a fox."})
            project.refresh_from_db()
        rows = []
        for at, image in enumerate(add_images(project, 40)):
            z = int(rng.integers(0, 3))
            for person in ("yan", "zoe"):
                name = NAMES[z if rng.random() < right else int(rng.integers(0, 3))]
                when = MONDAY + timedelta(days=7 * (version - 1), minutes=at)
                rows.append(Judgement(len(rows), image.name, person, [name], "labeled", when, 2.0))
        bring_labels(project, lena, rows)


def test_the_plan_stands_beside_the_headline_of_the_labels_that_it_is_about(as_, project, said_twice, lena):
    client = as_(lena)
    assert "more random images judged by two people" in card(client.get(page(project)).content.decode(), "figure-alpha")
    html = client.get(page(project) + "?labels=all").content.decode()
    assert "more random images" not in html and "Gwet" not in html


def test_anchoring_is_two_shares_their_difference_and_what_gave_way(as_, project, ann, lena):
    seen, unseen = add_images(project, 40), add_images(project, 40, slice="blind")
    model = make_model(project)
    for image in [*seen, *unseen]:
        predict(model, image, "cat")
    others = {image.pk for image in unseen[::2]}  # half of those unseen differ from what the model says
    for _ in range(2):
        for claim in claims.claim(project=project, annotator=ann, count=40):
            name = "dog" if claim.image_id in others else "cat"
            save_label(image_id=claim.image_id, annotator=ann, categories=[name])
    text = card(as_(lena).get(page(project)).content.decode(), "anchored")

    assert "suggestion seen 100.0" in text and "suggestion not seen 50.0" in text
    assert "Difference +50.0 points" in text and "gave way to the suggestion" in text


def test_without_a_suggestion_that_was_seen_nobody_is_asked_about_anchoring(as_, judged, lena):
    assert 'id="anchored"' not in as_(lena).get(page(judged)).content.decode()


def test_methods_are_compared_on_gold_and_the_present_one_is_marked(as_, judged, lena):
    html = as_(lena).get(page(judged)).content.decode()
    assert 'id="methods"' not in html  # no gold, no comparison
    for image in judged.images.order_by("pk")[:20]:
        gold.add(project=judged, by=lena, image_id=image.pk, categories=["cat"])
    Project.objects.filter(pk=judged.pk).update(version=judged.version + 1, consensus_method="one_coin")
    text = card(as_(lena).get(page(judged)).content.decode(), "methods")

    assert "weighted by reliability in use" in text and "majority in use" not in text
    assert text.count(" 20") >= 4


def test_one_class_that_dominates_is_told_in_words(as_, project, lena):
    rows = []
    for n, image in enumerate(add_images(project, 60)):
        for person, dogs in (("yan", range(3)), ("zoe", range(2, 5))):
            name = "dog" if n in dogs else "cat"
            rows.append(Judgement(len(rows), image.name, person, [name], "labeled", MONDAY, None))
    bring_labels(project, lena, rows)
    client = as_(lena)
    words = card(client.get(page(project)).content.decode(), "words")

    assert words.count("“cat” holds 95") == 1  # not once more by the agreement report
    assert "“cat” holds 95" in card(client.get(page(project) + "?labels=all").content.decode(), "words")
    assert "“cat” holds 95" in words and "PABAK 0.90" in words and "AC1 0.9" in words
    assert "bias index 0.00" in words


def test_ordered_classes_have_alphas_that_know_it(as_, judged, lena):
    Project.objects.filter(pk=judged.pk).update(ordered="quadratic", version=judged.version + 1)
    text = card(as_(lena).get(page(judged)).content.decode(), "ordered")
    assert "quadratic weights" in text and "ordinal 0." in text and text.count("vic") == 3


def test_the_page_costs_as_many_queries_whatever_the_number_of_people(as_, judged, lena, django_assert_max_num_queries):
    client = as_(lena)
    client.get(page(judged))
    with django_assert_max_num_queries(40):
        client.get(page(judged))


@pytest.mark.parametrize(("own", "limit"), [([2.0, 2.4, 3.0, 0.9], 0.6 * 2.2), ([1.0, 2.0, 3.0], 1.2), ([], None)])
def test_fast_is_a_share_of_the_middle_persons_time(own, limit):
    assert trust_charts.fast_limit(own) == (None if limit is None else pytest.approx(limit))
