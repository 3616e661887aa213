"""Make, change and remove the addresses a project tells of what has ended. The only module that writes Webhook, but
for the counts of failures in deliveries.py.

A webhook's secret is in the answer that makes it, and nowhere else.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler import outgoing
from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotPossibleNow
from labeler.models import Project, Webhook
from labeler.models.webhook import Event
from labeler.webhooks import deliveries, events, signing

MOST = 10  # of a project: each that hangs takes a worker's process for some seconds


def create(
    *, project: Project, by: User, url: str, events: Sequence[str] = tuple(Event.values), active: bool = True
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is not stored: show it once. Raises Invalid, and NotPossibleNow beyond
    MOST.
    """
    outgoing.checked_url(url)
    salt = secrets.token_hex(32)
    secret = signing.make_secret(settings.SECRET_KEY, salt)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if Webhook.objects.filter(project=project).count() >= MOST:
            raise NotPossibleNow(_("A project has at most %(n)d webhooks: remove one first.") % {"n": MOST})
        webhook = Webhook.objects.create(
            project=project, url=url, salt=salt, digest=signing.digest(secret), events=_known(events), active=active,
            listens_since=Now(), created_by=by,
        )  # fmt: skip
        audit(by, "webhook.create", project=project, subject=webhook.host, webhook=webhook.pk)
    webhook.refresh_from_db()
    return webhook, secret


def _known(wanted: Sequence[str]) -> list[str]:
    """The events, each once, in their own order. Raises Invalid."""
    if not wanted or not set(wanted) <= set(Event.values):
        raise Invalid(
            _("Name one or more of these events: %(names)s.") % {"names": ", ".join(Event.values)},
            fields={"events": ["unknown, or none"]},
        )
    return [event for event in Event.values if event in wanted]


def change(*, webhook: Webhook, by: User, changes: Mapping[str, Any]) -> Webhook:
    """Change url, events, active; `paused`: False resumes one that was paused, True pauses it.

    Messages that wait are sent when it is resumed, and not when it is switched off and on. Raises Invalid.
    """
    if "url" in changes:
        outgoing.checked_url(changes["url"])
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().select_related("project").get(pk=webhook.pk)
        new: dict[str, Any] = {name: changes[name] for name in ("url", "active") if name in changes}
        if "events" in changes:
            new["events"] = _known(changes["events"])
        new = {name: value for name, value in new.items() if value != getattr(webhook, name)}
        if {"events", "active"} & new.keys():
            if webhook.active:
                events.collect_for(webhook)  # what ended a moment ago was still to be told
            new["listens_since"] = Now()
        if changes.get("paused") is False and webhook.paused_at is not None:
            new |= {"paused_at": None, "failures": 0}
        elif changes.get("paused") and webhook.paused_at is None:
            new["paused_at"] = Now()
        if new:
            Webhook.objects.filter(pk=webhook.pk).update(**new)
            audit(by, "webhook.change", project=webhook.project_id, subject=webhook.host, webhook=webhook.pk,
                  changed=sorted(new.keys() - {"listens_since"}))  # fmt: skip
        if new.get("active") is False:
            deliveries.give_up_waiting(webhook, _("The webhook was switched off."))
        elif "paused_at" in new and new["paused_at"] is None:
            deliveries.hurry(webhook)
    webhook.refresh_from_db()
    return webhook


def remove(*, webhook: Webhook, by: User) -> None:
    """Delete it with the log of what was sent."""
    with transaction.atomic():
        audit(by, "webhook.delete", project=webhook.project_id, subject=webhook.host, webhook=webhook.pk)
        webhook.delete()


def of_project(project: Project) -> list[Webhook]:
    return list(Webhook.objects.filter(project=project).order_by("id"))
