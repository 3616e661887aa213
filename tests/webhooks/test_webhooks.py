"""Messages to other programs: made once of what has ended, signed, tried again, paused, and their secret shown once."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeler.errors import Conflict, Invalid, NotPossibleNow
from labeler.jobs import dispatch
from labeler.models import AuditEvent, Job, Webhook, WebhookDelivery
from labeler.projects import projects
from labeler.training import runs
from labeler.webhooks import deliveries, events, signing, webhooks
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import make_model
from tests.helpers.hostile import Server
from worker import periodic

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    with Server() as server:
        settings.OUTGOING_ALLOW = [f"127.0.0.1:{server.port}"]
        yield server


@pytest.fixture
def made(project, lena, server):
    """A webhook that listens to everything, and its secret."""
    return webhooks.create(project=project, by=lena, url=server.url())


def ended(project, kind="import", state="done", **fields) -> Job:
    return Job.objects.create(project=project, kind=kind, state=state, finished_at=Now(), **fields)


def send_all() -> None:
    for pk in deliveries.due():
        deliveries.deliver(pk)


def make_due(**more) -> None:
    WebhookDelivery.objects.filter(state="waiting").update(next_at=Now() - timedelta(seconds=1), **more)


# ---------------------------------------------------------------- what is told


def test_each_kind_of_long_work_is_told_once(project, made):
    ended(project, params={"name": "leaves.zip", "path": "secret/place"}, result={"added": 3, "refused": [{}, {}]})
    ended(project, state="failed", error={"code": "broken", "message": "No archive."})
    ended(project, kind="export")
    ended(project, kind="release", params={"number": 4})
    ended(project, kind="images", params={"do": "delete", "images": [1, 2]})
    ended(project, kind="images", params={"do": "ask_first"})  # other work on images
    ended(project, kind="prelabel")
    ended(project, params={"upload": True})  # a form, already answered
    ended(project, params={"dry_run": True})
    ended(project, result={"asks": True})  # whoever asked for it has still to say what its labels are
    Job.objects.create(project=project, kind="import", state="running")
    now = timezone.now()
    make_model(project, active=False, started_at=now, finished_at=now, metrics={"accuracy": {"value": 0.9}})
    make_model(project, active=False, state="failed", started_at=now, finished_at=now)
    make_model(project, active=False, finished_at=now)  # another program's: no worker has trained it

    assert events.collect() == 7
    with CaptureQueriesContext(connection) as queries:
        assert events.collect() == 0
    assert len(queries) <= 8
    told = {row.event: row.payload for row in WebhookDelivery.objects.all()}
    assert set(told) == {
        "import.finished", "import.failed", "export.ready", "release.ready", "images.deleted", "run.finished",
        "run.failed",
    }  # fmt: skip
    assert told["import.finished"]["result"] == {"added": 3, "refused": 2}
    assert told["import.finished"]["name"] == "leaves.zip" and "secret/place" not in json.dumps(told)
    assert told["import.failed"]["error"]["message"] == "No archive."
    assert told["run.finished"]["metrics"] == {"accuracy": {"value": 0.9}}


def test_a_model_that_comes_into_use_is_told_once_whoever_chose_it(project, made, lena):
    by_itself = make_model(project, checkpoint="y", finished_at=timezone.now())
    events.collect()
    older = make_model(project, active=False, checkpoint="x", finished_at=timezone.now() - timedelta(days=9))
    runs.activate(older, by=lena)
    by_itself.refresh_from_db()
    runs.activate(by_itself, by=lena)
    events.collect()
    events.collect()

    told = WebhookDelivery.objects.filter(event="model.activated").order_by("pk")
    assert [row.payload["run"] for row in told] == [by_itself.pk, older.pk, by_itself.pk]


def test_only_the_events_that_are_wanted_and_only_those_since_it_listens(project, lena, server):
    ended(project)
    hook, _ = webhooks.create(project=project, by=lena, url=server.url(), events=["import.finished"])
    Webhook.objects.update(listens_since=timezone.now() + timedelta(seconds=0))
    ended(project, state="failed")
    late = ended(project)
    Job.objects.filter(pk=late.pk).update(finished_at=timezone.now() + timedelta(seconds=1))

    assert events.collect() == 1
    assert hook.deliveries.get().subject == f"job:{late.pk}"


def test_what_a_webhook_that_was_off_has_missed_is_not_told_later(project, made, lena):
    hook = webhooks.change(webhook=made[0], by=lena, changes={"active": False})
    Job.objects.filter(pk=ended(project).pk).update(finished_at=timezone.now() - timedelta(seconds=1))
    Webhook.objects.update(listens_since=timezone.now() - timedelta(seconds=5))
    assert events.collect() == 0
    webhooks.change(webhook=hook, by=lena, changes={"active": True})
    assert events.collect() == 0


def test_projects_in_the_trash_tell_nothing(project, made, lena):
    ended(project)
    events.collect()
    projects.trash(project=project, by=lena)
    ended(project)
    assert events.collect() == 0
    assert deliveries.due() == []


def test_the_periodic_worker_makes_messages_and_tells_workers(project, made, monkeypatch):
    told = []
    monkeypatch.setattr(dispatch, "send", lambda task, pk: told.append((task, pk)) or True)
    ended(project)
    periodic.run_due_work()
    assert (dispatch.DELIVER, WebhookDelivery.objects.get().pk) in told


# ---------------------------------------------------------------- sending


def test_a_message_is_signed_and_arrives(project, made, server):
    _, secret = made
    ended(project)
    events.collect()
    send_all()

    [asked] = server.asked
    row = WebhookDelivery.objects.get()
    body = json.loads(asked.body)
    assert body["id"] == row.pk and body["event"] == "import.finished" and body["project"] == project.pk
    assert set(body) == {"id", "event", "project", "created_at", "data"}
    assert (asked.headers["labeler-event"], asked.headers["labeler-delivery"]) == ("import.finished", str(row.pk))
    t, v1 = (part.split("=", 1)[1] for part in asked.headers["labeler-signature"].split(","))
    assert hmac.new(secret.encode(), f"{t}.".encode() + asked.body, hashlib.sha256).hexdigest() == v1
    assert abs(int(t) - timezone.now().timestamp()) < 60
    assert (row.state, row.attempts, row.status_code, row.error) == ("delivered", 1, 200, "")
    send_all()
    deliveries.deliver(row.pk)
    assert len(server.asked) == 1


def test_the_task_of_a_worker_delivers(project, made, server):
    from worker.celery import app

    ended(project)
    events.collect()
    [pk] = deliveries.due()
    app.loader.import_default_modules()
    app.tasks[dispatch.DELIVER].apply(args=[pk], throw=True)
    assert len(server.asked) == 1


def test_the_signature_is_what_its_definition_says():
    """The arithmetic by hand: HMAC-SHA-256 under "lbwh_x" of "1700000000.{}"."""
    expected = hmac.new(b"lbwh_x", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signing.signature("lbwh_x", b"{}", 1_700_000_000) == f"t=1700000000,v1={expected}"


def test_waits_grow_threefold_from_a_minute_to_twelve_hours():
    minutes = [deliveries.wait_after(n, 1.0) / timedelta(minutes=1) for n in range(1, deliveries.TRIES)]
    assert minutes == [1, 3, 9, 27, 81, 243, 720]
    assert deliveries.wait_after(1, 0.0) == timedelta(seconds=48)  # at least four fifths
    assert len({deliveries.wait_after(3) for _ in range(20)}) > 10


def test_a_failure_is_tried_again_later_and_given_up_after_the_last_try(project, made, server):
    server.status = 503
    ended(project)
    events.collect()
    send_all()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.status_code, row.error) == ("waiting", 503, "The server answered 503.")
    assert timedelta(seconds=40) < row.next_at - timezone.now() <= timedelta(minutes=1)
    assert deliveries.due() == []
    make_due(attempts=deliveries.TRIES - 1)
    send_all()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", 8)
    assert made[0].deliveries.count() == 1


def test_one_that_works_again_sends_what_waits_in_its_order_and_forgets_its_failures(project, made, server):
    server.status = 500
    for _nth in range(3):
        ended(project)
    events.collect()
    send_all()
    server.status = 204
    make_due()
    [first] = deliveries.due()
    deliveries.deliver(first)
    assert [json.loads(one.body)["data"]["job"] for one in server.asked[1:]] == list(
        Job.objects.order_by("pk").values_list("pk", flat=True)
    )
    assert Webhook.objects.get().failures == 0


def test_many_failures_in_a_row_pause_it_until_somebody_resumes_it(project, made, server, lena):
    server.status = 500
    ended(project)
    events.collect()
    for _nth in range(deliveries.PAUSE_AFTER):
        assert Webhook.objects.get().paused_at is None
        make_due(attempts=0)
        send_all()
    hook = Webhook.objects.get()
    assert hook.paused_at is not None and hook.failures == deliveries.PAUSE_AFTER
    ended(project)
    assert events.collect() == 1  # it waits
    make_due()
    assert deliveries.due() == []
    with pytest.raises(NotPossibleNow):
        deliveries.send_test(hook)

    server.status, before = 200, len(server.asked)
    webhooks.change(webhook=hook, by=lena, changes={"paused": False})
    send_all()
    assert len(server.asked) == before + 2
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_redirect_into_the_network_is_a_failure_and_is_not_followed(project, made, server):
    Webhook.objects.update(url=server.url("/redirect"))
    ended(project)
    events.collect()
    send_all()
    assert WebhookDelivery.objects.get().error == "The server answered 307: redirects are not followed."
    assert len(server.asked) == 1


def test_an_address_that_has_become_private_is_not_asked(project, made, server, settings):
    settings.OUTGOING_ALLOW = []
    ended(project)
    events.collect()
    send_all()
    assert server.asked == []
    assert "port" in WebhookDelivery.objects.get().error or "inside" in WebhookDelivery.objects.get().error


def test_a_try_whose_worker_died_is_made_again(project, made, server):
    ended(project)
    events.collect()
    row = WebhookDelivery.objects.get()
    assert deliveries._take(row.pk) is not None
    assert deliveries._take(row.pk) is None  # somebody's
    make_due()
    send_all()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("delivered", 2)


def test_the_log_is_kept_for_thirty_days(project, made):
    for days in (29, 31):
        row = WebhookDelivery.objects.create(webhook=made[0], event="x", subject=f"{days}", next_at=Now())
        WebhookDelivery.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    deliveries.forget_old()
    assert [row.subject for row in WebhookDelivery.objects.all()] == ["29"]


# ---------------------------------------------------------------- the secret


def test_the_secret_is_nowhere_but_in_the_first_answer(project, lena, server, caplog):
    client = as_person(lena)
    with caplog.at_level(logging.DEBUG):
        answer = client.post(f"/api/projects/{project.pk}/webhooks/", {"url": server.url()}, format="json")
        secret, pk = answer.json()["secret"], answer.json()["id"]
        assert client.post(f"/api/webhooks/{pk}/test/").status_code == 202
        server.status = 500
        send_all()
    assert secret.startswith("lbwh_") and len(secret) >= 48
    with connection.cursor() as cursor:
        for table in ("labeler_webhook", "labeler_webhookdelivery", "labeler_auditevent"):
            cursor.execute(f"SELECT coalesce(string_agg(row_to_json(t)::text, ''), '') FROM {table} t")
            assert secret not in cursor.fetchone()[0]
    said = [client.get(url).content.decode() for url in (
        f"/api/projects/{project.pk}/webhooks/", f"/api/webhooks/{pk}/", f"/api/webhooks/{pk}/deliveries/",
    )]  # fmt: skip
    said.append(client.patch(f"/api/webhooks/{pk}/", {"events": ["run.failed"]}, format="json").content.decode())
    assert not [text for text in (*said, caplog.text, repr(Webhook.objects.get())) if secret in text]


def test_a_new_key_of_the_server_keeps_old_secrets_as_long_as_the_old_key_is_named(made, settings):
    hook, secret = made
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
    assert signing.secret_of(hook) == secret
    settings.SECRET_KEY_FALLBACKS = []
    assert signing.secret_of(hook) is None


# ---------------------------------------------------------------- by REST


def test_a_lead_makes_changes_tests_and_removes_webhooks(project, lena, server):
    client = with_token(lena, "manage")
    made = client.post(f"/api/projects/{project.pk}/webhooks/", {
        "url": server.url(), "events": ["run.failed", "run.finished", "run.failed"]
    }, format="json")  # fmt: skip
    at = f"/api/webhooks/{made.json()['id']}/"
    assert made.status_code == 201 and made.json()["events"] == ["run.finished", "run.failed"]
    assert client.patch(at, {"active": False}, format="json").json()["active"] is False
    assert error_of(client.post(f"{at}test/")) == "not_possible_now"
    assert client.patch(at, {"active": True}, format="json").json()["active"] is True
    assert client.post(f"{at}test/").json()["state"] == "waiting"
    assert error_of(client.post(f"{at}test/")) == "conflict"
    send_all()
    [row] = client.get(f"{at}deliveries/").json()["results"]
    assert (row["event"], row["state"], row["status_code"], row["next_at"]) == ("webhook.test", "delivered", 200, None)
    again = client.post(f"{at}deliveries/{row['id']}/redelivery/")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "waiting", 0)
    send_all()
    assert [one.headers["labeler-delivery"] for one in server.asked] == [str(row["id"])] * 2
    assert client.delete(at).status_code == 204
    assert client.get(at).status_code == 404
    assert list(AuditEvent.objects.filter(action__startswith="webhook.").values_list("action", flat=True)) == [
        "webhook.delete", "webhook.change", "webhook.change", "webhook.create",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {}, {"url": "http://10.0.0.1/"}, {"url": "http://169.254.169.254/latest"}, {"url": "ftp://example.org"},
        {"url": "https://example.org/", "events": []}, {"url": "https://example.org/", "events": ["label.saved"]},
        {"url": "https://example.org/", "events": "run.failed"}, {"url": 7}, {"url": "https://ex\u0000.org"},
        {"url": "https://u:p@example.org/"}, {"url": ["https://example.org"]}, {"url": "https://" + "é" * 300 + "/"},
    ],
)  # fmt: skip
def test_what_cannot_be_a_webhook_is_refused_in_a_sentence(project, lena, body):
    answer = as_person(lena).post(f"/api/projects/{project.pk}/webhooks/", body, format="json")
    assert answer.status_code == 400, answer.content
    assert Webhook.objects.count() == 0


def test_a_project_has_ten_webhooks_at_most(project, lena):
    for n in range(webhooks.MOST):
        webhooks.create(project=project, by=lena, url=f"https://example.org/{n}")
    with pytest.raises(NotPossibleNow):
        webhooks.create(project=project, by=lena, url="https://example.org/more")


def test_a_message_that_is_on_its_way_is_not_sent_twice_at_once(project, made):
    ended(project)
    events.collect()
    row = WebhookDelivery.objects.select_related("webhook").get()
    deliveries._take(row.pk)
    with pytest.raises(Conflict):
        deliveries.try_again(row)


def test_another_projects_message_is_not_found_through_ones_own_webhook(project, multi_project, made, lena, server):
    other, _ = webhooks.create(project=multi_project, by=lena, url=server.url())
    row = deliveries.send_test(other)
    assert as_person(lena).post(f"/api/webhooks/{made[0].pk}/deliveries/{row.pk}/redelivery/").status_code == 404


def test_changing_to_a_private_address_is_refused(made, lena, settings):
    with pytest.raises(Invalid):
        webhooks.change(webhook=made[0], by=lena, changes={"url": "http://192.168.0.9/"})
