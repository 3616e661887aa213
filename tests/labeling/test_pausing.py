"""A person is paused: no more images, nothing lost; and others judge the same images, too."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from labeler.agreement import second_opinions
from labeler.consensus import overlap
from labeler.errors import Paused
from labeler.intake.formats.judgements import Judgement
from labeler.labeling import claims, counters
from labeler.labeling.labels import save_label
from labeler.models import AuditEvent, Claim, Image, Label, Project, QueueEntry
from labeler.models.image import Status
from labeler.projects import members, projects
from labeler.review import adjudication, grid
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, bring_labels, make_model, make_user, predict
from tests.helpers.forms import text_of
from tests.helpers.pages import answer, said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def member(project, person):
    return project.memberships.get(user=person)


def seats(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    held = Claim.objects.filter(image=image, holds_seat=True, round=entry.round).count()
    assert entry.seats_left + held == entry.seats
    return entry.seats, entry.seats_left


# ---------------------------------------------------------------- pausing


def test_pausing_is_written_down_once_and_keeps_labels(project, ann, lena):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    for _ in range(2):
        members.pause(member=member(project, ann), by=lena, paused=True)
    assert member(project, ann).paused_at is not None
    assert Label.objects.current().filter(annotator=ann).count() == 1
    members.pause(member=member(project, ann), by=lena, paused=False)
    assert member(project, ann).paused_at is None
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["member.pause", "member.resume"]


def test_a_paused_person_gets_no_review_page_either(project, ann, lena):
    run = make_model(project)
    for image in add_images(project, 3):
        predict(run, image, "cat", 0.99)
    cat = project.categories.get(name="cat").pk
    members.pause(member=member(project, ann), by=lena, paused=True)
    with pytest.raises(Paused):
        grid.open_page(project=project, reviewer=ann, client=uuid4(), predicted=cat, count=3)


def test_pausing_over_rest(project, ann, rev, lena):
    client, address = as_person(lena), f"/api/projects/{project.pk}/members/{member(project, ann).pk}/"
    add_images(project, 1)
    changed = client.patch(address, {"paused": True})
    assert (changed.status_code, changed.json()["paused"], changed.json()["role"]) == (200, True, "annotator")
    refused = as_person(ann).post(f"/api/projects/{project.pk}/claims/", {})
    assert (refused.status_code, error_of(refused)) == (403, "paused")

    changed = client.patch(address, {"paused": False, "role": "reviewer"}).json()
    assert (changed["paused"], changed["role"]) == (False, "reviewer")
    assert as_person(ann).post(f"/api/projects/{project.pk}/claims/", {}).json()["claims"]

    for body in ({}, {"paused": "perhaps"}, {"role": "king"}):
        assert client.patch(address, body).status_code == 400
    last = member(project, lena)
    both = client.patch(f"/api/projects/{project.pk}/members/{last.pk}/", {"role": "annotator", "paused": True})
    assert both.status_code == 409 and member(project, lena).paused_at is None


# ---------------------------------------------------------------- others


def test_others_are_asked_beside_the_paused_person_and_nothing_is_deleted(project, ann, bea, dora, rev, lena):
    alone, shared = add_images(project, 2, labels_needed=1)
    QueueEntry.objects.filter(pk=shared.pk).update(seats=2, seats_left=2)
    answer(project, ann, alone, "dog")
    answer(project, ann, shared, "dog")
    answer(project, bea, shared, "cat")
    members.pause(member=member(project, ann), by=lena, paused=True)

    # Two labels per image: of two others.
    assert second_opinions.ask_others(project=project, member=member(project, ann), by=lena) == 2
    assert (seats(alone), seats(shared)) == ((3, 2), (3, 1))
    assert second_opinions.ask_others(project=project, member=member(project, ann), by=lena) == 0

    for image in Image.objects.filter(pk__in=(alone.pk, shared.pk)):
        assert image.status == Status.PARTLY
    offered = {claim.image_id for claim in claims.claim(project=project, annotator=dora, count=5)}
    assert offered == {alone.pk, shared.pk}
    save_label(image_id=shared.pk, annotator=dora, categories=["cat"])
    shared.refresh_from_db()
    assert (shared.status, shared.n_votes) == ("settled", 3)  # two cats against a dog that still counts
    assert Label.objects.current().filter(annotator=ann).count() == 2
    event = AuditEvent.objects.get(action="member.second_opinions")
    assert (event.subject, event.details["images"]) == ("ann", 2)


def test_two_paused_people_are_no_second_opinion_for_each_other(project, ann, bea, lena):
    (image,) = add_images(project, 1)
    for person in (ann, bea):
        answer(project, person, image, "dog")
        members.pause(member=member(project, person), by=lena, paused=True)
    for person in (ann, bea):
        second_opinions.ask_others(project=project, member=member(project, person), by=lena)
    assert seats(image) == (4, 2)


def test_only_labels_since_a_day_and_never_what_a_reviewer_decided(project, ann, rev, lena):
    old, new, decided = add_images(project, 3, labels_needed=1)
    earlier = timezone.now() - timedelta(days=9)
    boss = make_user("boss", is_superuser=True)
    bring_labels(project, boss, [Judgement(2, old.name, "ann", ["cat"], "labeled", earlier, None)])
    for image in (new, decided):
        answer(project, ann, image, "cat")
    adjudication.decide(image_id=decided.pk, reviewer=rev, categories=["cat"])

    since = timezone.now() - timedelta(days=1)
    assert second_opinions.ask_others(project=project, member=member(project, ann), by=lena, since=since) == 1
    assert (seats(old)[1], seats(new)[1], seats(decided)[1]) == (0, 2, 0)


def test_the_status_is_the_one_a_recount_gives(project, ann, bea, dora, lena):
    """Answered by all, by half, unsure twice, and divided: what opened() writes, recount agrees with."""
    said = {"cat": ("cat", "cat"), "one": ("cat",), "unsure": (None, None), "two": ("cat", "dog")}
    images = dict(zip(said, add_images(project, len(said)), strict=True))
    for person, place in ((ann, 0), (bea, 1)):
        claims.claim(project=project, annotator=person, count=10)
        for kind, answers in said.items():
            if place < len(answers):
                name = answers[place]
                given = {"categories": [name]} if name else {"answer": "cannot_tell"}
                save_label(image_id=images[kind].pk, annotator=person, **given)
    second_opinions.ask_others(project=project, member=member(project, ann), by=lena)

    status = dict(Image.objects.filter(project=project).values_list("pk", "status"))

    assert counters.images(project) == 0
    assert [status[images[kind].pk] for kind in said] == [
        "partly labeled",
        "partly labeled",
        "disputed",
        "partly labeled",
    ]


def test_adaptive_overlap_leaves_the_seats_for_others_open(project, ann, bea, lena):
    projects.update(
        project=project, by=lena, changes={"adaptive_overlap": True, "fewest_labels": 2, "enough_confidence": 0.6}
    )
    project = Project.objects.get(pk=project.pk)
    (image,) = add_images(project, 1)
    for person in (ann, bea):
        answer(project, person, image, "cat")
    members.pause(member=member(project, ann), by=lena, paused=True)
    second_opinions.ask_others(project=project, member=member(project, ann), by=lena)
    assert seats(image) == (3, 1)

    overlap.adjust(project)  # as a worker does when it starts

    assert seats(image) == (3, 1)


def test_others_are_asked_over_rest(project, ann, lena):
    (image,) = add_images(project, 1, labels_needed=1)
    answer(project, ann, image, "cat")
    address = f"/api/projects/{project.pk}/members/{member(project, ann).pk}/second-opinions/"
    assert as_person(lena).post(address, {"since": "2999-01-01T00:00:00Z"}).json() == {"images": 0}
    assert as_person(lena).post(address, {}).json() == {"images": 1}
    assert as_person(lena).post(address, {"since": "soon"}).status_code == 400


# ---------------------------------------------------------------- the page


def test_the_members_page_pauses_resumes_and_asks_others(as_, project, ann, lena):
    (image,) = add_images(project, 1, labels_needed=1)
    answer(project, ann, image, "cat")
    client, form = as_(lena), url("member", project, member(project, ann).pk)
    assert "Have others judge" not in text_of(client.get(url("members", project)))

    paused = client.post(form, {"do": "pause"}, follow=True)
    assert said(paused) == ["ann is paused: no more images come, and the labels stay."]
    assert "Have others judge their images too" in text_of(paused)
    assert said(client.post(form, {"do": "ask_others", "since": "5.11."}, follow=True)) == [
        "Write the day as 2026-11-05, or leave it empty for all days."
    ]
    assert said(client.post(form, {"do": "ask_others", "since": ""}, follow=True)) == ["1 image goes to others too."]
    assert said(client.post(form, {"do": "ask_others"}, follow=True)) == [
        "Nothing to do: others have judged these images, or are about to."
    ]
    assert said(client.post(form, {"do": "resume"}, follow=True)) == ["ann is given images again."]
    assert member(project, ann).paused_at is None
