"""Projects, classes, members, runs and the model over REST."""

from __future__ import annotations

import pytest

from labeler.models import Project, TrainingRun
from labeler.training import runs
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import add_images, make_model, make_project

pytestmark = pytest.mark.django_db

LEAVES = {
    "name": "Leaves", "task": "single", "question": "What is wrong?", "guideline": "Look below.",
    "categories": [{"name": "rust", "description": "orange dust", "key": "r"}, {"name": "healthy"}, "spot"],
    "labels_per_image": 3, "blind_share": 0.2, "lease_seconds": 600, "target_agreement": 0.8,
}  # fmt: skip


def test_an_admin_makes_a_project_and_leads_it(ada):
    client = with_token(ada)

    response = client.post("/api/projects/", LEAVES)

    body = response.json()
    assert response.status_code == 201
    for name in (
        "name",
        "task",
        "question",
        "guideline",
        "labels_per_image",
        "blind_share",
        "lease_seconds",
        "target_agreement",
    ):
        assert body[name] == LEAVES[name]
    assert [(c["name"], c["key"]) for c in body["categories"]] == [("rust", "r"), ("healthy", ""), ("spot", "")]
    assert (body["role"], body["version"], response["ETag"]) == ("lead", 1, '"1"')
    assert "salt" not in body
    assert client.get(f"/api/projects/{body['id']}/").json() == body
    assert [p["id"] for p in client.get("/api/projects/").json()["results"]] == [body["id"]]


def test_the_defaults_of_the_contract(ada):
    body = as_person(ada).post("/api/projects/", {"name": "P", "task": "multi", "categories": [{"name": "a"}]}).json()

    assert (body["labels_per_image"], body["blind_share"], body["lease_seconds"], body["target_agreement"]) == (
        2,
        0.15,
        1800,
        0.7,
    )


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"task": "guess"}, 400, "invalid", "task"),
        ({"task": None}, 400, "invalid", "task"),
        ({"name": ""}, 400, "invalid", "name"),
        ({"name": "x" * 201}, 400, "invalid", "name"),
        ({"categories": []}, 400, "invalid", "categories"),
        ({"categories": "a"}, 400, "invalid", "categories"),
        ({"categories": [{"name": "a"}, {"name": ""}]}, 400, "invalid", "categories.1.name"),
        ({"categories": ["a", "a"]}, 409, "conflict", "name"),
        ({"categories": [{"name": "a", "key": "zz"}]}, 400, "invalid", "categories.0.key"),
        ({"labels_per_image": 0}, 400, "invalid", "labels_per_image"),
        ({"blind_share": 2}, 400, "invalid", "blind_share"),
        ({"blind_share": "nan"}, 400, "invalid", "blind_share"),
        ({"training_config": {"no such": 1}}, 400, "invalid", "config.no such"),
    ],
)
def test_a_project_that_makes_no_sense_says_which_field(ada, changes, status, code, field):
    response = as_person(ada).post("/api/projects/", LEAVES | changes)

    assert (response.status_code, error_of(response)) == (status, code), response.json()
    assert field in response.json()["error"]["fields"]
    assert not Project.objects.exists()


def test_a_stale_change_is_refused_with_the_present_version(project, lena):
    client, url = as_person(lena), f"/api/projects/{project.pk}/"
    seen = client.get(url)["ETag"]
    assert client.patch(url, {"question": "Which?"}, headers={"If-Match": seen})["ETag"] == '"2"'

    stale = client.patch(url, {"question": "What?"}, headers={"If-Match": seen})

    assert (stale.status_code, error_of(stale), stale.json()["error"]["current"]) == (412, "stale_version", 2)
    assert client.patch(url, {"question": "What?"}).status_code == 200


def test_a_project_goes_to_the_trash_and_comes_back(project, lena, ann):
    client, url = as_person(lena), f"/api/projects/{project.pk}/"
    assert as_person(ann).delete(url).status_code == 403

    assert client.delete(url).status_code == 204

    assert client.get(url).status_code == 404
    assert client.get("/api/projects/").json()["results"] == []
    assert [p["id"] for p in client.get("/api/projects/?trashed=true").json()["results"]] == [project.pk]
    assert as_person(ann).get("/api/projects/?trashed=true").json()["results"] == []
    assert client.post(f"{url}restoration/").json()["trashed_at"] is None
    assert client.get(url).status_code == 200


def test_everybody_sees_their_own_projects_and_admins_all(project, multi_project, ann, rev, ada, carl):
    def names(person):
        return [(p["name"], p["role"]) for p in as_person(person).get("/api/projects/").json()["results"]]

    assert names(ann) == [("Tags", "annotator"), ("Animals", "annotator")]
    assert names(rev) == [("Animals", "reviewer")]
    assert names(carl) == []
    assert names(ada) == [("Tags", "lead"), ("Animals", "lead")]


