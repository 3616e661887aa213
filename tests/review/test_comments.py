"""Questions about images: who sees them, what opens and closes them, and that nothing is asked twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from labeler.errors import Invalid, KeyReused
from labeler.models import Comment, Thread
from labeler.review import comments
from tests.helpers.api import as_person, error_of, key
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(project):
    return add_images(project, 1)[0]


def ask(photo, person, text="Rust, or only dirt?", **more) -> Thread:
    return comments.raise_flag(image=photo, by=person, text=text, **more).thread


def test_a_question_opens_a_thread_and_a_second_one_goes_on_in_it(photo, ann):
    thread = ask(photo, ann)
    again = ask(photo, ann, " And this? ")

    assert again == thread
    assert [c.text for c in thread.comments.all()] == ["Rust, or only dirt?", "And this?"]
    assert (thread.project, again.changed_at) == (photo.project, Comment.objects.last().created_at)


def test_two_people_have_two_threads(photo, ann, bea):
    assert ask(photo, ann) != ask(photo, bea)


def test_a_reply_opens_a_closed_thread_again(photo, ann, rev):
    thread = ask(photo, ann)
    closed = comments.close(thread=thread, by=rev)
    assert closed.closed_by == rev
    when = closed.closed_at
    assert comments.close(thread=thread, by=ann).closed_at == when

    comments.reply(thread=thread, by=ann, text="But look at the edge.")

    thread.refresh_from_db()
    assert (thread.closed_at, thread.closed_by) == (None, None)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, None])
def test_a_comment_says_something_and_has_an_end(photo, ann, text):
    with pytest.raises(Invalid):
        comments.raise_flag(image=photo, by=ann, text=text)
    assert Thread.objects.count() == 0


def test_the_same_key_asks_once(project, photo, ann, bea):
    again = uuid4()
    first = comments.raise_flag(image=photo, by=ann, text="Rust?", idempotency_key=again)
    assert comments.raise_flag(image=photo, by=ann, text="Rust?", idempotency_key=again) == first
    # A reply in between closes nothing and opens nothing when the first request is sent again.
    comments.close(thread=first.thread, by=ann)
    comments.raise_flag(image=photo, by=ann, text="Rust?", idempotency_key=again)
    assert Thread.objects.get().closed_at is not None

    for text, image in (("Spot?", photo), ("Rust?", add_images(project, 1)[0])):
        with pytest.raises(KeyReused):
            comments.raise_flag(image=image, by=ann, text=text, idempotency_key=again)
    comments.raise_flag(image=photo, by=bea, text="Spot?", idempotency_key=again)  # another person's key is another key
    assert Comment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twins_at_the_same_moment_are_one(project, photo, ann):
    again = uuid4()

    def send(_):
        try:
            return comments.raise_flag(image=photo, by=ann, text="Rust?", idempotency_key=again).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert (Thread.objects.count(), Comment.objects.count()) == (1, 1)


def test_an_answer_is_unread_until_its_owner_has_looked(project, photo, ann, rev):
    def unread():
        return comments.unread(project=project, person=ann)

    thread = ask(photo, ann)
    assert unread() == 0
    comments.reply(thread=thread, by=rev, text="Dirt.")
    assert (unread(), comments.unread(project=project, person=rev)) == (1, 0)
    # Writing is not reading: the answer may have come while the question was being written.
    ask(photo, ann, "Sure?")
    assert unread() == 1

    mine = Thread.objects.filter(pk=thread.pk)
    assert comments.mark_read(threads=mine, by=rev, at=timezone.now()) == 0
    assert comments.mark_read(threads=mine, by=ann, at=timezone.now() - timedelta(hours=1)) == 1
    assert unread() == 1  # written since then
    comments.mark_read(threads=mine, by=ann, at=timezone.now())
    assert unread() == 0
    comments.reply(thread=thread, by=rev, text="Sure.")
    assert unread() == 1


def test_the_tab_counts_what_waits_for_the_person(project, photo, ann, bea, rev):
    ask(photo, bea)
    comments.reply(thread=ask(photo, ann), by=rev, text="Dirt.")

    assert comments.waiting(project=project, person=rev, may_review=True) == 2
    assert comments.waiting(project=project, person=ann, may_review=False) == 1
    assert comments.waiting(project=project, person=bea, may_review=False) == 0


# ---------------------------------------------------------------- REST


def test_asking_answering_and_closing_over_rest(project, photo, ann, rev):
    asked = as_person(ann).post(f"/api/images/{photo.pk}/comments/", {"text": "Rust?"}, format="json", headers=key())
    assert asked.status_code == 201
    thread = asked.json()
    assert (thread["image"], thread["raised_by"], thread["unread"]) == (photo.pk, "ann", False)

    address = f"/api/threads/{thread['id']}"
    answered = as_person(rev).post(f"{address}/comments/", {"text": "Dirt."}, format="json", headers=key())
    assert [(c["author"], c["text"]) for c in answered.json()["comments"]] == [("ann", "Rust?"), ("rev", "Dirt.")]
    closed = as_person(rev).post(f"{address}/closure/")
    assert (closed.status_code, closed.json()["closed_by"]) == (200, "rev")

    mine = f"/api/projects/{project.pk}/threads/"
    assert [row["id"] for row in as_person(ann).get(mine, {"unread": "true"}).json()["results"]] == [thread["id"]]
    assert as_person(ann).post(f"{address}/reading/").json()["unread"] is False
    assert as_person(ann).get(mine, {"unread": "true"}).json()["results"] == []
    assert as_person(ann).get(mine, {"open": "true"}).json()["results"] == []
    assert as_person(ann).get(mine).json()["results"][0]["closed_at"] is not None


def test_another_annotator_is_not_told_of_a_question(project, photo, ann, bea, rev):
    thread = ask(photo, ann)

    def seen(person):
        lists = (f"/api/images/{photo.pk}/comments/", f"/api/projects/{project.pk}/threads/")
        return [len(as_person(person).get(address).json()["results"]) for address in lists]

    assert (seen(ann), seen(bea), seen(rev)) == ([1, 1], [0, 0], [1, 1])
    for what, body in (("comments", {"text": "Me too."}), ("closure", {}), ("reading", {})):
        refused = as_person(bea).post(f"/api/threads/{thread.pk}/{what}/", body, format="json")
        assert (refused.status_code, error_of(refused)) == (404, "not_found")


def test_a_list_costs_the_same_however_many_there_are(project, ann, rev, django_assert_num_queries):
    for image in add_images(project, 5):
        comments.reply(thread=ask(image, ann), by=rev, text="Dirt.")
    client = as_person(rev)
    client.get(f"/api/projects/{project.pk}/threads/")

    with django_assert_num_queries(5):  # session, person, project with role, threads, comments
        rows = client.get(f"/api/projects/{project.pk}/threads/").json()["results"]

    assert len(rows) == 5
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)


def test_nonsense_over_rest_is_refused(photo, ann):
    client = as_person(ann)
    for body in ({}, {"text": ""}, {"text": "x" * 2001}, {"text": ["a"]}):
        assert error_of(client.post(f"/api/images/{photo.pk}/comments/", body, format="json")) == "invalid"


# ---------------------------------------------------------------- at a place


def test_a_question_points_at_a_place_until_another_moves_it(photo, ann):
    assert ask(photo, ann).place is None

    pinned = ask(photo, ann, "This one?", place={"x": 640, "y": 0})  # the border is inside
    assert (pinned.place, ask(photo, ann, "And?").place) == ({"x": 640.0, "y": 0.0}, {"x": 640.0, "y": 0.0})
    assert ask(photo, ann, "Or this?", place={"x": 1.5, "y": 2}).place == {"x": 1.5, "y": 2.0}


def test_a_place_outside_the_image_asks_nothing(photo, ann):
    client = as_person(ann)
    places = [{"x": 640.5, "y": 1}, {"x": -1, "y": 1}, {"x": 1, "y": 481}, {"x": 1}, {"x": "a", "y": 1}, 5]

    for place in places:
        answer = client.post(f"/api/images/{photo.pk}/comments/", {"text": "Rust?", "place": place}, format="json")
        assert (answer.status_code, error_of(answer)) == (400, "invalid"), place

    assert not Thread.objects.exists()


@pytest.mark.usefixtures("uncollected_static_files")
def test_the_place_is_listed_and_shown_on_the_pictures(photo, ann, rev, project, as_):
    client = as_person(ann)
    sent = {"text": "Rust?", "place": {"x": 320.25, "y": 1200 / 7}}
    assert client.post(f"/api/images/{photo.pk}/comments/", sent, format="json").json()["place"] == sent["place"]
    client.post(f"/api/images/{add_images(project, 1)[0].pk}/comments/", {"text": "Spot?"}, format="json")

    rows = as_person(rev).get(f"/api/projects/{project.pk}/threads/").json()["results"]
    assert [row["place"] for row in rows] == [None, sent["place"]]
    listed = as_(ann).get(f"/projects/{project.pk}/threads/").content.decode()
    image = as_(rev).get(f"/projects/{project.pk}/images/{photo.pk}/").content.decode()
    for page in (listed, image):
        assert page.count('<svg class="pins" viewBox="0 0 640 480"') == 1
        assert 'd="M320.25 171.42857142857142h0"' in page and "ann asks about this place" in page
    assert "points at a place" in image and "Rust?" in image
