"""One person's work beside that of the others: where they differ, over time, on gold, on repeats, and signs.

For leads and reviewers, and for that person alone; nobody else learns that the page exists. To the person it speaks
kindly and of "you". Figures are labeler/agreement/trust.py's; trust_charts.py and charts draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from statistics import median_high
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.label_set import categories
from labeler.label_set.markers import Marker
from labeler.labeling.label_arrays import Selection
from labeler.models import Label, Project
from labeler.pages.agreement import trust_charts
from labeler.pages.agreement.drawn_agreement import KIND_WORDS
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters
from labeler.progress import cached_reports
from labeler.stats.anchoring import share_difference
from labeler.templatetags.figures import class_tag, figure, interval, percent, percent_interval, seconds
from labeler.wording.sentences import chart_words, in_words

Report = Mapping[str, Any]
Address = Callable[[int, int], str | None]  # of the images of a cell: what the others say, what the person says

TABLE_CLASSES = 16  # a larger table is a carpet: then the cells that differ most are listed
LISTED_CELLS = 20
PATTERN = 5  # images in one cell: fewer are chance
WEEK_TICKS = 4  # the chart is half as wide as those of a page


@project_page()
def annotator(request: HttpRequest, access: Access, username: str) -> HttpResponse:
    project, is_own = access.project, person(request).get_username() == username
    if not (access.may_review or is_own):
        raise Http404(_("There is no such page, or it is not yours to see."))
    found = cached_reports.figures(project, "trust")
    figures = in_words(found.value)
    row = next((row for row in (figures or {"people": []})["people"] if row["username"] == username), None)
    member = project.memberships.filter(user__username=username).first()
    # Whoever left keeps a page, and so do people whose judgements came from elsewhere.
    labels = Label.objects.filter(project=project, annotator__username=username)
    if row is None and member is None and not labels.exists():
        raise Http404(_("Nobody of this name works in this project."))
    context: dict[str, Any] = {
        "username": username, "is_own": is_own, "row": row, "is_counted": figures is not None,
        "paused": member is not None and member.paused_at is not None,
        "as_of": found.as_of if found.is_kept else None, "all_url": filters.url(project, by=username),
    }  # fmt: skip
    if row is not None and figures is not None:
        context |= _report(access, figures, row, is_own)
    return access.render(request, "agreement/annotator.html", "agreement", **context)


def _report(access: Access, figures: Report, row: Report, is_own: bool) -> dict[str, Any]:
    project = access.project
    names = {one["id"]: one["name"] for one in figures["categories"]}
    others = [one for one in figures["people"] if one["username"] != row["username"]]
    return {
        "cards": _cards(row, others),
        "signs": trust_charts.signs(row["signs"]),
        "confusion": _confusion(access, names, row, is_own),
        "reading": _reading(names, row, is_own),
        "by_class": _by_class(project, names, row),
        "line": _line(row, is_own),
        "kinds": _kinds(access, row),
        "differences_url": reverse("differences", args=[project.pk]),
        "sittings": _sittings(row),
    }


# ---------------------------------------------------------------- figures


def _cards(row: Report, others: Sequence[Report]) -> list[dict[str, Any]]:
    """The figures on top; of those that a project does not use, no card."""
    times = [one["seconds_median"] for one in others if one["seconds_median"] is not None]
    # Where people draw there is no kappa: F1 takes its place, which has no correction for chance.
    is_drawn = "f1" in row
    stat = row["f1"] if is_drawn else row["kappa"]
    hint = ngettext("n %(n)s image, no suggestion shown", "n %(n)s images, no suggestion shown", stat["n"])
    hint %= {"n": f"{stat['n']:,}"}
    if is_drawn:
        cards = [_share_card("kappa", _("Objects in common (F1)"), stat, stat["reason"], hint), *_drawn_again(row)]
    else:
        title, text = _("κ with the others"), figure(stat["value"])
        cards = [_card("kappa", title, text, interval(stat), stat["reason"], hint)]
    for name, title, hint in (
        ("gold", _("Right on gold"), _("images whose answer is known")),
        ("repeats", _("Same answer again"), _("on images shown twice")),
        ("planted", _("Planted ones noticed"), _("wrong suggestions among right ones")),
    ):
        stat = row[name]
        if stat["n"] and not (is_drawn and name == "repeats"):
            reason = _("few so far: read the interval") if stat["reason"] else ""
            of = _("n %(n)s, %(of)s") % {"n": f"{stat['n']:,}", "of": hint}
            cards.append(_share_card(name, title, stat, reason, of))
    return [*cards, _card("time", _("Median time"), seconds(row["seconds_median"]), "", "", _others_time(times))]


def _card(name: str, title: str, text: str, within: str, reason: str, hint: str) -> dict[str, Any]:
    return {"id": name, "title": title, "text": text, "interval": within, "reason": reason, "hint": hint}


def _share_card(name: str, title: str, stat: Report, reason: str, hint: str) -> dict[str, Any]:
    return _card(name, title, percent(stat["value"]), percent_interval(stat), reason, hint)


def _drawn_again(row: Report) -> list[dict[str, Any]]:
    """How far somebody who draws agrees with themselves; no card without a repeated image."""
    same, overlap = row["repeats"], row["repeats_iou"]
    of_same = ngettext("F1, n %(n)s image shown twice", "F1, n %(n)s images shown twice", same["n"])
    of_overlap = ngettext("mean IoU, n %(n)s image shown twice", "mean IoU, n %(n)s images shown twice", overlap["n"])
    return [
        _share_card(name, title, stat, stat["reason"], hint % {"n": f"{stat['n']:,}"})
        for name, title, stat, hint in (
            ("repeats", _("Same objects again"), same, of_same),
            ("repeats_iou", _("How far they overlap"), overlap, of_overlap),
        )
        if stat["n"]
    ]


def _others_time(times: Sequence[float]) -> str:
    if not times:
        return _("an image")
    return _("an image; the others %(time)s") % {"time": seconds(median_high(times))}


# ---------------------------------------------------------------- where they differ


def _kinds(access: Access, row: Report) -> list[dict[str, Any]]:
    """Where people draw: how many of the person's objects differ in which way from what most drew."""
    if not access.project.draws:
        return []
    report = cached_reports.agreement_figures(access.project, Selection(), wait=False).value
    if report is None:
        return []
    found = []
    for kind, (name, meaning) in KIND_WORDS.items():
        n = next((one["n"] for one in report["differences"][kind]["people"] if one["username"] == row["username"]), 0)
        found.append({"name": name, "meaning": meaning, "n": n, "kind": kind})
    return found


