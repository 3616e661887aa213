"""The images of a project as thumbnails, and one image with its answers and a form to decide it.

For reviewers and leads: both show what others answered, the second also why the model says what it says, for which it
asks a worker. Knows how they are listed, not what a decision changes
(review/adjudication.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler.acceptance import summary
from labeler.consensus import objects as agreed_objects
from labeler.consensus import snapshots
from labeler.curation import image_list, listing
from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Finding, Image, Job, Label, Project, Role, TrainingRun
from labeler.models.image import Split, Status
from labeler.models.job import Kind, State
from labeler.models.label import Answer
from labeler.models.queue import Purpose
from labeler.pages.agreement import gold
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.forms import Input, Select, Settle
from labeler.pages.images import drawn, image_work, metadata, saved_views
from labeler.pages.images import filters as image_filters
from labeler.pages.label import pins
from labeler.pages.refusals import first_or_404, page_asked_for, refusal_as_message
from labeler.pages.review import decisions
from labeler.pages.settings import examples
from labeler.review import adjudication
from labeler.stats import tally as votes
from labeler.training import explanation, inference_requests, runs

PER_PAGE = 60
IMPORTS_OFFERED = 30
# Beyond, skipping rows costs more than it gives: filters find an image faster than a thousandth page.
LAST_PAGE = 2000


ORDERS = [
    ("", gettext_lazy("as suits the filters")),
    ("newest", gettext_lazy("newest first")),
    ("oldest", gettext_lazy("oldest first")),
    ("divided", gettext_lazy("most divided first")),
    ("sure", gettext_lazy("model surest first")),
    ("unsure", gettext_lazy("model least sure first")),
]

# Of the form above the list; the rest of the filters goes along hidden.
OWN_FIELDS = (
    "search", "class", "order", "final", "predicted", "min_confidence", "max_confidence", "min_pixels", "max_pixels",
    "import", "metadata", "disagreement", "finding", "split",
)  # fmt: skip


def thumbnail_url(image_id: int) -> str:
    return f"/api/images/{image_id}/thumb/"


def vote_rows(image: Image, index: categories.CategoryIndex) -> list[dict[str, Any]]:
    """The votes of an image's round by answer, most frequent first: names and how many."""
    told = [(answer, n) for answer, n in image.tally.items() if answer != votes.CANNOT_TELL]
    return [
        {"names": index.label(votes.categories_of(answer)), "n": n}
        for answer, n in sorted(told, key=lambda pair: (-pair[1], pair[0]))
    ]


def tile(image: Image, index: categories.CategoryIndex) -> dict[str, Any]:
    """What the wall shows of one image."""
    return {
        "image": image,
        "url": reverse("image", args=[image.project_id, image.pk]),
        "thumb": thumbnail_url(image.pk),
        # Of drawn answers that were compared, places say more than the classes that are somewhere in them.
        "votes": vote_rows(image, index) if image.disputed_objects is None else [],
        "open_places": image.disputed_objects,
        "cannot_tell": image.tally.get(votes.CANNOT_TELL, 0),
    }


