"""Questions about images: for reviewers all of a project, for an annotator their own, each with a box to answer in.

Knows what is listed and in which order. Who may see what, and what opens and closes a question, is
labeler/review/comments.py's.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.models import Thread
from labeler.pages.asking import Access, person, project_action, project_page
from labeler.pages.images.images import thumbnail_url
from labeler.pages.label.pins import pins
from labeler.pages.refusals import first_or_404, page_asked_for, refusal_as_message
from labeler.review import comments

PER_PAGE = 20
LAST_PAGE = 500


@project_page()
def threads(request: HttpRequest, access: Access) -> HttpResponse:
    """What is open, newest first; `?closed=1`: what is settled. To see an answer here is to have read it."""
    project, reader = access.project, person(request)
    now = timezone.now()  # before reading: what is written in between stays unread
    closed = request.GET.get("closed") == "1"
    page = page_asked_for(request, LAST_PAGE)
    seen = comments.visible_to(reader, project=project, may_review=access.may_review)
    # An annotator looks for answers: what has just been answered and closed must not hide on another page.
    listed = seen.filter(closed_at__isnull=not closed) if access.may_review or closed else seen
    start = (page - 1) * PER_PAGE
    found = list(
        comments.with_comments(listed, reader=reader).order_by("-changed_at", "-id")[start : start + PER_PAGE + 1]
    )
    rows = found[:PER_PAGE]
    if any(thread.is_unread for thread in rows):  # type: ignore[attr-defined]
        comments.mark_read(threads=seen.filter(pk__in=[thread.pk for thread in rows]), by=reader, at=now)
    suffix = "&closed=1" if closed else ""
    return access.render(
        request,
        "threads/threads.html",
        "threads",
        rows=[_row(thread, access, reader.pk) for thread in rows],
        closed=closed,
        before=f"?page={page - 1}{suffix}" if page > 1 else "",
        after=f"?page={page + 1}{suffix}" if len(found) > PER_PAGE and page < LAST_PAGE else "",
        longest=comments.LONGEST_TEXT,
    )


def _row(thread: Thread, access: Access, reader_id: int) -> dict[str, Any]:
    said = list(thread.comments.all())
    return {
        "thread": thread,
        "image": thread.image,
        "thumb": thumbnail_url(thread.image_id),
        "preview": f"/api/images/{thread.image_id}/preview/",
        "url": reverse("image", args=[thread.project_id, thread.image_id]) if access.may_review else "",
        "comments": said,
        "pins": pins([thread]),
        "own": thread.raised_by_id == reader_id,
        # Whose turn it is: the team's as long as the last word is the asker's.
        "waits": thread.closed_at is None and said[-1].author_id == thread.raised_by_id,
        "new": thread.is_unread,  # type: ignore[attr-defined]
    }


@project_action()
def thread(request: HttpRequest, access: Access, thread_id: int) -> HttpResponse:
    """Answer a question, close it, or both in one go."""
    reader = person(request)
    seen = comments.visible_to(reader, project=access.project, may_review=access.may_review)
    row = first_or_404(seen.filter(pk=thread_id), _("There is no such question, or it is not for you."))
    text = request.POST.get("text", "").strip()
    closes = request.POST.get("do") == "close"
    with refusal_as_message(request):
        if text or not closes:
            comments.reply(thread=row, by=reader, text=text)
        if closes:
            comments.close(thread=row, by=reader)
        messages.success(request, _("The question is closed.") if closes else _("Your answer is there."))
    return redirect(reverse("threads", args=[access.project.pk]) + f"#thread-{thread_id}")
