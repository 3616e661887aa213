"""A class is drawn in one colour and one shape, the same on every screen: its own, or those of its place."""

from __future__ import annotations

import json
import re

import pytest

from labeler.errors import Invalid
from labeler.label_set import categories, markers
from labeler.label_set.markers import Marker
from labeler.models import AuditEvent, Category
from labeler.pages.label.labeling import screen_config
from labeler.projects import classes
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, make_model
from tests.helpers.pages import METRICS, answer, url


def test_72_places_have_72_different_markers_in_six_colours_and_twelve_shapes():
    all_of_them = [markers.at(place) for place in range(72)]

    assert len(set(all_of_them)) == 72
    assert {marker.colour for marker in all_of_them} == set(markers.COLOURS)
    assert {marker.shape for marker in all_of_them} == set(markers.SHAPES)
    assert [markers.at(place).colour for place in (0, 6, 12)] == [1, 1, 1]


@pytest.mark.parametrize(("own", "drawn"), [((0, 0), (2, 2)), ((5, 0), (5, 2)), ((0, 11), (2, 11)), ((5, 11), (5, 11))])
def test_what_a_class_leaves_open_its_place_decides(own, drawn):
    assert markers.marker_of(Category(colour=own[0], shape=own[1]), place=1) == drawn


def test_a_marker_has_a_name_in_words():
    assert str(Marker(5, 11)) == "green triangle pointing down"


# ---------------------------------------------------------------- on every screen


CHOSEN = Marker(5, 11)
DRAWN = '<svg class="mk c5" aria-hidden="true"><use href="#m11"/></svg>'

pages = pytest.mark.usefixtures("uncollected_static_files")


@pytest.fixture
def marked(project, lena):
    """“dog”, the second class, has a marker of its own."""
    dog = project.categories.get(name="dog")
    classes.change_category(category=dog, by=lena, changes={"colour": 5, "shape": 11})
    project.refresh_from_db()
    return project


@pytest.mark.django_db
def test_a_chosen_marker_is_written_down_and_the_others_keep_theirs(marked):
    assert categories.markers_by_name(marked) == {"cat": (1, 1), "dog": CHOSEN, "fox": (3, 3)}
    assert AuditEvent.objects.get(action="category.update").details["changed"] == ["colour", "shape"]


@pytest.mark.django_db
def test_a_class_moves_up_to_the_marker_of_a_retired_one_but_not_from_its_own(marked, lena):
    classes.change_category(category=marked.categories.get(name="cat"), by=lena, changes={"retired": True})
    marked.refresh_from_db()

    assert categories.markers_by_name(marked) == {"dog": CHOSEN, "fox": (2, 2)}


@pytest.mark.django_db
@pages
@pytest.mark.parametrize("page", ["images", "agreement", "categories", "model", "image"])
def test_a_chosen_marker_is_drawn_on_every_screen(page, as_, lena, ann, bea, marked):
    images = add_images(marked, 3)
    for image in images:
        answer(marked, ann, image, "cat")
        answer(marked, bea, image, "dog")
    make_model(marked, metrics=METRICS)

    html = as_(lena).get(url(page, marked, *([images[0].pk] if page == "image" else []))).content.decode()

    assert DRAWN in html
    named = re.findall(r'<svg class="mk c(\d)" aria-hidden="true"><use href="#m(\d+)"/></svg>\s*<?[^>]*>?dog', html)
    assert set(named) == {("5", "11")}


@pytest.mark.django_db
def test_the_labeling_screen_is_told_the_markers(marked, ann):
    config = screen_config(marked, list(marked.categories.in_use()), ann)

    told = {row["name"]: (row["colour"], row["shape"]) for row in json.loads(json.dumps(config["categories"]))}
    assert told == {"cat": (1, 1), "dog": CHOSEN, "fox": (3, 3)}


@pytest.mark.django_db
@pages
def test_classes_that_look_the_same_are_allowed_and_the_settings_say_so(as_, lena, marked):
    assert "look the same" not in as_(lena).get(url("categories", marked)).content.decode()

    fox = marked.categories.get(name="fox")
    classes.change_category(category=fox, by=lena, changes={"colour": 5, "shape": 11})

    html = as_(lena).get(url("categories", marked)).content.decode()
    assert "“dog” and “fox” look the same (green triangle pointing down): only the name tells them apart." in html


@pytest.mark.django_db
@pages
def test_beyond_72_classes_the_settings_name_three_pairs_and_count_the_rest(as_, lena, project):
    for n in range(75):
        Category.objects.create(project=project, name=f"class {n}", position=n + 3)

    page = as_(lena).get(url("categories", project)).content.decode()

    assert page.count("look the same") == 3
    assert "The same holds of 3 other markers." in page  # 78 classes, 72 markers


# ---------------------------------------------------------------- by REST


@pytest.mark.django_db
def test_a_client_reads_and_chooses_markers(project, lena):
    client = as_person(lena)
    dog = project.categories.get(name="dog")

    changed = client.patch(f"/api/categories/{dog.pk}/", {"colour": 6}).json()
    added = client.post(f"/api/projects/{project.pk}/categories/", {"name": "wolf", "shape": 12}).json()

    assert (changed["colour"], changed["shape"], changed["marker"]) == (6, 0, {"colour": 6, "shape": 2})
    assert (added["colour"], added["shape"], added["marker"]) == (0, 12, {"colour": 4, "shape": 12})
    listed = client.get(f"/api/projects/{project.pk}/").json()["categories"]
    assert [row["marker"]["colour"] for row in listed] == [1, 6, 3, 4]


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"colour": 7}, {"shape": 13}, {"colour": -1}, {"shape": "round"}])
def test_a_marker_that_nobody_drew_is_refused(wrong, project, lena):
    dog = project.categories.get(name="dog")

    response = as_person(lena).patch(f"/api/categories/{dog.pk}/", wrong)

    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, list(wrong))
    if isinstance(next(iter(wrong.values())), int):
        with pytest.raises(Invalid):
            classes.change_category(category=dog, by=lena, changes=wrong)
