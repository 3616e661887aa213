"""Files by their hash: written once, whole or not at all."""

import errno
import hashlib
import os
import time

import pytest

from labeler.errors import StorageFull
from labeler.intake.store import MediaStore

CONTENT = b"the original bytes"
SHA = hashlib.sha256(CONTENT).hexdigest()


def add(store: MediaStore) -> None:
    with store.batch() as batch:
        batch.add(sha256=SHA, extension="jpg", original=CONTENT, preview=b"preview", thumbnail=b"thumbnail")
        batch.keep()


def files(store: MediaStore) -> list[str]:
    return sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())


def test_what_was_added_is_found_by_its_hash(tmp_path):
    store = MediaStore(tmp_path / "media")
    assert not store.has(SHA, "jpg")
    add(store)
    assert store.has(SHA, "jpg")
    assert store.original_path(SHA, "jpg").read_bytes() == CONTENT
    assert store.preview_path(SHA).read_bytes() == b"preview"
    assert store.thumb_path(SHA).read_bytes() == b"thumbnail"
    fan = f"{SHA[:2]}/{SHA[2:4]}/{SHA}.jpg"
    assert files(store) == [f"originals/{fan}", f"previews/{fan}", f"thumbs/{fan}"]


def test_adding_twice_writes_once(tmp_path):
    store = MediaStore(tmp_path)
    add(store)
    before = store.original_path(SHA, "jpg").stat()
    add(store)
    after = store.original_path(SHA, "jpg").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_nothing_of_a_batch_has_its_name_before_all_of_it_is_on_the_disk(tmp_path, monkeypatch):
    store, synced = MediaStore(tmp_path), []
    sync = os.fsync

    def fsync(descriptor):
        if not synced:
            assert not any(name.startswith(("originals", "previews", "thumbs")) for name in files(store))
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with store.batch() as batch:
        batch.add(sha256=SHA, extension="jpg", original=CONTENT, preview=b"p", thumbnail=b"t")
        other = hashlib.sha256(b"other").hexdigest()
        batch.add(sha256=other, extension="png", original=b"other", preview=b"p", thumbnail=b"t")
        assert not store.has(SHA, "jpg")
        batch.keep()
    assert store.has(SHA, "jpg")
    assert store.has(other, "png")
    assert len(synced) == 12  # six files and their six directories
    assert len(files(store)) == 6


def test_a_batch_that_is_not_kept_leaves_nothing(tmp_path):
    store = MediaStore(tmp_path)
    with store.batch() as batch:
        batch.add(sha256=SHA, extension="jpg", original=CONTENT, preview=b"p", thumbnail=b"t")
    assert files(store) == []


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    store = MediaStore(tmp_path)
    store.incoming.mkdir()
    for name, age_hours in (("old", 25), ("young", 1)):
        (store.incoming / name).write_bytes(b"half")
        then = time.time() - age_hours * 3600
        os.utime(store.incoming / name, (then, then))
    add(store)
    assert [path.name for path in store.incoming.iterdir()] == ["young"]


def test_a_damaged_leftover_is_replaced(tmp_path):
    store = MediaStore(tmp_path)
    add(store)
    store.original_path(SHA, "jpg").write_bytes(b"half")
    add(store)
    assert store.original_path(SHA, "jpg").read_bytes() == CONTENT


@pytest.mark.parametrize("full_at", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path, monkeypatch, number, full_at):
    store = MediaStore(tmp_path)

    def full(*_args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync" if full_at == "fsync" else "pathlib.Path.replace", full)
    with pytest.raises(StorageFull, match="full"):
        add(store)
    assert files(store) == []


def test_other_disk_errors_keep_their_name(tmp_path):
    store = MediaStore(tmp_path / "media")
    (tmp_path / "media").write_text("a file where the directory should be")
    with pytest.raises(NotADirectoryError):
        add(store)


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, SHA + "/..", SHA[:-1], SHA + "\n"])
def test_only_hashes_become_paths(tmp_path, sha256):
    store = MediaStore(tmp_path)
    for path in (store.preview_path, store.thumb_path, lambda sha: store.original_path(sha, "jpg")):
        with pytest.raises(ValueError, match="not a SHA-256"):
            path(sha256)


@pytest.mark.parametrize("extension", ["", "svg", "../jpg", "html", "JPG"])
def test_only_our_own_extensions_become_paths(tmp_path, extension):
    with pytest.raises(ValueError, match="not an extension"):
        MediaStore(tmp_path).original_path(SHA, extension)
