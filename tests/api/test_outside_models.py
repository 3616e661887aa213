"""Predictions of another program's model, sent by REST: what is stored, what is refused, who may send them."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labeler.models import Label, Prediction, TrainingRun
from labeler.models.image import Slice
from labeler.projects import classes
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import add_images, category, make_model, make_project
from tests.helpers.outside import outside_model, says

pytestmark = pytest.mark.django_db


def register(client, project, **said):
    return client.post(f"/api/projects/{project.pk}/outside-models/", said, format="json")


def send(client, run, items):
    return client.post(f"/api/outside-models/{run.pk}/predictions/", {"items": items}, format="json")


def change(project, by, which, **changes):
    classes.change_category(category=project.categories.get(name=which), by=by, changes=changes)


def test_a_model_is_registered_once_for_each_name_and_version(project, lena, rev):
    client, own = as_person(lena), make_model(project)

    first = register(client, project, name="resnet", version="2")
    again = register(client, project, name=" resnet ", version="2")
    other = register(client, project, name="resnet")

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert again.json()["id"] == first.json()["id"] != other.json()["id"]
    row = first.json()
    assert (row["outside"], row["name"], row["version"], row["state"]) == (True, "resnet", "2", "done")
    assert (row["active"], row["number"]) == (False, own.number + 1)
    listed = as_person(rev).get(f"/api/projects/{project.pk}/outside-models/").json()["results"]
    assert [one["number"] for one in listed] == [3, 2]
    assert as_person(lena).get(f"/api/runs/{own.pk}/").json()["outside"] is False


@pytest.mark.parametrize("said", [{}, {"name": ""}, {"name": "x" * 201}, {"name": 7e300, "version": [1]}, {"name": {}}])
def test_a_model_needs_a_name(project, lena, said):
    assert register(as_person(lena), project, **said).status_code == 400
    assert not TrainingRun.objects.exists()


def test_only_leads_send_predictions(project, lena, rev, ann, carl):
    run, (image,) = outside_model(project), add_images(project, 1, slice=Slice.NONE)
    items = [{"image": image.pk, "categories": ["cat"]}]

    for person, status in ((ann, 403), (rev, 403), (carl, 404)):
        assert register(as_person(person), project, name="x").status_code == status
        assert send(as_person(person), run, items).status_code == status
        assert as_person(person).post(f"/api/outside-models/{run.pk}/activation/").status_code == status
    assert send(with_token(lena, "read", "label"), run, items).status_code == 403
    assert not Prediction.objects.exists()
    assert send(with_token(lena, "manage"), run, items).json() == {"stored": 1, "refused": []}


def test_a_run_of_our_own_takes_no_predictions(project, lena):
    run, (image,) = make_model(project), add_images(project, 1)
    assert send(as_person(lena), run, [{"image": image.pk, "categories": ["cat"]}]).status_code == 404


def test_images_are_named_by_id_hash_or_file_name_and_classes_by_any_name(project, lena):
    run, images = outside_model(project), add_images(project, 3, slice=Slice.NONE)
    change(project, lena, "dog", name="hound")
    items = [
        {"image": images[0].pk, "categories": ["CAT"], "probabilities": {"cat": 0.7, "dog": 0.3}},
        {"sha256": images[1].sha256.upper(), "categories": [category(project, "fox")]},
        {"file_name": images[2].name, "probabilities": {"hound": 0.995}},
    ]

    assert send(as_person(lena), run, items).json() == {"stored": 3, "refused": []}
    assert send(as_person(lena), run, items).json() == {"stored": 3, "refused": []}

    rows = {row.image_id: row for row in Prediction.objects.filter(run=run)}
    assert [rows[image.pk].categories for image in images] == [
        [category(project, name)] for name in ("cat", "fox", "hound")
    ]
    assert rows[images[0].pk].probabilities == pytest.approx([0.7, 0.3, 0.0])
    assert (rows[images[0].pk].confidence, rows[images[0].pk].margin) == pytest.approx((0.7, 0.4))
    assert (rows[images[1].pk].confidence, rows[images[1].pk].probabilities) == (None, [])
    assert rows[images[2].pk].confidence == 1.0  # a sum of .995 is rounding: made 1
    run.refresh_from_db()
    assert run.predicted_done == 3
    assert not Label.objects.exists()


REFUSED = [
    ({"categories": ["wolf"]}, "no class “wolf”"),
    ({"categories": ["cat"], "probabilities": {"cat": 0.9, "wolf": 0.1}}, "no class “wolf”"),
    ({"categories": ["cat", "dog"]}, "exactly one"),
    ({"categories": []}, "exactly one"),
    ({"categories": "cat"}, "list"),
    ({"categories": [None]}, "id or its name"),
    ({"categories": [True]}, "id or its name"),
    ({"categories": ["cat"], "probabilities": {"cat": 0.9}}, "sum to 0.9"),
    ({"categories": ["cat"], "probabilities": {"cat": 0.9, "dog": 0.2}}, "sum to 1.1"),
    ({"categories": ["cat"], "probabilities": {}}, "sum to 0"),
    ({"categories": ["cat"], "probabilities": {"cat": "NaN"}}, "not a number"),
    ({"categories": ["cat"], "probabilities": {"cat": None}}, "not a number"),
    ({"categories": ["cat"], "probabilities": {"cat": True}}, "not a number"),
    ({"categories": ["cat"], "probabilities": {"cat": 1.5, "dog": -0.5}}, "from 0 to 1"),
    ({"categories": ["cat"], "probabilities": {"cat": 10**18}}, "from 0 to 1"),
    ({"categories": ["cat"], "probabilities": [1]}, "object"),
    ({"categories": ["cat"], "probabilities": {"cat": 0.1, "dog": 0.9}}, "“dog” is likelier"),
    ({}, "Give the classes"),
    ({"sha256": "0", "categories": ["cat"]}, "one of image"),
    ({"image": "1", "categories": ["cat"]}, "image's id"),
    ({"image": True, "categories": ["cat"]}, "image's id"),
    ({"image": None, "sha256": 5, "categories": ["cat"]}, "text"),
    ({"image": None, "file_name": "nobody.jpg", "categories": ["cat"]}, "no such image"),
    ({"image": 2**62, "categories": ["cat"]}, "no such image"),
    ({"image": -1, "categories": ["cat"]}, "no such image"),
]  # fmt: skip


def test_items_that_make_no_sense_are_refused_one_by_one(project, lena):
    run, (image, good) = outside_model(project), add_images(project, 2, slice=Slice.NONE)
    items = [{"image": image.pk, **item} for item, _words in REFUSED]
    more = [None, 5, [], {"image": good.pk, "categories": ["cat"]}, {"image": good.pk, "categories": ["dog"]}]

    said = send(as_person(lena), run, items + more).json()

    assert said["stored"] == 1
    reasons = {row["item"]: row["reason"] for row in said["refused"]}
    assert sorted(reasons) == [*range(len(items) + 3), len(items) + 4]
    for place, (item, words) in enumerate(REFUSED):
        assert words in reasons[place], (item, reasons[place])
    assert "named before" in reasons[len(items) + 4]
    assert Prediction.objects.get().categories == [category(project, "cat")]


def test_an_image_of_another_project_is_unknown(project, lena):
    run, (foreign,) = outside_model(project), add_images(make_project(lead=lena), 1)
    said = send(as_person(lena), run, [
        {"image": foreign.pk, "categories": ["cat"]}, {"sha256": foreign.sha256, "categories": ["cat"]},
        {"file_name": foreign.name, "categories": ["cat"]},
    ]).json()  # fmt: skip
    assert said["stored"] == 0
    assert {row["reason"] for row in said["refused"]} == {"This project has no such image."}


@pytest.mark.parametrize("body", [
    "{}", '{"items": 5}', '{"items": {}}', "[]", '{"items": [{"image": NaN}]}', '{"items": [{"image": 1e999}]}',
    '{"items": [{"image": 1, "probabilities": {"cat": Infinity}}]}',
    '{"items": [{"image": 99999999999999999999}]}', "not json",
])  # fmt: skip
def test_malformed_bodies_are_400(project, lena, body):
    run = outside_model(project)
    url = f"/api/outside-models/{run.pk}/predictions/"
    assert as_person(lena).post(url, body, content_type="application/json").status_code == 400


def test_more_than_a_thousand_items_are_refused_together(project, lena):
    run, (image,) = outside_model(project), add_images(project, 1)
    said = send(as_person(lena), run, [{"image": image.pk, "categories": ["cat"]}] * 1_001)
    assert (said.status_code, error_of(said)) == (400, "invalid")
    assert not Prediction.objects.exists()


def test_classes_that_are_gone_or_new_are_named(project, lena):
    run, images = outside_model(project), add_images(project, 3, slice=Slice.NONE)
    says(run, images[0], "cat")
    classes.add_category(project=project, by=lena, name="owl")
    change(project, lena, "fox", retired=True)
    change(project, lena, "dog", merged_into=category(project, "cat"))

    said = send(as_person(lena), run, [
        {"image": images[1].pk, "categories": ["owl"]},
        {"image": images[1].pk, "categories": ["fox"]},
        {"image": images[2].pk, "categories": ["dog"], "probabilities": {"dog": 0.6, "cat": 0.4}},
    ]).json()  # fmt: skip

    assert ["newer than this model" in said["refused"][0]["reason"], "not in use" in said["refused"][1]["reason"]] == [
        True, True,
    ]  # fmt: skip
    row = Prediction.objects.get(image=images[2])
    assert (row.categories, row.confidence) == ([category(project, "cat")], 1.0)


def test_several_labels_need_no_sum_and_may_be_none(multi_project, lena):
    run, images = outside_model(multi_project), add_images(multi_project, 2, slice=Slice.NONE)
    names = [c.name for c in multi_project.categories.in_use()]
    items = [
        {"image": images[0].pk, "probabilities": {names[0]: 0.9, names[1]: 0.8}},
        {"image": images[1].pk, "categories": []},
    ]
    assert send(as_person(lena), run, items).json() == {"stored": 2, "refused": []}
    rows = {row.image_id: row for row in Prediction.objects.filter(run=run)}
    assert len(rows[images[0].pk].categories) == 2
    assert rows[images[0].pk].confidence == pytest.approx(0.72)  # .9 * .8 * 1
    assert (rows[images[1].pk].categories, rows[images[1].pk].confidence) == ([], None)


def test_a_model_that_sent_nothing_cannot_be_used(project, lena):
    run, client = outside_model(project), as_person(lena)
    assert client.post(f"/api/outside-models/{run.pk}/activation/").status_code == 422
    says(run, add_images(project, 1)[0], "cat")

    assert client.post(f"/api/outside-models/{run.pk}/activation/").json()["active"] is True

    model = client.get(f"/api/projects/{project.pk}/model/").json()
    assert (model["outside"], model["name"], model["active"]) == (True, "resnet", True)


def test_what_only_a_model_of_our_own_can_do_is_said_in_a_sentence(project, lena):
    run, (image,) = outside_model(project), add_images(project, 1, slice=Slice.NONE)
    says(run, image, "cat")
    client = as_person(lena)
    client.post(f"/api/outside-models/{run.pk}/activation/")

    answers = [
        client.get(f"/api/images/{image.pk}/explanation/"),
        client.get(f"/api/runs/{run.pk}/card/"),
        client.get(f"/api/runs/{run.pk}/export/"),
        client.get(f"/api/runs/{run.pk}/export/?format=onnx"),
        client.post(
            f"/api/projects/{project.pk}/predictions/", {"file": SimpleUploadedFile("a.jpg", b"x")}, format="multipart"
        ),
    ]
    assert [answer.status_code for answer in answers] == [422] * 5
    assert all("“resnet 1” of another program" in answer.json()["error"]["message"] for answer in answers)
