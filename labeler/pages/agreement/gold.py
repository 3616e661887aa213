"""Gold images: which there are, how people fare on them, and choosing more. For leads alone: nobody else may know.

Knows tiles and forms. What makes an image gold, and when one is doubtful, is labeler/review/gold.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler.charts import Markup
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Category, CategoryExample, Gold, Image, Project, Role
from labeler.pages.asking import Access, person, project_action, project_form
from labeler.pages.forms import ChoosesClasses
from labeler.pages.images import filters, known_objects
from labeler.pages.refusals import first_or_404, page_asked_for, refusal_as_message
from labeler.review import gold

PER_PAGE = 60
OFFERED = 24  # tiles with a box each: what can be looked at in one go


class MakeGold(ChoosesClasses):
    """What an image is, and why."""

    explanation = forms.CharField(
        label=gettext_lazy("Explanation"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 30}),
        help_text=gettext_lazy("Shown with the feedback, where that is on: what tells it from other classes."),
    )

    def __init__(self, project: Project, data: Any = None, initial: dict[str, Any] | None = None):
        super().__init__(data, auto_id="gold_%s", initial=initial)
        if not project.draws:  # nobody draws in a form: what was decided or agreed is taken
            self.add_classes(project, _("The image is"), _("The image is"))
            self.order_fields(["categories", "explanation"])

    def chosen(self) -> list[int] | None:
        """The classes; None where people draw."""
        return self.classes() if "categories" in self.fields else None


# ---------------------------------------------------------------- the page


@project_form(Role.LEAD)
def images(request: HttpRequest, access: Access) -> HttpResponse:
    """Gold images as tiles, doubtful ones first; below, images whose answer is known and that could be gold."""
    project = access.project
    if request.method == "POST":
        _carry_out(request, project)
        query = {name: request.POST[name] for name in ("retired", "class") if request.POST.get(name)}
        return redirect(reverse("gold", args=[project.pk]) + ("?" + urlencode(query) if query else ""))
    retired = request.GET.get("retired") == "1"
    told = gold.scores_of_images(project)
    dated = Gold.objects.filter(project=project, retired_at__isnull=not retired).order_by("-created_at", "-pk")
    ids = list(dated.values_list("pk", flat=True))
    ids.sort(key=lambda pk: not (pk in told and told[pk].is_doubtful))  # stable: newest first among each
    page = page_asked_for(request, len(ids) // PER_PAGE + 1)
    start = (page - 1) * PER_PAGE
    n_retired = Gold.objects.filter(project=project, retired_at__isnull=False).count()
    rows = _rows(project, ids[start : start + PER_PAGE], told)
    offers = {} if retired else _offers(request, project)
    known = [row["gold"].pk for row in rows] + [row["image"].pk for row in offers.get("offers", ())]
    blindness.remember(request.user, told=known)
    n_in_use = Gold.objects.filter(project=project, retired_at=None).count() if retired else len(ids)
    return access.render(
        request,
        "gold/gold.html",
        "gold",
        rows=rows,
        n_in_use=n_in_use,
        n_retired=n_retired,
        n_doubtful=sum(1 for pk in ids if pk in told and told[pk].is_doubtful),
        retired=retired,
        markers=label_set.markers_by_name(project),
        before=_link(retired, page - 1) if page > 1 else "",
        after=_link(retired, page + 1) if len(ids) > start + PER_PAGE else "",
        **offers,
    )


def _link(retired: bool, page: int) -> str:
    return "?" + urlencode({**({"retired": 1} if retired else {}), "page": page})


def _rows(project: Project, ids: list[int], told: dict[int, gold.Told]) -> list[dict[str, Any]]:
    index = label_set.index(project)
    rows = {row.pk: row for row in Gold.objects.filter(pk__in=ids).select_related("added_by", "image")}
    shown = set(CategoryExample.objects.filter(image__in=ids).values_list("image", flat=True))
    return [
        _row(rows[pk], told.get(pk, gold.Told()), index, draws=project.draws) | {"is_example": pk in shown}
        for pk in ids
        if pk in rows
    ]


def _row(row: Gold, told: gold.Told, index: label_set.CategoryIndex, *, draws: bool = False) -> dict[str, Any]:
    known = index.resolve(row.categories)
    # Of drawn objects the same classes are no right answer, and others no other one: what counts is told.right.
    others = [(names, n) for names, n in told.answers.items() if names is None or (list(names) != known and not draws)]
    return {
        "gold": row,
        "drawn": _drawn(row.image, row.drawn, index) if draws else "",
        "n_people": sum(told.answers.values()),
        "url": reverse("image", args=[row.project_id, row.pk]),
        "thumb": reverse("api:thumb", args=[row.pk]),
        "names": index.label(known),
        "gone": [index.names[pk] for pk in known if pk not in index.ids_in_use],
        "told": told,
        # What those who are not right say, most frequent first: it tells what is wrong.
        "others": [
            {"names": None if names is None else index.label(names), "n": n}
            for names, n in sorted(others, key=lambda pair: -pair[1])
        ],
    }


def _drawn(image: Image, objects: Sequence[Mapping[str, Any]] | None, index: label_set.CategoryIndex) -> Markup:
    """The objects over the thumbnail, each as what its class is called today."""
    known = [{**one, "category": index.resolve([one["category"]])[0]} for one in objects or ()]
    return known_objects.overlay(image, known, index.names)


def _offers(request: HttpRequest, project: Project) -> dict[str, Any]:
    wanted = filters.number(request.GET.get("class", ""))
    kind = Category.objects.in_use().filter(project=project, pk=wanted).first() if wanted else None
    index = label_set.index(project)
    found = list(gold.offers(project, kind).select_related("project")[:OFFERED])
    objects: dict[int, Any] = {}
    if project.draws:
        objects = gold.known_objects(project, found)
        # Two who name the same classes may have drawn at other places.
        found = [image for image in found if image.pk in objects]
    return {
        "offers": [
            {
                "image": image,
                "thumb": reverse("api:thumb", args=[image.pk]),
                "drawn": _drawn(image, objects.get(image.pk), index),
                "names": index.label(
                    index.resolve({one["category"] for one in objects[image.pk]})
                    if project.draws
                    else gold.known_answer(image)
                ),
            }
            for image in found
        ],
        "kinds": [(pk, index.names[pk]) for pk in index.markers],
        "kind": kind.pk if kind else "",
    }


def _carry_out(request: HttpRequest, project: Project) -> None:
    """Make the ticked images gold, retire one, or bring one back."""
    by, done = person(request), 0
    with refusal_as_message(request):
        if retire := filters.number(request.POST.get("retire", "")):
            gold.retire(project=project, by=by, image_id=retire)
            messages.success(request, _("Image %(n)s is gold no more. Its answers keep their score.") % {"n": retire})
        elif back := filters.number(request.POST.get("restore", "")):
            row = first_or_404(Gold.objects.filter(project=project, pk=back), _("This project has no such image."))
            known = {"drawn": row.drawn} if project.draws else {"categories": row.categories}
            gold.add(project=project, by=by, image_id=back, explanation=row.explanation, **known)
            messages.success(request, _("Image %(n)s is gold again.") % {"n": back})
        else:
            ticked = [filters.number(text) or 0 for text in request.POST.getlist("image")[:OFFERED]]
            if not ticked:
                messages.error(request, _("Tick the images that shall be gold first."))
            for image_id in ticked:
                gold.add(project=project, by=by, image_id=image_id)
                done += 1
    if done:
        said = ngettext("%(n)s image is gold now.", "%(n)s images are gold now.", done)
        messages.success(request, said % {"n": done})


# ---------------------------------------------------------------- on the page of one image


def of_image(access: Access, image: Image) -> dict[str, Any] | None:
    """What the page of an image needs to make it gold, or to retire it; None for people who may not know."""
    if not access.may_lead:
        return None
    row = Gold.objects.filter(pk=image.pk).select_related("added_by").first()
    in_use = row is not None and row.retired_at is None
    index = label_set.index(access.project)
    project = access.project
    objects = gold.known_objects(project, [image]).get(image.pk) if project.draws else None
    known = index.present(row.categories) if row else None if project.draws else gold.known_answer(image)
    initial: dict[str, Any] = {"explanation": row.explanation if row else ""}
    if not project.draws:
        initial["categories"] = known if project.is_multi else known[0] if known else None
    told = gold.scores_of_images(project, image.pk) if row else {}
    shown = _row(row, told.get(image.pk, gold.Told()), index, draws=project.draws) if row else None
    return {
        "form": MakeGold(project, initial=initial), "in_use": in_use, "row": shown,
        "is_known": objects is not None if project.draws else known is not None,
        "thumb": reverse("api:thumb", args=[image.pk]), "drawn": _drawn(image, objects, index),
        "n_objects": None if objects is None else len(objects),
    }  # fmt: skip


@project_action(Role.LEAD)
def one(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    """Make this image gold with what was chosen, or retire it."""
    project, by = access.project, person(request)
    if not Image.objects.filter(project=project, pk=image_id).exists():
        raise Http404(_("This project has no such image."))
    form = MakeGold(project, request.POST)
    with refusal_as_message(request):
        if request.POST.get("do") == "retire":
            gold.retire(project=project, by=by, image_id=image_id)
            messages.success(request, _("It is gold no more. Its answers keep their score."))
        elif form.is_valid():
            explanation = form.cleaned_data["explanation"]
            gold.add(project=project, by=by, image_id=image_id, categories=form.chosen(), explanation=explanation)
            messages.success(request, _("It is a gold image now."))
        else:
            messages.error(request, _("Choose what this image is first."))
    return redirect(reverse("image", args=[project.pk, image_id]) + "#gold")
