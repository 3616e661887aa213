"""Many on the review grid at once, on real connections: quota exact, each page once, and nobody waits in a circle."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import uuid4

import pytest
from django.db import connection, transaction

from labeler.agreement import rounds
from labeler.labeling import claim_ends, claims, labels
from labeler.models import Claim, Image, Label, QueueEntry
from labeler.review import grid
from labeler.review.grid import ReviewAnswer
from tests.helpers.at_once import counters_are_right, together, wait_for_waiting
from tests.helpers.factories import add_images, make_model, make_project, make_user, predict
from tests.helpers.review_pages import confirm, ids, open_page, results, say
from tests.helpers.seats import let_leases_run_out, seats_are_right

pytestmark = pytest.mark.django_db(transaction=True)


def test_people_who_take_the_same_page_never_exceed_the_quota():
    project = make_project(labels_per_image=2)
    people = [make_user(f"r{n}") for n in range(6)]
    for person in people:
        project.memberships.create(user=person)
    model = make_model(project)
    say(model, project, 30)

    def work(person) -> int:
        done = 0
        while (page := open_page(project, person, count=6)).tiles:
            answers = confirm(page)
            if done % 2:
                answers[0] = ReviewAnswer(answers[0].image_id, None)
            outcomes = grid.answer_page(project=project, reviewer=person, answers=answers, idempotency_key=uuid4())
            assert {o.result for o in outcomes} <= {"saved", "sent_back"}
            done += 1
        return done

    together([lambda p=p: work(p) for p in people])

    assert seats_are_right(project) and counters_are_right(project)
    assert not Label.objects.filter(extra=True).exists()
    assert max(Image.objects.values_list("n_votes", flat=True)) <= 2


def test_the_same_page_sent_many_times_at_once_is_saved_once():
    project = make_project()
    person = make_user("rosa")
    project.memberships.create(user=person)
    say(make_model(project), project, 18)
    page, key = open_page(project, person), uuid4()

    sent = together(
        [
            lambda: grid.answer_page(project=project, reviewer=person, answers=confirm(page), idempotency_key=key)
            for _ in range(8)
        ]
    )

    assert all(outcomes == sent[0] for outcomes in sent)
    assert Label.objects.count() == 18 and counters_are_right(project) and seats_are_right(project)


def test_the_same_page_asked_for_many_times_at_once_is_one_page():
    project = make_project()
    person = make_user("rosa")
    project.memberships.create(user=person)
    say(make_model(project), project, 40)
    client = uuid4()

    pages = together([lambda: open_page(project, person, client=client) for _ in range(6)])

    assert {tuple(ids(page)) for page in pages} == {tuple(ids(pages[0]))}
    assert Claim.objects.count() == 18


def test_late_pages_and_newcomers_wait_for_nobody_in_a_circle():
    project = make_project(labels_per_image=1)
    people = [make_user(f"s{n}") for n in range(6)]
    for person in people:
        project.memberships.create(user=person)
    say(make_model(project), project, 18)
    pages = []
    for person in people[:3]:
        pages.append((person, open_page(project, person)))
        let_leases_run_out(project)
        claim_ends.expire_leases(project)

    def late(person, page):
        return {o.result for o in grid.answer_page(project=project, reviewer=person, answers=confirm(page))}

    def newcomer(person):
        for one in claims.claim(project=project, annotator=person, count=18):
            labels.save_label(image_id=one.image_id, annotator=person, categories=["cat"])
        return {"saved"}

    done = together([lambda p=p, g=g: late(p, g) for p, g in pages] + [lambda p=p: newcomer(p) for p in people[3:]])

    assert done == [{"saved"}] * 6
    assert seats_are_right(project) and counters_are_right(project)


@contextmanager
def in_the_background():
    """Yields a function that starts a callable and returns its future once one more connection waits for a lock."""
    waiting = 0

    def run(task):
        try:
            return task()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:

        def start(task) -> Future:
            nonlocal waiting
            waiting += 1
            future = pool.submit(run, task)
            wait_for_waiting(waiting)
            return future

        yield start


def test_who_finds_an_image_full_after_waiting_for_it_goes_on_to_the_next_with_empty_hands():
    # The image that turned out to be full stays locked until the transaction ends: waiting for the next one in the same
    # transaction closes a circle with a late page, which has that one and wants the full one.
    project = make_project(labels_per_image=1)
    late, neighbour, newcomer = people = [make_user(f"c{n}") for n in range(3)]
    for person in people:
        project.memberships.create(user=person)
    low, high = say(make_model(project), project, 2)
    QueueEntry.objects.filter(pk=high.pk).update(priority=0.9)
    QueueEntry.objects.filter(pk=low.pk).update(priority=0.1)
    page = open_page(project, late)
    let_leases_run_out(project)
    claim_ends.expire_leases(project)

    with in_the_background() as start, transaction.atomic():
        [taken] = claims.claim(project=project, annotator=neighbour)
        with suppress(StopIteration), transaction.atomic():
            QueueEntry.objects.select_for_update().get(pk=low.pk)
            # Finds both of them locked, and waits for the upper one.
            offered = start(lambda: claims.claim(project=project, annotator=newcomer))
            raise StopIteration  # the savepoint lets go of the lock
        answered = start(lambda: grid.answer_page(project=project, reviewer=late, answers=confirm(page)))

    assert taken.image_id == high.pk and offered.result(timeout=60) == []
    assert results(answered.result(timeout=60)) == {low.pk: "saved", high.pk: "saved"}
    assert seats_are_right(project) and counters_are_right(project)
    assert list(Label.objects.filter(extra=True).values_list("image", flat=True)) == [high.pk]


def test_a_page_and_a_new_round_of_its_images_lock_the_claims_in_one_order():
    project = make_project(labels_per_image=2)
    person, other = people = [make_user(f"r{n}") for n in range(2)]
    for one in people:
        project.memberships.create(user=one)
    model = make_model(project)
    images = add_images(project, 2)
    for image, confidence in zip(images, (0.95, 0.99), strict=True):
        predict(model, image, "cat", confidence)  # the later image is the surer one, and so the first of the page
    label_all(project, other)
    page = open_page(project, person)
    assert ids(page) == [image.pk for image in reversed(images)]
    first = Claim.objects.filter(annotator=person).earliest("pk")

    with in_the_background() as start, transaction.atomic():
        Claim.objects.select_for_update(no_key=True).get(pk=first.pk)
        sent = start(lambda: rounds.send_back(project=project, by=other, image_ids=ids(page)))
        answered = start(lambda: grid.answer_page(project=project, reviewer=person, answers=confirm(page)))

    assert sent.result(timeout=60) == 2 and set(results(answered.result(timeout=60)).values()) == {"saved"}
    assert seats_are_right(project) and counters_are_right(project)


def label_all(project, person) -> None:
    for one in claims.claim(project=project, annotator=person, count=50):
        labels.save_label(image_id=one.image_id, annotator=person, categories=["cat"])
