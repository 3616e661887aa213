"""Questions about images and what the team answers: raise, reply, close, read.

The only module that writes Thread and Comment.

A thread belongs to one person and one image. Its owner and the reviewers see it; another annotator is not told that it
exists, because what somebody wrote about an image would be a hint to whoever judges it next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.errors import Invalid, KeyReused, NotFound
from labeler.models import Comment, Image, Project, Thread

LONGEST_TEXT = 2000


# ---------------------------------------------------------------- what there is


def visible_to(person: User, *, project: Project, may_review: bool) -> QuerySet[Thread]:
    """The threads of a project that a member may see: all of them for a reviewer, their own for an annotator."""
    threads = Thread.objects.filter(project=project)
    return threads if may_review else threads.filter(raised_by=person)


def with_comments(threads: QuerySet[Thread], *, reader: User) -> QuerySet[Thread]:
    """The same with all that a page shows, also `is_unread` for this reader: two queries, however many there are."""
    comments = Prefetch("comments", Comment.objects.select_related("author").order_by("id"))
    shown = threads.select_related("raised_by", "closed_by", "image").prefetch_related(comments)
    return shown.annotate(is_unread=ExpressionWrapper(answered_unread(reader), BooleanField()))


def answered_unread(person: User) -> Q:
    """Threads of this person in which somebody else has written since they last looked."""
    from_others = Comment.objects.filter(thread=OuterRef("pk")).exclude(author=person)
    news = from_others.filter(Q(created_at__gt=OuterRef("read_at")))
    return Q(raised_by=person) & (Q(Exists(news)) | (Q(read_at__isnull=True) & Q(Exists(from_others))))


def unread(*, project: Project, person: User) -> int:
    """How many of the person's questions have an answer they have not seen."""
    return Thread.objects.filter(answered_unread(person), project=project).count()


def waiting(*, project: Project, person: User, may_review: bool) -> int:
    """What the tab counts: open questions for those who answer them, unread answers for the others."""
    if may_review:
        return Thread.objects.filter(project=project, closed_at__isnull=True).count()
    return unread(project=project, person=person)


def on_image(image: Image) -> list[Thread]:
    """The threads about an image, oldest first, each with what was asked first as `first_text`. One query."""
    first = Comment.objects.filter(thread=OuterRef("pk")).order_by("id").values("text")[:1]
    return list(image.threads.select_related("raised_by").annotate(first_text=Subquery(first)).order_by("id"))


# ---------------------------------------------------------------- what is done


def raise_flag(
    *, image: Image, by: User, text: str, place: Mapping[str, float] | None = None, idempotency_key: UUID | None = None
) -> Comment:
    """Ask the team about an image. A second question about it goes on in the same thread, and opens it again.

    place: {x, y} in pixels of the upright image, where the question points; another question may move it, one without
    leaves it. The same key again writes nothing and gives the same comment. Raises Invalid, KeyReused.
    """
    text = _checked(text)
    point = _checked_place(image, place)
    if twin := _twin(by, idempotency_key):
        return _replayed(twin, text, mine_about=image)
    with transaction.atomic():
        # Deleted at this moment: the thread would speak of an image that its project no longer has.
        if not Image.objects.select_for_update(no_key=True).filter(pk=image.pk, project=image.project_id).exists():
            raise NotFound(_("There is no such image."))
        now = timezone.now()
        thread, _created = Thread.objects.get_or_create(
            image=image, raised_by=by, defaults={"project_id": image.project_id, "changed_at": now}
        )
        if point is not None:
            Thread.objects.filter(pk=thread.pk).update(x=point[0], y=point[1])
        return _write(thread, by, text, idempotency_key)


def reply(*, thread: Thread, by: User, text: str, idempotency_key: UUID | None = None) -> Comment:
    """Write into a thread; a closed one is open again. Raises as raise_flag. Who may is looked at by the caller."""
    text = _checked(text)
    if twin := _twin(by, idempotency_key):
        return _replayed(twin, text, thread=thread)
    with transaction.atomic():
        return _write(thread, by, text, idempotency_key)


def _write(thread: Thread, by: User, text: str, key: UUID | None) -> Comment:
    try:
        with transaction.atomic():
            comment = Comment.objects.create(thread=thread, author=by, text=text, idempotency_key=key)
    except IntegrityError:
        twin = _twin(by, key)  # two equal requests at the same moment: the other one was quicker
        if twin is None:
            raise
        return _replayed(twin, text, thread=thread)
    Thread.objects.filter(pk=thread.pk).update(changed_at=comment.created_at, closed_at=None, closed_by=None)
    comment.thread.refresh_from_db()
    return comment


def close(*, thread: Thread, by: User) -> Thread:
    """The question is settled. A second time changes nothing."""
    Thread.objects.filter(pk=thread.pk, closed_at__isnull=True).update(closed_at=timezone.now(), closed_by=by)
    thread.refresh_from_db()
    return thread


def mark_read(*, threads: QuerySet[Thread], by: User, at: datetime) -> int:
    """The person has seen what was written until `at`. Only their own threads change; how many did."""
    return threads.filter(answered_unread(by)).update(read_at=at)


def _checked(text: Any) -> str:
    text = text.strip() if isinstance(text, str) else ""
    if not text:
        raise Invalid(_("Write what your question is."), fields={"text": ["empty"]})
    if len(text) > LONGEST_TEXT:
        raise Invalid(_("A comment has at most %(n)s characters.") % {"n": LONGEST_TEXT}, fields={"text": ["too long"]})
    return text


def _checked_place(image: Image, place: Mapping[str, float] | None) -> tuple[float, float] | None:
    if place is None:
        return None
    x, y = float(place["x"]), float(place["y"])
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= image.width and 0 <= y <= image.height):
        raise Invalid(
            _("The place must lie inside the image, which is %(width)s × %(height)s pixels.")
            % {"width": image.width, "height": image.height},
            fields={"place": ["outside the image"]},
        )
    return x, y


def _twin(by: User, key: UUID | None) -> Comment | None:
    """What this very request wrote before."""
    if key is None:
        return None
    return Comment.objects.select_related("thread").filter(author=by, idempotency_key=key).first()


def _replayed(twin: Comment, text: str, *, thread: Thread | None = None, mine_about: Image | None = None) -> Comment:
    """What the same request wrote, which stands in the thread it names now: another may not be the author's to see."""
    there = twin.thread
    if thread is not None:
        is_same = there.pk == thread.pk
    else:
        is_same = mine_about is not None and (there.image_id, there.raised_by_id) == (mine_about.pk, twin.author_id)
    if twin.text != text or not is_same:
        raise KeyReused(_("This idempotency key belongs to another comment."))
    return twin
