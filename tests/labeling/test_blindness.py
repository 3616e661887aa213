"""One rule of who may be shown what is said of an image; and labels that were given after that are informed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.agreement import rounds
from labeler.label_set import examples
from labeler.labeling import blindness, claims
from labeler.labeling.labels import save_label, undo
from labeler.models import Exposure, Image, Label, QueueEntry
from labeler.models.image import Slice, Status
from labeler.models.queue import ChosenBy
from labeler.review import adjudication
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, make_model, predict

pytestmark = pytest.mark.django_db


def answer(image, person, *names, **more):
    claims.claim(project=image.project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


def fresh(image) -> Image:
    return Image.objects.get(pk=image.pk)


# ---------------------------------------------------------------- the model's word, to anybody


def test_the_rule_is_the_same_in_a_queryset_in_sql_and_in_python(project):
    expected = set()
    for slice_ in Slice.values:
        for status in Status.values:
            for chosen_by in (ChosenBy.RANDOM, ChosenBy.AUDIT):
                (image,) = add_images(project, 1, slice=slice_, status=status)
                QueueEntry.objects.filter(image=image).update(chosen_by=chosen_by)
                is_blind = slice_ in (Slice.BLIND, Slice.APART) or chosen_by == ChosenBy.AUDIT
                if slice_ in (Slice.TEST, Slice.CALIBRATION) or (is_blind and status != Status.SETTLED):
                    expected.add(image.pk)
    images = Image.objects.filter(project=project)

    assert blindness.hides_model(images) == expected
    assert set(images.filter(blindness.HIDES_MODEL).values_list("pk", flat=True)) == expected
    assert (
        set(images.exclude(blindness.HIDES_MODEL).values_list("pk", flat=True))
        == {image.pk for image in images} - expected
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM labeler_image i WHERE {blindness.model_hidden_sql('i')}")
        assert {row[0] for row in cursor.fetchall()} == expected
    assert 0 < len(expected) < len(images)


# ---------------------------------------------------------------- one person


def test_an_annotator_is_told_nothing_before_the_own_answer_and_before_the_votes_are_complete(project, ann, bea, dora):
    (image,) = add_images(project, 1, labels_needed=3)

    def told(person):
        return image.pk in blindness.sight(person, [fresh(image)], may_review=False).others

    answer(image, ann, "dog")
    assert not told(ann) and not told(bea)
    answer(image, bea, "dog")
    assert not told(ann) and not told(bea)
    answer(image, dora, "dog")
    assert told(ann) and told(bea) and told(dora)
    undo(image_id=image.pk, annotator=dora)
    assert not told(ann) and not told(dora)


def test_cannot_tell_counts_as_an_answer_and_a_skip_does_not(project, ann, bea, dora):
    (image,) = add_images(project, 1, labels_needed=2)
    claims.claim(project=project, annotator=dora)
    save_label(image_id=image.pk, annotator=dora, answer="skip")
    claims.claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, answer="cannot_tell")
    answer(image, bea, "dog")

    assert fresh(image).status == Status.SETTLED
    assert blindness.sight(ann, [fresh(image)], may_review=False).others == {image.pk}
    assert blindness.sight(dora, [fresh(image)], may_review=False).others == set()


def test_an_answer_of_an_earlier_round_opens_nothing(project, ann, bea, lena):
    (image,) = add_images(project, 1, labels_needed=1)
    answer(image, ann, "dog")
    rounds.send_back(project=project, by=lena, image_ids=[image.pk])
    answer(image, bea, "cat")

    assert blindness.sight(ann, [fresh(image)], may_review=False).others == set()


# ---------------------------------------------------------------- what was shown


def informed(image, person) -> bool:
    return Label.objects.get(image=image, annotator=person, superseded_at=None).informed


def test_an_answer_that_is_changed_after_the_others_were_shown_is_informed(project, ann, bea):
    (image,) = add_images(project, 1, labels_needed=2)
    answer(image, bea, "dog")
    assert not answer(image, ann, "cat").informed

    blindness.remember(ann, others=[image.pk])

    assert not informed(image, ann)
    assert answer(image, ann, "dog").informed and informed(image, ann)
    assert not informed(image, bea)


def test_taking_an_answer_back_does_not_make_the_next_one_blind(project, ann, bea):
    (image,) = add_images(project, 1, labels_needed=2)
    answer(image, bea, "dog")
    answer(image, ann, "cat")
    blindness.remember(ann, others=[image.pk])
    undo(image_id=image.pk, annotator=ann)

    assert answer(image, ann, "dog").informed


def test_a_first_answer_after_the_votes_were_seen_is_informed(project, ann, rev):
    (image,) = add_images(project, 1, labels_needed=2)
    answer(image, ann, "dog")
    blindness.remember(rev, others=[image.pk])

    assert answer(image, rev, "dog").informed


def test_a_new_round_is_judged_blind_again_but_a_late_answer_of_the_old_one_is_not(project, ann, bea, lena):
    (image,) = add_images(project, 1, labels_needed=2)
    answer(image, bea, "dog")
    answer(image, ann, "cat")
    blindness.remember(ann, others=[image.pk])
    rounds.send_back(project=project, by=lena, image_ids=[image.pk])

    assert not answer(image, ann, "dog").informed


def test_only_what_others_said_informs(project, ann, bea):
    # Nothing is there, or one's own answer alone: to have seen that informs nobody.
    alone, empty = add_images(project, 2, labels_needed=2)
    answer(alone, ann, "dog")

    blindness.remember(ann, others=[alone.pk, empty.pk])

    assert not Exposure.objects.exists()
    blindness.remember(ann, told=[empty.pk])
    assert list(Exposure.objects.values_list("image", "user", "round")) == [(empty.pk, ann.pk, 1)]


def test_whoever_is_no_member_answers_nothing_and_is_not_remembered(project, ann, ada):
    (image,) = add_images(project, 1)
    answer(image, ann, "dog")

    blindness.remember(ada, others=[image.pk], told=[image.pk])

    assert not Exposure.objects.exists()


def test_a_decision_of_ones_own_is_no_label_and_a_decision_is_remembered(project, rev, ann):
    (image,) = add_images(project, 1)
    adjudication.decide(image_id=image.pk, reviewer=rev, categories=["dog"])
    blindness.remember(ann, others=[image.pk])
    assert Exposure.objects.count() == 1 and not Label.objects.exists()


def test_remembering_is_one_statement_and_twice_is_once(project, ann, bea):
    images = add_images(project, 30, labels_needed=2)
    claims.claim(project=project, annotator=bea, count=30)
    for image in images:
        save_label(image_id=image.pk, annotator=bea, categories=["dog"])

    with CaptureQueriesContext(connection) as queries:
        blindness.remember(ann, others=[image.pk for image in images])
        blindness.remember(ann, others=[image.pk for image in images], told=[images[0].pk])
        blindness.remember(ann)

    assert len(queries) == 2 and Exposure.objects.count() == 30


def test_a_download_informs_where_the_person_has_answered_or_holds_the_image(project, rev, bea):
    mine, held, other = add_images(project, 3, labels_needed=2)
    claims.claim(project=project, annotator=bea, count=3)
    for image in (mine, held, other):
        save_label(image_id=image.pk, annotator=bea, categories=["dog"])
    answered, open_, *_rest = [one.image_id for one in claims.claim(project=project, annotator=rev, count=2)]
    save_label(image_id=answered, annotator=rev, categories=["cat"])

    blindness.remember_download(rev, project)

    assert set(Exposure.objects.values_list("image", flat=True)) == {answered, open_}


# ---------------------------------------------------------------- through the door


def consensus_of(person, image):
    return as_person(person).get(f"/api/images/{image.pk}/consensus/")


def blind_agreement(project, person) -> int:
    """On how many images the agreement of blind labels counts."""
    report = as_person(person).get(f"/api/projects/{project.pk}/agreement/?labels=blind").json()
    return report["alpha"]["n"]


@pytest.mark.parametrize("quota", [2, 3])
def test_cannot_tell_does_not_buy_the_others_answer(project, ann, bea, rev, quota):
    (image,) = add_images(project, 1, slice=Slice.TEST, labels_needed=quota)
    predict(make_model(project), image, "dog")
    answer(image, bea, "dog")
    claims.claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, answer="cannot_tell")

    told = consensus_of(ann, image)
    shown = as_person(ann).get(f"/api/images/{image.pk}/").json()
    assert shown["prediction"] is None
    if quota == 3:  # somebody else is still to be asked
        assert (told.status_code, error_of(told)) == (403, "not_allowed")
        assert (shown["status"], shown["disagreement"], shown["consensus"]) == (None, None, None)
    else:
        assert told.json()["categories"] == shown["consensus"]["categories"] == ["dog"]

    sent = as_person(ann).put(f"/api/images/{image.pk}/label/", {"categories": ["dog"]}).json()

    # What was read is kept and counted, but not as blind.
    assert sent["informed"] is (quota == 2)
    assert blind_agreement(project, rev) == (0 if quota == 2 else 1)
    rows = as_person(rev).get(f"/api/projects/{project.pk}/labels/?annotator=ann").json()["results"]
    assert [row["informed"] for row in rows] == [quota == 2]


def test_a_reviewer_who_has_seen_the_votes_gives_informed_labels_from_then_on(project, ann, rev):
    seen, unseen = add_images(project, 2, labels_needed=2)
    answer(seen, ann, "dog")
    answer(unseen, ann, "dog")
    assert as_person(rev).get(f"/api/images/{seen.pk}/").json()["consensus"]["categories"] == ["dog"]

    assert answer(seen, rev, "dog").informed and not answer(unseen, rev, "dog").informed
    assert blind_agreement(project, rev) == 1


def test_what_an_example_shows_was_told(project, ann, lena):
    (image,) = add_images(project, 1)
    row = project.categories.get(name="dog")
    examples.add(category=row, image=image, by=lena)
    as_person(ann).get(f"/api/categories/{row.pk}/examples/")

    assert answer(image, ann, "dog").informed


@pytest.mark.usefixtures("uncollected_static_files")
@pytest.mark.parametrize(
    "address", ["images/", "images/{image}/", "adjudicate/?image={image}", "images/{image}/similar/"]
)
def test_pages_with_the_votes_are_remembered(project, ann, bea, rev, as_, address):
    (image,) = add_images(project, 1, labels_needed=3)
    answer(image, ann, "dog")
    answer(image, bea, "cat")

    page = as_(rev).get(f"/projects/{project.pk}/{address.format(image=image.pk)}")

    assert page.status_code == 200
    assert list(Exposure.objects.values_list("user", "image")) == [(rev.pk, image.pk)]
