"""Decoded squares on disk: whole or not there, checked when read, made by processes of their own."""

import json

import numpy as np
import pytest
import torch

from tests.ml_data import drawn_images
from worker.ml import backbones, features, pixels
from worker.ml.decoding import decode
from worker.ml.pixels import DiskFull, PixelStore, Squares

SIDE = 32


@pytest.fixture
def files(tmp_path):
    images, _ = drawn_images(6)
    paths = [tmp_path / f"{k}.jpg" for k in range(6)]
    for path, content in zip(paths, images, strict=True):
        path.write_bytes(content)
    return paths


@pytest.fixture
def store(tmp_path):
    return PixelStore(tmp_path / "kept", side=SIDE)


def fill(store, paths, **options):
    failed = {}
    for news in store.fill([path.stem for path in paths], paths, **options):
        failed |= news
    return failed


def test_squares_are_those_that_decoding_gives_also_for_the_next_process(store, files):
    assert fill(store, files, processes=2) == {}
    again = PixelStore(store.folder, side=SIDE)
    for path in files:
        assert np.array_equal(again.get(path.stem), decode(path, size=SIDE))
    assert again.missing(["0", "new", "5", "new"]) == ["new"]


def test_what_cannot_be_read_is_named_and_the_others_are_kept(store, files):
    files[1].write_bytes(b"no image")
    files[3].unlink()
    failed = fill(store, files)
    assert set(failed) == {"1", "3"}
    assert "missing" in failed["3"]
    assert len(store) == 4


def test_a_damaged_square_is_as_good_as_none_and_the_others_stay(store, files):
    fill(store, files)
    [block] = store.folder.glob("*.squares")
    content = bytearray(block.read_bytes())
    content[-5] ^= 255  # in the last square
    block.write_bytes(content)
    again = PixelStore(store.folder, side=SIDE)
    assert again.missing([path.stem for path in files]) == ["5"]
    fill(again, files[5:])
    assert np.array_equal(again.get("5"), decode(files[5], size=SIDE))


def test_half_a_file_is_not_read_and_nothing_unfinished_is_left(store, files):
    fill(store, files)
    [block] = store.folder.glob("*.squares")
    block.write_bytes(block.read_bytes()[:-1])
    assert len(PixelStore(store.folder, side=SIDE)) == 0
    assert [path.name for path in store.folder.iterdir()] == [block.name]


def test_stopped_half_way_what_was_decoded_is_kept(store, files, monkeypatch):
    files[0].write_bytes(b"no image")  # its reason is the first thing that is said
    for _ in store.fill([path.stem for path in files], files):
        break
    kept = PixelStore(store.folder, side=SIDE)
    assert all(np.array_equal(kept.get(path.stem), decode(path, size=SIDE)) for path in files if path.stem in kept)
    assert not list(store.folder.glob(".unfinished-*"))


def test_many_blocks_become_one(store, files, monkeypatch):
    monkeypatch.setattr(pixels, "JOIN_FROM", 3)
    other = PixelStore(store.folder, side=SIDE)
    for path in files[:3]:
        fill(store, [path])
    assert len(list(store.folder.glob("*.squares"))) == 1
    other.look_again()
    for known in (store, other, PixelStore(store.folder, side=SIDE)):
        assert all(np.array_equal(known.get(path.stem), decode(path, size=SIDE)) for path in files[:3])


def test_blocks_that_say_nothing_new_are_joined_into_the_one_that_says_all(store, files):
    fill(store, files)
    [whole] = store.folder.glob("*.squares")
    for path in files:  # twins: another worker decoded them, too
        PixelStore(store.folder, side=SIDE)._keep({path.stem: decode(path, size=SIDE)})
    found = PixelStore(store.folder, side=SIDE)
    # the joined block has the name of the whole one where its squares come in the same order
    found._places = {path.stem: found._places[path.stem] for path in files}

    found._join()

    assert [path.name for path in store.folder.iterdir()] == [whole.name]
    for known in (found, PixelStore(store.folder, side=SIDE)):
        assert known.missing([path.stem for path in files]) == []


def test_what_another_worker_wrote_while_blocks_were_joined_is_found(store, files):
    fill(store, files[:2])
    joining = PixelStore(store.folder, side=SIDE)
    fill(store, files[2:3])  # meanwhile
    joining._join()
    joining.look_again()
    assert joining.missing([path.stem for path in files[:3]]) == []


def test_a_disk_that_is_nearly_full_is_left_alone(store, files, monkeypatch):
    monkeypatch.setattr(pixels, "SPARE", 1 << 62)
    with pytest.raises(DiskFull):
        fill(store, files)
    assert not list(store.folder.glob("*"))


def test_squares_are_read_as_one_array_would_be(store, files):
    fill(store, files)
    some = Squares(store, ["4", "0", "2"])
    whole = np.stack([decode(files[k], size=SIDE) for k in (4, 0, 2)])
    assert some.shape == whole.shape
    assert np.array_equal(some[1:], whole[1:])
    assert np.array_equal(some[np.array([2, 2, 0])], whole[[2, 2, 0]])
    assert np.array_equal(np.asarray(some), whole)


def test_a_decoder_that_dies_costs_one_image(store, files, monkeypatch, tmp_path):
    # a stand-in that ends at the second image it is given
    program = tmp_path / "worker" / "ml"
    program.mkdir(parents=True)
    (program.parent / "__init__.py").touch()
    (program / "__init__.py").touch()
    (program / "decoder.py").write_text(
        "import sys\nsys.stdin.readline(); print('\"\"', flush=True); sys.stdin.readline(); sys.exit(9)\n"
    )
    monkeypatch.setattr(pixels, "__file__", str(program / "pixels.py"))
    told = dict(pixels.decoded_into(tmp_path / "raw", files, SIDE, 2))
    assert sorted(told) == [0, 1, 2, 3, 4, 5]
    assert sorted(told.values())[:2] == ["", ""]
    assert all("ended" in reason or "stopped" in reason for reason in sorted(told.values())[2:])


def test_processes_decode_what_the_thread_decodes(files):
    batches = list(features.decoded_batches(files, batch=2, size=SIDE, processes=2))
    order = np.concatenate([indices for indices, *_ in batches])
    found = np.concatenate([squares for _, squares, _ in batches])
    assert sorted(order) == list(range(6))
    assert np.array_equal(found[np.argsort(order)], np.stack([decode(path, size=SIDE) for path in files]))


def test_features_of_kept_squares_are_nearly_those_of_the_files(tmp_path, files):
    store = PixelStore(tmp_path / "kept")
    fill(store, files)
    lite0 = backbones.EFFICIENTNET_LITE0

    def of(sources):
        return np.concatenate(
            [part.features for part in features.embed(sources, lite0, torch.device("cpu"), size=64)]
        ).astype(float)

    a, b = of(files), of([lambda path=path: store.get(path.stem) for path in files])
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.98


def test_the_line_before_the_squares_says_what_they_are(store, files):
    fill(store, files[:2])
    [block] = store.folder.glob("*.squares")
    about = json.loads(block.open("rb").readline())
    assert (about["side"], about["keys"], len(about["crc"])) == (SIDE, ["0", "1"], 2)
    assert block.stat().st_size == pixels.PAGE + 2 * SIDE * SIDE * 3
