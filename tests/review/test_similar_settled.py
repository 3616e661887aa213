"""What was settled on images that look alike: nearest first, and never what was withdrawn."""

from __future__ import annotations

import numpy as np
import pytest

from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.review import adjudication, similar_settled
from labeler.training import image_index as images_index
from tests.helpers.factories import add_images, category, make_model
from tests.helpers.settled import index, look

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _models(settings, tmp_path):
    settings.MODELS_DIR = str(tmp_path / "models")
    images_index.forget()


@pytest.fixture
def run(project):
    return make_model(project, config={"backbone": "tiny", "image_size": 64})


def decide(image, reviewer, *names, **more):
    return adjudication.decide(image_id=image.pk, reviewer=reviewer, categories=names, **more)


def test_the_most_similar_decisions_come_first_with_their_reasons(project, run, rev):
    image, far, near, nearest = add_images(project, 4)
    look(image, 1, 0, 0)
    look(far, 0, 1, 0)
    look(near, 1, 1, 0)  # cosine 0.71
    look(nearest, 2, 0.1, 0)  # length does not matter
    index(project)
    decide(far, rev, "dog")
    decide(near, rev, "cat", reason="ears")
    decide(nearest, rev, undecidable=True)

    found = similar_settled.nearest(image, run)

    assert [one.image.pk for one in found] == [nearest.pk, near.pk, far.pk]
    assert [one.categories for one in found] == [None, [category(project, "cat")], [category(project, "dog")]]
    assert [one.reason for one in found] == ["", "ears", ""]
    assert found[1].similarity == pytest.approx(0.5**0.5, abs=0.01)


def test_what_was_decided_since_is_found_and_what_was_withdrawn_is_not(project, run, rev):
    image, first, second = add_images(project, 3)
    for each in (image, first, second):
        look(each, 1, 2, 3)
    index(project)
    decide(first, rev, "cat")
    assert [one.image.pk for one in similar_settled.nearest(image, run)] == [first.pk]

    decide(second, rev, "dog")
    adjudication.withdraw(image_id=first.pk, reviewer=rev)

    assert [one.image.pk for one in similar_settled.nearest(image, run)] == [second.pk]


def test_a_decision_that_was_changed_shows_as_it_is_now(project, run, rev):
    image, other = add_images(project, 2)
    for each in (image, other):
        look(each, 1, 2, 3)
    index(project)
    decide(other, rev, "cat")
    similar_settled.nearest(image, run)

    decide(other, rev, "dog", reason="the tail")

    (one,) = similar_settled.nearest(image, run)
    assert (one.categories, one.reason) == ([category(project, "dog")], "the tail")


def test_an_image_is_not_its_own_look_alike_and_other_projects_stay_out(project, run, rev, multi_project, lena):
    (image,) = add_images(project, 1)
    (foreign,) = add_images(multi_project, 1)
    for each in (image, foreign):
        look(each, 1, 2, 3)
    index(project)
    index(multi_project)
    decide(image, rev, "cat")
    decide(foreign, lena, "sea")

    assert similar_settled.nearest(image, run) == []


def test_unanimous_images_help_out_while_few_are_decided(project, run, ann, bea, rev, monkeypatch):
    image, unanimous, divided, decided = add_images(project, 4)
    for each in (image, unanimous, divided, decided):
        look(each, 1, 2, 3)
    index(project)
    for person, names in ((ann, ("cat", "cat")), (bea, ("cat", "dog"))):
        claims.claim(project=project, annotator=person, count=50)
        for each, name in zip((unanimous, divided), names, strict=True):
            save_label(image_id=each.pk, annotator=person, categories=[name])
    decide(decided, rev, "fox")

    assert {one.image.pk for one in similar_settled.nearest(image, run)} == {unanimous.pk, decided.pk}
    monkeypatch.setattr(similar_settled, "FEW", 1)
    assert {one.image.pk for one in similar_settled.nearest(image, run)} == {decided.pk}


def test_an_image_that_a_worker_looks_at_later_is_found_then(project, run, rev):
    image, late = add_images(project, 2)
    look(image, 1, 2, 3)
    index(project)
    decide(late, rev, "cat")
    assert similar_settled.nearest(image, run) == []

    look(late, 1, 2, 3)
    index(project)
    assert [one.image.pk for one in similar_settled.nearest(image, run)] == [late.pk]


def test_only_the_newest_are_compared(project, run, rev, monkeypatch):
    monkeypatch.setattr(similar_settled, "MOST", 2)
    image, *others = add_images(project, 4)
    for each in (image, *others):
        look(each, 1, 2, 3)
    index(project)
    for each in others[:2]:
        decide(each, rev, "cat")
    similar_settled.nearest(image, run)
    decide(others[2], rev, "cat")

    assert {one.image.pk for one in similar_settled.nearest(image, run)} == {others[1].pk, others[2].pk}


def test_without_a_model_or_features_there_is_nothing_to_compare(project, run, rev):
    image, other = add_images(project, 2)
    decide(other, rev, "cat")
    assert similar_settled.nearest(image, run) == []

    for each in (image, other):
        look(each, 1, 2, 3)
    index(project)
    assert similar_settled.nearest(image, None) == []
    run.config = {"backbone": "other", "image_size": 64}
    assert similar_settled.nearest(image, run) == []


def test_then_the_newest_decisions_on_the_same_answers_stand_in(project, ann, bea, rev):
    image, same, other = add_images(project, 3)
    for person, names in ((ann, ("cat", "cat", "cat")), (bea, ("dog", "dog", "fox"))):
        claims.claim(project=project, annotator=person, count=50)
        for each, name in zip((image, same, other), names, strict=True):
            save_label(image_id=each.pk, annotator=person, categories=[name])
    for each in (same, other):
        decide(each, rev, "cat", reason="ears")
    image.refresh_from_db()

    (one,) = similar_settled.newest_alike(image)

    assert (one.image.pk, one.reason, one.similarity) == (same.pk, "ears", None)


def test_the_small_numbers_of_the_index_find_the_same_as_all_of_them(project, run, rev):
    rng = np.random.default_rng(3)
    image, *others = add_images(project, 60)
    vectors = np.abs(rng.normal(size=(60, 256))) * rng.random((60, 1)) * 20
    for each, vector in zip((image, *others), vectors, strict=True):
        look(each, *vector)
    index(project)
    for each in others:
        decide(each, rev, "cat")
    kept = vectors.astype("<f2").astype(float)
    unit = kept / np.linalg.norm(kept, axis=1, keepdims=True)
    cosine = unit[1:] @ unit[0]

    found = similar_settled.nearest(image, run)

    truth = {each.pk: value for each, value in zip(others, cosine, strict=True)}
    assert [one.similarity for one in found] == pytest.approx([truth[one.image.pk] for one in found], abs=0.001)
    assert min(truth[one.image.pk] for one in found) > np.sort(cosine)[-len(found)] - 0.005


def test_it_costs_as_many_queries_however_many_are_decided(project, run, rev, django_assert_num_queries):
    image, *others = add_images(project, 40)
    for each in (image, *others):
        look(each, 1, 2, 3)
    index(project)
    for each in others:
        decide(each, rev, "cat")

    # Decided and unanimous images, the nearest of them, vectors and decisions.
    with django_assert_num_queries(5):
        assert len(similar_settled.nearest(image, run)) == 6
