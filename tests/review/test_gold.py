"""Gold images and silent repeats: mixed in, blind, without a seat; they score people and never become votes."""

import pytest

from labeler.agreement import reports
from labeler.consensus import reliability
from labeler.errors import Conflict, Invalid, NotFound, Paused
from labeler.labeling import claim_ends, counters, gold_and_repeats
from labeler.labeling import claims as queue
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label, undo
from labeler.models import Claim, Label, Membership, Project, QueueEntry
from labeler.projects import classes, projects
from labeler.review import adjudication, gold
from tests.helpers.factories import add_images, category, make_model, predict


@pytest.fixture
def always_gold(project):
    """Every place is drawn for gold."""
    Project.objects.filter(pk=project.pk).update(gold_share=0.5)
    project.refresh_from_db()
    return project


@pytest.fixture(autouse=True)
def loaded_dice(monkeypatch):
    """Every draw comes up; places are the first."""

    class Dice:
        def random(self):
            return 0.0

        def randint(self, low, high):
            return low

    monkeypatch.setattr(gold_and_repeats, "_dice", Dice())


def settled(project, *people, name="cat"):
    (image,) = add_images(project, 1)
    QueueEntry.objects.filter(pk=image.pk).update(priority=2.0)
    for person in people:
        queue.claim(project=project, annotator=person, count=1)
        save_label(image_id=image.pk, annotator=person, categories=[name])
    image.refresh_from_db()
    return image


def seats_are_right(project):
    for entry in QueueEntry.objects.filter(project=project):
        held = Claim.objects.filter(image=entry.image_id, holds_seat=True, round=entry.round).count()
        assert entry.seats_left + held == entry.seats
    return True


def test_a_gold_image_is_given_beyond_its_quota_blind_and_counts_for_the_person_alone(
    always_gold, ann, bea, dora, lena
):
    project = always_gold
    known = settled(project, ann, bea)
    gold.add(project=project, by=lena, image_id=known.pk)
    (other,) = add_images(project, 1)
    predict(make_model(project), known, "dog")

    claims = queue.claim(project=project, annotator=dora, count=1)
    assert [(c.image_id, c.chosen_by, c.shown_prediction) for c in claims] == [
        (known.pk, "gold", None), (other.pk, "random", None)
    ]  # fmt: skip
    save_label(image_id=known.pk, annotator=dora, categories=["dog"])

    known.refresh_from_db()
    label = Label.objects.get(image=known, annotator=dora)
    assert (label.purpose, label.extra) == ("gold", False)
    assert (known.n_votes, known.status, known.tally) == (2, "settled", {str(category(project, "cat")): 2})
    assert reports.agreement(project, Selection.with_default_sample("all"))["n_labels"] == 2
    assert gold.scores(project)[dora.pk] | {"low": 0, "high": 0} == {
        "value": 0.0, "low": 0, "high": 0, "n": 1, "reason": {"code": "too_few_images"}
    }  # fmt: skip
    assert counters.images(project) == 0
    assert seats_are_right(project)


def test_a_gold_image_is_given_to_each_person_once_and_not_to_those_who_voted_on_it(always_gold, ann, bea, dora, lena):
    known = settled(always_gold, ann, bea)
    gold.add(project=always_gold, by=lena, image_id=known.pk)
    add_images(always_gold, 6)
    for person, times in ((dora, 1), (ann, 0)):
        for _ in range(3):
            queue.claim(project=always_gold, annotator=person, count=9)
        assert Claim.objects.filter(annotator=person, purpose="gold").count() == times
        assert Claim.objects.filter(annotator=person, image=known).count() == 1


def test_when_nothing_else_is_left_nobody_is_kept_busy_with_gold(always_gold, ann, bea, dora, lena):
    gold.add(project=always_gold, by=lena, image_id=settled(always_gold, ann, bea).pk)
    assert queue.claim(project=always_gold, annotator=dora, count=3) == []


def test_a_gold_answer_is_changed_taken_back_and_skipped_like_any_other(always_gold, ann, bea, dora, lena):
    known = settled(always_gold, ann, bea)
    gold.add(project=always_gold, by=lena, image_id=known.pk)
    add_images(always_gold, 1)
    queue.claim(project=always_gold, annotator=dora)
    save_label(image_id=known.pk, annotator=dora, categories=["dog"])
    save_label(image_id=known.pk, annotator=dora, categories=["cat"])
    assert gold.scores(always_gold)[dora.pk]["value"] == 1.0
    undo(image_id=known.pk, annotator=dora)
    assert gold.scores(always_gold) == {}
    save_label(image_id=known.pk, annotator=dora, answer="skip")
    known.refresh_from_db()
    assert known.n_votes == 2 and seats_are_right(always_gold)


