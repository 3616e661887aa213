"""How a person wants the screens: theme, keys of actions and classes, and whether one key alone may act."""

from __future__ import annotations

import html
import re

import pytest

from labeler.accounts import preferences
from labeler.errors import Invalid, NotFound
from labeler.models import Membership, Preference
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import category

pytestmark = pytest.mark.django_db


def test_without_a_row_everything_is_the_default_and_nothing_is_written(ann):
    found = preferences.preferences_of(ann)

    assert (found.theme, found.single_keys, found.keys) == ("auto", True, {})
    assert preferences.keys_of(found)["skip"] == "s"
    assert Preference.objects.count() == 0


def test_what_is_changed_changes_and_the_rest_stays(ann):
    preferences.change(user=ann, theme="dark", keys={"skip": "x"})
    preferences.change(user=ann, single_keys=False)

    found = preferences.preferences_of(ann)
    assert (found.theme, found.single_keys, found.keys) == ("dark", False, {"skip": "x"})
    assert preferences.keys_of(found) == {**{n: a.key for n, a in preferences.ACTIONS.items()}, "skip": "x"}


def test_no_two_actions_have_the_same_default_key():
    keys = [action.key for action in preferences.ACTIONS.values()]
    assert sorted(keys) == sorted(set(keys))
    assert [preferences.spelled(key) for key in keys] == keys


def test_keys_replace_the_ones_before_and_none_of_them_resets(ann):
    preferences.change(user=ann, keys={"skip": "x", "flag": "q"})
    assert preferences.change(user=ann, keys={"flag": "w"}).keys == {"flag": "w"}
    assert preferences.change(user=ann, keys={}).keys == {}


def test_keys_may_be_swapped_in_one_go(ann):
    assert preferences.change(user=ann, keys={"skip": "c", "cannot_tell": "s"}).keys == {
        "skip": "c",
        "cannot_tell": "s",
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("X", "x"), (" ", "Space"), ("space", "Space"), ("arrowleft", "ArrowLeft"), ("Alt+S", "Alt+s"),
     ("Alt++", "Alt++"), ("é", "é"), ("Ж", "ж"), ("Shift+x", "Shift+x"), ("Alt+Shift+Enter", "Alt+Shift+Enter")],
)  # fmt: skip
def test_a_key_has_one_spelling(ann, sent, kept):
    wanted = {"guide": sent, "zoom": "F2"}
    assert preferences.change(user=ann, keys=wanted).keys == {"guide": kept, "zoom": "F2"}


def test_the_default_is_not_kept_as_a_wish(ann):
    assert preferences.change(user=ann, keys={"skip": "S", "undo": "u"}).keys == {"undo": "u"}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"skip": "c"}, "“Skip: not for me” and “Cannot tell: nobody could” cannot both have the key C."),
        ({"skip": "3"}, "The digits 1 to 9 choose classes: give “Skip: not for me” another key."),
        ({"skip": "Escape"}, "“Escape” is no key that can be chosen"),
        ({"skip": "Tab"}, "is no key"),
        ({"skip": "Ctrl+x"}, "is no key"),
        ({"skip": ""}, "is no key"),
        ({"skip": "xy"}, "is no key"),
        ({"skip": "\n"}, "is no key"),
        ({"skip": "İ"}, "is no key"),
        ({"skip": None}, "is no key"),
        ({"skip": "+"}, "The signs + and - zoom"),
        ({"skip": "Shift+!"}, "Shift counts with letters only"),
        ({"dance": "x"}, "There is no action “dance”"),
    ],
)
def test_what_cannot_be_is_said_in_words(ann, keys, sentence):
    preferences.change(user=ann, keys={"undo": "u"})

    with pytest.raises(Invalid) as refused:
        preferences.change(user=ann, keys=keys)

    assert sentence in refused.value.message
    assert preferences.preferences_of(ann).keys == {"undo": "u"}


def test_an_unknown_theme_is_refused(ann):
    with pytest.raises(Invalid):
        preferences.change(user=ann, theme="pink")


@pytest.mark.parametrize(
    ("key", "shown"),
    [("s", "S"), ("Space", "Space"), ("Enter", "↵"), ("Alt+x", "Alt+X"), ("Alt++", "Alt++")],
)
def test_a_key_as_it_stands_on_a_button(key, shown):
    assert preferences.printed(key) == shown


# ---------------------------------------------------------------- classes


def test_class_keys_belong_to_one_person_in_one_project(project, ann, bea):
    dog, fox = category(project, "dog"), category(project, "fox")

    preferences.change_class_keys(project=project, user=ann, keys={dog: "D", fox: "ArrowUp"})

    kept = dict(Membership.objects.filter(project=project).values_list("user__username", "category_keys"))
    assert kept["ann"] == {str(dog): "d", str(fox): "ArrowUp"}
    assert kept["bea"] == {}
    preferences.change_class_keys(project=project, user=ann, keys={})
    assert Membership.objects.get(project=project, user=ann).category_keys == {}


