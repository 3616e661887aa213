"""The review grid's pages: what comes on them, what is kept of the answers, and the images that were planted."""

from __future__ import annotations

from uuid import uuid4, uuid5

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.agreement import reports
from labeler.consensus import snapshots
from labeler.errors import Invalid, KeyReused, NotFound, NotPossibleNow
from labeler.labeling import claim_ends, claims, labels
from labeler.labeling.label_arrays import Selection
from labeler.models import CategoryExample, Claim, Label, Plant, QueueEntry
from labeler.models.image import Slice
from labeler.models.queue import ClaimState
from labeler.projects import classes
from labeler.review import adjudication, grid
from labeler.review import planted as planted_answers
from labeler.review.grid import ReviewAnswer
from tests.helpers.at_once import counters_are_right
from tests.helpers.factories import add_images, category, make_model, make_user, predict
from tests.helpers.review_pages import confirm, ids, open_page, results, say, settle
from tests.helpers.seats import let_leases_run_out, seats_are_right

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_chance")]


@pytest.fixture
def model(project):
    return make_model(project, is_calibrated=True)


# ---------------------------------------------------------------- pages


def test_a_page_holds_one_class_from_the_threshold_on_surest_first(project, model, ann):
    sure, unsure = say(model, project, 3), say(model, project, 1, top=0.7)
    say(model, project, 2, name="dog")
    blind = say(model, project, 1, slice=Slice.BLIND)

    page = open_page(project, ann)

    assert ids(page) == [image.pk for image in sure]
    assert [tile.probability for tile in page.tiles] == [0.99, 0.989, 0.988]
    assert page.is_calibrated and page.expires_at is not None
    assert ids(open_page(project, ann, min_confidence=0.6)) == [unsure[0].pk]
    assert not {blind[0].pk} & set(ids(open_page(project, ann, min_confidence=0.0)))
    assert set(Claim.objects.values_list("chosen_by", flat=True)) == {"review"}


def test_the_same_name_brings_the_same_page_renewed(project, model, ann):
    say(model, project, 5)
    client = uuid4()
    first = open_page(project, ann, client=client, count=3)
    let_leases_nearly_run_out(project)

    again = open_page(project, ann, client=client, count=3)

    assert ids(again) == ids(first)
    assert again.expires_at == max(Claim.objects.values_list("expires_at", flat=True))
    assert not set(ids(open_page(project, ann, count=3))) & set(ids(first))


def let_leases_nearly_run_out(project) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE labeler_claim SET expires_at = now() + interval '3 seconds'")


def test_a_page_begins_where_the_last_one_ended_and_takes_what_is_above_when_little_is_left(project, model, ann):
    images = say(model, project, 6)

    page = open_page(project, ann, max_confidence=0.987, count=4)

    assert ids(page) == [images[k].pk for k in (0, 3, 4, 5)]


def test_nobody_gets_a_page_of_what_they_have_seen_there(project, model, ann, bea):
    images = say(model, project, 4)
    page = open_page(project, ann)
    a, b, c, _ = page.tiles
    grid.answer_page(
        project=project,
        reviewer=ann,
        answers=[ReviewAnswer(a.image.pk, ["cat"]), ReviewAnswer(b.image.pk, ["dog"]), ReviewAnswer(c.image.pk, None)],
    )
    grid.close_page(project=project, reviewer=ann, client=page.client)

    assert ids(open_page(project, ann)) == [images[3].pk]
    assert len(ids(open_page(project, bea))) == 4


def test_a_class_that_was_retired_is_on_no_page(project, model, ann, lena):
    say(model, project, 2)
    classes.change_category(category=project.categories.get(name="cat"), by=lena, changes={"retired": True})
    project.refresh_from_db()

    assert ids(open_page(project, ann)) == []


def test_where_no_pre_labels_are_shown_there_is_no_page(project, model, ann):
    say(model, project, 2)
    project.show_prelabels = False
    project.save()

    with pytest.raises(NotPossibleNow):
        open_page(project, ann)
    with pytest.raises(NotPossibleNow):
        claims.claim(project=project, annotator=ann, predicted=category(project, "cat"))


