"""People who draw and were given an image twice: how far they agree with themselves, in figures and on their page."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from labeler.agreement import trust
from labeler.labeling import object_rows
from labeler.labeling.objects import Drawn
from labeler.models import Label
from labeler.projects import classes
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import draw_all, drawing_project, shape_of
from tests.helpers.factories import category

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def draw_again(project, image, person, objects):
    """An answer to a silent repeat: rectangles."""
    label = Label.objects.create(
        project=project, image=image, annotator=person, purpose="repeat", answer="labeled", kind="objects", round=1,
        categories=sorted({category(project, name) for name, *_place in objects}), created_at=timezone.now(),
        guideline_version=1, label_set_version=1, chosen_by="repeat",
    )  # fmt: skip
    drawn = [
        Drawn(n, category(project, name), shape_of(project.task, x, y, w, h), (x, y, x + w, y + h), w * h)
        for n, (name, x, y, w, h) in enumerate(objects, 1)
    ]
    object_rows.insert([(label.pk, drawn)])


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks"])
def test_the_objects_of_both_answers_are_matched_at_the_projects_overlap(task, ann, bea, lena, as_):
    project = drawing_project(ann, bea, lead=lena, task=task, object_iou=0.6)
    first = [("pawn", 100, 100, 80, 80), ("king", 300, 200, 60, 100)]
    one, other = draw_all(project, [{ann: first, bea: first}, {ann: first, bea: []}])
    # Moved by 20 of 80 px the pawn overlaps by 60/100 = .6, the king by 30/90, which is no match.
    draw_again(project, one, ann, [("pawn", 120, 100, 80, 80), ("king", 330, 200, 60, 100)])
    draw_again(project, other, ann, [("pawn", 100, 100, 80, 80), ("pawn", 300, 200, 60, 100)])

    people = {row["username"]: row for row in trust.figures(project)["people"]}

    # Of 2 + 2 and 2 + 2 objects three pairs match: F1 6/8.
    assert people["ann"]["repeats"]["value"] == pytest.approx(6 / 8) and people["ann"]["repeats"]["n"] == 2
    assert people["ann"]["repeats_iou"]["value"] == pytest.approx((0.6 + 1 + 1) / 3, abs=1e-6)
    assert people["ann"]["repeats_class"]["value"] == pytest.approx(2 / 3)
    assert people["bea"]["repeats"] == {
        "value": None, "low": None, "high": None, "n": 0, "reason": {"code": "nothing_repeated"},
    }  # fmt: skip
    king, pawn = (project.categories.get(name=name) for name in ("king", "pawn"))
    classes.change_category(category=king, by=lena, changes={"merged_into": pawn.pk})
    project.refresh_from_db()
    rows = as_person(lena).get(f"/api/projects/{project.pk}/trust/").json()["people"]
    assert next(row for row in rows if row["username"] == "ann")["repeats_class"]["value"] == 1.0
    shown = as_(lena).get(reverse("annotator", args=[project.pk, "ann"])).content.decode()
    assert "Same objects again" in shown and "F1, n 2 images shown twice" in shown
    assert "75 %" in shown.replace("\u00a0", " ").replace("\u202f", " ")
    assert "How far they overlap" in shown and "Objects in common (F1)" in shown
    assert "Same objects again" not in as_(lena).get(reverse("annotator", args=[project.pk, "bea"])).content.decode()