def test_a_class_cannot_have_the_key_of_another_or_of_an_action(project, multi_project, ann, carl):
    dog, fox = category(project, "dog"), category(project, "fox")
    preferences.change(user=ann, keys={"skip": "x"})

    for keys, sentence in (
        ({dog: "d", fox: "d"}, "“dog” and “fox” cannot both have the key D."),
        ({dog: "x"}, "“Skip: not for me” and “dog” cannot both have the key X."),
        ({category(multi_project, "sky"): "k"}, "not in use in this project"),
    ):
        with pytest.raises(Invalid, match=sentence):
            preferences.change_class_keys(project=project, user=ann, keys=keys)
    # The key that the person took from skip is free.
    assert preferences.change_class_keys(project=project, user=ann, keys={dog: "s"}).category_keys == {str(dog): "s"}
    with pytest.raises(NotFound):
        preferences.change_class_keys(project=project, user=carl, keys={})


# ---------------------------------------------------------------- REST


def test_preferences_over_rest(ann):
    client = as_person(ann)
    assert client.get("/api/me/preferences/").json()["single_keys"] is True

    changed = client.patch("/api/me/preferences/", {"theme": "dark", "keys": {"skip": "x"}}, format="json")

    assert (changed.status_code, changed.json()["keys"], changed.json()["all_keys"]["skip"]) == (
        200,
        {"skip": "x"},
        "x",
    )
    assert client.get("/api/me/preferences/").json() == changed.json()
    assert with_token(ann, "read").patch("/api/me/preferences/", {}, format="json").status_code == 403


@pytest.mark.parametrize(
    "body",
    [{"theme": "pink"}, {"single_keys": "perhaps"}, {"keys": []}, {"keys": {"skip": ["x"]}}, {"keys": {"skip": "c"}}],
)
def test_nonsense_over_rest_is_refused(ann, body):
    answer = as_person(ann).patch("/api/me/preferences/", body, format="json")
    assert (answer.status_code, error_of(answer)) == (400, "invalid")
    assert preferences.preferences_of(ann).keys == {}


def test_class_keys_over_rest(project, ann):
    dog = category(project, "dog")
    client, address = as_person(ann), f"/api/projects/{project.pk}/keys/"

    assert client.put(address, {"keys": {str(dog): "D"}}, format="json").json() == {"keys": {str(dog): "d"}}
    assert client.get(address).json() == {"keys": {str(dog): "d"}}
    assert error_of(client.put(address, {"keys": {"dog": "d"}}, format="json")) == "invalid"
    assert error_of(client.put(address, {}, format="json")) == "invalid"


# ---------------------------------------------------------------- the account page, without a script


def form_of(text: str) -> dict[str, str]:
    """What the browser would send back of the form of keys."""
    fields = {name: re.search(rf'name="{name}" value="([^"]*)"', text) for name in preferences.ACTIONS}
    return {"do": "keys", "single_keys": "on"} | {
        name: html.unescape(found[1]) for name, found in fields.items() if found
    }


@pytest.mark.usefixtures("uncollected_static_files")
def test_keys_are_typed_on_the_account_page(as_, ann):
    client = as_(ann)
    sent = form_of(client.get("/account/").content.decode())
    assert (sent["skip"], sent["zoom"], sent["full_screen"], sent["help"]) == ("S", "Space", "Shift+F", "?")

    saved = client.post("/account/", sent | {"skip": "X", "guide": " Insert "})
    assert saved.status_code == 302
    assert preferences.preferences_of(ann).keys == {"skip": "x", "guide": "Insert"}

    sent = form_of(client.get("/account/").content.decode())
    del sent["single_keys"]
    client.post("/account/", sent)
    found = preferences.preferences_of(ann)
    assert (found.single_keys, found.keys) == (False, {"skip": "x", "guide": "Insert"})
    client.post("/account/", sent | {"reset": "1"})
    found = preferences.preferences_of(ann)
    assert (found.single_keys, found.keys) == (False, {})


@pytest.mark.usefixtures("uncollected_static_files")
@pytest.mark.parametrize(
    ("skip", "sentence"),
    [
        ("C", "cannot both have the key C"),
        ("7", "The digits 1 to 9 choose classes"),
        ("hello", "is no key that can be chosen"),
        ("", "required"),
    ],
)
def test_what_cannot_be_typed_is_said_and_what_was_typed_stays(as_, ann, skip, sentence):
    client = as_(ann)
    sent = form_of(client.get("/account/").content.decode())

    answer = client.post("/account/", sent | {"skip": skip, "undo": "U"})

    text = html.unescape(answer.content.decode())
    assert answer.status_code == 200
    assert sentence in text
    assert 'name="undo" value="U"' in text
    assert preferences.preferences_of(ann).keys == {}
