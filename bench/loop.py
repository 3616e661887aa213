"""From labels to pre-labels: 50 labels and 1,000 photographs with real processes, and what grows with the project.

    python -m bench loop

* 50 labels to pre-labels of 1,000 photographs that are ordered in the queue: an installation of its own with web,
  database, broker and workers; once with nothing known of the images, once with their features kept.
* A run on 10,000 images whose features are kept: cross-validation, the fit, figures.
* 100,000 images whose features are kept: probabilities and order in memory, and as rows of a database.

CPU seconds stand beside wall seconds, because machines are shared; those of the first are of all its processes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from bench.clothing import sources
from bench.common import fill_project, hardware, labeler, show

PHOTOGRAPHS, LABELS = 1000, 50
MANY, LARGE = 10_000, 100_000
ROUNDS = 3
WAIT = 900.0
CPU = torch.device("cpu")


def main(only: str = "") -> None:
    """Each figure with its target."""
    if only == "rows":
        _score_to_rows()
        return
    print(f"{hardware()}; torch {torch.__version__}")
    _first_pre_labels()
    _retrain()
    _score_in_memory()
    # a process knows one database
    subprocess.run([sys.executable, "-m", "bench.loop", "rows"], check=True)


@contextmanager
def _timed(wall: list[float], cpu: list[float]) -> Iterator[None]:
    begun, spent = time.perf_counter(), time.process_time()
    yield
    wall.append(time.perf_counter() - begun)
    cpu.append(time.process_time() - spent)


def _show(what: str, wall: list[float], cpu: list[float], target: str) -> None:
    show(what, cpu, "s CPU", target=target)
    show("    the same, wall time", wall, "s")


def _first_pre_labels() -> None:
    rng = np.random.default_rng(0)
    files = [path for at, path in enumerate(sources()) if at in set(rng.permutation(len(sources()))[:PHOTOGRAPHS])]
    with labeler(worker=True) as running:
        from django.contrib.auth import get_user_model

        from labeler.intake.images import add_images, file_member
        from labeler.labeling import claims
        from labeler.labeling.labels import save_label
        from labeler.models import Category, Feature, Membership, Prediction, Project
        from labeler.training import runs

        names = sorted({path.parent.name for path in files})
        project = Project.objects.create(name="Clothing", labels_per_image=1)
        pk_of = {
            name: Category.objects.create(project=project, name=name, position=at).pk for at, name in enumerate(names)
        }
        person = get_user_model().objects.create(username="bench")
        Membership.objects.create(project=project, user=person)
        members = [file_member(f"{at}.jpg", path.read_bytes()) for at, path in enumerate(files)]
        truth = {
            outcome.image.pk: pk_of[path.parent.name]
            for outcome, path in zip(add_images(project=project, members=members), files, strict=True)
        }
        labeled = 0
        while labeled < LABELS:
            for one in claims.claim(project=project, annotator=person, count=10):
                save_label(image_id=one.image_id, annotator=person, categories=[truth[one.image_id]])
                labeled += 1

        # Labels of the blind share are not all trained on; what is measured begins with the request.
        for known in (False, True):
            if not known:
                Feature.objects.all().delete()
            begun, spent = time.perf_counter(), running.cpu_seconds()
            run = runs.request(project=project)
            while run.predicted_at is None:
                if run.state == "failed" or time.perf_counter() - begun > WAIT:
                    raise RuntimeError(f"the run did not end: {run.state} {run.error} {run.note}")
                time.sleep(0.05)
                run.refresh_from_db()
                if run.state == "done" and not run.is_active:
                    raise RuntimeError(f"the model was not used: {run.note}")
            wall, cpu = time.perf_counter() - begun, running.cpu_seconds() - spent
            what = "features kept" if known else "nothing known of the images"
            n = Prediction.objects.filter(run=run).count()
            show(
                f"{LABELS} labels to {n} pre-labels in the queue, {what}",
                [wall],
                "s",
                target="< 60 s" if known else "< 180 s",
            )
            show("    the same, CPU of all processes", [cpu], "s")


def _retrain() -> None:
    from bench.features import _labeled
    from worker.ml.training.settings import read_settings
    from worker.ml.training.train import train

    config, wall, cpu = read_settings({"candidates": ["frozen"]}), [], []
    for seed in range(ROUNDS):
        samples = _labeled(MANY, 10, seed)
        with _timed(wall, cpu):
            for _ in train(samples, config, device=CPU):
                pass
    _show(f"a run on {MANY:,} images with kept features, 10 classes", wall, cpu, "< 5 s")


def _score_in_memory() -> None:
    from worker.ml.candidates.logistic import scale_features, to_probabilities
    from worker.ml.saved import predict
    from worker.ml.training import active_learning

    rng = np.random.default_rng(0)
    found = np.maximum(rng.standard_normal((LARGE, 1280), dtype=np.float32), 0).astype(np.float16)
    weight = rng.standard_normal((10, 1280), dtype=np.float32)
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(ROUNDS):
        with _timed(wall, cpu):
            parts = [
                scale_features(found[i : i + predict.CHUNK]) @ weight.T for i in range(0, len(found), predict.CHUNK)
            ]
            margins = predict.margin(to_probabilities(np.concatenate(parts), "single"), "single")
            active_learning.priorities(margins, found)
    _show(f"{LARGE:,} images with kept features: scored and ordered in memory", wall, cpu, "< 1 s")


def _score_to_rows() -> None:
    with labeler() as running:
        from django.db import connection

        from labeler.models import Image, Prediction, TrainingRun
        from labeler.training import prelabels
        from worker.indexing.features import kept_as
        from worker.inference import saved_models, write_prelabels
        from worker.ml.networks import backbones
        from worker.ml.saved.checkpoint import Checkpoint

        project, _ = fill_project(LARGE, people=1, labels_per_image=1)
        ids = list(project.categories.values_list("pk", flat=True))
        with connection.cursor() as cursor:
            # as random as features are here: a thousand vectors, given to images in turn
            rng = np.random.default_rng(0)
            vectors = [np.maximum(rng.standard_normal(1280), 0).astype("<f2").tobytes() for _ in range(1000)]
            cursor.execute("CREATE TEMPORARY TABLE given (n int, vector bytea)")
            cursor.executemany("INSERT INTO given VALUES (%s, %s)", list(enumerate(vectors)))
            cursor.execute(
                "INSERT INTO labeler_feature (sha256, backbone, vector) "
                "SELECT i.sha256, %s, g.vector "
                "FROM labeler_image i JOIN given g ON g.n = i.id %% 1000 WHERE i.project_id = %s",
                [kept_as(backbones.EFFICIENTNET_LITE0, 224), project.pk],
            )
            cursor.execute("ANALYZE labeler_feature")
        config = {"backbone": "efficientnet_lite0", "image_size": 224}
        weights: dict[str, Any] = {"head.weight": torch.randn(len(ids), 1280) / 30, "head.bias": torch.zeros(len(ids))}
        lite0 = backbones.checksum(backbones.EFFICIENTNET_LITE0)
        made = Checkpoint(
            candidate="frozen", backbone="efficientnet_lite0", backbone_sha256=lite0, first_stage=None,
            image_size=224, task="single", categories=[{"id": pk, "name": str(pk)} for pk in ids], temperature=1.0,
            calibrated_on=0, config=config, metrics={}, comparison=[], n_labels=0, created_at="", weights=weights,
        )  # fmt: skip
        run = TrainingRun.objects.create(
            project=project, number=1, state="done", is_active=True, category_ids=ids, config=config,
            category_names=[str(pk) for pk in ids],
        )  # fmt: skip
        checkpoint, sha256 = saved_models.save(run, 1, made)
        TrainingRun.objects.filter(pk=run.pk).update(checkpoint=checkpoint, checkpoint_sha256=sha256)
        run.refresh_from_db()
        wall: list[float] = []
        cpu: list[float] = []
        database: list[float] = []
        for _ in range(ROUNDS):
            Prediction.objects.all().delete()
            with connection.cursor() as cursor:
                cursor.execute("UPDATE labeler_queueentry SET priority = random(), chosen_by = 'random'")
                cursor.execute("VACUUM ANALYZE labeler_prediction, labeler_queueentry")
            job = prelabels.request(run)
            spent = running.cpu_seconds()
            with _timed(wall, cpu):
                write_prelabels.prelabel_job(job.pk, worker="bench")
            database.append(running.cpu_seconds() - spent)
            job.refresh_from_db()
            assert job.state == "done", job.error
        assert Prediction.objects.count() == Image.objects.count() == LARGE
        _show(f"{LARGE:,} images with kept features: scored, stored and ordered as rows", wall, cpu, "< 10 s")
        show("    the same, CPU of the database", database, "s")


if __name__ == "__main__":
    main(*sys.argv[1:2])
