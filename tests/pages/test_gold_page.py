"""What a lead sets about quality, as plain forms: shares, consensus, gold images."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.labeling import claims as queue
from labeler.labeling import gold_and_repeats, labels
from labeler.models import Gold, Project
from labeler.review import gold
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category, join, make_user
from tests.helpers.forms import form_of, fresh, text_of
from tests.helpers.pages import answer, said, url

User = get_user_model()

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def wrong(page: str, field: str) -> str:
    """What stands beside a field."""
    (place,) = re.findall(rf'<p class="wrong" id="id_{field}_error">(.*?)</p>', page)
    return html.unescape(place).strip()


def test_a_lead_sets_what_is_mixed_in(as_, lena, project):
    client, page = as_(lena), url("settings_quality", project)
    form = form_of(client, page, "gold_percent")
    assert "No image is gold yet" in text_of(client.get(page))

    client.post(page, {**form, "gold_percent": "5", "repeat_percent": "2.5", "gold_feedback": "on"})

    row = fresh(project)
    assert (row.gold_share, row.repeat_share, row.gold_feedback) == (0.05, 0.025, True)
    assert "less than or equal to 20" in wrong(
        text_of(client.post(page, {**form, "repeat_percent": "21"})), "repeat_percent"
    )


def test_a_lead_chooses_consensus_and_overlap(as_, lena, project):
    client, page = as_(lena), url("settings_consensus", project)
    form = form_of(client, page, "most_labels")
    shown = text_of(client.get(page))
    assert "2.27 labels per image" in shown and "worse than the majority" in shown

    client.post(page, {**form, "consensus_method": "one_coin", "adaptive_overlap": "on", "enough_percent": "97.5"})

    row = fresh(project)
    assert (row.consensus_method, row.adaptive_overlap, row.enough_confidence) == ("one_coin", True, 0.975)


def test_what_is_impossible_together_is_said_beside_its_field(as_, lena, ann, project, multi_project):
    client, page = as_(lena), url("settings_consensus", project)
    form = form_of(client, page, "most_labels")

    refused = text_of(client.post(page, {**form, "most_labels": "1"}))
    assert wrong(refused, "most_labels") == "An image cannot get at most 1 labels and at least 2."
    refused = text_of(client.post(page, {**form, "fewest_labels": "6"}))
    assert wrong(refused, "fewest_labels") == "An image cannot get at most 5 labels and at least 6."

    page = url("settings_consensus", multi_project)
    refused = text_of(client.post(page, {**form_of(client, page, "most_labels"), "ordered": "linear"}))
    assert wrong(refused, "ordered").startswith("Classes with an order are answered one at a time")
    assert not Project.objects.exclude(ordered="none").exists()


# ---------------------------------------------------------------- gold images


@pytest.fixture(autouse=True)
def every_place_is_gold(monkeypatch):
    class Dice:
        def random(self):
            return 0.0

        def randint(self, low, high):
            return low

    monkeypatch.setattr(gold_and_repeats, "_dice", Dice())


@pytest.fixture
def known(project, ann, bea):
    """Two people agree that it is a cat; gold is mixed in from now on."""
    (image,) = add_images(project, 1)
    for person in (ann, bea):
        answer(project, person, image, "cat")
    Project.objects.update(gold_share=0.5)
    project.refresh_from_db()
    image.refresh_from_db()
    return image


def fare(project, image, *names):
    """New people answer the gold image."""
    add_images(project, len(names))
    for name in names:
        person = make_user(f"p{User.objects.count()}")
        join(project, person)
        queue.claim(project=project, annotator=person, count=1)
        labels.save_label(image_id=image.pk, annotator=person, categories=[name])


def test_an_empty_page_says_how_to_choose_and_offers_what_is_known(as_, lena, project, known):
    shown = text_of(as_(lena).get(url("gold", project)))
    assert "No gold images yet" in shown and f'value="{known.pk}"' in shown

    response = as_(lena).post(url("gold", project), {"image": [known.pk]}, follow=True)

    assert said(response) == ["1 image is gold now."]
    assert "no answers yet" in text_of(response) and gold.known_answer(known) == Gold.objects.get().categories
    assert said(as_(lena).post(url("gold", project), follow=True)) == ["Tick the images that shall be gold first."]


def test_without_anything_known_the_page_leads_to_the_images(as_, lena, project):
    assert "To the images" in text_of(as_(lena).get(url("gold", project)))


def test_a_gold_image_that_most_get_wrong_is_named_with_what_they_say(as_, lena, project, known):
    gold.add(project=project, by=lena, image_id=known.pk, explanation="see the ears")
    fare(project, known, "cat", "dog", "dog")

    shown = text_of(as_(lena).get(url("gold", project)))

    assert "1 of 3 people right" in shown and "1 to look at again" in shown
    assert "Most people say something else" in shown and "×2" in shown and "see the ears" in shown


def test_gold_is_retired_and_comes_back_with_what_it_was(as_, lena, project, known):
    gold.add(project=project, by=lena, image_id=known.pk, categories=["fox"], explanation="a tail")
    client = as_(lena)
    client.post(url("gold", project), {"retire": known.pk})
    assert Gold.objects.get().retired_at is not None
    assert "a tail" in text_of(client.get(url("gold", project) + "?retired=1"))

    client.post(url("gold", project), {"restore": known.pk})

    row = Gold.objects.get()
    assert (row.retired_at, row.categories, row.explanation) == (None, [category(project, "fox")], "a tail")


def test_an_image_s_own_page_makes_it_gold_and_retires_it(as_, lena, rev, project, known):
    page, form_to = url("image", project, known.pk), url("gold_image", project, known.pk)
    client = as_(lena)
    form = form_of(client, page, "explanation")
    assert form["categories"] == str(category(project, "cat"))  # prefilled by the two who agree

    client.post(form_to, {**form, "explanation": "whiskers"})
    assert (Gold.objects.get().explanation, Gold.objects.get().categories) == ("whiskers", [category(project, "cat")])
    assert "whiskers" in text_of(client.get(page))
    client.post(form_to, {"do": "retire"})
    assert Gold.objects.get().retired_at is not None

    assert said(client.post(form_to, {}, follow=True))[-1] == "Choose what this image is first."
    assert as_(rev).post(form_to, form).status_code == 403
    assert 'id="gold"' not in text_of(as_(rev).get(page))


def test_answers_to_gold_stand_apart_from_votes_and_leads_alone_see_them(as_, lena, rev, project, known):
    gold.add(project=project, by=lena, image_id=known.pk)
    fare(project, known, "dog")
    page = url("image", project, known.pk)
    assert "1 answer that is no vote" in text_of(as_(lena).get(page))
    seen = text_of(as_(rev).get(page))
    assert "no vote" not in seen and "p6" not in seen and "ann" in seen


def test_several_classes_are_ticked_and_none_is_an_answer(as_, lena, multi_project):
    (image,) = add_images(multi_project, 1)
    as_(lena).post(url("gold_image", multi_project, image.pk), {"explanation": "nothing there"})
    assert Gold.objects.get().categories == []


def test_the_page_costs_as_many_queries_for_many_as_for_few(as_, lena, ann, bea, project, known):
    gold.add(project=project, by=lena, image_id=known.pk)
    client = as_(lena)
    client.get(url("gold", project))
    with CaptureQueriesContext(connection) as few:
        client.get(url("gold", project))
    for image in add_images(project, 40):
        for person in (ann, bea):
            answer(project, person, image, "dog")
    for image in gold.offers(project)[:20]:
        gold.add(project=project, by=lena, image_id=image.pk)
    with CaptureQueriesContext(connection) as many:
        client.get(url("gold", project))
    assert len(many) <= len(few) + 2  # decisions of what is offered, and examples


# ---------------------------------------------------------------- who may know


def test_annotators_are_told_nothing_that_tells_gold_from_other_images(as_, lena, dora, project, known):
    gold.add(project=project, by=lena, image_id=known.pk)
    (other,) = add_images(project, 1)
    client = as_person(dora)

    claims = client.post(f"/api/projects/{project.pk}/claims/", {"count": 1}).json()["claims"]
    shapes = {claim["image"]["id"]: claim for claim in claims}
    assert set(shapes) == {known.pk, other.pk}
    differing = {
        name for name, value in shapes[known.pk].items() if name != "image" and value != shapes[other.pk][name]
    }
    assert differing <= {"expires_at"}
    assert set(shapes[known.pk]["image"]) == set(shapes[other.pk]["image"])

    before = {pk: client.get(f"/api/images/{pk}/").json() for pk in shapes}
    for name in ("status", "consensus", "prediction", "labels", "disagreement"):
        assert before[known.pk][name] == before[other.pk][name]
    answers = {pk: client.put(f"/api/images/{pk}/label/", {"categories": ["dog"]}).json() for pk in shapes}
    assert set(answers[known.pk]) == set(answers[other.pk])
    # Were it missing among one's own answers, that would tell.
    listed = text_of(as_(dora).get(url("mine", project)))
    assert all(f"/api/images/{pk}/thumb/" in listed for pk in shapes)


def test_feedback_comes_with_the_answer_and_asks_nothing_of_other_images(lena, ann, dora, project, known):
    gold.add(project=project, by=lena, image_id=known.pk, explanation="see the ears")
    Project.objects.update(gold_feedback=True)
    add_images(project, 2)
    client = as_person(dora)
    claims = client.post(f"/api/projects/{project.pk}/claims/", {"count": 2}).json()["claims"]
    plain = [claim["image"]["id"] for claim in claims if claim["image"]["id"] != known.pk]

    wrong_ = client.put(f"/api/images/{known.pk}/label/", {"categories": ["dog"]}).json()
    unsure = client.put(f"/api/images/{known.pk}/label/", {"answer": "cannot_tell"}).json()
    skipped = client.put(f"/api/images/{known.pk}/label/", {"answer": "skip"}).json()

    told = {"right": False, "categories": ["cat"], "explanation": "see the ears"}
    assert (wrong_["feedback"], unsure["feedback"], skipped.get("feedback")) == (told, told, None)
    with CaptureQueriesContext(connection) as queries:
        assert "feedback" not in client.put(f"/api/images/{plain[0]}/label/", {"categories": ["cat"]}).json()
    assert not [one for one in queries if "labeler_gold" in one["sql"]]
    # Who voted on it before it was gold is told nothing, and could else follow.
    voted = as_person(ann).put(f"/api/images/{known.pk}/label/", {"categories": ["dog"]}).json()
    assert "feedback" not in voted


# ---------------------------------------------------------------- REST


def test_gold_over_rest(lena, project, known):
    client, address = as_person(lena), f"/api/projects/{project.pk}/gold/"
    made = client.post(address, {"image": known.pk, "explanation": "see the ears"})
    assert (made.status_code, made.json()["categories"], made.json()["right"]["n"]) == (201, ["cat"], 0)
    corrected = client.post(address, {"image": known.pk, "categories": ["fox"]})
    assert (corrected.status_code, corrected.json()["categories"]) == (200, ["fox"])
    fare(project, known, "cat", "cat", "fox")

    (row,) = client.get(address).json()["results"]

    assert (row["image"], row["right"]["n"], row["doubtful"], row["added_by"]) == (known.pk, 3, True, "lena")
    assert client.delete(f"{address}{known.pk}/").status_code == 204
    assert client.get(address).json()["results"] == []
    assert client.get(address + "?retired=true").json()["results"][0]["image"] == known.pk
    assert error_of(client.delete(f"{address}{known.pk}/")) == "conflict"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"), ({"image": 0}, 400, "invalid"), ({"image": 10**12}, 404, "not_found"),
        ({"categories": ["wolf"]}, 400, "category_not_in_project"),
        ({"categories": ["cat", "dog"]}, 400, "answer_does_not_fit_task"), ({"categories": "cat"}, 400, "invalid"),
        ({"explanation": "x" * 501}, 400, "invalid"),
    ],
)  # fmt: skip
def test_gold_that_makes_no_sense_is_refused(body, status, code, lena, project, known):
    sent = body if "image" in body or not body else {"image": known.pk, **body}
    response = as_person(lena).post(f"/api/projects/{project.pk}/gold/", sent)
    assert (response.status_code, error_of(response)) == (status, code)
    assert not Gold.objects.exists()
