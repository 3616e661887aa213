"""Classify one picture now: drop it, see what the model in use says of it, why, and which labeled images look like it.
Of a model that draws, the objects that it finds, over the picture.

Nothing of the picture is kept but a thumbnail until a worker has answered (labeler/training/inference_requests.py). For
reviewers and leads: an annotator would be told what the model says of the images they are asked about.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from labeler import charts
from labeler.charts.drawn import STYLES, Outline, drawn_svg, line_of
from labeler.consensus import snapshots
from labeler.errors import LabelerError
from labeler.geometry.shapes import bounds_of
from labeler.jobs.dispatch import no_worker
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.labeling.objects import shape_of
from labeler.models import Errand, Image, Role, TrainingRun
from labeler.models.errand import ErrandKind
from labeler.models.job import State
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.images.drawn import MOST_OUTLINED, path_of
from labeler.pages.images.images import tile
from labeler.pages.model import report
from labeler.pages.refusals import first_or_404
from labeler.templatetags.figures import class_tag, figure, interval, percent, percent_interval
from labeler.training import drawn_answers, explanation, inference_requests, outside_models, runs

QUEUE = "serve"
LISTED = 30  # objects in words, the likeliest ones
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
        return context | {"run": run, "found": _found_objects(errand, run)}
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
        "speaks_for": index.label([answer["heat"]["category"]])[0],
        **_saw(errand),
        "near": _near(request, access, answer["near"]),
    }


def _saw(errand: Errand) -> dict[str, Any]:
    """The map of what the network saw, and in words how it was found and where the most of it is."""
    heat = errand.answer["heat"]
    image = _inline(bytes(errand.drawing), "png") if errand.drawing else ""
    return {"map": image, "how": explanation.method_of(heat), "where": explanation.where(heat)}


def _found_objects(errand: Errand, run: TrainingRun) -> dict[str, Any]:
    """For templates/model/tried_objects.html. errand: answered by this run, of a project that draws.

    {svg, width, height, said: [{line, name, n}], objects: [{name, sure, place}], n, unlisted, hidden, is_calibrated};
    n: objects that are shown, hidden: those below the threshold of their class. map, how, where: what its network saw.
    """
    index = categories.index(errand.project)
    style = {pk: at % STYLES + 1 for at, pk in enumerate(run.category_ids)}
    told = drawn_answers.told(errand.answer["objects"], index.names)
    shown = [one for one in told if one["shown"]]
    width, height = errand.asked["width"], errand.asked["height"]
    sure = percent if errand.answer["calibrated"] else figure
    outlines, rows = [], []
    for at, one in enumerate(shown):
        shape = shape_of(one)
        bounds = bounds_of(shape)
        path = path_of(shape, bounds, outlined=at < MOST_OUTLINED)
        outlines.append(Outline(path, style[one["category_id"]], f"{one['category']} {sure(one['probability'])}"))
        place = _("%(width)s × %(height)s px at %(x)s, %(y)s") % {
            "width": f"{bounds.x1 - bounds.x0:.0f}", "height": f"{bounds.y1 - bounds.y0:.0f}",
            "x": f"{bounds.x0:.0f}", "y": f"{bounds.y0:.0f}",
        }  # fmt: skip
        rows.append({"name": one["category"], "sure": sure(one["probability"]), "place": place})
    counted = Counter(one["category_id"] for one in shown)
    said = [
        {"line": line_of(style[pk]), "name": index.label([pk])[0], "n": counted[pk]}
        for pk in run.category_ids
        if counted[pk]
    ]
    words = ", ".join(f"{row['n']} {row['name']}" for row in said) or _("nothing")
    label = _("What the model finds on the picture: %(words)s") % {"words": words}
    return {
        "svg": drawn_svg(outlines, width, height, label),
        "width": width,
        "height": height,
        "said": said,
        "objects": rows[:LISTED],
        "n": len(rows),
        "unlisted": max(0, len(rows) - LISTED),
        "hidden": len(told) - len(shown),
        "is_calibrated": errand.answer["calibrated"],
        # Nothing of answers from before it was kept.
        **(_saw(errand) if errand.answer.get("heat") and errand.drawing else {}),
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
