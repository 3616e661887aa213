"""What can be downloaded, what is in it, and how to load it. Knows descriptions; the files are streamed by the REST API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from labeler import reports
from labeler.models import Role
from labeler.pages.access import Access, project_page


@project_page(Role.LEAD)
@require_GET
def export(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    progress = reports.progress(project)
    name = slugify(project.name) or f"project-{project.pk}"
    base = f"/api/projects/{project.pk}/export"
    formats = [
        {
            "id": "csv",
            "title": _("CSV: one row per judgement"),
            "text": _(
                "Every current answer with its author, when, how long it took, whether a suggestion was shown and which, "
                "the consensus and the model's prediction. The table for statistics and spreadsheets."
            ),
            "url": f"{base}/csv/",
            "code": f'import pandas as pd\nlabels = pd.read_csv("{name}.csv")\nlabels.pivot(index="image", columns="annotator", values="label")',
        },
        {
            "id": "jsonl",
            "title": _("JSONL: one line per image"),
            "text": _("Each image with all its answers, the consensus, the prediction and the metadata. For scripts."),
            "url": f"{base}/jsonl/",
            "code": f'import json\nimages = [json.loads(line) for line in open("{name}.jsonl")]',
        },
        {
            "id": "imagefolder",
            "title": _("ImageFolder: the images, sorted by class"),
            "text": _("A zip with one folder per class, by consensus; images without one are left out. For training elsewhere."),
            "url": f"{base}/imagefolder/",
            "code": f'from torchvision.datasets import ImageFolder\ndata = ImageFolder("{name}")',
        },
    ]
    return render(
        request, "project/export.html", access.context("export", formats=formats, progress=progress, base_url=f"{request.scheme}://{request.get_host()}")
    )
