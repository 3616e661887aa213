"""The page on which disagreements are settled: who sees what before and after, and what a form does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeler.labeling.labels import save_label
from labeler.models import Comment, Decision, Image, Thread
from labeler.review import adjudication, worklists
from tests.helpers.answers import answer
from tests.helpers.factories import add_images, category, join, make_model, make_project, make_user, predict
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

# Names that occur nowhere else on a page.
PEOPLE = ("quentin", "ulrika", "zacharias")


@pytest.fixture
def project(project):
    project.labels_per_image = 3
    project.save()
    for name in PEOPLE:
        join(project, make_user(name))
    return project


def divide(image, *names):
    """Three people answer with these classes; None: cannot tell."""
    answer(image, **dict(zip(PEOPLE, names, strict=True)))


@pytest.fixture
def divided(project):
    (image,) = add_images(project, 1)
    divide(image, "cat", "dog", "fox")
    return image


def page_of(client, project, query=""):
    return client.get(url("adjudicate", project) + query)


def decide(client, project, image, query="", **fields):
    seen = page_of(client, project, f"?image={image.pk}").context["version"]
    form = {"do": "settle", "image": image.pk, "version": seen, **fields}
    return client.post(url("adjudicate", project) + query, form)


# ---------------------------------------------------------------- before and after the decision


def numbers_of_the_model(html: str) -> list[str]:
    """Where 0.8137 stands: as a percentage, however it is set, or as a fraction. Not the 81 of an id or a hash."""
    return re.findall(r"\b81(?:\.\d+)?(?:\s|&nbsp;|&#160;)?%|0[.,]81", html)


@pytest.mark.parametrize("written", ["81\N{NO-BREAK SPACE}%", "<b>81 %</b>", "81&nbsp;%", "81.4%", 'data-p="0.8137"'])
def test_the_models_number_would_be_found(written, as_, rev, project, divided):
    html = page_of(as_(rev), project).content.decode()
    assert numbers_of_the_model(html + 'id="a81-81f3" nonce="x81y"') == []
    assert len(numbers_of_the_model(html.replace("</main>", f"{written}</main>"))) == 1


def test_before_the_decision_the_page_holds_neither_names_nor_the_models_view(as_, rev, project, divided):
    run = make_model(project, is_calibrated=True)
    predict(run, divided, "fox", 0.8137)

    html = page_of(as_(rev), project).content.decode()

    assert "Three people, three answers" in html
    assert html.count("1 person") == 3
    assert not [name for name in PEOPLE if name in html]
    assert not numbers_of_the_model(html)
    assert "model" not in re.sub(r"<nav.*?</nav>", "", html, flags=re.DOTALL).lower()


def test_once_decided_the_names_and_the_models_view_are_told(as_, rev, project, divided):
    run = make_model(project, is_calibrated=True)
    predict(run, divided, "fox", 0.8137)
    client = as_(rev)

    decide(client, project, divided, categories=category(project, "dog"))
    html = page_of(client, project, f"?image={divided.pk}").content.decode()

    assert [name for name in PEOPLE if name in html] == list(PEOPLE)
    assert "81\N{NO-BREAK SPACE}%" in html
    assert "says otherwise" in html


def test_a_model_that_is_not_calibrated_is_sure_in_words(as_, rev, project, divided):
    predict(make_model(project), divided, "fox", 0.8137)
    client = as_(rev)

    decide(client, project, divided, categories=category(project, "dog"))
    html = page_of(client, project, f"?image={divided.pk}").content.decode()

    assert "likely, <span" in html
    assert "81\N{NO-BREAK SPACE}%" not in html


def test_just_decided_tells_who_said_what_on_the_next_image(as_, rev, project):
    first, second = add_images(project, 2)
    for image in (first, second):
        divide(image, "cat", "dog", "fox")
    run = make_model(project, is_calibrated=True)
    predict(run, first, "dog", 0.71)
    predict(run, second, "fox", 0.92)
    client = as_(rev)

    response = decide(client, project, first, categories=category(project, "dog"))
    page = client.get(response.url)
    html = page.content.decode()
    just = html[html.index('id="adj-just"') :]

    assert page.context["image"] == second
    assert "Just decided" in just and all(name in just for name in PEOPLE)
    assert "71\N{NO-BREAK SPACE}%" in just and "agrees" in just
    # Of the image that is still to be decided nothing is told.
    assert not any(name in html[: html.index('id="adj-just"')] for name in PEOPLE)
    assert "92\N{NO-BREAK SPACE}%" not in html


def test_an_old_decision_is_not_just_decided(as_, rev, project, divided):
    (other,) = add_images(project, 1)
    divide(other, "cat", "dog", "fox")
    adjudication.decide(image_id=other.pk, reviewer=rev, categories=["cat"])
    Decision.objects.update(created_at=timezone.now() - timedelta(days=1))

    assert page_of(as_(rev), project).context["just"] is None


def test_a_comment_is_read_without_its_author(as_, rev, project, divided):
    owner = project.memberships.get(user__username=PEOPLE[0]).user
    thread = Thread.objects.create(project=project, image=divided, raised_by=owner, changed_at=timezone.now())
    Comment.objects.create(thread=thread, author=owner, text="Is this a whisker?")

    html = page_of(as_(rev), project).content.decode()

    assert "Is this a whisker?" in html
    assert PEOPLE[0] not in html


def test_reasons_and_guidelines_stand_by_the_answers(as_, rev, project, divided):
    ulrika = project.memberships.get(user__username="ulrika").user
    save_label(image_id=divided.pk, annotator=ulrika, answer="cannot_tell", reason="too dark")
    project.guideline_version = 2
    project.save()

    html = page_of(as_(rev), project).content.decode()

    assert "Three people, two answers, one cannot tell" in html
    assert "too dark" in html
    assert "by guideline 1" in html


# ---------------------------------------------------------------- deciding


def test_a_decision_leads_to_the_next_image(as_, rev, project):
    images = add_images(project, 3)
    for image in images:
        divide(image, "cat", "dog", "fox")
    client = as_(rev)

    response = decide(client, project, images[1], categories=category(project, "fox"), reason="the tail is bushy")

    decision = Decision.objects.get()
    assert (decision.image, decision.reviewer, decision.reason) == (images[1], rev, "the tail is bushy")
    assert decision.categories == [category(project, "fox")]
    assert response.status_code == 302
    page = client.get(response.url)
    assert page.context["image"] == images[2]
    assert (page.context["place"], page.context["total"]) == (2, 2)


def test_the_image_does_not_say(as_, rev, project, divided):
    decide(as_(rev), project, divided, undecidable="on", reason="out of focus")

    divided.refresh_from_db()
    assert (divided.status, Decision.objects.get().undecidable) == ("settled", True)


def test_several_classes_and_none_of_them(as_, lena, ann, bea, multi_project):
    first, second = add_images(multi_project, 2)
    client = as_(lena)
    ids = [category(multi_project, name) for name in ("sky", "sea")]

    decide(client, multi_project, first, categories=ids)
    decide(client, multi_project, second)

    found = dict(Decision.objects.values_list("image", "categories"))
    assert found == {first.pk: sorted(ids), second.pk: []}


def test_nothing_chosen_is_said_and_the_reason_stays(as_, rev, project, divided):
    response = decide(as_(rev), project, divided, reason="half typed")

    assert response.status_code == 409
    assert "half typed" in response.content.decode()
    assert not Decision.objects.exists()


def test_it_is_taken_back(as_, rev, project, divided):
    client = as_(rev)
    decide(client, project, divided, categories=category(project, "fox"))
    page = page_of(client, project)
    assert page.context["image"] is None  # it was the only one
    version = page.context["just"]["version"]

    response = client.post(url("adjudicate", project), {"do": "withdraw", "image": divided.pk, "version": version})

    assert client.get(response.url).context["image"] == divided
    divided.refresh_from_db()
    assert divided.status == "disputed"


def test_votes_that_changed_meanwhile_are_shown_instead_of_overruled(as_, rev, project, divided):
    client = as_(rev)
    seen = page_of(client, project).context["version"]
    quentin = project.memberships.get(user__username="quentin").user
    save_label(image_id=divided.pk, annotator=quentin, categories=["dog"])

    form = {"do": "settle", "image": divided.pk, "version": seen, "categories": category(project, "cat")}
    response = client.post(url("adjudicate", project), form | {"reason": "kept"})
    html = response.content.decode()

    assert response.status_code == 409
    assert "have changed since you looked" in html
    assert "kept" in html
    assert "2 people" in html  # as they are now
    assert not Decision.objects.exists()


def test_of_two_reviewers_at_once_the_second_hears_of_the_first(as_, rev, lena, project, divided):
    client = as_(rev)
    seen = page_of(client, project).context["version"]
    adjudication.decide(image_id=divided.pk, reviewer=lena, categories=["dog"])

    form = {"do": "settle", "image": divided.pk, "version": seen, "categories": category(project, "cat")}
    response = client.post(url("adjudicate", project), form)

    assert response.status_code == 409
    assert re.search(r"lena has decided this image at \d\d:\d\d: dog. Yours was not saved.", response.content.decode())
    assert Decision.objects.get(withdrawn_at=None).reviewer == lena


def test_what_is_already_withdrawn_is_said(as_, rev, project, divided):
    client = as_(rev)
    decide(client, project, divided, categories=category(project, "fox"))
    adjudication.withdraw(image_id=divided.pk, reviewer=rev)

    response = client.post(url("adjudicate", project), {"do": "withdraw", "image": divided.pk}, follow=True)

    assert "no decision on this image" in response.content.decode()


def test_an_image_of_another_project_is_not_decided_here(as_, lena, project, multi_project):
    (foreign,) = add_images(multi_project, 1)
    client = as_(lena)

    assert client.get(url("adjudicate", project) + f"?image={foreign.pk}").status_code == 404
    form = {"do": "settle", "image": foreign.pk, "categories": category(project, "cat")}
    assert client.post(url("adjudicate", project), form).status_code == 404
    assert client.post(url("adjudicate", project), {"do": "settle", "image": "x"}).status_code == 404


def test_annotators_settle_nothing(as_, ann, project, divided):
    form = {"do": "settle", "image": divided.pk, "categories": category(project, "cat")}

    assert as_(ann).post(url("adjudicate", project), form).status_code == 403
    assert not Decision.objects.exists()


# ---------------------------------------------------------------- which images


def test_the_list_is_narrowed_to_a_pair_by_a_link(as_, rev, project):
    images = add_images(project, 3)
    divide(images[0], "cat", "dog", None)
    divide(images[1], "cat", "fox", None)
    divide(images[2], "cat", "fox", None)
    client = as_(rev)

    pairs = page_of(client, project).context["pairs"]
    assert [(pair["names"], pair["n"]) for pair in pairs] == [(["cat", "fox"], 2), (["cat", "dog"], 1)]
    page = page_of(client, project, pairs[0]["url"])
    assert (page.context["image"], page.context["total"]) == (images[1], 2)
    # Deciding stays within the pair.
    response = decide(
        client, project, images[1], f"?pair={category(project, 'fox')},{category(project, 'cat')}",
        categories=category(project, "cat"),
    )  # fmt: skip
    assert client.get(response.url).context["image"] == images[2]


def test_the_list_of_one_person_and_nobodys(as_, rev, project):
    outvoted, agreed = add_images(project, 2)
    divide(outvoted, "cat", "dog", "dog")
    divide(agreed, "cat", "cat", "cat")
    client = as_(rev)

    page = page_of(client, project, "?person=quentin")

    assert (page.context["image"], page.context["total"]) == (outvoted, 1)
    assert "where quentin differs" in page.content.decode()
    assert "ulrika" not in page.content.decode()
    assert page_of(client, project, "?person=nobody").status_code == 404


@pytest.mark.parametrize("query", ["?pair=1", "?pair=x,y", "?pair=,", "?pair=99999999999999999999,1", "?all=2"])
def test_what_no_link_asks_for_is_the_whole_list(as_, rev, project, divided, query):
    assert page_of(as_(rev), project, query).context["image"] == divided


@pytest.mark.parametrize("query", ["?image=0", "?image=x", "?after=%00", "?image=99999999999999999999"])
def test_what_is_no_image_is_not_found(as_, rev, project, divided, query):
    assert page_of(as_(rev), project, query).status_code == 404


def test_of_many_classes_those_that_were_said_come_first_and_keep_their_keys(as_, lena, ann, bea):
    project = make_project(ann, bea, lead=lena, categories=[f"class {n}" for n in range(1, 31)])
    (image,) = add_images(project, 1)
    answer(image, ann="class 20", bea="class 7")

    rows = page_of(as_(lena), project).context["classes"]

    assert [(row["category"].name, row["place"]) for row in rows[:3]] == [
        ("class 7", 6), ("class 20", 19), ("class 1", 0),
    ]  # fmt: skip


def test_j_and_k_lead_round_the_list(as_, rev, project):
    images = add_images(project, 3)
    for image in images:
        divide(image, "cat", "dog", "fox")

    context = page_of(as_(rev), project, f"?image={images[0].pk}").context

    assert context["next_url"] == f"?image={images[1].pk}"
    assert context["before_url"] == f"?image={images[2].pk}"


def test_with_nothing_to_settle_the_page_says_what_next(as_, lena, project):
    agreed, outvoted, _open = add_images(project, 3)
    divide(agreed, "cat", "cat", "cat")
    divide(outvoted, "cat", "cat", "dog")

    html = page_of(as_(lena), project).content.decode()

    assert "Nothing to settle" in html
    assert "2 images are settled." in html and "1 still needs labels." in html
    assert "1 image on which a majority outvoted somebody" in html
    assert page_of(as_(lena), project, "?all=1").context["image"] == outvoted


# ---------------------------------------------------------------- the tab, the reasons, what it costs


def test_the_tab_counts_what_is_disputed(as_, rev, ann, project, divided):
    def count(person, page):
        found = re.search(r'id="count-adjudicate">([^<]*)<', as_(person).get(url(page, project)).content.decode())
        return found and found[1]

    assert count(rev, "images") == "1"
    assert count(ann, "project") is None
    adjudication.decide(image_id=divided.pk, reviewer=rev, categories=["cat"])
    assert count(rev, "images") is None


def test_nothing_is_counted_for_those_who_label(as_, rev, ann, project, divided, monkeypatch):
    def counted(_project):
        raise AssertionError("a page without the tab asked how many are disputed")

    monkeypatch.setattr(worklists, "to_settle", counted)

    assert as_(rev).get(url("label", project)).status_code == 200
    assert as_(ann).get(url("project", project)).status_code == 200


@pytest.mark.parametrize(("slice_", "is_told"), [("blind", True), ("test", False), ("calibration", False)])
def test_the_models_view_comes_after_the_decision_and_never_on_held_out_images(as_, rev, project, slice_, is_told):
    (blind,) = add_images(project, 1, slice=slice_)
    divide(blind, "cat", "dog", "fox")
    predict(make_model(project, is_calibrated=True), blind, "fox", 0.8137)
    client = as_(rev)
    assert "81\N{NO-BREAK SPACE}%" not in page_of(client, project).content.decode()

    decide(client, project, blind, categories=category(project, "fox"))

    assert ("81\N{NO-BREAK SPACE}%" in page_of(client, project).content.decode()) is is_told


def test_many_are_not_counted_to_the_end(as_, rev, project, divided, monkeypatch):
    monkeypatch.setattr(worklists, "to_settle", lambda _project: worklists.COUNTED + 1)

    assert "999+" in page_of(as_(rev), project).content.decode()


def test_reasons_are_collected_by_the_classes_that_were_mixed_up(as_, lena, rev, project):
    images = add_images(project, 4)
    divide(images[0], "cat", "cat", "dog")
    divide(images[1], "dog", "cat", None)
    divide(images[2], "fox", "cat", "cat")
    divide(images[3], "cat", "dog", "fox")
    for image, name, why in zip(images, ("cat", "dog", "fox", "cat"), ("ears", "snout", "tail", ""), strict=True):
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=[name], reason=why)

    page = as_(lena).get(url("adjudicate_reasons", project))
    html = page.content.decode()

    groups = [(group["names"], [row["decision"].reason for row in group["rows"]]) for group in page.context["groups"]]
    assert groups == [(("cat", "dog"), ["snout", "ears"]), (("cat", "fox"), ["tail"])]
    assert page.context["groups"][0]["text"] == "### cat or dog?\n\n- Dog: snout\n- Cat: ears"
    assert url("settings_guideline", project) in html
    # A reviewer does not write the guideline.
    assert url("settings_guideline", project) not in as_(rev).get(url("adjudicate_reasons", project)).content.decode()


def test_no_text_of_a_person_becomes_markup(as_, rev, project, divided):
    evil = '<img src=x onerror="alert(1)">'
    save_label(
        image_id=divided.pk,
        annotator=project.memberships.get(user__username="quentin").user,
        answer="cannot_tell",
        reason=evil,
    )
    assert evil not in page_of(as_(rev), project).content.decode()
    adjudication.decide(image_id=divided.pk, reviewer=rev, categories=["cat"], reason=evil)

    for name in ("adjudicate", "adjudicate_reasons"):
        assert evil not in as_(rev).get(url(name, project) + "?all=1").content.decode()


def test_the_page_costs_as_many_queries_for_thirty_images_as_for_two(as_, rev, project):
    run = make_model(project, config={"backbone": "tiny", "image_size": 64})
    client = as_(rev)

    def queries() -> int:
        page_of(client, project)
        with CaptureQueriesContext(connection) as captured:
            assert page_of(client, project).status_code == 200
        return len(captured)

    def more(n):
        for image in add_images(project, n):
            divide(image, "cat", "dog", "fox")
            predict(run, image, "cat", 0.6)

    more(2)
    few = queries()
    more(28)

    assert queries() == few <= 22
    assert Image.objects.filter(status="disputed").count() == 30