def _confusion(access: Access, names: Mapping[int, str], row: Report, is_own: bool) -> str:
    """What the others say against what the person says; cells lead reviewers to the images. Empty without any."""
    project, cells = access.project, row["confusion"]
    if not cells:
        return ""
    markers = categories.markers_by_name(project)
    who = _("you") if is_own else row["username"]

    def address(others: int, said: int) -> str | None:
        return filters.url(project, against=f"{row['username']},{others},{said}") if access.may_review else None

    used = {one for cell in cells for one in (cell["others"], cell["said"])}
    in_use = [pk for pk in names if pk in used or len(names) <= TABLE_CLASSES]
    if len(in_use) > TABLE_CLASSES:
        return _listed(names, cells, markers, address)
    at = {pk: place for place, pk in enumerate(in_use)}
    counts = [[0] * len(in_use) for _pk in in_use]
    for cell in cells:
        counts[at[cell["others"]]][at[cell["said"]]] = cell["n"]
    return charts.confusion_matrix(
        [names[pk] for pk in in_use],
        counts,
        words=chart_words(),
        caption=_("What most of the others say, and what %(name)s says") % {"name": who},
        row_name=_("the others"),
        column_name=who,
        tags=[class_tag(markers.get(names[pk]), names[pk]) for pk in in_use],
        href=lambda i, j: address(in_use[i], in_use[j]),
    )


def _listed(
    names: Mapping[int, str], cells: Sequence[Report], markers: Mapping[str, Marker], address: Address
) -> charts.Markup:
    """Of many classes: the cells with the most images on which the two differ."""
    apart = sorted((c for c in cells if c["others"] != c["said"]), key=lambda c: -c["n"])[:LISTED_CELLS]
    lines = [
        charts.Bar(
            name=format_html(
                '{} <span class="dim">→</span> {}',
                *(class_tag(markers.get(names[pk]), names[pk]) for pk in (cell["others"], cell["said"])),
            ),
            value=cell["n"],
            note=f"{cell['n']:,}",
            href=address(cell["others"], cell["said"]),
        )
        for cell in apart
    ]
    return charts.bars(lines, empty=_("Nowhere."))


