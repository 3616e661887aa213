"""The import page: upload images and archives, and see what became of them.

With a script the page talks to the REST API; without one the form below does the same in one request.
Knows forms and rows; what an image must be is labeler/intake's.
"""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.imports.run import S3
from labeler.intake import advice, bucket, import_labels, outcomes, refusal_report, uploads
from labeler.intake import images as intake
from labeler.intake.names import clean_name
from labeler.jobs import dispatch, jobs
from labeler.label_set import categories, targets
from labeler.models import Job, Project, Role
from labeler.models.job import Kind
from labeler.pages.asking import Access, person, project_action, project_form
from labeler.pages.images import metadata
from labeler.pages.refusals import first_or_404, refusal_as_message

JOBS = 12
JOBS_READ = 400
ONE_GO = timedelta(minutes=5)
ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$", re.IGNORECASE)
TABLE = re.compile(r"\.(csv|tsv|jsonl|ndjson|json|xml|parquet)$", re.IGNORECASE)
UPLOADED = "uploaded"  # in the session, for the page after the form
REFUSALS_SHOWN = 200
LONGEST_ADDRESS = 1024


@project_form(Role.LEAD, most_bytes_of_files=lambda: settings.MAX_ARCHIVE_BYTES)
def import_images(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    if request.method == "POST":
        if "bucket" in request.POST:
            return _from_bucket(request, project)
        _receive(request, project)
        return redirect("import", project.pk)
    rows = _rows(project)
    unfinished = any(not row["job"].is_finished for row in rows)
    uploaded = request.session.pop(UPLOADED, None)
    n_images = project.images.count()
    return access.render(
        request,
        "imports/import.html",
        "import",
        n_images=n_images,
        uploaded=uploaded,
        refusals=advice.grouped(uploaded["refused"]) if uploaded else [],
        jobs=rows,
        no_worker=unfinished and dispatch.no_worker("default"),
        megabytes=settings.MAX_IMAGE_BYTES // 2**20,
        megapixels=settings.MAX_IMAGE_PIXELS // 10**6,
        command=_command(request, project),
        buckets=settings.S3_BUCKETS,
        typed=request.GET.get("bucket", "")[:LONGEST_ADDRESS],
        stays=request.GET.get("originals") == "stay",
        config=_config(project, n_images),
        wanted=_wanted(project),
        labels_example=_labels_example(project),
        metadata=metadata.metadata_context(request, project),
    )


def _labels_example(project: Project) -> str:
    """Two lines as a CSV of judgements would have them, with names of this project."""
    image = project.images.order_by("pk").first()
    file = image.name if image else "leaf-0001.jpg"
    names = [category.name for category in project.categories.in_use()[:2]] or ["cat"]
    rows = [(file, person_, name) for person_, name in zip(("zoe", "yan"), (names * 2)[:2], strict=True)]
    return metadata.as_csv([("file_name", "annotator", "label"), *rows])


def _wanted(project: Project) -> dict[str, Any] | None:
    """What the data set still lacks, for whoever looks for images; None where nothing in particular is wanted."""
    found = targets.targets_of(project)
    asked = [row for row in found["categories"] if row["wanted"] or row["variety"]]
    if not (found["images"] or found["variety"] or asked):
        return None
    markers = categories.markers_by_name(project)
    # What lacks most comes first: that is what to bring.
    asked.sort(key=lambda row: -(row["missing"] or 0))
    return {**found, "categories": [row | {"marker": markers.get(row["name"])} for row in asked]}


def _imports(project: Project) -> Any:
    rows = Job.objects.filter(project=project, kind=Kind.IMPORT).select_related("requested_by").order_by("-id")
    # A look at a file that was decided about is no import: what came of it is.
    is_over = Q(params__has_key="confirmed") | ~Q(params__has_any_keys=list(jobs.SOURCES))
    return rows.exclude(Q(result__has_key="asks") & is_over)


# An import counts what it took in; an upload of single files lists it, and twenty lists of a page need not be read.
_ADDED, _DUPLICATES, _LABELS = (
    RawSQL(
        "CASE jsonb_typeof(result->%s) WHEN 'array' THEN jsonb_array_length(result->%s)"
        " WHEN 'number' THEN (result->>%s)::int ELSE 0 END",
        (name, name, name),
    )
    for name in ("added", "duplicates", "labels_added")
)


_ASKS = RawSQL(
    "(state = 'done' AND result->'asks' = 'true'::jsonb AND params ?| %s AND NOT params ? 'confirmed'"
    " AND finished_at > now() - %s)",
    (list(jobs.SOURCES), jobs.KEPT),
)


def _rows(project: Project) -> list[dict[str, Any]]:
    """The newest imports. A browser sends files twenty at a time: what one person sent in one go is one row."""
    found = _imports(project).defer("result").annotate(
        asks=_ASKS, n_added=_ADDED, n_duplicates=_DUPLICATES, n_labels=_LABELS,
        refused=KeyTransform("refused", "result")
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for job in found[:JOBS_READ]:
        last = rows[-1] if rows else None
        if last is not None and _same_go(last["first"], job):
            last["first"] = job
            last["added"] += job.n_added
            last["duplicates"] += job.n_duplicates
            last["refused"] += job.refused or []
        elif len(rows) == JOBS:
            break
        else:
            rows.append({
                "job": job, "first": job, "name": _name(job), "added": job.n_added, "duplicates": job.n_duplicates,
                "refused": list(job.refused or []), "labels": job.n_labels,
                "of_labels": job.params.get("format") == jobs.JUDGEMENTS or job.n_labels > 0, "id": job.pk,
                "asks": reverse("import_preview", args=(project.pk, job.pk)) if job.asks else "",
                "report": refusal_report.path_of(job.pk).is_file(),
                "blind": import_labels.is_blind(job), "at_terminal": job.params.get("terminal") is True,
            })  # fmt: skip
    for row in rows:
        row["refusals"] = advice.grouped(row["refused"])
        row["n_refused"] = sum(group.n for group in row["refusals"])
    return rows


def _name(job: Job) -> str:
    if job.params.get("upload"):
        return _("Files from a browser or a program")
    return job.params.get("name") or _("Import %(n)s") % {"n": job.pk}


def _same_go(later: Job, earlier: Job) -> bool:
    return (
        bool(later.params.get("upload") and earlier.params.get("upload"))
        and later.requested_by_id == earlier.requested_by_id
        and later.created_at - earlier.created_at < ONE_GO
    )


def _command(request: HttpRequest, project: Project) -> str:
    """The same import on the server. Where the data lie is the administrators' to know."""
    words = [".venv/bin/python manage.py import_images FOLDER", f"--project {shlex.quote(project.name)}"]
    if person(request).is_superuser and settings.BASE_DIR / "var" != settings.DATA_DIR:
        words.append(f"--data {shlex.quote(str(settings.DATA_DIR))}")
    return " \\\n    ".join(words)


def _config(project: Project, n_images: int) -> dict[str, Any]:
    """What the page's script needs: addresses, and every sentence it says."""
    return {
        "images_url": f"/api/projects/{project.pk}/images/",
        "imports_url": f"/api/projects/{project.pk}/imports/",
        "n_images": n_images,
        "preview_url": reverse("import_preview", args=(project.pk, 0)),
        "advice": advice.table(),
        "words": {
            "nothing": _("There was no file in that."),
            "sending": _("Files are being sent: keep this page open until they are. Labeling can start meanwhile."),
            "sending_file": _("Sending {name}: keep this page open until it is there."),
            "unpacking": _("{name} is on the server: you can close this page. Labeling can start meanwhile."),
            "queued": _("waits for a worker"),
            "running": _("reading"),
            "done": _("Done: {n} new images are in."),
            "done_one": _("Done: {n} new image is in."),
            "nothing_in": _("None of these files could be taken in: see why."),
            "of": _("{done} of {total}"),
            "summary": _("{added} new · {duplicates} here already · {refused} refused"),
            "labels_summary": _("{labels} labels · {duplicates} here already · {refused} refused"),
            "blind": _("given blind"),
            "not_blind": _("not given blind"),
            "labels_in": _("Done: {n} labels are in."),
            "label_in": _("Done: {n} label is in."),
            "no_labels_in": _("None of these labels could be taken in: see why."),
            "labels_known": _("Done: these labels are here already."),
            "row": _("{n} row"),
            "rows": _("{n} rows"),
            "row_n": _("row {row}: {name}"),
            "seconds_left": _("{n} s left"),
            "minutes_left": _("{n} min left"),
            "asks": _("{name} holds more than images: say what its labels are."),
            "asks_chip": _("waits for you"),
            "decide": _("See what it holds"),
            "stop": _("Stop"),
            "stopped": _("stopped"),
            "done_chip": _("done"),
            "failed": _("failed"),
            "file": _("{n} file"),
            "files": _("{n} files"),
            "more": _("… and {n} more"),
            "image_in": _("{n} image is in"),
            "images_in": _("{n} images are in"),
            "none_in": _("The project has no images yet."),
        },
    }


def _receive(request: HttpRequest, project: Project) -> None:
    """Take in what a form without script sent: images now, archives as jobs."""
    files = request.FILES.getlist("files")
    if not files:
        messages.error(request, _("Choose at least one file first."))
        return
    archives = [file for file in files if ARCHIVE.search(file.name or "")]
    # Last: the images that they are about come first.
    archives += [file for file in files if TABLE.search(file.name or "")]
    with refusal_as_message(request):
        _keep_images(request, project, [file for file in files if file not in archives])
        for archive in archives:
            _keep_archive(request, project, archive)
            messages.success(request, _("%(name)s is on its way in.") % {"name": archive.name})


def _keep_images(request: HttpRequest, project: Project, files: list[UploadedFile]) -> None:
    if not files:
        return
    result = outcomes.ImportResult()
    sent = [(file.name or "image", cast("BinaryIO", file)) for file in files]
    for outcome in intake.add_uploads(project=project, files=sent):
        result.count(outcome)
    shown = result.as_json()
    request.session[UPLOADED] = {**shown, "refused": shown["refused"][:REFUSALS_SHOWN], "n_refused": result.n_refused}


def _keep_archive(request: HttpRequest, project: Project, archive: UploadedFile) -> None:
    kept = uploads.keep(archive.chunks())
    # What holds more than images is looked at first: its row then asks what its labels are.
    params: dict[str, Any] = {
        "path": kept.path, "format": "auto", "name": clean_name(archive.name or "archive"), "ask": True,
        "blind": "blind" in request.POST,
    }  # fmt: skip
    try:
        jobs.request_import(project=project, requested_by=person(request), params=params)
    except BaseException:
        kept.discard()
        raise


def _from_bucket(request: HttpRequest, project: Project) -> HttpResponse:
    """Ask a worker for a folder of a bucket; what holds more than images is looked at first, as with an archive.

    What was typed and cannot be is in the form again.
    """
    page = reverse("import", args=[project.pk])
    url = request.POST["bucket"].strip()
    params: dict[str, Any] = {"url": url, "name": url, "format": S3, "ask": True, "blind": "blind" in request.POST}
    if request.POST.get("originals") == "stay":
        params["by_reference"] = True
    with refusal_as_message(request):
        bucket.check_address(url)
        jobs.request_import(project=project, requested_by=person(request), params=params)
        messages.success(request, _("%(name)s is on its way in.") % {"name": url})
        return redirect(page)
    typed = {"bucket": url[:LONGEST_ADDRESS], "originals": request.POST.get("originals", "")}
    return redirect(f"{page}?{urlencode(typed)}")


@project_action(Role.LEAD)
def cancel(request: HttpRequest, access: Access, job_id: int) -> HttpResponse:
    job = first_or_404(_imports(access.project).filter(pk=job_id), _("This project has no such import."))
    with refusal_as_message(request):
        jobs.cancel(job)
        messages.success(request, _("Stopped. What was read so far stays."))
    return redirect("import", access.project.pk)
