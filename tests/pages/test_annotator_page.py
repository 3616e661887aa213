"""The page of one person: who may open it, what it says of that person, and that its cells lead to their images."""

from __future__ import annotations

import html as markup
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.urls import reverse

from labeler.curation import image_list
from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.pages.agreement.annotator import _reading
from labeler.progress import cached_reports
from tests.helpers.factories import add_images, bring_labels, category
from tests.helpers.pages import answer

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def page_of(project, name):
    return reverse("annotator", args=[project.pk, name])


@pytest.fixture
def judged(project, lena):
    """40 images: zoe and yan say the same cats and dogs, xia says fox on the first twelve cats."""
    rows = []
    for n, image in enumerate(add_images(project, 40)):
        name = "cat" if n < 20 else "dog"
        for person in ("zoe", "yan", "xia"):
            said = "fox" if person == "xia" and n < 12 else name
            at = MONDAY + timedelta(days=7 * (n % 3), minutes=n)
            rows.append(Judgement(len(rows), image.name, person, [said], "labeled", at, 2.0))
    outcome = bring_labels(project, lena, rows)
    assert not outcome.refused
    return project


# ---- who may


def test_leads_reviewers_and_the_person_alone_open_it(as_, judged, ann, bea, rev, lena, carl):
    for person, status in ((lena, 200), (rev, 200), (ann, 200), (bea, 404), (carl, 404)):
        assert as_(person).get(page_of(judged, "ann")).status_code == status, person
    # Also of a person with labels, and of nobody.
    assert as_(bea).get(page_of(judged, "zoe")).status_code == 404
    assert as_(rev).get(page_of(judged, "zoe")).status_code == 200
    assert as_(rev).get(page_of(judged, "nobody")).status_code == 404
    assert as_(rev).get(page_of(judged, "carl")).status_code == 404


def test_to_the_person_it_speaks_of_you_and_leads_to_no_other_answers(as_, project, ann, bea, lena):
    for n, image in enumerate(add_images(project, 12)):
        answer(project, ann, image, "cat" if n < 7 else "dog")
        answer(project, bea, image, "dog")
    own = as_(ann).get(page_of(project, "ann")).content.decode()

    assert "You and the others" in own and "You call 7 of 12 images “cat” that most of the others call “dog”" in own
    assert "against=" not in own and "bea" not in own
    lead = as_(lena).get(page_of(project, "ann")).content.decode()
    assert "ann calls 7 of 12 images" in lead and "against=" in lead


def test_a_person_without_labels_hears_what_will_be_here(as_, project, ann):
    html = as_(ann).get(page_of(project, "ann")).content.decode()
    assert "No labels yet" in html and "nan" not in html.lower()


# ---- what it says


def test_the_reading_tells_a_line_drawn_elsewhere_from_classes_that_are_hard(as_, judged, lena):
    html = as_(lena).get(page_of(judged, "xia")).content.decode()

    # The others say cat on 20 images, xia fox on 12 of them; the others never say fox.
    assert "xia calls 12 of 20 images “fox” that most of the others call “cat”." in html
    names = {1: "rust", 2: "spot"}

    def matrix(cells):
        return {"username": "ben", "confusion": [{"others": o, "said": s, "n": n} for o, s, n in cells]}

    # 62 of 206 against 20 of 142: .301 - .141 = .16, Newcombe's interval lies above 0
    one_way = _reading(names, matrix([(1, 2, 62), (1, 1, 144), (2, 1, 20), (2, 2, 122)]), is_own=False)
    assert "ben calls 62 of 206" in one_way and "(20 of 142), so ben draws the line elsewhere" in one_way
    both = _reading(names, matrix([(1, 2, 60), (1, 1, 140), (2, 1, 58), (2, 2, 140)]), is_own=True)
    assert "You call 60 of 200" in both and "hard to tell apart" in both
    assert "few" in _reading(names, matrix([(1, 2, 4), (1, 1, 100)]), is_own=False)


