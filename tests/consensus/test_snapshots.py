"""Snapshots of the vote follow the votes and the decisions."""

import pytest

from labeler.consensus import snapshots
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Consensus, Decision, Image
from tests.helpers.factories import add_images, category

pytestmark = pytest.mark.django_db


def answer(project, person, image, name):
    claims.claim(project=project, annotator=person, count=50)
    save_label(image_id=image.pk, annotator=person, categories=[name])


def snapshot(image):
    row = Consensus.objects.get(image=image)
    return row.categories, row.confidence, row.is_tie, row.method, row.n_votes, row.version


def test_a_snapshot_is_written_when_the_votes_have_changed(project, ann, bea):
    one, two = add_images(project, 2)
    answer(project, ann, one, "cat")
    cat = category(project, "cat")

    assert snapshots.refresh(project) == 1
    assert snapshot(one) == ([cat], 1.0, False, "majority", 1, 1)
    assert snapshots.refresh(project) == 0

    answer(project, bea, one, "dog")
    answer(project, bea, two, "dog")
    assert snapshots.refresh(project, [one.pk]) == 1
    assert snapshot(one) == (None, 0.5, True, "majority", 2, 2)
    assert snapshots.refresh(project) == 1
    assert snapshot(two)[0] == [category(project, "dog")]


def test_a_decision_is_above_the_votes(project, ann, bea, rev):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    fox = category(project, "fox")
    Decision.objects.create(image=image, reviewer=rev, categories=[fox], round=1)
    Image.objects.filter(pk=image.pk).update(has_decision=True)

    snapshots.refresh(project)

    assert snapshot(image) == ([fox], None, False, "decision", 1, 1)
