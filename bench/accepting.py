"""Auto-accept through the product's own verbs: how much of a project leaves the queue, and is it right as promised?

The clothing photographs as rows of a real database: 1,000 random training labels, 500 random calibration images that
two people judged, the rest unlabeled. The shipped regression and temperature judge them; then acceptance.accept() and,
with people who answer the audited images truly, guarantees.look() do what a worker does.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clothing import Photographs, photographs
from bench.common import hardware, labeler, show
from worker.ml.candidates import logistic
from worker.ml.evaluation.temperature import apply_temperature, fit_temperature

SEEDS = range(5)
TRAIN, CALIBRATION = 1000, 500
PENALTY = 0.01


def main() -> None:
    """Share accepted, share right and seconds, over the seeds; then what a bad model comes to."""
    photos = photographs()
    print(hardware())
    with labeler():
        found = [_trial(photos, seed) for seed in SEEDS]
        spoiled = [_trial(photos, seed, spoil=0.2) for seed in SEEDS]
    show("share of the unlabeled images accepted", [row["share"] for row in found], "%", 100, ">= 55")
    show("  of these right", [row["right"] for row in found], "%", 100, ">= 95")
    show("  audited by people", [row["audited"] for row in found], "%", 100)
    show("seconds for accepting", [row["seconds"] for row in found], "s")
    print(f"suspended by the audit: {sum(row['suspended'] for row in found)} of {len(found)}   target 0")
    show("spoiled, one in five suggestions replaced after calibration: right", [r["right"] for r in spoiled], "%", 100)
    print(f"suspended by the audit: {sum(row['suspended'] for row in spoiled)} of {len(spoiled)}   target all")
    show("  audited answers until then", [row["answers"] for row in spoiled], "")
    show("  left accepted afterwards", [row["left"] for row in spoiled], "")


def _trial(photos: Photographs, seed: int, spoil: float = 0.0) -> dict[str, Any]:
    """One random split of the photographs, from rows to the last audited answer."""
    from labeler.acceptance import accepting, promises
    from labeler.models import Acceptance, Guarantee, Image, Project, TrainingRun
    from labeler.projects import projects

    order = np.random.default_rng(seed).permutation(len(photos.truth))
    parts = {"train": order[:TRAIN], "calibration": order[TRAIN : TRAIN + CALIBRATION]}
    parts["pool"] = order[TRAIN + CALIBRATION :]
    project, images, classes = _rows(photos, parts, seed)
    calibration, pool = _probabilities(photos, parts, seed, spoil)
    run = TrainingRun.objects.create(
        project=project, number=1, state="done", is_active=True, category_ids=classes, category_names=photos.names
    )
    _predict(run, images, parts["calibration"], calibration)
    _predict(run, images, parts["pool"], pool)

    begun = time.perf_counter()
    accepting.accept(run)
    seconds = time.perf_counter() - begun
    truth = {images[at]: classes[photos.truth[at]] for at in order.tolist()}
    rows = list(Acceptance.objects.filter(project=project).values_list("image", "categories", "is_audited"))
    right = float(np.mean([[truth[image]] == categories for image, categories, _ in rows])) if rows else 1.0

    asked, answers = sorted(image for image, _, is_audited in rows if is_audited), 0
    for start in range(0, len(asked), 10):
        part = asked[start : start + 10]
        _settle({image: truth[image] for image in part})
        promises.audit_acceptance(project, part)
        answers += len(part)
        if Guarantee.objects.filter(project=project, suspended_at__isnull=False).exists():
            break
    result = {
        "share": len(rows) / len(parts["pool"]), "right": right, "audited": len(asked) / max(1, len(rows)),
        "seconds": seconds, "answers": answers,
        "suspended": Guarantee.objects.filter(project=project, suspended_at__isnull=False).exists(),
        "left": Acceptance.objects.standing().filter(project=project).count(),
    }  # fmt: skip
    assert Image.objects.filter(project=project, n_votes=0).count() == len(parts["pool"]) - answers
    assert Project.objects.get(pk=project.pk).auto_accept
    projects.update(project=project, by=project.created_by, changes={"auto_accept": False})
    return result


def _rows(photos: Photographs, parts: dict[str, NDArray], seed: int) -> tuple[Any, dict[int, int], list[int]]:
    """The project, image ids by photograph, and class ids by code; the training images labeled, calibration settled."""
    from django.contrib.auth import get_user_model

    from labeler.labeling import seats
    from labeler.models import Image
    from labeler.models.image import Slice
    from labeler.projects import projects

    lead, _new = get_user_model().objects.get_or_create(username="bench", is_superuser=True)
    project = projects.create(
        created_by=lead, name=f"clothing {seed}", categories=photos.names, auto_accept=True, blind_share=0.15
    )
    classes = list(project.categories.order_by("position").values_list("pk", flat=True))
    slices = {int(at): Slice.CALIBRATION for at in parts["calibration"]}
    made = Image.objects.bulk_create(
        Image(
            project=project, name=f"{at}.jpg", sha256=f"{at:064x}", extension="jpg", width=400, height=300, n_bytes=1,
            slice=slices.get(at, Slice.NONE),
        )
        for at in range(len(photos.truth))
    )  # fmt: skip
    seats.enter(project, made)
    images = {at: image.pk for at, image in enumerate(made)}
    known = np.concatenate((parts["train"], parts["calibration"])).tolist()
    _settle({images[at]: classes[photos.truth[at]] for at in known})
    return project, images, classes


def _settle(answers: dict[int, int]) -> None:
    """Two people gave this answer: what saving two labels leaves on the image."""
    from labeler.models import Image
    from labeler.models.image import Status

    by_class: dict[int, list[int]] = {}
    for image, category in answers.items():
        by_class.setdefault(category, []).append(image)
    for category, ids in by_class.items():
        Image.objects.filter(pk__in=ids).update(tally={str(category): 2}, n_votes=2, status=Status.SETTLED)


def _probabilities(
    photos: Photographs, parts: dict[str, NDArray], seed: int, spoil: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Calibrated, of the calibration images and of the rest. spoil: of the rest, so many suggest another class."""
    hot = np.eye(len(photos.names))[photos.truth[parts["train"]]]
    fit = logistic.fit_path(photos.x[parts["train"]], hot, np.ones(TRAIN), [PENALTY], "single")[0]
    calibration, pool = (
        logistic.to_probabilities(fit.logits(photos.x[parts[part]]).astype(np.float64), "single")
        for part in ("calibration", "pool")
    )
    temperature = fit_temperature(calibration, photos.truth[parts["calibration"]], "single")
    calibration, pool = (apply_temperature(found, temperature, "single") for found in (calibration, pool))
    chosen = np.random.default_rng(seed).random(len(pool)) < spoil
    pool[chosen] = np.roll(pool[chosen], 1, axis=1)
    return calibration, pool


def _predict(run: Any, images: dict[int, int], part: NDArray, found: NDArray[np.float64]) -> None:
    from labeler.training import prelabels

    top = np.sort(found, axis=1)
    prelabels.store(
        run,
        [
            prelabels.Opinion(
                images[at], row.tolist(), [run.category_ids[int(row.argmax())]], float(row.max()), float(best - second)
            )
            for at, row, second, best in zip(part.tolist(), found, top[:, -2], top[:, -1], strict=True)
        ],
    )


if __name__ == "__main__":
    main()
