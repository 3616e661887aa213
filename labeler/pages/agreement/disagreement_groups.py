"""Disagreements in groups that look alike, a map of the groups, and the form for a rule that answers one.

Other pages link here by the URL names `contested` (reviewers and leads; `?pair=<id>,<id>` narrows it to two classes)
and `rule` (leads; `?like=<image id>` is the group that this image is in). Knows how groups are shown and how the form
is read; which images belong together is disagreement_groups.py's, what a rule does agreement/guideline_rules.py's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler import charts
from labeler.agreement import disagreement_groups, divided_objects, guideline_rules, reports
from labeler.agreement.disagreement_groups import Contested, DisagreementGroup, Shown
from labeler.errors import LabelerError, StaleVersion
from labeler.label_set import categories
from labeler.label_set.categories import CategoryIndex
from labeler.label_set.markers import Marker
from labeler.labeling import blindness
from labeler.models import Image, Project, Role
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.images import filters
from labeler.pages.images.images import tile
from labeler.progress import cached_reports
from labeler.projects import guideline as markdown
from labeler.review.worklists import Pair
from labeler.stats import tally as votes
from labeler.stats.plane import hull
from labeler.templatetags.figures import class_tag, thousands
from labeler.wording.sentences import chart_words

LISTED_PAIRS = 8
TYPICAL = 6  # images of a group that are shown at once
FOLDED = 18  # more of them, folded away
LISTED_REASONS = 5
DRAWN = 600  # dots on the map, of each group the same share: more are a carpet
OUTLINED = 0.9  # share of a group that its outline holds: the rest are strays
OTHER = Marker(6, 5)  # an answer without a class of its own
_SEEN = re.compile(r"[0-9]{1,17}:[0-9]{1,5}")


@project_page(Role.REVIEWER)
def groups(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    pair = _pair(request, project)
    figures = cached_reports.contested_figures(project, pair)
    context: dict[str, Any] = {
        "pair": pair,
        "pairs": _pairs(project, pair, figures.value),
        "markers": categories.markers_by_name(project),
        "found": figures.value,
        "as_of": figures.as_of if figures.is_kept else None,
        "most": disagreement_groups.MOST,
    }
    if figures.value is not None:
        found = disagreement_groups.present(project, figures.value)
        # Each group has its answers beside it, whichever of its images are drawn.
        blindness.remember(request.user, others=[pk for group in found.groups for pk in group.ids])
        context |= {
            "shown": found,
            "map": _map(project, found),
            "groups": _told(project, found.groups, pair, typical=TYPICAL),
            "is_whole": sum(group.number is not None for group in found.groups) == 1,
        }
    return access.render(request, "agreement/contested.html", "agreement", **context)


def _pair(request: HttpRequest, project: Project) -> Pair | None:
    known = {*categories.index(project).names, *([divided_objects.NOTHING] if project.draws else [])}
    numbers = (filters.number(part) for part in request.GET.get("pair", "").split(","))
    ids = sorted({pk for pk in numbers if pk in known})
    return (ids[0], ids[1]) if len(ids) == 2 else None


def _address(project: Project, pair: Pair | None) -> str:
    return reverse("contested", args=[project.pk]) + (f"?pair={pair[0]},{pair[1]}" if pair else "")


def _pairs(project: Project, chosen: Pair | None, found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    index, every = categories.index(project), disagreement_groups.pairs(project, found)
    rows = every[:LISTED_PAIRS]
    if chosen and chosen not in (pair for pair, _n in rows):
        rows = [*rows, (chosen, dict(every).get(chosen, 0))]
    return [
        {
            "names": disagreement_groups.names(index, pair),
            "n": n,
            "on": pair == chosen,
            "url": _address(project, None if pair == chosen else pair),
        }
        for pair, n in rows
    ]


def _told(
    project: Project, found: Sequence[DisagreementGroup], pair: Pair | None, *, typical: int
) -> list[dict[str, Any]]:
    """Groups as the page shows them. Two queries, however many."""
    index, reasons = categories.index(project), disagreement_groups.reasons(found)
    wanted = [pk for group in found for pk in group.ids[: typical + FOLDED]]
    rows = {image.pk: image for image in Image.objects.filter(pk__in=wanted, project=project)}
    told = []
    for group in found:
        tiles = [tile(rows[pk], index) for pk in group.ids[: typical + FOLDED] if pk in rows]
        like = {"like": group.ids[0], "pair": f"{pair[0]},{pair[1]}" if pair else ""}
        query = "&".join(f"{name}={value}" for name, value in like.items() if value)
        written = dict.fromkeys(text for pk in group.ids for text in reasons.get(pk, ()))
        told.append(
            {
                "group": group,
                "number": group.number,
                "n": len(group.images),
                "title": _title(group),
                "pair": disagreement_groups.names(index, group.pair) or None,
                "votes": _bars(project, group, index),
                "typical": tiles[:typical],
                "folded": tiles[typical:],
                "left": len(group.images) - len(tiles),
                "reasons": list(written)[:LISTED_REASONS],
                "rule_url": reverse("rule", args=[project.pk]) + "?" + query,
                # The wall's own pair is one of whole answers: where people draw it would find other images.
                "wall_url": filters.url(project, pair=f"{group.pair[0]},{group.pair[1]}")
                if group.pair and not project.draws
                else filters.url(project, status=filters.DIFFER),
            }
        )
    return told


def _title(group: DisagreementGroup) -> str:
    n = len(group.images)
    words = {"n": thousands(n)}
    if group.number is None:
        return ngettext("%(n)s image is not looked at yet", "%(n)s images are not looked at yet", n) % words
    if n > 1 and 2 * group.pair_n < n:
        # Alike, and divided on many things: one rule would not answer it.
        return _("These %(n)s look alike") % words
    return ngettext("This one stands alone", "These %(n)s are one question", n) % words


def _empty(project: Project) -> str:
    """An answer that names no class; where people draw, of a place."""
    return _("nothing drawn") if project.draws else _("none of these")


def _bars(project: Project, group: DisagreementGroup, index: CategoryIndex) -> charts.Markup:
    """The votes on a group in sum."""
    markers = categories.markers_by_name(project)
    lines = []
    for ids, n in group.votes:
        names = index.label(ids)
        tags = [class_tag(markers.get(name), name) for name in names] or [class_tag(None, _empty(project))]
        name = format_html_join(" ", "{}", ((tag,) for tag in tags))
        lines.append(charts.Bar(name=name, value=n, note=f"{n:,}"))
    if group.cannot_tell:
        lines.append(charts.Bar(name=_("cannot tell"), value=group.cannot_tell, note=f"{group.cannot_tell:,}"))
    return charts.bars(lines, empty=_("Nothing to show yet."))


# ---------------------------------------------------------------- the map


def _map(project: Project, found: Shown) -> charts.Markup:
    """The groups as a drawing and a table; empty where no image was looked at."""
    if len(found.points) < 2:
        return charts.Markup()
    index, markers = categories.index(project), categories.index(project).markers
    step = max(1, -(-len(found.points) // DRAWN))
    areas, rows = [], []
    for group in found.groups:
        if group.number is None:
            continue
        own = [point for point in found.points if point.group == group.number]
        places = np.array([(point.x, point.y) for point in own])
        # Typical first: every n-th is drawn, and the outline leaves out the strays.
        near = np.argsort(np.hypot(*(places - np.median(places, axis=0)).T), kind="stable")
        core = places[near[: max(3, int(np.ceil(OUTLINED * len(own))))]]
        areas.append(
            charts.Area(
                number=group.number,
                name=_area_name(group, index),
                href=f"#group-{group.number}",
                dots=[
                    charts.Dot(
                        point.x,
                        point.y,
                        *_marker(point.image, markers),
                        name=_dot_name(point.image, index, _empty(project)),
                        href=reverse("image", args=[project.pk, point.image.id]),
                    )
                    for point in own[::step]
                ],
                outline=[(float(x), float(y)) for x, y in core[hull(core)]],
            )
        )
        answers = [f"{_names(ids, index, _empty(project))} {n:,}" for ids, n in group.votes]
        pair = " ↔ ".join(disagreement_groups.names(index, group.pair)) or "–"
        rows.append((_("Group %(n)s") % {"n": group.number}, f"{len(group.images):,}", pair, ", ".join(answers)))
    sentence = ngettext("%(n)s group of images that look alike.", "%(n)s groups of images that look alike.", len(areas))
    return charts.group_map(
        _("Map of contested images"),
        sentence % {"n": len(areas)},
        areas,
        words=chart_words(),
        head=(_("Group"), _("Images"), _("Divided on"), _("Votes")),
        rows=rows,
    )


def _area_name(group: DisagreementGroup, index: CategoryIndex) -> str:
    words = {"n": group.number, "images": thousands(len(group.images))}
    if group.pair is None:
        return _("Group %(n)s: %(images)s images") % words
    words["pair"] = " ↔ ".join(disagreement_groups.names(index, group.pair))
    return _("Group %(n)s: %(images)s images, %(pair)s") % words


def _marker(image: Contested, markers: Mapping[int, Marker]) -> Marker:
    """Of the class that most said; where two are even, of the one that comes first on the screen."""
    told = {answer: n for answer, n in image.tally.items() if answer not in (votes.CANNOT_TELL, "")}
    most = max(told.values(), default=0)
    first = {pk for answer, n in told.items() if n == most for pk in votes.categories_of(answer)[:1]}
    return next((marker for pk, marker in markers.items() if pk in first), OTHER)


def _dot_name(image: Contested, index: CategoryIndex, empty: str) -> str:
    told = sorted(image.tally.items(), key=lambda row: (-row[1], row[0]))
    said = [
        f"{_('cannot tell') if answer == votes.CANNOT_TELL else _names(votes.categories_of(answer), index, empty)} ×{n}"
        for answer, n in told
    ]
    return _("Image %(n)s: %(votes)s") % {"n": image.id, "votes": ", ".join(said)}


def _names(ids: Sequence[int], index: CategoryIndex, empty: str) -> str:
    return " + ".join(index.label(ids)) or empty


# ---------------------------------------------------------------- the rule


class RuleForm(forms.Form):
    """A rule on some images, as a lead types it."""

    rule = forms.CharField(
        label=gettext_lazy("Rule"),
        max_length=guideline_rules.LONGEST_RULE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "true"}),
        help_text=gettext_lazy("Markdown, as in the guideline. Say what to look for, and what it is then."),
    )
    base = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    images = forms.CharField(max_length=100_000, widget=forms.HiddenInput)

    def clean_images(self) -> dict[int, int]:
        """The images and the round each was seen in."""
        parts = self.cleaned_data["images"].split(",")
        if len(parts) > disagreement_groups.MOST or not all(_SEEN.fullmatch(part) for part in parts):
            raise ValidationError(_("These are not the images of a group. Go back and choose one."))
        return {int(pk): int(round_) for pk, round_ in (part.split(":") for part in parts)}


@project_form(Role.LEAD)
def rule(request: HttpRequest, access: Access) -> HttpResponse:
    """Write what decides a group, see the guideline with it, and send the images back."""
    project, pair = access.project, _pair(request, access.project)
    if request.method == "POST":
        form = RuleForm(request.POST)
        if not form.is_valid() and "images" in form.errors:
            messages.error(request, str(form.errors["images"][0]))
            return redirect(_address(project, pair))
        seen: dict[int, int] = form.cleaned_data["images"]
        if request.POST.get("do") != "preview" and form.is_valid() and (answer := _made(request, access, form, pair)):
            return answer
        project.refresh_from_db()
        if request.POST.get("do") == "preview":
            form.errors.clear()  # it is still being written
        text = request.POST.get("rule", "")[: guideline_rules.LONGEST_RULE]
    else:
        group = _group_like(request, project, pair)
        if group is None:
            messages.info(request, _("This group is there no more: its images were settled or sent back."))
            return redirect(_address(project, pair))
        seen = {image.id: image.round for image in group.images}
        text = guideline_rules.heading(disagreement_groups.names(categories.index(project), group.pair))
        form = RuleForm(initial={"rule": text})
    return access.render(
        request,
        "agreement/rule.html",
        "agreement",
        **_rule_context(project, pair, form, text, seen),
        status=409 if form.is_bound and form.errors and request.POST.get("do") != "preview" else 200,
    )


def _group_like(request: HttpRequest, project: Project, pair: Pair | None) -> DisagreementGroup | None:
    """The group in which the image of the address is: it may have been counted anew since the link was shown."""
    wanted = filters.number(request.GET.get("like"))
    found = cached_reports.contested_figures(project, pair).value
    if wanted is None or found is None:
        return None
    return next((group for group in disagreement_groups.present(project, found).groups if wanted in group.ids), None)


def _rule_context(
    project: Project, pair: Pair | None, form: RuleForm, text: str, seen: Mapping[int, int]
) -> dict[str, Any]:
    rows = Image.objects.filter(project=project, pk__in=seen).in_bulk()
    still = {pk for pk, round_ in seen.items() if pk in rows and rows[pk].round == round_}
    divided = set(reports.disagreements(project).filter(pk__in=still).values_list("pk", flat=True))
    there = _contested(project, pair, [rows[pk] for pk in seen if pk in divided])
    [told] = _told(project, [disagreement_groups.group_of(1, there)], pair, typical=2 * TYPICAL) if there else [None]
    return {
        "pair": pair,
        "back": _address(project, pair),
        "form": form,
        "told": told,
        "markers": categories.markers_by_name(project),
        "n": len(still),
        "settled": len(still) - len(divided),
        "gone": len(seen) - len(still),
        "following": project.guideline_version + 1,
        "base": project.guideline_version,
        "images": ",".join(f"{pk}:{round_}" for pk, round_ in seen.items()),
        "rendered": markdown.render(guideline_rules.with_rule(project.guideline, text)),
    }


def _contested(project: Project, pair: Pair | None, images: Sequence[Image]) -> list[Contested]:
    """Images of a rule with the votes on them; where people draw, with those that the kept groups have."""
    if not project.draws:
        return [Contested(image.pk, image.round, image.tally, image.has_decision) for image in images]
    found = cached_reports.contested_figures(project, pair).value
    groups = disagreement_groups.present(project, found).groups if found else []
    known = {one.id: one for group in groups for one in group.images}
    return [known.get(image.pk, Contested(image.pk, image.round, {}, image.has_decision, ())) for image in images]


def _made(request: HttpRequest, access: Access, form: RuleForm, pair: Pair | None) -> HttpResponse | None:
    """Carry the form out. None: it says why not."""
    project = access.project
    try:
        done = guideline_rules.make(
            project=project,
            by=person(request),
            rule=form.cleaned_data["rule"],
            base=form.cleaned_data["base"],
            images=form.cleaned_data["images"],
        )
    except StaleVersion as error:
        form.add_error(None, error.message)
        return None
    except LabelerError as error:
        form.add_error("rule" if "rule" in error.fields else None, error.message)
        return None
    messages.success(request, _happened(project, done))
    return redirect(_address(project, pair))


def _happened(project: Project, done: guideline_rules.Ruling) -> SafeString:
    """What a rule did, with ways to look at it."""
    sent = ngettext("%(n)s image is in the queue again.", "%(n)s images are in the queue again.", done.sent)
    text = format_html(
        '{} <a href="{}">{}</a>. {} <a href="{}">{}</a>',
        _("The guideline with this rule is"),
        reverse("guideline_version", args=[project.pk, done.version]),
        _("version %(n)s") % {"n": done.version},
        sent % {"n": thousands(done.sent)},
        filters.url(project, status="unlabeled"),
        _("See them"),
    )
    if not done.left:
        return text
    left = ngettext("%(n)s was sent back before.", "%(n)s were sent back before.", done.left)
    return format_html("{} {}", text, left % {"n": thousands(done.left)})
