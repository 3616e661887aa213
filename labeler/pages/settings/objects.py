"""The settings of drawn objects: when two drawings are one object, and what is asked of each object beside its class.

Knows forms. What a change entails is labeler/projects/'s.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.curation.image_list import number
from labeler.models import Project, Question, Role
from labeler.pages.asking import Access, person, project_form
from labeler.pages.forms import names_in
from labeler.pages.refusals import first_or_404, refusal_as_message, refusal_in
from labeler.pages.settings import settings
from labeler.pages.settings.forms import Section
from labeler.projects import questions


class Overlap(Section):
    """From which overlap on two drawings are the same object."""

    object_iou = forms.FloatField(
        label=gettext_lazy("Two people drew the same object from this overlap on"),
        min_value=0.05,
        max_value=0.95,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text=gettext_lazy(
            "Intersection over union: 1 is the same to the pixel, 0.5 is usual. Lower for small or blurred objects. "
            "Agreement is shown for others, too; this one settles images and makes the consensus."
        ),
    )
    gold_iou = forms.FloatField(
        label=gettext_lazy("A known object is found from this overlap on"),
        min_value=0.05,
        max_value=0.95,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text=gettext_lazy("On gold images. Higher asks people to draw more exactly."),
    )


class OneQuestion(forms.Form):
    """What is asked of each object."""

    name = forms.CharField(
        label=gettext_lazy("Question"), max_length=100, help_text=gettext_lazy("Short: fallen, side, windows"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    kind = forms.ChoiceField(
        label=gettext_lazy("Answer"), choices=Question.Kind.choices, initial=Question.Kind.YES_NO
    )  # fmt: skip
    options = forms.CharField(
        label=gettext_lazy("To choose from"), max_length=10_000, required=False,
        help_text=gettext_lazy("For one or any of several, separated by commas: white, black"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    categories = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Asked of these classes"), coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("None: of all."),
    )  # fmt: skip
    required = forms.BooleanField(label=gettext_lazy("Must be answered"), required=False)

    def __init__(self, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["categories"].choices = [  # type: ignore[attr-defined]
            (c.pk, c.name) for c in project.categories.in_use()
        ]

    def asked(self) -> dict[str, Any]:
        return {**self.cleaned_data, "options": names_in(self.cleaned_data["options"])}


@project_form(Role.LEAD)
def objects(request: HttpRequest, access: Access) -> HttpResponse:
    """The overlap, the questions, and one more question."""
    project = access.project
    do = request.POST.get("do", "") if request.method == "POST" else ""
    overlap = Overlap(request.POST if do == "overlap" else None, initial=Overlap.values_of(project))
    form = OneQuestion(project, request.POST if do == "ask" else None)
    if do == "overlap" and settings.save(request, project, overlap) is not None:
        messages.success(request, _("Saved."))
        return redirect("settings_objects", project.pk)
    if do == "ask" and form.is_valid():
        with refusal_in(form):
            asked = questions.add(project=project, by=person(request), **form.asked())
            messages.success(request, _("“%(name)s” is asked from now on.") % {"name": asked.name})
            return redirect("settings_objects", project.pk)
    if do in ("retire", "restore"):
        return _retire(request, project, retired=do == "retire")
    names = {c.pk: c.name for c in project.categories.all()}
    return settings.show(
        request, access, "settings_objects", "settings/objects.html", overlap=overlap, form=form,
        seen=settings.fingerprint(overlap),
        rows=[
            {"question": row, "classes": [names[pk] for pk in row.categories if pk in names]}
            for row in project.questions.all()
        ],
    )  # fmt: skip


def _retire(request: HttpRequest, project: Project, *, retired: bool) -> HttpResponse:
    wanted = number(request.POST.get("question")) or 0
    rows = project.questions.select_related("project").filter(pk=wanted)
    row = first_or_404(rows, _("This project has no such question."))
    with refusal_as_message(request):
        questions.change(question=row, by=person(request), changes={"retired": retired})
    return redirect("settings_objects", project.pk)