def test_without_a_model_a_page_is_empty(project, ann):
    add_images(project, 2)

    page = open_page(project, ann)

    assert (page.tiles, page.expires_at) == ([], None)


def test_a_stranger_opens_no_page(project, model, carl):
    say(model, project, 1)

    with pytest.raises(NotFound):
        open_page(project, carl)


def test_keeping_a_page_renews_it_and_takes_nothing_new(project, model, ann):
    say(model, project, 4)
    page = open_page(project, ann, count=2)
    grid.answer_page(project=project, reviewer=ann, answers=confirm(page)[:1])
    let_leases_nearly_run_out(project)

    grid.keep_page(project=project, reviewer=ann, client=page.client)

    assert Claim.objects.filter(state="open").count() == 1
    assert Claim.objects.get(state="open").expires_at >= page.expires_at
    assert Claim.objects.count() == 2


def test_a_page_that_is_closed_gives_its_seats_back(project, model, ann):
    say(model, project, 3)
    page = open_page(project, ann)

    grid.close_page(project=project, reviewer=ann, client=page.client)

    assert set(Claim.objects.values_list("state", "holds_seat")) == {("released", False)}
    assert seats_are_right(project)
    assert ids(open_page(project, ann)) == ids(page)


def test_another_tabs_images_are_not_handed_to_a_page(project, model, ann):
    say(model, project, 2)
    held = claims.claim(project=project, annotator=ann, count=2, client=uuid4())
    assert len(held) == 2

    assert ids(open_page(project, ann)) == []
    assert claims.claim(project=project, annotator=ann, client=uuid4(), predicted=category(project, "cat")) == []


def test_the_counts_say_what_waits_for_one_person(project, model, ann, bea):
    say(model, project, 5)
    say(model, project, 2, name="fox")
    say(model, project, 2, name="dog", top=0.5)
    say(model, project, 1, slice=Slice.TEST)
    cat, fox, dog = (category(project, name) for name in ("cat", "fox", "dog"))
    assert grid.waiting(project, ann) == ({cat: 5, fox: 2}, False)
    page = open_page(project, ann, count=3)
    a, b, _ = page.tiles
    grid.answer_page(
        project=project, reviewer=ann, answers=[ReviewAnswer(a.image.pk, ["cat"]), ReviewAnswer(b.image.pk, None)]
    )
    cache.clear()

    assert grid.waiting(project, ann) == ({cat: 3, fox: 2}, False)
    assert grid.waiting(project, bea) == ({cat: 5, fox: 2}, False)
    assert grid.waiting(project, bea, 0.4) == ({cat: 5, fox: 2, dog: 2}, False)


def test_the_counts_say_when_there_may_be_more(project, model, ann, monkeypatch):
    say(model, project, 5)
    monkeypatch.setattr(grid, "COUNTED", 3)

    assert grid.waiting(project, ann) == ({category(project, "cat"): 3}, True)


# ---------------------------------------------------------------- answers


def test_a_page_is_saved_at_once_as_labels_with_the_pre_label_shown(project, model, ann):
    say(model, project, 3)
    page = open_page(project, ann)
    answers = confirm(page)
    answers[1] = ReviewAnswer(answers[1].image_id, ["dog"])

    outcomes = grid.answer_page(project=project, reviewer=ann, answers=answers, seconds=9.0)

    cat, dog = category(project, "cat"), category(project, "dog")
    assert [(o.result, o.categories) for o in outcomes] == [("saved", [cat]), ("saved", [dog]), ("saved", [cat])]
    for label in Label.objects.all():
        assert label.shown_prediction.image_id == label.image_id
        assert (label.chosen_by, label.seconds, label.purpose) == ("review", 3.0, "vote")
    assert seats_are_right(project) and counters_are_right(project)


