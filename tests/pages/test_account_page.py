"""A person's account: the theme on every machine, other browsers logged out, tokens shown once."""

from __future__ import annotations

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from labeler.accounts import preferences
from labeler.models import AuditEvent, Preference
from tests.helpers.pages import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def html_tag(response) -> str:
    return re.search(r"<html[^>]*>", response.content.decode())[0]


def test_the_theme_of_a_person_stands_in_the_first_tag_of_every_page(as_, ann, client):
    client_of_ann = as_(ann)
    assert 'data-person-theme="auto"' in html_tag(client_of_ann.get("/"))
    assert "data-theme=" not in html_tag(client_of_ann.get("/"))

    page = client_of_ann.post("/account/", {"do": "theme", "theme": "dark"}, follow=True)

    assert said(page) == ["Saved, for every machine you log in on."]
    assert Preference.objects.get(user=ann).theme == "dark"
    for path in ("/", "/account/", "/nowhere/"):
        assert 'data-theme="dark"' in html_tag(client_of_ann.get(path))
    # Whoever is not logged in is followed by the browser's memory, not by a person's choice.
    assert "data-" not in html_tag(Client().get("/login/"))


def test_a_theme_there_is_not_is_refused(as_, ann):
    page = as_(ann).post("/account/", {"do": "theme", "theme": "pink"})

    assert page.status_code == 200
    assert not Preference.objects.exists()


def test_the_theme_costs_no_query(as_, ann, django_assert_num_queries):
    client = as_(ann)
    preferences.change(user=ann, theme="dark")

    # Session and person: what every request asks. The 404 page asks nothing more.
    with django_assert_num_queries(2):
        assert 'data-theme="dark"' in html_tag(client.get("/nowhere/"))


def test_other_browsers_are_logged_out_and_this_one_stays(as_, ann, bea):
    browsers = [Client() for _ in range(4)]
    for browser, person in zip(browsers, (ann, ann, ann, bea), strict=True):
        browser.force_login(person)

    page = browsers[0].post("/account/", {"do": "sessions"}, follow=True)

    assert said(page) == ["2 other browsers are logged out."]
    assert [browser.get("/").status_code for browser in browsers] == [200, 302, 302, 200]
    assert AuditEvent.objects.get(action="session.end_others").details == {"ended": 2}
    again = browsers[0].post("/account/", {"do": "sessions"}, follow=True)
    assert said(again) == ["You were logged in nowhere else."]


def test_a_token_is_in_the_answer_and_never_in_the_session(as_, ann):
    client = as_(ann)
    page = client.post("/account/", {"do": "token", "name": "laptop", "scopes": ["read"], "expires_in_days": 30})

    secret = page.context["secret"]
    assert f">{secret}<" in page.content.decode()
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    assert secret not in client.get("/account/").content.decode()


def test_password_managers_find_their_fields(as_, ann, client):
    assert re.search(r'name="password" autocomplete="current-password"', Client().get("/login/").content.decode())
    html = as_(ann).get("/account/").content.decode()
    assert html.count('autocomplete="new-password"') == 2
    assert 'autocomplete="current-password"' in html
    assert "onpaste" not in html


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil"]
)
def test_logging_in_leads_to_no_other_host(client, ann, wanted):
    ann.set_password("an old one 1")
    ann.save()

    answer = client.post("/login/", {"username": "ann", "password": "an old one 1", "next": wanted})

    assert answer.url == "/"
