"""Claims and labels over REST: what a client sends and gets, and what it costs."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.models import Claim, Image, Label
from tests.helpers.api import as_person, error_of, key, with_token
from tests.helpers.factories import BLIND, add_images, category, make_model, predict

pytestmark = pytest.mark.django_db


def claim(browser, project, **body):
    response = browser.post(f"/api/projects/{project.pk}/claims/", body)
    assert response.status_code == 200, response.json()
    return response.json()["claims"]


def put(client, image_id, headers=None, **body):
    return client.put(f"/api/images/{image_id}/label/", body, headers=headers or {})


def test_a_claim_gives_images_their_addresses_and_nothing_that_tells_the_class(project, ann):
    add_images(project, 3, name="fox/7.jpg")

    response = as_person(ann).post(f"/api/projects/{project.pk}/claims/", {"count": 2})

    body = response.json()
    assert (response.status_code, len(body["claims"]), body["remaining"]) == (200, 2, 3)
    image = body["claims"][0]["image"]
    urls = {"preview_url", "thumbnail_url", "file_url"}
    assert set(image) == {"id", "name", "description", "width", "height"} | urls
    assert image["description"] == ""
    assert image["name"] == f"Image {image['id']}"
    assert image["preview_url"] == f"/api/images/{image['id']}/preview/"
    assert body["claims"][0]["prelabel"] is None
    assert body["claims"][0]["expires_at"].endswith("Z")
    assert response["Cache-Control"] == "no-store"


def test_a_claim_says_what_the_data_set_says_of_the_image(project, ann):
    add_images(project, 1, metadata={"description": "  A leaf on a table. ", "class": "rust"})

    image = claim(as_person(ann), project)[0]["image"]

    assert image["description"] == "A leaf on a table."
    assert "rust" not in str(image)


def test_five_images_take_no_more_statements_than_one(project, ann, bea):
    add_images(project, 20, metadata={"description": "A leaf."})
    counts = []
    for person, n in ((ann, 1), (bea, 5)):
        client = as_person(person)
        assert len(claim(client, project, count=n)) == n  # warm: the second page asks for nothing that is remembered
        with CaptureQueriesContext(connection) as queries:
            assert len(claim(client, project, count=n, client=str(uuid4()))) == n
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_lost_answer_of_a_claim_costs_nothing(project, ann):
    add_images(project, 10)
    client, tab = as_person(ann), str(uuid4())

    first = claim(client, project, count=3, client=tab)
    again = claim(client, project, count=3, client=tab)

    assert [c["image"]["id"] for c in first] == [c["image"]["id"] for c in again]


def test_a_prelabel_is_shown_unless_the_image_is_judged_blind(project, ann):
    model = make_model(project, is_calibrated=True)
    open_image, blind = add_images(project, 1)[0], add_images(project, 1, slice=BLIND)[0]
    prediction = predict(model, open_image, "dog", 0.9)
    predict(model, blind, "dog", 0.9)

    shown = {c["image"]["id"]: c["prelabel"] for c in claim(as_person(ann), project, count=5)}

    assert shown[open_image.pk] == {
        "prediction": prediction.pk, "categories": ["dog"], "probability": 0.9, "calibrated": True,
    }  # fmt: skip
    assert shown[blind.pk] is None


def test_a_label_answers_with_what_was_saved(project, ann):
    add_images(project, 1)
    client = as_person(ann)
    [claimed] = claim(client, project)

    response = put(client, claimed["image"]["id"], categories=["Cat"], seconds=1.8, label_set=1)

    body = response.json()
    assert response.status_code == 201
    assert (body["image"], body["categories"], body["annotator"]) == (claimed["image"]["id"], ["cat"], "ann")
    assert body["category_ids"] == [category(project, "cat")]
    assert body["supersedes"] is None and body["created_at"].endswith("Z")
    changed = put(client, claimed["image"]["id"], categories=[category(project, "dog")])
    assert (changed.status_code, changed.json()["supersedes"]) == (200, body["id"])


def test_the_same_key_answers_the_same_thing_once(project, ann):
    add_images(project, 1)
    client = as_person(ann)
    image = claim(client, project)[0]["image"]["id"]
    headers = key()

    first, again = put(client, image, headers, categories=["cat"]), put(client, image, headers, categories=["cat"])

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Label.objects.count() == 1
    other = put(client, image, headers, categories=["dog"])
    assert (other.status_code, error_of(other)) == (409, "idempotency_key_reused")


def test_a_replay_after_an_undo_resurrects_nothing(project, ann):
    add_images(project, 1)
    client = as_person(ann)
    image = claim(client, project)[0]["image"]["id"]
    saved, taken_back = key(), key()
    put(client, image, saved, categories=["cat"])

    assert client.delete(f"/api/images/{image}/label/", headers=taken_back).status_code == 200
    assert client.delete(f"/api/images/{image}/label/", headers=taken_back).status_code == 200
    assert put(client, image, saved, categories=["cat"]).status_code == 200

    assert not Label.objects.current().exists()
    assert Image.objects.get(pk=image).n_votes == 0
    assert error_of(client.delete(f"/api/images/{image}/label/")) == "nothing_to_undo"


def test_a_label_without_a_claim_is_refused_and_strangers_learn_nothing(project, ann, carl):
    [image] = add_images(project, 1)

    member, stranger = (
        put(as_person(ann), image.pk, categories=["cat"]),
        put(as_person(carl), image.pk, categories=["cat"]),
    )

    assert (member.status_code, error_of(member)) == (409, "no_claim")
    assert (stranger.status_code, error_of(stranger)) == (404, "not_found")
    assert error_of(put(as_person(ann), 2**62, categories=["cat"])) == "not_found"


def test_skip_and_cannot_tell(project, ann):
    add_images(project, 2)
    client = as_person(ann)
    first, second = (c["image"]["id"] for c in claim(client, project, count=2))

    assert put(client, first, answer="skip").json()["answer"] == "skip"
    assert put(client, second, answer="cannot_tell", reason="blurred").json()["categories"] == []

    assert Label.objects.get(image=second).reason == "blurred"
    assert Image.objects.get(pk=first).n_votes == 0


def test_a_verified_none_is_an_answer_of_a_multi_label_project(multi_project, ann):
    add_images(multi_project, 2)
    client = as_person(ann)
    first, second = (c["image"]["id"] for c in claim(client, multi_project, count=2))

    assert put(client, first, categories=[]).status_code == 201
    assert put(client, second, categories=["sky", "sea"]).json()["categories"] == ["sky", "sea"]
    assert Label.objects.get(image=first).categories == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"categories": "cat"}, "invalid"),
        ({"categories": [True]}, "invalid"),
        ({"categories": [{"id": 1}]}, "invalid"),
        ({"categories": ["wolf"]}, "category_not_in_project"),
        ({"categories": [2**62]}, "category_not_in_project"),
        ({"categories": ["cat", "dog"]}, "answer_does_not_fit_task"),
        ({"categories": []}, "answer_does_not_fit_task"),
        ({"categories": ["cat"], "seconds": "fast"}, "invalid"),
        ({"categories": ["cat"], "seconds": -1}, "invalid"),
        ({"categories": ["cat"], "label_set": 99}, "invalid"),
        ({"categories": ["cat"], "label_set": True}, "invalid"),
        ({"answer": "perhaps"}, "invalid"),
        ({"answer": 5}, "invalid"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_a_reason(project, ann, body, code):
    add_images(project, 1)
    client = as_person(ann)
    image = claim(client, project)[0]["image"]["id"]

    response = put(client, image, **body)

    assert (response.status_code, error_of(response)) == (400, code)
    assert not Label.objects.exists()


def test_a_save_is_five_statements_with_a_session_and_four_with_a_token(project, ann):
    add_images(project, 6)
    browser, program = as_person(ann), with_token(ann)
    images = [c["image"]["id"] for c in claim(browser, project, count=6)]
    put(browser, images[0], categories=["cat"])  # the process now knows the classes
    put(program, images[1], categories=["cat"])  # and when the token was last used

    with CaptureQueriesContext(connection) as with_session:
        assert put(browser, images[2], key(), categories=["cat"]).status_code == 201
    with CaptureQueriesContext(connection) as with_a_token:
        assert put(program, images[3], key(), categories=["cat"]).status_code == 201

    assert len(statements(with_session)) == 5
    assert len(statements(with_a_token)) == 4


def statements(queries) -> list[str]:
    return [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]


def test_a_claim_given_back_is_open_to_others(project, ann):
    add_images(project, 1)
    client = as_person(ann)
    image = claim(client, project)[0]["image"]["id"]

    assert client.delete(f"/api/images/{image}/claim/").status_code == 204
    assert client.delete(f"/api/images/{image}/claim/").status_code == 204

    assert Claim.objects.get().state == "released"


def test_an_admin_labels_only_as_a_member(project, ada):
    add_images(project, 1)

    response = as_person(ada).post(f"/api/projects/{project.pk}/claims/", {})

    assert (response.status_code, error_of(response)) == (403, "not_allowed")


@pytest.mark.parametrize(
    "body",
    [
        {"count": 0},
        {"count": 51},
        {"count": "many"},
        {"client": "tab"},
        {"predicted": "wolf"},
        {"min_confidence": "nan"},
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(project, ann, body):
    add_images(project, 1)

    response = as_person(ann).post(f"/api/projects/{project.pk}/claims/", body)

    assert response.status_code == 400
    error_of(response)


def test_predicted_images_fill_a_page(project, ann):
    model = make_model(project)
    images = add_images(project, 3)
    for image, name, probability in zip(images, ("dog", "dog", "fox"), (0.7, 0.95, 0.9), strict=True):
        predict(model, image, name, probability)

    claims = claim(as_person(ann), project, count=5, predicted="dog", min_confidence=0.8)

    assert [c["image"]["id"] for c in claims] == [images[1].pk]


# ---------------------------------------------------------------- the long table


@pytest.fixture
def labeled(project, ann, bea):
    """Two images; ann and bea agree on the first and differ on the second, ann has changed her mind there."""
    images = add_images(project, 2)
    for person, names in ((ann, ("cat", "cat")), (bea, ("cat", "fox"))):
        client = as_person(person)
        claim(client, project, count=2)
        for image, name in zip(images, names, strict=True):
            put(client, image.pk, categories=[name], seconds=2.5)
    put(as_person(ann), images[1].pk, categories=["dog"])
    return images


def test_the_long_table_has_a_row_per_current_judgement(project, labeled, rev):
    response = as_person(rev).get(f"/api/projects/{project.pk}/labels/")

    rows = response.json()["results"]
    assert [(r["image"], r["annotator"], r["categories"]) for r in rows] == [
        (labeled[0].pk, "ann", ["cat"]),
        (labeled[0].pk, "bea", ["cat"]),
        (labeled[1].pk, "bea", ["fox"]),
        (labeled[1].pk, "ann", ["dog"]),
    ]
    wanted = {"id", "image", "file_name", "annotator", "categories", "answer", "created_at", "seconds",
    "prelabel_shown",
              "purpose", "round", "extra"}  # fmt: skip
    assert wanted <= set(rows[0])
    assert rows[0]["file_name"] == labeled[0].name
    assert response.json()["next"] is None


def test_history_adds_what_was_superseded(project, labeled, rev):
    rows = as_person(rev).get(f"/api/projects/{project.pk}/labels/?history=true").json()["results"]

    old = [r for r in rows if r["superseded_at"]]
    assert [(r["annotator"], r["categories"]) for r in old] == [("ann", ["cat"])]
    assert len(rows) == 5


def test_the_long_table_as_csv(project, labeled, rev):
    response = as_person(rev).get(f"/api/projects/{project.pk}/labels/?format=csv&annotator=bea")

    lines = b"".join(response.streaming_content).decode().splitlines()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0].startswith(
        "id,image,file_name,annotator,categories,answer,created_at,seconds,prelabel_shown,purpose,round,extra"
    )
    assert [line.split(",")[3:5] for line in lines[1:]] == [["bea", "cat"], ["bea", "fox"]]


def test_pages_follow_each_other_by_cursor_without_gap_or_repetition(project, labeled, rev):
    client = as_person(rev)
    url, seen = f"/api/projects/{project.pk}/labels/?page_size=3", []
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert seen == sorted(Label.objects.current().values_list("id", flat=True))


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WzFd0", "cursor=WyJhIl0", "cursor=W10", "page_size=0",
"page_size=1001",
                                   "page_size=ten", "format=xlsx", "history=perhaps", "annotator=%00",
                                   "image=-1"])  # fmt: skip
def test_a_list_refuses_what_it_cannot_read(project, rev, query):
    response = as_person(rev).get(f"/api/projects/{project.pk}/labels/?{query}")

    assert response.status_code == 400
    error_of(response)


def test_annotators_never_see_the_long_table(project, labeled, ann, carl):
    assert as_person(ann).get(f"/api/projects/{project.pk}/labels/").status_code == 403
    assert as_person(carl).get(f"/api/projects/{project.pk}/labels/").status_code == 404
