"""What can be downloaded, what is in it and what is left out, and how to load it.

Knows descriptions; labeler/releases makes the files and counts what is in them.
"""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import releases
from labeler.acceptance import summary as acceptance_summary
from labeler.errors import NotPossibleNow
from labeler.models import Project, Role
from labeler.models.image import Status
from labeler.models.project import ConsensusMethod
from labeler.pages.asking import Access, person, project_page
from labeler.pages.export import choices, snippets
from labeler.pages.export import releases as release_pages
from labeler.pages.images import filters
from labeler.progress import cached_reports
from labeler.releases import live
from labeler.releases import summary as summaries
from labeler.releases.data_set import ALL, SOFT
from labeler.releases.formats import ONLY_OBJECTS, WRITERS
from labeler.releases.preparation import NAMES
from labeler.templatetags.figures import percent, thousands

SHOWN = 6  # formats; the others are folded away until one of them is chosen
HOLD_ALL = ("csv", "jsonl")  # however they are read: the code takes what was chosen
LISTS_ALL = ("jsonl", "json", "parquet", "croissant", "labelstudio")
NAMES_LEFT_OUT = ("imagefolder", "yolo", "huggingface", "webdataset", "cvat")


@project_page(Role.REVIEWER)
def export(request: HttpRequest, access: Access) -> HttpResponse:
    """Format and reading are in the address, so the page needs no script and can be sent to a colleague."""
    project = access.project
    asked_for = choices.read(project, request.GET)
    formats = _formats(project)
    chosen = next((row for row in formats if row["id"] == request.GET.get("format")), formats[0])
    readings = _readings(project, chosen)
    reading = next((r for r in readings if r["id"] == request.GET.get("labels") and not r["why_not"]), readings[0])
    figures = cached_reports.figures(project, "export", wait=True)
    summary = summaries.Summary(**figures.value or {})
    with_accepted = request.GET.get("accepted") == "1" and bool(summary.by_model)
    for row in formats:
        row["url"], row["on"] = _address(row["id"], reading["id"], with_accepted, asked_for), row is chosen
        row["download"] = _download(row, reading["id"], with_accepted, asked_for)
    for row in readings:
        row["url"], row["on"] = _address(chosen["id"], row["id"], with_accepted, asked_for), row is reading
    context: dict[str, Any] = {
        "filters": urlencode([(name, value) for name, value in asked_for.carried if name not in NAMES]),
        "releases": release_pages.latest(project),
        "formats": formats[:SHOWN],
        "more_formats": formats[SHOWN:],
        "readings": readings,
        "chosen": chosen,
        "chosen_is_folded": formats.index(chosen) >= SHOWN,
        "summary": summary,
        "as_of": figures.as_of if figures.is_kept else None,
        "holds": _holds(chosen["id"], reading["id"], summary, with_accepted),
        "left": _left_out(project, chosen["id"], reading["id"], summary, with_accepted),
        "accepted": _accepted(project, summary, with_accepted, chosen["id"], reading["id"], asked_for),
        "part": asked_for.is_part and {
            "n": asked_for.only.images(project).count(),
        },
        "unreadable": asked_for.unreadable,
        "all_images": _address(chosen["id"], reading["id"], with_accepted, None),
        "prepare": choices.form(project, request.GET, asked_for) if WRITERS[chosen["id"]].IMAGES[0] else None,
        "carried": [
            ("format", chosen["id"]), ("labels", reading["id"]), *([("accepted", "1")] if with_accepted else []),
            *((name, value) for name, value in asked_for.carried if name not in NAMES),
        ],
        "code": chosen["file"] and snippets.code(
            chosen["id"], reading["id"], multi=project.is_multi, name=chosen["file"], accepted=with_accepted,
            draws=project.draws,
        ),
        "command": "" if asked_for.unreadable else _command(
            request, project, chosen, reading["id"], with_accepted, asked_for
        ),
        "request_line": "" if asked_for.unreadable else f"curl -OJ -H 'Authorization: Token …' \\\n    "
        f"'{request.scheme}://{request.get_host()}{chosen['download']}'",
    }  # fmt: skip
    return access.render(request, "export/export.html", "export", **context)


