"""Faults on the wire between a client and a real server: what either client makes of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from tests.servers.faulty_proxy import FaultyProxy, faulty_proxy
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import UnreachableError
from unienv_data.store.objects import ObjectStore, Range, open_objects, patience
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace

SLOW = pytest.mark.slow
FAULTS = [
    "truncated",
    "lost answer",
    *(pytest.param(fault, marks=SLOW) for fault in ("reset", "503", "500", "429")),
]
DATA = bytes(range(256)) * 40
SPACE = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(16, 16))
ROWS = np.random.default_rng(0).integers(0, 255, (40, 16, 16), dtype=np.uint8)

pytestmark = requires_s3


@pytest.fixture(params=["fsspec", pytest.param("obstore", marks=requires_obstore)])
def client(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    with faulty_proxy(s3.options["endpoint_url"]) as proxy:
        yield proxy


def opened(s3: S3Server, proxy: FaultyProxy, client: Any, name: str, seconds: float = 20.0) -> ObjectStore:
    options = {**s3.options, "endpoint_url": proxy.url}
    return open_objects(s3.url(name), options, client=client, retry_seconds=seconds)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_request_survives_a_fault(s3: S3Server, proxy: FaultyProxy, client: Any, fault: str) -> None:
    objects = opened(s3, proxy, client, uuid.uuid4().hex)
    objects.write("a", [DATA])

    def twice(use: Any) -> Any:
        proxy.faults = [fault, fault]
        found = use()
        assert len(proxy.faults) < 2
        proxy.faults = []
        return found

    assert twice(lambda: objects.read("a")) == DATA
    ranges = [Range("a", 10 * place, 10 * place + 700) for place in range(20)]
    assert twice(lambda: objects.read_ranges(ranges)) == [DATA[item.start : item.stop] for item in ranges]
    assert twice(lambda: objects.read_end("a", 100)) == DATA[-100:]
    assert twice(lambda: objects.list("")) == ["a"]
    assert twice(lambda: objects.size("a")) == len(DATA)
    twice(lambda: objects.write("b", [DATA[:50]]))
    assert objects.read("b") == DATA[:50]
    twice(lambda: objects.create("c", b"mine"))
    assert objects.read("c") == b"mine"
    with pytest.raises(FileExistsError):
        twice(lambda: objects.create("c", b"another's"))
    assert objects.read("c") == b"mine"
    twice(lambda: objects.delete(["c"]))
    assert objects.list("") == ["a", "b"]


def test_a_server_that_says_nothing_is_given_up(s3: S3Server, proxy: FaultyProxy, client: Any) -> None:
    name = uuid.uuid4().hex
    opened(s3, proxy, client, name).write("a", [DATA])
    objects = opened(s3, proxy, client, name, 1.0)
    proxy.faults = ["silent"] * 10
    with pytest.raises(UnreachableError, match=r"no answer in \d"):
        objects.read("a")
    proxy.faults = []
    assert objects.read("a") == DATA


@SLOW
@pytest.mark.parametrize("fault", ["wrong", "truncated"])
def test_rows_are_right_whatever_comes_over_the_wire(
    s3: S3Server, proxy: FaultyProxy, client: Any, fault: str
) -> None:
    url = s3.url(uuid.uuid4().hex, "data.zarr")
    options = {"storage_options": {**s3.options, "endpoint_url": proxy.url}, "client": client}
    buffer = ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=url, chunks={"**": 1}, shards={"**": 16}, **options
    )
    buffer.extend(ROWS)
    buffer.mark_segment_end()
    buffer.close()
    before = proxy.requests
    with unienv_data.open(url, **options) as reader:
        assert (reader[:] == ROWS).all()
    for number in range(proxy.requests - before):
        proxy.faults = [*[None] * number, fault]
        with unienv_data.open(url, **options) as reader:
            assert (reader[:] == ROWS).all()
            assert [list(map(int, span)) for span in reader.get_segments()] == [[0, 40]]
