"""What is to be settled comes hardest first, and can be narrowed to two classes or one person."""

from __future__ import annotations

import pytest

from labeler.labeling.labels import save_label
from labeler.models import Image
from labeler.review import adjudication, worklists
from labeler.review.worklists import Selection
from tests.helpers.answers import answer
from tests.helpers.factories import add_images, category, make_model, predict

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(project):
    project.labels_per_image = 3
    project.save()
    return project


def order(project, run=None, **selection):
    return [entry.image_id for entry in worklists.worklist(project, Selection(**selection), run).entries]


def pair(project, a, b):
    return tuple(sorted((category(project, a), category(project, b))))


def test_what_is_most_divided_comes_first_and_what_a_majority_settled_last(project):
    project.labels_per_image = 4
    project.save()
    # Entropy over log 4: 2:2 is 0.50, 2:1:1 is 0.75, 3:1 is 0.41 and settled.
    two, three, agreed, outvoted = add_images(project, 4)
    answer(two, ann="cat", bea="cat", dora="dog", lena="dog")
    answer(three, ann="cat", bea="cat", dora="dog", lena="fox")
    answer(agreed, ann="cat", bea="cat", dora="cat", lena="cat")
    answer(outvoted, ann="cat", bea="cat", dora="cat", lena="dog")

    assert order(project) == [three.pk, two.pk]
    assert order(project, everything=True) == [three.pk, two.pk, outvoted.pk]


def test_images_two_people_cannot_tell_are_listed_last_of_the_disputed(project):
    unsure, divided = add_images(project, 2)
    answer(unsure, ann=None, bea=None, dora="cat")
    answer(divided, ann="cat", bea="dog", dora="fox")

    assert order(project) == [divided.pk, unsure.pk]


def test_among_equals_the_model_against_the_votes_comes_first_and_a_blind_image_in_between(project):
    images = add_images(project, 4)
    blind = add_images(project, 1, slice="test")
    sure, unsure, against, unseen = images
    run = make_model(project)
    predict(run, sure, "cat", 0.99)
    predict(run, unsure, "cat", 0.4)
    predict(run, against, "fox", 0.9)
    predict(run, blind[0], "fox", 0.9)
    for image in (*images, *blind):
        answer(image, ann="cat", bea="dog", dora=None)

    # doubt: .95, .5 (nobody may know), .5 (nobody knows), .3, .005
    assert order(project, run) == [against.pk, unseen.pk, blind[0].pk, unsure.pk, sure.pk]


def test_a_pair_is_what_one_said_and_another_did_not(project):
    images = add_images(project, 3)
    answer(images[0], ann="cat", bea="dog", dora=None)
    answer(images[1], ann="cat", bea="dog", dora="fox")
    answer(images[2], ann="fox", bea="dog", dora=None)

    found = worklists.worklist(project, Selection(), None).pairs

    cat_dog, dog_fox, cat_fox = (pair(project, *two) for two in (("cat", "dog"), ("dog", "fox"), ("cat", "fox")))
    assert dict(found) == {cat_dog: 2, dog_fox: 2, cat_fox: 1}
    assert set(order(project, pair=pair(project, "cat", "dog"))) == {images[0].pk, images[1].pk}
    assert order(project, pair=pair(project, "cat", "fox")) == [images[1].pk]


def test_pairs_of_several_classes():
    # 1 with 2, and 2 with 3: people differ on 1 and 3, and agree on 2.
    assert worklists.pairs_of({"1,2": 1, "2,3": 1}) == {(1, 3)}
    assert worklists.pairs_of({"": 1, "2": 1, "?": 3}) == set()


def test_where_one_person_differs_from_the_outcome(project, rev):
    outvoted, with_others, divided, decided, decided_for = add_images(project, 5)
    answer(outvoted, ann="dog", bea="cat", dora="cat")
    answer(with_others, ann="cat", bea="cat", dora="dog")
    answer(divided, ann="cat", bea="dog", dora="fox")
    answer(decided, ann="cat", bea="cat", dora="cat")
    answer(decided_for, ann="cat", bea="dog", dora="dog")
    adjudication.decide(image_id=decided.pk, reviewer=rev, categories=["fox"])
    adjudication.decide(image_id=decided_for.pk, reviewer=rev, categories=["cat"])
    ann = project.memberships.get(user__username="ann").user

    assert order(project, person=ann.pk) == [divided.pk, outvoted.pk, decided.pk]


def test_an_answer_that_was_changed_counts_as_it_is_now(project):
    (image,) = add_images(project, 1)
    answer(image, ann="dog", bea="cat", dora="cat")
    ann = project.memberships.get(user__username="ann").user
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    assert order(project, person=ann.pk) == []


def test_after_an_image_that_left_the_list_comes_the_one_that_stood_behind_it(project, rev):
    images = add_images(project, 3)
    for image in images:
        answer(image, ann="cat", bea="dog", dora="fox")
    middle = sorted(image.pk for image in images)[1]
    adjudication.decide(image_id=middle, reviewer=rev, categories=["cat"])
    left = worklists.worklist(project, Selection(), None)
    gone = worklists.entry_of(Image.objects.get(pk=middle), None)

    assert left.place(middle) is None
    assert left.following(gone) == 1
    # After the last one it begins again; after the only one there is nothing.
    assert left.following(left.entries[1]) == 0
    adjudication.decide(image_id=left.entries[0].image_id, reviewer=rev, categories=["cat"])
    (last,) = worklists.worklist(project, Selection(), None).entries
    assert worklists.worklist(project, Selection(), None).following(last) is None


def test_a_long_list_is_cut_and_a_pair_is_still_found(project, monkeypatch):
    monkeypatch.setattr(worklists, "MOST", 2)
    *many, rare = add_images(project, 4)
    for image in many:
        answer(image, ann="cat", bea="dog", dora=None)
    answer(rare, ann="fox", bea="dog", dora=None)  # as divided, and the last by id

    found = worklists.worklist(project, Selection(), None)
    assert ([entry.image_id for entry in found.entries], found.is_cut) == ([image.pk for image in many[:2]], True)
    assert order(project, pair=pair(project, "dog", "fox")) == [rare.pk]


def test_the_count_on_the_tab_stops_where_nobody_reads_on(project, monkeypatch):
    monkeypatch.setattr(worklists, "COUNTED", 3)
    for image in add_images(project, 5):
        answer(image, ann="cat", bea="dog", dora="fox")

    assert worklists.to_settle(project) == 4


@pytest.mark.parametrize("n", [1, 30])
def test_a_list_costs_as_many_queries_however_long(project, n, django_assert_num_queries):
    run = make_model(project)
    for image in add_images(project, n):
        predict(run, image, "cat", 0.8)
        answer(image, ann="cat", bea="dog", dora="fox")

    with django_assert_num_queries(2):
        assert len(order(project, run)) == n