def _address(format_: str, reading: str, accepted: bool, asked_for: choices.Choices | None) -> str:
    asked = [("format", format_), ("labels", reading), *([("accepted", "1")] if accepted else [])]
    return "?" + urlencode([*asked, *(asked_for.carried if asked_for else ())])


def _accepted(
    project: Project, summary: summaries.Summary, on: bool, format_: str, reading: str, asked_for: choices.Choices
) -> dict[str, Any] | None:
    """The choice to have what stands by the model's word alone; None where nothing does."""
    if not summary.by_model:
        return None
    texts = []
    if n := summary.without.get(summaries.ACCEPTED):
        found = acceptance_summary.figures(project)
        words = ngettext(
            "%(n)s image that model %(model)s accepted and nobody has judged: at least %(share)s right, with "
            "%(confidence)s confidence.",
            "%(n)s images that model %(model)s accepted and nobody has judged: at least %(share)s right, with "
            "%(confidence)s confidence.",
            n,
        )
        promise = found["promise"]
        texts.append(
            words % {
                "n": thousands(n), "model": found["model"],
                "share": percent(promise["precision"]), "confidence": percent(promise["confidence"]),
            }
        )  # fmt: skip
    if n := summary.without.get(summaries.FILLED):
        words = ngettext(
            "%(n)s image that nobody has labeled and the model answers for, as the settings say: nothing is promised.",
            "%(n)s images that nobody has labeled and the model answers for, as the settings say: nothing is promised.",
            n,
        )
        texts.append(words % {"n": thousands(n)})
    return {"on": on, "url": _address(format_, reading, not on, asked_for), "texts": texts}


def _formats(project: Project) -> list[dict[str, Any]]:
    rows = []
    data = live.data_set(project)
    for name, writer in WRITERS.items():
        row: dict[str, Any] = {
            "id": name, "title": writer.TITLE, "text": writer.TEXT, "file": "", "why_not": "",
            "holds_all": name in HOLD_ALL,
        }  # fmt: skip
        try:
            row["file"] = releases.as_file(data, name).file_name
        except NotPossibleNow as error:
            row["why_not"] = error.message
        row["download"] = f"/api/projects/{project.pk}/export/{name}/"
        rows.append(row)
    if project.draws:
        # What training code of detectors reads comes first, and what cannot say where something is comes last.
        rows.sort(key=lambda row: (bool(row["why_not"]), row["id"] not in ONLY_OBJECTS))
    return rows


