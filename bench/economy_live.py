"""The label economy through the product's own verbs: claims, answers, weighing and training against real PostgreSQL.

What bench/economy.py simulates on arrays is lived through here: six simulated people (bench/economy.py says how they
err) claim from the queue and save; the worker's weighing and training run in this process. The final label of an
image is its consensus, people and model together. Every judgement counts, those on blind images too. The lead wants
the first of SAID; when the product says that it is reached, the next; then all. Not simulated: time. Weighing is asked
for after every WEIGH_EVERY judgements, training after every TRAIN_EVERY.

BENCH_SEEDS, BENCH_BLIND (share of the images) and BENCH_UNTIL (judgements per image) choose others.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clothing import SIZE, Photographs, kept_features, photographs
from bench.common import labeler
from bench.economy import GOALS, PEOPLE, Crowd

SEEDS = (0, 1, 2, 3, 4)
BLIND = 0.10
WEIGH_EVERY, TRAIN_EVERY = 0.025, 0.075  # of the images
BATCH = 5  # images per claim, as the labeling screen asks
UNTIL = 1.3
SAID, ALL = (0.97, 0.99), 0.999  # the goals of the project, one after the other


@dataclass
class Life:
    """A project of photographs, its people, and what has been measured."""

    photos: Photographs
    seed: int
    blind: float
    project: Any = None
    users: list[Any] = field(default_factory=list)
    image_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    class_ids: list[int] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    told: dict[float, dict[str, float]] = field(default_factory=dict)  # by goal, the row in which it was said
    seconds: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        from django.contrib.auth import get_user_model

        from labeler.labeling import seats
        from labeler.models import Image, Membership, Project
        from labeler.projects import projects
        from labeler.training.features import store
        from worker.indexing.features import kept_as
        from worker.ml.networks import backbones

        people = get_user_model()
        lead, _ = people.objects.get_or_create(username="lead", is_superuser=True)
        self.project = projects.create(
            created_by=lead, name=f"Clothing {self.seed}", categories=list(self.photos.names), blind_share=self.blind,
            ask_by_gain=True, goal_right=SAID[0], most_labels=PEOPLE, consensus_method="with_model", model_fills=True,
            show_prelabels=False, train_automatically=False, training_config={"candidates": ["frozen"]},
        )  # fmt: skip
        # The same slices in each run of a seed.
        Project.objects.filter(pk=self.project.pk).update(salt=f"economy {self.seed}")
        self.project.refresh_from_db()
        self.class_ids = list(self.project.categories.in_use().values_list("pk", flat=True))
        rng = np.random.default_rng(self.seed)
        images = []
        for n in rng.permutation(len(self.photos.truth)).tolist():  # or the order of ids would tell the classes
            sha256 = hashlib.sha256(f"{self.seed}:{n}".encode()).hexdigest()
            images.append(
                Image(
                    project=self.project, name=f"{n}", sha256=sha256, extension="jpg", width=256, height=256,
                    n_bytes=1000, slice=seats.draw_slice(self.project, sha256),
                )
            )  # fmt: skip
        images = Image.objects.bulk_create(images)
        seats.enter(self.project, images)
        vectors = kept_features().astype("<f2")
        # By the name of today: a process brings those of before it once, so only the first project's.
        name = kept_as(backbones.get("efficientnet_lite0"), SIZE)
        store(name, {image.sha256: vectors[int(image.name)].tobytes() for image in images})
        self.image_ids = np.zeros(len(images), np.int64)
        for image in images:
            self.image_ids[int(image.name)] = image.pk
        for n in range(PEOPLE):
            user, _ = people.objects.get_or_create(username=f"person{n}")
            Membership.objects.create(project=self.project, user=user)
            self.users.append(user)
        Membership.objects.filter(project=self.project, user=lead).delete()

    def live(self) -> None:
        """People answer, workers look, until each goal was said to be reached, and is."""
        from labeler.labeling import claims as queue
        from labeler.labeling.labels import save_label
        from labeler.projects import projects

        crowd = Crowd(self.photos, np.random.default_rng(self.seed))
        place = {pk: n for n, pk in enumerate(self.image_ids.tolist())}
        n, made = len(place), 0
        until = float(os.environ.get("BENCH_UNTIL", UNTIL))
        weigh_at = train_at = WEIGH_EVERY * n
        while made < until * n and not (len(self.told) == len(SAID) and self.rows[-1]["right"] >= SAID[-1]):
            person = int(crowd.rng.integers(PEOPLE))
            begun = time.perf_counter()
            claims = queue.claim(project=self.project, annotator=self.users[person], count=BATCH)
            for claim in claims:
                said = crowd.says[place[claim.image_id], person]
                save_label(
                    image_id=claim.image_id, annotator=self.users[person], categories=[self.class_ids[said]],
                    seconds=2.0,
                )  # fmt: skip
            made += len(claims)
            self._took("claims and saves", begun)
            if made >= train_at:
                train_at += TRAIN_EVERY * n
                self._weigh()
                self._train()
            if made >= weigh_at or not claims:
                weigh_at = made + WEIGH_EVERY * n
                self._weigh()
                self.rows.append(self._measure(made, place))
                if self.rows[-1]["reached"] and self.project.goal_right < ALL:
                    self.told[self.project.goal_right] = self.rows[-1]
                    further = min(goal for goal in (*SAID, ALL) if goal > self.project.goal_right)
                    projects.update(project=self.project, by=self.project.created_by, changes={"goal_right": further})
                    self.project.refresh_from_db()
                    self._weigh()
            if not claims and not self._has_open():
                break

    def _took(self, what: str, begun: float) -> None:
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - begun

    def _weigh(self) -> None:
        from worker import periodic

        begun = time.perf_counter()
        if self.project.pk in periodic._weighed:
            periodic._weighed[self.project.pk].at = -1e9  # time does not pass here
        periodic.refresh_snapshots(self.project)
        self._took("weighing", begun)

    def _train(self) -> None:
        from labeler.training import runs
        from worker.training import run_report, train_run

        # Told beside a model, and nothing depends on it; it takes half of the time of a run.
        run_report.learning_curve = lambda *_args, **_more: {}  # type: ignore[assignment]
        begun = time.perf_counter()
        run = runs.request(project=self.project)
        train_run.train_run(run.pk, worker="bench")
        run.refresh_from_db()
        if run.state != "done":
            raise SystemExit(f"run {run.number} is {run.state}: {run.error}")
        self._took("training and predicting", begun)

    def _has_open(self) -> bool:
        from labeler.models import QueueEntry

        return QueueEntry.objects.filter(project=self.project, seats_left__gt=0).exists()

    def _measure(self, made: int, place: dict[int, int]) -> dict[str, float]:
        from labeler.consensus import economy_standing
        from labeler.models import Consensus

        named = Consensus.objects.filter(project=self.project, categories__len=1)
        code = {pk: at for at, pk in enumerate(self.class_ids)}
        right = sum(
            code[categories[0]] == self.photos.truth[place[pk]]
            for pk, categories in named.values_list("image", "categories")
        )
        now = economy_standing.standing(self.project)
        assert now is not None
        share = now.share_right()
        stat = share.estimate
        assert stat.value is not None and stat.low is not None and stat.high is not None and share.claimed is not None
        row = {
            "per_image": made / len(place), "right": right / len(place), "estimate": stat.value, "low": stat.low,
            "high": stat.high, "claimed": share.claimed, "checks": now.checks.right.size,
            "judged": float(now.judged.mean()),
            "reached": now.reached(self.project.goal_right),
        }  # fmt: skip
        print(
            f"    {row['per_image']:.3f}: right {row['right']:.1%}, estimate {row['estimate']:.1%} ({row['low']:.1%}-"
            f"{row['high']:.1%}), claimed {row['claimed']:.1%}, {row['checks']} checks, judged {row['judged']:.0%}",
            flush=True,
        )
        return row


def main() -> None:
    """Judgements per image until so many final labels were right, and how far off the product was when it said so."""
    seeds = [int(s) for s in os.environ.get("BENCH_SEEDS", ",".join(map(str, SEEDS))).split(",")]
    blind = float(os.environ.get("BENCH_BLIND", BLIND))
    photos = photographs()
    with labeler():
        lives = []
        for seed in seeds:
            life = Life(photos, seed, blind)
            life.begin()
            life.live()
            lives.append(life)
            print(f"seed {seed}: " + ", ".join(f"{what} {took:.0f} s" for what, took in life.seconds.items()))
            print("  needed " + ", ".join(f"{goal:.0%}: {needed(life, goal)}" for goal in GOALS), flush=True)
            print("  said " + ", ".join(f"{goal:.0%}: {said(life, goal)}" for goal in SAID), flush=True)
    inside = [row["low"] <= row["right"] <= row["high"] for life in lives for row in life.rows if row["checks"] >= 30]
    print(f"{sum(inside)} of {len(inside)} intervals held the truth (30 checks and more)")


def needed(life: Life, goal: float) -> str:
    """Judgements per image at the first look that finds so many right."""
    return next((f"{row['per_image']:.2f}" for row in life.rows if row["right"] >= goal), "-")


def said(life: Life, goal: float) -> str:
    """When the product first said so, and what was true then."""
    told = life.told.get(goal)
    if told is None:
        return "-"
    off = 100 * (told["estimate"] - told["right"])
    return f"{told['per_image']:.2f} ({told['right']:.1%} right, off by {off:+.1f})"


if __name__ == "__main__":
    main()
