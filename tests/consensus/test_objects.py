"""Several drawings, one answer: what most drew, what is open, and what a reviewer decides."""

from __future__ import annotations

import numpy as np
import pytest

from labeler.consensus import objects, snapshots
from labeler.errors import WrongTask
from labeler.geometry import masks
from labeler.labeling import claims, labels
from labeler.labeling.objects import ObjectsRefused
from labeler.models import Image
from labeler.projects import questions
from labeler.releases import contents
from labeler.review import adjudication
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, make_project


def box(x, y, width, height, name="pawn"):
    return {"category": name, "box": [x, y, width, height]}


def drawn(project, *answers, people):
    (image,) = add_images(project, 1, labels_needed=len(answers))
    for person, said in zip(people, answers, strict=True):
        claims.claim(project=project, annotator=person, count=10)
        labels.save_label(image_id=image.pk, annotator=person, drawn=said)
    return Image.objects.get(pk=image.pk)


@pytest.fixture
def boxes(ann, bea, dora, lena):
    return make_project(ann, bea, dora, lead=lena, task="boxes", categories=("pawn", "king"))


def test_each_edge_of_a_box_is_the_median_and_what_few_saw_is_left_out(boxes, ann, bea, dora):
    image = drawn(
        boxes,
        [box(10, 10, 40, 40), box(300, 10, 50, 50)],
        [box(12, 11, 40, 40)],
        [box(13, 9, 42, 41)],
        people=(ann, bea, dora),
    )

    (row,) = objects.current(boxes, [image])[image.pk]

    # Left edges 10 12 13, top 10 11 9, right 50 52 55, bottom 50 51 50.
    assert row == {
        "category": category(boxes, "pawn"), "box": [12, 10, 40, 40], "n": 3, "asked": 3, "settled": True
    }  # fmt: skip


def test_a_question_about_an_object_has_the_answer_of_most_who_gave_it_its_class(boxes, ann, bea, dora, lena):
    questions.add(project=boxes, by=lena, name="fallen", kind="yes_no")
    questions.add(project=boxes, by=lena, name="height", kind="number")
    questions.add(project=boxes, by=lena, name="side", kind="one", options=["white", "black"])
    questions.add(project=boxes, by=lena, name="marks", kind="several", options=["dust", "crack", "chip"])
    said = (
        {"fallen": True, "height": 3, "side": "white", "marks": ["dust", "crack"]},
        {"fallen": False, "height": 10, "side": "black", "marks": ["crack"]},
        {"fallen": True, "height": 4},
    )
    image = drawn(
        boxes, *([box(10, 10, 40, 40) | {"attributes": one}] for one in said), people=(ann, bea, dora)
    )  # fmt: skip

    (place,) = objects.of_votes(boxes, [image])[image.pk]

    # side: one says white, one black, and nobody more: it has no answer
    assert place.attributes == {"fallen": True, "height": 4, "marks": ["crack"]}
    assert [one.attributes for one in place.candidates] == list(said)
    (row,) = objects.current(boxes, [image])[image.pk]
    assert row["attributes"] == place.attributes
    told = as_person(lena).get(f"/api/images/{image.pk}/consensus/").json()["objects"]
    assert [one["attributes"] for one in told] == [place.attributes]
    (written,) = [row for row in contents.read(boxes) if row.image.pk == image.pk]
    assert [one.attributes for one in written.objects] == [place.attributes]


def test_who_gave_another_class_is_not_asked_about_this_one(boxes, ann, bea, dora, lena):
    questions.add(project=boxes, by=lena, name="side", kind="one", options=["white", "black"])
    pawn, king = box(10, 10, 40, 40), box(10, 10, 40, 40, "king")
    image = drawn(
        boxes, [pawn | {"attributes": {"side": "white"}}], [pawn], [king | {"attributes": {"side": "black"}}],
        people=(ann, bea, dora),
    )  # fmt: skip

    (row,) = objects.current(boxes, [image])[image.pk]

    assert row["attributes"] == {"side": "white"}


def test_a_decision_keeps_the_answers_to_questions_and_may_leave_one_open(boxes, ann, bea, lena):
    side = questions.add(project=boxes, by=lena, name="side", kind="one", options=["white", "black"])
    image = drawn(
        boxes, [box(10, 10, 40, 40) | {"attributes": {"side": "white"}}], [box(200, 10, 40, 40)], people=(ann, bea)
    )
    questions.change(question=side, by=lena, changes={"required": True})
    sent = [box(10, 10, 40, 40) | {"attributes": {"side": "white"}}, box(200, 10, 40, 40)]

    wrong = [box(10, 10, 40, 40) | {"attributes": {"side": "green"}}]
    with pytest.raises(ObjectsRefused):
        adjudication.decide(image_id=image.pk, reviewer=lena, drawn=wrong)
    adjudication.decide(image_id=image.pk, reviewer=lena, drawn=sent)

    image.refresh_from_db()
    first, second = objects.current(boxes, [image])[image.pk]
    assert first["attributes"] == {"side": "white"} and "attributes" not in second


