"""The Celery tasks: each is an id and one call, and may run twice.

Thin on purpose. Imports happen inside: the process that receives messages, and beat, hold no torch. The registered
names ("worker.tasks.look") stay when a function gets a better one: the broker may hold messages of before an update.
"""

from __future__ import annotations

from celery import shared_task
from celery.app.task import Context

TRAIN_SECONDS = 12 * 3600
IMPORT_SECONDS = 24 * 3600
EXPORT_SECONDS = 6 * 3600
ERRAND_SECONDS = 600
JUDGE_SECONDS = 3600
DELIVERY_SECONDS = 600


@shared_task(name="worker.tasks.train", bind=True, queue="gpu", soft_time_limit=TRAIN_SECONDS)
def train(self, run_id: int) -> None:
    """Train one requested run, then pre-label with it; does nothing if another worker took it."""
    from worker.training.train_run import train_run

    train_run(run_id, worker=_name(self.request))


@shared_task(name="worker.tasks.prelabel", bind=True, queue="gpu", soft_time_limit=TRAIN_SECONDS)
def prelabel(self, job_id: int) -> None:
    """Predict what a project's active model has not seen; does nothing if another worker took it."""
    from worker.inference.write_prelabels import prelabel_job

    prelabel_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.views", bind=True, queue="serve", soft_time_limit=300)
def make_augmented_views(self, job_id: int) -> None:
    """Show how a project's training images are varied; does nothing if another worker took it."""
    from worker.training.augmentation_images import views_job

    views_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.help_prelabel", bind=True, queue="gpu", soft_time_limit=TRAIN_SECONDS)
def help_prelabel(self, job_id: int) -> None:
    """Take parts of a pre-labeling that another worker has begun, as long as there are any."""
    from labeler.jobs import parts

    if parts.is_help_wanted(job_id):  # else not even torch is loaded
        from worker.inference.write_prelabels import help_with

        help_with(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.look", bind=True, queue="gpu", soft_time_limit=1800)
def build_index(self, job_id: int) -> None:
    """Compute features of new images and write the index; does nothing if another worker took it."""
    from worker.indexing.build_index import index_job

    index_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.import_images", bind=True, queue="default", soft_time_limit=IMPORT_SECONDS)
def import_images(self, job_id: int) -> None:
    """Run one requested import; does nothing if another worker took it."""
    from worker.intake.imports import import_job

    import_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.judge", bind=True, queue="default", soft_time_limit=JUDGE_SECONDS)
def judge_outside_model(self, job_id: int) -> None:
    """Judge and calibrate what another program's model said; nothing if another worker took it."""
    from worker.training.judge_outside import judge_job

    judge_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.work_on_images", bind=True, queue="default", soft_time_limit=IMPORT_SECONDS)
def work_on_images(self, job_id: int) -> None:
    """Delete, restore, order, mark or label many images; does nothing if another worker took it."""
    from worker.intake.image_work import image_work_job

    image_work_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.make_tiles", bind=True, queue="serve", soft_time_limit=ERRAND_SECONDS)
def make_tiles(self, job_id: int) -> None:
    """Cut an image that somebody looks at into tiles; does nothing if another worker took it."""
    from worker.intake.image_work import image_work_job

    image_work_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.freeze_release", bind=True, queue="default", soft_time_limit=EXPORT_SECONDS)
def freeze_release(self, job_id: int) -> None:
    """Freeze one requested release; does nothing if another worker took it."""
    from worker.releases.freezing import freeze_job

    freeze_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.build_release_file", bind=True, queue="default", soft_time_limit=EXPORT_SECONDS)
def build_release_file(self, job_id: int) -> None:
    """Build one file of a release; does nothing if another worker took it."""
    from worker.releases.building import build_job

    build_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.deliver", bind=True, queue="default", soft_time_limit=DELIVERY_SECONDS)
def deliver(self, delivery_id: int) -> None:
    """Send one message of a webhook, and what else waits for it; nothing if another worker took it."""
    from labeler.webhooks import deliveries

    deliveries.deliver(delivery_id)


@shared_task(name="worker.tasks.check_data", bind=True, queue="default", soft_time_limit=1800)
def check_data(self, job_id: int) -> None:
    """Measure new images and look for what is wrong with them; does nothing if another worker took it."""
    from worker.intake.checks import checks_job

    checks_job(job_id, worker=_name(self.request))


@shared_task(name="worker.tasks.answer", bind=True, queue="serve", soft_time_limit=ERRAND_SECONDS)
def answer_request(self, errand_id: int) -> None:
    """One prediction or explanation, by a process that keeps its models; nothing if another worker took it."""
    from worker.inference.requests import run_errand

    run_errand(errand_id, worker=_name(self.request))


@shared_task(name="worker.tasks.convert", bind=True, queue="gpu", soft_time_limit=ERRAND_SECONDS)
def write_onnx(self, errand_id: int) -> None:
    """A model as an ONNX file; nothing if another worker took it."""
    from worker.inference.requests import run_errand

    run_errand(errand_id, worker=_name(self.request))


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


def _name(request: Context) -> str:
    """The node that runs this; its next process takes back what this one held (worker/celery.py)."""
    return str(request.hostname)
