"""What differs between people's drawings, image by image: everybody's objects over each other.

For reviewers and leads. Knows how images are listed; which image has which difference is in the agreement report
(labeler/agreement/object_differences.py).
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from labeler.labeling import blindness
from labeler.models import Label, Role
from labeler.pages.agreement.drawn_agreement import KIND_WORDS, kinds
from labeler.pages.agreement.selecting import selection_of
from labeler.pages.asking import Access, project_page
from labeler.pages.images import drawn
from labeler.progress import cached_reports
from labeler.stats.objects.differences import KINDS

PER_PAGE = 12
# Where outlines differ and not what is there, nothing stands back.
FADES = ("missed", "extra", "doubled", "other_class")


@project_page(Role.REVIEWER)
def differences(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    if not project.draws:
        raise Http404(_("Nobody draws in this project."))
    kind = request.GET.get("kind", KINDS[0])
    if kind not in KINDS:
        raise Http404(_("There is no such kind of difference."))
    selection = selection_of(request)
    report = cached_reports.agreement_figures(project, selection, wait=False).value
    context: dict[str, Any] = {"report": report, "kind": kind, "name": KIND_WORDS[kind][0]}
    if report is not None:
        found = report["differences"][kind]
        ids = found["images"][:PER_PAGE]
        # What was decided or deleted meanwhile is read now, as are the objects.
        images = project.images.filter(pk__in=ids)
        votes = Label.objects.votes().filter(image__in=images).select_related("annotator")
        shown = drawn.figures(project, images, votes, fade=kind in FADES)
        blindness.remember(request.user, others=ids)
        context |= {
            "meaning": KIND_WORDS[kind][1],
            "people": found["people"],
            "n": found["n"],
            "n_images": found["n_images"],
            "figures": [shown[pk] for pk in ids if pk in shown],
            "kinds": kinds(project, report, selection),
        }
    return access.render(request, "agreement/differences.html", "agreement", **context)