def test_each_cell_leads_to_as_many_images_as_it_counts(as_, judged, lena):
    client = as_(lena)
    page = client.get(page_of(judged, "xia"))
    links = re.findall(r'href="([^"]*against=[^"]*)"[^>]*title="([^"]*)"', page.content.decode())

    assert len(links) == 1
    address, title = (markup.unescape(part) for part in links[0])
    assert title == "cat called fox: 12 images"
    html = markup.unescape(client.get(address).content.decode())
    assert "xia says fox, most of the others cat" in html and html.count("/thumb/") == 12
    filters = image_list.Filters.read(judged, {"against": f"xia,{category(judged, 'cat')},{category(judged, 'fox')}"})
    assert filters.images().count() == 12


def test_the_wall_agrees_with_the_count_on_random_answers(project, lena):
    rng = np.random.default_rng(8)
    names = ("cat", "dog", "fox")
    rows = [
        Judgement(0, image.name, person, [names[int(rng.integers(3))]], "labeled", MONDAY, None)
        for image in add_images(project, 60)
        for person in ("zoe", "yan", "xia", "vic")
        if rng.random() < 0.9
    ]
    bring_labels(project, lena, rows)
    people = cached_reports.figures(project, "trust").value["people"]
    cells = [(row["username"], cell) for row in people for cell in row["confusion"] if cell["others"] != cell["said"]]

    assert len(cells) > 20
    for name, cell in cells:
        asked = {"against": f"{name},{cell['others']},{cell['said']}"}
        assert image_list.Filters.read(project, asked).images().count() == cell["n"], (name, cell)


@pytest.mark.parametrize("asked", ["xia", "xia,1", "xia,a,b", ",1,2", "xia,999999,2", "xia,1,1"])
def test_what_cannot_be_read_is_not_asked_for(judged, asked):
    assert image_list.Filters.read(judged, {"against": asked}).against is None


def test_signs_come_with_their_sentence_and_are_no_verdict(as_, project, lena):
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 150)
    rows = []
    for n, (image, z) in enumerate(zip(add_images(project, 150), truth, strict=True)):
        for person in ("zoe", "yan"):
            name = ("cat", "dog", "fox")[0 if person == "yan" and 40 <= n < 90 else int(z)]
            rows.append(
                Judgement(n, image.name, person, [name], "labeled", MONDAY + timedelta(minutes=n), 2.0)
            )  # fmt: skip
    bring_labels(project, lena, rows)
    client = as_(lena)
    html = client.get(page_of(project, "yan")).content.decode()

    assert "same answer in a row" in html and "never a verdict" in html
    assert "What stands out?" not in client.get(page_of(project, "zoe")).content.decode()
    people = client.get(reverse("agreement", args=[project.pk])).content.decode()
    assert "same answer in a row" in people and page_of(project, "yan") in people


def test_several_classes_are_told_class_by_class(as_, multi_project, ann, bea, lena):
    images = add_images(multi_project, 6)
    for person in (ann, bea):
        claims.claim(project=multi_project, annotator=person, count=6)
        for n, image in enumerate(images):
            classes = ["sky", "sea"] if person is ann or n else ["sky"]
            save_label(image_id=image.pk, annotator=person, categories=classes)
    page = as_(lena).get(page_of(multi_project, "bea"))

    rows = {row["name"]: (row["both"], row["missed"], row["added"]) for row in page.context["by_class"]}
    assert rows == {"sea": (5, 1, 0), "sky": (6, 0, 0)}
    assert "Only the others" in page.content.decode()


# ---- what it costs


def test_the_page_costs_as_many_queries_whatever_the_number_of_labels(as_, judged, lena, django_assert_max_num_queries):
    client = as_(lena)
    client.get(page_of(judged, "xia"))
    with django_assert_max_num_queries(30):
        client.get(page_of(judged, "xia"))


def test_a_large_project_is_counted_beside_the_request(as_, judged, lena, monkeypatch):
    monkeypatch.setattr("labeler.progress.cache.LARGE", 10)
    client = as_(lena)
    assert "The figures are being counted" in client.get(page_of(judged, "xia")).content.decode()
    cached_reports.refresh()
    monkeypatch.setattr("labeler.labeling.label_arrays.read_labels", None)

    html = client.get(page_of(judged, "xia")).content.decode()

    assert "being counted" not in html and "40 labels" in html
