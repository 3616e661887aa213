"""A person's own page where people draw: what differs from what an image was settled on, object by object."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.pages.label import my_drawings, my_work
from labeler.progress import object_overview
from labeler.review import adjudication
from tests.helpers.drawn_projects import draw_all, drawing_project, shape_of, three_people
from tests.helpers.factories import join

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def chess(ann, bea, dora, lena, rev):
    project = drawing_project(ann, bea, dora, lead=lena, labels_per_image=3)
    join(project, rev, "reviewer")
    return project


def rows_of(as_, person, project, query="?differ=1"):
    page = as_(person).get(reverse("mine", args=[project.pk]) + query)
    assert page.status_code == 200
    return [[(str(name), n) for name, n in row["kinds"]] for row in page.context["rows"]], page.content.decode()


def test_what_most_drew_and_one_missed_or_called_otherwise(as_, chess, ann, bea, dora):
    three_people(chess, ann, bea, dora)

    # Image 2 lacks dora's king, image 3 has bea's pawn for a king; image 5 bea's pawn, 10 px aside, IoU .78: the same.
    assert rows_of(as_, dora, chess)[0] == [[("Missed", 1)]]
    kinds, html = rows_of(as_, bea, chess)
    assert kinds == [[("Another class", 1)]]
    assert "settled otherwise" in html and "dora" not in html
    assert rows_of(as_, ann, chess)[0] == []
    assert len(rows_of(as_, dora, chess, "")[0]) == 6


def test_the_same_classes_elsewhere_differ_too(as_, chess, ann, bea, dora, rev):
    there = ("pawn", 300, 300, 50, 50)
    [image] = draw_all(chess, [{ann: [("pawn", 10, 10, 50, 50)], bea: [there, ("king", 10, 10, 50, 50)], dora: []}])
    assert rows_of(as_, bea, chess)[0] == []  # in dispute: not settled on anything

    adjudication.decide(
        image_id=image.pk, reviewer=rev, drawn=[{"category": "pawn", **shape_of("boxes", 10, 10, 50, 50)}],
        reason="the one in front",
    )  # fmt: skip

    kinds, html = rows_of(as_, bea, chess)
    assert kinds == [[("Too many", 1), ("Another class", 1)]]
    assert "the one in front" in html


def test_pages_go_on_where_the_last_one_ended(as_, chess, ann, bea, dora, monkeypatch):
    monkeypatch.setattr(my_drawings, "PER_PAGE", 2)
    monkeypatch.setattr(my_drawings, "LOOKED_AT", 4)
    same = [("pawn", 10, 10, 50, 50)]
    draw_all(chess, [{ann: same, bea: same, dora: [] if at % 2 else same} for at in range(10)])
    seen, after = [], "?differ=1"
    while after:
        page = as_(dora).get(reverse("mine", args=[chess.pk]) + after)
        seen += [row["image"].pk for row in page.context["rows"]]
        after = page.context["after"]

    assert len(seen) == 5 and seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("task", ["polygons", "masks", "semantic"])
def test_outlines_and_pixels_are_compared_as_well(as_, ann, bea, dora, lena, task):
    project = drawing_project(ann, bea, dora, lead=lena, task=task, labels_per_image=3)
    same = [("pawn", 100, 100, 80, 80)]
    draw_all(project, [{ann: same, bea: same, dora: [("king", 100, 100, 80, 80)]}, {ann: same, bea: same, dora: same}])

    assert rows_of(as_, bea, project)[0] == []
    assert len(rows_of(as_, dora, project)[0]) == 1


def test_the_own_card_says_how_far_objects_overlap(chess, ann, bea, dora, monkeypatch):
    three_people(chess, ann, bea, dora)
    monkeypatch.setattr(my_work, "ENOUGH", 1)
    people = object_overview.figures(chess)["people"]
    counted = {"people": people, "progress": {"by_annotator": []}}

    own = my_work.figures(chess, ann, counted)

    # ann with bea: 2, 2, 2, 2 and none; of these the shifted pawn has 70*80/(2*6400-70*80) = 7/9, the other seven 1.
    # ann with dora: 2, 1, 2, 2. And images 6: ann's pawn and bea's king lie on one another, IoU 1.
    overlap = next(row["overlap"] for row in people if row["username"] == "ann")
    assert overlap == pytest.approx((7 + 7 / 9 + 7 + 1) / 16)
    assert own["overlap"] == "99\u00a0%" and "drawn by both" in own["words"]
