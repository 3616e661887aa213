"""Drawn answers: what is stored, what is refused, what becomes of a pre-label, and when people agree."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from labeler.errors import Invalid, KeyReused, WrongTask
from labeler.labeling import claims, counters, labels
from labeler.labeling.objects import ObjectsRefused, TooMany
from labeler.models import Image, Label, LabelObject
from labeler.models.image import Status
from labeler.projects import questions
from tests.helpers.drawn_projects import draw_objects as draw
from tests.helpers.factories import add_images, category, make_model, make_project

BOX = [10.0, 20.0, 30.0, 40.0]


@pytest.fixture
def boxes(ann, bea, dora, lena):
    return make_project(ann, bea, dora, lead=lena, task="boxes", categories=("pawn", "king"))


def box(x, y, width, height, name="pawn"):
    return {"category": name, "box": [x, y, width, height]}


def test_objects_are_rows_of_the_label_and_never_change(boxes, ann):
    (image,) = add_images(boxes, 1)

    saved = draw(boxes, image, ann, [{"category": "king", "box": BOX}, box(600, 400, 100, 100)])

    label = Label.objects.get(pk=saved.id)
    assert (label.kind, label.categories) == ("objects", sorted([category(boxes, "pawn"), category(boxes, "king")]))
    first, second = label.drawn.all()
    assert (first.number, first.shape, first.area, first.change) == (1, {"box": BOX}, 1200, "")
    # The image is 640 x 480: what hangs over is cut off, and said.
    assert second.shape == {"box": [600, 400, 40, 80]}
    assert saved.drawing.changes == [{"number": 2, "change": "clipped"}]
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        LabelObject.objects.filter(pk=first.pk).update(area=1)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        first.delete()


def test_nothing_here_is_an_answer(boxes, ann):
    (image,) = add_images(boxes, 1, labels_needed=1)

    saved = draw(boxes, image, ann, [])

    assert (saved.categories, saved.drawing.objects) == ([], [])
    assert Image.objects.get(pk=image.pk).status == Status.SETTLED


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ([box(700, 10, 5, 5)], ["outside"]),
        ([box(1, 1, 0, 5), box(1, 1, 5, 5)], ["zero_area"]),
        ([{"category": "queen", "box": BOX}, box(1, 1, 0, 5)], ["unknown_class", "zero_area"]),
        ([{"category": "pawn", "polygon": [[0, 0, 9, 0, 9, 9]]}], ["wrong_geometry"]),
        ([{"from": 1}], ["unknown_origin"]),
    ],
)
def test_one_impossible_object_refuses_the_answer_and_the_claim_stays(boxes, ann, sent, codes):
    (image,) = add_images(boxes, 1)

    with pytest.raises(ObjectsRefused) as refused:
        draw(boxes, image, ann, sent)

    assert [one["code"] for one in refused.value.fields["objects"]] == codes
    assert not Label.objects.exists()
    assert labels.save_label(image_id=image.pk, annotator=ann, drawn=[]).created


@pytest.mark.parametrize(
    "sent", [["box"], [{"category": "pawn"}], [{"category": "pawn", "box": [1, 2, 3]}], [{"x": 1}]]
)
def test_what_is_no_object_is_malformed(boxes, ann, sent):
    (image,) = add_images(boxes, 1)

    with pytest.raises(Invalid) as refused:
        draw(boxes, image, ann, sent)

    assert refused.value.fields["objects"][0]["number"] == 0


def test_too_many_objects_and_the_wrong_kind_of_answer(boxes, project, ann):
    (image,), (other,) = add_images(boxes, 1), add_images(project, 1)

    with pytest.raises(TooMany):
        draw(boxes, image, ann, [box(1, 1, 2, 2)] * 3001)
    with pytest.raises(WrongTask):
        labels.save_label(image_id=image.pk, annotator=ann, categories=["pawn"])
    with pytest.raises(WrongTask):
        draw(project, other, ann, [])


def test_each_object_says_what_became_of_the_pre_label(boxes, ann):
    (image,) = add_images(boxes, 1)
    pawn, king = category(boxes, "pawn"), category(boxes, "king")
    run = make_model(boxes)
    shown = [
        {"number": n, "category": pawn, "box": [50 * n, 10, 40, 40], "probability": 0.9, "shown": n < 5}
        for n in range(1, 6)
    ]
    run.predictions.create(image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=shown)

    saved = draw(
        boxes, image, ann,
        [
            {"from": 1}, {"from": 2, "category": "pawn", "box": [110, 10, 40, 40]}, {"from": 3, "category": "king"},
            box(400, 300, 40, 40),
        ],
    )  # fmt: skip

    told = [(o.number, o.category, o.origin, o.change, o.iou) for o in saved.drawing.objects]
    assert told == [
        (1, pawn, 1, "kept", 1.0),
        (2, pawn, 2, "moved", pytest.approx(0.6)),  # 30 x 40 shared of 50 x 40
        (3, king, 3, "class", 1.0),
        (4, pawn, None, "drawn", None),
    ]
    # Number 5 was too unsure to be shown: nobody deleted it.
    assert saved.drawing.deleted == [4]
    assert Label.objects.get(pk=saved.id).value == {"deleted": [4]}
    kept = labels.save_label(image_id=image.pk, annotator=ann, drawn=[{"from": 1, "category": "king"}], keep_all=True)
    assert [(o.origin, o.change) for o in kept.drawing.objects] == [(1, "class"), (2, "kept"), (3, "kept"), (4, "kept")]


def test_the_same_request_again_stores_nothing_and_answers_the_same(boxes, ann):
    (image,) = add_images(boxes, 1)
    key = uuid4()

    first = draw(boxes, image, ann, [{"category": "king", "box": BOX}], idempotency_key=key)
    again = labels.save_label(
        image_id=image.pk, annotator=ann, drawn=[{"category": "king", "box": BOX}], idempotency_key=key
    )

    assert (again.id, again.replayed, again.drawing.objects) == (first.id, True, first.drawing.objects)
    assert LabelObject.objects.count() == 1


def test_attributes_are_answers_to_questions_of_the_class(boxes, ann, lena):
    (image,) = add_images(boxes, 1)
    questions.add(project=boxes, by=lena, name="fallen", kind="yes_no", required=True, categories=["king"])
    questions.add(project=boxes, by=lena, name="side", kind="one", options=["white", "black"])
    king = {"category": "king", "box": BOX}

    refusals = {"missing_attribute": {}, "unfit_attribute": {"fallen": "no"}, "unknown_attribute": {"x": 1}}
    for code, said in refusals.items():
        with pytest.raises(ObjectsRefused) as refused:
            draw(boxes, image, ann, [{**king, "attributes": said}])
        assert refused.value.fields["objects"][0]["code"] == code
    saved = draw(boxes, image, ann, [{**king, "attributes": {"fallen": False, "side": "white"}}, box(1, 1, 9, 9)])

    assert [o.attributes for o in saved.drawing.objects] == [{"fallen": False, "side": "white"}, {}]


def test_people_agree_where_most_drew_the_same_class_at_the_same_place(boxes, ann, bea, dora):
    images = add_images(boxes, 4, labels_needed=3)
    drawn = {  # per image: what the three drew, and how many places have no majority
        0: ([box(10, 10, 50, 50)], [box(12, 10, 50, 50)], [box(11, 12, 50, 50)], 0),
        1: ([box(10, 10, 50, 50)], [box(12, 10, 50, 50)], [], 0),  # two of three see it
        2: ([box(10, 10, 50, 50)], [box(10, 10, 50, 50, "king")], [], 1),  # pawn, king, nothing
        3: ([box(10, 10, 50, 50)], [], [], 0),  # two of three say that nothing is there
    }
    for at, (*answers, disputed) in drawn.items():
        for person, objects in zip((ann, bea, dora), answers, strict=True):
            draw(boxes, images[at], person, objects)
        image = Image.objects.get(pk=images[at].pk)
        assert (image.disputed_objects, image.status) == (
            disputed, Status.DISPUTED if disputed else Status.SETTLED,
        )  # fmt: skip
    before = list(Image.objects.order_by("pk").values("status", "disagreement", "disputed_objects", "tally"))

    assert counters.images(boxes) == 0
    assert list(Image.objects.order_by("pk").values("status", "disagreement", "disputed_objects", "tally")) == before


def test_half_of_two_people_is_no_majority(boxes, ann, bea):
    (image,) = add_images(boxes, 1, labels_needed=2)

    draw(boxes, image, ann, [box(10, 10, 50, 50), box(200, 10, 50, 50)])
    draw(boxes, image, bea, [box(10, 10, 50, 50)])

    assert Image.objects.get(pk=image.pk).disputed_objects == 1


def test_a_pixel_of_a_semantic_project_has_one_class(ann, lena):
    project = make_project(ann, lead=lena, task="semantic", categories=("sky", "sea"))
    (image,) = add_images(project, 1)
    sky = {"category": "sky", "polygon": [[0, 0, 100, 0, 100, 50, 0, 50]]}

    with pytest.raises(ObjectsRefused) as refused:
        draw(project, image, ann, [sky, {"category": "sea", "polygon": [[0, 40, 100, 40, 100, 90, 0, 90]]}])

    assert refused.value.code == "overlap"
    assert draw(project, image, ann, [sky, {"category": "sea", "polygon": [[0, 50, 100, 50, 100, 90, 0, 90]]}]).created


def test_fifty_objects_are_saved_in_ten_statements(boxes, ann, bea):
    (image,) = add_images(boxes, 1, labels_needed=2)
    objects = [box(10 * n, 10, 8, 8) for n in range(50)]
    draw(boxes, image, ann, objects)
    claims.claim(project=boxes, annotator=bea, count=1)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        labels.save_label(image_id=image.pk, annotator=bea, drawn=objects)

    assert len(queries) <= 10, [q["sql"][:80] for q in queries]


def test_a_key_is_of_one_drawing_whose_coordinates_count_and_not_how_they_are_written(ann):
    project = make_project(ann, task="polygons", categories=("pawn",))
    (image,) = add_images(project, 1)
    key = uuid4()

    def answer(*ring):
        return draw(project, image, ann, [{"category": "pawn", "polygon": [list(ring)]}], idempotency_key=key)

    saved = answer(10, 10, 90, 10, 90, 60.5)

    assert (answer(10.0, 10, 90, 10, 90, 60.5).id, answer(10, 10, 90, 10, 90, 60.5).replayed) == (saved.id, True)
    with pytest.raises(KeyReused):
        answer(10, 10, 90, 10, 90, 60.25)
