"""Consensus by reliability: stored for exactly the votes it was made from, below every decision. Adaptive overlap."""

import numpy as np
import pytest
from django.utils import timezone

from labeler.agreement import reports, rounds
from labeler.consensus import overlap, reliability, snapshots
from labeler.labeling import seats as image_seats
from labeler.labeling.label_arrays import Selection
from labeler.models import Claim, Consensus, Image, Label, Project, QueueEntry
from labeler.releases import contents
from labeler.review import adjudication, gold
from tests.helpers.factories import add_images, category, make_model, make_project, make_user
from tests.helpers.votes import say


def setting(project, **changes):
    Project.objects.filter(pk=project.pk).update(**changes)
    project.refresh_from_db()
    return project


@pytest.fixture
def guesser(ann, bea, dora, lena):
    """ann and bea are good, dora guesses: on the last image ann alone stands against dora."""
    project = make_project(ann, bea, dora, lead=lena, labels_per_image=3, consensus_method="one_coin")
    images = add_images(project, 31)
    rng = np.random.default_rng(0)
    names = ("cat", "dog", "fox")
    for n, image in enumerate(images[:30]):
        say(project, image, ann=names[n % 3], bea=names[n % 3], dora=names[int(rng.integers(0, 3))])
    say(project, images[30], ann="cat", dora="fox")
    return project, images


def test_the_reliable_person_wins_where_the_votes_are_tied(guesser, ann, dora):
    project, images = guesser
    last = Image.objects.get(pk=images[30].pk)
    assert snapshots.consensus_of(last, None).categories is None

    assert reliability.run(project) == 31

    row = Consensus.objects.get(image=last)
    assert (row.categories, row.method, row.n_votes) == ([category(project, "cat")], "one_coin", 2)
    assert 0.5 < row.confidence < 1
    assert snapshots.current([last])[last.pk].categories == row.categories
    accuracy = reliability.infer(project, "one_coin").accuracy
    assert accuracy[ann.pk] > 0.9 > 0.6 > accuracy[dora.pk]
    assert reliability.run(project) == 0  # nothing new


def test_new_votes_bring_the_majority_back_until_it_is_inferred_anew(guesser):
    project, images = guesser
    reliability.run(project)
    say(project, images[30], bea="fox")
    last = Image.objects.get(pk=images[30].pk)
    assert snapshots.current([last])[last.pk].method == "majority"
    snapshots.refresh(project)
    assert Consensus.objects.get(image=last).method == "majority"
    reliability.run(project)
    assert Consensus.objects.get(image=last).method == "one_coin"
    snapshots.refresh(project)
    assert Consensus.objects.get(image=last).method == "one_coin"


def test_a_decision_stands_above_it_and_exports_say_which_method(guesser, rev, lena):
    project, images = guesser
    reliability.run(project)
    adjudication.decide(image_id=images[0].pk, reviewer=lena, categories=["fox"])
    reliability.run(project)
    assert Consensus.objects.get(image=images[0]).method == "decision"
    methods = {one.image.pk: one.outcome.method for one in contents.read(project)}
    assert methods[images[0].pk] == "decision" and methods[images[30].pk] == "one_coin"


def test_going_back_to_the_majority_forgets_what_was_inferred(guesser):
    project, images = guesser
    reliability.run(project)
    setting(project, consensus_method="majority")
    last = Image.objects.get(pk=images[30].pk)
    assert snapshots.current([last])[last.pk].method == "majority"
    reliability.run(project)
    assert not Consensus.objects.filter(method="one_coin").exists()


def test_the_model_votes_only_where_it_has_not_seen_the_labels_nor_anybody_it(guesser):
    project, images = guesser
    run = make_model(project, is_calibrated=True, temperature=1.0, last_label=0)
    names = list(run.category_ids)
    for image in images:
        run.predictions.create(
            image=image, probabilities=[0.1, 0.1, 0.8], categories=[names[2]], probability=0.8, margin=0.7
        )
    says = reliability.infer(project, "with_model").model
    # How sure it may sound is measured by what people say of random images: it errs on two of three.
    assert says.argmax(axis=1).tolist() == [2] * 31 and says.max() < 0.5
    run.last_label = 10**9  # it has learned from all of these
    run.save()
    assert np.isnan(reliability.infer(project, "with_model").model).all()
    run.is_calibrated = False
    run.save()
    assert reliability.infer(project, "with_model").model is None


def test_methods_are_compared_on_the_same_gold(guesser, lena):
    project, images = guesser
    for n, image in enumerate(images[:30]):
        gold.add(project=project, by=lena, image_id=image.pk, categories=[("cat", "dog", "fox")[n % 3]])
    gold.add(project=project, by=lena, image_id=images[30].pk, categories=["cat"])
    rows = {row["method"]: row["right"] for row in reliability.compare_on_gold(project)}
    assert {row["n"] for row in rows.values()} == {31}
    assert rows["one_coin"]["value"] == 1.0 > rows["majority"]["value"]


