"""Many at once, on real connections: quota exact, nothing lost, nothing twice."""

from __future__ import annotations

import random
import threading
from uuid import uuid4

import pytest
from django.db import transaction

from labeler.labeling.claim_ends import expire_leases, release
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label, undo
from labeler.models import Claim, Image, Label
from labeler.models.label import Answer
from tests.helpers.api import as_person
from tests.helpers.at_once import counters_are_right, together
from tests.helpers.factories import add_images, join, make_project, make_user
from tests.helpers.seats import let_leases_run_out, seats_are_right

pytestmark = pytest.mark.django_db(transaction=True)


def make_crowd(project, n):
    people = [make_user(f"p{number}") for number in range(n)]
    for person in people:
        join(project, person)
    return people


def test_thirty_people_on_the_last_seats_take_exactly_the_quota():
    project = make_project()
    people = make_crowd(project, 30)
    add_images(project, 3, labels_needed=2)

    offers = together([lambda p=p: claim(project=project, annotator=p, count=2) for p in people])

    assert sum(len(offer) for offer in offers) == 6
    assert seats_are_right(project)


def test_nobody_goes_home_empty_handed_while_a_seat_is_free():
    # 2 seats, 2 people, one image: whoever meets the other's lock must wait for it, not be told that nothing is left.
    for _ in range(15):
        project = make_project()
        people = [make_user(f"q{uuid4().hex[:8]}") for _ in range(2)]
        for person in people:
            join(project, person)
        add_images(project, 1, labels_needed=2)

        offers = together([lambda p=p, pr=project: claim(project=pr, annotator=p) for p in people])

        assert [len(offer) for offer in offers] == [1, 1]


def test_a_crowd_that_labels_skips_undoes_and_leaves_ends_with_the_quota_and_exact_counters():
    project = make_project(lease_seconds=30)
    people = make_crowd(project, 16)
    add_images(project, 40, labels_needed=2)

    def work(person, seed, stays=False):
        chance = random.Random(seed)
        while batch := claim(project=project, annotator=person, count=3):
            for one in batch:
                dice = 0.5 if stays else chance.random()
                if dice < 0.06:
                    release(image_id=one.image_id, annotator=person)
                    continue
                if dice < 0.12:
                    save_label(image_id=one.image_id, annotator=person, answer="skip")
                    continue
                save_label(image_id=one.image_id, annotator=person, categories=[chance.choice(["cat", "dog", "fox"])])
                if dice > 0.9:
                    undo(image_id=one.image_id, annotator=person)
                    save_label(image_id=one.image_id, annotator=person, categories=["cat"])
        return True

    assert all(together([lambda p=p, s=s: work(p, s) for s, p in enumerate(people)]))

    assert seats_are_right(project) and counters_are_right(project)
    # Whoever held the last seat may have skipped when all others had left already.
    assert all(together([lambda p=p: work(p, 0, stays=True) for p in people]))
    assert seats_are_right(project) and counters_are_right(project)
    assert set(Image.objects.values_list("n_votes", flat=True)) == {2}
    assert not Label.objects.filter(extra=True).exists()


def test_one_key_sent_twenty_times_at_once_writes_one_label():
    project = make_project()
    [person] = make_crowd(project, 1)
    [image] = add_images(project, 1)
    claim(project=project, annotator=person)
    key = uuid4()

    saved = together(
        [
            lambda: save_label(image_id=image.pk, annotator=person, categories=["cat"], idempotency_key=key)
            for _ in range(20)
        ]
    )

    assert len({one.id for one in saved}) == 1 and sum(one.created for one in saved) == 1
    assert Label.objects.count() == 1 and counters_are_right(project)


def history_of(image, person) -> list[Label]:
    """A person's rows on an image, the first first, each of which takes the place of the one before."""
    rows = list(Label.objects.filter(image=image, annotator=person))
    after = {row.supersedes_id: row for row in rows}
    chain = [after[None]]
    while chain[-1].pk in after:
        chain.append(after[chain[-1].pk])
    assert len(chain) == len(rows)  # one chain, no branches
    assert [row.superseded_at is None for row in chain] == [False] * (len(chain) - 1) + [True]
    return chain


@pytest.mark.parametrize("first", [False, True], ids=["the first answers", "changes of an answer"])
def test_four_different_answers_of_one_person_at_once_end_as_one_current_label_and_nobody_is_refused(first):
    project = make_project()
    [person] = make_crowd(project, 1)
    clients = [as_person(person) for _ in range(4)]
    bodies = [{"categories": ["cat"]}, {"categories": ["dog"]}, {"answer": "cannot_tell"}, {"categories": ["fox"]}]
    images = add_images(project, 15, labels_needed=2)
    assert len(claim(project=project, annotator=person, count=15)) == 15
    for image in images:
        if first:
            save_label(image_id=image.pk, annotator=person, categories=["cat"])

        answers = together(
            [
                lambda c=c, body=body, i=image: c.put(f"/api/images/{i.pk}/label/", body)
                for c, body in zip(clients, bodies, strict=True)
            ]
        )

        assert {answer.status_code for answer in answers} <= {200, 201}, [answer.data for answer in answers]
        chain = history_of(image, person)
        # Every answer that was acknowledged is in the history; an equal one is as good as any.
        assert [row.pk for row in chain[first:]] == sorted(answer.data["id"] for answer in answers)
        assert sum(answer.status_code == 201 for answer in answers) == (not first)
    assert seats_are_right(project) and counters_are_right(project)


