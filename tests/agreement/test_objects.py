"""Agreement on drawn objects: numbers by hand, who counts, what differs, and the answer by REST."""

from __future__ import annotations

import pytest

from labeler.agreement import objects, trust
from labeler.labeling import drawn_arrays, labels
from labeler.labeling.label_arrays import Selection
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import draw, draw_all, drawing_project, three_people
from tests.helpers.factories import add_images, join, make_model

ALL = Selection.with_default_sample("all")
PAWN = ("pawn", 100, 100, 100, 100)
KING = ("king", 300, 100, 100, 100)


@pytest.fixture
def boxes(ann, bea, dora, rev, lena):
    project = drawing_project(ann, bea, dora, lead=lena, blind_share=1.0)
    join(project, rev, "reviewer")
    return project


def value(stat):
    return None if stat["value"] is None else round(stat["value"], 6)


def test_alpha_pairs_and_vitality_of_a_hand_worked_project(boxes, ann, bea, dora):
    moved = ("pawn", 110, 100, 100, 100)  # IoU 90/110 = .818
    draw_all(boxes, [{ann: [PAWN, KING], bea: [moved, KING]}, {ann: [PAWN], bea: []}, {ann: [], bea: []}])

    told = objects.count(boxes, ALL)

    # Columns: (pawn, pawn), (king, king), (pawn, nothing), (nothing, nothing). Entries: 3 pawn, 2 king, 3 nothing.
    # D_o = 2 of 8 entries differ; D_e = (64 - 9 - 4 - 9) / (8 * 7) = 42/56; alpha = 1 - (2/8) / (42/56) = 2/3
    assert value(told["alpha"]) == round(2 / 3, 6)
    assert (told["n_images"], told["n_shared_images"], told["n_labels"], told["n_objects"]) == (3, 3, 6, 5)
    # At .9 the two pawns are two things: 5 columns, 3 pawn, 2 king, 5 nothing; 6 of 10 entries differ.
    high = next(step for step in told["curve"] if step["iou"] == 0.9)
    assert value(high["alpha"]) == round(1 - (6 / 10) / ((100 - 9 - 4 - 25) / 90), 6)
    (pair,) = told["pairs"]
    assert (pair["objects_a"], pair["objects_b"], pair["matched"], pair["n"]) == (3, 2, 2, 3)
    assert value(pair["f1"]) == 0.8
    assert value(pair["mean_iou"]) == round((90 / 110 + 1) / 2, 6)
    assert value(pair["pq"]) == round(0.8 * (90 / 110 + 1) / 2, 6)
    assert value(pair["same_class"]) == 1
    assert pair["kappa"]["value"] is None and pair["kappa"]["reason"]["code"] == "not_for_objects"
    assert [(row["name"], row["n"]) for row in told["per_class"]] == [("pawn", 3), ("king", 2)]
    assert value(told["per_class"][1]["alpha"]) == 1
    # Without either nobody is left to compare.
    assert [row["vitality"]["value"] for row in told["annotators"]] == [None, None]
    assert [value(row["f1"]) for row in told["annotators"]] == [0.8, 0.8]
    assert told["differences"]["missed"]["n"] == 1


@pytest.mark.parametrize("task", ["masks", "polygons", "semantic"])
def test_dice_and_boundary_f_of_two_people_who_draw_outlines(ann, bea, lena, task):
    project = drawing_project(ann, bea, lead=lena, task=task, blind_share=1.0)
    # Moved by 2 px every boundary pixel has one of the other's within 2 px; moved by 20 only parts along the move.
    moved, far = ("pawn", 102, 100, 100, 100), ("king", 320, 100, 100, 100)
    draw_all(project, [{ann: [PAWN], bea: [moved]}, {ann: [KING], bea: [far]}])

    (pair,) = objects.count(project, ALL)["pairs"]

    # Shared: 98 and 80 of 100 columns. Dice: 2 * 98 / 200, 2 * 80 / 200
    assert value(pair["dice"]) == round((0.98 + 0.80) / 2, 6)
    # Each boundary has 4 * 100 - 4 pixels. Along top and bottom 82 of 100 columns are at most 2 px from the other's (80
    # shared, 2 beside its corner); of the side within the other, 2 pixels below its top and 2 above its bottom.
    share = (2 * 82 + 2 * 2) / 396
    assert value(pair["boundary_f"]) == round((1 + share) / 2, 6)
    assert (pair["dice"]["n"], pair["boundary_f"]["n"]) == (2, 2)


