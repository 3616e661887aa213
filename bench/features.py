"""How fast a worker looks at images, learns from them and says what it thinks: per core, one thread."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image, ImageFilter

from bench.common import hardware, show
from worker.ml.candidates.logistic import scale_features, to_probabilities
from worker.ml.device import describe_device, pick_device, settle_process
from worker.ml.images.tensors import decode, to_network
from worker.ml.networks import backbones, features
from worker.ml.saved import predict
from worker.ml.training.active_learning import first_priorities, priorities
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import train

ROUNDS = 7
IMAGES = 160  # per round
BATCH = 16


def main() -> None:
    """Print n, median and spread of each; CPU time where the machine is shared, so that neighbours do not count."""
    settle_process()
    device = pick_device()
    backbone = backbones.EFFICIENTNET_LITE0
    print(f"{describe_device(device)}; {hardware()}; torch {torch.__version__}, {torch.get_num_threads()} thread")
    thumbs = [_photograph(seed, 341, 256) for seed in range(40)] * (IMAGES // 40)
    previews = [_photograph(seed, 1600, 1200) for seed in range(8)]

    frozen = backbones.frozen(backbone, device)
    pixels = torch.from_numpy(np.stack([decode(thumb) for thumb in thumbs[:BATCH]])).to(device)
    with settled():
        show("decode a 341 x 256 thumbnail to 224", _rates(lambda: [decode(t) for t in thumbs], IMAGES), "/s CPU")
        show("decode a 1600 x 1200 preview to 224", _rates(lambda: [decode(p) for p in previews], 8), "/s CPU")
        run = _network_round(frozen, backbone, pixels)
        show("network alone, EfficientNet-Lite0, 224 px, batch 16", _rates(run, IMAGES), "/s CPU")

        def embed_all() -> None:
            for _ in features.embed(thumbs, backbone, device, batch=BATCH):
                pass

        show("features from thumbnails, decoding included", _rates(embed_all, IMAGES), "/s CPU", target=">= 80")
        show("the same, wall time (decoding in its own thread)", _rates(embed_all, IMAGES, time.perf_counter), "/s")
        _learning()
        _scoring()


@contextmanager
def settled() -> Iterator[None]:
    """Without the garbage of what was imported before."""
    import gc

    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _rates(work: Callable[[], object], n: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    work()  # warm caches and allocator
    rates = []
    for _ in range(ROUNDS):
        begun = clock()
        work()
        rates.append(n / (clock() - begun))
    return rates


def _network_round(frozen, backbone, pixels) -> Callable[[], None]:
    def work() -> None:
        for _ in range(IMAGES // BATCH):
            frozen.run(to_network(pixels, offset=backbone.offset, scale=backbone.scale))

    return work


def _photograph(seed: int, width: int, height: int) -> bytes:
    """A JPEG with the roughness of a photograph: soft shapes, some grain."""
    rng = np.random.default_rng(seed)
    shapes = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    grain = Image.effect_noise((width, height), 24).filter(ImageFilter.BoxBlur(1)).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(shapes, grain, 0.2).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _labeled(n: int, n_categories: int, seed: int) -> TrainingSet:
    """Made-up features whose classes overlap as those of photographs do: some 80 % can be told apart."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_categories, n)
    centres = np.random.default_rng(99).standard_normal((n_categories, 1280))
    found = np.maximum(centres[truth] * 0.09 + rng.standard_normal((n, 1280)), 0).astype(np.float16)
    return TrainingSet(found, truth, list(range(n_categories)))


def _learning() -> None:
    """The whole first candidate: five folds, six penalties, the final fit."""
    config = read_settings({"candidates": ["frozen"]})
    for n in (50, 200, 1000):
        seconds = []
        for seed in range(5):
            samples = _labeled(n, 10, seed)
            begun = time.process_time()
            for _ in train(samples, config, device=torch.device("cpu")):
                pass
            seconds.append(time.process_time() - begun)
        show(f"train on {n} labels with cached features, 10 classes", seconds, "s CPU")


def _scoring() -> None:
    """What every new model costs on 100,000 images whose features are kept."""
    rng = np.random.default_rng(0)
    found = np.maximum(rng.standard_normal((100_000, 1280), dtype=np.float32), 0).astype(np.float16)
    weight = rng.standard_normal((10, 1280), dtype=np.float32)
    score, order, first = [], [], []
    for _ in range(3):
        begun = time.process_time()
        parts = [scale_features(found[i : i + predict.CHUNK]) @ weight.T for i in range(0, len(found), predict.CHUNK)]
        margins = predict.margin(to_probabilities(np.concatenate(parts), "single"), "single")
        score.append(time.process_time() - begun)
        begun = time.process_time()
        priorities(margins, found)
        order.append(time.process_time() - begun)
        begun = time.process_time()
        first_priorities(found, 50)
        first.append(time.process_time() - begun)
    show("probabilities and margins of 100,000 images", score, "s CPU")
    show("their order by margin, spread over clusters", order, "s CPU")
    show("their order before any model, 50 clusters", first, "s CPU")


if __name__ == "__main__":
    main()