def test_projects_come_by_pages(ada):
    made = [make_project(lead=ada).pk for _ in range(5)]
    client, seen, url = as_person(ada), [], "/api/projects/?page_size=2"
    while url:
        page = client.get(url).json()
        seen += [p["id"] for p in page["results"]]
        url = page["next"]

    assert seen == made[::-1]


# ---------------------------------------------------------------- classes


def test_classes_are_added_renamed_merged_and_retired(project, lena):
    client, url = as_person(lena), f"/api/projects/{project.pk}/categories/"
    wolf = client.post(url, {"name": "wolf", "description": "not a dog", "key": "w"}).json()
    assert (wolf["name"], wolf["key"], wolf["retired"]) == ("wolf", "w", False)

    renamed = client.patch(f"/api/categories/{wolf['id']}/", {"name": "grey wolf"}).json()
    merged = client.patch(f"/api/categories/{wolf['id']}/", {"merged_into": "dog"}).json()
    dog = project.categories.get(name="dog").pk
    retired = client.patch(f"/api/categories/{project.categories.get(name='fox').pk}/", {"retired": True}).json()

    assert (renamed["name"], renamed["former_names"]) == ("grey wolf", ["wolf"])
    assert (merged["merged_into"], merged["retired"], retired["retired"]) == (dog, True, True)
    listed = client.get(url)
    assert listed.json()["label_set"] == 5
    assert listed["ETag"] == '"5"'
    assert [c["name"] for c in listed.json()["results"] if not c["retired"]] == ["cat", "dog"]


def test_a_class_has_a_version_of_its_own(project, lena):
    client, url = as_person(lena), f"/api/categories/{project.categories.first().pk}/"
    tag = client.get(url)["ETag"]
    client.patch(url, {"description": "meows"})

    stale = client.patch(url, {"name": "kitten"}, headers={"If-Match": tag})

    assert (stale.status_code, stale.json()["error"]["current"]) == (412, 2)


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": "dog"}, {"key": "s"}, {"key": "ab"}, {"merged_into": "wolf"},
    {"merged_into": "cat"},
             {"merged_into": True}, {"retired": "perhaps"}, {"position": -1}]
)  # fmt: skip
def test_a_change_of_a_class_that_makes_no_sense_is_refused(project, lena, body):
    response = as_person(lena).patch(f"/api/categories/{project.categories.get(name='cat').pk}/", body)

    assert response.status_code in (400, 409)
    error_of(response)


# ---------------------------------------------------------------- members


def test_members_come_change_and_go(project, lena, carl):
    client, url = as_person(lena), f"/api/projects/{project.pk}/members/"

    added = client.post(url, {"username": "carl", "role": "annotator"})
    assert (added.status_code, added.json()["username"], added.json()["role"]) == (201, "carl", "annotator")
    assert as_person(carl).get(f"/api/projects/{project.pk}/").status_code == 200
    one = f"{url}{added.json()['id']}/"
    assert client.patch(one, {"role": "reviewer"}).json()["role"] == "reviewer"
    assert {m["username"] for m in client.get(url).json()["results"]} == {"ann", "bea", "dora", "rev", "lena", "carl"}
    assert client.delete(one).status_code == 204
    assert as_person(carl).get(f"/api/projects/{project.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [({"username": "nobody"}, 400), ({"username": "ann"}, 409), ({"username": "carl", "role": "king"}, 400), ({}, 400)],
)
def test_a_member_that_makes_no_sense_is_refused(project, lena, carl, body, status):
    response = as_person(lena).post(f"/api/projects/{project.pk}/members/", body)

    assert response.status_code == status
    error_of(response)


def test_nobody_promotes_themselves(project, ann, rev):
    for person in (ann, rev):
        member = project.memberships.get(user=person)
        url = f"/api/projects/{project.pk}/members/{member.pk}/"
        assert as_person(person).patch(url, {"role": "lead"}).status_code == 403
        assert project.memberships.get(user=person).role == member.role


# ---------------------------------------------------------------- runs


def test_a_run_needs_labels(project, lena):
    response = as_person(lena).post(f"/api/projects/{project.pk}/runs/", {})

    assert (response.status_code, error_of(response)) == (422, "too_few_labels")


def test_a_run_is_requested_followed_cancelled_and_alone(project, lena, monkeypatch):
    monkeypatch.setattr(
        runs.Trainable, "check", lambda self, project: None
    )  # what is enough is tested in training/test_runs.py
    client, url = as_person(lena), f"/api/projects/{project.pk}/runs/"

    response = client.post(url, {})

    run = response.json()
    assert response.status_code == 202
    assert {
        "id",
        "state",
        "progress",
        "started_at",
        "config",
        "dataset",
        "metrics",
        "history",
        "active",
        "worker",
    } <= set(run)
    assert (run["state"], run["progress"], run["active"]) == ("queued", {"done": 0, "total": 0}, False)
    again = client.post(url, {})
    assert (again.status_code, error_of(again)) == (409, "run_in_progress")
    assert client.get(f"/api/runs/{run['id']}/").json() == run
    assert client.post(f"/api/runs/{run['id']}/cancellation/").json()["state"] == "cancelled"
    assert client.post(f"/api/runs/{run['id']}/cancellation/").status_code == 409
    assert client.post(f"/api/runs/{run['id']}/activation/").status_code == 422
    assert [r["id"] for r in client.get(url).json()["results"]] == [run["id"]]


