"""Random frames from a bucket by ranges, beside the same ranges asked of the client by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns
from benchmarks.report import Result
from benchmarks.suites.frames import FrameSuite
from tests.servers import S3Server, s3_server
from unienv_data.store.array import StoredArray
from unienv_data.store.objects import Range
from unienv_data.store.plan import plan_rows

Ranges = list[Range]


class Fetching(Contender):
    """Finding and fetching the chunks of random frames, whose indexes are known: all but decoding."""

    distribution = "unienv-data"
    client: ClassVar[Any]

    def __init__(self, server: S3Server, url: str, batches: list[NDArray[np.int64]]) -> None:
        self.buffer = unienv_data.open(url, storage_options=server.options, client=self.client)
        store = self.buffer.storage._store
        self.gather, self.reader = store._gather, store._reader
        arrays: dict[str, StoredArray] = {array.name: array for array in store.stored_arrays()}
        self.array, self.batches = arrays["image"], batches
        self.tail = self.reader._tail(self.array)
        for batch in batches:  # the indexes of all shards
            self.gather._locate(self.array, self._plan(batch).chunks, self.tail, None)

    def _plan(self, rows: NDArray[np.int64]) -> Any:
        return plan_rows(rows, self.array.entry.chunk_rows)

    def ranges(self, number: int) -> Ranges:
        """What is fetched in a round."""
        chunks = self._plan(self.batches[number]).chunks
        found: Ranges = self.gather._locate(self.array, chunks, self.tail, None).ranges(64 << 10)[0]
        return found

    def turn(self, number: int) -> float:
        """Seconds until the bytes of all frames are there."""
        start = time.perf_counter()
        located = self.gather._locate(self.array, self._plan(self.batches[number]).chunks, self.tail, None)
        data = self.gather._fetch(located)
        seconds = time.perf_counter() - start
        if len(data) != len(self.batches[number]):
            raise ValueError(f"{self.name}: not every frame came")
        return seconds

    def close(self) -> None:
        self.buffer.close()


class Whole(Fetching):
    """The same with decoding, as a user does."""

    def turn(self, number: int) -> float:
        start = time.perf_counter()
        self.buffer.storage.get(self.batches[number])
        return time.perf_counter() - start


class ThroughObstore(Fetching):
    """By obstore."""

    name = "frames by ranges, obstore"
    modules = ("obstore",)
    settings = "decoding excluded"
    client = "obstore"


class WholeThroughObstore(Whole):
    """By obstore."""

    name = "frames decoded, obstore"
    modules = ("obstore",)
    client = "obstore"


class ThroughS3fs(Fetching):
    """By s3fs."""

    name = "frames by ranges, s3fs"
    settings = "decoding excluded"
    client = "fsspec"


class Raw(Contender):
    """The same ranges, asked of the client by itself, all at once."""

    def __init__(self, server: S3Server, root: str, ranges: list[Ranges]) -> None:
        self.server, self.root, self.ranges = server, root, ranges
        self.setup()

    def setup(self) -> None:
        """Connect."""

    @abstractmethod
    def fetch(self, ranges: Ranges) -> list[Any]:
        """The bytes of all ranges."""

    def turn(self, number: int) -> float:
        """Seconds until all have come."""
        start = time.perf_counter()
        data = self.fetch(self.ranges[number])
        seconds = time.perf_counter() - start
        if [len(found) for found in data] != [item.stop - item.start for item in self.ranges[number]]:
            raise ValueError(f"{self.name}: other bytes came")
        return seconds


class RawObstore(Raw):
    """Asked of obstore."""

    name = "the same ranges, obstore alone"
    distribution = "obstore"
    modules = ("obstore",)
    settings = "get_range_async, gathered"

    def setup(self) -> None:
        """Open a store, and a loop in a thread of its own, as programs have that are not asynchronous."""
        from obstore.store import S3Store

        options = self.server.options
        self.store = S3Store(
            self.server.bucket,
            config={
                "access_key_id": options["key"],
                "secret_access_key": options["secret"],
                "endpoint": options["endpoint_url"],
                "region": "us-east-1",
            },
            client_options={"allow_http": True},
        )
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def fetch(self, ranges: Ranges) -> list[Any]:
        """All of them at once."""
        from obstore import get_range_async

        async def fetch() -> list[Any]:
            wanted = [
                get_range_async(self.store, f"{self.root}/{item.name}", start=item.start, end=item.stop)
                for item in ranges
            ]
            return list(await asyncio.gather(*wanted))

        return asyncio.run_coroutine_threadsafe(fetch(), self.loop).result()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class RawS3fs(Raw):
    """Asked of s3fs."""

    name = "the same ranges, s3fs alone"
    distribution = "s3fs"
    settings = "cat_ranges, 64 connections"

    def setup(self) -> None:
        """Connect."""
        wide = {"config_kwargs": {"max_pool_connections": 64}}
        self.filesystem = fsspec.filesystem("s3", **self.server.options, **wide)

    def fetch(self, ranges: Ranges) -> list[Any]:
        """All of them at once."""
        found: list[Any] = self.filesystem.cat_ranges(
            [f"{self.server.bucket}/{self.root}/{item.name}" for item in ranges],
            [item.start for item in ranges],
            [item.stop for item in ranges],
        )
        return found


@dataclass(frozen=True)
class BucketRowsSuite:
    """Random frames from an S3 server that runs here, or that `S3_ENDPOINT_URL` names.

    Attributes:
        frames: what is written.
        batch: frames a read.
    """

    frames: FrameSuite = field(default_factory=FrameSuite)
    batch: int = 256

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Put the frames into a bucket, and time reading them by ranges."""
        recording = self.frames.prepare(folder)
        rng = np.random.default_rng(0)
        batches = [rng.choice(len(recording), self.batch, replace=False) for _ in range(rounds + 1)]
        with s3_server() as server:
            filesystem = fsspec.filesystem("s3", **server.options)
            filesystem.put(str(recording.store), f"{server.bucket}/frames.zarr", recursive=True)
            kinds = [ThroughObstore, ThroughS3fs, WholeThroughObstore]
            ours = [kind(server, server.url("frames.zarr"), batches) for kind in kinds if kind.is_available()]
            ranges = [ours[0].ranges(number) for number in range(rounds + 1)]
            raw = [
                kind(server, "frames.zarr/storage", ranges)
                for kind in (RawObstore, RawS3fs)
                if kind.is_available()
            ]
            contenders: list[Any] = [*ours, *raw]
            for contender in contenders:
                contender.turn(rounds)
            timings = in_turns(contenders, rounds, lambda one, number: one.turn(number))
            for contender in contenders:
                contender.close()
        of = {timing.contender: timing for timing in timings}
        notes = {
            f"times_as_long_as_{client}_alone": round(of[mine].ratio_to(of[alone]), 3)
            for client, mine, alone in (
                ("obstore", ThroughObstore, RawObstore),
                ("s3fs", ThroughS3fs, RawS3fs),
            )
            if mine in of and alone in of
        }
        title = f"{self.batch} random rows of {len(recording):,} frames from a bucket, {server.kind}"
        return Result(title, self.batch, "rows", tuple(timings), notes=notes)
