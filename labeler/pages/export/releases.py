"""Releases: the list on the export page, the form that asks for one, and the page of one with its figures and files.

Knows how they are shown; labeler/releases makes, counts and builds them.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler import charts
from labeler import releases as exports
from labeler.errors import LabelerError
from labeler.jobs import dispatch
from labeler.models import Project, Release, ReleaseFile, Role
from labeler.models.job import UNFINISHED, State
from labeler.models.release import ReleaseLabels
from labeler.pages.asking import Access, person, project_action, project_page
from labeler.pages.export import choices
from labeler.pages.refusals import first_or_404, refusal_in
from labeler.releases import files, releases, summary
from labeler.releases.formats import WRITERS
from labeler.releases.splits import SPLITS
from labeler.templatetags.figures import thousands
from labeler.wording.filters import phrases
from labeler.wording.sentences import in_words

SHOWN = 20  # releases on the export page; the others are in REST
CHARTED = 30  # classes
SOME_IMAGES = 1000  # looked at for keys of the metadata
MOST_KEYS = 100
_KEYS = """
    SELECT DISTINCT key FROM (SELECT metadata FROM labeler_image WHERE project_id = %s ORDER BY id LIMIT %s) AS image,
        LATERAL jsonb_object_keys(CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END) AS key
    ORDER BY key LIMIT %s
"""


def latest(project: Project) -> list[dict[str, Any]]:
    """The newest releases, for the export page."""
    rows = Release.objects.kept().filter(project=project).select_related("job", "created_by")
    return [_row(release) for release in rows[:SHOWN]]


def _row(release: Release) -> dict[str, Any]:
    is_frozen = release.frozen_at is not None
    working = not is_frozen and release.job is not None and release.job.state in UNFINISHED
    return {
        "release": release, "is_frozen": is_frozen, "is_working": working, "job": release.job,
        "images": release.manifest.get("images"), "outcomes": release.manifest.get("outcomes"),
        "splits": [
            _split_name(row["split"], row["images"]) for row in release.manifest.get("counts", ()) if row["split"]
        ],
        "alpha": release.manifest["agreement"]["alpha"] if is_frozen else None,
        "url": reverse("release", args=[release.project_id, release.number]),
    }  # fmt: skip


def _split_name(name: str, n: int) -> str:
    return f"{split_names()[name]} {thousands(n)}"


def split_names() -> dict[str, str]:
    return {"train": _("train"), "validation": _("validation"), "test": _("test"), "": _("all")}


def metadata_keys(project: Project) -> list[str]:
    """Keys that the first images of a project have in their metadata."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [project.pk, SOME_IMAGES, MOST_KEYS])
        return [row[0] for row in cursor.fetchall()]


def _percent(label: Any, initial: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=100, initial=initial)


