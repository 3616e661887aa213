"""Classify one picture now: drop it, see what the model in use says of it, why, and which labeled images look like it.
Of a model that draws, the objects that it finds, over the picture.

Nothing of the picture is kept but a thumbnail until a worker has answered (labeler/training/inference_requests.py). For
reviewers and leads: an annotator would be told what the model says of the images they are asked about.
"""

from __future__ import annotations

import base64
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from labeler import charts
from labeler.consensus import snapshots
from labeler.errors import LabelerError
from labeler.jobs.dispatch import no_worker
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Errand, Image, Role, TrainingRun
from labeler.models.errand import ErrandKind
from labeler.models.job import State
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.images.images import tile
from labeler.pages.model import report, tried_objects
from labeler.pages.refusals import first_or_404
from labeler.templatetags.figures import class_tag, figure, interval, percent, percent_interval
from labeler.training import explanation, inference_requests, outside_models, runs

QUEUE = "serve"
WAIT_SECONDS = 8  # for the answer, before the page says that it comes later


@project_form(Role.REVIEWER, most_bytes_of_files=lambda: settings.MAX_IMAGE_BYTES)
def try_model(request: HttpRequest, access: Access) -> HttpResponse:
    """The form; a picture that was sent is answered on the same page, because it is shown and not kept."""
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            context = _ask(request, access)
        except LabelerError as problem:
            context, status = {"problem": problem.message}, 400
    return _page(request, access, context, status)


@project_page(Role.REVIEWER)
def tried(request: HttpRequest, access: Access, errand_id: int) -> HttpResponse:
    """The answer to a picture that was sent a moment ago, by whoever sent it; without the picture."""
    rows = Errand.objects.filter(project=access.project, kind=ErrandKind.TRY, asked_by=person(request))
    errand = first_or_404(
        rows.select_related("run").filter(pk=errand_id),
        _("There is no such answer, or it was asked for more than a day ago."),
    )
    return _page(request, access, _told(request, access, errand, picture=None))


def _page(request: HttpRequest, access: Access, more: dict[str, Any], status: int = 200) -> HttpResponse:
    run = runs.active(access.project)
    context = {
        "in_use": run,
        "cannot": _cannot(run),
        "no_worker": no_worker(QUEUE),
        "right": _right(run),
        "megabytes": settings.MAX_IMAGE_BYTES // 2**20,
        **more,
    }
    return access.render(request, "model/try.html", "model", **context, status=status)


def _cannot(run: TrainingRun | None) -> str:
    """Why no picture can be classified, in a sentence; empty where one can."""
    if run is None:
        return _("This project has no model yet. One is trained when there are labels enough.")
    return outside_models.where_from(run) if run.is_outside else ""


def _right(run: TrainingRun | None) -> str:
    """How good the model is, in words; empty where that was not measured."""
    right, of = report.headline(run.metrics or {}) if run else (None, "")
    if not right or right["value"] is None:
        return ""
    if run is not None and run.project.draws:
        return f"{of}: {figure(right['value'])}" + (f" ({interval(right)})" if interval(right) else "")
    words = {"share": percent(right["value"], 1), "interval": percent_interval(right), "of": of}
    return _("right on %(share)s (%(interval)s) of %(of)s") % words


def _ask(request: HttpRequest, access: Access) -> dict[str, Any]:
    """Raises LabelerError: no model, no image, one that is judged blind."""
    file: Any = request.FILES.get("file")
    if not file:
        return {"problem": _("Choose a picture first.")}
    errand = inference_requests.predict(
        project=access.project, asked_by=person(request), source=file, kind=ErrandKind.TRY
    )
    picture = bytes(errand.picture or b"")
    # Without a worker nobody need wait to be told so.
    errand = inference_requests.wait_for(errand, 0 if no_worker(QUEUE) else WAIT_SECONDS)
    return _told(request, access, errand, picture) | {"file_name": file.name}


def _told(request: HttpRequest, access: Access, errand: Errand, picture: bytes | None) -> dict[str, Any]:
    """Context of the answer: classes as bars, the map over the picture, labeled images that look like it."""
    context: dict[str, Any] = {"errand": errand, "picture": _inline(picture, "jpeg") if picture else ""}
    if errand.state != State.DONE:
        context["waits"] = not errand.is_finished
        context["problem"] = (errand.error or {}).get("message", "") if errand.is_finished else ""
        return context
    project, answer, run = access.project, errand.answer, errand.run
    assert run is not None  # a worker named it with the answer
    if project.draws:
        return context | {"run": run, "found": tried_objects.context(errand, run)}
    index, markers = categories.index(project), categories.markers_by_name(project)
    named = zip(index.label(run.category_ids), answer["probabilities"], strict=True)
    lines = [
        charts.Bar(class_tag(markers.get(name), name), p, note=percent(p, 1) if answer["calibrated"] else figure(p))
        for name, p in sorted(named, key=lambda one: -one[1])
    ]
    return context | {
        "run": run,
        "is_calibrated": answer["calibrated"],
        "said": index.label(answer["categories"]),
        "bars": charts.bars(lines, empty="", maximum=1),
        "markers": markers,
        "map": _inline(bytes(errand.drawing), "png") if errand.drawing else "",
        "speaks_for": index.label([answer["heat"]["category"]])[0],
        "how": explanation.method_of(answer["heat"]),
        "where": explanation.where(answer["heat"]),
        "near": _near(request, access, answer["near"]),
    }


def _near(request: HttpRequest, access: Access, found: list[list[Any]]) -> list[dict[str, Any]]:
    """Settled images as tiles, with what people took them to be: never what the model says of them."""
    index = categories.index(access.project)
    by_id = {image.pk: image for image in Image.objects.filter(project=access.project, pk__in=[pk for pk, _s in found])}
    outcomes = snapshots.shown_consensus(list(by_id.values()))
    blindness.remember(request.user, others=list(by_id))
    rows = []
    for pk, similarity in found:
        if pk not in by_id or outcomes[pk].method == snapshots.MODEL:
            continue  # deleted since, or filled in by a model: nobody's label
        named = outcomes[pk].categories
        taken = None if named is None else index.label(index.resolve(named))
        like = _("similarity %(n)s") % {"n": figure(similarity)}
        rows.append(tile(by_id[pk], index) | {"taken": taken, "like": like})
    return rows


def _inline(content: bytes, kind: str) -> str:
    """For src: the picture is on no server, so it comes with the page."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
