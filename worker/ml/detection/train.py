"""One training run of a model that draws: try the candidates on the same images, keep the best, train it on all.

Read from top to bottom it is the order of events. Semantic segmentation has candidates of its own
(worker/ml/segmentation). Does not know where answers come from or where results go.

Candidates are judged on one part of the images, not in five folds: a detector's training takes minutes. The next
candidate goes on from the one before, and the model that is kept goes on from its judged self, now with all images.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeler.stats.results import Reason
from labeler.train_settings import TrainConfig
from worker.ml.detection import canvas as canvases
from worker.ml.detection import learning_curve
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.detector import Detector
from worker.ml.detection.fit import Data, Plan, Step, data_of, fit
from worker.ml.detection.learning_curve import Points
from worker.ml.detection.network import ROOM, Network, levels_of
from worker.ml.detection.samples import Drawn, DrawnSet, Found, split
from worker.ml.device import all_cores, is_out_of_memory, to_device
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite, OneCategoryOnly, OutOfMemory, TooFewLabels, WeightsMissing
from worker.ml.evaluation.objects import ap50, ap50_resampled
from worker.ml.networks import backbones
from worker.ml.networks.network import Staged
from worker.ml.saved.storage import Stages, fingerprint
from worker.ml.training.run import Progress, Skipped

VERSION = 3  # raise it when stored stages of older code must not be taken up
MIN_IMAGES = 20
JUDGED_SHARE, MOST_JUDGED = 0.25, 120  # of the images, by which candidates are compared
TIME_LIMIT_S = {"cpu": 120.0, "cuda": 600.0}  # of a candidate, where the settings have none
MOST_EPOCHS, FEWEST_STEPS = 100, 60  # so that the first model, from 20 images, is there within three minutes
HEAD_RATE, TRUNK_RATE = 5.0, 0.6  # times the step size of the settings: heads begin at nothing, and steps are few
MEASURED = 8  # steps, to see how fast this machine is
BATCH = {"cpu": 4, "cuda": 16}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to find objects. share: of the time limit."""

    name: str
    title: str
    trains_trunk: bool
    two_stage: bool
    share: float


CANDIDATES = {
    one.name: one
    for one in (
        Candidate("heatmap", "One stage (as SSD, YOLO), on the published network", False, False, 0.2),
        Candidate("heatmap.finetuned", "One stage, the network trained further", True, False, 1.3),
        Candidate("two_stage", "Two stages (as Faster R-CNN), the network trained further", True, True, 0.4),
    )
}


@dataclass(frozen=True)
class DrawnResult:
    """The outcome of a run. recipe: with the weights, all that detector.from_parts needs."""

    candidate: str
    weights: dict[str, Tensor]
    recipe: dict[str, Any]
    comparison: list[dict[str, Any]]  # one row per candidate, JSON-ready
    history: dict[str, Any]  # candidate -> curve, JSON-ready
    out_of_fold: list[Found | None]  # what the chosen one found before it saw the image; None: it learned from it
    skipped: dict[int, str]  # position -> reason: images that could not be read
    seconds: dict[str, float]  # stage -> wall time
    config: TrainConfig
    task: str
    categories: tuple[Any, ...]
    n_labels: int
    out_of_fold_of: dict[str, list[Found | None]] = field(default_factory=dict)
    learning: Points | Reason | None = None  # what fewer images gave, or why that is not known


def train(
    samples: DrawnSet, config: TrainConfig, *, device: torch.device, state_dir: Path | None = None
) -> Iterator[Progress | DrawnResult]:
    """Train on `samples`; yields Progress, at last a result. Stop iterating to cancel.

    state_dir: what is done is kept there and taken up by the same run started anew; the caller deletes it at the end.
    Raises TooFewLabels, OneCategoryOnly (nothing is drawn on any image), LossNotFinite or OutOfMemory.
    """
    if len(samples) < MIN_IMAGES:
        raise TooFewLabels(len(samples), MIN_IMAGES)
    if not any(len(drawn) for drawn in samples.drawn):
        raise OneCategoryOnly("Nothing is drawn on any of the images: draw objects on a few first.")
    with all_cores(device):
        yield from DrawnRun(samples, config, device, state_dir).events()