class ReleaseForm(forms.Form):
    """A share of 0 leaves that split out."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, required=False,
        help_text=gettext_lazy("For people; it can be changed later. The number is given."),
    )  # fmt: skip
    only_these = forms.BooleanField(label="", required=False, initial=True)
    labels = forms.ChoiceField(
        label=gettext_lazy("What its files say of an image"), choices=ReleaseLabels.choices,
        initial=ReleaseLabels.CONSENSUS, widget=forms.RadioSelect,
    )  # fmt: skip
    is_split = forms.BooleanField(label=gettext_lazy("Split it for training and testing"), required=False, initial=True)
    train = _percent(gettext_lazy("Train, in percent"), 80)
    validation = _percent(gettext_lazy("Validation, in percent"), 10)
    test = _percent(gettext_lazy("Test, in percent"), 10)
    group_by = forms.ChoiceField(
        label=gettext_lazy("Keep together what has the same"), required=False,
        help_text=gettext_lazy(
            "A key of the metadata: patient, plant, camera. Exact and near-duplicates always stay together."
        ),
    )  # fmt: skip
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"), min_value=0, max_value=2**53, initial=0,
        help_text=gettext_lazy("The same seed deals the same images out in the same way."),
    )  # fmt: skip
    location = forms.BooleanField(
        label=gettext_lazy("Leave places and personal fields in the files"), required=False,
        help_text=gettext_lazy("Where a photograph was taken, and whose camera it was. Normally taken out."),
    )  # fmt: skip

    def __init__(self, project: Project, *args: Any, part: int | None = None, **more: Any) -> None:
        """part: how many images fit the filter of the address; None: there is none, and no choice of images."""
        super().__init__(*args, **more)
        if part is None:
            del self.fields["only_these"]
        else:
            self.fields["only_these"].label = ngettext(
                "Just the %(n)s image that fits your filters", "Just the %(n)s images that fit your filters", part
            ) % {"n": thousands(part)}
        keys = [(key, key) for key in metadata_keys(project)]
        field = self.fields["group_by"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("nothing else")), *keys]

    @property
    def wants_part(self) -> bool:
        """Of a valid form."""
        return bool(self.cleaned_data.get("only_these"))

    def asked(self) -> dict[str, Any]:
        """Arguments of releases.request() but the filter, of a valid form."""
        said = self.cleaned_data
        splits = {name: said[name] / 100 for name in SPLITS if said[name]} if said["is_split"] else None
        return {
            "name": said["name"], "labels": said["labels"], "splits": splits, "seed": said["seed"],
            "group_by": said["group_by"] if splits else "", "location": said["location"],
        }  # fmt: skip


@project_page(Role.REVIEWER, methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, access: Access) -> HttpResponse:
    """Ask for a release, of all images or of those that fit the filters in the address."""
    only, sent, unreadable = choices.read_filter(access.project, request.GET)
    part = only.images(access.project).count() if sent and not unreadable else None
    form = ReleaseForm(access.project, request.POST if request.method == "POST" else None, part=part)
    if request.method == "POST" and not unreadable and form.is_valid():
        chosen = sent if form.wants_part else None
        with refusal_in(form):
            release = releases.request(project=access.project, by=person(request), filter=chosen, **form.asked())
            return redirect("release", access.project.pk, release.number)
    return access.render(request, "export/new_release.html", "export", form=form, unreadable=unreadable)


def find(access: Access, number: int) -> Release:
    rows = Release.objects.kept().filter(project=access.project, number=number)
    return first_or_404(rows.select_related("job", "created_by", "project"), _("This project has no such release."))


@project_page(Role.REVIEWER)
def release(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """One release: being made, failed, or what it holds."""
    found = find(access, number)
    row = _row(found)
    context: dict[str, Any] = {**row, "no_worker": row["is_working"] and dispatch.no_worker("default")}
    if row["is_frozen"]:
        manifest = found.manifest
        context |= {
            "manifest": manifest, "facts": in_words(manifest["agreement"]), "table": _table(manifest),
            "chart": _chart(manifest), "decided": _decided(manifest), "left": _left(manifest),
            "formats": _files(found), "diff": manifest["diff"],
            "before": releases.before(found), "models": manifest["models"],
            "only": phrases(found.filter, {one["id"]: one["name"] for one in manifest["classes"]}),
        }  # fmt: skip
    return access.render(request, "export/release.html", "export", **context)


def _table(manifest: dict[str, Any]) -> dict[str, Any]:
    """Images of each class and split: the chart's twin, which also has what is of no class."""
    rows = manifest["counts"]
    names = [one["name"] for one in manifest["classes"]]
    names += sorted({name for row in rows for name in (*row["classes"], *row["by_model"])} - set(names))
    lines: list[tuple[str, list[int]]] = [(name, [row["classes"].get(name, 0) for row in rows]) for name in names]
    extra = [
        (_("none of them"), [row["none"] for row in rows]),
        (_("nothing can be named"), [row["unnamed"] for row in rows]),
        (_("by a model's word alone"), [sum(row["by_model"].values()) for row in rows]),
    ]
    return {
        "splits": [split_names()[row["split"]] for row in rows],
        "lines": [{"name": name, "cells": cells, "all": sum(cells)} for name, cells in lines],
        "extra": [{"name": name, "cells": cells, "all": sum(cells)} for name, cells in extra if any(cells)],
        "images": [row["images"] for row in rows],
        "all": sum(row["images"] for row in rows),
    }


