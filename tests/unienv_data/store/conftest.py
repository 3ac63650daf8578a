"""Places that hold objects, an S3 server among them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import requires_moto
from unienv_data.store.objects import ObjectStore, open_objects

# It ends with its standard input, and so with whoever started it, however that ends.
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
server.stop()
"""

BUCKET = "store-tests"


@pytest.fixture(scope="session")
def s3_options() -> Iterator[dict[str, Any]]:
    """Storage options of an S3 server that has the bucket BUCKET."""
    import fsspec

    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address, "the S3 server did not start"
        options = {"key": "testing", "secret": "testing", "endpoint_url": f"http://{address}"}
        fsspec.filesystem("s3", **options).mkdir(BUCKET)
        yield options
    finally:
        server.kill()
        server.wait()
        for stream in (server.stdin, server.stdout):
            assert stream is not None
            stream.close()


Opener = Callable[[], ObjectStore]
"""Opens one and the same place anew, as another process would."""


@pytest.fixture(params=["local", "memory", "fsspec memory", pytest.param("s3", marks=requires_moto)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """A fresh, empty place of each kind."""
    kind = request.param
    name = uuid.uuid4().hex
    if kind == "local":
        yield lambda: open_objects(tmp_path / "root")
    elif kind == "memory":
        whole = open_objects(None)
        yield lambda: whole.below("root")
    elif kind == "fsspec memory":
        yield lambda: open_objects(f"memory://{name}/root")
    else:
        options = request.getfixturevalue("s3_options")
        yield lambda: open_objects(f"s3://{BUCKET}/{name}/root", options)
    if kind == "fsspec memory":
        open_objects(f"memory://{name}").delete_all()


@pytest.fixture
def objects(opener: Opener) -> ObjectStore:
    return opener()
