"""Pages that work for classes only: where people draw objects, they say so in a sentence instead.

Knows projects' tasks; which page it is and why, the page says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from labeler.pages.asking import Access

REFUSED = 422  # a form that was sent all the same


def classes_only(tab: str, heading: Any, sentence: Any) -> Callable[..., Callable[..., HttpResponse]]:
    """Below project_page: the view runs where classes are named. tab: which one is marked. heading, sentence: lazy."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, access: Access, **ids: int | str) -> HttpResponse:
            if not access.project.draws:
                return view(request, access, **ids)
            # Nothing of a form that was sent is carried out.
            status = 200 if request.method in ("GET", "HEAD") else REFUSED
            return access.render(request, "classes_only.html", tab, status=status, heading=heading, sentence=sentence)

        return guarded

    return decorate
