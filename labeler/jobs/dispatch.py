"""Send messages to workers: task names, sent after commit, never blocking when the broker is away.

The row is the truth. A message that is lost costs seconds, because beat's sweep finds rows whose message was lost
(worker/tasks.py); so failure to send is logged and forgotten. Tasks are sent by name: nothing here imports a worker.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import transaction

if TYPE_CHECKING:
    import redis
    from celery import Celery

logger = logging.getLogger(__name__)
T = TypeVar("T")

TRAIN = "worker.tasks.train"
IMPORT = "worker.tasks.import_images"
PRELABEL = "worker.tasks.prelabel"
HELP = "worker.tasks.help_prelabel"
ANSWER = "worker.tasks.answer"
CONVERT = "worker.tasks.convert"
VIEWS = "worker.tasks.views"
BUILD_INDEX = "worker.tasks.look"
FREEZE = "worker.tasks.freeze_release"
BUILD_FILE = "worker.tasks.build_release_file"
JUDGE = "worker.tasks.judge"
IMAGES = "worker.tasks.work_on_images"
TILES = "worker.tasks.make_tiles"
DELIVER = "worker.tasks.deliver"
CHECK_DATA = "worker.tasks.check_data"
# "serve" is for what somebody waits for: seconds at most, in a process that keeps its models loaded.
QUEUES = {
    TRAIN: "gpu", PRELABEL: "gpu", HELP: "gpu", CONVERT: "gpu", BUILD_INDEX: "gpu", ANSWER: "serve", VIEWS: "serve",
    TILES: "serve",    IMPORT: "default", JUDGE: "default", IMAGES: "default", FREEZE: "default", BUILD_FILE: "default",
    DELIVER: "default", CHECK_DATA: "default",
}  # fmt: skip

SOCKET_SECONDS = 1.0  # a request waits at most about twice this for a broker that does not answer
# A worker's main process writes its key every WORKER_BEAT_SECONDS, also while its child trains.
WORKER_KEY = "labeler:worker:"
WORKER_BEAT_SECONDS = 10
WORKER_GONE_SECONDS = 35


def send_after_commit(task: str, pk: int) -> None:
    """After the running transaction has committed, tell a worker that row `pk` is there for `task`."""
    # robust: whatever fails here must not turn a saved row into an error for the person.
    transaction.on_commit(lambda: send(task, pk), robust=True)


def send(task: str, pk: int) -> bool:
    """Tell a worker now. False, logged, when the broker cannot be reached: the sweep will tell it later."""
    if not settings.REDIS_URL:
        logger.warning("no broker is configured (REDIS_URL): %s %s waits", task, pk)
        return False
    import redis
    from kombu.exceptions import KombuError

    try:
        _producer(settings.REDIS_URL).send_task(task, [pk], queue=QUEUES[task], retry=False, ignore_result=True)
    except (KombuError, OSError, redis.RedisError) as error:
        logger.warning("the broker cannot be reached, %s %s is sent later: %s", task, pk, error)
        return False
    return True


def send_again(task: str, pk: int) -> bool:
    """Tell a worker again, unless its queue still holds messages: so nothing piles up while no worker is there.

    A row whose message is among those waiting is served by it; one whose message was lost is told about when they are
    gone.
    """
    return queue_length(QUEUES[task]) == 0 and send(task, pk)


def queue_length(queue: str) -> int | None:
    """Messages that wait in a queue; None when the broker cannot be asked."""
    return _ask(lambda client: int(client.llen(queue)))


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker that was alive within WORKER_GONE_SECONDS."""

    name: str
    queues: tuple[str, ...]
    at: datetime | None = None  # of its last heartbeat
    torch: str = ""  # the version it would load; empty: not said
    processes: int = 1  # how many pieces of work it does at a time


def workers_alive() -> list[WorkerSeen] | None:
    """The workers that have shown themselves lately, by name; None when the broker cannot be asked. Takes 1 ms."""

    def found(client: redis.Redis) -> list[WorkerSeen]:
        keys = sorted(client.scan_iter(match=f"{WORKER_KEY}*", count=1000))
        values: Any = client.mget(keys) if keys else []
        there = [(key, value) for key, value in zip(keys, values, strict=True) if value]
        return [_seen(key.decode().removeprefix(WORKER_KEY), json.loads(value)) for key, value in there]

    return _ask(found)


def no_worker(queue: str) -> bool:
    """True when it is known that nobody takes work of this queue; a broker that does not answer tells nothing."""
    alive = workers_alive()
    return alive is not None and not any(queue in worker.queues for worker in alive)


def _seen(name: str, said: dict[str, Any]) -> WorkerSeen:
    at = datetime.fromtimestamp(said["at"], UTC) if "at" in said else None
    return WorkerSeen(name, tuple(said["queues"]), at, str(said.get("torch", "")), int(said.get("processes", 1)))


def broker_info() -> dict[str, Any]:
    """What the broker says of itself; empty when it cannot be asked."""
    return _ask(lambda client: dict(client.info("server"))) or {}


def show_worker(name: str, queues: list[str], *, torch: str = "", processes: int = 1) -> None:
    """Say that a worker lives. Called by its main process, which has not loaded torch: `torch` is what is installed."""
    said = {"queues": queues, "at": round(time.time()), "torch": torch, "processes": processes}
    _ask(lambda client: client.set(WORKER_KEY + name, json.dumps(said), ex=WORKER_GONE_SECONDS))


def hide_worker(name: str) -> None:
    """Say that a worker has stopped. Called by its main process."""
    _ask(lambda client: client.delete(WORKER_KEY + name))


def _ask(question: Callable[[redis.Redis], T]) -> T | None:
    """What the broker answers; None when there is none, or, logged, when it cannot be reached."""
    if not settings.REDIS_URL:
        return None
    import redis

    try:
        return question(broker(settings.REDIS_URL))
    except (OSError, redis.RedisError) as error:
        logger.warning("the broker cannot be reached: %s", error)
        return None


@lru_cache(maxsize=4)
def broker(url: str) -> redis.Redis:
    """A client with short time-outs and no retries; one per process and address."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS, retry=Retry(NoBackoff(), 0)
    )


@lru_cache(maxsize=4)
def _producer(url: str) -> Celery:
    from celery import Celery

    app = Celery("labeler-dispatch", broker=url, set_as_current=False, fixups=[])
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        broker_connection_timeout=SOCKET_SECONDS,
        # Without max_retries kombu tries for ever: a request would hang for as long as the broker is away.
        broker_transport_options={
            "socket_timeout": SOCKET_SECONDS,
            "socket_connect_timeout": SOCKET_SECONDS,
            "retry_on_timeout": False,
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )
    return app
