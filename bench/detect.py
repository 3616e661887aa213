"""How well a model finds objects after 20, 50, 100 and 200 images, and what that costs: four sets, several seeds.

`python -m bench detect` measures what BENCH_SETS (all of drawn_sets), BENCH_IMAGES (20,50,100,200) and BENCH_SEEDS (3)
say; all of it takes hours on two cores. Judged on 80 images that took no part in the run, with a 95 % interval by
images: AP50 of boxes, of masks, or mIoU of what was promoted, as a person would get it; and of each candidate on the
part of the training images that it had not seen.

BENCH_KEEP: a file of JSON Lines to which each run is added; what is in it is not run again, so that the hours may be
spread. Before the first run of a set it is measured how long a step of each candidate takes, and added too; every run
plans its steps by that, so that a busy or slower machine adds the same. Measure on idle cores: BENCH_SEEDS=0 does
that alone.

BENCH_PAGE: an HTML file with a chart of each set. BENCH_PICTURES: a folder for fifty images of each run, with what the
model shows and what people drew.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import torch
from django.conf import settings
from numpy.typing import NDArray

from bench import drawn_pictures, drawn_sets
from bench.common import hardware
from labeler.charts.lines import Series, line_chart
from labeler.train_settings import Augmentation, TrainConfig
from labeler.wording.sentences import chart_words
from worker.ml.detection import detector, learning_curve
from worker.ml.detection.samples import DrawnSet, Found, nothing, split
from worker.ml.detection.train import CANDIDATES, JUDGED_SHARE, MOST_JUDGED, Candidate, DrawnResult, DrawnRun
from worker.ml.device import all_cores, pick_device
from worker.ml.distributed.torchrun import learner_of
from worker.ml.evaluation.objects import ap50_resampled, thresholds
from worker.ml.evaluation.pixel_figures import miou_resampled
from worker.ml.segmentation import run as segmentation
from worker.ml.segmentation import segmenter
from worker.ml.segmentation.run import PixelRun

T = TypeVar("T")
JUDGED, REPLICATES, LOOKED_AT = 80, 400, 50
GOALS = {("blood_cells", 50): 0.75, ("blood_cells", 200): 0.85, ("chess", 200): 0.85, ("nuclei", 200): 0.75,
         ("facades", 200): 0.40, ("facade_pixels", 200): 0.50}  # fmt: skip
FIGURES = {"boxes": "AP50", "masks": "AP50 of masks", "semantic": "mIoU"}
TITLES = CANDIDATES | segmentation.CANDIDATES
STYLE = Path(__file__).parents[1] / "static" / "css"


def main() -> None:
    sets = os.environ.get("BENCH_SETS", ",".join(drawn_sets.TASKS)).split(",")
    sizes = [int(n) for n in os.environ.get("BENCH_IMAGES", "20,50,100,200").split(",")]
    seeds = range(int(os.environ.get("BENCH_SEEDS", "3")))
    kept = Path(os.environ["BENCH_KEEP"]) if "BENCH_KEEP" in os.environ else None
    lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept and kept.exists() else []
    rows = [line for line in lines if "value" in line]
    speeds = {(line["set"], line["candidate"]): line["step_s"] for line in lines if "step_s" in line}
    learning_curve.FEWEST = 10**9  # the curve that a run draws of itself is not judged here, and takes a fifth
    print(f"{JUDGED} other images judge. {hardware()}")
    for name in sets:
        samples = drawn_sets.read(name)
        if samples is None:
            print(f"{name}: LABELER_TEST_DATA does not hold it.")
            continue
        with planned_alike(name, speeds, kept):
            measure(name, samples, max(sizes), speeds)
            for n in sizes:
                for seed in seeds:
                    if not any((row["set"], row["n"], row["seed"]) == (name, n, seed) for row in rows):
                        rows.append(one_run(name, samples, n, seed))
                        _keep(kept, rows[-1])
                if these := [row for row in rows if (row["set"], row["n"]) == (name, n)]:
                    _print(name, n, these)
        if name == "facades":
            strips, second = drawn_sets.drawn_twice()
            value, low, high = _judged(strips, second, np.random.default_rng(0))
            print(f"facades: a second drawing of {len(strips)} strips reaches {value:.3f} ({low:.3f} to {high:.3f})")
    if "BENCH_PAGE" in os.environ:
        Path(os.environ["BENCH_PAGE"]).write_text(page(rows))


def _keep(kept: Path | None, row: dict[str, Any]) -> None:
    if kept:
        with kept.open("a") as file:
            file.write(json.dumps(row) + "\n")


@contextmanager
def planned_alike(name: str, speeds: dict[tuple[str, str], float], kept: Path | None) -> Iterator[None]:
    """Runs on images of this set plan their steps by the speed that was measured first; a new one is kept."""
    measured = DrawnRun._seconds_of_step

    def known(run: DrawnRun, candidate: Candidate, *about: Any) -> float:
        if (key := (name, candidate.name)) not in speeds:
            speeds[key] = statistics.median(measured(run, candidate, *about) for _ in range(3))
            _keep(kept, {"set": name, "candidate": candidate.name, "step_s": speeds[key], "hardware": hardware()})
        return speeds[key]

    with mock.patch.object(DrawnRun, "_seconds_of_step", known):
        yield


def measure(name: str, samples: DrawnSet, n: int, speeds: dict[tuple[str, str], float]) -> None:
    """Plan the candidates of the first seed, which measures the speed of those that are not known."""
    candidates = segmentation.CANDIDATES if samples.task == "semantic" else CANDIDATES
    if all((name, candidate) in speeds for candidate in candidates):
        return
    part, config, device = _part(name, samples, n, 0)
    with all_cores(device):
        run = (PixelRun if samples.task == "semantic" else DrawnRun)(part, config, device, None)
        data, _ = _outcome(run._read())
        learn, _ = split(run.samples, config.seed, share=JUDGED_SHARE, most=MOST_JUDGED)
        for candidate in run.candidates:
            _outcome(run._plan(candidate, run._network(candidate), data, learn))


def _part(name: str, samples: DrawnSet, n: int, seed: int) -> tuple[DrawnSet, TrainConfig, torch.device]:
    """n images to learn from, and how."""
    _, rest = drawn_sets.halves(samples, JUDGED, seed)
    config = TrainConfig(seed=seed, augmentation=Augmentation(flip_vertical=name in drawn_sets.UPSIDE_DOWN))
    return samples.some(rest[:n]), config, pick_device()


def _outcome(steps: Generator[Any, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def one_run(name: str, samples: DrawnSet, n: int, seed: int) -> dict[str, Any]:
    """Train on n images and judge on others; JSON-ready."""
    test = samples.some(drawn_sets.halves(samples, JUDGED, seed)[0])
    part, config, device = _part(name, samples, n, seed)
    begun, result = time.monotonic(), None
    for event in learner_of(part)(part, config, device=device):
        result = event if isinstance(event, DrawnResult) else None
    assert result is not None
    seconds = time.monotonic() - begun
    kind = segmenter if samples.task == "semantic" else detector
    finder = kind.from_parts(result.weights, result.recipe, config.backbone, device)
    with all_cores(device):
        begun = time.monotonic()
        found = [one or nothing(masks=test.task != "boxes") for _, one in finder.find(test.sources, test.sizes)]
        find_ms = 1000 * (time.monotonic() - begun) / len(test)
    if "BENCH_PICTURES" in os.environ:
        shown = _shown(part, result, found)
        drawn_pictures.sheets(Path(os.environ["BENCH_PICTURES"]), f"{name}-{n}-{seed}", test, shown, LOOKED_AT)
    figure = "miou" if samples.task == "semantic" else "ap50"
    value, low, high = _judged(test, found, np.random.default_rng(seed))
    return {
        "set": name, "task": samples.task, "n": n, "seed": seed, "value": value, "low": low, "high": high,
        "judged": len(test), "seconds": round(seconds, 1), "find_ms": round(find_ms, 1), "chosen": result.candidate,
        "candidates": {row["candidate"]: row.get(figure) for row in result.comparison}, "hardware": hardware(),
    }  # fmt: skip


def _shown(part: DrawnSet, result: DrawnResult, found: list[Found]) -> list[Found]:
    """What a person would see of it."""
    if part.task == "semantic":
        return found
    apart = np.array([k for k, one in enumerate(result.out_of_fold) if one is not None])
    judge, said = part.some(apart), [one for one in result.out_of_fold if one is not None]
    shown_from = thresholds(
        judge.drawn, said, judge.sizes, len(part.categories), by_masks=part.task == "masks",
        wish=result.config.drawing.wish,
    )  # fmt: skip
    return [_those(one, one.probabilities >= shown_from[one.classes]) for one in found]


def _those(found: Found, kept: NDArray[np.bool_]) -> Found:
    shapes = None if found.masks is None else tuple(found.masks[k] for k in np.flatnonzero(kept))
    return Found(found.boxes[kept], found.classes[kept], found.probabilities[kept], shapes)


def _judged(test: DrawnSet, found: list[Found], rng: np.random.Generator) -> tuple[float, float, float]:
    """The figure, and its 95 % interval by resampling images."""
    n = len(test)
    weights = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), REPLICATES)])
    about = test.drawn, found
    if test.task == "semantic":
        values = miou_resampled(*about, test.sizes, len(test.categories), weights)
    else:
        by_masks = test.task == "masks"
        values = ap50_resampled(*about, len(test.categories), test.sizes, weights, by_masks=by_masks)
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return round(float(values[0]), 4), round(float(low), 4), round(float(high), 4)


def _print(name: str, n: int, rows: list[dict[str, Any]]) -> None:
    reached = [row["value"] for row in rows]
    goal = GOALS.get((name, n))
    spread = f"{min(reached):.3f} to {max(reached):.3f}"
    figure = FIGURES[rows[0]["task"]]
    told = [f"{name}, {n} images: {figure} median {statistics.median(reached):.3f} ({spread}, n {len(rows)} seeds)"]
    told += [f"by images {rows[0]['low']:.3f} to {rows[0]['high']:.3f} (seed {rows[0]['seed']})"]
    told += [f"goal {goal:.2f}"] if goal else []
    told.append(f"{np.median([row['seconds'] for row in rows]):.0f} s to train, without its own curve")
    told.append(f"{np.median([row['find_ms'] for row in rows]):.0f} ms an image to find")
    print("; ".join(told), flush=True)
    for candidate in rows[0]["candidates"]:
        known = [row["candidates"][candidate] for row in rows if row["candidates"].get(candidate) is not None]
        if known:
            chosen = sum(row["chosen"] == candidate for row in rows)
            print(f"    {candidate}: {statistics.median(known):.3f} on its own judged part, chosen {chosen} times")


# ---------------------------------------------------------------- charts


def page(rows: list[dict[str, Any]]) -> str:
    """A page with a chart for each set: what was promoted, on other images, and the candidates on their own part."""
    settings.configure(USE_I18N=False)
    style = "\n".join(path.read_text() for path in sorted(STYLE.glob("*.css")))
    charts = "".join(_chart(name, [row for row in rows if row["set"] == name]) for name in drawn_sets.TASKS)
    style += "main {display: grid; grid-template-columns: 1fr 1fr; gap: 24px; padding: 24px}"
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><main>{charts}</main>'


def _chart(name: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    sizes = sorted({row["n"] for row in rows})
    at = {n: [row for row in rows if row["n"] == n] for n in sizes}
    middle = [(float(n), statistics.median(row["value"] for row in at[n])) for n in sizes]
    band = [(float(n), min(row["low"] for row in at[n]), max(row["high"] for row in at[n])) for n in sizes]
    lines = [Series("what was promoted, on other images", middle, band)]
    candidates = list(rows[0]["candidates"])[1:]  # the first only prepares the others
    for candidate, tone in zip(candidates, ("l2", "l3"), strict=False):
        known = {n: [value for row in at[n] if (value := row["candidates"].get(candidate)) is not None] for n in sizes}
        points = [(float(n), statistics.median(known[n]) if known[n] else None) for n in sizes]
        lines.append(Series(TITLES[candidate].title, points, tone=tone, dashed=True))  # type: ignore[arg-type]
    seeds = max(len(at[n]) for n in sizes)
    figure = FIGURES[rows[0]["task"]]
    sentence = f"{figure} from {sizes[0]} to {sizes[-1]} images, {seeds} seeds at most."
    return f"<section><h2>{name}</h2>" + line_chart(
        name, sentence, lines, words=chart_words(), x_name="images to learn from", y_name=figure,
        x_ticks=[(float(n), str(n)) for n in sizes], y_range=(0.0, 1.0),
    ) + "</section>"  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