def _reading(names: Mapping[int, str], row: Report, is_own: bool) -> str:
    """The largest difference in words, and whether it goes one way: then a line is drawn elsewhere."""
    cells = {(cell["others"], cell["said"]): cell["n"] for cell in row["confusion"]}
    of = {pk: sum(n for (others, _said), n in cells.items() if others == pk) for pk in names}
    apart = {key: n for key, n in cells.items() if key[0] != key[1]}
    if not cells:
        return ""
    if not apart or max(apart.values()) < PATTERN:
        return _("You and the others hardly differ.") if is_own else _("No class stands out: the differences are few.")
    (a, b), n = max(apart.items(), key=lambda item: (item[1], item[0]))
    back, back_of = apart.get((b, a), 0), of[b]
    says = {
        "name": row["username"], "n": f"{n:,}", "of": f"{of[a]:,}", "a": names[a], "b": names[b],
        "back": f"{back:,}", "back_of": f"{back_of:,}",
    }  # fmt: skip
    first = (
        _("You call %(n)s of %(of)s images “%(b)s” that most of the others call “%(a)s”.")
        if is_own
        else _("%(name)s calls %(n)s of %(of)s images “%(b)s” that most of the others call “%(a)s”.")
    )
    gap = share_difference(n, of[a], back, back_of)
    if gap.low is not None and gap.low > 0:
        second = (
            _("The reverse is rarer (%(back)s of %(back_of)s), so you draw the line elsewhere: look at some together.")
            if is_own
            else _(
                "The reverse is rarer (%(back)s of %(back_of)s), so %(name)s draws the line elsewhere: look at images "
                "together, do not retrain everyone."
            )
        )
    else:
        second = _(
            "The reverse happens too (%(back)s of %(back_of)s): the two classes are hard to tell apart, and the "
            "guideline may help."
        )
    return f"{first % says} {second % says}"


def _by_class(project: Project, names: Mapping[int, str], row: Report) -> list[dict[str, Any]]:
    """Several classes per image: what is missed and added, the largest first."""
    markers = categories.markers_by_name(project) if row["by_class"] else {}
    found = [
        {**one, "name": names[one["category"]], "marker": markers.get(names[one["category"]])}
        for one in row["by_class"]
        if one["both"] or one["missed"] or one["added"]
    ]
    return sorted(found, key=lambda one: -(one["missed"] + one["added"]))


# ---------------------------------------------------------------- over time


def _line(row: Report, is_own: bool) -> charts.Markup:
    """The share that agrees with most of the others, week by week."""
    weeks = [(date.fromisoformat(one["week"]).toordinal(), one["agrees"]) for one in row["by_week"]]
    known = [(day, stat) for day, stat in weeks if stat["value"] is not None]
    line = charts.Series(
        _("agrees with most of the others"),
        [(day, stat["value"]) for day, stat in weeks],
        band=[(day, stat["low"], stat["high"]) for day, stat in known if stat["low"] is not None],
    )
    return charts.line_chart(
        _("Agreement with the others, by week"),
        trust_charts.better(known, as_share=True),
        [line],
        words=chart_words(),
        x_name="",
        y_name="",
        x_ticks=trust_charts.week_ticks([day for day, _stat in known], WEEK_TICKS),
        x_words=trust_charts.week_words,
        x_head=_("week"),
        y_range=(0.5, 1.0),
        percent=True,
        width=480,
        height=240,
        empty=_("Nothing to compare yet: others have not judged your images.")
        if is_own
        else _("Nothing to compare yet: nobody else has judged these images."),
    )


def _sittings(row: Report) -> list[dict[str, Any]]:
    """Agreement and speed by how long the person had been at it."""
    ended, open_ = _("%(low)s to %(high)s minutes"), _("after %(low)s minutes")
    return [
        {**part, "name": (open_ if part["to"] is None else ended) % {"low": part["from"], "high": part["to"]}}
        for part in row["by_sitting"]
    ]
