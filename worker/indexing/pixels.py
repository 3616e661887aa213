"""The decoded images of each project: made when training first wants them, gone with the image or the project.

Knows where they lie, thumbnails and projects. The files are worker/ml/images/pixels.py's. Loads no torch.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from labeler.intake.images import media_store
from labeler.models import Image, Project
from worker.ml.errors import DiskFull
from worker.ml.images.decode_files import processes_for
from worker.ml.images.decoding import Bytes, Source
from worker.ml.images.pixels import SUFFIX, PixelStore, erase, keys_of

logger = logging.getLogger(__name__)
FOLDER = "pixels"  # below MODELS_DIR, one folder per project
ASKED_AT_ONCE = 5_000  # hashes
# Blocks in which this process has looked for images that are gone. Of 100,000 images the keys alone are 7 MB.
_looked_into: set[Path] = set()


def store_of(project_id: int) -> PixelStore:
    """What is kept of a project's images."""
    return PixelStore(Path(settings.MODELS_DIR) / FOLDER / f"project-{project_id}")


def keep(
    store: PixelStore, hashes: Sequence[str], device_type: str, *, progress: Callable[[int, int], None]
) -> dict[str, str]:
    """Decode those that are not kept yet; why some cannot be read, by SHA-256.

    `progress` is called with (done, n) after every few images; what it raises ends the work, with everything so far
    kept. When the disk is nearly full nothing is kept, and who needs pixels decodes them for itself.
    """
    missing = store.missing(hashes)
    failed: dict[str, str] = {}
    if not missing:
        return failed
    media = media_store()
    before = len(store)
    try:
        paths = [media.thumb_path(sha256) for sha256 in missing]
        for step, news in enumerate(store.fill(missing, paths, processes=processes_for(device_type)), 1):
            failed |= news
            progress(min(16 * step, len(missing)), len(missing))
    except DiskFull as full:
        logger.warning("%s", full)
    logger.info("kept the pixels of %s more images", len(store) - before)
    return failed


def sources(store: PixelStore, hashes: Sequence[str]) -> list[Source]:
    """Where each image's pixels are: kept, or in its thumbnail."""
    media = media_store()

    def look(sha256: str) -> Bytes:
        kept = store.get(sha256)
        return media.thumb_path(sha256) if kept is None else kept

    return [partial(look, sha256) for sha256 in hashes]


def forget_trashed() -> int:
    """Delete what is kept of projects in the trash, and of those that are gone; how many. Made again when needed."""
    root = Path(settings.MODELS_DIR) / FOLDER
    if not root.is_dir():
        return 0
    wanted = {f"project-{pk}" for pk in Project.objects.not_in_trash().values_list("pk", flat=True)}
    gone = [folder for folder in root.iterdir() if folder.name not in wanted]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def forget_purged(*, anew: bool) -> int:
    """Erase what is kept of images that their project has no more, not in the trash either; how many.

    A block is looked into once, because a run that began before a purge, or joined blocks, may have written it after;
    and once more after a purge, which is what `anew` says.
    """
    if anew:
        _looked_into.clear()
    root = Path(settings.MODELS_DIR) / FOLDER
    blocks = set(root.glob(f"project-*/*{SUFFIX}")) if root.is_dir() else set()
    erased = 0
    for path in sorted(blocks - _looked_into):
        gone = _without_image(int(path.parent.name.removeprefix("project-")), keys_of(path))
        if gone:
            with suppress(FileNotFoundError):  # joined with others just now: the joined one is looked into next time
                erased += erase(path, gone)
        _looked_into.add(path)
    _looked_into.intersection_update(blocks)
    return erased


def _without_image(project_id: int, hashes: Sequence[str]) -> set[str]:
    """Those of these contents that no image of a project has, nor one in its trash."""
    gone = set(hashes)
    theirs = Image.objects.filter(Q(project=project_id) | Q(trashed_from=project_id))
    for start in range(0, len(hashes), ASKED_AT_ONCE):
        part = hashes[start : start + ASKED_AT_ONCE]
        gone.difference_update(theirs.filter(sha256__in=part).values_list("sha256", flat=True))
    return gone