def test_a_list_of_runs_has_the_headline_and_leaves_the_rest_to_each_run(project, lena, django_assert_max_num_queries):
    accuracy = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 40, "reason": None}
    metrics = {"accuracy": accuracy, "judged_on": "test", "curves": {"classes": ["long"] * 1000}}
    for active in (False, False, True):
        run = make_model(project, active=active, metrics=metrics, history=[{"candidate": "frozen"}], config={"seed": 1})
    client = as_person(lena)
    client.get("/api/me/")

    with django_assert_max_num_queries(5):
        row = client.get(f"/api/projects/{project.pk}/runs/").json()["results"][0]

    assert row["headline"] == {
        "accuracy": accuracy, "macro_f1": None, "ap50": None, "miou": None, "cross_validation": None,
        "judged_on": "test",
    }  # fmt: skip
    assert (row["id"], row["active"], row["seconds_left"]) == (run.pk, True, None)
    assert not {"metrics", "history", "comparison", "config"} & set(row)
    one = client.get(f"/api/runs/{run.pk}/").json()
    assert (one["metrics"], one["headline"], one["config"]) == (metrics, row["headline"], {"seed": 1})


@pytest.mark.parametrize("config", [{"no such": 1}, [], "x", {"seed": {}}])
def test_settings_of_a_run_that_cannot_be_used_are_named(project, lena, config):
    response = as_person(lena).post(f"/api/projects/{project.pk}/runs/", {"config": config})

    assert response.status_code == 400
    assert response.json()["error"]["fields"]


def test_the_model_is_the_active_run(project, lena, rev):
    add_images(project, 1)
    client = as_person(lena)
    assert client.get(f"/api/projects/{project.pk}/model/").status_code == 404
    first = make_model(project, checkpoint="a")
    second = make_model(project, active=False, checkpoint="b")

    assert as_person(rev).get(f"/api/projects/{project.pk}/model/").json()["id"] == first.pk
    assert client.post(f"/api/runs/{second.pk}/activation/").json()["active"] is True

    assert client.get(f"/api/projects/{project.pk}/model/").json()["id"] == second.pk
    assert TrainingRun.objects.filter(is_active=True).count() == 1


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("review_confidence", 0.85, 200),
        ("review_confidence", 1.2, 400),
        ("planted_share", 0.5, 200),
        ("planted_share", 0.6, 400),
        ("planted_share", "nan", 400),
    ],
)
def test_the_review_page_is_set_by_rest(name, value, status, project, lena):
    client, url = as_person(lena), f"/api/projects/{project.pk}/"

    response = client.patch(url, {name: value})

    assert response.status_code == status
    if status == 200:
        assert client.get(url).json()[name] == value
    else:
        assert list(response.json()["error"]["fields"]) == [name]


# ---------------------------------------------------------------- quality

QUALITY = {
    "gold_share": 0.05, "gold_feedback": True, "repeat_share": 0.03, "consensus_method": "one_coin",
    "adaptive_overlap": True, "fewest_labels": 2, "most_labels": 4, "enough_confidence": 0.9, "ordered": "linear",
}  # fmt: skip


def test_settings_of_quality_are_set_when_a_project_is_made_and_later(ada, project, lena):
    made = as_person(ada).post("/api/projects/", {**LEAVES, **QUALITY}).json()
    changed = as_person(lena).patch(f"/api/projects/{project.pk}/", QUALITY).json()

    for body in (made, changed):
        assert {name: body[name] for name in QUALITY} == QUALITY


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gold_share": 0.51}, "gold_share"), ({"repeat_share": 0.21}, "repeat_share"),
        ({"consensus_method": "loudest"}, "consensus_method"), ({"ordered": "cubic"}, "ordered"),
        ({"enough_confidence": 1}, "enough_confidence"), ({"fewest_labels": 0}, "fewest_labels"),
        ({"fewest_labels": 4, "most_labels": 3}, "most_labels"), ({"fewest_labels": 6}, "fewest_labels"),
        ({"task": "multi", "ordered": "linear"}, "ordered"),
    ],
)  # fmt: skip
def test_settings_of_quality_that_cannot_be_are_named(changes, field, ada, project, lena):
    made = as_person(ada).post("/api/projects/", {**LEAVES, **changes})
    changed = as_person(lena).patch(f"/api/projects/{project.pk}/", changes)

    assert (made.status_code, error_of(made)) == (400, "invalid")
    assert field in made.json()["error"]["fields"]
    if "task" not in changes:
        assert field in changed.json()["error"]["fields"]