def test_dice_and_boundary_f_say_why_there_are_none(boxes, ann, bea, lena):
    draw_all(boxes, [{ann: [PAWN], bea: [PAWN]}])
    (pair,) = objects.count(boxes, ALL)["pairs"]
    assert {pair[name]["reason"]["code"] for name in ("dice", "boundary_f")} == {"boxes_have_no_outline"}

    apart = drawing_project(ann, bea, lead=lena, task="polygons", blind_share=1.0)
    draw_all(apart, [{ann: [PAWN], bea: [KING]}])
    (pair,) = objects.count(apart, ALL)["pairs"]
    assert {pair[name]["reason"]["code"] for name in ("dice", "boundary_f")} == {"no_matched_objects"}


def test_who_skipped_is_blank_and_who_drew_nothing_says_so(boxes, ann, bea, dora):
    (image,) = add_images(boxes, 1, labels_needed=3)
    draw(boxes, image, ann, [PAWN])
    draw(boxes, image, bea, [PAWN])
    labels.save_label(image_id=image.pk, annotator=_claimed(boxes, dora), answer="skip")

    told = objects.count(boxes, ALL)
    assert (told["n_labels"], told["alpha"]["value"], told["alpha"]["reason"]["code"]) == (
        2,
        None,
        "one_kind_of_rating",
    )

    (other,) = add_images(boxes, 1, labels_needed=2)
    draw(boxes, other, ann, [PAWN])
    draw(boxes, other, dora, [])
    # (pawn, pawn), (pawn, nothing): 2 of 4 entries differ, D_e = (16 - 9 - 1) / 12
    assert value(objects.count(boxes, ALL)["alpha"]) == 0


def _claimed(project, person):
    from labeler.labeling import claims

    claims.claim(project=project, annotator=person, count=50)
    return person


def test_only_blind_answers_count_unless_others_are_asked_for(ann, bea, dora, lena):
    project = drawing_project(ann, bea, lead=lena, show_prelabels=True, blind_share=0.0)
    (image,) = add_images(project, 1)
    run = make_model(project)
    pawn = project.categories.get(name="pawn").pk
    shown = [{"number": 1, "category": pawn, "box": [100, 100, 100, 100], "probability": 0.9, "shown": True}]
    run.predictions.create(image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=shown)
    for person in (ann, bea):
        draw(project, image, person, [PAWN])

    assert objects.count(project, Selection())["n_labels"] == 0
    assert objects.count(project, ALL)["n_labels"] == 2
    assert objects.count(project, Selection.with_default_sample("assisted", "all"))["n_labels"] == 2


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks", "semantic"])
def test_the_same_rectangles_agree_alike_whatever_they_are_drawn_as(task, ann, bea, dora, lena):
    project = drawing_project(ann, bea, dora, lead=lena, task=task)
    images = three_people(project, ann, bea, dora)

    told = objects.count(project, ALL)

    # Ten columns of three entries: 14 pawn, 11 king, 5 nothing. Of the king that dora missed and the one that bea calls
    # pawn 2 of 3 pairs differ, of the last image all: D_o = 3 (2/3 + 2/3 + 1) / 30.
    observed, expected = 7 / 30, (30**2 - 14**2 - 11**2 - 5**2) / (30 * 29)
    assert value(told["alpha"]) == round(1 - observed / expected, 6)
    assert told["confusion"] == [{"a": "pawn", "b": "king", "count": 2}]
    found = told["differences"]
    assert (found["missed"]["n"], found["missed"]["images"]) == (2, [images[1].pk, images[5].pk])
    assert found["missed"]["people"] == [{"username": "dora", "n": 2}]
    assert (found["other_class"]["n"], found["other_class"]["images"]) == (1, [images[2].pk])
    # Whoever agrees less leaves more agreement behind.
    without = {row["username"]: value(row["vitality"]) for row in told["annotators"]}
    assert without["ann"] < without["dora"] and without["ann"] < without["bea"]


