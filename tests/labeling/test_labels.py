"""What a saved, changed, skipped or undone answer leaves behind."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeler.errors import CategoryNotInProject, Invalid, KeyReused, NoClaim, NotFound, NothingToUndo, WrongTask
from labeler.labeling.claim_ends import expire_leases, release
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label, undo
from labeler.models import AuditEvent, Category, Claim, Image, Label, Project
from tests.helpers.factories import add_images, category
from tests.helpers.seats import let_leases_run_out, seats_are_right

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(project):
    return add_images(project, 1, labels_needed=2)[0]


def fresh(image) -> Image:
    return Image.objects.get(pk=image.pk)


def answer(image, person, *names, **more):
    """Claim and answer one image."""
    claim(project=image.project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


def test_a_label_keeps_what_was_said_and_under_which_rules(project, image, ann):
    project.guideline_version = 3
    project.save()

    saved = answer(image, ann, "dog", seconds=1.8)

    label = Label.objects.get(pk=saved.id)
    assert (label.categories, label.seconds) == ([category(project, "dog")], 1.8)
    assert (label.guideline_version, label.label_set_version) == (3, 1)
    assert (label.annotator, label.purpose, label.chosen_by, label.extra) == (ann, "vote", "random", False)
    assert saved.created


def test_counters_follow_the_votes(project, image, ann, bea):
    dog, cat = category(project, "dog"), category(project, "cat")

    answer(image, ann, "dog")
    assert (fresh(image).status, fresh(image).tally) == ("partly labeled", {str(dog): 1})
    answer(image, bea, "cat")
    assert (fresh(image).status, fresh(image).tally) == ("disputed", {str(dog): 1, str(cat): 1})
    assert fresh(image).disagreement == 1.0
    save_label(image_id=image.pk, annotator=bea, categories=["dog"])
    assert (fresh(image).status, fresh(image).tally) == ("settled", {str(dog): 2})
    assert (fresh(image).n_votes, fresh(image).disagreement) == (2, 0.0)


def test_changing_an_answer_keeps_the_old_one(image, ann):
    first = answer(image, ann, "dog")
    second = save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    old, new = Label.objects.order_by("id")
    assert (old.pk, new.pk) == (first.id, second.id)
    assert second.supersedes == first.id and not second.created
    assert old.superseded_at is not None and new.superseded_at is None


def test_a_save_is_three_statements_in_one_transaction(image, ann):
    answer(image, ann, "dog")  # the process now knows the project's classes
    [other] = add_images(image.project, 1)
    claim(project=image.project, annotator=ann)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        save_label(image_id=other.pk, annotator=ann, categories=["cat"], idempotency_key=uuid4())

    statements = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
    assert len(statements) == 3, statements


# ---------------------------------------------------------------- idempotency


def test_the_same_key_writes_once(image, ann):
    key = uuid4()
    first = answer(image, ann, "dog", idempotency_key=key)
    again = save_label(image_id=image.pk, annotator=ann, categories=["dog"], idempotency_key=key)

    assert again.replayed and again.id == first.id and again.created_at == first.created_at
    assert Label.objects.count() == 1 and fresh(image).n_votes == 1


def test_the_same_key_with_another_answer_is_refused(image, ann):
    key = uuid4()
    answer(image, ann, "dog", idempotency_key=key)
    with pytest.raises(KeyReused):
        save_label(image_id=image.pk, annotator=ann, categories=["cat"], idempotency_key=key)


def test_a_key_replayed_after_an_undo_resurrects_nothing(image, ann):
    key, undo_key = uuid4(), uuid4()
    answer(image, ann, "dog", idempotency_key=key)
    undo(image_id=image.pk, annotator=ann, idempotency_key=undo_key)

    replayed = save_label(image_id=image.pk, annotator=ann, categories=["dog"], idempotency_key=key)

    assert replayed.replayed
    assert fresh(image).n_votes == 0
    assert not Label.objects.current().exists()


def test_an_undo_replayed_after_a_new_answer_takes_nothing_back(image, ann):
    undo_key = uuid4()
    answer(image, ann, "dog")
    undo(image_id=image.pk, annotator=ann, idempotency_key=undo_key)
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    assert undo(image_id=image.pk, annotator=ann, idempotency_key=undo_key).replayed
    assert fresh(image).n_votes == 1


def test_two_people_may_use_the_same_key(image, ann, bea):
    key = uuid4()
    answer(image, ann, "dog", idempotency_key=key)
    assert not answer(image, bea, "dog", idempotency_key=key).replayed


# ---------------------------------------------------------------- skip, cannot tell, undo


def test_a_skip_gives_the_seat_back_and_is_no_vote(project, image, ann):
    claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, answer="skip", reason="too dark")

    image.entry.refresh_from_db()
    assert image.entry.seats_left == 2 and fresh(image).status == "unlabeled"
    assert Label.objects.get().reason == "too dark"


def test_a_skip_can_be_thought_over(project, image, ann):
    claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, answer="skip")
    saved = save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    assert not saved.extra and fresh(image).n_votes == 1 and seats_are_right(project)


def test_an_answer_may_become_a_skip(project, image, ann):
    answer(image, ann, "dog")
    save_label(image_id=image.pk, annotator=ann, answer="skip")

    assert fresh(image).n_votes == 0 and seats_are_right(project)
    image.entry.refresh_from_db()
    assert image.entry.seats_left == 2


def test_cannot_tell_fills_a_seat_and_two_of_them_call_a_reviewer(project, image, ann, bea):
    answer(image, ann, answer="cannot_tell")
    assert fresh(image).status == "partly labeled" and fresh(image).tally == {"?": 1}
    answer(image, bea, answer="cannot_tell")

    assert fresh(image).status == "disputed" and fresh(image).disagreement == 0.0
    image.entry.refresh_from_db()
    assert image.entry.seats_left == 0


def test_undo_takes_the_vote_back_and_says_so_in_the_history(project, image, ann):
    answer(image, ann, "dog")
    taken = undo(image_id=image.pk, annotator=ann)

    assert [row.answer for row in Label.objects.order_by("id")] == ["labeled", "undone"]
    assert taken.supersedes == Label.objects.order_by("id").first().pk
    assert (fresh(image).n_votes, fresh(image).tally, fresh(image).status) == (0, {}, "unlabeled")
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    assert fresh(image).n_votes == 1 and seats_are_right(project)


def test_there_must_be_something_to_undo(image, ann):
    claim(project=image.project, annotator=ann)
    with pytest.raises(NothingToUndo):
        undo(image_id=image.pk, annotator=ann)


# ---------------------------------------------------------------- late answers


def test_a_late_answer_takes_its_seat_again_when_it_is_free(project, image, ann):
    claim(project=project, annotator=ann)
    let_leases_run_out(project)
    expire_leases(project)

    assert not save_label(image_id=image.pk, annotator=ann, categories=["dog"]).extra
    assert fresh(image).n_votes == 1 and seats_are_right(project)


def test_a_late_answer_to_a_full_image_is_kept_as_extra_and_counts_for_nothing(project, image, ann, bea, dora):
    claim(project=project, annotator=ann)
    let_leases_run_out(project)
    answer(image, bea, "dog")
    answer(image, dora, "dog")

    saved = save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    assert saved.extra and Label.objects.get(pk=saved.id).extra
    assert (fresh(image).n_votes, fresh(image).status) == (2, "settled")
    changed = save_label(image_id=image.pk, annotator=ann, categories=["fox"])
    assert changed.extra and fresh(image).n_votes == 2
    undo(image_id=image.pk, annotator=ann)
    assert fresh(image).n_votes == 2 and seats_are_right(project)


def test_an_answer_after_the_tab_gave_its_claims_back_is_kept(project, image, ann):
    claim(project=project, annotator=ann)
    release(image_id=image.pk, annotator=ann)

    assert not save_label(image_id=image.pk, annotator=ann, categories=["dog"]).extra
    assert seats_are_right(project)


def test_a_very_long_time_is_capped(image, ann):
    assert Label.objects.get(pk=answer(image, ann, "dog", seconds=1e9).id).seconds == 24 * 3600


# ---------------------------------------------------------------- what is refused


def test_without_a_claim_there_is_no_label(image, ann):
    with pytest.raises(NoClaim):
        save_label(image_id=image.pk, annotator=ann, categories=["dog"])


def test_a_stranger_does_not_learn_that_the_image_exists(image, carl):
    with pytest.raises(NotFound):
        save_label(image_id=image.pk, annotator=carl, categories=["dog"])
    with pytest.raises(NotFound):
        save_label(image_id=10**9, annotator=carl, categories=["dog"])


def test_somebody_who_left_the_project_can_label_no_more(project, image, ann):
    claim(project=project, annotator=ann)
    project.memberships.filter(user=ann).delete()
    with pytest.raises(NotFound):
        save_label(image_id=image.pk, annotator=ann, categories=["dog"])


@pytest.mark.parametrize(
    ("categories", "error"), [(["owl"], CategoryNotInProject), ([], WrongTask), (["cat", "dog"], WrongTask)]
)
def test_an_answer_that_does_not_fit_is_refused_and_changes_nothing(image, ann, categories, error):
    claim(project=image.project, annotator=ann)
    with pytest.raises(error):
        save_label(image_id=image.pk, annotator=ann, categories=categories)
    assert not Label.objects.exists() and fresh(image).n_votes == 0


def test_nonsense_is_refused(image, ann):
    claim(project=image.project, annotator=ann)
    for wrong in ({"seconds": -1.0}, {"seconds": float("nan")}, {"answer": "perhaps"}, {"label_set": 9}):
        with pytest.raises(Invalid):
            save_label(image_id=image.pk, annotator=ann, **{"categories": ["cat"], **wrong})


def test_a_class_answers_to_its_id_and_to_every_name_it_had(project, image, ann):
    Category.objects.filter(project=project, name="dog").update(name="hound", former_names=["dog"])
    Project.objects.filter(pk=project.pk).update(label_set_version=2)
    hound = category(project, "hound")
    claim(project=project, annotator=ann)

    for wanted in (["dog"], ["HOUND "], [hound]):
        assert save_label(image_id=image.pk, annotator=ann, categories=wanted).categories == [hound]


def test_several_classes_and_a_verified_none(multi_project, ann, bea):
    images = add_images(multi_project, 2)
    claim(project=multi_project, annotator=ann, count=2)
    sea, sky = category(multi_project, "sea"), category(multi_project, "sky")

    both = save_label(image_id=images[0].pk, annotator=ann, categories=["sea", "sky", "sea"])
    none = save_label(image_id=images[1].pk, annotator=ann, categories=[])

    assert both.categories == sorted([sea, sky]) and none.categories == []
    assert fresh(images[0]).tally == {f"{min(sea, sky)},{max(sea, sky)}": 1}
    assert fresh(images[1]).tally == {"": 1} and fresh(images[1]).status == "partly labeled"


# ---------------------------------------------------------------- history only grows


def test_the_database_refuses_to_change_or_delete_history(image, ann):
    saved = answer(image, ann, "dog")
    event = AuditEvent.objects.create(actor=ann, actor_name="ann", action="signed in")
    label = Label.objects.filter(pk=saved.id)
    for forbidden in (
        label.delete,
        lambda: label.update(categories=[]),
        lambda: label.update(seconds=0),
        lambda: AuditEvent.objects.filter(pk=event.pk).update(action="nothing"),
        event.delete,
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            forbidden()
    label.update(superseded_at=timezone.now())
    with pytest.raises(DatabaseError), transaction.atomic():
        label.update(superseded_at=timezone.now() + timedelta(days=1))


def test_a_claim_that_was_answered_is_not_open(project, image, ann):
    answer(image, ann, "dog")
    assert Claim.objects.get().state == "answered"