def test_what_has_no_majority_is_open_with_its_candidates(boxes, ann, bea):
    image = drawn(
        boxes,
        [box(10, 10, 40, 40), box(300, 10, 50, 50)],
        [box(10, 10, 40, 40, "king"), box(302, 10, 50, 50)],
        people=(ann, bea),
    )

    first, second = objects.of_votes(boxes, [image])[image.pk]

    assert (first.settled, [c.category for c in first.candidates]) == (
        False, [category(boxes, "pawn"), category(boxes, "king")],
    )  # fmt: skip
    assert (second.settled, second.shape) == (True, {"box": [301, 10, 50, 50]})
    outcome = snapshots.current([image])[image.pk]
    assert (outcome.categories, outcome.is_tie) == ([category(boxes, "pawn")], True)


def test_a_decision_is_above_the_votes_until_it_is_withdrawn(boxes, ann, bea, rev):
    image = drawn(boxes, [box(10, 10, 40, 40)], [], people=(ann, bea))
    assert image.status == "disputed"

    adjudication.decide(image_id=image.pk, reviewer=rev, drawn=[box(5, 5, 50, 50, "king")])

    image = Image.objects.get(pk=image.pk)
    (row,) = objects.current(boxes, [image])[image.pk]
    assert (image.status, row["box"], row["category"]) == ("settled", [5, 5, 50, 50], category(boxes, "king"))
    assert snapshots.current([image])[image.pk].categories == [category(boxes, "king")]
    adjudication.withdraw(image_id=image.pk, reviewer=rev)
    image = Image.objects.get(pk=image.pk)
    assert (image.status, objects.current(boxes, [image])[image.pk][0]["settled"]) == ("disputed", False)
    with pytest.raises(WrongTask):
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=["king"])
    adjudication.decide(image_id=image.pk, reviewer=rev, undecidable=True)
    assert image.pk not in objects.current(boxes, [Image.objects.get(pk=image.pk)])


def test_polygons_keep_the_vertices_of_the_person_most_like_the_others(ann, bea, dora, lena):
    project = make_project(ann, bea, dora, lead=lena, task="polygons", categories=("window",))
    rings = [[[d, 0, 100 + d, 0, 100 + d, 100, d, 100]] for d in (0, 4, 10)]
    image = drawn(project, *([{"category": "window", "polygon": ring}] for ring in rings), people=(ann, bea, dora))

    (row,) = objects.current(project, [image])[image.pk]

    assert row["polygon"] == rings[1]


def test_masks_are_weighed_by_how_reliable_each_person_is(ann, bea, dora, lena):
    project = make_project(ann, bea, dora, lead=lena, task="masks", categories=("cell",))

    def disc(cx, cy, radius):
        y, x = np.mgrid[:64, :64]
        return {"category": "cell", **masks.encode((x - cx) ** 2 + (y - cy) ** 2 <= radius**2)}

    image = drawn(project, [disc(32, 32, 15)], [disc(33, 32, 15)], [disc(32, 34, 15)], people=(ann, bea, dora))

    (row,) = objects.current(project, [image])[image.pk]

    assert (row["n"], row["settled"]) == (3, True)
    area = masks.raster({"mask": row["mask"]}, 640, 480).bits.sum()
    assert 690 < area < 730  # a disc of radius 15 has 709 pixels


def test_each_pixel_has_the_class_of_most(ann, bea, dora, lena):
    project = make_project(ann, bea, dora, lead=lena, task="semantic", categories=("sky", "sea"))

    def halves(at):
        return [
            {"category": "sky", "polygon": [[0, 0, 640, 0, 640, at, 0, at]]},
            {"category": "sea", "polygon": [[0, at, 640, at, 640, 480, 0, 480]]},
        ]

    image = drawn(project, halves(100), halves(110), halves(300), people=(ann, bea, dora))

    sky, sea = objects.current(project, [image])[image.pk]

    assert masks.raster({"mask": sky["mask"]}, 640, 480).bits.sum() == 640 * 110
    assert masks.raster({"mask": sea["mask"]}, 640, 480).bits.sum() == 640 * 370