def test_what_was_shown_is_the_present_models_word_also_after_an_older_ones(project, ann):
    old = make_model(project)
    [image] = say(old, project, 1, name="fox")
    claims.claim(project=project, annotator=ann)
    claim_ends.release(image_id=image.pk, annotator=ann)
    old.is_active = False
    old.save()
    shown = predict(make_model(project), image, "cat", 0.95)

    page = open_page(project, ann)
    grid.answer_page(project=project, reviewer=ann, answers=confirm(page))

    assert page.tiles[0].categories == [category(project, "cat")]
    assert Label.objects.get().shown_prediction == shown


def test_one_that_is_refused_keeps_no_other_from_being_saved(project, model, ann, bea):
    say(model, project, 3)
    [stranger] = add_images(project, 1)
    page = open_page(project, ann)
    answers = [*confirm(page), ReviewAnswer(stranger.pk, ["cat"])]
    answers[0] = ReviewAnswer(answers[0].image_id, ["wolf"])
    answers[1] = ReviewAnswer(answers[1].image_id, ["cat", "dog"])

    outcomes = grid.answer_page(project=project, reviewer=ann, answers=answers)

    assert [o.result for o in outcomes] == ["refused", "refused", "saved", "refused"]
    assert [o.error.code for o in outcomes if o.error] == [
        "category_not_in_project",
        "answer_does_not_fit_task",
        "no_claim",
    ]
    assert list(Label.objects.values_list("image", flat=True)) == [answers[2].image_id]
    assert Claim.objects.filter(state="open").count() == 2
    assert seats_are_right(project) and counters_are_right(project)


def test_the_same_call_again_writes_nothing_and_answers_the_same(project, model, ann):
    say(model, project, 3)
    page = open_page(project, ann)
    answers = [*confirm(page)[:2], ReviewAnswer(page.tiles[2].image.pk, None)]
    key = uuid4()

    first, again = (
        grid.answer_page(project=project, reviewer=ann, answers=answers, idempotency_key=key) for _ in range(2)
    )

    assert first == again
    assert Label.objects.count() == 2
    assert set(Label.objects.values_list("idempotency_key", flat=True)) == {uuid5(key, str(i)) for i in ids(page)[:2]}


def test_the_same_key_with_another_answer_is_refused_for_that_image(project, model, ann):
    say(model, project, 2)
    page = open_page(project, ann)
    key = uuid4()
    grid.answer_page(project=project, reviewer=ann, answers=confirm(page), idempotency_key=key)

    changed = [ReviewAnswer(page.tiles[0].image.pk, ["fox"]), confirm(page)[1]]
    outcomes = grid.answer_page(project=project, reviewer=ann, answers=changed, idempotency_key=key)

    assert isinstance(outcomes[0].error, KeyReused)
    assert outcomes[1].result == "saved"


def test_undone_and_sent_again_brings_nothing_back(project, model, ann):
    say(model, project, 2)
    page = open_page(project, ann)
    key, undo = uuid4(), [ReviewAnswer(pk, is_undo=True) for pk in ids(page)]
    grid.answer_page(project=project, reviewer=ann, answers=confirm(page), idempotency_key=key)

    undone = grid.answer_page(project=project, reviewer=ann, answers=undo, idempotency_key=uuid4())
    grid.answer_page(project=project, reviewer=ann, answers=confirm(page), idempotency_key=key)

    assert set(results(undone).values()) == {"taken_back"}
    assert not Label.objects.current().exists()
    assert Claim.objects.filter(state="open", holds_seat=True).count() == 2
    assert seats_are_right(project) and counters_are_right(project)


def test_a_late_page_is_kept_and_marked_where_the_image_was_full(project, model, ann, bea, dora):
    images = say(model, project, 2, labels_needed=1)
    page = open_page(project, ann)
    let_leases_run_out(project)
    claims.claim(project=project, annotator=bea)
    [taken] = Claim.objects.filter(annotator=bea).values_list("image", flat=True)

    outcomes = grid.answer_page(project=project, reviewer=ann, answers=confirm(page))

    assert [o.result for o in outcomes] == ["saved", "saved"]
    assert {label.image_id: label.extra for label in Label.objects.all()} == {
        image.pk: image.pk == taken for image in images
    }
    assert seats_are_right(project) and counters_are_right(project)


