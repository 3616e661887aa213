"""An S3-compatible server of ours with one bucket, which the product is set to ask too (extra s3, moto's server)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest


@contextmanager
def bucket_server(settings: Any, tmp_path: Path, monkeypatch: Any) -> Iterator[Any]:
    """A client of it. Open for imports: leaves, which is there and empty, and gone, which is not."""
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings.S3_ENDPOINT, settings.S3_BUCKETS = f"http://{host}:{port}", ["leaves", "gone"]
    settings.MEDIA_DIR, settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "media", tmp_path / "incoming"
    # What it holds belongs to this process, and outlives a server.
    urlopen(f"{settings.S3_ENDPOINT}/moto-api/reset", data=b"").close()
    made = boto3.client("s3", endpoint_url=settings.S3_ENDPOINT)
    made.create_bucket(Bucket="leaves")
    try:
        yield made
    finally:
        server.stop()
