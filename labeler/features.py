"""Keep what a backbone makes of an image's content, so that it is computed once. The only module that writes
Feature.

Knows bytes: float16, little-endian, as worker/features.py packs them. Shared by projects that hold the same
image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labeler.models import Feature


def name_of(backbone: str, size: int) -> str:
    """What features are kept as: the same image at another size has others."""
    return f"{backbone}@{size}"


def load(backbone: str, hashes: Iterable[str]) -> dict[str, bytes]:
    """The kept vectors among those asked for, by the image's SHA-256."""
    rows = Feature.objects.filter(backbone=backbone, sha256__in=list(hashes)).values_list("sha256", "vector")
    return {sha256: bytes(vector) for sha256, vector in rows}


def store(backbone: str, vectors: Mapping[str, bytes]) -> None:
    """Keep vectors; those that another worker stored meanwhile are the same and stay."""
    Feature.objects.bulk_create(
        # By hash: two workers that insert the same rows must wait for each other in one order.
        [Feature(backbone=backbone, sha256=key, vector=vectors[key]) for key in sorted(vectors)],
        ignore_conflicts=True,
    )
