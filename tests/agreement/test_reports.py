"""Agreement, disagreements and progress: which labels count, and that the report follows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import call_command
from sklearn.metrics import cohen_kappa_score

from labeler.agreement import reports
from labeler.errors import Invalid
from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claims, label_arrays
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label, undo
from labeler.models import Category, Label
from labeler.progress import counts
from labeler.projects import classes, projects
from labeler.review import adjudication
from labeler.wording.sentences import in_words
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import BLIND, add_images, bring_labels, make_model, predict

pytestmark = pytest.mark.django_db


def answer(person, image, *names, **more):
    claims.claim(project=image.project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


@pytest.fixture
def twelve(project, ann, bea):
    """Twelve images; ann and bea agree on nine of them."""
    images = add_images(project, 12)
    anns = ["cat"] * 5 + ["dog"] * 5 + ["fox"] * 2
    beas = ["cat"] * 4 + ["dog"] * 5 + ["cat"] + ["fox"] + ["cat"]
    for image, one, other in zip(images, anns, beas, strict=True):
        answer(ann, image, one, seconds=2.0)
        answer(bea, image, other, seconds=4.0)
    return images, anns, beas


def test_kappa_of_a_pair_is_that_of_scikit_learn(project, twelve):
    _, anns, beas = twelve

    report = reports.agreement(project)

    [pair] = report["pairs"]
    assert (pair["a"], pair["b"], pair["n"]) == ("ann", "bea", 12)
    assert pair["kappa"]["value"] == pytest.approx(cohen_kappa_score(anns, beas))
    assert pair["observed"] == pytest.approx(9 / 12)
    assert (report["n_images"], report["n_labels"], report["n_shared_images"]) == (12, 24, 12)
    assert report["observed"]["value"] == pytest.approx(9 / 12)
    assert [c["name"] for c in report["categories"]] == ["cat", "dog", "fox"]
    assert {(c["a"], c["b"], c["count"]) for c in report["confusion"]} == {
        ("cat", "dog", 2), ("cat", "fox", 1),
    }  # fmt: skip
    people = {person["username"]: person for person in report["annotators"]}
    assert (people["ann"]["n"], people["ann"]["seconds_median"], people["bea"]["seconds_median"]) == (12, 2.0, 4.0)
    assert people["ann"]["gold_accuracy"] is None


def test_the_report_is_json_without_nan(project, twelve):
    json.dumps(reports.agreement(project), allow_nan=False)


def test_a_project_without_labels_has_reasons_in_place_of_figures(project):
    report = reports.agreement(project)

    assert (report["n_images"], report["alpha"]["value"], report["pairs"]) == (0, None, [])
    assert report["alpha"]["reason"]


def test_skips_cannot_tells_and_what_was_taken_back_are_missing_values(project, ann, bea):
    images = add_images(project, 4)
    for image in images:
        answer(ann, image, "cat")
    answer(bea, images[0], "cat")
    answer(bea, images[1], answer="skip")
    answer(bea, images[2], answer="cannot_tell")
    answer(bea, images[3], "dog")
    undo(image_id=images[3].pk, annotator=bea)

    report = reports.agreement(project)

    assert (report["n_labels"], report["n_shared_images"]) == (5, 1)


def test_a_changed_answer_counts_once_and_at_once(project, twelve, bea):
    images, _, _ = twelve
    before = reports.agreement(project)["observed"]["value"]

    save_label(image_id=images[4].pk, annotator=bea, categories=["cat"])

    after = reports.agreement(project)
    assert after["n_labels"] == 24
    assert after["observed"]["value"] == pytest.approx(before + 1 / 12)


def test_blind_assisted_and_all(project, ann, bea):
    model = make_model(project)
    helped, blind = add_images(project, 1)[0], add_images(project, 1, slice=BLIND)[0]
    predict(model, helped, "dog")
    for person in (ann, bea):
        answer(person, helped, "dog")
        answer(person, blind, "cat")

    def images(labels):
        return label_arrays.read_labels(project, Selection(labels=labels, sample="all")).image.tolist()

    assert images("blind") == [blind.pk] * 2
    assert images("assisted") == [helped.pk] * 2
    assert images("all") == sorted([helped.pk, blind.pk] * 2)


def test_only_images_chosen_at_random_speak_for_the_project(project, ann):
    random, chosen = add_images(project, 2)
    chosen.entry.chosen_by = "uncertainty"
    chosen.entry.save()
    for image in (random, chosen):
        answer(ann, image, "cat")

    assert label_arrays.read_labels(project, Selection()).image.tolist() == [random.pk]
    assert Selection.with_default_sample("all").sample == "all"
    assert Selection.with_default_sample("blind").sample == Selection.with_default_sample("assisted").sample == "random"


def test_since_and_guideline_select_labels(project, ann, lena):
    first, second = add_images(project, 2)
    answer(ann, first, "cat")
    between = Label.objects.get().created_at + timedelta(microseconds=1)
    projects.update(project=project, by=lena, changes={"guideline": "Look twice."})
    # Both labels carry this transaction's time; the second one's version of the guideline tells them apart.
    answer(ann, second, "dog")

    assert label_arrays.read_labels(project, Selection(guideline=2)).image.tolist() == [second.pk]
    assert label_arrays.read_labels(project, Selection(since=between)).image.tolist() == []
    assert len(label_arrays.read_labels(project, Selection(since=between - timedelta(seconds=1))).image) == 2


def test_one_class_against_all_others(project, twelve):
    _, anns, beas = twelve
    cat = project.categories.get(name="cat").pk

    report = reports.agreement(project, Selection(category=cat))

    expected = cohen_kappa_score([name == "cat" for name in anns], [name == "cat" for name in beas])
    assert report["pairs"][0]["kappa"]["value"] == pytest.approx(expected)
    assert [c["name"] for c in report["categories"]] == ["cat", "any other"]
    with pytest.raises(Invalid):
        reports.agreement(project, Selection(category=10**9))


def test_a_merged_class_counts_as_what_it_became(project, twelve, lena):
    dog, fox = Category.objects.get(name="dog"), Category.objects.get(name="fox")
    classes.change_category(category=dog, by=lena, changes={"merged_into": fox.pk})
    project.refresh_from_db()

    report = reports.agreement(project)

    assert [c["name"] for c in report["categories"]] == ["cat", "fox"]
    assert report["confusion"] == [{"a": "cat", "b": "fox", "count": 3}]


def test_a_retired_class_stays_in_the_report_while_labels_name_it(project, twelve, lena):
    fox = Category.objects.get(name="fox")
    classes.change_category(category=fox, by=lena, changes={"retired": True})
    project.refresh_from_db()

    assert [c["name"] for c in reports.agreement(project)["categories"]] == ["cat", "dog", "fox"]


def test_sets_of_classes(multi_project, ann, bea):
    images = add_images(multi_project, 3)
    for image, one, other in zip(images, (["sky", "sea"], [], ["sand"]), (["sky"], [], ["sand"]), strict=True):
        answer(ann, image, *one)
        answer(bea, image, *other)

    rows = label_arrays.read_labels(multi_project)
    report = reports.agreement(multi_project)

    assert rows.answers.tolist() == [
        [True, True, False], [True, False, False], [False] * 3, [False] * 3, [False, False, True], [False, False, True],
    ]  # fmt: skip
    assert report["n_labels"] == 6
    assert report["alpha"]["value"] is not None
    one_class = reports.agreement(multi_project, Selection(category=multi_project.categories.get(name="sea").pk))
    assert one_class["observed"]["value"] == pytest.approx(2 / 3)


def test_arrays_are_ordered_and_complete(project, twelve):
    rows = label_arrays.read_labels(project)

    assert (np.diff(rows.image) >= 0).all()
    assert rows.annotators == sorted(rows.annotators) and len(rows.annotators) == 2
    assert rows.answers.min() == 0 and rows.answers.max() == 2
    assert not np.isnan(rows.seconds).any()


def test_a_label_without_a_time_has_no_median(project, ann, bea):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")

    [person] = reports.agreement(project)["annotators"]
    assert person["seconds_median"] is None


# ---------------------------------------------------------------- over REST


def test_the_endpoint_takes_the_parameters_of_the_contract(project, twelve, rev):
    client = as_person(rev)
    url = f"/api/projects/{project.pk}/agreement/"

    report = client.get(url).json()
    assert (report["labels"], report["sample"]) == ("blind", "random")
    assert set(report["alpha"]) == {"value", "low", "high", "n", "reason"}
    assert client.get(f"{url}?labels=all").json()["sample"] == "all"
    assert client.get(f"{url}?labels=assisted").json()["n_labels"] == 0
    assert client.get(f"{url}?since=2000-01-01&guideline=1&category=cat").json()["n_labels"] == 24
    assert client.get(f"{url}?since=2999-01-01T00:00:00Z").json()["n_labels"] == 0


@pytest.mark.parametrize(
    "query", ["labels=some", "sample=half", "since=yesterday", "since=0001-01-01T00:00:00%2B14:00", "guideline=-1",
              "guideline=9999999999", "category=wolf", "category=%00", "guideline=1_0"]
)  # fmt: skip
def test_the_endpoint_refuses_what_it_cannot_read(project, rev, query):
    response = as_person(rev).get(f"/api/projects/{project.pk}/agreement/?{query}")

    assert response.status_code == 400
    error_of(response)


def test_disagreements_come_most_disputed_first_with_their_votes(project, ann, bea, dora, rev):
    trio = add_images(project, 3, labels_needed=3)
    for image, names in zip(trio, (("cat", "cat", "cat"), ("cat", "cat", "dog"), ("cat", "dog", "fox")), strict=True):
        for person, name in zip((ann, bea, dora), names, strict=True):
            answer(person, image, name)

    rows = as_person(rev).get(f"/api/projects/{project.pk}/disagreements/").json()["results"]

    assert [row["image"]["id"] for row in rows] == [trio[2].pk, trio[1].pk]
    assert [(vote["annotator"], vote["categories"]) for vote in rows[1]["votes"]] == [
        ("ann", ["cat"]), ("bea", ["cat"]), ("dora", ["dog"]),
    ]  # fmt: skip
    adjudication.decide(image_id=trio[2].pk, reviewer=rev, categories=["fox"])
    left = as_person(rev).get(f"/api/projects/{project.pk}/disagreements/?open=true").json()["results"]
    assert [row["image"]["id"] for row in left] == [trio[1].pk]


def test_two_who_cannot_tell_are_a_disagreement_too(project, ann, bea, rev):
    [image] = add_images(project, 1)
    answer(ann, image, answer="cannot_tell")
    answer(bea, image, answer="cannot_tell")

    rows = as_person(rev).get(f"/api/projects/{project.pk}/disagreements/").json()["results"]

    assert [row["image"]["id"] for row in rows] == [image.pk]
    assert [vote["answer"] for vote in rows[0]["votes"]] == ["cannot_tell"] * 2


def test_progress_counts_images_labels_and_people(project, twelve, rev, ann):
    add_images(project, 3)
    url = f"/api/projects/{project.pk}/progress/"

    report = as_person(rev).get(url).json()

    assert report["images"] == {"total": 15, "unlabeled": 3, "partly labeled": 0, "disputed": 3, "settled": 9}
    assert report["labels"] == {"total": 24, "wanted": 30, "left": 6}
    assert report["by_day"] == [{"day": datetime.now(UTC).date().isoformat(), "labels": 24, "imported": 0}]
    assert report["by_annotator"] == [{"username": "ann", "labels": 12}, {"username": "bea", "labels": 12}]
    assert report["forecast"]["days"] is None and report["forecast"]["reason"]
    assert as_person(ann).get(url).json()["by_annotator"] == [{"username": "ann", "labels": 12}]


def test_imported_labels_say_nothing_of_the_pace(project, twelve, lena):
    images = add_images(project, 9)
    three_days_ago = datetime.now(UTC) - timedelta(days=3)
    names = [image.name for image in images]
    rows = [Judgement(at, name, "zoe", ["cat"], "labeled", three_days_ago, None) for at, name in enumerate(names, 2)]
    bring_labels(project, lena, rows)

    report = counts.count_progress(project)

    assert [(day["labels"], day["imported"]) for day in report["by_day"]] == [(9, 9), (24, 0)]
    # People began today, and today is not over: nobody knows their pace yet.
    assert report["pace"] == {"labels_per_day": None, "days": 0} and report["forecast"]["days"] is None


def test_the_agreement_command_prints_what_the_report_says(project, twelve, capsys):
    call_command("agreement", "--project", "Animals")
    text = capsys.readouterr().out
    assert "24 blind labels on 12 images" in text and "ann and bea" in text

    call_command("agreement", "--project", "Animals", "--json")
    assert json.loads(capsys.readouterr().out) == in_words(reports.agreement(project))
