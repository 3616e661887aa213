"""Import of 100 KB JPEGs, per core: check, preview, thumbnail, files on the disk, rows in the database. And of 10,000
small pictures into one project, different ones and ones that nearly look alike.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from bench.common import labeler, show

SIZE = (1152, 864)
BYTES = 100_000
DRAWN = 16  # different leaves; every file differs in a comment, and so in its hash
PER_ROUND, ROUNDS = 100, 5
SMALL, PARTS = int(os.environ.get("BENCH_SMALL", "10000")), 5  # small pictures, and zips that they come in


def jpegs(count: int) -> list[bytes]:
    """`count` JPEGs of about BYTES each."""
    from labeler.demo.drawing import KINDS, draw_leaf

    files = []
    for number in range(DRAWN):
        leaf = draw_leaf(number, list(KINDS)[number % len(KINDS)], SIZE)
        for quality in range(95, 40, -3):
            content = io.BytesIO()
            leaf.save(content, "JPEG", quality=quality)
            if content.tell() <= BYTES:
                break
        files.append((leaf, quality))
    made = []
    for number in range(count):
        leaf, quality = files[number % DRAWN]
        content = io.BytesIO()
        leaf.save(content, "JPEG", quality=quality, comment=f"file {number}".encode())
        made.append(content.getvalue())
    return made


def files_only(contents: list[bytes]) -> None:
    """One thread, no database: the work on the bytes alone."""
    from labeler.intake.check import decode_image
    from labeler.intake.renditions import make_renditions
    from labeler.intake.store import MediaStore

    wall, cpu = [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
            store = MediaStore(folder)
            begun, used = time.perf_counter(), time.process_time()
            # As an import does it: what a batch wrote goes to the disk together.
            with store.batch() as batch:
                for content in contents[number * PER_ROUND : (number + 1) * PER_ROUND]:
                    image = decode_image(content)
                    made = make_renditions(image)
                    batch.add(
                        sha256=image.checked.sha256,
                        extension=image.checked.extension,
                        original=content,
                        preview=made.preview,
                        thumbnail=made.thumbnail,
                    )
                batch.keep()
            wall.append(PER_ROUND / (time.perf_counter() - begun))
            cpu.append(PER_ROUND / (time.process_time() - used))
    show("check, preview, thumbnail, three files fsynced, one thread", wall, "images/s", target=">= 50")
    show("the same per second of CPU", cpu, "images/s")


def whole_import(contents: list[bytes]) -> None:
    """A zip through import_path, on all cores, with PostgreSQL on the same machine."""
    with labeler():
        from labeler.intake.images import import_path
        from labeler.models import Project

        rates, again = [], []
        with tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
            for number in range(ROUNDS):
                path = Path(folder) / f"{number}.zip"
                with zipfile.ZipFile(path, "w") as archive:
                    for k, content in enumerate(contents[number * PER_ROUND : (number + 1) * PER_ROUND]):
                        archive.writestr(f"{k:04}.jpg", content)
                project = Project.objects.create(name=f"bench {number}")
                begun = time.perf_counter()
                result = import_path(path, project=project)
                rates.append(PER_ROUND / (time.perf_counter() - begun))
                assert result.added == PER_ROUND, result
                begun = time.perf_counter()
                assert import_path(path, project=project).duplicates == PER_ROUND
                again.append(PER_ROUND / (time.perf_counter() - begun))
    cores = os.cpu_count() or 1
    show(f"import of a zip with rows, {cores} cores", rates, "images/s", target=f">= {50 * cores}")
    show("the same zip again: all duplicates", again, "images/s")


def small(count: int, *, alike: bool, seed: int) -> list[bytes]:
    """JPEGs of 200 x 150 px, 5 to 9 KB: soft patches of colour; alike: one ground with a mark of its own on each."""
    random = np.random.default_rng(seed)
    ground = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
    made = []
    for _ in range(count):
        patches = ground if alike else random.integers(0, 255, (9, 12, 3), np.uint8)
        picture = Image.fromarray(patches).resize((200, 150), Image.Resampling.BICUBIC)
        if alike:
            x, y = random.integers(0, 130, 2).tolist()
            picture.paste(tuple(random.integers(0, 255, 3).tolist()), (x, y, x + 18, y + 18))
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=85)
        made.append(content.getvalue())
    return made


def small_pictures() -> None:
    """Ten thousand into one project, in zips of two thousand: the last ones meet those that came before."""
    cores = os.cpu_count() or 1
    with labeler():
        from labeler.intake.images import import_path
        from labeler.models import Project

        for alike, target in ((False, 250 * cores), (True, 125 * cores)):
            project, rates = Project.objects.create(name=f"bench, alike: {alike}"), []
            with tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
                for part in range(PARTS):
                    path = Path(folder) / "small.zip"
                    with zipfile.ZipFile(path, "w") as archive:
                        for k, content in enumerate(small(SMALL // PARTS, alike=alike, seed=part)):
                            archive.writestr(f"{part}-{k:05}.jpg", content)
                    begun = time.perf_counter()
                    result = import_path(path, project=project)
                    rates.append(SMALL // PARTS / (time.perf_counter() - begun))
                    assert result.added == SMALL // PARTS, result
            what = "small pictures that look alike" if alike else "different small pictures"
            show(f"{what} with rows, {cores} cores", rates, "images/s", target=f">= {target}")


def main() -> None:
    """Print the measurements."""
    contents = jpegs(PER_ROUND * ROUNDS)
    sizes = sorted(len(content) for content in contents)
    print(f"{len(contents)} JPEGs of {SIZE[0]} x {SIZE[1]}, {sizes[0] // 1000} to {sizes[-1] // 1000} KB")
    files_only(contents)
    whole_import(contents)
    small_pictures()
