"""Features are streamed, a broken image costs only itself, and they tell real things apart."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.ml_data import drawn_images
from worker.ml.device import with_smaller_batches
from worker.ml.errors import OutOfMemory
from worker.ml.networks import backbones, features

LITE0 = backbones.EFFICIENTNET_LITE0
CPU = torch.device("cpu")


def test_broken_and_missing_images_are_named_and_the_others_go_on(tmp_path):
    good, _ = drawn_images(5)
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    sources = [
        good[0],
        (tmp_path / "gone.jpg").read_bytes,
        good[1],
        lambda: good[2],
        tmp_path / "broken.jpg",
        good[3],
        good[4],
    ]

    batches = list(features.embed(sources, LITE0, CPU, batch=3, size=64))

    failed = {index: reason for part in batches for index, reason in part.failed.items()}
    assert failed.keys() == {1, 4}
    assert "missing" in failed[1]
    assert np.concatenate([part.indices for part in batches]).tolist() == [0, 2, 3, 5, 6]
    found = np.concatenate([part.features for part in batches])
    assert found.shape == (5, 1280)
    assert found.dtype == np.float16
    alone = np.concatenate([p.features for p in features.embed(good, LITE0, CPU, batch=1, size=64)])
    np.testing.assert_allclose(found.astype(float), alone.astype(float), atol=2e-3, rtol=2e-3)


def test_stopping_early_ends_the_decoding_thread():
    sources, _ = drawn_images(4)
    before = threading.active_count()
    stream = features.embed(sources * 50, LITE0, CPU, batch=1, size=32)
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_an_error_that_is_no_broken_image_is_not_swallowed():
    def fail():
        raise RuntimeError("store is locked")

    with pytest.raises(RuntimeError, match="locked"):
        list(features.embed([fail], LITE0, CPU))


def test_when_memory_is_short_the_batch_is_halved_until_it_fits():
    tried = []

    def work(batch):
        tried.append(batch)
        if batch > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"

    assert with_smaller_batches(work, 16) == ("done", 4)
    assert tried == [16, 8, 4]


def test_memory_too_small_for_one_image_is_said_and_other_errors_pass():
    def hungry(batch):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with pytest.raises(OutOfMemory, match="one image"):
        with_smaller_batches(hungry, 8)
    with pytest.raises(RuntimeError, match="shapes"):
        with_smaller_batches(lambda batch: (_ for _ in ()).throw(RuntimeError("shapes differ")), 8)


def test_a_thumbnail_and_its_large_original_have_nearly_the_same_features(tmp_path):
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        (1600, 1200), Image.Resampling.BICUBIC
    )
    rough.save(tmp_path / "large.jpg", quality=92)
    rough.resize((341, 256), Image.Resampling.LANCZOS).save(tmp_path / "thumb.jpg", quality=85)
    sources: list[Path] = [tmp_path / "large.jpg", tmp_path / "thumb.jpg"]
    a, b = next(iter(features.embed(sources, LITE0, CPU))).features.astype(float)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.98
