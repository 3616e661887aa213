"""What can be downloaded, what is in it, and how to load it. Knows descriptions; labeler/releases makes the files."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from labeler import releases, reports
from labeler.errors import NotPossibleNow
from labeler.models import Project, Role
from labeler.pages.access import Access, project_page

PANDAS = """\
import pandas as pd
labels = pd.read_csv("{name}")
votes = labels[labels.answer == "labeled"].pivot(
    index="file_name", columns="annotator", values="categories")"""
JSON_LINES = """\
import json
images = [json.loads(line) for line in open("{name}", encoding="utf-8")]"""
TORCHVISION = """\
from torchvision.datasets import ImageFolder   # after: unzip {name}
data = ImageFolder("root")"""


@project_page(Role.LEAD)
@require_GET
def export(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    formats = [
        _format(
            project,
            "csv",
            _("CSV: one row per judgement"),
            _(
                "Every current answer with its author, when it was given and how long it took, which suggestion was "
                "shown, the consensus and the model's prediction. The table for statistics and spreadsheets."
            ),
            PANDAS,
        ),
        _format(
            project,
            "jsonl",
            _("JSONL: one line per image"),
            _("Each image with all its answers, consensus, decision, prediction and metadata, unlabeled ones too."),
            JSON_LINES,
        ),
        _format(
            project,
            "imagefolder",
            _("ImageFolder: the images, sorted by class"),
            _("A zip with one folder per class, by consensus; images without one are left out."),
            TORCHVISION,
        ),
    ]
    context = {
        "formats": formats,
        "progress": reports.progress(project),
        "base_url": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "project/export.html", access.context("export", **context))


def _format(project: Project, name: str, title: str, text: str, code: str) -> dict[str, Any]:
    """One format: where to get it and how to read it, or why this project has none."""
    described = {"id": name, "title": title, "text": text}
    try:
        file_name = releases.export(project, name).file_name
    except NotPossibleNow as error:
        return {**described, "why_not": error.message}
    return {**described, "url": f"/api/projects/{project.pk}/export/{name}/", "code": code.format(name=file_name)}