def test_several_classes_are_questions_of_their_own(multi_project, ann, bea):
    project = setting(multi_project, consensus_method="one_coin")
    images = add_images(project, 12)
    for n, image in enumerate(images):
        say(project, image, ann=["sky", "sea"] if n % 2 else ["sand"], bea=["sky", "sea"] if n % 2 else ["sand"])
    reliability.run(project)
    said = {row.image_id: row.categories for row in Consensus.objects.all()}
    ids = {name: category(project, name) for name in ("sky", "sea", "sand")}
    assert said[images[1].pk] == sorted([ids["sky"], ids["sea"]]) and said[images[0].pk] == [ids["sand"]]


def test_a_project_without_votes_has_nothing_to_infer(project):
    setting(project, consensus_method="dawid_skene")
    assert reliability.infer(project, "dawid_skene") is None
    assert reliability.run(project) == 0
    assert reliability.compare_on_gold(project)[0]["right"]["value"] is None


# ---- adaptive overlap


@pytest.fixture
def adaptive(ann, bea, dora, lena):
    people = [make_user(f"p{n}") for n in range(3)]
    project = make_project(
        ann, bea, dora, *people, lead=lena, labels_per_image=3, adaptive_overlap=True, fewest_labels=2, most_labels=4,
        enough_confidence=0.9,
    )  # fmt: skip
    return project, add_images(project, 10, labels_needed=2)


def seats(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    held = Claim.objects.filter(image=image, holds_seat=True, round=entry.round).count()
    assert entry.seats_left + held == entry.seats
    return entry.seats, entry.seats_left


def test_agreed_images_are_closed_and_divided_ones_get_another_seat(adaptive):
    project, images = adaptive
    for n, image in enumerate(images[:8]):
        name = ("cat", "dog", "fox")[n % 3]
        say(project, image, ann=name, bea=name)
    say(project, images[8], ann="cat", bea="dog")

    assert overlap.adjust(project) == 1

    assert seats(images[0]) == (2, 0) and seats(images[8]) == (3, 1)
    images[8].refresh_from_db()
    assert images[8].status == "partly labeled"
    say(project, images[8], dora="cat")
    overlap.adjust(project, [images[8].pk])
    images[8].refresh_from_db()
    assert images[8].status in ("settled", "partly labeled") and images[8].n_votes == 3
    assert overlap.adjust(project) == 0


def test_it_stops_at_the_most(adaptive):
    project, images = adaptive
    say(project, images[0], ann="cat", bea="dog")
    for name, answer in (("dora", "fox"), ("p0", "dog")):
        overlap.adjust(project)
        say(project, images[0], **{name: answer})
    overlap.adjust(project)
    images[0].refresh_from_db()
    assert images[0].n_votes == 4 and seats(images[0]) == (4, 0)


def test_what_was_saved_is_told_with_the_error_that_is_left(adaptive):
    project, images = adaptive
    for image in images[:8]:
        say(project, image, ann="cat", bea="cat")
    overlap.adjust(project)
    told = overlap.savings(project)
    assert (told["n_images"], told["labels"], told["fixed"], told["saved"]) == (8, 16, 24, 8)
    assert 0 < told["expected_error"] < 0.1


def test_fixed_overlap_is_left_alone(project, ann, bea):
    (image,) = add_images(project, 1)
    say(project, image, ann="cat", bea="dog")
    assert overlap.adjust(project) == 0 and seats(image) == (2, 0)


def test_answers_that_were_asked_for_because_others_differ_speak_not_for_random_images(adaptive):
    project, images = adaptive
    divided = images[8]
    for n, image in enumerate(images[:8]):
        name = ("cat", "dog", "fox")[n % 3]
        say(project, image, ann=name, bea=name)
    say(project, divided, ann="cat", bea="dog")
    overlap.adjust(project)
    say(project, divided, dora="cat")

    asked = dict(Label.objects.filter(image=divided).values_list("annotator__username", "chosen_by"))

    assert asked == {"ann": "random", "bea": "random", "dora": "doubt"}
    report = reports.agreement(project, Selection())
    assert {row["username"] for row in report["annotators"] if row["n"]} == {"ann", "bea"}
    everything = reports.agreement(project, Selection.with_default_sample("all"))
    assert {row["username"] for row in everything["annotators"] if row["n"]} == {"ann", "bea", "dora"}


def test_an_image_that_is_sent_back_begins_with_the_fewest_seats_as_a_random_one(adaptive, lena):
    project, images = adaptive
    say(project, images[1], ann="cat", bea="dog")
    overlap.adjust(project)
    entry = QueueEntry.objects.get(pk=images[1].pk)
    assert (entry.seats, entry.chosen_by) == (3, "doubt")

    rounds.send_back(project=project, by=lena, image_ids=[images[1].pk])

    entry.refresh_from_db()
    assert (entry.seats, entry.seats_left, entry.chosen_by, entry.round) == (2, 2, "random", 2)


def test_seats_for_others_beside_a_paused_person_stay_open(adaptive):
    project, images = adaptive
    for image in images[:8]:
        say(project, image, ann="cat", bea="cat")
    ann = project.memberships.get(user__username="ann")
    ann.paused_at = timezone.now()
    ann.save()
    image_seats.add_seats_for_others(project, [images[0].pk], [ann.user_id])
    assert seats(images[0]) == (3, 1)

    overlap.adjust(project)

    assert seats(images[0]) == (3, 1) and seats(images[1]) == (2, 0)
