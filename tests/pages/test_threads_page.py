"""The page of questions, without a script: who sees what, answering, closing, and the count on the tab."""

from __future__ import annotations

import re

import pytest

from labeler.models import Thread
from labeler.review import comments
from tests.helpers.factories import add_images

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def photos(project):
    return add_images(project, 3)


def ask(photo, person, text="Rust, or only dirt?") -> Thread:
    return comments.raise_flag(image=photo, by=person, text=text).thread


def page(as_, person, project, query="") -> str:
    response = as_(person).get(f"/projects/{project.pk}/threads/{query}")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def send(as_, person, thread, **form):
    return as_(person).post(f"/projects/{thread.project_id}/threads/{thread.pk}/", form)


def tab_count(text: str) -> str | None:
    found = re.search(r'>\s*Questions\s*<span class="n"[^>]*>\s*(\d+)', text)
    return found and found[1]


def test_reviewers_see_all_open_questions_newest_first(as_, project, photos, ann, bea, rev):
    ask(photos[0], ann, "First?")
    second = ask(photos[1], bea, "Second?")
    comments.close(thread=ask(photos[2], ann, "Settled?"), by=rev)
    comments.reply(thread=second, by=rev, text="An answer.")

    text = page(as_, rev, project)

    assert text.index("An answer.") < text.index("First?")
    assert "Settled?" not in text
    assert "Settled?" in page(as_, rev, project, "?closed=1")
    assert tab_count(text) == "2"
    assert "asked by bea" in text


def test_annotators_see_their_own_alone_and_reading_is_noticed(as_, project, photos, ann, bea, rev):
    comments.reply(thread=ask(photos[0], ann, "Mine?"), by=rev, text="An answer.")
    ask(photos[1], bea, "Another's?")

    assert tab_count(as_(ann).get(f"/projects/{project.pk}/").content.decode()) == "1"
    text = page(as_, ann, project)
    assert "Mine?" in text
    assert "new answer" in text
    assert "Another's?" not in text
    again = page(as_, ann, project)
    assert "new answer" not in again
    assert tab_count(again) is None
    # Whoever else looks does not read it in her place.
    page(as_, rev, project)


def test_a_reviewers_look_leaves_the_answer_unread_for_its_owner(as_, project, photos, ann, rev, lena):
    comments.reply(thread=ask(photos[0], ann), by=rev, text="An answer.")
    page(as_, lena, project)
    assert comments.unread(project=project, person=ann) == 1


def test_replying_and_closing(as_, project, photos, ann, rev):
    thread = ask(photos[0], ann)

    answered = send(as_, rev, thread, text="Dirt.", do="reply")
    assert (answered.status_code, answered["Location"]) == (302, f"/projects/{project.pk}/threads/#thread-{thread.pk}")
    assert [c.text for c in thread.comments.all()] == ["Rust, or only dirt?", "Dirt."]
    send(as_, rev, thread, text="It has no ring.", do="close")
    thread.refresh_from_db()
    assert (thread.closed_by, thread.comments.count()) == (rev, 3)
    send(as_, ann, thread, text="But this one?", do="reply")
    thread.refresh_from_db()
    assert thread.closed_at is None
    send(as_, ann, thread, text="", do="close")
    thread.refresh_from_db()
    assert (thread.closed_by, thread.comments.count()) == (ann, 4)


def test_an_empty_answer_is_refused_in_words(as_, project, photos, ann, rev):
    thread = ask(photos[0], ann)
    response = as_(rev).post(f"/projects/{project.pk}/threads/{thread.pk}/", {"do": "reply"}, follow=True)
    assert "Write what your question is." in response.content.decode()
    assert thread.comments.count() == 1


def test_another_annotator_and_strangers_reach_nothing(as_, project, multi_project, photos, ann, bea, carl, lena):
    thread = ask(photos[0], ann)
    assert send(as_, bea, thread, text="Me too.", do="reply").status_code == 404
    assert send(as_, carl, thread, text="Hello.", do="reply").status_code == 404
    assert as_(carl).get(f"/projects/{project.pk}/threads/").status_code == 404
    elsewhere = as_(lena).post(f"/projects/{multi_project.pk}/threads/{thread.pk}/", {"text": "x"})
    assert elsewhere.status_code == 404
    assert thread.comments.count() == 1


def test_what_is_written_is_text_and_never_markup(as_, project, photos, ann, rev):
    ask(photos[0], ann, "<script>alert(1)</script> & more")
    text = page(as_, rev, project)
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_pages_of_twenty_and_a_fixed_number_of_queries(as_, project, ann, rev, django_assert_max_num_queries):
    for number, image in enumerate(add_images(project, 23)):
        comments.reply(thread=ask(image, ann, f"Question {number}?"), by=rev, text="Dirt.")
    page(as_, rev, project)

    # Two of them are the login of the test's own client. A query for each question would make it 30 and more.
    with django_assert_max_num_queries(14):
        text = page(as_, rev, project)

    assert text.count('class="card thread"') == 20
    assert 'href="?page=2"' in text
    assert page(as_, rev, project, "?page=2").count('class="card thread"') == 3
    assert page(as_, rev, project, "?page=nonsense").count('class="card thread"') == 20


def test_an_empty_page_says_where_questions_come_from(as_, project, ann, rev):
    assert "You have asked nothing yet" in page(as_, ann, project)
    assert "No open questions" in page(as_, rev, project)
