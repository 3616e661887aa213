"""Whose request it is, as it is read by hand: the same as Django's own classes would read."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from labeler.accounts import preferences
from labeler.accounts.backends import WithPreference
from labeler.models import Preference
from tests.helpers.factories import make_user
from tests.helpers.rows import values

pytestmark = pytest.mark.django_db


def opened(key):
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def test_a_person_has_all_columns_and_the_preference_by_one_query(ann, django_assert_num_queries):
    preferences.change(user=ann, theme="dark")

    with django_assert_num_queries(1):
        found = WithPreference().get_user(ann.pk)
        theme, back = found.preference.theme, found.preference.user

    assert (theme, back) == ("dark", found)
    assert values(found) == values(get_user_model().objects.get(pk=ann.pk))


def test_a_person_without_preferences_is_asked_about_once(ann, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = WithPreference().get_user(ann.pk)
        with pytest.raises(Preference.DoesNotExist):
            found.preference  # noqa: B018


def test_who_may_not_log_in_and_who_is_not_there_is_nobody(ann):
    off = make_user("gone", is_active=False)

    assert WithPreference().get_user(off.pk) is None
    assert WithPreference().get_user(User.objects.latest("pk").pk + 1) is None


def test_a_session_is_read_until_it_expires(client, ann):
    client.force_login(ann)
    key = client.session.session_key
    assert opened(key)["_auth_user_id"] == str(ann.pk)

    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))

    late = opened(key)
    assert late.get("_auth_user_id") is None
    assert late.session_key is None


def test_a_key_from_nowhere_is_not_given_a_session(client):
    store = opened("made-up-by-somebody-else")

    assert list(store.keys()) == []
    assert store.session_key is None


def test_a_session_from_before_the_packages_still_knows_its_person(client, ann):
    client.force_login(ann)
    session = client.session
    session["_auth_user_backend"] = "labeler.backends.WithPreference"
    session.save()

    assert client.get("/api/me/").wsgi_request.user == ann