def _chart(manifest: dict[str, Any]) -> str:
    """A bar for each class, with its splits in words."""
    rows = manifest["counts"]
    lines = []
    for one in manifest["classes"][:CHARTED]:
        cells = [(row["split"], row["classes"].get(one["name"], 0)) for row in rows]
        parts = " · ".join(_split_name(split, n) for split, n in cells) if rows[0]["split"] else None
        lines.append(charts.Bar(one["name"], sum(n for _split, n in cells), parts))
    return charts.bars(lines, empty=_("No classes."))


def _decided(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """Which rule put how many images where they are."""
    words = {
        "imported": _("as they were imported"),
        "earlier": _("as in release %(n)s") % {"n": manifest["kept_from"]},
        "held_out": _("held out here to judge models: in test"),
        "group": _("with the other images of their group"),
        "seed": _("by the seed, evenly by class"),
    }
    return [(words[rule], n) for rule, n in manifest["decided_by"].items() if n]


def _left(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """Images without an outcome by people, by reason."""
    words = {
        summary.UNANSWERED: _("nobody has answered them yet"),
        summary.ACCEPTED: _("nobody has judged them; the model's answer stands, and is marked"),
        summary.FILLED: _("nobody has labeled them; only the model says what they are, which is marked"),
        summary.CANNOT_TELL: _("whoever looked could not tell"),
        summary.TIE: _("the votes are tied"),
        summary.UNDECIDABLE: _("a reviewer decided that the image does not say"),
    }
    return [(words[reason], n) for reason, n in manifest["left_out"].items() if n]


# ---------------------------------------------------------------- files


def _files(found: Release) -> list[dict[str, Any]]:
    """Every format: there to download, being built, to be asked for, or why not."""
    there: dict[str, ReleaseFile] = {
        row.format: row for row in ReleaseFile.objects.filter(release=found, options="").select_related("job")
    }
    return [_format(found, name, there.get(name)) for name in WRITERS]


def _format(found: Release, name: str, row: ReleaseFile | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": name, "title": WRITERS[name].TITLE, "url": f"/api/releases/{found.pk}/files/{name}/", "why_not": "",
        "is_there": False, "is_working": False, "failed": "",
    }  # fmt: skip
    try:
        exports.as_file(releases.data_set(found), name)
    except LabelerError as problem:
        return {**shown, "why_not": problem.message}
    if row is None:
        return shown
    job = row.job
    failed = job.error["message"] if job is not None and job.state == State.FAILED and job.error else ""
    return {
        **shown, "row": row, "is_there": files.is_there(row), "failed": failed,
        "is_working": job is not None and job.state in UNFINISHED,
        "kilobytes": job.progress_done if job is not None else 0,
    }  # fmt: skip


@project_action(Role.REVIEWER)
def build(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Ask for a file; the page shows how far it is."""
    found = find(access, number)
    try:
        files.ask(found, request.POST.get("format", ""), by=person(request))
    except LabelerError as problem:
        if problem.status == 404:
            raise Http404(problem.message) from problem
        messages.error(request, problem.message)
    return redirect(f"{reverse('release', args=[access.project.pk, number])}#files")


@project_action(Role.REVIEWER)
def change(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Another name for it."""
    releases.edit(find(access, number), by=person(request), name=request.POST.get("name", "").replace("\x00", ""))
    return redirect("release", access.project.pk, number)


@project_action(Role.REVIEWER)
def delete(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Leads only. Its number is not given again."""
    if not access.may_lead:
        raise PermissionDenied(_("Only leads of this project may delete a release."))
    releases.delete(find(access, number), by=person(request))
    return redirect("export", access.project.pk)
