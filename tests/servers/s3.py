"""An S3 endpoint: the one that `S3_ENDPOINT_URL` names, a Ceph RADOS Gateway, or moto."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.radosgw import has_radosgw

__all__ = ["S3Server", "s3_kind", "s3_server"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class S3Server:
    """An S3 server that runs.

    Attributes:
        kind: "given", "radosgw" or "moto".
        options: storage options that reach it: key, secret, endpoint_url.
        bucket: an empty bucket of its user's own.
    """

    kind: str
    options: dict[str, Any]
    bucket: str

    def url(self, *names: str) -> str:
        """An S3 URL below the bucket."""
        return "/".join([f"s3://{self.bucket}", *names])


def s3_kind() -> str | None:
    """Which server there is; None where there is none."""
    if os.environ.get("S3_ENDPOINT_URL"):
        return "given"
    if has_radosgw():
        return "radosgw"
    return "moto" if importlib.util.find_spec("moto") is not None else None


@contextmanager
def s3_server(kind: str | None = None) -> Iterator[S3Server]:
    """A server with a bucket of its own, until the context is left.

    Args:
        kind: as `s3_kind` says; None for what there is.
    """
    kind = kind or s3_kind()
    if kind == "given":
        yield from _with_bucket(
            kind,
            {
                "key": os.environ.get("AWS_ACCESS_KEY_ID"),
                "secret": os.environ.get("AWS_SECRET_ACCESS_KEY"),
                "endpoint_url": os.environ["S3_ENDPOINT_URL"],
            },
        )
        return
    # It ends with its standard input, and so with whoever started it, however that ends.
    server = subprocess.Popen(
        [sys.executable, str(_FOLDER / ("radosgw.py" if kind == "radosgw" else "moto_s3.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        said = server.stdout.readline()
        if not said:
            raise RuntimeError(f"the S3 server ({kind}) did not start")
        yield from _with_bucket(str(kind), json.loads(said), remove=False)
    finally:
        server.stdin.close()
        server.stdout.close()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _with_bucket(kind: str, options: dict[str, Any], *, remove: bool = True) -> Iterator[S3Server]:
    import fsspec

    filesystem = fsspec.filesystem("s3", **options)
    bucket = f"unienv-data-{uuid.uuid4().hex[:12]}"
    filesystem.mkdir(bucket)
    try:
        yield S3Server(kind, options, bucket)
    finally:
        if remove:
            filesystem.invalidate_cache()
            filesystem.rm(bucket, recursive=True)
