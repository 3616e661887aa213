"""Import of 100 KB JPEGs, per core: check, preview, thumbnail, files on the disk, rows in the database."""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from pathlib import Path

from bench.common import labeler, show

SIZE = (1152, 864)
BYTES = 100_000
DRAWN = 16  # different leaves; every file differs in a comment, and so in its hash
PER_ROUND, ROUNDS = 100, 5


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


def main() -> None:
    """Print both measurements."""
    contents = jpegs(PER_ROUND * ROUNDS)
    sizes = sorted(len(content) for content in contents)
    print(f"{len(contents)} JPEGs of {SIZE[0]} x {SIZE[1]}, {sizes[0] // 1000} to {sizes[-1] // 1000} KB")
    files_only(contents)
    whole_import(contents)
