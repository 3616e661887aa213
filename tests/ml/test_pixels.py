"""Decoded squares on disk: whole or not there, checked when read, made by processes of their own."""

import json
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.ml_data import drawn_images
from worker.ml.errors import DecodersDied
from worker.ml.images import decode_files, pixels
from worker.ml.images.decoding import decode
from worker.ml.images.pixels import DiskFull, PixelStore, Squares
from worker.ml.networks import backbones, features

SIDE = 32
Usage = namedtuple("Usage", "total used free")


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
    other.read_new_blocks()
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
    joining.read_new_blocks()
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


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Gives decoders a body: what they do with `path` (None: an image of their own). Returns what they were asked."""

    def written(body):
        program = tmp_path / "worker" / "ml" / "images"
        program.mkdir(parents=True)
        for package in (program, *list(program.parents)[:2]):
            (package / "__init__.py").touch()
        asked = tmp_path / "asked"
        asked.touch()
        (program / "decoder.py").write_text(
            "import json, os, signal, sys\nfrom pathlib import Path\n"
            f"asked = Path({str(asked)!r})\n"
            "for n, line in enumerate(sys.stdin):\n"
            "    name = Path(json.loads(line)[1] or 'own').name\n"
            "    earlier = asked.read_text().split()\n"
            "    with asked.open('a') as file: file.write(name + '\\n')\n"
            f"    if {body}: os.kill(os.getpid(), signal.SIGBUS)\n"
            "    print('\"\"', flush=True)\n"
        )
        monkeypatch.setattr(decode_files, "ROOT", tmp_path)
        return lambda: asked.read_text().split()

    return written


def test_decoders_that_die_are_replaced_and_no_image_is_called_unreadable_for_it(files, stand_in, tmp_path):
    asked = stand_in("n == 1")  # each of them, at its second image
    told = dict(decode_files.decoded_into(tmp_path / "raw", files, SIDE, 2))
    assert told == dict.fromkeys(range(6), "")
    assert len(asked()) > 6  # those that were asked again


def test_an_image_that_kills_its_decoder_is_tried_by_another_and_then_costs_itself_alone(files, stand_in, tmp_path):
    asked = stand_in("name == '2.jpg' or name == '4.jpg' and '4.jpg' not in earlier")
    told = dict(decode_files.decoded_into(tmp_path / "raw", files, SIDE, 2))
    assert told.pop(2) == "The file stopped the program that reads it."
    assert told == dict.fromkeys([0, 1, 3, 4, 5], "")
    assert [asked().count(name) for name in ("1.jpg", "2.jpg", "4.jpg", "own")] == [1, 2, 2, 1]


def test_decoders_that_die_of_any_image_end_the_work_and_blame_no_image(store, files, stand_in, monkeypatch, tmp_path):
    stand_in("len(earlier) > 2")  # as when the room they write into is not there: three images, then nothing more
    told = []
    with pytest.raises(DecodersDied, match=r"\(SIGBUS\), also on an image that is fine"):
        told.extend(decode_files.decoded_into(tmp_path / "raw", files, SIDE, 2))
    assert {reason for _, reason in told} <= {""}
    with pytest.raises(DecodersDied):
        list(features.decoded_batches(files, batch=2, size=SIDE, processes=2))
    with pytest.raises(DecodersDied):
        fill(store, files, processes=2)
    assert not list(store.folder.glob(".unfinished-*"))


def test_an_image_of_its_own_tells_a_decoder_that_works(files, tmp_path):
    raw = tmp_path / "raw"
    raw.touch()
    command = [sys.executable, "-m", "worker.ml.images.decoder", str(raw), "2", str(SIDE)]
    decoder = decode_files._Decoder(command)
    assert decoder.ask(1, None) == ""
    assert decoder.ask(0, files[0]) == ""
    decoder.close()
    assert decoder.ask(0, files[0]) is None  # and starts no other
    found = np.fromfile(raw, np.uint8).reshape(2, SIDE, SIDE, 3)
    assert np.array_equal(found[0], decode(files[0], size=SIDE))


@pytest.mark.parametrize("free", [1 << 30, 64 << 20])
def test_the_room_that_decoders_write_into_is_there_before_they_write(files, monkeypatch, tmp_path, free):
    files *= 100  # 100 MB: more than a container's /dev/shm has room for, unless it was asked for more
    side = 256
    (memory := tmp_path / "memory").mkdir()
    (elsewhere := tmp_path / "tmp").mkdir()
    monkeypatch.setattr(decode_files, "SHARED_MEMORY", memory)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setattr(
        decode_files.shutil, "disk_usage", lambda folder: Usage(free, 0, free if Path(folder) == memory else 1 << 40)
    )
    used = []

    def look(file, paths, side, processes):
        used.append((file.resolve().parent, file.stat().st_blocks * 512 >= len(paths) * side * side * 3))
        yield from ((slot, "") for slot in range(len(paths)))

    monkeypatch.setattr(features, "decoded_into", look)
    n = sum(len(indices) for indices, *_ in features.decoded_batches(files, batch=256, size=side, processes=2))
    assert n == len(files)
    assert used == [(memory if free > 100 << 20 else elsewhere, True)]
    assert not [*memory.iterdir(), *elsewhere.iterdir()]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the file has a name until it is closed")
def test_the_room_has_no_name_that_would_outlive_a_process_that_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(decode_files, "SHARED_MEMORY", tmp_path)
    with decode_files.room_beside_memory(1000) as file:
        assert not list(tmp_path.iterdir())
        code = f"open({str(file)!r}, 'r+b').write(b'from a child')"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert file.read_bytes().rstrip(b"\0") == b"from a child"
        assert file.stat().st_size == 1000
    assert not file.exists()


def test_without_room_anywhere_a_sentence_says_so(files, monkeypatch):
    monkeypatch.setattr(decode_files.shutil, "disk_usage", lambda folder: Usage(0, 0, 0))
    with pytest.raises(DiskFull, match="GB of room"):
        list(features.decoded_batches(files, batch=2, size=SIDE, processes=2))


def test_large_squares_are_decoded_in_smaller_parts(files, monkeypatch):
    monkeypatch.setattr(features, "SHARED", 2 * SIDE * SIDE * 3)
    batches = list(features.decoded_batches(files, batch=1, size=SIDE, processes=2))
    assert sorted(np.concatenate([indices for indices, *_ in batches])) == list(range(6))


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

    def read(sources):
        return np.concatenate(
            [part.features for part in features.embed(sources, lite0, torch.device("cpu"), size=64)]
        ).astype(float)

    a, b = read(files), read([lambda path=path: store.get(path.stem) for path in files])
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.98


def test_the_line_before_the_squares_says_what_they_are(store, files):
    fill(store, files[:2])
    [block] = store.folder.glob("*.squares")
    about = json.loads(block.open("rb").readline())
    assert (about["side"], about["keys"], len(about["crc"])) == (SIDE, ["0", "1"], 2)
    assert block.stat().st_size == pixels.PAGE + 2 * SIDE * SIDE * 3