def test_answers_that_are_taken_back_and_sent_again_at_the_same_moment_keep_one_history():
    project = make_project()
    [person] = make_crowd(project, 1)
    clients = [as_person(person) for _ in range(6)]
    images = add_images(project, 15, labels_needed=2)
    assert len(claim(project=project, annotator=person, count=15)) == 15
    for image in images:
        save_label(image_id=image.pk, annotator=person, categories=["cat"])
        url, once, back = f"/api/images/{image.pk}/label/", str(uuid4()), str(uuid4())
        calls = [
            lambda c, u=url: c.put(u, {"categories": ["dog"]}),
            lambda c, u=url: c.put(u, {"categories": ["fox"]}),
            lambda c, u=url, k=once: c.put(u, {"categories": ["cat"]}, headers={"Idempotency-Key": k}),
            lambda c, u=url, k=once: c.put(u, {"categories": ["cat"]}, headers={"Idempotency-Key": k}),
            lambda c, u=url, k=back: c.delete(u, headers={"Idempotency-Key": k}),
            lambda c, u=url, k=back: c.delete(u, headers={"Idempotency-Key": k}),
        ]

        answers = together([lambda c=c, call=call: call(c) for c, call in zip(clients, calls, strict=True)])

        assert {answer.status_code for answer in answers} <= {200, 201}, [answer.data for answer in answers]
        assert answers[2].data["id"] == answers[3].data["id"]
        chain = history_of(image, person)
        assert len(chain) == 5 and sum(row.answer == Answer.UNDONE for row in chain) == 1
    assert seats_are_right(project) and counters_are_right(project)


def test_two_tabs_of_one_person_never_hold_one_image():
    project = make_project()
    [person] = make_crowd(project, 1)
    add_images(project, 20)

    offers = together([lambda: claim(project=project, annotator=person, count=3, client=uuid4()) for _ in range(6)])

    held = [one.image_id for offer in offers for one in offer]
    assert len(held) == len(set(held)) == 18


def test_an_image_given_back_that_is_being_answered_late_is_not_handed_out_and_nobody_waits_for_the_other():
    # A closing tab gives its images back while the next page answers one of them and asks for more: the answer holds
    # the claim and wants the seat, asking held the seat and wanted the claim.
    project = make_project()
    [person] = make_crowd(project, 1)
    late, other = add_images(project, 2)
    claim(project=project, annotator=person, count=2)
    for image in (late, other):
        release(image_id=image.pk, annotator=person)
    holds, asked = threading.Event(), threading.Event()

    def answer_late():
        with transaction.atomic():
            Claim.objects.select_for_update(no_key=True).get(image=late, annotator=person)
            holds.set()
            assert asked.wait(timeout=30)
            return save_label(image_id=late.pk, annotator=person, categories=["cat"])

    def ask():
        assert holds.wait(timeout=30)
        try:
            return claim(project=project, annotator=person, count=2)
        finally:
            asked.set()

    saved, offer = together([answer_late, ask])

    assert [one.image_id for one in offer] == [other.pk]
    assert not saved.extra and seats_are_right(project) and counters_are_right(project)


def test_late_answers_while_others_take_the_seats_keep_every_answer_and_the_quota():
    project = make_project()
    people = make_crowd(project, 12)
    images = add_images(project, 4, labels_needed=2)
    for person in people[:2]:
        assert len(claim(project=project, annotator=person, count=4)) == 4
    let_leases_run_out(project)

    def late(person):
        return [save_label(image_id=i.pk, annotator=person, categories=["cat"]) for i in images]

    def newcomer(person):
        expire_leases(project)
        return [
            save_label(image_id=one.image_id, annotator=person, categories=["dog"])
            for one in claim(project=project, annotator=person, count=4)
        ]

    saved = together([lambda p=p: late(p) for p in people[:2]] + [lambda p=p: newcomer(p) for p in people[2:]])

    assert all(len(answers) == 4 for answers in saved[:2])  # nobody's work was refused
    assert Label.objects.count() == sum(len(answers) for answers in saved)
    assert seats_are_right(project) and counters_are_right(project)
    assert Image.objects.filter(n_votes__gt=2).count() == 0
    assert Claim.objects.filter(holds_seat=True).count() == 8
