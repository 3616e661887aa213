"""Where an original lies that stays in its bucket: a value, for those who hand it on and those who go there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """An object as it was when it was read. etag: without quotes; version: "" where the bucket keeps none."""

    bucket: str
    key: str
    version: str
    etag: str
    n_bytes: int

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
