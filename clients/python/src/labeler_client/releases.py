"""Numbered, frozen data sets, and their files: a download that breaks off goes on where it was, and is checked."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import httpx

from labeler_client.errors import ChecksumMismatch, ServerError, Unreachable
from labeler_client.transport import TRIES, _backoff, error_of, waiting_time
from labeler_client.work import Progress, Work

POLL = 2.0


class Release(Work):
    """A release of a project."""

    path = "/api/releases/{}/"

    @property
    def number(self) -> int:
        """Counted per project."""
        return int(self.raw["number"])

    @property
    def checksum(self) -> str | None:
        """SHA-256 of the frozen data set; None before it is frozen."""
        return self.raw.get("checksum")

    def download(
        self,
        format: str,
        to: str | os.PathLike[str],
        *,
        images: bool | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Path:
        """One format of it as a file, and where that is. Waits until a worker has built it.

        to: a file, or a folder, in which it gets the server's name. images: with the image files; None: as the format
        usually has it. The bytes come into `<name>.part` first, so that calling it again goes on where it broke off.
        Raises ChecksumMismatch when what came is not what the server has.
        """
        params = {**options, **({} if images is None else {"images": "true" if images else "false"})}
        path = f"/api/releases/{self.id}/files/{format}/"
        target, failures = Path(to), 0
        part = _part_of(target / f"release-{self.id}-{format}" if target.is_dir() else target)
        while True:
            have = part.stat().st_size if part.exists() else 0
            tag = _tag_of(part).read_text() if have and _tag_of(part).exists() else ""
            headers = {"Range": f"bytes={have}-", "If-Range": tag} if tag else {}
            try:
                with self._transport.stream(path, headers, params) as response:
                    if response.status_code == 202:
                        response.read()
                        _raise_if_failed(response)
                        said = response.headers.get("Retry-After", "")
                        self._transport.sleep(float(said) if said.isdigit() else POLL)
                        continue
                    if response.status_code == 416 and tag:
                        checksum, name = tag.strip('"'), _name_of(response)  # all of it had come
                    elif response.status_code in (200, 206):
                        checksum, name = _save(response, part, progress), _name_of(response)
                    else:
                        response.read()
                        failures += 1
                        wait = waiting_time(response, failures, may_repeat=True)
                        if wait is None or failures >= TRIES:
                            raise error_of(response)
                        self._transport.sleep(wait)
                        continue
            except httpx.TransportError as error:
                failures = failures + 1 if not part.exists() or part.stat().st_size == have else 1
                if failures >= TRIES:
                    raise Unreachable(f"The download of {format} broke off: {error}.") from error
                self._transport.sleep(_backoff(failures))
                continue
            return _finish(
                part, target / (name or f"release-{self.id}.{format}") if target.is_dir() else target, checksum
            )


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _tag_of(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _raise_if_failed(response: httpx.Response) -> None:
    row = response.json()
    if row.get("state") in ("failed", "cancelled"):
        error = row.get("error") or {}
        raise ServerError(
            str(error.get("message") or "It could not be built."), code=str(error.get("code") or "failed")
        )


def _name_of(response: httpx.Response) -> str:
    """The file's name as the server says, without any folder."""
    found = re.search(r'filename="([^"]+)"', response.headers.get("Content-Disposition", ""))
    name = Path(found[1].replace("\\", "/")).name if found else ""
    return "" if name in ("", ".", "..") else name


def _save(response: httpx.Response, part: Path, progress: Progress | None) -> str:
    """Write the body behind what is there (206) or anew (200); the SHA-256 that the whole must have."""
    tag = str(response.headers.get("ETag", ""))
    if not re.fullmatch(r'"[0-9a-f]{64}"', tag):
        raise ServerError("The server did not say what the file's checksum is.", status=response.status_code)
    goes_on = response.status_code == 206
    _tag_of(part).write_text(tag)
    done = part.stat().st_size if goes_on else 0
    total = done + int(response.headers.get("Content-Length") or 0)
    with part.open("ab" if goes_on else "wb") as file:
        for chunk in response.iter_raw():  # as they come: what is collected first would be lost with the connection
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    return tag.strip('"')


def _finish(part: Path, target: Path, checksum: str) -> Path:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    _tag_of(part).unlink(missing_ok=True)
    if found != checksum:
        part.unlink()
        raise ChecksumMismatch(f"{target.name} is not what the server has: try again.", code="checksum_mismatch")
    part.replace(target)
    return target
