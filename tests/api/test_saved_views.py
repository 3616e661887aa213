"""Saved views over REST: what the page keeps, and nothing a program would not notice."""

from __future__ import annotations

import pytest

from labeler.curation import saved_views
from labeler.models import AuditEvent, SavedView
from tests.helpers.api import as_person
from tests.helpers.factories import make_project

pytestmark = pytest.mark.django_db


def address(project, view=None):
    return f"/api/projects/{project.pk}/saved-views/" + (f"{view}/" if view else "")


def test_a_lead_keeps_filters_reviewers_list_them_and_the_name_again_takes_new_ones(project, lena, rev):
    lead = as_person(lena)
    made = lead.post(address(project), {"name": " To  settle ", "query": "?status=disputed&search=leaf&page=2"})
    assert (made.status_code, made.data["name"], made.data["created_by"]) == (201, "To settle", "lena")
    assert made.data["query"] == "?status=disputed&search=leaf"
    assert made.data["filter"] == "status=disputed&search=leaf"
    listed = as_person(rev).get(address(project)).json()
    assert listed == {"results": [made.json()], "next": None}

    again = as_person(lena).post(address(project), {"name": "To settle", "query": "status=differ"})
    assert (again.status_code, again.data["id"], again.data["query"]) == (200, made.data["id"], "?status=differ")
    assert again.data["filter"] is None  # REST's list of images cannot ask for it

    assert as_person(lena).delete(address(project, made.data["id"])).status_code == 204
    assert not SavedView.objects.exists()
    told = AuditEvent.objects.filter(project=project, action__startswith="view.").order_by("pk")
    assert [event.action for event in told] == ["view.save", "view.save", "view.delete"]


def test_a_view_of_what_leads_alone_see_is_not_told_to_reviewers(project, lena, rev):
    for name, query in (("gone", "?status=deleted"), ("home", "?metadata.exif.gps_latitude=48.1")):
        assert as_person(lena).post(address(project), {"name": name, "query": query}).status_code == 201

    assert [row["name"] for row in as_person(lena).get(address(project)).json()["results"]] == ["gone", "home"]
    assert as_person(rev).get(address(project)).json()["results"] == []


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("typo", "?statsu=disputed", "statsu"),
        ("no such class", "?class=7", "class"),
        ("half", "?search=a&split=x", "split"),
        (" ", "?search=a", "name"),
        ("n" * 101, "?search=a", "name"),
        ("all", "?page=3", "no filters to keep"),
        ("long", "?search=" + "a" * 2000, "query"),
    ],
)
def test_filters_that_cannot_be_kept_are_refused_with_a_sentence(project, lena, name, query, said):
    response = as_person(lena).post(address(project), {"name": name, "query": query})
    assert response.status_code == 400 and said in str(response.json()["error"])
    assert not SavedView.objects.exists()


def test_a_project_has_so_many_views_and_another_projects_view_is_not_there(project, lena, monkeypatch):
    elsewhere, _is_new = saved_views.save(project=make_project(lead=lena), by=lena, name="x", query="?search=a")
    assert as_person(lena).delete(address(project, elsewhere.pk)).status_code == 404
    monkeypatch.setattr(saved_views, "MOST", 1)
    assert as_person(lena).post(address(project), {"name": "one", "query": "?search=a"}).status_code == 201
    refused = as_person(lena).post(address(project), {"name": "two", "query": "?search=b"})
    assert refused.status_code == 422 and "at most 1 saved views" in refused.json()["error"]["message"]