def test_a_lease_on_gold_that_runs_out_gives_no_seat_back(always_gold, ann, bea, dora, lena):
    known = settled(always_gold, ann, bea)
    gold.add(project=always_gold, by=lena, image_id=known.pk)
    add_images(always_gold, 1)
    queue.claim(project=always_gold, annotator=dora)
    Claim.objects.filter(annotator=dora).update(expires_at="2020-01-01T00:00Z")
    claim_ends.expire_leases(always_gold)
    assert QueueEntry.objects.get(pk=known.pk).seats_left == 0 and seats_are_right(always_gold)
    late = save_label(image_id=known.pk, annotator=dora, categories=["cat"])
    assert not late.extra and Label.objects.get(pk=late.id).purpose == "gold"


def test_repeats_come_after_a_while_and_leave_the_vote_alone(project, ann, bea, monkeypatch):
    monkeypatch.setattr(gold_and_repeats, "FORGOTTEN_AFTER", 3)
    Project.objects.filter(pk=project.pk).update(repeat_share=0.2)
    project.refresh_from_db()
    images = add_images(project, 6)
    queue.claim(project=project, annotator=ann, count=4)
    mine = [claim.image_id for claim in Claim.objects.filter(annotator=ann).order_by("id")]
    for pk in mine:
        save_label(image_id=pk, annotator=ann, categories=["cat"])

    claims = queue.claim(project=project, annotator=ann, count=1)

    repeat = next(claim for claim in claims if claim.purpose == "repeat")
    assert repeat.image_id == mine[0]  # the only one that lies three answers back
    save_label(image_id=repeat.image_id, annotator=ann, categories=["dog"])
    said = Label.objects.filter(image=repeat.image_id, annotator=ann, superseded_at=None).order_by("id")
    assert [(label.purpose, label.categories) for label in said] == [
        ("vote", [category(project, "cat")]), ("repeat", [category(project, "dog")])
    ]  # fmt: skip
    assert len(images) == 6 and seats_are_right(project)
    assert repeat.image_id not in [c.image_id for c in queue.claim(project=project, annotator=ann, count=20)]


def test_a_decision_or_two_who_agree_say_what_gold_is(project, ann, bea, rev, lena):
    unanimous = settled(project, ann, bea, name="fox")
    alone = settled(project, ann)
    assert gold.add(project=project, by=lena, image_id=unanimous.pk).categories == [category(project, "fox")]
    with pytest.raises(Invalid, match="Say what this image is"):
        gold.add(project=project, by=lena, image_id=alone.pk)
    adjudication.decide(image_id=alone.pk, reviewer=rev, categories=["dog"])
    assert gold.add(project=project, by=lena, image_id=alone.pk).categories == [category(project, "dog")]
    said = gold.add(project=project, by=lena, image_id=alone.pk, categories=["cat"], explanation="see the ears")
    assert (said.categories, said.explanation) == ([category(project, "cat")], "see the ears")


def test_retired_gold_is_handed_out_no_more(always_gold, ann, bea, dora, lena):
    known = settled(always_gold, ann, bea)
    gold.add(project=always_gold, by=lena, image_id=known.pk)
    gold.retire(project=always_gold, by=lena, image_id=known.pk)
    add_images(always_gold, 1)
    assert [c.purpose for c in queue.claim(project=always_gold, annotator=dora, count=5)] == ["vote"]
    with pytest.raises(Conflict):
        gold.retire(project=always_gold, by=lena, image_id=known.pk)


def test_images_of_other_projects_are_no_gold_here(project, multi_project, lena):
    (foreign,) = add_images(multi_project, 1)
    with pytest.raises(NotFound):
        gold.add(project=project, by=lena, image_id=foreign.pk, categories=["cat"])


