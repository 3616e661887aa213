"""The page of one training run, the images behind a cell of its tables, and two versions compared image by image.

Knows runs as rows and what is kept of them (labeler/training/run_answers.py). The report of a finished one is
report.py's. Reviewers and leads only: images that judge a model are named here with what the model says of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler import train_settings
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Project, Role, RunAnswers, TrainingRun
from labeler.models.job import UNFINISHED, State
from labeler.pages.asking import Access, project_page
from labeler.pages.classes_only import classes_only
from labeler.pages.images import filters
from labeler.pages.images.images import thumbnail_url
from labeler.pages.model import drawn_comparison, report
from labeler.pages.model.model import report_of, summary, time_left, time_taken, waits_for_nobody
from labeler.pages.refusals import first_or_404, page_asked_for
from labeler.templatetags.figures import class_tag, class_tags
from labeler.training import run_answers, runs
from labeler.wording.sentences import in_words

PER_PAGE = 60
FLIPS = 24  # images of a kind on the comparison, before all of them are asked for
CHOICES = 100  # versions to choose from
# What a person can do about it, by the code of what went wrong (worker/ml/errors.py, worker/attempt.py,
# jobs/leases.py).
WHAT_TO_DO = {
    "too_few_labels": gettext_lazy("Label more images; those held out for testing do not count."),
    "one_category_only": gettext_lazy("Label images of a second class: with one there is nothing to tell apart."),
    "loss_not_finite": gettext_lazy("Try a smaller learning rate, or only the regression on frozen features."),
    "out_of_memory": gettext_lazy("Choose a smaller image size or a smaller network, or give the worker more memory."),
    "out_of_time": gettext_lazy("Lower the minutes for training the network, or leave slow candidates out."),
    "weights_missing": gettext_lazy("Choose another network, or ask the operator to put its weights in place."),
    "disk_full": gettext_lazy("Ask the operator for room on the disk of the models, or for temporary files."),
    "decoders_died": gettext_lazy("Ask the operator: the worker is short of memory, or of room for temporary files."),
    "bad_config": gettext_lazy("Change the settings of the training."),
    "worker_died": gettext_lazy("Ask the operator: the worker's log says more."),
    "internal": gettext_lazy("Ask the operator: the worker's log has the details. Labels and models are as they were."),
}


def _find(access: Access, number: int) -> TrainingRun:
    rows = access.project.runs.select_related("requested_by").filter(number=number)
    run = first_or_404(rows, _("This project has no such model."))
    run.project = access.project
    return run


@project_page(Role.REVIEWER)
def run(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """One run: how far it is, or how it ended, what it was asked to do, and what came out."""
    project, shown = access.project, _find(access, number)
    active = runs.active(project)
    error = shown.error or {}
    finished = shown.state == State.DONE
    context: dict[str, Any] = {
        "shown": shown,
        "run": shown if shown.state in UNFINISHED else None,
        "left": time_left(shown),
        "taken": time_taken(shown, timezone.now()) if shown.attempt > 1 else "",
        "no_worker": waits_for_nobody(shown),
        "summary": summary(shown) if finished else "",
        "may_use": shown.has_model and not shown.is_active and (not shown.is_outside or bool(shown.predicted_done)),
        "error": error.get("message", ""),
        "to_do": WHAT_TO_DO.get(error.get("code", ""), ""),
        "in_use": active,
        "settings": list(_settings(shown.config)),
        "older": project.runs.filter(number__lt=number).order_by("-number").values_list("number", flat=True).first(),
        "newer": project.runs.filter(number__gt=number).order_by("number").values_list("number", flat=True).first(),
        "live": report.curves(shown) if shown.state in UNFINISHED else "",
    }
    if finished and shown.metrics:
        context |= {"model": shown} | report_of(project, shown)
        blindness.remember(request.user, told=context.get("told", ()))
    return access.render(request, "model/run.html", "model", **context)


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting of a run with its value, by its path."""
    for name, value in sorted(train_settings.flat(config)):
        if value is None:
            words = _("chosen by the worker")
        elif isinstance(value, bool):
            words = _("yes") if value else _("no")
        elif isinstance(value, list):
            words = ", ".join(str(item) for item in value)
        else:
            words = f"{value:g}" if isinstance(value, float) else str(value)
        yield name, words