class DrawnRun:
    """What the steps of one run share. Segmentation has another network, another figure and other candidates."""

    figure = "ap50"  # by which candidates are compared
    refit_share = 0.45  # of the time limit of a candidate
    plain = Candidate("heatmap", "", False, False, 0.0)  # of the learning curve
    finder: type[Detector] = Detector

    def __init__(self, samples: DrawnSet, config: TrainConfig, device: torch.device, state_dir: Path | None) -> None:
        self.everything, self.samples, self.config, self.device = samples, samples, config, device
        self.backbone = backbones.get(config.backbone)
        self.canvas: Canvas = self.choose_canvas()
        self.limit = config.time_limit_s or TIME_LIMIT_S.get(device.type, TIME_LIMIT_S["cpu"])
        self.candidates = self.candidates_of(config)
        self._titles = {one.name: one.title for one in self.candidates}
        self.masks = samples.task in ("masks", "polygons")
        print_of = fingerprint(
            VERSION, torch.__version__, config.to_json(), device.type, samples.task, samples.sizes,
            *(part for drawn in samples.drawn for part in (drawn.boxes, drawn.classes, drawn.weights)),
        )  # fmt: skip
        self.stages = Stages(state_dir, print_of)
        self.seconds: dict[str, float] = {}
        shares = sum(one.share for one in self.candidates) + self.refit_share + learning_curve.time_share(samples)
        self.done_s, self.total_s = 0.0, shares * self.limit

    def choose_canvas(self) -> Canvas:
        """How images go in."""
        return canvases.choose(self.samples, self.device.type, self.config.drawing.size)

    def candidates_of(self, config: TrainConfig) -> list[Candidate]:
        """In their order: each goes on from the one before."""
        return [CANDIDATES[name] for name in CANDIDATES if name in config.drawing.candidates]

    def reached(self, judge: NDArray[np.int64], found: list[Found]) -> float | None:
        """The figure of a candidate on the images that judge it."""
        truth, sizes = [self.samples.drawn[k] for k in judge], self.samples.sizes[judge]
        return ap50(truth, found, len(self.samples.categories), sizes, by_masks=self.masks)

    def figures(self, judge: NDArray[np.int64], found: list[Found], weights: NDArray[Any]) -> NDArray[np.float64]:
        """The same (B,) with these images counted as often as weights (B, n) say; NaN where nothing is to be found."""
        truth, sizes = [self.samples.drawn[k] for k in judge], self.samples.sizes[judge]
        return ap50_resampled(truth, found, len(self.samples.categories), sizes, weights, by_masks=self.masks)

    def build(self, trunk: Staged, candidate: Candidate, first_stage: int) -> Network:
        """A network whose stages from first_stage on are trained."""
        frozen = backbones.frozen(self.backbone, self.device) if first_stage else None
        return Network(
            trunk, frozen, first_stage, len(self.samples.categories), stride=self.canvas.stride, masks=self.masks,
            two_stage=candidate.two_stage, twice=bool(self.canvas.large), room=ROOM,
        )  # fmt: skip

    def labels(self) -> NDArray[np.uint8] | None:
        """Canvases of class positions, where pixels are told."""
        return None

    def events(self) -> Iterator[Progress | DrawnResult]:
        data, skipped = yield from self._read()
        learn, judge = split(self.samples, self.config.seed, share=JUDGED_SHARE, most=MOST_JUDGED)
        rows: list[dict[str, Any]] = []
        history: dict[str, Any] = {}
        found_by: dict[str, list[Found]] = {}
        best: tuple[float, Candidate, Network, Plan] | None = None
        failure: Exception | None = None
        for candidate in self.candidates:
            row = {"candidate": candidate.name, "title": candidate.title, "tried": False, "chosen": False}
            rows.append(row | {"reason": None})
            before = best[2] if best else None
            begun = time.monotonic()
            try:
                network, plan, curve = yield from self._fit(candidate, data, learn, before)
            except (Skipped, LossNotFinite, OutOfMemory) as error:
                rows[-1]["reason"], failure = str(error), error
                continue
            found = yield from self._find(candidate, network, data, judge)
            reached = process_group.agree(self.reached(judge, found))  # or one process could go on with another one
            seconds = round(time.monotonic() - begun, 1)
            rows[-1] |= {
                "tried": True, "seconds": seconds, "n": len(judge), self.figure: reached,
                "settings": {
                    **asdict(plan), **self.canvas.to_json(), "first_stage": network.first_stage,
                    "goes_on_from": best[1].name if best else None,
                },
            }  # fmt: skip
            history[candidate.name] = {"x": "epoch", "points": curve}
            found_by[candidate.name] = found
            if best is None or (reached or 0.0) > best[0]:
                best = (reached or 0.0, candidate, network, plan)
            else:
                rows[-1]["reason"] = "Not better on the images that none of them has learned from."
        if best is None:
            raise failure or ValueError("no candidate was tried")
        next(row for row in rows if row["candidate"] == best[1].name)["chosen"] = True
        network = yield from self._refit(best[1], best[2], best[3], data)
        learning = yield from self._learning(data)
        kept = np.setdiff1d(np.arange(len(self.everything)), list(skipped))
        out_of_fold_of: dict[str, list[Found | None]] = {}
        for name, found in found_by.items():
            out_of_fold_of[name] = [None] * len(self.everything)
            for k, one in zip(judge, found, strict=True):
                out_of_fold_of[name][int(kept[k])] = one
        yield DrawnResult(
            candidate=best[1].name, weights={k: v.cpu() for k, v in network.state_dict().items()},
            recipe=self.recipe(best[1], network), comparison=rows, history=history,
            out_of_fold=out_of_fold_of[best[1].name], skipped=skipped, seconds=self.seconds, config=self.config,
            task=self.samples.task, categories=tuple(self.samples.categories), n_labels=len(self.samples),
            out_of_fold_of=out_of_fold_of, learning=learning,
        )  # fmt: skip

    def recipe(self, candidate: Candidate, network: Network) -> dict[str, Any]:
        return {
            "kind": "detector", "canvas": self.canvas.to_json(), "first_stage": network.first_stage,
            "n_classes": len(self.samples.categories), "masks": self.masks, "two_stage": candidate.two_stage,
            "mask_room": ROOM,
        }  # fmt: skip

    def _read(self) -> Generator[Progress, None, tuple[Data, dict[int, str]]]:
        n, begun = len(self.samples), time.monotonic()
        pixels: NDArray[np.uint8] | None = None
        skipped: dict[int, str] = {}
        for done, some, failed in canvases.read_all(self.canvas, self.samples):
            yield self._progress("decode", f"Reading the images ({done} of {n})", done, n, 0.0)
            pixels, skipped = some, failed
        assert pixels is not None
        if skipped:
            kept = np.setdiff1d(np.arange(n), list(skipped))
            self.samples, pixels = self.samples.some(kept), pixels[kept]
            if len(kept) < MIN_IMAGES:
                raise TooFewLabels(len(kept), MIN_IMAGES)
        self.seconds["decode"] = round(time.monotonic() - begun, 2)
        data = data_of(self.samples, self.canvas, pixels, self.backbone.offset, self.backbone.scale)
        return replace(data, labels=self.labels()), skipped

    def _progress(
        self, stage: str, text: str, done: int, total: int, share: float, line: dict[str, Any] | None = None
    ) -> Progress:
        overall = min(0.99, 0.03 + 0.97 * (self.done_s + share) / self.total_s)
        return Progress(stage, text, done, total, round(overall, 4), line)

    def _network(self, candidate: Candidate) -> Network:
        trunk = backbones.load(self.backbone)
        if not trunk.has_maps:
            raise WeightsMissing(f"{self.backbone.name} has no maps to draw on: choose another network.")
        levels = [level for level in levels_of(trunk) if level[0] >= self.canvas.stride]
        last, second = levels[-1][1], levels[0][1]
        # On a CPU the first stages stay: a third of the time, and they hold what every image set needs.
        cut = last if not candidate.trains_trunk else 0 if self.device.type != "cpu" else min(second, 4)
        if cut:  # before the seed is set: a process builds it once, and draws numbers for it
            backbones.frozen(self.backbone, self.device)
        torch.manual_seed(self.config.seed)
        return to_device(self.build(trunk, candidate, cut), self.device)

    def _fit(
        self, candidate: Candidate, data: Data, learn: NDArray[np.int64], before: Network | None
    ) -> Generator[Progress, None, tuple[Network, Plan, list[dict[str, Any]]]]:
        network = self._network(candidate)
        if before is not None:  # the heads, and the stages that both train
            own = network.state_dict()
            fitting = {k: v for k, v in before.state_dict().items() if k in own and own[k].shape == v.shape}
            network.load_state_dict(fitting, strict=False)
        plan = yield from self._plan(candidate, network, data, learn)
        curve = yield from self._train(candidate.name, network, data, learn, plan, candidate.share * self.limit)
        return network, plan, curve

    def _plan(
        self, candidate: Candidate, network: Network, data: Data, learn: NDArray[np.int64]
    ) -> Generator[Progress, None, Plan]:
        """As many steps as fit into the time limit, by a short measurement; a run taken up keeps its plan."""
        kept = self.stages.load(f"{candidate.name}-plan")
        if kept is not None:
            return Plan(**kept[1])
        yield self._progress("measure", "Measuring how fast this machine trains", 0, 1, 0.0)
        tune, batch = self.config.finetune, min(BATCH.get(self.device.type, 8), len(learn))
        heads, trunk = HEAD_RATE * tune.learning_rate, TRUNK_RATE * tune.learning_rate
        plan = Plan(MEASURED, batch, heads, trunk, min(tune.weight_decay, 0.05), self.config.seed)
        each = self._seconds_of_step(candidate, network, data, learn, plan)
        most = MOST_EPOCHS * len(learn) // batch
        steps = int(min(candidate.share * self.limit / each, most))
        if steps < FEWEST_STEPS and candidate is not self.candidates[0]:  # a run always has one model
            raise Skipped(
                f"In the time limit of {candidate.share * self.limit:.0f} s it could make {steps} steps; "
                f"{FEWEST_STEPS} are the least."
            )
        plan = replace(plan, steps=max(steps, FEWEST_STEPS))
        self.stages.save(f"{candidate.name}-plan", {}, asdict(plan))
        return plan

    def _seconds_of_step(
        self, candidate: Candidate, network: Network, data: Data, images: NDArray[np.int64], plan: Plan
    ) -> float:
        """Of one step on this machine, as busy as it is now; the network is as before."""
        state = {key: value.clone() for key, value in network.state_dict().items()}
        times, begun = [], time.monotonic()
        for _ in self._steps(network, data, images, plan, candidate.name, every=True):
            times.append(time.monotonic() - begun)
            begun = time.monotonic()
        network.load_state_dict(state)
        return process_group.agree(float(np.median(times[-3:])))  # the first ones take longer

    def _steps(
        self, network: Network, data: Data, images: NDArray[np.int64], plan: Plan, name: str, *, every: bool = False
    ) -> Iterator[Step]:
        stages = Stages(None, "") if every else self.stages
        try:
            yield from fit(network, data, images, plan, self.config.augmentation, self.device, stages, name)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory("The memory does not suffice for this detector: choose fewer px.") from error

    def _train(
        self, name: str, network: Network, data: Data, images: NDArray[np.int64], plan: Plan, seconds: float
    ) -> Generator[Progress, None, list[dict[str, Any]]]:
        text = "Training on all images" if name == "refit" else f"Training: {self._titles[name]}"
        stage = "refit" if name == "refit" else "finetune"
        curve, begun = [], time.monotonic()
        for step in self._steps(network, data, images, plan, name):
            line = None if step.line is None else {"candidate": name, "fold": 0} | step.line
            if step.line is not None:
                curve.append(step.line)
            yield self._progress(stage, text, step.done, step.total, seconds * step.done / step.total, line)
        self.done_s += seconds
        self.seconds[name] = round(time.monotonic() - begun, 2)
        return curve

    def _find(
        self, candidate: Candidate, network: Network, data: Data, judge: NDArray[np.int64]
    ) -> Generator[Progress, None, list[Found]]:
        detector = self.finder(network, self.canvas, self.backbone.name, self.device)
        found: list[Found] = []
        for start in range(0, len(judge), 8):
            yield self._progress("judge", "Judging it on images that it has not seen", start, len(judge), 0.0)
            some = judge[start : start + 8]
            found += detector.on_canvases(data.pixels[some], self.samples.sizes[some])
        return found

    def _refit(
        self, candidate: Candidate, network: Network, plan: Plan, data: Data
    ) -> Generator[Progress, None, Network]:
        """Goes on from what was judged, half as long at most, with the images that judged it too."""
        everything = np.arange(len(self.samples))
        steps = max(FEWEST_STEPS, int(plan.steps * min(0.5, self.refit_share / candidate.share)))
        again = replace(
            plan, steps=steps, head_rate=plan.head_rate / 2, trunk_rate=plan.trunk_rate / 2, seed=plan.seed + 1
        )
        yield from self._train("refit", network, data, everything, again, self.refit_share * self.limit)
        return network

    def _learning(self, data: Data) -> Generator[Progress, None, Points | Reason]:
        """What fewer images give, by heads on the published network."""
        seconds = learning_curve.time_share(self.samples) * self.limit
        begun = time.monotonic()
        found = yield from learning_curve.points(
            self._network(self.plain),
            lambda network: self.finder(network, self.canvas, self.backbone.name, self.device),
            data, self.samples, self.config, self.plain.name, self.figure, self.figures, seconds=seconds,
            batch=BATCH.get(self.device.type, 8), device=self.device, stages=self.stages,
            tell=lambda text, share: self._progress("curve", text, round(100 * share), 100, seconds * share),
        )  # fmt: skip
        self.done_s += seconds
        self.seconds["curve"] = round(time.monotonic() - begun, 2)
        return found


def empty() -> Drawn:
    """An image on which people said that nothing is there."""
    return Drawn(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
