"""What the agreement page says beside agreement: each figure from labels whose truth is known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from labeler.agreement import over_time, trust
from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Label, Plant, Project
from labeler.projects import classes
from labeler.review import gold
from labeler.stats.results import NO_SHARED_IMAGES, Stat, undefined
from labeler.wording.sentences import sentence
from tests.helpers.factories import add_images, bring_labels, category, make_model, predict

NAMES = ("cat", "dog", "fox")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def said(project, lena):
    """`said([(image, person, class, minutes)])`: judgements made elsewhere, minutes after a Monday morning."""

    def said(rows):
        found = [
            Judgement(n, image.name, person, [name], "labeled", MONDAY + timedelta(minutes=minutes), 2.0)
            for n, (image, person, name, minutes) in enumerate(rows)
        ]
        outcome = bring_labels(project, lena, found)
        assert not outcome.refused, outcome.refused
        return outcome

    return said


def many(project, said, n=120, right=0.9, weeks=2, seed=0):
    """n images by two people who are right with this chance."""
    rng = np.random.default_rng(seed)
    images = add_images(project, n)
    rows = []
    for at, image in enumerate(images):
        z = int(rng.integers(0, 3))
        for person in ("zoe", "yan"):
            name = NAMES[z if rng.random() < right else int(rng.integers(0, 3))]
            rows.append((image, person, name, at + (at * weeks // n) * 7 * 24 * 60))
    said(rows)
    return images


def by_name(report):
    return {row["username"]: row for row in report["people"]}


def test_blind_agreement_its_plan_and_its_weeks(project, said):
    many(project, said)
    report = trust.figures(project)

    assert 0.6 < report["blind"]["value"] < 0.95 and report["blind"]["n"] == 120
    assert report["assisted"]["value"] is None and report["assisted_minus_blind"]["value"] is None
    more = report["plan"]["more"]
    assert more > 0 and f"{more:,} more random images" in sentence(report["plan"]["sentence"])
    assert [row["week"] for row in report["by_week"]] == ["2026-03-02", "2026-03-09"]
    assert sum(row["alpha"]["n"] for row in report["by_week"]) == 120
    assert 0 < report["ac1"]["low"] < report["ac1"]["value"]


def test_of_a_long_project_the_last_year_is_told_by_week(project, said, monkeypatch):
    monkeypatch.setattr(over_time, "WEEKS", 3)
    many(project, said, n=50, weeks=5)
    assert [row["week"] for row in trust.figures(project)["by_week"]] == ["2026-03-16", "2026-03-23", "2026-03-30"]


def test_agreement_before_and_after_a_guideline(project, said):
    many(project, said, n=60, right=0.6)
    Project.objects.filter(pk=project.pk).update(guideline_version=2)
    project.refresh_from_db()
    many(project, said, n=60, right=0.97, seed=1)
    first, second = trust.figures(project)["by_guideline"]
    assert (first["version"], second["version"], first["change"]) == (1, 2, None)
    assert second["change"]["value"] == pytest.approx(second["alpha"]["value"] - first["alpha"]["value"])
    assert second["change"]["low"] > 0  # it is better, and not by chance


def test_difference_of_two_figures_adds_their_errors_as_errors_add():
    a, b = Stat(0.8, 0.7, 0.86, 100), Stat(0.6, 0.5, 0.68, 90)
    found = over_time.difference(a, b)
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - np.hypot(0.1, 0.08)) and found.high == pytest.approx(
        0.2 + np.hypot(0.06, 0.1)
    )
    assert over_time.difference(a, undefined(NO_SHARED_IMAGES)).value is None


def test_anchoring_compares_what_was_seen_with_what_was_not(project, ann, bea):
    seen, unseen = add_images(project, 4), add_images(project, 4, slice="blind")
    model = make_model(project)
    for image in [*seen, *unseen]:
        predict(model, image, "cat")
    claims.claim(project=project, annotator=ann, count=8)
    for n, image in enumerate([*seen, *unseen]):
        save_label(image_id=image.pk, annotator=ann, categories=["cat" if n < 4 or n % 2 else "dog"])
    found = trust.figures(project)["anchoring"]
    assert (found["shown"]["value"], found["hidden"]["value"]) == (1.0, 0.5)
    assert found["copied"]["value"] == pytest.approx(1.0)
    assert found["sample"] == "all" and "may be larger" in sentence(found["note"])


def test_gold_repeats_and_planted_answers_of_each_person(project, said, ann, bea, lena):
    images = add_images(project, 3)
    claims.claim(project=project, annotator=ann, count=3)
    for image in images:
        save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    gold.add(project=project, by=lena, image_id=images[0].pk, categories=["cat"])
    now = datetime.now(UTC)
    for image, purpose, name in (
        (images[1], "repeat", "dog"),
        (images[2], "repeat", "cat"),
        (images[0], "gold", "cat"),
    ):
        Label.objects.create(
            project=project, image=image, annotator=ann, round=1, purpose=purpose, answer="labeled",
            categories=[category(project, name)], guideline_version=1, label_set_version=1, created_at=now,
        )  # fmt: skip
    Plant.objects.create(
        project=project, image=images[0], reviewer=ann, suggested=1, known=[2], probability=0.9, caught=True,
        shown_at=now,
    )  # fmt: skip
    row = by_name(trust.figures(project))["ann"]
    assert (row["n"], row["gold"]["value"], row["gold"]["n"]) == (3, 1.0, 1)
    assert (row["repeats"]["value"], row["repeats"]["n"]) == (0.5, 2)
    assert (row["planted"]["value"], row["planted"]["n"]) == (1.0, 1)


def test_a_held_key_is_a_sign_and_the_other_person_has_none(project, said):
    rng = np.random.default_rng(2)
    images = add_images(project, 150)
    truth = rng.integers(0, 3, 150)
    rows = [(image, "zoe", NAMES[int(z)], n) for n, (image, z) in enumerate(zip(images, truth, strict=True))]
    rows += [
        (image, "yan", NAMES[0] if 40 <= n < 90 else NAMES[int(z)], n)
        for n, (image, z) in enumerate(zip(images, truth, strict=True))
    ]
    said(rows)
    people = by_name(trust.figures(project))
    assert [sign["rule"] for sign in people["yan"]["signs"]] == ["run"] and people["zoe"]["signs"] == []
    assert people["yan"]["signs"][0]["evidence"]["length"] >= 50


def test_long_sittings_are_told_apart_from_short_ones(project, said):
    images = add_images(project, 50)
    rows = [(image, "zoe", "cat", n * 3) for n, image in enumerate(images)]
    rows += [(image, "yan", "cat" if n * 3 < 60 else "dog", n * 3) for n, image in enumerate(images)]
    said(rows)
    parts = {row["from"]: row for row in by_name(trust.figures(project))["zoe"]["by_sitting"]}
    assert set(parts) == {0, 15, 30, 60, 120}
    assert parts[0]["agrees"]["value"] == 1.0 and parts[60]["agrees"]["value"] == 0.0
    assert sum(row["n"] for row in parts.values()) == 50


def test_ordered_classes_have_figures_that_know_the_order(project, said):
    Project.objects.filter(pk=project.pk).update(ordered="linear")
    project.refresh_from_db()
    many(project, said, n=60)
    ordered = trust.figures(project)["ordered"]
    assert ordered["weights"] == "linear" and len(ordered["pairs"]) == 1
    assert 0 < ordered["alpha_ordinal"]["value"] < 1 and 0 < ordered["pairs"][0]["kappa"]["value"] < 1


def test_of_people_somebody_sees_only_their_own_row(project, said):
    many(project, said, n=10)
    report = trust.figures(project)
    assert [row["username"] for row in trust.of_person(report, "zoe")["people"]] == ["zoe"]
    assert trust.of_person(report, "nobody")["people"] == []


def test_an_empty_project_and_one_with_several_classes(project, multi_project, ann, bea):
    empty = trust.figures(project)
    assert empty["blind"]["value"] is None and empty["people"] == [] and empty["by_week"] == []
    images = add_images(multi_project, 6)
    for person in (ann, bea):
        claims.claim(project=multi_project, annotator=person, count=6)
        for n, image in enumerate(images):
            save_label(image_id=image.pk, annotator=person, categories=["sky", "sea"] if n % 2 else [])
    report = trust.figures(multi_project)
    assert report["blind"]["value"] == 1.0 and report["ordered"] is None


def test_a_person_is_named_as_the_reason_and_to_the_others_only_that_somebody_is(project, said):
    rng = np.random.default_rng(4)
    rows = []
    for at, image in enumerate(add_images(project, 120)):
        z = int(rng.integers(0, 3))
        for person, right in (("yan", 0.97), ("zoe", 0.97), ("xia", 0.97), ("vic", 0.5)):
            rows.append((image, person, NAMES[z if rng.random() < right else int(rng.integers(0, 3))], at))
    said(rows)
    report = trust.figures(project)

    why = report["why"]
    assert (why["kind"], why["person"], why["pairs"], why["low"], why["people"]) == ("person", "vic", 6, 3, 4)
    assert why["own"] < project.target_agreement < why["others"]
    people = by_name(report)
    assert people["vic"]["kappa"]["high"] < people["zoe"]["kappa"]["low"] and people["vic"]["n_blind"] == 120
    hidden = trust.of_person(report, "zoe")["why"]
    assert (hidden["kind"], hidden["person"]) == ("several", None) and "vic" not in str(hidden)


def test_confusion_with_the_others_counts_the_present_round(project, said):
    images = add_images(project, 5)
    rows = [(image, person, "cat", n) for n, image in enumerate(images) for person in ("yan", "xia")]
    rows += [(image, "zoe", "dog" if n < 2 else "cat", n) for n, image in enumerate(images)]
    said(rows)
    cat, dog = category(project, "cat"), category(project, "dog")
    people = by_name(trust.figures(project))
    assert people["zoe"]["confusion"] == [
        {"others": cat, "said": cat, "n": 3},
        {"others": cat, "said": dog, "n": 2},
    ]
    # Of the two others one says dog on two images: a tie, which names nothing.
    assert people["yan"]["confusion"] == [{"others": cat, "said": cat, "n": 3}]


def test_a_class_that_dominates_is_told_with_figures_that_do_not_mind(project, said):
    rows = []
    for n, image in enumerate(add_images(project, 60)):
        rows += [(image, "yan", "dog" if n < 3 else "cat", n), (image, "zoe", "dog" if 2 <= n < 5 else "cat", n)]
    said(rows)
    found = trust.figures(project)["paradox"]
    # 120 labels, 6 of them dog; 56 of 60 images alike; both say dog three times: no bias. Three classes: chance 1/3.
    assert (found["category"], found["prevalence"], found["bias"]) == ("cat", 114 / 120, 0.0)
    assert found["observed"]["value"] == pytest.approx(56 / 60)
    assert found["pabak"] == pytest.approx((56 / 60 - 1 / 3) / (2 / 3))
    assert found["alpha"] < 0.4 < 0.8 < found["ac1"]


@pytest.mark.parametrize("task", ["single", "multi"])
def test_a_merged_class_counts_as_what_it_became_in_every_figure(request, lena, ann, bea, task):
    project = request.getfixturevalue("project" if task == "single" else "multi_project")
    one, other = list(project.categories.in_use())[1:3]
    (image,) = add_images(project, 1)
    claims.claim(project=project, annotator=ann, count=1)
    claims.claim(project=project, annotator=bea, count=1)
    save_label(image_id=image.pk, annotator=ann, categories=[one.pk])
    save_label(image_id=image.pk, annotator=bea, categories=[other.pk])
    Label.objects.create(
        project=project, image=image, annotator=ann, purpose="repeat", answer="labeled", categories=[other.pk],
        kind="classification", round=1, created_at=timezone.now(), guideline_version=1,
        label_set_version=1, chosen_by="repeat",
    )  # fmt: skip
    before = by_name(trust.figures(project))
    assert before["ann"]["by_week"][0]["agrees"]["value"] == 0.0
    assert before["ann"]["repeats"]["value"] == 0.0

    classes.change_category(category=one, by=lena, changes={"merged_into": other.pk})
    project.refresh_from_db()
    after = by_name(trust.figures(project))

    assert after["ann"]["by_week"][0]["agrees"]["value"] == 1.0
    assert after["ann"]["repeats"]["value"] == 1.0


def test_the_model_is_one_more_rater_where_neither_could_follow_the_other(project, said, ann, bea):
    many(project, said, n=40)
    run = make_model(project)
    for image in project.images.all()[:30]:
        predict(run, image, "cat")
    # Given before the model was trained: it may have learned from them.
    assert trust.figures(project)["model"] == {"number": run.number, "pairs": []}

    project.images.update(slice="test")  # never learned from

    model = trust.figures(project)["model"]
    assert {row["username"] for row in model["pairs"]} == {"yan", "zoe"}
    assert all(row["n"] for row in model["pairs"])
    own = trust.of_person(trust.figures(project), "zoe")
    assert [row["username"] for row in own["model"]["pairs"]] == ["zoe"]
