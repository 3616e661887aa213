"""Send messages, again later where that failed, and keep the log of it. The only module that writes WebhookDelivery.

A message is taken by a conditional UPDATE, as all work is: two workers do not send it at once, and one whose worker
died is sent again. Who gets it may so get it twice, and knows it by its id. After TRIES it is given up; after
PAUSE_AFTER tries in a row that failed the webhook is paused until a person resumes it.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import outgoing
from labeler.errors import Conflict, LabelerError, NotPossibleNow
from labeler.jobs import dispatch
from labeler.models import Webhook, WebhookDelivery
from labeler.models.webhook import TEST, DeliveryState
from labeler.webhooks import signing

logger = logging.getLogger(__name__)

TRIES = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=12)
GROWTH = 3.0  # 1 min, 3, 9, 27, 81, 4 h, 12 h: a day and a half of an outage is survived
PAUSE_AFTER = 15
LEASE = timedelta(minutes=2)  # a try takes seconds (outgoing.TOTAL_SECONDS, and the name's resolution)
KEPT = timedelta(days=30)
IN_A_ROW = 20  # messages to one address by one task: then others have their turn
USER_AGENT = "Labeler-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Ended:
    """One thing to tell: the event, the row it is about, and what is said."""

    event: str
    subject: str
    said: dict[str, Any]


def wait_after(attempts: int, chance: float | None = None) -> timedelta:
    """How long to wait after so many tries have failed, from 1 on. chance: 0 to 1, drawn unless given.

    The last fifth is drawn by lot, so that what failed together does not come back together.
    """
    whole = min(LONGEST_WAIT, FIRST_WAIT * GROWTH ** (attempts - 1))
    return whole * (0.8 + 0.2 * (random.random() if chance is None else chance))  # noqa: S311 - no secret


def told(webhook: Webhook) -> set[str]:
    """The rows that there is a message about, by their subjects: one row is told of once."""
    return set(WebhookDelivery.objects.filter(webhook=webhook).values_list("subject", flat=True))


def add(webhook: Webhook, found: Iterable[Ended]) -> int:
    """Messages for what has ended; how many."""
    rows = [
        WebhookDelivery(webhook=webhook, event=one.event, subject=one.subject, payload=one.said, next_at=Now())
        for one in found
    ]
    # Another process may be doing the same: its row is as good as this one.
    return len(WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True))


def send_test(webhook: Webhook) -> WebhookDelivery:
    """A message that says nothing, to be sent now. Raises Conflict while one waits, NotPossibleNow when off."""
    if not webhook.active or webhook.paused_at is not None:
        raise NotPossibleNow(_("This webhook is off or paused: resume it first."))
    if WebhookDelivery.objects.filter(webhook=webhook, event=TEST, state=DeliveryState.WAITING).exists():
        raise Conflict(_("A test is on its way already."))
    row = WebhookDelivery.objects.create(
        webhook=webhook, event=TEST, subject=str(uuid4()), payload={"webhook": webhook.pk}, next_at=Now()
    )
    dispatch.send_after_commit(dispatch.DELIVER, row.pk)
    row.refresh_from_db()
    return row


def try_again(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a message once more, now, whatever became of it; it keeps its id. Raises NotPossibleNow, Conflict."""
    webhook = delivery.webhook
    if not webhook.active or webhook.paused_at is not None:
        raise NotPossibleNow(_("This webhook is off or paused: resume it first."))
    changed = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(
        state=DeliveryState.WAITING, attempts__gt=0, next_at__lte=Now() + LEASE
    )
    if not changed.update(state=DeliveryState.WAITING, attempts=0, next_at=Now(), error="", status_code=None):
        raise Conflict(_("This message is on its way already."))
    dispatch.send_after_commit(dispatch.DELIVER, delivery.pk)
    delivery.refresh_from_db()
    return delivery


def hurry(webhook: Webhook) -> None:
    """Nothing that waits waits any longer: its webhook was resumed."""
    WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING).update(next_at=Now(), attempts=0)


def give_up_waiting(webhook: Webhook, sentence: str) -> None:
    WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING).update(
        state=DeliveryState.FAILED, error=sentence
    )


