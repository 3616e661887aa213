"""Everything that touches the queue, at once, on real connections: nobody waits in a circle, and the sums hold.

STORM_SEEDS=1,2,3 STORM_STEPS=100 make it a search: a circle closes in one run of some hundred or thousand.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from labeler.agreement import rounds
from labeler.consensus import label_economy, overlap, snapshots
from labeler.errors import LabelerError
from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claim_ends, claims, counters, labels, priorities, seats
from labeler.models import Claim, Label
from labeler.projects import projects
from labeler.review import adjudication, gold, grid
from labeler.review.grid import ReviewAnswer
from labeler.training import queue_order
from tests.helpers.at_once import counters_are_right, together
from tests.helpers.factories import (
    add_images,
    bring_labels,
    category,
    join,
    make_model,
    make_project,
    make_user,
    predict,
)
from tests.helpers.seats import seats_are_right

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("cat", "dog", "fox")
SEEDS = [int(n) for n in os.environ.get("STORM_SEEDS", "0").split(",")]
STEPS = int(os.environ.get("STORM_STEPS", "20"))  # of each of eight people


def let_leases_run_out(project, person):
    """As if time had passed; claim by claim, so that this does not wait in a circle itself."""
    for pk in Claim.objects.filter(project=project, annotator=person, state="open").values_list("pk", flat=True):
        Claim.objects.filter(pk=pk, state="open").update(expires_at=timezone.now() - timedelta(seconds=1))


def annotate(project, person, dice):
    """One thing that somebody who labels does."""
    what = dice.random()
    if what < 0.5:
        for one in claims.claim(project=project, annotator=person, count=dice.choice((1, 5, 18))):
            if dice.random() < 0.8:
                labels.save_label(image_id=one.image_id, annotator=person, categories=[dice.choice(NAMES)])
    elif what < 0.6:
        said = Label.objects.current().filter(annotator=person, project=project).values_list("image", flat=True)
        for image in list(said[:5]):
            labels.undo(image_id=image, annotator=person)
            labels.save_label(image_id=image, annotator=person, answer="skip")
    elif what < 0.7:
        client = uuid4()
        for one in claims.claim(project=project, annotator=person, count=5, client=client)[:2]:
            claim_ends.release(image_id=one.image_id, annotator=person)
        claim_ends.release_client(project=project, annotator=person, client=client)
    else:
        review_page(project, person, dice)


def review_page(project, person, dice):
    """Open a page of one class, answer it, perhaps too late, and perhaps take all of it back."""
    page = grid.open_page(
        project=project, reviewer=person, client=uuid4(), predicted=category(project, dice.choice(NAMES)),
        min_confidence=0.0,
    )  # fmt: skip
    grid.keep_page(project=project, reviewer=person, client=page.client)
    if dice.random() < 0.5:
        let_leases_run_out(project, person)
        claim_ends.expire_leases(project)
    answers = [ReviewAnswer(t.image.pk, t.categories if dice.random() < 0.9 else None) for t in page.tiles]
    if not answers:
        return
    grid.answer_page(project=project, reviewer=person, answers=answers, idempotency_key=uuid4())
    if dice.random() < 0.3:
        taken_back = [ReviewAnswer(one.image_id, is_undo=True) for one in answers]
        grid.answer_page(project=project, reviewer=person, answers=taken_back)


def lead(project, person, dice):
    """One thing that a lead or a worker does."""
    some = dice.sample(list(project.images.values_list("pk", flat=True)), 12)
    names = dict(project.images.values_list("pk", "name"))
    elsewhere = [
        Judgement(n, names[pk], f"w{dice.randrange(8)}", [dice.choice(NAMES)], "labeled", None, None)
        for n, pk in enumerate(some, start=2)
    ]
    dice.choice(
        [
            lambda: rounds.send_back(project=project, by=person, image_ids=some),
            lambda: priorities.put_first(project=project, by=person, image_ids=some),
            lambda: queue_order.reorder(project),
            lambda: counters.images(project),
            lambda: snapshots.refresh(project),
            lambda: claim_ends.expire_leases(project),
            lambda: overlap.adjust(project),
            lambda: label_economy.ask_where_gain_is_highest(project),
            lambda: seats.set_seats(project),
            lambda: projects.update(project=project, by=person, changes={"labels_per_image": dice.choice((1, 2, 3))}),
            lambda: projects.update(project=project, by=person, changes={"ask_by_gain": dice.random() < 0.5}),
            lambda: bring_labels(project, person, elsewhere),
            lambda: adjudication.decide(image_id=some[0], reviewer=person, categories=[dice.choice(NAMES)]),
            lambda: adjudication.withdraw(image_id=some[0], reviewer=person),
            lambda: gold.add(project=project, by=person, image_id=some[1], categories=["cat"]),
            lambda: gold.retire(project=project, by=person, image_id=some[1]),
        ]
    )()


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_at_once_waits_for_nobody_in_a_circle(seed):
    project = make_project(
        lead=make_user("lead"), labels_per_image=2, consensus_method="with_model", most_labels=4, gold_share=0.2
    )
    people = [make_user(f"w{n}") for n in range(5)]
    for person in people:
        join(project, person)
    model = make_model(project, is_calibrated=True, temperature=1.0, last_label=0)
    for n, image in enumerate(add_images(project, 60)):
        predict(model, image, NAMES[n % 3], 0.5 + 0.008 * n)

    def live(act, person, number):
        dice = random.Random(1000 * seed + number)
        done = 0
        for _ in range(STEPS):
            try:
                act(project, person, dice)
                done += 1
            except LabelerError:
                pass  # refused in words: nothing has changed, and nobody waited for it
        return done

    crowd = [lambda p=p, n=n: live(annotate, p, n) for n, p in enumerate(people)]
    above = [lambda n=n: live(lead, project.created_by, 100 + n) for n in range(3)]

    assert min(together(crowd + above)) > STEPS / 4

    counters.images(project)
    assert seats_are_right(project) and counters_are_right(project)
    assert Label.objects.filter(project=project).count() > STEPS
