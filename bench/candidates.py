"""How right each candidate is, and what it costs: on clothing, and on drawn signs that no pretrained network has seen.

`python -m bench candidates` takes about half an hour on one core, `python -m bench.candidates signs frozen scratch`
does only the signs and only those candidates; `python -m bench.candidates choices` lets whole runs choose on drawn
signs at 50 to 500 labels, three seeds or those that are named. Each is judged by its own cross-validation and, fitted
to all labels, on images that took no part.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bench.common import hardware
from labeler.train_settings import CANDIDATES
from worker.ml.device import describe_device, pick_device, settle_process
from worker.ml.evaluation.compare import scores
from worker.ml.images.tensors import decode
from worker.ml.networks import backbones, features
from worker.ml.saved import checkpoint, predict
from worker.ml.saved.scorers import Batch, build
from worker.ml.training import train as training
from worker.ml.training.run import Run, Skipped, TrainingSet
from worker.ml.training.settings import read_settings

LABELS, OTHERS, SEEDS = 200, 600, 3
Images = tuple[list[Any], NDArray[np.int64], list[str]]  # sources, truth, names of the classes


def clothing(n: int, seed: int) -> Images | None:
    """n random photographs of ten kinds of clothes, or None where LABELER_TEST_DATA does not name any."""
    folder = Path(os.environ.get("LABELER_TEST_DATA", "")) / "clothing"
    paths = sorted(folder.glob("*/*.jpg"))
    if len(paths) < n:
        return None
    names, truth = np.unique([path.parent.name for path in paths], return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(paths))[:n]
    return [paths[i] for i in chosen], truth[chosen], names.tolist()


# What a run would decide by the speed of the machine. The classical candidates take their first setting.
FIXED = {
    "time_limit_s": 3600, "search": {"settings": 1}, "scratch": {"epochs": 40},
    "finetune": {"first_stage": 12, "views": 4, "epochs": 10},
}  # fmt: skip
NOISE_STROKES = 2  # in every image, that mean nothing
# Each sign is three strokes between the nine points of a 3 x 3 grid, numbered row by row.
SIGNS = ("01 14 47", "03 34 45", "24 46 67", "06 63 34", "17 74 45", "02 24 47", "08 84 43", "13 35 57", "15 53 37",
         "28 84 41")  # fmt: skip


def signs(n: int, seed: int) -> Images:
    """n drawn signs of ten kinds: thin strokes on noise, a little turned and moved, with strokes that mean nothing."""
    rng = np.random.default_rng(1000 + seed)
    truth = rng.integers(0, len(SIGNS), n)
    return [_sign(SIGNS[kind], rng) for kind in truth], truth, [f"sign {k}" for k in range(len(SIGNS))]


def _sign(strokes: str, rng: np.random.Generator, side: int = 128) -> bytes:
    grey, ink = rng.integers(30, 90), rng.integers(170, 240)
    noise = np.repeat(rng.normal(grey, 25, (side, side, 1)), 3, 2)
    image = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(1))
    draw = ImageDraw.Draw(image)
    colour = (int(ink),) * 3
    angle, scale = np.deg2rad(rng.uniform(-12, 12)), side * rng.uniform(0.28, 0.36)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    middle = side / 2 + rng.uniform(-0.07, 0.07, 2) * side
    for start, end in strokes.split():
        points = [middle + turn @ np.array([int(p) % 3 - 1, int(p) // 3 - 1]) for p in (start, end)]
        draw.line([tuple(p) for p in points], fill=colour, width=7)
    for _ in range(NOISE_STROKES):
        start = rng.uniform(0, side, 2)
        draw.line([tuple(start), tuple(start + rng.uniform(-0.25, 0.25, 2) * side)], fill=colour, width=7)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def measure(
    images: Images, n_labels: int, names: Collection[str], seed: int, say: Callable[[str], None], *, flip: bool
) -> dict[str, tuple[float, float, float]]:
    """Candidate -> (share right by cross-validation, on the other images, seconds) of one seed."""
    sources, truth, classes = images
    device, backbone = pick_device(), backbones.EFFICIENTNET_LITE0
    found = np.concatenate([part.features for part in features.embed(sources, backbone, device)])
    config = read_settings({"candidates": list(CANDIDATES), "seed": seed, "augmentation": {"flip": flip}} | FIXED)
    learn = TrainingSet(found[:n_labels], truth[:n_labels], classes, sources=sources[:n_labels])
    pixels = np.stack([decode(source, size=256) for source in sources])
    run = training._prepare(learn, config, device, pixels[:n_labels], None)
    run.candidates.update({name: training.CANDIDATES[name]() for name in config.candidates})
    judge = Batch(backbone, device, config.image_size, found[n_labels:], pixels[n_labels:])
    for source in {name.partition(".")[0] for name in names if "." in name}:
        judge.measured(source)  # kept there, so that no candidate's seconds hold it
    results = {}
    for name in names:
        begun = time.monotonic()
        try:
            results[name] = (*_one(run, name, judge, truth[n_labels:]), time.monotonic() - begun)
            say(f"{name}: {results[name][0]:.3f} {results[name][1]:.3f}, {results[name][2]:.1f} s")
        except Skipped as reason:
            say(f"{name}: {reason}")
    return results


def _one(run: Run, name: str, judge: Batch, truth: NDArray) -> tuple[float, float]:
    candidate = run.candidates[name]
    reason = candidate.why_not(run)
    if reason is not None:
        raise Skipped(reason)
    run.judged[name] = _end_of(candidate.cross_validate(run))
    crossed = scores(run.judged[name].probabilities, run.soft, run.task).mean()
    trained = _end_of(candidate.refit(run))
    scorer = build(
        trained.recipe, trained.weights, backbone=judge.backbone, first_stage=trained.first_stage,
        n_categories=run.soft.shape[1], task=run.task, device=run.device,
    )  # fmt: skip
    return float(crossed), float((scorer.logits(judge).argmax(1) == truth).mean())


def choices(seeds: Iterable[int], sizes: Iterable[int] = (50, 100, 200, 500)) -> None:
    """Drawn signs: which candidate a run chooses at each size, and how right that one is on OTHERS."""
    device, names = pick_device(), ["frozen", "svm", "scratch", "ensemble"]
    print("\n| drawn signs, labels | seed | right by cross-validation | chosen | right on others | seconds |")
    print("|---|---|---|---|---|---|")
    for size, seed in itertools.product(sizes, seeds):
        sources, truth, classes = signs(size + OTHERS, seed)
        parts = features.embed(sources, backbones.EFFICIENTNET_LITE0, device)
        found = np.concatenate([part.features for part in parts])
        given = TrainingSet(found[:size], truth[:size], classes, sources=sources[:size])
        config = read_settings({"candidates": names, "augmentation": {"flip": False}, **FIXED})
        begun = time.process_time()
        *_, result = training.train(given, config, device=device)
        assert isinstance(result, training.Result)
        made = checkpoint.from_result(result, [{"id": k, "name": name} for k, name in enumerate(classes)])
        said = predict.predict(predict.from_checkpoint(made, device), features=found[size:], sources=sources[size:])
        tried = (f"`{row['candidate']}` {row['accuracy']['value']:.3f}" for row in result.comparison if row["tried"])
        right = (said.argmax(1) == truth[size:]).mean()
        print(f"| {size} | {seed} | {', '.join(tried)} | `{result.candidate}` | {right:.3f} "
              f"| {time.process_time() - begun:.0f} CPU |", flush=True)  # fmt: skip


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _end_of(work: Any) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def main(arguments: list[str] | None = None) -> None:
    """Print a table per set of images: mean and range over the seeds."""
    settle_process()
    given = arguments or []
    if "choices" in given:
        choices([int(word) for word in given if word.isdigit()] or range(SEEDS))
        return
    sets: dict[str, Callable[[int, int], Images | None]] = {"clothing": clothing, "signs": signs}
    names = [name for name in CANDIDATES if name in given] or list(CANDIDATES)
    print(f"{describe_device(pick_device())}; {hardware()}; {LABELS} labels, {OTHERS} other images, {SEEDS} seeds")
    for title, draw in sets.items():
        if given and title not in given and set(given) & sets.keys():
            continue
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(SEEDS):
            images = draw(LABELS + OTHERS, seed)
            if images is None:
                print(f"{title}: needs the photographs, set LABELER_TEST_DATA")
                break
            for name, row in measure(images, LABELS, names, seed, _say, flip=title != "signs").items():
                rows.setdefault(name, []).append(row)
        if not rows:
            continue
        print(f"\n| {title} | cross-validated | on {OTHERS} others | range | seconds |\n|---|---|---|---|---|")
        for name, results in sorted(rows.items(), key=lambda item: -np.mean([r[1] for r in item[1]])):
            crossed, others, seconds = (np.array(column) for column in zip(*results, strict=True))
            spread = f"{others.min():.3f}–{others.max():.3f}, n {len(results)}"
            print(f"| `{name}` | {crossed.mean():.3f} | {others.mean():.3f} | {spread} | {seconds.mean():.1f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