def due() -> list[int]:
    """The oldest message that may be sent now of each webhook: one that hangs holds up its own alone."""
    rows = WebhookDelivery.objects.filter(_sendable()).order_by("webhook_id", "pk").distinct("webhook_id")
    return list(rows.values_list("pk", flat=True))


def _sendable() -> Q:
    return Q(
        state=DeliveryState.WAITING, next_at__lte=Now(), webhook__active=True, webhook__paused_at=None,
        webhook__project__trashed_at=None,
    )  # fmt: skip


def send_due() -> int:
    """Tell workers about messages that may be sent now; how many. Told twice, the second does nothing."""
    return sum(dispatch.send(dispatch.DELIVER, pk) for pk in due())


def deliver(delivery_id: int) -> None:
    """Send one message and, as long as that works, the next ones of its webhook."""
    following: int | None = delivery_id
    for _nth in range(IN_A_ROW):
        row = _take(following) if following is not None else None
        if row is None or not _send(row):
            return
        rows = WebhookDelivery.objects.filter(_sendable(), webhook=row.webhook_id).order_by("pk")
        following = rows.values_list("pk", flat=True).first()


def _take(pk: int) -> WebhookDelivery | None:
    """Make one's own a message that may be sent now; None when there is nothing to take."""
    ready = WebhookDelivery.objects.filter(_sendable(), pk=pk).values("pk")
    mine = WebhookDelivery.objects.filter(pk__in=ready, next_at__lte=Now(), state=DeliveryState.WAITING)
    if not mine.update(next_at=Now() + LEASE, attempts=F("attempts") + 1):
        return None
    return WebhookDelivery.objects.select_related("webhook").get(pk=pk)


def message(row: WebhookDelivery) -> bytes:
    """The body: {id, event, project, created_at, data}. The same for every try."""
    return json.dumps({
        "id": row.pk, "event": row.event, "project": row.webhook.project_id,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"), "data": row.payload,
    }, ensure_ascii=False, separators=(",", ":")).encode()  # fmt: skip


def _send(row: WebhookDelivery) -> bool:
    """One try; whether it worked. A 2xx is what counts: a redirect is not followed, and is a failure."""
    webhook, status, wrong = row.webhook, None, ""
    secret = signing.secret_of(webhook)
    if secret is None:
        wrong = _("The server's secret key was changed since this webhook was made: remove it and add it again.")
    else:
        body = message(row)
        headers = {
            "Content-Type": "application/json", "User-Agent": USER_AGENT, "Labeler-Event": row.event,
            "Labeler-Delivery": str(row.pk), "Labeler-Signature": signing.signature(secret, body),
        }  # fmt: skip
        try:
            status = outgoing.request("POST", webhook.url, body=body, headers=headers).status
        except (outgoing.Unreachable, LabelerError) as error:
            wrong = str(error)
        else:
            if 300 <= status < 400:
                wrong = _("The server answered %(n)d: redirects are not followed.") % {"n": status}
            elif not 200 <= status < 300:
                wrong = _("The server answered %(n)d.") % {"n": status}
    _write_down(row, status, wrong)
    return not wrong


def _write_down(row: WebhookDelivery, status: int | None, wrong: str) -> None:
    # Only as the one who took it: when this try was slow beyond its lease, another's outcome counts.
    mine = WebhookDelivery.objects.filter(pk=row.pk, attempts=row.attempts, state=DeliveryState.WAITING)
    if not wrong:
        mine.update(state=DeliveryState.DELIVERED, delivered_at=Now(), status_code=status, error="")
        Webhook.objects.filter(pk=row.webhook_id, failures__gt=0).update(failures=0)
        return
    over = row.attempts >= TRIES
    mine.update(
        state=DeliveryState.FAILED if over else DeliveryState.WAITING,
        next_at=Now() + wait_after(row.attempts), status_code=status, error=wrong[:300],
    )  # fmt: skip
    Webhook.objects.filter(pk=row.webhook_id).update(failures=F("failures") + 1)
    paused = Webhook.objects.filter(pk=row.webhook_id, failures__gte=PAUSE_AFTER, paused_at=None)
    if paused.update(paused_at=Now()):
        logger.warning("webhook %s is paused: %s tries in a row failed", row.webhook_id, PAUSE_AFTER)


def forget_old() -> int:
    """Delete what was over with 30 days ago, and what has waited so long; how many rows."""
    return WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
