"""The form with the questions of a release's data card. An answer here goes before what the data set says itself.

Knows the form; the questions are labeler/releases/datasheet.py's, the card itself is a format.
"""

from __future__ import annotations

from itertools import groupby

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from labeler.models import Role
from labeler.pages.asking import Access, person, project_page
from labeler.pages.export.releases import find
from labeler.pages.refusals import refusal_as_message
from labeler.releases import releases
from labeler.releases.datasheet import QUESTIONS


@project_page(Role.REVIEWER, methods=("GET", "HEAD", "POST"))
def card(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Answer the questions that the data cannot answer."""
    release = find(access, number)
    if request.method == "POST":
        answers = {one.key: request.POST.get(one.key, "").replace("\x00", "").strip() for one in QUESTIONS}
        with refusal_as_message(request):
            releases.edit(release, by=person(request), card=answers)
            messages.success(request, _("The data card is saved."))
            return redirect("release", access.project.pk, number)
    else:
        answers = release.card
    sections = [
        {
            "name": name,
            "questions": [{"key": one.key, "text": one.text, "answer": answers.get(one.key, "")} for one in found],
        }
        for name, found in groupby(QUESTIONS, key=lambda one: one.section)
    ]
    return access.render(
        request, "export/data_card.html", "export", release=release, sections=sections, longest=releases.LONGEST_ANSWER
    )
