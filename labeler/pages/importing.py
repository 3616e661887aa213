"""Images in, by browser: what was sent, what became of it, and archives on their way.

With a script the page talks to the REST API; without one the form below does the same in one request.
Knows forms and rows; what an image must be is labeler/intake's.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from labeler import categories, dispatch, jobs, reports
from labeler.errors import LabelerError
from labeler.intake import images as intake
from labeler.intake import uploads
from labeler.intake.archives import clean_name
from labeler.models import Job, Project, Role
from labeler.models.job import Kind
from labeler.pages.access import Access, person, project_page

JOBS = 12
ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$", re.IGNORECASE)
UPLOADED = "uploaded"  # in the session, for the page after the form
REFUSALS_SHOWN = 200


@project_page(Role.LEAD)
@require_http_methods(["GET", "POST"])
def import_images(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    if request.method == "POST":
        _receive(request, project)
        return redirect("import", project.pk)
    rows = [_row(job) for job in _imports(project)[:JOBS]]
    unfinished = any(not row["job"].is_finished for row in rows)
    return render(
        request,
        "project/import.html",
        access.context(
            "import",
            n_images=project.images.count(),
            uploaded=request.session.pop(UPLOADED, None),
            jobs=rows,
            has_unfinished=unfinished,
            no_worker=unfinished and _no_worker(),
            megabytes=settings.MAX_IMAGE_BYTES // 2**20,
            megapixels=settings.MAX_IMAGE_PIXELS // 10**6,
            config=_config(project),
            wanted=_wanted(project),
        ),
    )


def _wanted(project: Project) -> dict[str, Any] | None:
    """What the data set still lacks, for whoever looks for images; None where nothing in particular is wanted."""
    found = reports.progress(project)["wanted"]
    asked = [row for row in found["categories"] if row["wanted"] or row["variety"]]
    if not (found["images"] or found["variety"] or asked):
        return None
    markers = categories.markers_by_name(project)
    # What lacks most comes first: that is what to bring.
    asked.sort(key=lambda row: -(row["missing"] or 0))
    return {**found, "categories": [row | {"marker": markers.get(row["name"])} for row in asked]}


def _imports(project: Project) -> Any:
    return Job.objects.filter(project=project, kind=Kind.IMPORT).select_related("requested_by").order_by("-id")


def _row(job: Job) -> dict[str, Any]:
    result = job.result or {}
    unnamed = _("Files from a browser or a program") if job.params.get("upload") else _("Import %(n)s") % {"n": job.pk}
    return {
        "job": job,
        "name": job.params.get("name") or unnamed,
        "added": _count(result.get("added", 0)),
        "duplicates": _count(result.get("duplicates", 0)),
        "refused": result.get("refused", []),
    }


def _count(found: int | list[Any]) -> int:
    """An import counts what it took in; an upload of single files lists it."""
    return len(found) if isinstance(found, list) else found


def _no_worker() -> bool:
    alive = dispatch.workers_alive()
    return alive is not None and not any("default" in worker.queues for worker in alive)


def _config(project: Project) -> dict[str, Any]:
    """What the page's script needs: addresses, and every sentence it says."""
    return {
        "images_url": f"/api/projects/{project.pk}/images/",
        "imports_url": f"/api/projects/{project.pk}/imports/",
        "words": {
            "nothing": _("There was no file in that."),
            "sending": _("Sending: {done} of {total} files"),
            "sending_file": _("Sending {name}"),
            "unpacking": _("{name} is on the server. Reading images: {done} of {total}. You can close this page."),
            "done": _("Done: {added} new images are in."),
        },
    }


def _receive(request: HttpRequest, project: Project) -> None:
    """Take in what a form without script sent: images now, archives as jobs."""
    files = request.FILES.getlist("files")
    if not files:
        messages.error(request, _("Choose at least one file first."))
        return
    archives = [file for file in files if ARCHIVE.search(file.name or "")]
    try:
        _keep_images(request, project, [file for file in files if file not in archives])
        for archive in archives:
            _keep_archive(request, project, archive)
            messages.success(request, _("%(name)s is on its way in.") % {"name": archive.name})
    except LabelerError as error:
        messages.error(request, error.message)


def _keep_images(request: HttpRequest, project: Project, files: list[UploadedFile]) -> None:
    if not files:
        return
    result = intake.ImportResult()
    members = (intake.file_member(file.name or "image", cast("BinaryIO", file)) for file in files)
    for outcome in intake.add_images(project=project, members=members):
        result.count(outcome)
    shown = result.as_json()
    request.session[UPLOADED] = {**shown, "refused": shown["refused"][:REFUSALS_SHOWN], "n_refused": result.n_refused}


def _keep_archive(request: HttpRequest, project: Project, archive: UploadedFile) -> None:
    kept = uploads.keep(archive.chunks())
    params = {"path": kept.path, "format": "auto", "name": clean_name(archive.name or "archive")}
    try:
        jobs.request_import(project=project, requested_by=person(request), params=params)
    except BaseException:
        kept.discard()
        raise


@project_page(Role.LEAD)
@require_POST
def cancel(request: HttpRequest, access: Access, job_id: int) -> HttpResponse:
    job = _imports(access.project).filter(pk=job_id).first()
    if job is None:
        raise Http404(_("This project has no such import."))
    try:
        jobs.cancel(job)
        messages.success(request, _("Stopped. What was read so far stays."))
    except LabelerError as error:
        messages.error(request, error.message)
    return redirect("import", access.project.pk)
