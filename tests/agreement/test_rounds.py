"""Images sent back after a new guideline: asked again, counted anew, nothing forgotten."""

import pytest

from labeler.agreement import reports, rounds
from labeler.consensus import snapshots
from labeler.errors import Invalid
from labeler.labeling import claims, label_arrays
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label, undo
from labeler.models import AuditEvent, Claim, Decision, Label, QueueEntry
from labeler.review import adjudication
from tests.helpers.factories import add_images, category


def answer(project, person, image, name):
    if not Claim.objects.filter(image=image, annotator=person, state="open").exists():
        claims.claim(project=project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=[name])


@pytest.fixture
def divided(project, ann, bea):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    answer(project, bea, image, "dog")
    image.refresh_from_db()
    assert image.status == "disputed"
    return image


def seats_are_right(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    held = Claim.objects.filter(image=image, holds_seat=True, round=entry.round).count()
    return entry.seats_left + held == entry.seats


def test_an_image_sent_back_is_asked_again_of_the_same_people(project, divided, ann, bea, lena):
    assert rounds.send_back(project=project, by=lena, image_ids=[divided.pk], reason="spots over 3 mm") == 1

    divided.refresh_from_db()
    assert (divided.round, divided.status, divided.n_votes, divided.tally) == (2, "unlabeled", 0, {})
    for person in (ann, bea):
        assert [claim.image_id for claim in claims.claim(project=project, annotator=person)] == [divided.pk]
        save_label(image_id=divided.pk, annotator=person, categories=["cat"])
    divided.refresh_from_db()
    assert (divided.status, divided.tally) == ("settled", {str(category(project, "cat")): 2})
    assert Label.objects.filter(image=divided).count() == 4
    assert seats_are_right(divided)
    assert AuditEvent.objects.get(action="images.send_back").subject == "spots over 3 mm"


def test_agreement_and_consensus_speak_of_the_new_round_only(project, divided, lena):
    snapshots.refresh(project)
    assert reports.agreement(project, Selection.with_default_sample("all"))["n_labels"] == 2
    rounds.send_back(project=project, by=lena, image_ids=[divided.pk])
    assert label_arrays.read_labels(project).image.size == 0
    divided.refresh_from_db()
    assert (divided.consensus.categories, divided.consensus.n_votes) == (None, 0)


def test_a_decision_made_by_the_old_rule_is_withdrawn(project, divided, rev, lena):
    adjudication.decide(image_id=divided.pk, reviewer=rev, categories=["fox"])
    rounds.send_back(project=project, by=lena, image_ids=[divided.pk])
    divided.refresh_from_db()
    assert not divided.has_decision
    assert Decision.objects.get(image=divided).withdrawn_by == lena


def test_a_late_answer_to_the_old_round_is_kept_and_takes_no_seat_of_the_new_one(project, ann, bea, lena):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    claims.claim(project=project, annotator=bea)  # bea looks at it
    rounds.send_back(project=project, by=lena, image_ids=[image.pk])

    late = save_label(image_id=image.pk, annotator=bea, categories=["dog"])

    image.refresh_from_db()
    assert late.extra and image.n_votes == 0
    assert QueueEntry.objects.get(pk=image.pk).seats_left == 2 and seats_are_right(image)
    assert [c.image_id for c in claims.claim(project=project, annotator=bea)] == [image.pk]


def test_an_answer_of_the_old_round_may_still_be_taken_back_or_skipped(project, divided, ann, bea, lena):
    rounds.send_back(project=project, by=lena, image_ids=[divided.pk])
    undo(image_id=divided.pk, annotator=ann)
    save_label(image_id=divided.pk, annotator=bea, answer="skip")
    divided.refresh_from_db()
    assert divided.n_votes == 0 and seats_are_right(divided)
    assert QueueEntry.objects.get(pk=divided.pk).seats_left == 2


def test_images_without_an_answer_stay_as_they_are(project, lena):
    (image,) = add_images(project, 1)
    assert rounds.send_back(project=project, by=lena, image_ids=[image.pk]) == 0
    image.refresh_from_db()
    assert image.round == 1
    assert not AuditEvent.objects.filter(action="images.send_back").exists()


def test_images_of_another_project_are_refused(project, multi_project, lena):
    (foreign,) = add_images(multi_project, 1)
    with pytest.raises(Invalid, match="not in this project"):
        rounds.send_back(project=project, by=lena, image_ids=[foreign.pk])