def test_feedback_only_where_the_project_wants_it(project, ann, bea, lena):
    known = settled(project, ann, bea)
    gold.add(project=project, by=lena, image_id=known.pk, explanation="whiskers")
    cat = category(project, "cat")
    assert gold.feedback(image_id=known.pk, categories=[cat]) is None
    Project.objects.update(gold_feedback=True)
    told = gold.feedback(image_id=known.pk, categories=[cat])
    assert told == {"right": True, "categories": ["cat"], "explanation": "whiskers"}
    assert gold.feedback(image_id=known.pk, categories=[])["right"] is False
    gold.retire(project=project, by=lena, image_id=known.pk)
    assert gold.feedback(image_id=known.pk, categories=[cat]) is None


def test_whoever_says_what_a_class_was_merged_into_is_right(always_gold, ann, bea, dora, lena):
    project = always_gold
    known = settled(project, ann, bea, name="fox")
    gold.add(project=project, by=lena, image_id=known.pk)
    dog = category(project, "dog")
    classes.change_category(category=project.categories.get(name="fox"), by=lena, changes={"merged_into": dog})
    project = Project.objects.get(pk=project.pk)
    add_images(project, 1)
    queue.claim(project=project, annotator=dora)
    save_label(image_id=known.pk, annotator=dora, categories=["dog"])

    assert gold.scores(project)[dora.pk]["value"] == 1.0
    Project.objects.update(gold_feedback=True)
    assert gold.feedback(image_id=known.pk, categories=[dog])["categories"] == ["dog"]
    assert reliability.compare_on_gold(project)[0]["right"]["value"] == 1.0


def test_an_image_that_most_get_wrong_is_doubtful_from_three_answers_on():
    assert not gold.Told(n=2, right=0).is_doubtful
    assert gold.Told(n=3, right=1).is_doubtful
    assert not gold.Told(n=4, right=2).is_doubtful


def test_a_guess_of_the_project_s_method_makes_no_gold_and_agreement_does_under_any(project, ann, bea, lena):
    agreed, alone = settled(project, ann, bea, name="fox"), settled(project, ann)
    projects.update(project=project, by=lena, changes={"consensus_method": "one_coin"})
    reliability.run(project)
    assert gold.known_answer(agreed) == [category(project, "fox")]
    assert gold.known_answer(alone) is None
    assert [image.pk for image in gold.offers(project)] == [agreed.pk]
    gold.add(project=project, by=lena, image_id=agreed.pk)
    assert not gold.offers(project)


def test_what_is_offered_as_gold_is_decided_or_agreed_and_of_the_class(project, ann, bea, rev, lena):
    fox, cat = settled(project, ann, bea, name="fox"), settled(project, ann, bea)
    lone, unclear = settled(project, ann), settled(project, ann)
    adjudication.decide(image_id=lone.pk, reviewer=rev, categories=["dog"])
    adjudication.decide(image_id=unclear.pk, reviewer=rev, categories=[], undecidable=True)

    def offered(name=None):
        kind = project.categories.get(name=name) if name else None
        return [image.pk for image in gold.offers(project, kind)]

    assert offered() == [lone.pk, cat.pk, fox.pk]
    assert (offered("fox"), offered("cat"), offered("dog")) == ([fox.pk], [cat.pk], [lone.pk])


def test_a_paused_person_answers_what_they_hold_and_gets_no_more(project, ann):
    add_images(project, 5)
    held = queue.claim(project=project, annotator=ann, count=2)
    Membership.objects.filter(project=project, user=ann).update(paused_at="2026-01-01T00:00Z")
    assert [c.image_id for c in queue.claim(project=project, annotator=ann, count=9)] == [c.image_id for c in held]
    for claim in held:
        save_label(image_id=claim.image_id, annotator=ann, categories=["cat"])
    with pytest.raises(Paused):
        queue.claim(project=project, annotator=ann, count=1)


def test_whoever_is_told_at_once_is_scored_by_the_first_answer(always_gold, ann, bea, dora, lena):
    project = always_gold
    known = settled(project, ann, bea)
    gold.add(project=project, by=lena, image_id=known.pk)
    add_images(project, 1)
    queue.claim(project=project, annotator=dora, count=2)
    save_label(image_id=known.pk, annotator=dora, categories=["dog"])
    save_label(image_id=known.pk, annotator=dora, categories=["cat"])
    assert gold.scores(project)[dora.pk]["value"] == 1.0  # a slip that was mended

    project.gold_feedback = True

    assert gold.scores(project)[dora.pk]["value"] == 0.0
