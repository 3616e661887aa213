"""What runs here, in which version and how it is: for administrators. Knows the page; labeler/launch/health.py
checks."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from labeler.access import administers
from labeler.jobs import dispatch
from labeler.launch import health
from labeler.models import TrainingRun
from labeler.models.job import State
from labeler.pages.asking import person
from labeler.pages.shell import documents


@login_required
@require_GET
def about(request: HttpRequest) -> HttpResponse:
    if not administers(person(request)):
        raise PermissionDenied(_("Only administrators may see how the server is."))
    findings, disk = [check() for check in health.CHECKS], shutil.disk_usage(settings.DATA_DIR)
    context = {
        "versions": health.versions(),
        "findings": findings,
        "bad": sum(finding.state == "bad" for finding in findings),
        "workers": dispatch.workers_alive(),
        "disk": disk,
        # not disk.used: what is kept for root is not free either
        "disk_used_share": 1 - disk.free / disk.total if disk.total else 0.0,
        "last_run": TrainingRun.objects.filter(state=State.DONE).exclude(device="").order_by("-finished_at").first(),
        "notice": (Path(settings.BASE_DIR) / "NOTICE").read_text(encoding="utf-8"),
        "documents": documents.TITLES,
    }
    return render(request, "about.html", context)
