"""The Celery tasks: each is an id and one call, and may run twice.

Thin on purpose. Imports happen inside: the process that receives messages, and beat, hold no torch. The registered
names ("worker.tasks.look") stay when a function gets a better one: the broker may hold messages of before an update.
"""

from __future__ import annotations

from celery import Task, shared_task
from django.utils.module_loading import import_string

TRAIN_SECONDS = 12 * 3600
IMPORT_SECONDS = 24 * 3600
EXPORT_SECONDS = 6 * 3600
ERRAND_SECONDS = 600

# What is called with a row's id and the worker's name, and does nothing if another worker took the row.
ON_ROWS = (
    # name, queue, seconds at most, function
    ("train", "gpu", TRAIN_SECONDS, "worker.training.train_run.train_run"),
    ("prelabel", "gpu", TRAIN_SECONDS, "worker.inference.write_prelabels.prelabel_job"),
    ("look", "gpu", 1800, "worker.indexing.build_index.index_job"),
    ("convert", "gpu", ERRAND_SECONDS, "worker.inference.requests.run_errand"),  # a model to an ONNX file
    ("answer", "serve", ERRAND_SECONDS, "worker.inference.requests.run_errand"),  # by a process that keeps its models
    ("views", "serve", 300, "worker.training.augmentation_images.views_job"),
    ("make_tiles", "serve", ERRAND_SECONDS, "worker.intake.image_work_job"),  # of an image that somebody looks at
    ("work_on_images", "default", IMPORT_SECONDS, "worker.intake.image_work_job"),
    ("import_images", "default", IMPORT_SECONDS, "worker.intake.import_job"),
    ("check_data", "default", 1800, "worker.intake.checks_job"),
    ("judge", "default", 3600, "worker.training.judge_outside.judge_job"),
    ("freeze_release", "default", EXPORT_SECONDS, "worker.releases.freeze_job"),
    ("build_release_file", "default", EXPORT_SECONDS, "worker.releases.build_job"),
)


def _register(name: str, queue: str, seconds: int, function: str) -> None:
    @shared_task(name=f"worker.tasks.{name}", bind=True, queue=queue, soft_time_limit=seconds)
    def on_row(self: Task, row_id: int) -> None:
        import_string(function)(row_id, worker=_name(self))


for _each in ON_ROWS:
    _register(*_each)


@shared_task(name="worker.tasks.help_prelabel", bind=True, queue="gpu", soft_time_limit=TRAIN_SECONDS)
def help_prelabel(self: Task, job_id: int) -> None:
    """Take parts of a pre-labeling that another worker has begun, as long as there are any."""
    from labeler.jobs import parts

    if parts.is_help_wanted(job_id):  # else not even torch is loaded
        from worker.inference.write_prelabels import help_with

        help_with(job_id, worker=_name(self))


@shared_task(name="worker.tasks.deliver", queue="default", soft_time_limit=600)
def deliver(delivery_id: int) -> None:
    """Send one message of a webhook, and what else waits for it; nothing if another worker took it."""
    from labeler.webhooks import deliveries

    deliveries.deliver(delivery_id)


@shared_task(name="worker.tasks.sweep", queue="default", soft_time_limit=60)
def resend_lost_messages() -> None:
    """Tell workers about rows whose message or whose worker was lost."""
    from labeler.jobs import jobs
    from labeler.training import inference_requests, runs
    from labeler.webhooks import deliveries

    runs.resend_lost()
    jobs.resend_lost()
    inference_requests.resend_lost()
    inference_requests.sweep()
    deliveries.send_due()


@shared_task(name="worker.tasks.care", queue="default", soft_time_limit=600)
def run_due_work() -> None:
    """Leases of claims, snapshots of the vote, trainings and pre-labelings that are due."""
    from worker import periodic

    periodic.run_due_work()


@shared_task(name="worker.tasks.count", queue="default", soft_time_limit=900)
def refresh_figures() -> None:
    """Figures of large projects that pages asked for."""
    from labeler.progress import cached_reports

    cached_reports.refresh()


def _name(task: Task) -> str:
    """The node that runs this; its next process takes back what this one held (worker/celery.py)."""
    return str(task.request.hostname)