def test_the_answer_by_rest(boxes, ann, bea, dora, rev, lena):
    three_people(boxes, ann, bea, dora)
    client = as_person(rev)
    address = f"/api/projects/{boxes.pk}/agreement/"

    told = client.get(address + "?iou=0.5").json()

    assert told["iou"] == 0.5
    assert set(told["alpha"]) == {"value", "low", "high", "n", "reason"}
    assert [step["iou"] for step in told["curve"]] == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert told["kappa"]["value"] is None and "draw" in told["kappa"]["reason"]
    assert {"f1", "mean_iou", "same_class", "pq", "second_annotator_ap"} <= set(told["pairs"][0])
    assert {"vitality", "f1"} <= set(told["annotators"][0])
    assert told["differences"]["missed"]["images"]
    assert client.get(address).json()["alpha"] == told["alpha"]
    assert client.get(address + "?iou=1").json()["alpha"]["value"] < told["alpha"]["value"]
    one = client.get(address + "?category=king").json()
    assert one["per_class"][0] == next(row for row in told["per_class"] if row["name"] == "king")


@pytest.mark.parametrize("iou", ["0", "-0.1", "1.01", "nan", "half"])
def test_an_iou_outside_of_0_to_1_is_refused(boxes, rev, iou):
    answer = as_person(rev).get(f"/api/projects/{boxes.pk}/agreement/?iou={iou}")

    assert answer.status_code == 400
    assert "iou" in answer.json()["error"]["fields"]


def test_trust_speaks_of_objects_and_leaves_out_what_is_for_classes(boxes, ann, bea, dora):
    three_people(boxes, ann, bea, dora)

    told = trust.figures(boxes)

    alpha = objects.count(boxes, Selection())["alpha"]
    assert (told["blind"], told["by_week"][0]["alpha"]["value"]) == (alpha, alpha["value"])
    assert told["by_guideline"][0]["alpha"]["value"] == alpha["value"]
    assert (told["ac1"]["value"], told["paradox"], told["methods"], told["why"]["kind"]) == (None, None, [], "unknown")
    rows = {row["username"]: row for row in told["people"]}
    assert rows["ann"]["kappa"]["value"] is None
    assert rows["ann"]["by_week"][0]["agrees"]["value"] == pytest.approx(rows["ann"]["f1"]["value"])
    assert rows["dora"]["f1"]["value"] < rows["ann"]["f1"]["value"]


def test_a_report_of_the_past_comes_out_the_same_after_people_changed_their_minds(boxes, ann, bea, dora, rev):
    images = three_people(boxes, ann, bea, dora)
    client = as_person(rev)
    first = client.get(f"/api/projects/{boxes.pk}/agreement/report/").json()

    draw(boxes, images[1], dora, [PAWN, KING])
    labels.undo(image_id=images[0].pk, annotator=ann)

    again = client.get(first["again"]).json()
    assert (again["hash"], again["agreement"]) == (first["hash"], first["agreement"])
    assert client.get(f"/api/projects/{boxes.pk}/agreement/report/").json()["hash"] != first["hash"]
    assert "Second-annotator AP" in [method["title"] for method in first["methods"]]


def test_what_has_no_meaning_for_objects_says_so(boxes, ann, bea, dora, rev):
    three_people(boxes, ann, bea, dora)

    economy = as_person(rev).get(f"/api/projects/{boxes.pk}/economy/").json()

    assert economy["right"]["value"] is None and "people draw" in economy["right"]["reason"]


def test_more_objects_than_can_be_compared_leave_whole_images_out_and_say_so(boxes, ann, bea, dora, monkeypatch):
    three_people(boxes, ann, bea, dora)
    monkeypatch.setattr(drawn_arrays, "MOST_BOXES", 14)

    told = objects.count(boxes, ALL)

    # 25 objects on six images: some images go, with all of their answers.
    assert 0 < told["n_objects"] <= 14 and 0 < told["n_images"] < 6
    assert told["n_labels"] == 3 * told["n_images"]
    assert {"code": "images_left_out", "n": 6 - told["n_images"]} in told["notes"]
    assert objects.count(boxes, ALL)["alpha"] == told["alpha"]
