"""A project's settings as plain forms: every section, versions of the guideline, classes and examples."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.consensus import snapshots
from labeler.label_set import categories, examples
from labeler.models import AuditEvent, Category, CategoryExample, Project
from labeler.projects import classes, projects
from labeler.training import runs
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, make_project
from tests.helpers.forms import form_of, fresh, text_of
from tests.helpers.pages import answer, said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


# ---------------------------------------------------------------- sections

FIRST_FIELDS = {
    "settings": "question",
    "settings_guideline": "guideline",
    "settings_judging": "labels_per_image",
    "settings_model": "review_percent",
    "settings_training": "backbone",
    "settings_quality": "gold_percent",
    "settings_consensus": "most_labels",
    "settings_accepting": "precision_percent",
    "settings_wanted": "wanted_images",
}


@pytest.mark.parametrize(("section", "field"), FIRST_FIELDS.items())
def test_a_section_that_is_sent_back_untouched_changes_nothing(section, field, as_, lena, project):
    projects.update(
        project=project,
        by=lena,
        changes={
            "guideline": "\n# Look\n\nTwice.  \n", "description": "a\nb", "blind_share": 0.155, "lease_seconds": 1805,
            "training_config": {"min_labels": 8, "seed": 3, "candidates": ["frozen"], "finetune": {"epochs": 2}},
            "planted_share": 0.005, "review_confidence": 0.925, "wanted_images": 12, "variety": "x\ny",
            "gold_share": 0.07, "repeat_share": 0.035, "enough_confidence": 0.975, "consensus_method": "one_coin",
        },
    )  # fmt: skip
    before, client = fresh(project), as_(lena)

    response = client.post(url(section, project), form_of(client, url(section, project), field))

    assert response.status_code == 302
    after = fresh(project)
    assert (after.version, after.guideline_version) == (before.version, before.guideline_version)
    assert after.training_config == before.training_config


def test_shares_are_typed_in_percent_and_times_in_minutes(as_, lena, project):
    client = as_(lena)
    judging = form_of(client, url("settings_judging", project), "blind_percent")
    client.post(
        url("settings_judging", project),
        {**judging, "blind_percent": "20", "lease_minutes": "7.5", "labels_per_image": "4"},
    )
    model = form_of(client, url("settings_model", project), "review_percent")
    client.post(url("settings_model", project), {**model, "review_percent": "97.5", "planted_percent": "10"})

    row = fresh(project)
    assert (row.blind_share, row.lease_seconds, row.labels_per_image) == (0.2, 450, 4)
    assert (row.review_confidence, row.planted_share) == (0.975, 0.1)


def test_an_unticked_box_switches_off(as_, lena, project):
    client = as_(lena)
    form = form_of(client, url("settings_model", project), "review_percent")
    del form["show_prelabels"]

    client.post(url("settings_model", project), form)

    assert (fresh(project).show_prelabels, fresh(project).ask_uncertain_first) == (False, True)


def test_training_is_set_in_words_and_what_a_program_set_stays(as_, lena, project):
    config = {"seed": 7, "finetune": {"epochs": 3}, "min_labels": 50, "search": {"settings": 4}}
    projects.update(project=project, by=lena, changes={"training_config": config})
    client, address = as_(lena), url("settings_training", project)
    form = form_of(client, address, "backbone")
    assert (form["min_labels"], form["candidates"], form["seed"]) == ("50", ["frozen", "finetuned"], "7")

    typed = {"min_labels": "", "time_limit_minutes": "5", "candidates": ["svm", "ensemble", "knn"], "imbalance": "auto"}
    searched = {"search_settings": "", "search_network": "4"}
    client.post(address, {**form, **typed, **searched, "image_size": "192", "soft_labels": "on"})

    changed = {
        "seed": 7, "finetune": {"epochs": 3}, "time_limit_s": 300.0, "image_size": 192, "imbalance": "auto",
        "soft_labels": True, "candidates": ["frozen", "svm", "knn", "ensemble"], "search": {"network_settings": 4},
    }  # fmt: skip
    assert fresh(project).training_config == changed
    form = form_of(client, address, "backbone")
    client.post(address, {**form, "candidates": ["finetuned"], "soft_labels": "", "imbalance": "none"})
    assert fresh(project).training_config == {
        name: value for name, value in changed.items() if name not in ("candidates",)
    } | {"imbalance": "none", "soft_labels": False}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("image_size", "200", "It must be a multiple of 32."),
        ("candidates", ["ensemble", "svm"][:1], "It must name ensemble after the two or more that it is made of."),
        ("candidates", ["magic"], "magic is not one of the available choices"),
        ("backbone", "vgg16", "vgg16 is not one of the available choices"),
        ("folds", "1", "greater than or equal to 2"),
        ("imbalance", "magic", "magic is not one of the available choices"),
    ],
)
def test_a_setting_of_the_training_that_cannot_be_is_refused_beside_its_field(
    field, typed, sentence, as_, lena, project
):
    client, address = as_(lena), url("settings_training", project)

    response = client.post(address, {**form_of(client, address, "backbone"), field: typed})

    assert sentence in text_of(response)
    assert fresh(project).training_config == {}
    assert text_of(as_(lena).post(url("train", project), {"once": "1", field: typed})).count(sentence) == 1


def test_a_training_with_other_settings_takes_them_once(as_, lena, project, monkeypatch):
    monkeypatch.setattr(runs.Trainable, "check", lambda self, project: None)
    config = {"seed": 7, "time_limit_s": 300.0, "finetune": {"epochs": 3}}
    projects.update(project=project, by=lena, changes={"training_config": config})
    client, address = as_(lena), url("train", project)
    form = form_of(client, address, "backbone")
    assert "train_automatically" not in form and form["time_limit_minutes"] == "5"

    response = client.post(address, {**form, "time_limit_minutes": "", "imbalance": "weights"})

    run = project.runs.get()
    assert response.url == url("run", project, run.number)
    assert run.config == {"seed": 7, "finetune": {"epochs": 3}, "imbalance": "weights"}
    assert fresh(project).training_config == config
    client.post(url("cancel_run", project, run.pk))
    client.post(address, {})  # the button on the model page: with the project's settings
    assert project.runs.first().config == config


@pytest.mark.parametrize(
    ("section", "field", "typed", "sentence"),
    [
        ("settings", "name", "", "This field is required."),
        ("settings_judging", "blind_percent", "400", "less than or equal to 100"),
        ("settings_judging", "lease_minutes", "soon", "Enter a number."),
        ("settings_model", "planted_percent", "80", "less than or equal to 50"),
        ("settings_quality", "gold_percent", "60", "less than or equal to 50"),
        ("settings_consensus", "enough_percent", "100", "less than or equal to 99.9"),
        ("settings_accepting", "precision_percent", "99.9", "less than or equal to 99"),
        ("settings_wanted", "wanted_images", "0", "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_nothing_typed_is_lost(
    section, field, typed, sentence, as_, lena, project
):
    client = as_(lena)
    form = form_of(client, url(section, project), field)
    kept = {"settings": "question", "settings_wanted": "variety", "settings_judging": "target_agreement"}
    kept |= {"settings_quality": "repeat_percent", "settings_consensus": "most_labels"}
    kept |= {"settings_accepting": "audited_percent"}
    other = kept.get(section, "review_percent")

    response = client.post(url(section, project), {**form, field: typed, other: "0.123"})

    page = response.content.decode()
    (place,) = re.findall(rf'<p class="wrong" id="id_{field}_error">(.*?)</p>', page)
    assert sentence in place
    assert "0.123" in page and (not typed or f'value="{typed}"' in page)
    assert fresh(project).version == project.version


def test_two_leads_do_not_overwrite_each_other_unseen(as_, lena, project):
    client = as_(lena)
    form = form_of(client, url("settings_judging", project), "blind_percent")
    client.post(url("settings_judging", project), {**form, "labels_per_image": "3"})

    refused = client.post(url("settings_judging", project), {**form, "labels_per_image": "5", "lease_minutes": "11"})

    page = text_of(refused)
    assert "Somebody saved these settings while you typed." in page
    assert "It says “3” now." in page and 'value="5"' in page and 'value="11"' in page
    assert fresh(project).labels_per_image == 3

    # Having read that, saving again is meant.
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    again = {**form, "labels_per_image": "5", "lease_minutes": "11", "seen": seen}
    assert client.post(url("settings_judging", project), again).status_code == 302
    assert (fresh(project).labels_per_image, fresh(project).lease_seconds) == (5, 660)


def test_leads_who_work_on_different_sections_do_not_meet(as_, lena, project):
    client = as_(lena)
    question = form_of(client, url("settings", project), "question")
    judging = form_of(client, url("settings_judging", project), "blind_percent")

    first = client.post(url("settings_judging", project), {**judging, "labels_per_image": "3"})
    second = client.post(url("settings", project), {**question, "question": "What?"})

    assert (first.status_code, second.status_code) == (302, 302)
    assert (fresh(project).labels_per_image, fresh(project).question) == (3, "What?")


def test_every_section_leads_to_the_others_and_says_where_one_is(as_, lena, project):
    page = as_(lena).get(url("settings_judging", project)).content.decode()

    nav = re.search(r'<nav class="sections".*?</nav>', page, re.DOTALL)[0]
    for name in (*FIRST_FIELDS, "categories", "trash_project"):
        assert f'href="{url(name, project)}"' in nav
    assert f'href="{url("settings_judging", project)}" aria-current="page"' in nav
    assert nav.count("aria-current") == 1


def test_what_is_wanted_is_typed_for_all_classes_at_once(as_, lena, project):
    cat, dog = category(project, "cat"), category(project, "dog")
    client = as_(lena)
    form = form_of(client, url("settings_wanted", project), "wanted_images")

    sent = {
        **form,
        "wanted_images": "900",
        f"wanted_{cat}": "300",
        f"variety_{dog}": "young and old",
        "variety": "rain",
    }
    client.post(url("settings_wanted", project), sent)

    row = fresh(project)
    assert (row.wanted_images, row.variety) == (900, "rain")
    assert list(row.categories.in_use().values_list("wanted", "variety")) == [
        (300, ""), (None, "young and old"), (None, ""),
    ]  # fmt: skip


def test_the_trash_asks_for_the_name_and_keeps_what_was_typed(as_, lena, project):
    wrong = as_(lena).post(url("trash_project", project), {"confirm": "something"})
    assert "That is not the project" in text_of(wrong) and 'value="something"' in text_of(wrong)
    assert fresh(project).trashed_at is None

    response = as_(lena).post(url("trash_project", project), {"confirm": project.name})
    assert response.url == "/"
    assert fresh(project).trashed_at is not None


# ---------------------------------------------------------------- guideline


def write(client, project, text: str):
    form = form_of(client, url("settings_guideline", project), "guideline")
    return client.post(url("settings_guideline", project), {**form, "guideline": text})


def test_another_guideline_is_a_new_version_and_the_same_one_is_not(as_, lena, project):
    client = as_(lena)
    write(client, project, "Look twice.\r\nThen choose.")
    assert (fresh(project).guideline_version, fresh(project).guideline) == (2, "Look twice.\nThen choose.")

    write(client, project, "Look twice.\r\nThen choose.")
    assert fresh(project).guideline_version == 2


def test_a_preview_shows_what_is_typed_and_saves_nothing(as_, lena, project):
    client = as_(lena)
    form = form_of(client, url("settings_guideline", project), "guideline")

    page = text_of(client.post(url("settings_guideline", project), {**form, "guideline": "Below.", "do": "preview"}))

    assert "preview, not saved yet" in page
    assert page.count("Below.") == 2  # where it is typed, and as annotators would see it
    assert fresh(project).guideline == ""


def test_versions_are_listed_opened_compared_and_gone_back_to(as_, lena, project):
    client = as_(lena)
    for text in ("Rust is orange.", "Rust is brown.\nOn the underside."):
        write(client, project, text)

    page = text_of(client.get(url("settings_guideline", project)))
    assert [n for n in (1, 2, 3) if f">Version {n}</a>" in page] == [1, 2, 3]
    assert "· lena" in page
    assert "Rust is orange." in text_of(client.get(url("guideline_version", project, 2)))

    compared = text_of(client.get(url("guideline_compare", project) + "?from=3&to=2"))  # either way round
    assert "From version 2 to 3" in compared
    assert "Rust is <del>orange</del><ins>brown</ins>." in compared
    assert "<ins>On the underside.</ins>" in compared

    client.post(url("guideline_version", project, 2))
    row = fresh(project)
    assert (row.guideline_version, row.guideline) == (4, "Rust is orange.")
    assert row.guideline_versions.get(number=3).text == "Rust is brown.\nOn the underside."


@pytest.mark.parametrize("query", ["", "?from=1", "?from=1&to=99", "?from=a&to=b", "?from=1&to=99999999999999999999"])
def test_versions_that_are_not_there_are_not_found(query, as_, lena, project):
    assert as_(lena).get(url("guideline_compare", project) + query).status_code == 404


def test_a_guideline_runs_nothing_anywhere(as_, lena, project):
    evil = '<img src=x onerror="alert(1)"><script>alert(1)</script>'
    client = as_(lena)
    write(client, project, evil)
    write(client, project, evil + " more")

    for address in (
        url("settings_guideline", project),
        url("guideline_version", project, 2),
        url("guideline_compare", project) + "?from=1&to=3",
        url("guideline_compare", project) + "?from=2&to=3",
    ):
        page = client.get(address).content.decode()
        assert "<img src=x" not in page and "<script>alert" not in page, address


# ---------------------------------------------------------------- classes


def test_a_class_gets_a_name_a_description_a_key_a_marker_and_a_wanted_number(as_, lena, project):
    cat, client = project.categories.get(name="cat"), as_(lena)
    form = form_of(client, url("category", project, cat.pk), "description")
    assert (form["name"], form["colour"], form["shape"], form["place"]) == ("cat", "0", "0", "1")

    client.post(
        url("category", project, cat.pk),
        {
            **form, "name": "kitten", "description": "small\r\nround", "key": "k", "colour": "4", "shape": "10",
            "wanted": "40", "variety": "asleep",
        },
    )  # fmt: skip

    cat = fresh(cat)
    assert (cat.name, cat.description, cat.key, cat.former_names) == ("kitten", "small\nround", "k", ["cat"])
    assert (cat.colour, cat.shape, cat.wanted, cat.variety) == (4, 10, 40, "asleep")
    page = client.get(url("category", project, cat.pk)).content.decode()
    assert '<svg class="mk c4" aria-hidden="true"><use href="#m10"/></svg>' in page


def test_a_class_that_is_sent_back_untouched_changes_nothing(as_, lena, project):
    client = as_(lena)
    for row in project.categories.all():
        form = form_of(client, url("category", project, row.pk), "description")
        assert client.post(url("category", project, row.pk), form).status_code == 302

    assert fresh(project).label_set_version == project.label_set_version
    assert not AuditEvent.objects.filter(action="category.update").exists()


def test_colours_and_shapes_have_names(as_, lena, project):
    page = as_(lena).get(url("category", project, category(project, "dog"))).content.decode()

    for word in ("orange", "grey", "disc", "hollow square", "triangle pointing down", "by its place (olive)"):
        assert f"<span>{word}</span>" in page, word
    assert page.count('name="colour"') == 7 and page.count('name="shape"') == 13


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "dog", "There is a class “dog” already."),
        ("key", "s", "has a meaning of its own"),
        ("place", "0", "greater than or equal to 1"),
        ("colour", "9", "Select a valid choice."),
        ("wanted", "-3", "greater than or equal to 1"),
    ],
)
def test_what_a_class_cannot_be_is_said_beside_the_field(field, typed, sentence, as_, lena, project):
    cat, client = project.categories.get(name="cat"), as_(lena)
    form = form_of(client, url("category", project, cat.pk), "description")

    response = client.post(url("category", project, cat.pk), {**form, field: typed, "description": "kept words"})

    page = text_of(response)
    (place,) = re.findall(rf'<p class="wrong" id="id_{field}_error">(.*?)</p>', page)
    assert sentence in place
    assert "kept words" in page
    assert fresh(cat).version == cat.version


def test_a_class_that_somebody_else_changed_meanwhile_is_not_overwritten_unseen(as_, lena, project):
    cat, client = project.categories.get(name="cat"), as_(lena)
    form = form_of(client, url("category", project, cat.pk), "description")
    classes.change_category(category=cat, by=lena, changes={"description": "by another"})

    page = text_of(client.post(url("category", project, cat.pk), {**form, "description": "mine"}))

    assert "It says “by another” now." in page
    assert fresh(cat).description == "by another"


def names_of(project) -> list[str]:
    return list(project.categories.in_use().values_list("name", flat=True))


def test_classes_move_up_and_down_and_to_a_place(as_, lena, project):
    client, fox = as_(lena), category(project, "fox")
    response = client.post(url("categories", project), {"up": str(fox)})
    assert names_of(project) == ["cat", "fox", "dog"]
    # The same button has the focus again, so that three places up are three times Enter.
    page = client.get(response.url).content.decode()
    assert re.search(rf'name="up" value="{fox}"\s+autofocus', page)

    client.post(url("categories", project), {"down": str(category(project, "cat"))})
    assert names_of(project) == ["fox", "cat", "dog"]
    client.post(url("categories", project), {"up": str(fox)})  # first already
    assert names_of(project) == ["fox", "cat", "dog"]

    form = form_of(client, url("category", project, fox), "description")
    client.post(url("category", project, fox), {**form, "place": "3"})
    assert names_of(project) == ["cat", "dog", "fox"]
    assert categories.markers_by_name(fresh(project))["fox"] == (3, 3)


def test_a_place_counts_classes_in_use_only(as_, lena, project):
    client = as_(lena)
    client.post(url("categories", project), {"classes": "wolf, owl"})
    for name in ("dog", "fox"):
        client.post(url("category", project, category(project, name)), {"do": "retire"})

    client.post(url("categories", project), {"up": str(category(project, "owl"))})

    assert names_of(project) == ["cat", "owl", "wolf"]


def test_classes_are_added_retired_merged_and_brought_back(as_, lena, ann, bea, project):
    client = as_(lena)
    (image,) = add_images(project, 1)
    for person in (ann, bea):
        answer(project, person, image, "dog")
    client.post(url("categories", project), {"classes": "wolf, owl"})
    assert names_of(project) == ["cat", "dog", "fox", "wolf", "owl"]

    client.post(url("category", project, category(project, "owl")), {"do": "retire"})
    merged = client.post(
        url("category", project, category(project, "dog")), {"do": "merge", "into": category(project, "wolf")}
    )
    assert names_of(project) == ["cat", "fox", "wolf"]
    assert merged.url == url("categories", project)
    image.refresh_from_db()
    assert image.tally == {str(category(project, "wolf")): 2}
    page = text_of(client.get(url("categories", project)))
    assert "counts as wolf" in page and "retired, " in page
    assert "Bring back" in text_of(client.get(url("category", project, category(project, "owl"))))

    client.post(url("categories", project), {"restore": str(category(project, "dog"))})
    client.post(url("category", project, category(project, "owl")), {"do": "restore"})
    assert names_of(project) == ["cat", "dog", "fox", "wolf", "owl"]
    image.refresh_from_db()
    assert image.tally == {str(category(project, "dog")): 2}


def test_what_cannot_be_done_to_a_class_is_said(as_, lena, project):
    client = as_(lena)
    cat = project.categories.get(name="cat")
    nothing_chosen = client.post(url("category", project, cat.pk), {"do": "merge", "into": ""}, follow=True)
    itself = client.post(url("category", project, cat.pk), {"do": "merge", "into": str(cat.pk)}, follow=True)
    assert said(nothing_chosen) == said(itself) == ["Choose the class it becomes part of."]

    Category.objects.filter(project=project).exclude(pk=cat.pk).update(retired_at="2026-01-01T00:00:00Z")
    last = client.post(url("category", project, cat.pk), {"do": "retire"}, follow=True)
    assert "This is the last class in use" in said(last)[0]
    twice = client.post(url("categories", project), {"classes": "Owl, owl"})
    assert "stands there twice" in text_of(twice) and 'value="Owl, owl"' in text_of(twice)
    foreign = make_project(lena).categories.first()
    for sent in ({"up": str(foreign.pk)}, {"restore": str(foreign.pk)}, {"down": "x"}):
        assert client.post(url("categories", project), sent).status_code == 404


def test_the_row_of_classes_costs_as_many_queries_for_many_as_for_few(as_, lena, project):
    client = as_(lena)

    def queries() -> int:
        client.get(url("categories", project))
        with CaptureQueriesContext(connection) as captured:
            client.get(url("categories", project))
        return len(captured)

    few = queries()
    for n in range(40):
        row = Category.objects.create(project=project, name=f"class {n}", position=n + 3)
        for image in add_images(project, 2, slice=""):
            CategoryExample.objects.create(category=row, image=image)

    assert queries() == few


# ---------------------------------------------------------------- examples


@pytest.fixture
def settled(project, ann, bea):
    """Three open images that everybody calls a cat, one held out."""
    images = [*add_images(project, 3, slice=""), *add_images(project, 1, slice="test")]
    for image in images:
        for person in (ann, bea):
            answer(project, person, image, "cat")
    snapshots.refresh(project)
    return images


def test_the_picker_offers_settled_images_and_one_click_adds(as_, lena, project, settled):
    client, cat = as_(lena), category(project, "cat")
    page = client.get(url("examples", project, cat)).content.decode()
    assert re.findall(r'name="add" value="(\d+)"', page) == [str(image.pk) for image in reversed(settled[:3])]

    response = client.post(url("examples", project, cat), {"add": settled[0].pk, "of": "unanimous"}, follow=True)

    assert said(response) == [f"Image {settled[0].pk} is an example of “cat” now."]
    page = response.content.decode()
    assert f'name="add" value="{settled[0].pk}"' not in page
    assert f"/api/images/{settled[0].pk}/thumb/" in page
    assert "1 of 12" in page


def test_a_held_out_image_is_refused_with_a_clear_sentence(as_, lena, project, settled):
    client, cat = as_(lena), category(project, "cat")

    refused = client.post(url("examples", project, cat), {"add": settled[3].pk}, follow=True)

    assert "held out to test" in said(refused)[0]
    page = client.get(url("image", project, settled[3].pk)).content.decode()
    assert "This image is held out to test" in page and 'id="example-class"' not in page


def test_examples_are_captioned_and_removed_on_the_page_of_the_class(as_, lena, project, settled):
    client, cat = as_(lena), project.categories.get(name="cat")
    row, _ = examples.add(category=cat, image=settled[0], by=lena)
    picker = url("examples", project, cat.pk)

    sent = client.post(picker, {"example": row.pk, "caption": "mild", "do": "caption", "from": "class"})
    assert sent.url == url("category", project, cat.pk) + "#examples"
    assert 'value="mild"' in client.get(url("category", project, cat.pk)).content.decode()
    long = client.post(picker, {"example": row.pk, "caption": "x" * 101, "do": "caption"}, follow=True)
    assert said(long) == ["A caption has at most 100 characters."]

    client.post(picker, {"example": row.pk, "do": "remove", "from": "class"}, follow=True)
    assert not CategoryExample.objects.exists()
    gone = client.post(picker, {"example": row.pk, "do": "remove"}, follow=True)
    assert said(gone) == ["This example has been removed meanwhile."]


def test_an_example_whose_image_is_taken_for_something_else_now_says_so(as_, lena, rev, project, settled):
    from labeler.review import adjudication

    cat = project.categories.get(name="cat")
    for image in settled[:2]:
        examples.add(category=cat, image=image, by=lena)
    adjudication.decide(image_id=settled[0].pk, reviewer=rev, categories=["fox"])

    page = as_(lena).get(url("category", project, cat.pk)).content.decode()

    assert page.count("now taken to be fox") == 1


def test_an_image_is_used_as_an_example_from_its_own_page(as_, lena, rev, project, settled):
    client, page = as_(lena), url("image", project, settled[0].pk)
    form = form_of(client, page, "class")
    assert form["class"] == str(category(project, "cat"))  # what it is taken to be

    response = client.post(url("use_as_example", project, settled[0].pk), {**form, "caption": "typical"}, follow=True)

    assert said(response) == ["This image is an example of “cat” now."]
    assert CategoryExample.objects.get().caption == "typical"
    assert 'id="example-class"' not in as_(rev).get(page).content.decode()  # leads only
    assert as_(rev).post(url("use_as_example", project, settled[0].pk), form).status_code == 403


def test_a_full_class_offers_no_more(as_, lena, project, settled):
    cat = project.categories.get(name="cat")
    for image in add_images(project, examples.MOST, slice=""):
        examples.add(category=cat, image=image, by=lena)

    page = as_(lena).get(url("examples", project, cat.pk)).content.decode()

    assert "the most a class can have" in page
    buttons = re.findall(r'<button type="submit" name="add"[^>]*>', page)
    assert len(buttons) == 3 and all("disabled" in button for button in buttons)


@pytest.mark.parametrize("query", ["?of=nothing", "?page=0", "?page=x", "?of=decided&page=99999", "?of=mostly"])
def test_the_picker_takes_any_query(query, as_, lena, project, settled):
    assert as_(lena).get(url("examples", project, category(project, "cat")) + query).status_code == 200


def test_pages_of_the_picker(as_, lena, project, settled, monkeypatch):
    monkeypatch.setattr("labeler.pages.settings.examples.PER_PAGE", 2)
    client, address = as_(lena), url("examples", project, category(project, "cat"))

    first = client.get(address).content.decode()
    second = client.get(address + "?of=unanimous&page=2").content.decode()

    assert (first.count('name="add"'), second.count('name="add"')) == (2, 1)
    assert 'rel="next"' in first and 'rel="prev"' in second and 'rel="next"' not in second


def test_an_admin_who_leads_nothing_sets_everything_too(as_, ada, project):
    client = as_(ada)
    form = form_of(client, url("settings", project), "question")

    client.post(url("settings", project), {**form, "question": "Which?"})

    assert Project.objects.get(pk=project.pk).question == "Which?"


# ---------------------------------------------------------------- versions by REST


def test_a_client_reads_the_versions_of_the_guideline(lena, ann, project):
    for text in ("Look.", "Look twice."):
        projects.update(project=project, by=lena, changes={"guideline": text})
    client, listed = as_person(ann), f"/api/projects/{project.pk}/guidelines/"

    first = client.get(listed + "?page_size=2").json()
    rest = client.get(first["next"]).json()

    assert [(row["number"], row["text"], row["author"]) for row in first["results"] + rest["results"]] == [
        (3, "Look twice.", "lena"), (2, "Look.", "lena"), (1, "", "lena"),
    ]  # fmt: skip
    assert client.get(f"{listed}2/").json() == first["results"][1]
    assert [client.get(f"{listed}{number}/").status_code for number in (0, 4, 2**31, 2**62)] == [404] * 4