@project_page(Role.REVIEWER)
def images(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    filters = image_list.Filters.read(project, request.GET.dict(), may_lead=access.may_lead)
    in_trash = filters.status == image_list.DELETED
    key, is_there, value = request.GET.get("metadata", "").partition("=")
    if is_there and key.strip() and value.strip():  # typed as one field; in the address it is a filter of its own
        return redirect(
            reverse("images", args=[project.pk]) + filters.link(**{f"metadata.{key.strip()}": value.strip()})
        )
    page = page_asked_for(request, LAST_PAGE)
    # One more than is shown says whether there is a next page, without counting.
    start = (page - 1) * PER_PAGE
    found = filters.images()
    if filters.asked:
        rows = listing.first(found, [str(name) for name in found.query.order_by], PER_PAGE + 1, start=start)
    else:
        rows = list(found[start : start + PER_PAGE + 1])
    shown = rows[:PER_PAGE]
    index = categories.index(project)
    answers = image_filters.answers_of(shown, filters.people_shown())
    unseen = summary.of_images(project, [image.pk for image in shown])
    # Found by what the model says of them: then it is told of each, whatever the tile shows.
    by_model = filters.more.asks_the_model or filters.order in image_list.BY_MODEL
    told = [image.pk for image in shown] if by_model else unseen
    blindness.remember(request.user, others=[image.pk for image in shown], told=told)
    choices = [("", _("all")), *Status.choices, (image_filters.DIFFER, _("people differ"))]
    if project.auto_accept or filters.status == image_filters.ACCEPTED:
        choices.append((image_filters.ACCEPTED, _("accepted by the model")))
    if access.may_lead:
        choices.append((image_list.DELETED, _("in the trash")))
    return access.render(
        request,
        "images/images.html",
        "images",
        heading=_heading(filters),
        summary=_summary(len(rows) > PER_PAGE, start, shown, filters),
        filters=filters,
        chips=filters.chips(),
        categories=list(project.categories.in_use()),
        more_fields=_more_fields(project, filters),
        markers=categories.markers_by_name(project),
        statuses=[
            {"label": label, "url": filters.link(status=value), "on": value == filters.status}
            for value, label in choices
        ],
        rows=[
            tile(image, index)
            | ({"thumb": f"{thumbnail_url(image.pk)}?status=deleted", "url": ""} if in_trash else {})
            | {
                "said": [_said(row, index) for row in answers[image.pk]],
                "like_url": "" if in_trash else reverse("similar", args=[project.pk, image.pk]),
                "accepted": unseen.get(image.pk),
            }
            for image in shown
        ],
        in_trash=in_trash,
        orders=ORDERS,
        exported=filters.exported() if rows else None,
        views=[
            {"label": _("grid"), "url": filters.link(view=""), "on": not filters.view},
            {"label": _("table"), "url": filters.link(view="table"), "on": filters.view == "table"},
        ],
        saved=saved_views.shown(access, filters),
        may_save=access.may_lead and bool(filters.asked),
        own_fields=OWN_FIELDS,
        more_open=any(name in filters.asked for name in OWN_FIELDS[3:]),
        here=filters.link(page=page if page > 1 else ""),
        actions=image_work.choices(in_trash=in_trash) if access.may_lead else [],
        undo=image_work.to_undo(request, project) if access.may_lead else None,
        under_way=image_work.under_way(project) if access.may_lead else [],
        has_images=bool(rows) or Image.objects.for_project(project).exists(),
        before=filters.link(page=page - 1) if page > 1 else "",
        after=filters.link(page=page + 1) if len(rows) > PER_PAGE and page < LAST_PAGE else "",
    )


def _more_fields(project: Project, filters: image_list.Filters) -> list[Input | Select]:
    """The filters that are folded away."""
    kept, more = filters.kept, filters.more
    classes = [(one.pk, one.name) for one in project.categories.in_use()]

    def number(name: str, label: str, longest: int, mode: str) -> Input:
        return Input(name, label, kept.get(name, ""), longest, mode)

    return [
        Select("final", _("Settled as"), classes, filters.final, _("any class")),
        Select("predicted", _("The model says"), classes, more.predicted, _("any class")),
        number("min_confidence", _("Model sure from (0 to 1)"), 8, "decimal"),
        number("max_confidence", _("Model sure up to"), 8, "decimal"),
        number("disagreement", _("People differ by (0 to 1)"), 8, "decimal"),
        Select("finding", _("Found by the checks"), Finding.choices, kept.get("finding"), _("anything or nothing")),
        Select("split", _("Imported for"), Split.choices[1:], kept.get("split"), _("any split")),
        number("min_pixels", _("At least so many pixels"), 12, "numeric"),
        number("max_pixels", _("At most so many pixels"), 12, "numeric"),
        Select("import", _("Came in with"), _imports(project, filters), more.import_id, _("any import")),
        Input("metadata", _("Metadata, as field=value"), "", 300, placeholder="site=north"),
    ]


def _imports(project: Project, filters: image_list.Filters) -> list[tuple[int, str]]:
    """The newest imports, and the one that is asked for."""
    found = Job.objects.filter(project=project, kind=Kind.IMPORT)
    jobs = {job.pk: job for job in found.order_by("-id")[:IMPORTS_OFFERED]}
    if filters.more.import_id:
        jobs |= {job.pk: job for job in found.filter(pk=filters.more.import_id)}
    return [(pk, str(job.params.get("name") or _("import %(n)s") % {"n": pk})) for pk, job in jobs.items()]


def _heading(filters: image_list.Filters) -> str:
    if filters.status == image_list.DELETED:
        return _("Images in the trash")
    if filters.is_divided:
        return _("Images people disagree on")
    return _("What %(name)s answered") % {"name": filters.by} if filters.by else _("Images")


def _summary(more: bool, start: int, rows: Sequence[Image], filters: image_list.Filters) -> str:
    if not rows:
        return _("Nothing to show")
    order = _("newest first")
    if filters.order:
        order = str(dict(ORDERS)[filters.order])
    elif filters.is_divided:
        order = _("most divided first")
    elif filters.by:
        order = _("latest answer first")
    if start or more:
        first, last = (number_format(n, force_grouping=True) for n in (start + 1, start + len(rows)))
        return _("%(first)s to %(last)s, %(order)s") % {"first": first, "last": last, "order": order}
    n = len(rows)
    return ngettext("%(n)s image, %(order)s", "%(n)s images, %(order)s", n) % {"n": n, "order": order}


@project_form(Role.REVIEWER)
def image(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    """One image: what people said, what it is taken to be, and a reviewer's word above it."""
    project = access.project
    rows = project.images.filter(pk=image_id).prefetch_related(snapshots.standing_decisions())
    shown = first_or_404(rows, _("This project has no such image."))
    form = decisions.form_of(request, shown)
    if request.method == "POST" and _decide(request, shown, form):
        return redirect("image", project.pk, shown.pk)
    index = categories.index(project)
    # Which images are gold, and who was asked twice, is for leads alone: reviewers label too.
    others = [Purpose.GOLD, Purpose.REPEAT] if access.may_lead else []
    said = Label.objects.filter(image=shown).select_related("annotator")
    labels = list(said.annotate(shown_model=F("shown_prediction__run__number")).order_by("annotator__username", "-id"))
    votes_of_now = [row for row in labels if _is_current(row) and row.purpose == Purpose.VOTE]
    drawn_over = drawn.figures(project, [shown], votes_of_now).get(shown.pk) if project.draws else None
    outcome = snapshots.shown_consensus([shown])[shown.pk]
    decision = adjudication.standing(shown)
    model = runs.active(project)
    # On a blind image even a reviewer decides without the model: its figures are measured on these.
    is_hidden = bool(blindness.hides_model([shown]))
    prediction = shown.predictions.filter(run=model).first() if model and not is_hidden else None
    unseen = summary.of_images(project, [shown.pk]).get(shown.pk)
    blindness.remember(request.user, others=[shown.pk], told=[shown.pk] if prediction or unseen else ())
    return access.render(
        request,
        "images/image.html",
        "images",
        heading=_("Image %(n)s") % {"n": number_format(shown.pk, force_grouping=True)},
        image=shown,
        fields=metadata.fields_of(project, shown),
        form=form,
        markers=categories.markers_by_name(project),
        labels=[_said(row, index) for row in votes_of_now],
        drawn=drawn_over,
        places=_places(project, shown) if project.draws else None,
        no_votes=[_said(row, index) for row in labels if _is_current(row) and row.purpose in others],
        history=[
            _said(row, index)
            for row in labels
            if not _is_current(row) and (row.purpose == Purpose.VOTE or row.purpose in others)
        ],
        outcome=outcome,
        outcome_names=None if outcome.categories is None else index.label(outcome.categories),
        decision=decision,
        example=examples.use_as_example(access, shown, outcome),
        as_gold=gold.of_image(access, shown),
        asked=pins.of_image(shown),
        version=adjudication.version_of(shown, decision),
        prediction=prediction,
        model=model,
        prediction_names=index.label(prediction.categories) if prediction else [],
        why=_why(request, shown, model) if prediction and model and not model.is_outside else {},
        prediction_hidden=model is not None and is_hidden,
        unsaid=_unsaid(shown, model) if model and not is_hidden and prediction is None else "",
        accepted=unseen,
        next_disputed=_next_disputed(shown),
    )


def _why(request: HttpRequest, image: Image, run: TrainingRun) -> dict[str, Any]:
    """Why the model says so, for templates/parts/why.html: only where the person may see what it says of the image.

    run: the model in use. Where people draw, each of its classes can be asked for with ?of=. A worker is asked
    (labeler/training/inference_requests.py); static/js/pages/why.js spares the reload.
    """
    asked = request.GET.get("of", "")
    category = int(asked) if asked.isdecimal() and int(asked) in run.category_ids else 0
    address = f"/api/images/{image.pk}/explanation/"
    found: dict[str, Any] = {"address": address, "asked": request.GET.get("why") == "1", "of": category}
    if image.project.draws:
        names = categories.index(image.project).names
        found["classes"] = [(pk, names[pk]) for pk in run.category_ids if pk in names]
    if not found["asked"]:
        return found
    errand = inference_requests.explain(image=image, asked_by=person(request), category=category)
    found["waits"] = not errand.is_finished
    found["problem"] = (errand.error or {}).get("message", "") if errand.state == State.FAILED else ""
    if errand.state == State.DONE:
        found |= {
            "map": f"{address}?format=png" + (f"&category={category}" if category else ""),
            "category": explanation.category_of(errand),
            "how": explanation.method_of(errand.answer),
            "where": explanation.where(errand.answer),
        }
    return found


def _places(project: Project, image: Image) -> dict[str, int]:
    """Where people draw: of how many places it is known what is there, and how many are open."""
    found = agreed_objects.current(project, [image]).get(image.pk, [])
    settled = sum(bool(one["settled"]) for one in found)
    return {"settled": settled, "open": len(found) - settled}


def _unsaid(image: Image, model: TrainingRun) -> str:
    """Why there is nothing of what the active model says, and so nothing to explain (prelabels.images_to_predict)."""
    if model.is_outside:
        return _("Model %(n)s (%(name)s of another program) has sent nothing about this image.") % {
            "n": model.number, "name": model.origin,
        }  # fmt: skip
    if image.status == Status.SETTLED:
        return _(
            "Model %(n)s was not asked about this image: people had settled it, and a model that may have learned from "
            "an answer only repeats it."
        ) % {"n": model.number}
    return _("Model %(n)s has not looked at this image yet.") % {"n": model.number}


def _is_current(label: Label) -> bool:
    return label.superseded_at is None and label.answer != Answer.UNDONE


def _said(label: Label, index: categories.CategoryIndex) -> dict[str, Any]:
    names = index.label(label.categories) if label.answer == Answer.LABELED else None
    return {"label": label, "names": names}


def _next_disputed(image: Image) -> str:
    """The disputed image after this one in the order of the list, then from its top; empty when there is no other."""
    others = Image.objects.for_project(image.project).filter(status=Status.DISPUTED).exclude(pk=image.pk)
    as_divided = others.filter(disagreement=image.disagreement, pk__gt=image.pk).order_by("pk")
    following = (
        as_divided.first()
        or others.filter(disagreement__lt=image.disagreement).most_disputed_first().first()
        or others.most_disputed_first().first()
    )
    return reverse("image", args=[image.project_id, following.pk]) if following else ""


def _decide(request: HttpRequest, image: Image, form: Settle) -> bool:
    """Carry out what was asked for; False when the form has something to say about it."""
    words = {"settled": _("Settled."), "withdrawn": _("The decision is withdrawn: the votes count again.")}
    with refusal_as_message(request):
        done = decisions.decide_by_form(request, image, form)
        if done:
            messages.success(request, words[done])
        return done is not None
    return True