def test_sent_back_an_image_goes_to_labeling_but_never_to_ones_own_grid_again(project, model, ann, bea):
    [image] = say(model, project, 1, labels_needed=1)
    page = open_page(project, ann)

    [outcome] = grid.answer_page(project=project, reviewer=ann, answers=[ReviewAnswer(image.pk, None)])

    assert outcome.result == "sent_back"
    assert not Label.objects.exists()
    assert Claim.objects.get().state == ClaimState.SENT_BACK
    assert seats_are_right(project)
    assert ids(open_page(project, ann)) == []
    other = open_page(project, bea)
    assert ids(other) == [image.pk]
    grid.close_page(project=project, reviewer=bea, client=other.client)
    assert [c.image_id for c in claims.claim(project=project, annotator=ann)] == [image.pk]
    assert page.tiles


def test_sending_back_can_be_taken_back_and_answered(project, model, ann):
    [image] = say(model, project, 1)
    open_page(project, ann)
    grid.answer_page(project=project, reviewer=ann, answers=[ReviewAnswer(image.pk, None)])

    grid.answer_page(project=project, reviewer=ann, answers=[ReviewAnswer(image.pk, is_undo=True)])
    grid.answer_page(project=project, reviewer=ann, answers=[ReviewAnswer(image.pk, ["cat"])])

    assert Label.objects.get().shown_prediction is not None
    assert seats_are_right(project) and counters_are_right(project)


def test_what_was_answered_is_not_sent_back_and_a_repeat_leaves_a_newer_claim_alone(project, model, ann):
    first, second = say(model, project, 2)
    open_page(project, ann)
    grid.answer_page(
        project=project, reviewer=ann, answers=[ReviewAnswer(first.pk, ["cat"]), ReviewAnswer(second.pk, None)]
    )
    [again] = claims.claim(project=project, annotator=ann)
    assert again.image_id == second.pk

    outcomes = grid.answer_page(
        project=project, reviewer=ann, answers=[ReviewAnswer(first.pk, None), ReviewAnswer(second.pk, None)]
    )

    assert [o.result for o in outcomes] == ["refused", "sent_back"]
    assert outcomes[0].error.code == "conflict"
    assert Claim.objects.get(image=second).state == ClaimState.OPEN


@pytest.mark.parametrize(
    "answers",
    [[], [ReviewAnswer(1, ["cat"])] * 2, [ReviewAnswer(n, ["cat"]) for n in range(51)]],
    ids=["none", "twice", "too many"],
)
def test_a_call_that_makes_no_sense_is_refused_as_a_whole(project, ann, answers):
    with pytest.raises(Invalid):
        grid.answer_page(project=project, reviewer=ann, answers=answers)


def test_of_any_number_of_classes_the_whole_set_is_confirmed_or_changed(multi_project, ann):
    model = make_model(multi_project)
    images = say(model, multi_project, 2, name="sky")
    sky, sea = category(multi_project, "sky"), category(multi_project, "sea")
    model.predictions.filter(image=images[0]).update(categories=[sky, sea])

    page = open_page(multi_project, ann, name="sky")
    assert [tile.categories for tile in page.tiles] == [[sky, sea], [sky]]
    grid.answer_page(
        project=multi_project,
        reviewer=ann,
        answers=[ReviewAnswer(images[0].pk, [sky, sea]), ReviewAnswer(images[1].pk, [])],
    )

    assert {row.image_id: row.categories for row in Label.objects.all()} == {images[0].pk: [sky, sea], images[1].pk: []}


def test_a_page_of_eighteen_costs_a_bounded_number_of_queries(project, model, ann):
    say(model, project, 18)
    page = open_page(project, ann)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        grid.answer_page(project=project, reviewer=ann, answers=confirm(page), idempotency_key=uuid4())

    # Per image: read, write, count, and a savepoint around them.
    assert len(queries) <= 5 * 18 + 8


# ---------------------------------------------------------------- planted answers


