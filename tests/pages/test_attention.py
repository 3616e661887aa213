"""What needs somebody: each rule on both sides of its thresholds, and the way each card leads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.pages.overview import attention as rules
from labeler.pages.overview import people_attention
from labeler.pages.overview.attention import needs, unclear_pair, verdict
from labeler.pages.overview.card import Situation
from labeler.pages.overview.people_attention import agreeing_less, drifting
from labeler.stats.results import FEW_IMAGES
from tests.helpers.situations import TARGET, figures, person, situation, stat, told


def images(**counts):
    progress = figures()["progress"]
    return progress | {"images": progress["images"] | counts}


def test_a_calm_project_needs_nobody():
    assert needs(situation()) == []


# ---- disagreements


def test_disagreements_say_how_long_the_oldest_has_waited():
    since = (timezone.now() - timedelta(days=3, hours=2)).isoformat()
    cards = told(situation(figures(progress=images(disputed=86), oldest_dispute=since)))

    card = cards["disagreements to settle."]
    assert (card.figure, card.text) == ("86", "The oldest has waited 3 days.")
    assert card.href == "/projects/1/adjudicate/"


def test_a_disagreement_of_today_has_not_waited():
    since = (timezone.now() - timedelta(hours=5)).isoformat()
    [card] = needs(situation(figures(progress=images(disputed=1), oldest_dispute=since)))

    assert card.strong == "disagreement to settle."
    assert "within a day" in card.text


# ---- classes


def pair(**changes):
    without = [{"username": name, "kappa": 0.4, "n": 80} for name in ("ann", "bea", "dora")]
    base = {"a": "Rust", "b": "Leaf spot", "ids": [3, 4], "images": 35, "kappa": 0.41, "n": 200, "people": 3}
    return base | {"without": without} | changes


@pytest.mark.parametrize(
    ("changes", "is_unclear"),
    [
        ({"images": rules.SPLIT_IMAGES}, True),
        ({"images": rules.SPLIT_IMAGES - 1}, False),
        ({"kappa": TARGET - 0.01}, True),
        ({"kappa": TARGET}, False),
        ({"kappa": None}, True),  # several classes per image
    ],
)
def test_two_classes_are_unclear_when_enough_images_split_and_kappa_is_below_the_target(changes, is_unclear):
    found = figures(class_pairs=[pair(**changes)])

    assert (unclear_pair(found, TARGET) is not None) is is_unclear


def test_the_pair_that_most_images_split_on_is_named_with_its_images():
    found = figures(class_pairs=[pair(kappa=0.9), pair(a="Blight", b="Mildew", ids=[5, 6], images=19, kappa=0.5)])
    card = told(situation(found))["between Blight and Mildew."]

    assert (card.figure, card.link) == ("κ 0.50", "See the 19 images")
    assert card.href == "/projects/1/images/?pair=5,6"


def without(*kappas, n=80):
    return [{"username": name, "kappa": k, "n": n} for name, k in zip(("ann", "bea", "dora"), kappas, strict=False)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"without": without(0.4, 0.5, TARGET - 0.01)}, "All 3 people split on it: the guideline is unclear."),
        ({"without": without(0.4, 0.5, TARGET)}, "One person: dora. Among the others κ is 0.70 (80 comparisons)."),
        ({"without": without(0.8, 0.5, 0.9)}, "Several people draw the line in different places"),
        ({"without": without(0.4, 0.5, 0.9, n=rules.BETWEEN_ENOUGH - 1)}, "Too few answers to say"),
        ({"without": without(0.4, 0.5, 0.9, n=rules.BETWEEN_ENOUGH)}, "One person: dora"),
        ({"people": 2, "without": without(None, None)}, "Of two people, nobody can say who is right"),
    ],
)
def test_whether_the_guideline_or_one_person_is_unclear_is_told_with_its_evidence(changes, words):
    assert verdict(pair(**changes), TARGET).startswith(words)


# ---- people


def drift_of(*people):
    found = drifting(people)
    return found and found["username"]


STEADY = (person("ann"), person("bea"))


@pytest.mark.parametrize(
    ("row", "drifts"),
    [
        ({"earlier": 0.75, "now": 0.75 - people_attention.DRIFT - 0.001}, True),
        ({"earlier": 0.75, "now": 0.75 - people_attention.DRIFT + 0.001}, False),
        ({"earlier": 0.75, "now": 0.60, "n_each": people_attention.DRIFT_IMAGES}, True),
        ({"earlier": 0.75, "now": 0.60, "n_each": people_attention.DRIFT_IMAGES - 1}, False),
        # 0.15 less, of three people: z of 1 - .025 / 3 is 2.394, and 2.394 * sqrt(2) * error is 0.149 and 0.152
        ({"earlier": 0.75, "now": 0.60, "error": 0.044}, True),
        ({"earlier": 0.75, "now": 0.60, "error": 0.045}, False),
        ({"earlier": 0.60, "now": 0.75}, False),  # getting better is no drift
        ({"earlier": None, "now": 0.3}, False),
    ],
)
def test_a_person_drifts_beyond_the_thresholds_and_not_before(row, drifts):
    assert drift_of(*STEADY, person("dora", **row)) == ("dora" if drifts else None)


@pytest.mark.parametrize(("others_now", "drifts"), [(0.66, False), (0.72, True)])
def test_who_falls_as_the_others_do_does_not_drift(others_now, drifts):
    # dora falls by .15; the others by .14 (the images got harder) or by .08
    others = [person(name, now=others_now) for name in ("ann", "bea")]

    assert drift_of(*others, person("dora", earlier=0.80, now=0.65)) == ("dora" if drifts else None)


def test_the_more_people_there_are_the_more_evidence_it_takes():
    few = [person(name) for name in ("ann", "bea")]
    many = [person(f"person {n}") for n in range(40)]
    dora = person("dora", earlier=0.75, now=0.60, error=0.044)

    assert drift_of(*few, dora) == "dora"
    assert drift_of(*many, dora) is None


def test_of_two_people_nobody_drifts():
    """Both fall together: neither can be told from the other."""
    assert drift_of(person("ann"), person("bea", now=0.4)) is None


def test_a_drift_is_named_with_its_figures_and_the_answers():
    people = [*STEADY, person("dora", earlier=0.73, now=0.58, seconds=1.1)]
    card = told(situation(figures(people=people)))["drifts from the others."]

    assert card.figure == "dora"
    assert "κ 0.73 → 0.58" in card.text
    assert "1.1\N{NO-BREAK SPACE}s an image where the others take 2.0\N{NO-BREAK SPACE}s" in card.text
    assert card.href == "/projects/1/images/?by=dora"


def test_speed_is_named_only_when_it_is_unusual():
    people = [*STEADY, person("dora", earlier=0.73, now=0.58, seconds=2.0 * people_attention.FAST + 0.01)]

    assert "an image" not in told(situation(figures(people=people)))["drifts from the others."].text


def test_only_leads_are_told_of_a_person():
    people = [*STEADY, person("dora", earlier=0.73, now=0.4, kappa=0.4)]

    assert needs(situation(figures(people=people), may_lead=False)) == []


@pytest.mark.parametrize(
    ("row", "less"),
    [
        ({"kappa": 0.69, "n": people_attention.LESS_IMAGES}, True),
        ({"kappa": 0.69, "n": people_attention.LESS_IMAGES - 1}, False),
        ({"kappa": TARGET}, False),
        ({"kappa": None}, False),
        ({"kappa": 0.6, "high": 0.8 - people_attention.LESS / 2}, True),
        ({"kappa": 0.6, "high": 0.8 - people_attention.LESS / 2 + 0.01}, False),
    ],
)
def test_a_person_agrees_less_below_the_target_and_clearly_below_the_others(row, less):
    assert (agreeing_less([*STEADY, person("dora", **row)], TARGET) is not None) is less


def test_everybody_low_is_no_single_person():
    people = [
        person(name, kappa=k) for name, k in (("ann", 0.5), ("bea", 0.5), ("dora", 0.5 - people_attention.LESS + 0.01))
    ]

    assert agreeing_less(people, TARGET) is None


# ---- the model, the review grid, the end


def review(**changes):
    base = {"run": 7, "confidence": 0.9, "ready": 1390, "right": stat(0.97, 120)}
    return figures(review=base | changes)


@pytest.mark.parametrize(
    ("changes", "words", "tone"),
    [
        ({}, "Model 7 is right 97\N{NO-BREAK SPACE}% of the time above 0.90.", "good"),
        ({"right": stat(rules.SAFE - 0.01, 120)}, "Model 7 is right 89\N{NO-BREAK SPACE}% of the time", "attn"),
        ({"right": stat(1.0, FEW_IMAGES - 1)}, "How often model 7 is right above 0.90 cannot be told", "good"),
    ],
)
def test_images_ready_for_review_say_how_right_the_model_is_there(changes, words, tone, monkeypatch):
    monkeypatch.setattr(Situation, "to", lambda self, name: f"/{name}/")
    card = told(situation(review(**changes), model=7))["images ready for one-key review."]

    assert card.figure == "1,390" and card.href == "/review/"
    assert card.text.startswith(words)
    assert card.tone == tone


def test_less_than_a_page_is_not_worth_a_review(monkeypatch):
    monkeypatch.setattr(Situation, "to", lambda self, name: f"/{name}/")

    assert "images ready for one-key review." in told(situation(review(ready=rules.REVIEW_IMAGES)))
    assert "images ready for one-key review." not in told(situation(review(ready=rules.REVIEW_IMAGES - 1)))


def test_doubted_labels_want_a_look_where_there_are_enough(monkeypatch):
    monkeypatch.setattr(Situation, "to", lambda self, name: f"/{name}/")

    card = told(situation(figures(doubts=rules.DOUBTS), model=7))["labels may be wrong."]
    assert (card.figure, card.href) == ("5", "/adjudicate/?doubted=1")
    assert "labels may be wrong." not in told(situation(figures(doubts=rules.DOUBTS - 1), model=7))


def test_questions_of_the_team_come_with_those_who_wait(monkeypatch):
    monkeypatch.setattr(Situation, "to", lambda self, name: f"/{name}/")
    found = figures(progress=images(disputed=2), review=review()["review"])
    cards = needs(situation(found, questions=3, model=7))

    assert [card.href for card in cards[:3]] == ["/adjudicate/", "/threads/", "/review/"]
    assert "questions from the team." in told(situation(questions=3, may_lead=False))


def test_the_first_steps():
    empty = images(total=0, unlabeled=0, settled=0)
    cards = told(situation(figures(progress=empty), people=1))

    assert cards["images so far."].href == "/projects/1/import/"
    assert cards["person here."].href == "/projects/1/members/"
    assert told(situation(figures(too_few="")))["to train the first model."].href == "/projects/1/model/"
    assert needs(situation(figures(too_few=""), is_training=True)) == []
    assert needs(situation(figures(progress=empty), people=1, may_lead=False)) == []


@pytest.mark.parametrize(("settled", "is_done"), [(50, True), (49, False)])
def test_a_data_set_is_complete_when_as_many_are_final_as_were_wanted(settled, is_done):
    progress = images() | {"wanted": {"images": 50, "settled": settled}}
    cards = told(situation(figures(progress=progress)))

    assert ("final, of 50 wanted." in cards) is is_done


def test_all_seats_filled_is_the_end_where_no_number_is_wanted():
    progress = images(unlabeled=0, settled=100) | {"labels": {"total": 200, "wanted": 200, "left": 0}}

    assert told(situation(figures(progress=progress)))["seats are filled."].href == "/projects/1/export/"


def test_never_more_cards_than_can_be_read(monkeypatch):
    monkeypatch.setattr(Situation, "to", lambda self, name: f"/{name}/")
    found = figures(
        progress=images(disputed=5), class_pairs=[pair()], people=[*STEADY, person("dora", now=0.4)],
        review=review()["review"], too_few="",
    )  # fmt: skip
    cards = needs(situation(found, questions=2, people=1, model=7))

    assert len(cards) == rules.MOST_CARDS
