"""What an import found in its file, and the questions about it: what its labels are, what becomes of new classes.

The file waits on the server meanwhile. Knows forms; what the answers mean is labeler/imports'.
"""

from __future__ import annotations

import base64
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import LabelerError
from labeler.imports import options, voc_origin
from labeler.intake import refusal_report
from labeler.jobs import jobs
from labeler.models import Job, Project, Role
from labeler.models.job import Kind
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.refusals import first_or_404

CLASSES_ASKED = 300  # beyond, all of them have one answer
PEOPLE_SHOWN = 30
MAKE, LEAVE_OUT = "make", "out"
FORMATS = {
    "images": gettext_lazy("images"),
    "imagefolder": gettext_lazy("ImageFolder: each folder is a class"),
    "csv": gettext_lazy("a CSV manifest"),
    "jsonl": gettext_lazy("a JSON Lines manifest"),
    "labels-csv": gettext_lazy("a CSV of judgements"),
    "labelstudio": gettext_lazy("Label Studio’s JSON"),
    "cvat": gettext_lazy("CVAT’s XML"),
    "coco": gettext_lazy("COCO’s JSON"),
    "voc": gettext_lazy("Pascal VOC’s XML"),
    "masks": gettext_lazy("masks as PNG"),
    "yolo": gettext_lazy("YOLO"),
    "huggingface": gettext_lazy("a Hugging Face data set"),
    "webdataset": gettext_lazy("a WebDataset shard"),
    "predictions": gettext_lazy("predictions of a model"),
    "urls": gettext_lazy("addresses"),
}


def _job(project: Project, job_id: int) -> Job:
    rows = Job.objects.filter(project=project, kind=Kind.IMPORT, pk=job_id)
    return first_or_404(rows, _("This project has no such import."))


@project_form(Role.LEAD)
def preview(request: HttpRequest, access: Access, job_id: int) -> HttpResponse:
    job = _job(access.project, job_id)
    if request.method == "POST":
        return _answered(request, job)
    if not jobs.is_waiting_for_answers(job) or not job.result.get("found"):
        messages.info(request, _("There is nothing to decide about this import any more."))
        return redirect("import", access.project.pk)
    return access.render(request, "imports/found.html", "import", **_context(job))


def _context(job: Job) -> dict[str, Any]:
    found = job.result["found"]
    project = job.project
    unknown = [one for one in found["classes"] if not one["known"]]
    names_people = bool(found["people"])
    return {
        "job": job,
        "name": job.params.get("name", ""),
        "found": found,
        "format": FORMATS.get(found["format"], found["format"]),
        "known": [one for one in found["classes"] if one["known"]],
        "unknown": [{**one, "field": f"class-{place}"} for place, one in enumerate(unknown[:CLASSES_ASKED])],
        "more_unknown": max(0, len(unknown) - CLASSES_ASKED),
        "classes_in_use": [c.name for c in project.categories.in_use()],
        "people": found["people"][:PEOPLE_SHOWN],
        "more_people": max(0, len(found["people"]) - PEOPLE_SHOWN),
        "splits": sorted(found.get("splits", {}).items()),
        "has_labels": found["labels"] > 0,
        "names_people": names_people,
        "chosen": "people" if names_people else "source",
        "source": found["format"],
        "blind": job.params.get("blind") is True,
        "has_metadata": any(row["metadata"] for row in found["sample"]),
        "has_splits": any(row["split"] for row in found["sample"]),
        "asks_origin": found["format"] == "voc",
        "origin": job.params.get("origin", 1),
        "origin_shown": _first_box(job) if found["format"] == "voc" else None,
    }


def _first_box(job: Job) -> dict[str, str] | None:
    """A corner of one box, as both readings have it."""
    if "path" not in job.params:
        return None  # of a bucket: a picture is a help, and the question is asked all the same
    shown = voc_origin.show(job.project, jobs.source_of(job), job.params.get("name", ""))
    if shown is None:
        return None
    pictures = {"one": shown.from_one, "zero": shown.from_zero}
    return {"name": shown.name} | {
        name: f"data:image/png;base64,{base64.b64encode(content).decode()}" for name, content in pictures.items()
    }


def _answered(request: HttpRequest, job: Job) -> HttpResponse:
    try:
        if "discard" in request.POST:
            jobs.discard_looked_at(job)
            messages.success(request, _("The file was thrown away; nothing of it is in."))
        else:
            jobs.confirm(job, by=person(request), params=_answers(request.POST, job))
            messages.success(request, _("%(name)s is on its way in.") % {"name": job.params.get("name", "")})
    except LabelerError as error:
        messages.error(request, error.message)
        if jobs.is_waiting_for_answers(job):
            return redirect("import_preview", job.project_id, job.pk)
    return redirect("import", job.project_id)


def _answers(form: QueryDict, job: Job) -> dict[str, Any]:
    """What the form says, as params of the import. Raises Invalid."""
    found = job.result.get("found", {})
    said = form.get("labels_as", "")
    labels_as: Any = said
    if said == "people":
        labels_as = {"people": ""}
    elif said == "source":
        labels_as = {"source": form.get("source", "").strip() or found.get("format", "import")}
    mapping: dict[str, str] = {}
    unknown = [one["name"] for one in found.get("classes", []) if not one["known"]]
    for place, name in enumerate(unknown):
        choice = form.get(f"class-{place}" if place < CLASSES_ASKED else "class-more", MAKE)
        mapping[name] = name if choice == MAKE else "" if choice == LEAVE_OUT else choice.removeprefix("to:")
    answers = options.check(labels_as, mapping or None, form.get("origin"))
    if found.get("labels"):
        answers["blind"] = "blind" in form
    return answers


@project_page(Role.LEAD)
def refused_rows(request: HttpRequest, access: Access, job_id: int) -> HttpResponse | FileResponse:
    """All refused rows as a CSV, with what can be done."""
    path = refusal_report.path_of(_job(access.project, job_id).pk)
    if not path.is_file():
        raise Http404(_("Nothing was refused by this import."))
    name = f"import-{job_id}-refused.csv"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