def test_a_page_has_its_share_of_known_answers_at_plausible_places(project, known, model, dora):
    say(model, project, 60)
    planted = []
    for _ in range(2):
        page = open_page(project, dora)
        assert len(page.tiles) == 18
        shown = [tile.probability for tile in page.tiles]
        assert shown == sorted(shown, reverse=True) and shown[0] <= 1.0 and shown[-1] >= 0.9
        assert all(tile.categories == [category(project, "cat")] for tile in page.tiles)
        rows = Plant.objects.filter(client=page.client)
        planted += [ids(page).index(row.image_id) for row in rows]
        assert 4 <= len(rows) <= 5  # a quarter of eighteen
    assert len(set(planted)) > 4  # not always at the same place
    assert Claim.objects.filter(annotator=dora).count() == 2 * 18 - len(planted)


def test_what_is_said_of_a_planted_image_goes_to_its_row_and_nowhere_else(project, known, model, dora):
    say(model, project, 20)
    before = counted(project)
    page = open_page(project, dora)
    plants = {row.image_id: row for row in Plant.objects.filter(client=page.client)}
    answers = confirm(page)
    noticed, sent_back, missed = sorted(plants)[:3]
    for place, answer in enumerate(answers):
        if answer.image_id in (noticed, sent_back):
            answers[place] = ReviewAnswer(answer.image_id, ["dog"] if answer.image_id == noticed else None)

    outcomes = grid.answer_page(project=project, reviewer=dora, answers=answers, idempotency_key=uuid4())

    said = {row.image_id: (row.answered, row.caught) for row in Plant.objects.all()}
    assert said[noticed] == ([category(project, "dog")], True)
    assert said[sent_back] == ([], True)
    assert said[missed] == ([category(project, "cat")], False)
    assert {o.result for o in outcomes} == {"saved", "sent_back"}
    assert not set(plants) & set(Label.objects.filter(annotator=dora).values_list("image", flat=True))
    assert not Claim.objects.filter(annotator=dora, image__in=plants).exists()
    assert counted(project, only=plants) == {pk: value for pk, value in before.items() if pk in plants}
    report = reports.agreement(project, Selection.with_default_sample("all"))
    assert {row["username"]: row["n"] for row in report["annotators"]}["dora"] == 18 - len(plants)
    assert not [pair for pair in report["pairs"] if "dora" in (pair["a"], pair["b"]) and pair["n"]]
    snapshots.refresh(project, list(plants))
    assert seats_are_right(project) and counters_are_right(project)


def counted(project, only=None) -> dict[int, tuple]:
    images = project.images.all() if only is None else project.images.filter(pk__in=only)
    return {
        image.pk: (image.tally, image.n_votes, image.status, image.disagreement, image.entry.seats_left)
        for image in images.select_related("entry")
    }


def test_nobody_is_shown_as_planted_what_they_judged_saw_or_settled(project, known, model, ann, dora, rev):
    _, foxes = known
    say(model, project, 40)
    adjudication.decide(image_id=foxes[0].pk, reviewer=rev, categories=["fox"])
    Claim.objects.create(
        project=project, image=foxes[1], annotator=rev, round=1, state="expired", holds_seat=False,
        claimed_at=foxes[1].created_at, expires_at=foxes[1].created_at,
    )  # fmt: skip

    open_page(project, ann)
    open_page(project, rev, count=40)

    assert not Plant.objects.filter(reviewer=ann).exists()
    planted = set(Plant.objects.filter(reviewer=rev).values_list("image", flat=True))
    assert planted and not planted & {foxes[0].pk, foxes[1].pk}


def test_an_image_that_shows_a_class_beside_the_guideline_is_never_planted(project, known, model, dora):
    dogs, foxes = known
    for image in [*dogs, *foxes]:
        CategoryExample.objects.create(category=project.categories.get(name="dog"), image=image)
    say(model, project, 20)

    open_page(project, dora)

    assert not Plant.objects.exists()


