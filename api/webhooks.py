"""/api/projects/{id}/webhooks/: addresses that are told when long work has ended, and what was sent to them."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.pagination import NEWEST_FIRST, page
from api.permissions import LEADS_MANAGE
from api.schema import PAGING, describe, example, page_of
from labeler.errors import Invalid, NotFound
from labeler.models import Webhook, WebhookDelivery
from labeler.models.webhook import TEST, DeliveryState, Event
from labeler.webhooks import deliveries, webhooks

TAG = "Webhooks"
NO_WEBHOOK = "There is no such webhook, or you are not a member of its project."


class NewWebhook(serializers.Serializer):
    url = serializers.CharField(max_length=2000, help_text="https://… or http://…, of a public address")
    events = serializers.ListField(
        child=serializers.ChoiceField(Event.choices), required=False, default=list(Event.values), max_length=50
    )
    active = serializers.BooleanField(required=False, default=True)


class WebhookChange(serializers.Serializer):
    url = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(child=serializers.ChoiceField(Event.choices), required=False, max_length=50)
    active = serializers.BooleanField(required=False, help_text="false: it is told nothing, and not later either")
    paused = serializers.BooleanField(required=False, help_text="false: what waits is sent now")


class WebhookShape(serializers.Serializer):
    """A webhook without its secret."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(Event.choices))
    active = serializers.BooleanField()
    failures = serializers.IntegerField(help_text="tries in a row that failed")
    paused_at = serializers.DateTimeField(allow_null=True, help_text="after 15 failures in a row, or by a lead")
    created_at = serializers.DateTimeField()


class NewWebhookShape(WebhookShape):
    """A new webhook, with the secret that is shown this once."""

    secret = serializers.CharField(help_text="shown once: it is not stored")


class DeliveryShape(serializers.Serializer):
    id = serializers.IntegerField()
    event = serializers.ChoiceField([*Event.choices, (TEST, "a test")])
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_at = serializers.SerializerMethodField(help_text="when it is tried next; null: not any more")
    status_code = serializers.IntegerField(allow_null=True, help_text="of the last answer")
    error = serializers.CharField(help_text="why the last try failed; empty: it did not")
    payload = serializers.JSONField(help_text="`data` of the message")
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)

    def get_next_at(self, row: WebhookDelivery) -> str | None:
        return row.next_at.isoformat() if row.state == DeliveryState.WAITING else None


EXAMPLE = {
    "id": 3, "url": "https://hooks.example.org/labeler", "events": ["import.finished", "run.finished"],
    "active": True, "failures": 0, "paused_at": None, "created_at": "2026-11-21T10:00:00Z", "secret": "lbwh_q3V…",
}  # fmt: skip


class Webhooks(View):
    needs = {"GET": LEADS_MANAGE, "POST": LEADS_MANAGE}

    @describe("list_webhooks", "The webhooks of a project, without their secrets.", tag=TAG, parameters=PAGING,
              answers={200: page_of(WebhookShape)})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        rows = self.project(project_id).webhooks.all()
        return page(request, rows, WebhookShape)

    @describe(
        "create_webhook", "Have another program told when long work has ended.\n\nEach message is a POST of "
        "`{id, event, project, created_at, data}` with the headers `Labeler-Event`, `Labeler-Delivery` and "
        '`Labeler-Signature: t=<unix>,v1=<hex of HMAC-SHA-256 of "t.body">`. Answer with a 2xx within ten seconds; '
        "else it is sent again after 1 minute, 3, 9 … 12 hours, eight times in all. The secret is in this answer only.",
        tag=TAG, request=NewWebhook, answers={201: NewWebhookShape}, errors=(422,),
        examples=[example({"url": EXAMPLE["url"], "events": EXAMPLE["events"]}, of_request=True), example(EXAMPLE)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        webhook, secret = webhooks.create(project=project, by=self.person, **parsing.parse(NewWebhook, request))
        return Response({**WebhookShape(webhook).data, "secret": secret}, status=201)


class OneWebhook(View):
    needs = {"GET": LEADS_MANAGE, "PATCH": LEADS_MANAGE, "DELETE": LEADS_MANAGE}

    def _webhook(self, webhook_id: int) -> Webhook:
        return self.row(Webhook.objects, webhook_id, _(NO_WEBHOOK))

    @describe("get_webhook", "A webhook, without its secret.", tag=TAG, answers={200: WebhookShape})
    def get(self, request: Request, webhook_id: int) -> Response:
        return Response(WebhookShape(self._webhook(webhook_id)).data)

    @describe("change_webhook", "Change a webhook, switch it off, pause or resume it.", tag=TAG, request=WebhookChange,
              answers={200: WebhookShape}, examples=[example({"paused": False}, of_request=True)])  # fmt: skip
    def patch(self, request: Request, webhook_id: int) -> Response:
        webhook = self._webhook(webhook_id)
        changes = parsing.parse(WebhookChange, request, partial=True)
        if not changes:
            raise Invalid(_("Send url, events, active or paused."), fields={"url": ["missing"]})
        return Response(WebhookShape(webhooks.change(webhook=webhook, by=self.person, changes=changes)).data)

    @describe("delete_webhook", "Remove a webhook, with the log of what was sent.", tag=TAG, answers={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        webhooks.remove(webhook=self._webhook(webhook_id), by=self.person)
        return Response(status=204)


class Deliveries(OneWebhook):
    needs = {"GET": LEADS_MANAGE}
    http_method_names = ["get", "head", "options"]

    @describe("list_deliveries", "What was sent, or is to be, newest first; kept for 30 days.", tag=TAG,
              parameters=PAGING, answers={200: page_of(DeliveryShape)})  # fmt: skip
    def get(self, request: Request, webhook_id: int) -> Response:
        rows = self._webhook(webhook_id).deliveries.all()
        return page(request, rows, DeliveryShape, order=NEWEST_FIRST)


class Redelivery(OneWebhook):
    needs = {"POST": LEADS_MANAGE}
    http_method_names = ["post", "options"]

    @describe("redeliver", "Send a message once more, now, whatever became of it. It keeps its id.", tag=TAG,
              request=None, answers={202: DeliveryShape}, errors=(409, 422))  # fmt: skip
    def post(self, request: Request, webhook_id: int, delivery_id: int) -> Response:
        webhook = self._webhook(webhook_id)
        row = webhook.deliveries.select_related("webhook").filter(pk=delivery_id).first()
        if row is None:
            raise NotFound(_("This webhook has no such message."))
        return Response(DeliveryShape(deliveries.try_again(row)).data, status=202)


class Test(OneWebhook):
    needs = {"POST": LEADS_MANAGE}
    http_method_names = ["post", "options"]

    @describe("test_webhook", "Send a message that says nothing (`webhook.test`), to see whether it arrives.", tag=TAG,
              request=None, answers={202: DeliveryShape}, errors=(409, 422))  # fmt: skip
    def post(self, request: Request, webhook_id: int) -> Response:
        return Response(DeliveryShape(deliveries.send_test(self._webhook(webhook_id))).data, status=202)
