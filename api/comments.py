"""/api/images/{id}/comments/ and /api/…/threads/: questions about images, and what the team answers."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import NEWEST_FIRST, page
from api.permissions import MEMBERS_LABEL, MEMBERS_READ
from api.schema import IDEMPOTENCY, PAGING, describe, example, page_of, parameter
from labeler.access import may_review
from labeler.errors import NotFound
from labeler.models import Thread
from labeler.review import comments

TAG = "Questions"
NO_THREAD = "There is no such question, or it is not for you."
EXAMPLE = {
    "id": 12, "image": 613, "project": 1, "raised_by": "ann", "place": {"x": 212.5, "y": 80.0},
    "created_at": "2026-11-05T10:00:00Z",
    "changed_at": "2026-11-05T10:20:00Z", "closed_at": None, "closed_by": None, "unread": True,
    "comments": [
        {"id": 40, "author": "ann", "text": "Rust, or only dirt?", "created_at": "2026-11-05T10:00:00Z"},
        {"id": 41, "author": "rev", "text": "Dirt: it has no ring.", "created_at": "2026-11-05T10:20:00Z"},
    ],
}  # fmt: skip


class CommentInput(serializers.Serializer):
    text = serializers.CharField(max_length=comments.LONGEST_TEXT)


class PlaceShape(serializers.Serializer):
    """A point on the upright image, in pixels from its top left corner."""

    x = serializers.FloatField()
    y = serializers.FloatField()


class QuestionInput(CommentInput):
    place = PlaceShape(
        required=False, allow_null=True, help_text="where the question points, inside the image; null: all of it"
    )


class CommentShape(serializers.Serializer):
    id = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class ThreadShape(serializers.Serializer):
    """A row of comments.with_comments()."""

    id = serializers.IntegerField()
    image = serializers.IntegerField(source="image_id")
    project = serializers.IntegerField(source="project_id")
    raised_by = serializers.CharField(source="raised_by.username")
    place = PlaceShape(allow_null=True, help_text="where it points; null: it is about the whole image")
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField(help_text="of its newest comment")
    closed_at = serializers.DateTimeField(allow_null=True, help_text="another comment opens it again")
    closed_by = serializers.CharField(source="closed_by.username", allow_null=True)
    unread = serializers.BooleanField(
        source="is_unread", help_text="your own question, with an answer you have not marked as read"
    )
    comments = CommentShape(many=True)


PAGE = page_of(ThreadShape)


class ImageComments(View):
    needs = {"GET": MEMBERS_READ, "POST": MEMBERS_LABEL}

    @describe(
        "list_image_comments", "The questions about an image.\n\nReviewers see everybody's, an annotator their own: "
        "what others wrote would be a hint.",
        tag=TAG, answers={200: PAGE}, parameters=[*PAGING],
    )  # fmt: skip
    def get(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        seen = comments.visible_to(self.person, project=image.project, may_review=may_review(image.project))
        return _listed(request, self.person, seen.filter(image=image))

    @describe(
        "ask_about_image", "Ask the team about an image.\n\nA second question about the same image goes on in your "
        "thread, and opens it again. `place`, if given, is where the thread points from now on. The image still wants "
        "its answer, or a skip.",
        tag=TAG, request=QuestionInput, answers={201: ThreadShape}, errors=(409,), parameters=[IDEMPOTENCY],
        examples=[
            example({"text": "Rust, or only dirt?", "place": {"x": 212.5, "y": 80}}, of_request=True), example(EXAMPLE),
        ],
    )  # fmt: skip
    def post(self, request: Request, image_id: int) -> Response:
        image = self.image(image_id)
        asked = parsing.parse(QuestionInput, request)
        comment = comments.raise_flag(
            image=image, by=self.person, text=asked["text"], place=asked.get("place"),
            idempotency_key=parsing.idempotency_key(request),
        )  # fmt: skip
        return Response(_one(comment.thread_id, self.person), status=201)


class Threads(View):
    needs = {"GET": MEMBERS_READ}

    @describe(
        "list_threads", "The questions of a project, newest first.\n\nReviewers see everybody's, an annotator "
        "their own.",
        tag=TAG, answers={200: PAGE},
        parameters=[
            *PAGING, parameter("open", "only those that are not closed", bool),
            parameter("unread", "only your own with an answer you have not seen", bool),
        ],
    )  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        threads = comments.visible_to(self.person, project=project, may_review=may_review(project))
        if parsing.flag(request, "open"):
            threads = threads.filter(closed_at__isnull=True)
        if parsing.flag(request, "unread"):
            threads = threads.filter(comments.answered_unread(self.person))
        return _listed(request, self.person, threads)


class _OneThread(View):
    def thread(self, thread_id: int) -> Thread:
        """A thread that the caller may see: their own, or any as a reviewer."""
        row: Thread = self.row(Thread.objects, thread_id, NO_THREAD)
        if not may_review(row) and row.raised_by_id != self.person.pk:
            raise NotFound(NO_THREAD)
        return row


class ThreadComments(_OneThread):
    needs = {"POST": MEMBERS_LABEL}

    @describe(
        "reply_to_thread", "Write into a question.\n\nYour own, or any as a reviewer. A closed one is open again.",
        tag=TAG, request=CommentInput, answers={201: ThreadShape}, errors=(409,), parameters=[IDEMPOTENCY],
        examples=[example({"text": "Dirt: it has no ring."}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, thread_id: int) -> Response:
        comments.reply(
            thread=self.thread(thread_id), by=self.person, text=parsing.parse(CommentInput, request)["text"],
            idempotency_key=parsing.idempotency_key(request),
        )  # fmt: skip
        return Response(_one(thread_id, self.person), status=201)


class Closure(_OneThread):
    needs = {"POST": MEMBERS_LABEL}

    @describe("close_thread", "Close a question: it is settled.\n\nYour own, or any as a reviewer.", tag=TAG,
              answers={200: ThreadShape})  # fmt: skip
    def post(self, request: Request, thread_id: int) -> Response:
        comments.close(thread=self.thread(thread_id), by=self.person)
        return Response(_one(thread_id, self.person))


class Reading(_OneThread):
    needs = {"POST": MEMBERS_LABEL}

    @describe("mark_thread_read", "You have seen the answers to your question.", tag=TAG, answers={200: ThreadShape})
    def post(self, request: Request, thread_id: int) -> Response:
        thread = self.thread(thread_id)
        comments.mark_read(threads=Thread.objects.filter(pk=thread.pk), by=self.person, at=timezone.now())
        return Response(_one(thread_id, self.person))


def _listed(request: Request, person: Any, threads: Any) -> Response:
    return page(request, comments.with_comments(threads, reader=person), ThreadShape, order=NEWEST_FIRST)


def _one(thread_id: int, person: Any) -> dict[str, Any]:
    return ThreadShape(comments.with_comments(Thread.objects.filter(pk=thread_id), reader=person).get()).data
