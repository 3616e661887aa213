"""Apply a reviewer's form: decide or withdraw, and say who decided first when somebody else did.

Shared by the page of one image and by adjudication. Knows the form; what a decision changes is
review/adjudication.py's.
"""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import LabelerError, StaleVersion
from labeler.label_set import categories
from labeler.models import Decision, Image
from labeler.pages.asking import person
from labeler.pages.forms import Settle, refuse
from labeler.pages.review.adjudicate_objects import sent_objects
from labeler.review import adjudication

Done = Literal["settled", "withdrawn"]


def form_of(request: HttpRequest, image: Image) -> Settle:
    """The form as it was sent; an empty one where nothing was decided with it."""
    return Settle(image.project, request.POST if request.POST.get("do") == "settle" else None)


def decide_by_form(request: HttpRequest, image: Image, form: Settle) -> Done | None:
    """Do what the request asks for. None: the form says why not. Raises LabelerError when nothing can be withdrawn."""
    seen = request.POST.get("version") or None
    if request.POST.get("do") == "withdraw":
        adjudication.withdraw(image_id=image.pk, reviewer=person(request), expected_version=seen)
        return "withdrawn"
    if not form.is_bound or not form.is_valid():
        return None
    undecidable = form.cleaned_data["undecidable"]
    drawn = sent_objects(form.cleaned_data["objects"]) if image.project.draws and not undecidable else None
    try:
        adjudication.decide(
            image_id=image.pk,
            reviewer=person(request),
            categories=() if image.project.draws else form.chosen(),
            drawn=drawn,
            undecidable=undecidable,
            reason=form.cleaned_data["reason"],
            expected_version=seen,
        )
    except StaleVersion as error:
        form.add_error(None, other_decision_in_words(request, image) or error.message)
        return None
    except LabelerError as error:
        refuse(form, error)
        return None
    return "settled"


def other_decision_in_words(request: HttpRequest, image: Image) -> str:
    """A sentence when somebody decided the image meanwhile; empty when it was the votes that changed."""
    decision = Decision.objects.filter(image=image, withdrawn_at=None).select_related("reviewer").first()
    if decision is None:
        return ""
    words = {
        "time": date_format(localtime(decision.created_at), "H:i"),
        "answer": in_words(image, decision),
        "name": decision.reviewer.get_username(),
    }
    if decision.reviewer_id == person(request).pk:
        return _("You have decided this image already, at %(time)s: %(answer)s.") % words
    return _("%(name)s has decided this image at %(time)s: %(answer)s. Yours was not saved.") % words


def in_words(image: Image, decision: Decision) -> str:
    """Rust; Rust and Mildew; none of the classes; the image does not say."""
    if decision.undecidable:
        return _("the image does not say")
    names = categories.index(image.project).label(decision.categories)
    if decision.drawn is not None:
        n = len(decision.drawn)
        return ngettext("%(n)s object", "%(n)s objects", n) % {"n": n} if n else _("nothing here")
    if not names:
        return _("none of the classes")
    return names[0] if len(names) == 1 else _("%(first)s and %(last)s") % {
        "first": ", ".join(names[:-1]), "last": names[-1],
    }  # fmt: skip
