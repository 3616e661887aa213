"""What people who draw are asked next: what is in doubt, a rare class sooner, dealt from groups that look alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from labeler.labeling.priorities import ChosenBy
from labeler.models import Image, QueueEntry
from labeler.training import features, prelabels, queue_order
from labeler.training.prelabels import Opinion
from tests.helpers.drawn_models import save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images as add_rows
from worker.inference import drawn_models, write_prelabels
from worker.ml.detection.samples import Found

pytestmark = pytest.mark.django_db

CPU = torch.device("cpu")


@pytest.fixture
def project(settings, tmp_path, ann, bea, lena):
    settings.MODELS_DIR = tmp_path / "models"
    return drawing_project(ann, bea, lead=lena, blind_share=0.0)


def found(kind: int, p: float) -> Found:
    return Found(np.array([[5, 5, 40, 40]], np.float32), np.array([kind]), np.array([p], np.float32))


def test_a_doubt_about_a_rare_class_counts_as_up_to_twice_as_near(project):
    run = save_drawn_model(project)
    model = drawn_models.load(run, CPU)
    n = len(model.categories)
    assert model.rarity == [1.0] * n, "a model of before does not say how many objects it has learned from"

    model = replace(model, n_objects=[100] * (n - 1) + [1], platt=(1.0, 0.0))
    often, rare = (drawn_models.opinion(model, project.task, 1, found(kind, 0.7), (100, 80)) for kind in (0, n - 1))

    assert often.margin == pytest.approx(0.4)  # .2 of the .5 above the threshold
    assert rare.margin == pytest.approx(0.2)
    assert 0.5 == model.rarity[-1] < model.rarity[0] == 1.0


def test_images_that_look_alike_are_not_asked_for_one_after_the_other(project, monkeypatch):
    monkeypatch.setattr(write_prelabels, "BATCH", 2)
    run = save_drawn_model(project)
    run.features = "seen"
    run.save()
    add_rows(project, 8)
    images = list(Image.objects.filter(project=project).order_by("pk"))
    # the four least sure ones look alike, and so do the other four
    eye = np.eye(8, dtype="<f2")
    features.store("seen", {image.sha256: eye[k // 4].tobytes() for k, image in enumerate(images)})
    prelabels.store(run, [Opinion(image.pk, [], [], 0.5, k / 100) for k, image in enumerate(images)])

    queue_order.reorder(project, spread=lambda unsure: write_prelabels._spread(run, unsure))

    asked = QueueEntry.objects.filter(project=project, chosen_by=ChosenBy.UNCERTAINTY).order_by("-priority")
    group_of = {image.pk: k // 4 for k, image in enumerate(images)}
    first = [group_of[entry.pk] for entry in asked[:2]]
    assert set(first) == {0, 1}
