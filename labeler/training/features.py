"""Keep the features that a backbone computes of an image, so that they are computed once. The only module that writes
Feature.

Knows bytes: float16, little-endian, as worker/indexing/features.py packs them. Shared by projects that hold the same
image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from labeler.models import Feature, TrainingRun, columns

CHUNK = 5_000  # rows renamed or deleted at once


def name_of(backbone: str, size: int, checksum: str = "") -> str:
    """What features are kept as: the same image at another size, or through other weights, has others.

    checksum: SHA-256 of the backbone's weights; without: the name of features from before it was part of it.
    """
    return f"{backbone}@{size}" + (f"-{checksum[:16]}" if checksum else "")


def of_run(run: TrainingRun | None) -> str | None:
    """The name of the features that a run's model stands on, as its worker named them."""
    if run is None or "backbone" not in run.config or "image_size" not in run.config:
        return None
    return run.features or name_of(run.config["backbone"], run.config["image_size"])


def load(backbone: str, hashes: Iterable[str]) -> dict[str, bytes]:
    """The kept vectors among those asked for, by the image's SHA-256."""
    with connection.cursor() as cursor:
        # by hand: the ORM takes longer to look at a thousand hashes than PostgreSQL to find them
        cursor.execute(
            "SELECT sha256, vector FROM labeler_feature WHERE backbone = %s AND sha256 = ANY (%s)",
            [backbone, list(hashes)],
        )
        return {sha256: bytes(vector) for sha256, vector in cursor.fetchall()}


def table(backbone: str, hashes: Sequence[str], n_bytes: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The same for many: places in `hashes`, and the vectors there (n, n_bytes). One of another length is unknown."""
    sql = """
        SELECT wanted.place::int8, f.vector FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (sha256, place)
        JOIN labeler_feature f ON f.backbone = %s AND f.sha256 = wanted.sha256 WHERE octet_length(f.vector) = %s
    """
    record = columns.record([("place", ">i8"), ("vector", f"V{n_bytes}")])
    found = columns.read(sql, [list(hashes), backbone, n_bytes], record)
    vectors = np.ascontiguousarray(found["vector"]).view(np.uint8).reshape(len(found), n_bytes)
    return found["place"].astype(np.int64) - 1, vectors


def known(backbone: str, hashes: Iterable[str]) -> set[str]:
    """Those among the hashes asked for whose vectors are kept."""
    return set(Feature.objects.filter(backbone=backbone, sha256__in=list(hashes)).values_list("sha256", flat=True))


def store(backbone: str, vectors: Mapping[str, bytes]) -> None:
    """Keep vectors; those that another worker stored meanwhile are the same and stay."""
    Feature.objects.bulk_create(
        # By hash: two workers that insert the same rows must wait for each other in one order.
        [Feature(backbone=backbone, sha256=key, vector=vectors[key]) for key in sorted(vectors)],
        ignore_conflicts=True,
    )


def are_kept(name: str) -> bool:
    """Whether there are any of this name."""
    return Feature.objects.filter(backbone=name).exists()


def rename(old: str, new: str) -> int:
    """Call features of before the weights were part of their name by the name they have now; how many."""
    changed = 0
    while True:
        with transaction.atomic():
            there = Feature.objects.filter(backbone=new).values("sha256")
            part = Feature.objects.filter(backbone=old).exclude(sha256__in=there).values_list("pk", flat=True)[:CHUNK]
            n = Feature.objects.filter(pk__in=list(part)).update(backbone=new)
        changed += n
        if not n:
            forget(old)
            return changed


def forget(name: str) -> int:
    """Delete features that no weights here would make; how many."""
    deleted = 0
    while ids := list(Feature.objects.filter(backbone=name).values_list("pk", flat=True)[:CHUNK]):
        deleted += Feature.objects.filter(pk__in=ids).delete()[0]
    return deleted


# The index begins with the name: of each name there is, which are few, the contents are looked up.
_FORGET = """
    WITH RECURSIVE named AS (
        (SELECT backbone FROM labeler_feature ORDER BY backbone LIMIT 1)
        UNION ALL
        SELECT (SELECT f.backbone FROM labeler_feature f WHERE f.backbone > named.backbone ORDER BY 1 LIMIT 1)
        FROM named WHERE named.backbone IS NOT NULL
    )
    DELETE FROM labeler_feature f USING named
    WHERE f.backbone = named.backbone AND f.sha256 = ANY (%s)
"""


def forget_contents(hashes: Iterable[str]) -> int:
    """Delete what is kept of contents that no image has any more; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [list(hashes)])
        return cursor.rowcount