def test_each_known_answer_is_shown_to_a_person_once(project, known, model, dora):
    say(model, project, 120)
    seen: list[int] = []
    for _ in range(6):
        page = open_page(project, dora)
        grid.answer_page(project=project, reviewer=dora, answers=confirm(page))
        seen += ids(page)

    assert len(seen) == len(set(seen))
    assert Plant.objects.filter(reviewer=dora).count() == 13  # all there are, and no more


def test_the_class_that_is_right_is_never_planted_under(project, known, model, dora):
    say(model, project, 40, name="dog")

    open_page(project, dora, name="dog", count=40)

    assert set(Plant.objects.values_list("image", flat=True)) <= {image.pk for image in known[1]}


def test_blind_open_disputed_undecidable_and_assisted_images_are_not_known_answers(project, ann, bea, dora, lena):
    project.planted_share = 0.5
    project.save()
    blind = add_images(project, 2, slice=Slice.BLIND)
    disputed = add_images(project, 1)
    settle_apart(project, ann, bea, disputed[0])
    settle(project, (ann, bea), blind, "dog")
    undecidable = add_images(project, 1)
    settle(project, (ann, bea), undecidable, "dog")
    decision = adjudication.decide(image_id=undecidable[0].pk, reviewer=lena, categories=["dog"])
    type(decision).objects.filter(pk=decision.pk).update(undecidable=True, categories=[])
    still_asked = add_images(project, 1, labels_needed=3)
    settle_by_decision(project, lena, still_asked[0])
    model = make_model(project)
    assisted = say(model, project, 1, name="dog")
    QueueEntry.objects.filter(pk=assisted[0].pk).update(priority=2)  # before the one that is still asked
    for person in (ann, bea):
        [one] = claims.claim(project=project, annotator=person)
        assert one.image_id == assisted[0].pk
        labels.save_label(image_id=one.image_id, annotator=person, categories=["dog"])
    say(model, project, 30)

    open_page(project, dora, count=40)

    assert not Plant.objects.exists()


def settle_apart(project, ann, bea, image) -> None:
    for person, name in ((ann, "dog"), (bea, "fox")):
        for one in claims.claim(project=project, annotator=person, count=50):
            labels.save_label(
                image_id=one.image_id, annotator=person, categories=[name if one.image == image else "dog"]
            )


def settle_by_decision(project, lena, image) -> None:
    adjudication.decide(image_id=image.pk, reviewer=lena, categories=["dog"])
    assert QueueEntry.objects.get(image=image).seats_left == 3


def test_a_decision_is_a_known_answer_also_against_the_votes(project, ann, bea, dora, lena):
    project.planted_share = 0.5
    project.save()
    images = add_images(project, 1)
    settle_apart(project, ann, bea, images[0])
    adjudication.decide(image_id=images[0].pk, reviewer=lena, categories=["fox"])
    say(make_model(project), project, 4)

    open_page(project, dora)

    assert Plant.objects.get().known == [category(project, "fox")]


def test_planted_images_are_never_alone_and_at_most_half(project, known, model, dora):
    project.planted_share = 0.5
    project.save()
    assert ids(open_page(project, dora)) == []
    assert not Plant.objects.exists()
    say(model, project, 2)

    page = open_page(project, dora)

    assert Plant.objects.filter(client=page.client).count() == 2
    assert len(page.tiles) == 4


def test_without_a_share_nothing_is_planted(project, known, model, dora):
    project.planted_share = 0.0
    project.save()
    say(model, project, 40)

    open_page(project, dora, count=40)

    assert not Plant.objects.exists()


def test_a_page_that_was_left_spends_no_known_answer(project, known, model, dora):
    say(model, project, 40)
    client = uuid4()
    page = open_page(project, dora, client=client)
    spent = set(Plant.objects.values_list("image", flat=True))
    assert ids(open_page(project, dora, client=client)) == ids(page)
    grid.close_page(project=project, reviewer=dora, client=page.client)

    again = open_page(project, dora)

    # Four or five a page, as chance will: those of the page that was left come before new ones.
    planted = set(Plant.objects.filter(client=again.client).values_list("image", flat=True))
    assert planted <= spent or spent <= planted


