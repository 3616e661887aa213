"""The report on agreement as a page that prints: for the appendix of a paper, without navigation.

Knows how it is shown; what it holds is agreement/printed_report.py's. `?labels=` and `?sample=` choose as on the
agreement page, `?until=`, `?at=`, `?classes=` and `?ordered=` count one of the past again, `?names=1` names people
(leads).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _

from labeler.agreement import printed_report
from labeler.errors import LabelerError
from labeler.label_set import categories
from labeler.labeling.label_arrays import Selection
from labeler.models import Role
from labeler.models.project import Ordered, Task
from labeler.pages.agreement.drawn_agreement import kinds
from labeler.pages.agreement.selecting import selection_of
from labeler.pages.asking import Access, project_page
from labeler.pages.images import filters
from labeler.progress import cached_reports

KEPT = ("labels", "sample", "until", "at", "classes", "ordered")


@project_page(Role.REVIEWER)
def report(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    names = request.GET.get("names") == "1"
    if names and not access.may_lead:
        raise PermissionDenied(_("Only leads of this project may see a report with names."))
    selection = _selection(request, access)
    ordered = request.GET.get("ordered")
    changed = ordered if ordered in Ordered.values and ordered != project.ordered else None
    found = cached_reports.report_figures(project, selection, names=names, ordered=changed)
    told = None if found.value is None else printed_report.document(project, found.value)
    kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    context: dict[str, Any] = {
        "has_outlines": access.project.task != Task.BOXES,
        "report": told,
        "names": names,
        "other_url": "?" + urlencode({**kept, **({} if names else {"names": "1"})}, safe=",:"),
        "json_url": f"/api/projects/{project.pk}/agreement/report/?"
        + urlencode({**kept, **({"names": "true"} if names else {}), "download": "true"}, safe=",:"),
    }
    if told is not None:
        n = told["agreement"]["n_shared_images"]
        context |= {
            "agreement": told["agreement"],
            "day": told["of_the_day"],
            "dated": printed_report.dated(told),
            "markers": categories.markers_by_name(project),
            # the pairs of classes people split on, each with its share of all images with two labels or more
            "matrix": [{**row, "share": row["count"] / n if n else None} for row in told["agreement"]["confusion"]],
            "kinds": kinds(project, told["agreement"], selection) if project.draws else [],
        }
    return access.render(request, "agreement/report.html", "agreement", **context)


def _selection(request: HttpRequest, access: Access) -> Selection:
    at = None
    if request.GET.get("at"):
        try:
            # A plus in an address that somebody typed is read as a space.
            at = parse_datetime(request.GET["at"].replace(" ", "+"))
        except ValueError:
            at = None
        if at is None:
            raise Http404(_("There is no report of this time."))
        at = make_aware(at) if is_naive(at) else at
    classes = [filters.number(part) or 0 for part in request.GET.get("classes", "").split(",") if part]
    try:
        then = printed_report.until(access.project, filters.number(request.GET.get("until")), at, classes)
    except LabelerError as error:
        raise Http404(error.message) from error
    return selection_of(request, until=then)
