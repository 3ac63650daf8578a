"""Places that hold objects, an S3 server among them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from unienv_data.store.objects import ObjectStore, open_objects

Opener = Callable[[], ObjectStore]
"""Opens one and the same place anew, as another process would."""


@pytest.fixture(
    params=[
        "local",
        "memory",
        "fsspec memory",
        pytest.param("fsspec", marks=requires_s3),
        pytest.param("obstore", marks=[requires_s3, requires_obstore]),
    ]
)
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
        server: S3Server = request.getfixturevalue("s3")
        yield lambda: open_objects(server.url(name, "root"), server.options, client=kind)
    if kind == "fsspec memory":
        open_objects(f"memory://{name}").delete_all()


@pytest.fixture
def objects(opener: Opener) -> ObjectStore:
    return opener()
