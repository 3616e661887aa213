"""Webhooks of a project: the list with a form for one more, and one of them with what was sent to it.

Knows forms. What is told, and how, is labeler/webhooks/'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from labeler.curation.image_list import number
from labeler.models import Role, Webhook
from labeler.models.webhook import TEST, Event
from labeler.pages.asking import Access, person, project_form
from labeler.pages.refusals import first_or_404, refusal_as_message, refusal_in
from labeler.pages.settings import settings
from labeler.webhooks import deliveries, webhooks

SHOWN = 50  # messages


class OneWebhook(forms.Form):
    """An address, and what it is told of."""

    url = forms.CharField(
        label=gettext_lazy("Address"), max_length=2000,
        help_text=gettext_lazy("https://… of a program that is waiting for messages. Addresses inside of a network "
                               "are not asked, unless an operator allows them."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Told when"), choices=Event.choices, initial=Event.values,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip


@project_form(Role.LEAD)
@sensitive_variables("secret")
def of_project(request: HttpRequest, access: Access) -> HttpResponse:
    """All of them. The new secret is in the answer to the form itself: in a session it would be stored."""
    form = OneWebhook(request.POST or None)
    made, secret = None, ""
    if request.method == "POST" and form.is_valid():
        with refusal_in(form):
            made, secret = webhooks.create(project=access.project, by=person(request), **form.cleaned_data)
            form = OneWebhook()
    return settings.show(
        request, access, "settings_webhooks", "settings/webhooks.html", form=form, made=made, secret=secret,
        webhooks=webhooks.of_project(access.project),
    )  # fmt: skip


@project_form(Role.LEAD)
def one(request: HttpRequest, access: Access, webhook_id: int) -> HttpResponse:
    """One of them: its settings, and the last messages."""
    found = Webhook.objects.filter(pk=webhook_id, project=access.project)
    webhook = first_or_404(found, _("This project has no such webhook."))
    do = request.POST.get("do", "") if request.method == "POST" else ""
    form = OneWebhook(request.POST if do == "save" else None, initial={"url": webhook.url, "events": webhook.events})
    if do and do != "save":
        return _carry_out(request, access, webhook, do)
    if do == "save" and form.is_valid():
        with refusal_in(form):
            webhooks.change(webhook=webhook, by=person(request), changes=form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("settings_webhook", access.project.pk, webhook.pk)
    words: Mapping[str, Any] = {**dict(Event.choices), TEST: _("a test")}
    rows = [{"row": row, "words": words.get(row.event, row.event)} for row in webhook.deliveries.all()[:SHOWN]]
    return settings.show(
        request, access, "settings_webhooks", "settings/webhook.html", webhook=webhook, form=form, rows=rows,
        tries=deliveries.TRIES, pause_after=deliveries.PAUSE_AFTER,
    )  # fmt: skip


def _carry_out(request: HttpRequest, access: Access, webhook: Webhook, do: str) -> HttpResponse:
    """What a button says; a refusal becomes a message."""
    changes = {"pause": {"paused": True}, "resume": {"paused": False}, "on": {"active": True}, "off": {"active": False}}
    said = {
        "pause": _("Paused: messages wait until it is resumed."), "resume": _("Resumed: what waits is sent now."),
        "on": _("Switched on."), "off": _("Switched off: it is told nothing."), "test": _("A test is on its way."),
        "again": _("It is sent once more."), "remove": _("The webhook is removed."),
    }  # fmt: skip
    with refusal_as_message(request):
        if do in changes:
            webhooks.change(webhook=webhook, by=person(request), changes=changes[do])
        elif do == "test":
            deliveries.send_test(webhook)
        elif do == "again":
            deliveries.try_again(_message(webhook, request.POST.get("message", "")))
        elif do == "remove":
            webhooks.remove(webhook=webhook, by=person(request))
        if do in said:
            messages.success(request, said[do])
        if do == "remove":
            return redirect("settings_webhooks", access.project.pk)
    return redirect("settings_webhook", access.project.pk, webhook.pk)


def _message(webhook: Webhook, sent: str) -> Any:
    rows = webhook.deliveries.select_related("webhook").filter(pk=number(sent) or 0)
    return first_or_404(rows, _("This webhook has no such message."))