def _readings(project: Project, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    known = WRITERS[chosen["id"]].READINGS
    only_one = _("This format has one answer for each image.")
    no_shares = _("This format has no place for them.")
    return [
        {
            "id": snippets.FINAL, "title": _("The outcome"), "why_not": "",
            "text": _rule(project),
        },
        {
            "id": snippets.ALL, "title": _("Every answer"), "text": _("one per person"),
            "why_not": "" if ALL in known else only_one,
        },
        {
            "id": snippets.SHARES, "title": _("Shares of the votes"), "why_not": "" if SOFT in known else no_shares,
            "text": _("0.67 cat, 0.33 dog: for training with soft labels"),
        },
    ]  # fmt: skip


def _download(row: dict[str, Any], reading: str, accepted: bool, asked_for: choices.Choices) -> str:
    """The address of the file, with what was chosen; those that hold all of it need not be told how they are read."""
    asked = [] if row["holds_all"] else [("labels", snippets.LABELS[reading])]
    asked += [("accepted", "true")] if accepted else []
    has_pictures = WRITERS[row["id"]].IMAGES[0]
    asked += [(name, value) for name, value in asked_for.carried if has_pictures or name not in NAMES]
    return row["download"] + (f"?{urlencode(asked)}" if asked else "")


def _rule(project: Project) -> str:
    """By what an image is named, in words (labeler/releases/outcomes.py)."""
    if project.draws:
        return _(
            "a reviewer's decision, else the objects that most people drew; one without a majority leaves its image out"
        )
    if project.consensus_method == ConsensusMethod.MAJORITY:
        return _("a reviewer's decision, else the answer most people gave; a tie names nothing")
    words = _(
        "a reviewer's decision, else “%(method)s”, as of the last consensus run; where answers have changed since, the "
        "answer most people gave"
    ) % {"method": project.get_consensus_method_display()}
    if project.consensus_method == ConsensusMethod.WITH_MODEL:
        words += _("; on images that are judged blind the model has no vote")
    return words


def _holds(format_: str, reading: str, summary: summaries.Summary, accepted: bool) -> str:
    """What is in the file, in numbers."""
    outcome = summary.outcome + (summary.by_model if accepted else 0)
    n_bytes = summary.n_bytes + (summary.by_model_bytes if accepted else 0)
    if WRITERS[format_].IMAGES[0]:
        return ngettext(
            "%(shown)s image, about %(size)s", "%(shown)s images, about %(size)s", outcome
        ) % {"shown": thousands(outcome), "size": _size(n_bytes)}  # fmt: skip
    if reading == snippets.FINAL:
        return ngettext("%(shown)s image with an outcome", "%(shown)s images with an outcome", outcome) % {
            "shown": thousands(outcome)
        }
    return ngettext("%(shown)s judgement", "%(shown)s judgements", summary.judgements) % {
        "shown": thousands(summary.judgements)
    }


def _size(n_bytes: int) -> str:
    """As people say it: 1.2 GB."""
    value, unit = n_bytes / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f}\N{NO-BREAK SPACE}{unit}" if value >= 10 else f"{value:.1f}\N{NO-BREAK SPACE}{unit}"


def _left_out(
    project: Project, format_: str, reading: str, summary: summaries.Summary, accepted: bool
) -> list[dict[str, Any]]:
    """Images that this format, read this way, does not have, by reason; each leads to its images where it can."""
    without = summary.without
    rows = [
        (summaries.UNANSWERED, _("nobody has answered them yet"), f"?status={Status.UNLABELED}"),
        (summaries.ACCEPTED, _("nobody has judged them; the model's answer stands"), f"?status={filters.ACCEPTED}"),
        (summaries.FILLED, _("nobody has labeled them; only the model says what they are"), ""),
        (summaries.CANNOT_TELL, _("whoever looked could not tell"), ""),
    ]
    if reading == snippets.FINAL:
        rows += [
            (
                summaries.TIE,
                _("an object on them has no majority") if project.draws else _("the votes are tied"),
                f"?status={Status.DISPUTED}",
            ),
            (summaries.UNDECIDABLE, _("a reviewer decided that the image does not say"), ""),
        ]
    if format_ in LISTS_ALL:
        note = _("its line is there, without a class")
    elif format_ in NAMES_LEFT_OUT:
        note = _("each is named in left_out.csv")
    else:
        note = _("no row") if format_ == "csv" and reading != snippets.FINAL else ""
    return [
        {"n": without[reason], "why": why, "query": query, "note": note}
        for reason, why, query in rows
        if without.get(reason) and not (accepted and reason in (summaries.ACCEPTED, summaries.FILLED))
    ]


def _command(
    request: HttpRequest, project: Project, chosen: dict[str, Any], reading: str, accepted: bool,
    asked_for: choices.Choices,
) -> str:  # fmt: skip
    """The same on the server. Where the data lie is the administrators' to know."""
    words = [".venv/bin/python manage.py export", f"--project {shlex.quote(project.name)} --format {chosen['id']}"]
    if not chosen["holds_all"]:
        words.append(f"--labels {snippets.LABELS[reading]}")
    if accepted:
        words.append("--accepted")
    for name, value in asked_for.carried:
        if name not in NAMES:
            words.append(f"--filter {shlex.quote(f'{name}={value}')}")
        elif WRITERS[chosen["id"]].IMAGES[0]:
            words.append(f"--prepare {shlex.quote(f'{name}={value}')}")
    if person(request).is_superuser and settings.BASE_DIR / "var" != settings.DATA_DIR:
        words.append(f"--data {shlex.quote(str(settings.DATA_DIR))}")
    return " \\\n    ".join(words)
