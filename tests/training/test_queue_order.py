"""The order of the queue: by what a model is unsure of, by what covers the data, by chance."""

import pytest

from labeler.labeling import seats
from labeler.labeling.claims import claim
from labeler.models import Image, Membership, QueueEntry
from labeler.models.image import Slice, Status
from labeler.models.queue import ChosenBy
from labeler.training import prelabels, queue_order
from tests.helpers.answers import answer
from tests.helpers.factories import add_images, make_model
from tests.helpers.opinions import opinion

pytestmark = pytest.mark.django_db


def order(project):
    return list(
        QueueEntry.objects.filter(project=project).order_by("-priority", "-image").values_list("image", flat=True)
    )


def test_least_sure_images_come_first_at_even_ranks(project, ann):
    run, images = make_model(project), add_images(project, 4, slice=Slice.NONE)
    margins = [0.9, 0.1, 0.5, 0.3]
    prelabels.store(run, [opinion(run, image, margin) for image, margin in zip(images, margins, strict=True)])
    Membership.objects.filter(user=ann).update(frontier_image=1, frontier_priority=0.5)

    assert queue_order.reorder(project) == 4

    assert order(project) == [images[k].pk for k in (1, 3, 2, 0)]
    entries = QueueEntry.objects.filter(project=project).order_by("priority")
    assert [e.priority for e in entries] == [0.125, 0.375, 0.625, 0.875]
    assert {e.chosen_by for e in entries} == {ChosenBy.UNCERTAINTY}
    assert Membership.objects.get(user=ann, project=project).frontier_image is None
    (one,) = claim(project=project, annotator=ann)
    assert one.image_id == images[1].pk
    assert one.chosen_by == ChosenBy.UNCERTAINTY
    assert queue_order.reorder(project) == 0  # nothing new: nothing is written


def test_blind_images_keep_their_random_order_and_come_at_a_constant_rate(project):
    run = make_model(project)
    plain = add_images(project, 80, slice=Slice.NONE)
    blind = [
        image for part in (Slice.TEST, Slice.CALIBRATION, Slice.BLIND) for image in add_images(project, 8, slice=part)
    ]
    before = [pk for pk in order(project) if pk in {i.pk for i in blind}]
    # The model is unsure of all blind images, which must not matter.
    prelabels.store(run, [opinion(run, i, 0.0) for i in blind] + [opinion(run, i, 0.5) for i in plain])

    queue_order.reorder(project)

    places = order(project)
    assert [pk for pk in places if pk in before] == before
    assert set(QueueEntry.objects.filter(image__in=blind).values_list("chosen_by", flat=True)) == {ChosenBy.RANDOM}
    # 24 of 104: in every window of 26 there are 6, give or take one at its ends
    for start in range(0, 104, 26):
        assert 5 <= sum(pk in before for pk in places[start : start + 26]) <= 7


def test_random_order_when_the_project_asks_for_it(project):
    run, images = make_model(project), add_images(project, 6, slice=Slice.NONE)
    before = order(project)
    prelabels.store(run, [opinion(run, image, k / 10) for k, image in enumerate(images)])
    queue_order.reorder(project)
    assert order(project) != before

    project.ask_uncertain_first = False
    queue_order.reorder(project)

    assert order(project) == before  # the draw of an image is the same for ever
    assert set(QueueEntry.objects.values_list("chosen_by", flat=True)) == {ChosenBy.RANDOM}


def test_what_people_chose_and_what_is_settled_keeps_its_place(project):
    run, (gold, settled, open_) = make_model(project), add_images(project, 3, slice=Slice.NONE)
    QueueEntry.objects.filter(pk=gold.pk).update(chosen_by=ChosenBy.GOLD, priority=0.77)
    QueueEntry.objects.filter(pk=settled.pk).update(seats_left=0, priority=0.66)
    Image.objects.filter(pk=settled.pk).update(status=Status.SETTLED)
    prelabels.store(run, [opinion(run, image, 0.5) for image in (gold, settled, open_)])

    queue_order.reorder(project)

    assert dict(QueueEntry.objects.values_list("image", "priority")) == {
        gold.pk: 0.77,
        settled.pk: 0.66,
        open_.pk: 0.5,
    }


# ---------------------------------------------------------------- before there is a model


def drawn(project):
    return {
        entry.pk: seats.draw(project, entry.image.sha256, "priority")
        for entry in QueueEntry.objects.filter(project=project).select_related("image")
    }


@pytest.fixture
def twelve(project):
    """Twelve images where chance put them, four of them blind."""
    images = [*add_images(project, 8, slice=Slice.NONE), *add_images(project, 4, slice=Slice.TEST)]
    for pk, place in drawn(project).items():
        QueueEntry.objects.filter(pk=pk).update(priority=place)
    return images


def test_images_that_cover_the_data_change_places_with_those_that_chance_put_first(project, twelve):
    by_chance = [pk for pk in order(project) if pk in {image.pk for image in twelve[:8]}]
    before = dict(QueueEntry.objects.values_list("pk", "priority"))
    wanted = [by_chance[5], by_chance[1], by_chance[7]]

    assert queue_order.cover_first(project, [*wanted, twelve[9].pk]) == 5

    entries = {entry.pk: entry for entry in QueueEntry.objects.all()}
    assert [pk for pk in order(project) if pk in by_chance][:3] == wanted
    assert {pk for pk, entry in entries.items() if entry.chosen_by == ChosenBy.COVER} == set(wanted)
    # The same places, held by others: what is blind comes as often as before, and is where it was.
    assert sorted(entry.priority for entry in entries.values()) == sorted(before.values())
    unmoved = [*(image.pk for image in twelve[8:]), by_chance[3], by_chance[4], by_chance[6]]
    assert all(entries[pk].priority == before[pk] for pk in unmoved)


def test_what_covers_the_data_no_longer_goes_back_and_what_was_labeled_stays(project, twelve):
    first, second, third = twelve[:3]
    queue_order.cover_first(project, [first.pk, second.pk])
    answer(first, ann="cat")
    kept = QueueEntry.objects.get(pk=first.pk)

    queue_order.cover_first(project, [third.pk])

    entries = {entry.pk: entry for entry in QueueEntry.objects.all()}
    assert {pk for pk, entry in entries.items() if entry.chosen_by == ChosenBy.COVER} == {first.pk, third.pk}
    assert entries[first.pk].priority == kept.priority
    queue_order.cover_first(project, [])
    back = drawn(project)
    others = QueueEntry.objects.exclude(pk=first.pk)
    assert all((e.priority, e.chosen_by) == (back[e.pk], ChosenBy.RANDOM) for e in others)


def test_a_model_takes_the_order_over_from_what_covers_the_data(project, twelve):
    queue_order.cover_first(project, [image.pk for image in twelve[:4]])
    run = make_model(project)
    prelabels.store(run, [opinion(run, image, k / 10) for k, image in enumerate(twelve[:8])])

    queue_order.reorder(project)

    assert set(QueueEntry.objects.values_list("chosen_by", flat=True)) == {"uncertainty", "random"}
