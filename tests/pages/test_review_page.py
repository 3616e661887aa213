"""The review page before its script runs: which class, how many wait, and what to do where there is nothing."""

from __future__ import annotations

import json
import re

import pytest

from labeler.accounts import preferences
from labeler.jobs import jobs
from labeler.models import Plant
from labeler.models.job import Kind
from tests.helpers.factories import add_images, category, make_model, predict
from tests.helpers.pages import url
from tests.helpers.review_pages import say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def config(response) -> dict:
    found = re.search(r'<script id="review-config" type="application/json">(.*?)</script>', response.content.decode())
    assert found, "no configuration on the page"
    return json.loads(found[1])


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_class_with_most_waiting_is_shown_and_each_says_how_many(as_, ann, project):
    model = make_model(project)
    say(model, project, 2)
    say(model, project, 5, name="fox")

    response = as_(ann).get(url("review", project))

    assert "The model says: fox" in text(response)
    assert [(row["category"].name, row["count"]) for row in response.context["choices"]] == [
        ("cat", "2"),
        ("dog", "0"),
        ("fox", "5"),
    ]
    told = config(response)
    assert (told["predicted"], told["min"], told["waiting"], told["multi"]) == (category(project, "fox"), 0.9, 5, False)
    assert told["person"] == ann.pk


def test_a_class_and_a_threshold_can_be_asked_for(as_, ann, project):
    model = make_model(project)
    say(model, project, 2)
    say(model, project, 3, top=0.7)

    response = as_(ann).get(url("review", project) + f"?class={category(project, 'cat')}&min=0.5")

    assert (config(response)["min"], config(response)["waiting"]) == (0.5, 5)
    assert "from 0.50 on" in text(response)


@pytest.mark.parametrize(
    "query", ["?min=nan", "?min=2", "?min=x", "?class=x", "?class=99999999999999999999", "?class="]
)
def test_what_makes_no_sense_is_the_usual(as_, ann, project, query):
    say(make_model(project), project, 2)

    assert config(as_(ann).get(url("review", project) + query))["min"] == 0.9


def test_a_threshold_is_written_as_it_is(as_, ann, project):
    say(make_model(project), project, 2)
    project.review_confidence = 0.995
    project.save()

    response = as_(ann).get(url("review", project))

    assert "Nothing from 0.995 on" in text(response)
    shown = [row["text"] for row in response.context["thresholds"]]
    assert shown == ["0.995", "0.99", "0.95", "0.90", "0.80", "0.70", "0.50", "0.00"]
    assert [row["text"] for row in response.context["thresholds"] if row["on"]] == ["0.995"]


def test_the_persons_keys_are_told(as_, ann, project):
    say(make_model(project), project, 2)
    preferences.change(user=ann, single_keys=False, keys={"undo": "u"})
    preferences.change_class_keys(project=project, user=ann, keys={category(project, "dog"): "k"})

    told = config(as_(ann).get(url("review", project)))

    assert (told["single_keys"], told["actions"]["undo"]) == (False, "u")
    assert told["own_keys"] == {str(category(project, "dog")): "k"}


def test_without_a_model_it_says_what_comes_first_and_there_is_no_tab(as_, ann, lena, project):
    add_images(project, 3)

    mine, leads = as_(ann).get(url("review", project)), as_(lena).get(url("review", project))

    assert "No model yet" in text(mine) and "Start labeling" in text(mine)
    assert "review-config" not in mine.content.decode()
    assert url("model", project) in leads.content.decode()
    assert f'href="{url("review", project)}"' not in as_(ann).get(url("project", project)).content.decode()
    make_model(project)
    assert f'href="{url("review", project)}"' in as_(ann).get(url("project", project)).content.decode()


def test_members_of_every_role_open_it_and_strangers_learn_nothing(as_, client, ann, rev, lena, carl, project):
    assert client.get(url("review", project)).url.startswith("/login/?next=")
    assert [as_(person).get(url("review", project)).status_code for person in (ann, rev, lena)] == [200, 200, 200]
    assert as_(carl).get(url("review", project)).status_code == 404


def test_an_admin_who_is_no_member_has_no_grid(as_, ada, project):
    make_model(project)

    assert as_(ada).get(url("review", project)).status_code == 403
    assert f'href="{url("review", project)}"' not in as_(ada).get(url("project", project)).content.decode()


def test_while_the_model_looks_it_says_so(as_, ann, project):
    make_model(project)
    jobs.create(Kind.PRELABEL, project=project, requested_by=None)

    assert "The model is still looking" in text(as_(ann).get(url("review", project)))


def test_below_the_threshold_it_leads_there(as_, ann, lena, project):
    model = make_model(project)
    say(model, project, 3, top=0.75)

    mine, leads = as_(ann).get(url("review", project)), as_(lena).get(url("review", project))

    assert "Nothing from 0.90 on" in text(mine)
    assert "?class" not in mine.content.decode().split("card empty")[1]
    assert "?min=0.7" in mine.content.decode()
    assert url("settings", project) in leads.content.decode().split("card empty")[1]


def test_when_all_is_reviewed_it_says_so(as_, ann, project):
    make_model(project)
    add_images(project, 2)

    assert "All reviewed" in text(as_(ann).get(url("review", project)))


def test_where_no_suggestions_are_shown_the_grid_says_why(as_, ann, lena, project):
    say(make_model(project), project, 2)
    project.show_prelabels = False
    project.save()

    assert "No suggestions here" in text(as_(ann).get(url("review", project)))
    assert url("settings", project) in as_(lena).get(url("review", project)).content.decode().split("card empty")[1]


def test_each_person_sees_what_they_noticed_and_leads_of_everybody(as_, ann, dora, rev, lena, project):
    say(make_model(project), project, 2)
    for person, caught, n in ((ann, 7, 8), (dora, 1, 3)):
        for k, image in enumerate(add_images(project, n)):
            Plant.objects.create(
                project=project, image=image, reviewer=person, suggested=1, probability=0.9, answered=[2],
                caught=k < caught, shown_at=image.created_at,
            )  # fmt: skip

    mine, reviewers, leads = (as_(person).get(url("review", project)) for person in (ann, rev, lena))

    assert "You noticed 7 of 8." in text(mine)
    assert "dora" not in text(mine)
    assert "You noticed" not in text(reviewers) and "dora" not in text(reviewers)
    assert "ann 7 8 88 % 53 % – 98 %" in text(leads)
    assert "dora 1 3" in text(leads)


def test_nothing_planted_nothing_said(as_, ann, project):
    say(make_model(project), project, 2)
    project.planted_share = 0.0
    project.save()

    assert "known answer" not in text(as_(ann).get(url("review", project)))


def test_many_classes_are_a_list(as_, ann):
    from tests.helpers.factories import make_project

    project = make_project(ann, categories=[f"kind {n}" for n in range(40)])
    [image] = add_images(project, 1)
    predict(make_model(project), image, "kind 31", 0.97)

    response = as_(ann).get(url("review", project))

    assert "The model says: kind 31" in text(response)
    assert "kind 31 (1)" in text(response)
