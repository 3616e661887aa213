"""Who is offered what: quota, order, leases, blindness."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from labeler.errors import Invalid, NotFound
from labeler.labeling import claim_ends, claims, search, seats
from labeler.labeling.claim_ends import expire_leases, release
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label, undo
from labeler.models import Claim, Image, QueueEntry
from labeler.models.image import Slice
from tests.helpers.factories import BLIND, add_images, category, make_model, make_project, predict
from tests.helpers.seats import let_leases_run_out, seats_are_right

pytestmark = pytest.mark.django_db


def test_an_image_is_offered_to_no_more_people_than_its_quota(project, ann, bea, dora):
    add_images(project, 1, labels_needed=2)

    offers = [claim(project=project, annotator=person) for person in (ann, bea, dora)]

    assert [len(offer) for offer in offers] == [1, 1, 0]
    assert seats_are_right(project)


def test_several_images_come_at_once_and_none_twice(project, ann):
    add_images(project, 7)

    first = claim(project=project, annotator=ann, count=5)
    for one in first:
        save_label(image_id=one.image_id, annotator=ann, categories=["cat"])
    rest = claim(project=project, annotator=ann, count=5)

    assert len(first) == 5 and len(rest) == 2
    assert len({one.image_id for one in first + rest}) == 7


def test_a_lost_answer_of_the_call_costs_nothing(project, ann):
    add_images(project, 10)
    tab = uuid4()

    lost = claim(project=project, annotator=ann, count=3, client=tab)
    again = claim(project=project, annotator=ann, count=3, client=tab)

    assert [one.image_id for one in again] == [one.image_id for one in lost]
    assert Claim.objects.count() == 3


def test_another_tab_gets_other_images_until_nothing_else_is_left(project, ann):
    add_images(project, 4)
    one_tab, other_tab = uuid4(), uuid4()

    first = claim(project=project, annotator=ann, count=2, client=one_tab)
    second = claim(project=project, annotator=ann, count=2, client=other_tab)
    third = claim(project=project, annotator=ann, count=4, client=uuid4())

    assert not {c.image_id for c in first} & {c.image_id for c in second}
    # nothing is left but what the other tabs hold: a crashed browser's claims need not wait for their leases
    assert {c.image_id for c in third} == {c.image_id for c in first + second}


def test_the_highest_priority_comes_first(project, ann):
    images = add_images(project, 5)
    for rank, image in enumerate(images):
        QueueEntry.objects.filter(image=image).update(priority=rank / 10)

    order = [one.image_id for one in claim(project=project, annotator=ann, count=5)]

    assert order == [image.pk for image in reversed(images)]


def test_a_person_ahead_of_everybody_still_gets_the_next_images(project, ann, monkeypatch):
    # The window covers only images of ann's: the search has to go on behind her frontier, and it must miss nothing.
    monkeypatch.setattr(search, "TOP", search.TOP.replace(f"LIMIT {search.WINDOW}", "LIMIT 2"))
    images = add_images(project, 12, labels_needed=2)

    seen = []
    while batch := claim(project=project, annotator=ann, count=3):
        for one in batch:
            save_label(image_id=one.image_id, annotator=ann, categories=["cat"])
            seen.append(one.image_id)

    assert sorted(seen) == [image.pk for image in images]


def test_the_frontier_hides_no_image_that_comes_back(project, ann, monkeypatch):
    monkeypatch.setattr(search, "TOP", search.TOP.replace(f"LIMIT {search.WINDOW}", "LIMIT 1"))
    add_images(project, 8)
    taken = claim(project=project, annotator=ann, count=6)
    for one in taken[3:]:
        save_label(image_id=one.image_id, annotator=ann, categories=["cat"])
    for one in taken[:3]:
        release(image_id=one.image_id, annotator=ann)

    found = claim(project=project, annotator=ann, count=8)

    assert len(found) == 5  # the two never seen, and the three given back, which lie before the frontier


def test_what_a_closing_tab_gives_back_between_two_looks_is_found(project, ann, monkeypatch):
    add_images(project, 2)
    closing = uuid4()
    held = claim(project=project, annotator=ann, count=2, client=closing)
    original = claims.open_claims

    def given_back_meanwhile(member, client, count):
        if client is None:  # neither its own tab's nor open seats were found: next, those of other tabs
            assert claim_ends.release_client(project=project, annotator=ann, client=closing) == 2
        return original(member, client, count)

    monkeypatch.setattr(claims, "open_claims", given_back_meanwhile)

    found = claim(project=project, annotator=ann, count=2, client=uuid4())

    assert len(found) == 1 and found[0].image_id in {one.image_id for one in held}


def test_a_lease_that_ran_out_returns_its_seat(project, ann, bea):
    add_images(project, 1, labels_needed=1)
    claim(project=project, annotator=ann)
    assert claim(project=project, annotator=bea) == []

    let_leases_run_out(project)

    assert len(claim(project=project, annotator=bea)) == 1
    assert seats_are_right(project)


def test_asking_again_renews_the_lease(project, ann):
    add_images(project, 1)
    [held] = claim(project=project, annotator=ann)
    soon = timezone.now() + timedelta(seconds=5)
    Claim.objects.filter(pk=held.pk).update(expires_at=soon)

    [renewed] = claim(project=project, annotator=ann)

    assert renewed.pk == held.pk and renewed.expires_at > soon + timedelta(minutes=20)


def test_nobody_judges_an_image_twice_in_a_round(project, ann):
    add_images(project, 1, labels_needed=5)
    [one] = claim(project=project, annotator=ann)
    save_label(image_id=one.image_id, annotator=ann, categories=["cat"])

    assert claim(project=project, annotator=ann) == []


def test_what_was_given_back_may_be_offered_again_and_skipped_may_not(project, ann):
    add_images(project, 2, labels_needed=1)
    first, second = claim(project=project, annotator=ann, count=2)
    release(image_id=first.image_id, annotator=ann)
    save_label(image_id=second.image_id, annotator=ann, answer="skip")

    assert [one.image_id for one in claim(project=project, annotator=ann, count=2)] == [first.image_id]
    assert seats_are_right(project)


def test_a_skipped_image_goes_to_somebody_else(project, ann, bea):
    add_images(project, 1, labels_needed=1)
    [one] = claim(project=project, annotator=ann)
    save_label(image_id=one.image_id, annotator=ann, answer="skip")

    assert [c.image_id for c in claim(project=project, annotator=bea)] == [one.image_id]


def test_a_stranger_gets_nothing(project, carl):
    add_images(project, 1)
    with pytest.raises(NotFound):
        claim(project=project, annotator=carl)


@pytest.mark.parametrize("count", [0, -1, 51])
def test_a_silly_count_is_refused(project, ann, count):
    with pytest.raises(Invalid):
        claim(project=project, annotator=ann, count=count)


# ---------------------------------------------------------------- pre-labels and blindness


def test_the_active_models_opinion_comes_with_the_claim_and_the_label_remembers_it(project, ann):
    [image] = add_images(project, 1)
    opinion = predict(make_model(project), image, "dog", 0.9)

    [offered] = claim(project=project, annotator=ann)
    saved = save_label(image_id=image.pk, annotator=ann, categories=["dog"])

    assert offered.shown_prediction == opinion
    assert image.labels.get(pk=saved.id).shown_prediction == opinion


def test_a_blind_image_never_shows_a_prelabel(project, ann):
    [image] = add_images(project, 1, slice=BLIND)
    predict(make_model(project), image, "dog")

    [offered] = claim(project=project, annotator=ann)
    saved = save_label(image_id=image.pk, annotator=ann, categories=["dog"])

    assert offered.shown_prediction is None
    assert image.labels.get(pk=saved.id).shown_prediction is None


def test_prelabels_can_be_switched_off_for_a_project(project, ann):
    [image] = add_images(project, 1)
    predict(make_model(project), image, "dog")
    project.show_prelabels = False
    project.save()

    assert claim(project=project, annotator=ann)[0].shown_prediction is None


def test_an_inactive_models_opinion_is_not_shown(project, ann):
    [image] = add_images(project, 1)
    predict(make_model(project, active=False), image, "dog")

    assert claim(project=project, annotator=ann)[0].shown_prediction is None


def test_a_prelabel_once_shown_stays_the_one_that_was_shown(project, ann):
    [image] = add_images(project, 1)
    old = make_model(project)
    first = predict(old, image, "dog")
    claim(project=project, annotator=ann)
    release(image_id=image.pk, annotator=ann)
    old.is_active = False
    old.save()
    predict(make_model(project), image, "cat")

    [again] = claim(project=project, annotator=ann)

    assert again.shown_prediction == first


def test_a_page_of_one_predicted_class_comes_most_confident_first(project, ann):
    images = add_images(project, 4)
    run = make_model(project)
    for image, (name, p) in zip(images, [("dog", 0.7), ("dog", 0.95), ("cat", 0.99), ("dog", 0.4)], strict=True):
        predict(run, image, name, p)

    page = claim(project=project, annotator=ann, count=10, predicted=category(project, "dog"), min_confidence=0.5)

    assert [c.image_id for c in page] == [images[1].pk, images[0].pk]
    assert {c.chosen_by for c in page} == {"review"}


def test_the_blind_share_is_a_property_of_the_image_and_close_to_what_was_asked(ann):
    project = make_project(ann, blind_share=0.15)
    slices = [seats.draw_slice(project, f"{n:064x}") for n in range(20_000)]

    # 20,000 draws at .15: standard error .0025; the held-out slices are two fifths of the blind share each
    assert sum(s != Slice.NONE for s in slices) / 20_000 == pytest.approx(0.15, abs=0.01)
    assert sum(s == Slice.TEST for s in slices) / 20_000 == pytest.approx(0.06, abs=0.007)
    assert slices == [seats.draw_slice(project, f"{n:064x}") for n in range(20_000)]


def test_held_out_images_want_two_people_even_when_one_is_the_quota(ann):
    project = make_project(ann, labels_per_image=1)
    [test, plain] = add_images(project, 1, slice=Slice.TEST) + add_images(project, 1)

    assert (test.entry.seats, plain.entry.seats) == (2, 1)


# ---------------------------------------------------------------- quota changes


def test_a_new_quota_opens_seats_and_takes_none_away(project, ann, bea):
    add_images(project, 2, labels_needed=2)
    for person in (ann, bea):
        for one in claim(project=project, annotator=person, count=1):
            save_label(image_id=one.image_id, annotator=person, categories=["cat"])

    project.labels_per_image = 3
    project.save()
    seats.set_seats(project)
    assert set(QueueEntry.objects.values_list("seats", flat=True)) == {3} and seats_are_right(project)

    project.labels_per_image = 1
    project.save()
    seats.set_seats(project)
    assert seats_are_right(project)
    assert not QueueEntry.objects.filter(seats_left__lt=0).exists()


def test_expiry_leaves_a_claim_alone_that_is_being_answered(project, ann):
    [image] = add_images(project, 1, labels_needed=1)
    claim(project=project, annotator=ann)
    let_leases_run_out(project)

    # the answer arrives before anybody swept: the seat was never given away
    saved = save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    assert not saved.extra
    assert expire_leases(project) == 0
    assert seats_are_right(project)


def test_undo_keeps_the_seat_for_the_same_person(project, ann, bea):
    [image] = add_images(project, 1, labels_needed=1)
    claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    undo(image_id=image.pk, annotator=ann)

    assert claim(project=project, annotator=bea) == []
    assert [c.image_id for c in claim(project=project, annotator=ann)] == [image.pk]
    assert Image.objects.get(pk=image.pk).status == "unlabeled"
    assert seats_are_right(project)
