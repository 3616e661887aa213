"""Contested images where people draw: by what differs at a place, not by the classes that are in an answer."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.agreement import disagreement_groups
from labeler.agreement.divided_objects import NOTHING
from labeler.review import worklists
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import draw_all, drawing_project, three_people
from tests.helpers.factories import category, join

pytestmark = pytest.mark.django_db


@pytest.fixture
def chess(ann, bea, dora, lena, rev):
    """Three images on which people differ: one class for another, a king that one missed, and both at one place."""
    project = drawing_project(ann, bea, dora, lead=lena, labels_per_image=3)
    join(project, rev, "reviewer")
    three_people(project, ann, bea, dora)
    return project


def test_classes_are_divided_where_one_place_has_both(chess):
    pawn, king = category(chess, "pawn"), category(chess, "king")

    report = disagreement_groups.find(chess)
    [group] = disagreement_groups.present(chess, report).groups

    # ann and bea see a pawn and a king at one place, dora nothing: three pairs on one image. Image 2 lacks dora's king,
    # image 3 has bea's pawn for a king.
    assert disagreement_groups.pairs(chess, report) == [((NOTHING, king), 2), ((pawn, king), 2), ((NOTHING, pawn), 1)]
    # Of the places that differ: kings 2 + 2 + 1, pawns 1 + 1, nothing 1 + 1.
    assert group.votes == [([king], 5), ([], 2), ([pawn], 2)]
    assert len(group.images) == 3


def test_the_same_classes_at_other_places_are_contested(ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena, labels_per_image=2)
    draw_all(project, [{ann: [("pawn", 10, 10, 50, 50)], bea: [("pawn", 300, 300, 50, 50)]}])
    pawn = category(project, "pawn")

    [group] = disagreement_groups.present(project, disagreement_groups.find(project)).groups

    # Two places, each drawn by one of two. By sets of classes both said the same: pawn.
    assert (group.pair, group.votes) == ((NOTHING, pawn), [([], 2), ([pawn], 2)])


def test_groups_are_narrowed_to_what_only_some_drew(chess, rev):
    client, here = as_person(rev), f"/api/projects/{chess.pk}/disagreements/groups/"

    every, narrow = client.get(here).json(), client.get(here, {"pair": "pawn"}).json()

    assert (every["n"], narrow["n"]) == (3, 1)
    assert every["groups"][0]["votes"][1] == {"categories": [], "category_ids": [], "n": 2}
    assert narrow["groups"][0]["pair"] in (
        {"categories": ["pawn"], "category_ids": [category(chess, "pawn")], "n": 1},
        {"categories": ["king"], "category_ids": [category(chess, "king")], "n": 1},
    )


def test_the_list_says_what_differs_object_by_object_least_agreed_first(chess, rev):
    rows = as_person(rev).get(f"/api/projects/{chess.pk}/disagreements/").json()["results"]

    assert [row["n_places"] for row in rows] == [1, 1, 1]
    assert [row["disagreement"] for row in rows] == sorted((row["disagreement"] for row in rows), reverse=True)
    [place] = rows[0]["places"]
    assert [(one["annotator"], one["category"]) for one in place["drawn_by"]] == [("ann", "pawn"), ("bea", "king")]
    assert place["not_drawn_by"] == ["dora"] and place["box"] == [10, 10, 60, 60]


def test_the_pages_speak_of_what_was_drawn(uncollected_static_files, as_, chess, lena):
    images = list(chess.images.order_by("-disagreement"))
    page = as_(lena).get(reverse("contested", args=[chess.pk])).content.decode()
    rule = as_(lena).get(reverse("rule", args=[chess.pk]), {"like": images[0].pk}).content.decode()

    assert "Drawn where people differ" in page and "nothing drawn" in page
    assert f"?pair={NOTHING},{category(chess, 'king')}" in page
    assert "none of these" not in page and "Drawn where people differ" in rule


def test_answers_are_in_no_pair_where_they_hold_many_classes(chess):
    assert worklists.worklist(chess, worklists.Selection(everything=True), None).pairs == []
