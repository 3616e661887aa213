"""Filters of the images page under a name."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from labeler.curation import saved_views
from labeler.models import AuditEvent, SavedView
from labeler.pages.images import filters as image_filters
from tests.helpers.factories import add_images, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def send(client, project, **body):
    answer = client.post(reverse("saved_views", args=[project.pk]), body)
    return answer, [str(message) for message in get_messages(answer.wsgi_request)][-1:]


def links(page):
    return [(row["view"].name, row["view"].query, row["on"]) for row in page.context["saved"]]


def test_a_lead_keeps_filters_and_everybody_who_reviews_follows_them(as_, lena, rev, ann, project):
    add_images(project, 2, name="a/leaf.jpg")
    lead = as_(lena)
    here = image_filters.url(project, search="leaf", order="oldest")
    assert 'name="name"' in lead.get(here).content.decode()
    assert 'name="name"' not in lead.get(image_filters.url(project)).content.decode()  # there is nothing to keep

    answer, said = send(lead, project, name="  Old   leaves ", filters="?search=leaf&order=oldest&page=3&rubbish=1")
    assert (answer.url, said) == (here, ["The view “Old leaves” is kept."])
    page = as_(rev).get(here)
    assert links(page) == [("Old leaves", "?search=leaf&order=oldest", True)]
    assert f'href="{here.replace("&", "&amp;")}"' in page.content.decode()
    assert reverse("saved_views", args=[project.pk]) not in page.content.decode()
    assert links(as_(rev).get(image_filters.url(project)))[0][2] is False

    lead = as_(lena)
    send(lead, project, name="Old leaves", filters="?search=bark")  # the same name: the new filters
    assert SavedView.objects.get().query == "?search=bark"
    send(lead, project, delete=str(SavedView.objects.get().pk), filters="?search=leaf")
    assert not SavedView.objects.exists()
    told = AuditEvent.objects.filter(project=project, action__startswith="view.").order_by("pk")
    assert [event.action for event in told] == ["view.save", "view.save", "view.delete"]
    for person in (rev, ann):
        assert send(as_(person), project, name="x", filters="?search=leaf")[0].status_code == 403


def test_a_view_of_what_leads_alone_see_is_not_told_to_others(as_, lena, rev, project):
    add_images(project, 1)
    for name, query in (("gone", "?status=deleted"), ("home", "?metadata.exif.gps_latitude=48.1")):
        saved_views.save(project=project, by=lena, name=name, query=query)

    assert [name for name, *_rest in links(as_(lena).get(image_filters.url(project)))] == ["gone", "home"]
    page = as_(rev).get(image_filters.url(project))
    assert links(page) == [] and "48.1" not in page.content.decode()


def test_what_cannot_be_kept_or_forgotten_is_said(as_, lena, project, monkeypatch):
    client = as_(lena)
    assert send(client, project, name=" ", filters="?search=a")[1] == ["A view has a name of at most 100 letters."]
    assert "choose some first" in send(client, project, name="all", filters="?rubbish=1")[1][0]
    elsewhere, _is_new = saved_views.save(project=make_project(lead=lena), by=lena, name="x", query="?search=a")
    assert send(client, project, delete=str(elsewhere.pk))[1] == ["There is no such view."]
    monkeypatch.setattr(saved_views, "MOST", 1)
    send(client, project, name="one", filters="?search=a")
    assert "at most 1 saved views" in send(client, project, name="two", filters="?search=b")[1][0]
    assert SavedView.objects.filter(project=project).count() == 1