def test_taking_a_page_back_takes_back_what_was_said_of_planted_ones(project, known, model, dora):
    say(model, project, 20)
    page = open_page(project, dora)
    key = uuid4()
    grid.answer_page(project=project, reviewer=dora, answers=confirm(page), idempotency_key=key)
    assert planted_answers.catch_rate(project, dora)[0].caught == 0

    undo = [ReviewAnswer(pk, is_undo=True) for pk in ids(page)]
    outcomes = grid.answer_page(project=project, reviewer=dora, answers=undo, idempotency_key=uuid4())
    grid.answer_page(project=project, reviewer=dora, answers=confirm(page), idempotency_key=key)  # comes late

    assert {o.result for o in outcomes} == {"taken_back"}
    assert not Plant.objects.filter(answered__isnull=False).exists()
    assert planted_answers.catch_rate(project, dora) == []
    dogs = [ReviewAnswer(pk, ["dog"]) for pk in ids(page)]
    grid.answer_page(project=project, reviewer=dora, answers=dogs, idempotency_key=uuid4())
    [rate] = planted_answers.catch_rate(project, dora)
    assert rate.share > 0.5


def test_an_answer_that_no_image_takes_is_refused_for_a_planted_one_too(project, known, model, dora):
    say(model, project, 20)
    page = open_page(project, dora)
    answers = [ReviewAnswer(pk, ["wolf"]) for pk in ids(page)]

    outcomes = grid.answer_page(project=project, reviewer=dora, answers=answers)
    doubled = grid.answer_page(
        project=project, reviewer=dora, answers=[ReviewAnswer(pk, ["cat", "dog"]) for pk in ids(page)]
    )

    assert {o.error.code for o in outcomes} == {"category_not_in_project"}
    assert {o.error.code for o in doubled} == {"answer_does_not_fit_task"}
    key = uuid4()
    grid.answer_page(project=project, reviewer=dora, answers=confirm(page), idempotency_key=key)
    other = [ReviewAnswer(pk, ["fox"]) for pk in ids(page)]
    assert {
        o.error.code for o in grid.answer_page(project=project, reviewer=dora, answers=other, idempotency_key=key)
    } == {"idempotency_key_reused"}


def test_a_planted_image_that_comes_in_earnest_later_is_labeled(project, known, model, dora):
    say(model, project, 20)
    page = open_page(project, dora)
    grid.answer_page(project=project, reviewer=dora, answers=confirm(page))
    plant = Plant.objects.filter(client=page.client).first()
    QueueEntry.objects.filter(image=plant.image_id).update(seats=3, seats_left=1, priority=2.0)
    [one] = [c for c in claims.claim(project=project, annotator=dora, count=50) if c.image_id == plant.image_id]

    grid.answer_page(project=project, reviewer=dora, answers=[ReviewAnswer(one.image_id, ["fox"])])

    assert Label.objects.get(annotator=dora, image=one.image_id).categories == [category(project, "fox")]
    plant.refresh_from_db()
    assert plant.answered == [category(project, "cat")]


def test_the_rate_of_a_person_has_an_interval(project, dora, rev):
    for person, caught, n in ((dora, 7, 8), (rev, 0, 2)):
        for k, image in enumerate(add_images(project, n)):
            Plant.objects.create(
                project=project, image=image, reviewer=person, suggested=1, probability=0.9, answered=[2],
                caught=k < caught, shown_at=image.created_at,
            )  # fmt: skip

    first, second = planted_answers.catch_rate(project)

    assert (first.reviewer, first.caught, first.n, first.share) == (dora, 7, 8, 0.875)
    # Wilson 1927: 7 of 8
    assert (first.low, first.high) == (pytest.approx(0.529, abs=0.001), pytest.approx(0.978, abs=0.001))
    assert (second.reviewer, second.caught, second.n, second.low) == (rev, 0, 2, 0.0)
    assert planted_answers.catch_rate(project, rev) == [second]
    assert planted_answers.catch_rate(project, make_user("nora")) == []