# ---------------------------------------------------------------- the images behind a cell


@project_page(Role.REVIEWER)
@classes_only(
    "model", gettext_lazy("The images behind a figure"),
    gettext_lazy("The page of a model that draws links to the images behind each of its mistakes."),
)  # fmt: skip
def images(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """The images that people call one thing and this model another; of several classes, those it misses or adds."""
    project, shown = access.project, _find(access, number)
    kept = run_answers.judged(shown)
    if kept is None:
        raise Http404(_("What this model answered was not kept."))
    asked = {name: _pk(request, name) for name in ("people", "model", "missed", "extra")}
    if not any(asked.values()):
        return redirect("run", project.pk, number)
    rows = [row for row in _rows(kept) if _matches(row, asked)]
    names, markers = report.names_of(project, shown), categories.markers_by_name(project)
    page = page_asked_for(request, max(1, -(-len(rows) // PER_PAGE)))
    start = (page - 1) * PER_PAGE
    part = rows[start : start + PER_PAGE]
    query = request.GET.copy()

    def link(to: int) -> str:
        query["page"] = str(to)
        return f"?{query.urlencode()}"

    called = {name: names.get(pk, "") for name, pk in asked.items() if pk}
    return access.render(
        request,
        "model/run_images.html",
        "model",
        shown=shown,
        heading=_heading(called),
        summary=_counted(len(rows), start, len(part)),
        is_test=kept.part == RunAnswers.Part.TEST,
        tiles=_tiles(request, project, part, names, markers),
        before=link(page - 1) if page > 1 else "",
        after=link(page + 1) if start + len(part) < len(rows) else "",
    )


def _pk(request: HttpRequest, name: str) -> int | None:
    return filters.number(request.GET.get(name))


def _rows(kept: RunAnswers) -> Iterator[dict[str, Any]]:
    """Image, truth, what the model said and how sure it was; the surest first."""
    rows = zip(kept.image_ids, kept.truth or [], kept.answers, kept.probabilities, strict=True)
    named = (
        {"image": pk, "truth": truth, "said": said, "sure": sure, "outside": kept.run.is_outside}
        for pk, truth, said, sure in rows
    )
    yield from sorted(named, key=lambda row: (-row["sure"], row["image"]))


def _matches(row: Mapping[str, Any], asked: Mapping[str, int | None]) -> bool:
    truth, said = row["truth"], row["said"]
    return (
        (asked["people"] is None or truth == [asked["people"]])
        and (asked["model"] is None or said == [asked["model"]])
        and (asked["missed"] is None or (asked["missed"] in truth and asked["missed"] not in said))
        and (asked["extra"] is None or (asked["extra"] in said and asked["extra"] not in truth))
    )


def _heading(called: Mapping[str, str]) -> str:
    if "people" in called and "model" in called:
        return _("%(people)s called %(model)s") % called
    if "missed" in called:
        return _("%(name)s that it misses") % {"name": called["missed"]}
    if "extra" in called:
        return _("Called %(name)s, and are not") % {"name": called["extra"]}
    return _("What people call %(name)s") % {"name": next(iter(called.values()), "")}


def _counted(n: int, start: int, shown: int) -> str:
    words = ngettext("%(n)s image, the surest answers first", "%(n)s images, the surest answers first", n)
    words = words % {"n": f"{n:,}"}
    return words if shown == n else f"{start + 1:,}–{start + shown:,} · {words}"


def _tiles(
    request: HttpRequest,
    project: Project,
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[Any, str],
    markers: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What a wall shows of each image; those that are gone, or judged anew, are left out.

    rows: image, truth, then what was said.
    """
    there = blindness.evidence(row["image"] for row in rows)
    blindness.remember(request.user, told=there)

    def tags(ids: Sequence[int]) -> SafeString:
        called = [names.get(pk, _("a class of before")) for pk in ids]
        return class_tags(markers, called) if len(called) != 1 else class_tag(markers.get(called[0]), called[0])

    return [
        {
            "pk": row["image"],
            "url": reverse("image", args=[project.pk, row["image"]]),
            "thumb": thumbnail_url(row["image"]),
            "truth": tags(row["truth"]),
            **{key: tags(row[key]) for key in ("said", "old", "new") if key in row},
            # Of an outside model without probabilities 1 is kept, which nobody said.
            "sure": None if row.get("sure") == 1.0 and row.get("outside") else row.get("sure"),
        }
        for row in rows
        if row["image"] in there
    ]


# ---------------------------------------------------------------- two versions


@project_page(Role.REVIEWER)
def compare(request: HttpRequest, access: Access) -> HttpResponse:
    """Which images one version gets right and the other wrong; where people draw, on which it draws better.

    ?a= and ?b= are numbers; without, the two last ones.
    """
    project = access.project
    done = list(project.runs.filter(state=State.DONE).order_by("-number").slim()[:CHOICES])
    by_number = {row.number: row for row in done}
    active = next((row for row in done if row.is_active), None)
    new = by_number.get(_pk(request, "b") or 0) or active or (done[0] if done else None)
    old = by_number.get(_pk(request, "a") or 0)
    if old is None and new is not None:
        old = next((row for row in done if row.number < new.number), None)
    context: dict[str, Any] = {"versions": done, "old": old, "new": new}
    if old and new and old.pk != new.pk:
        most = drawn_comparison.MOST if "all" in request.GET else FLIPS
        both = drawn_comparison.compared if project.draws else _compared
        context |= both(request, project, old, new, most=most)
    return access.render(request, "model/compare.html", "model", **context)


def _compared(
    request: HttpRequest, project: Project, old: TrainingRun, new: TrainingRun, *, most: int
) -> dict[str, Any]:
    found = run_answers.compare(old, new)
    if found is None:
        return {"found": None, "nothing": True}
    names = {**report.names_of(project, old), **report.names_of(project, new)}
    markers = categories.markers_by_name(project)

    def tiles(rows: Sequence[run_answers.ChangedAnswer]) -> list[dict[str, Any]]:
        plain = [{"image": row.image_id, "truth": row.truth, "old": row.old, "new": row.new} for row in rows[:most]]
        return _tiles(request, project, plain, names, markers)

    return {
        "found": found,
        "flips": found.flips,
        "difference": in_words(found.flips.difference.as_dict()),
        "said": _in_words(old, new, found),
        "fixed": tiles(found.fixed),
        "broken": tiles(found.broken),
        "is_test": found.part == RunAnswers.Part.TEST,
        "more": most < drawn_comparison.MOST and max(len(found.fixed), len(found.broken)) > most,
    }


def _in_words(old: TrainingRun, new: TrainingRun, found: run_answers.Comparison) -> str:
    stat, p = found.flips.difference, found.flips.p
    numbers = {"old": old.number, "new": new.number, "p": "< 0.001" if p < 0.001 else f"= {p:.3f}"}
    if stat.value is None:
        return _("Too few images were judged by both to say anything.")
    if p >= 0.05:
        text = _("No difference beyond chance between model %(old)s and model %(new)s (McNemar, p %(p)s).")
        return text % numbers
    if stat.value > 0:
        return _("Model %(new)s is better than model %(old)s beyond chance (McNemar, p %(p)s).") % numbers
    return _("Model %(new)s is worse than model %(old)s beyond chance (McNemar, p %(p)s).") % numbers
