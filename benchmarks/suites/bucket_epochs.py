"""Epochs from a bucket, block by block, beside downloading and decoding the same shards and nothing else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import numpy as np

import unienv_data
from benchmarks.contender import Contender
from benchmarks.loaders import INDEX
from benchmarks.measure import in_turns
from benchmarks.report import Result
from benchmarks.suites.epochs import EpochSuite
from tests.servers.s3 import S3Server, s3_server
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.store import pool
from unienv_data.store.objects import open_objects
from unienv_data.store.shard import TAG_BYTES, decode_index, index_bytes
from unienv_data.testing import filesystems

DOWNLOADS = 8
"""Shards that are downloaded at a time, as by the samplers."""


@dataclass
class Place:
    """Where the dataset stands, and how it is opened.

    Attributes:
        url: of the dataset.
        options: storage options.
        rows: how many it has.
        batch: rows of a batch.
        near: a copy on this machine's disk.
    """

    url: str
    options: dict[str, Any]
    rows: int
    batch: int
    near: Path


class BucketEpoch(Contender):
    """An epoch from a bucket, by whatever client is the default; opened anew each time."""

    distribution = "unienv-data"
    client: ClassVar[str | None] = None
    seconds: ClassVar[float] = 0.0
    workers: ClassVar[int] = 0
    bytes_ratio: ClassVar[float] = 0.0
    """Bytes read of the bytes stored, in the last epoch."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def open(self) -> Any:
        """The dataset."""
        url, options = self.place.url, dict(self.place.options)
        if self.seconds:
            protocol = filesystems.DelayingFileSystem.own_protocol
            url = f"{protocol}::{url}"
            options = {protocol: {"seconds": self.seconds}, "s3": options}
        return unienv_data.open(url, storage_options=options, client=self.client)

    def turn(self, number: int) -> float:
        """Seconds of an epoch, the first batch included."""
        with self.open() as buffer:
            sampler: Any = StepSampler(buffer, self.place.batch, seed=number)
            if self.workers:
                sampler = MultiprocessingSampler(sampler, self.workers)
                sampler.sample()  # so that workers are there
            start = time.perf_counter()
            seen = [batch[INDEX] for batch in sampler]
            seconds = time.perf_counter() - start
            stored = sum(column.stored_bytes for column in buffer.storage.describe())
            type(self).bytes_ratio = round(sampler.traffic.bytes_read / stored, 4)
            if self.workers:
                sampler.close()
        if len(np.unique(np.concatenate(seen))) != self.place.rows:
            raise ValueError(f"{self.name}: an epoch did not have every row once")
        return seconds


class Frames(BucketEpoch):
    """By s3fs."""

    name = "StepSampler, shuffle='block'"
    settings = "s3fs"
    client = "fsspec"


class FarFrames(Frames):
    """By s3fs, from a bucket that is further away."""

    name = "the same, 30 ms to every request"
    seconds = 0.03


class ObstoreFrames(BucketEpoch):
    """By obstore."""

    name = "StepSampler, obstore"
    modules = ("obstore",)
    settings = "obstore"
    client = "obstore"


class WorkerFrames(Frames):
    """By s3fs, read by workers."""

    name = "MultiprocessingSampler"
    settings = "s3fs, 2 workers, their start included"
    workers = 2


class DownloadAndDecode(Contender):
    """Every shard of every column downloaded and decoded, in random order, the two overlapped: a bound."""

    name = "download and decode, s3fs"
    distribution = "s3fs"
    settings = f"{DOWNLOADS} shards at a time"
    client: ClassVar[str | None] = "fsspec"

    def __init__(self, place: Place) -> None:
        self.place = place
        with unienv_data.open(place.near) as buffer:
            store = buffer.storage._store
            self.arrays = {array.name: array for array in store.stored_arrays()}
            length = store._commit.logs["rows"].length
        self.shards = [
            (array, number)
            for array in self.arrays.values()
            for number in range(-(-length // array.entry.shard_rows))
        ]

    def turn(self, number: int) -> float:
        """Seconds until all has been decoded."""
        options = dict(self.place.options)
        objects = open_objects(self.place.url, options, client=self.client).below("storage")  # type: ignore[arg-type]
        order = np.random.default_rng(number).permutation(len(self.shards)).tolist()
        start = time.perf_counter()
        decoded = sum(self._decode(*found) for found in self._downloaded(objects, order))
        seconds = time.perf_counter() - start
        if not decoded:
            raise ValueError("there was nothing to decode")
        return seconds

    def _downloaded(self, objects: Any, order: list[int]) -> Iterator[tuple[Any, bytes]]:
        with ThreadPoolExecutor(DOWNLOADS) as threads:
            under_way: deque[tuple[Any, Future[bytes]]] = deque()
            for place in order:
                array, shard = self.shards[place]
                under_way.append((array, threads.submit(objects.read, array.shard_object(shard))))
                if len(under_way) > DOWNLOADS:
                    array, future = under_way.popleft()
                    yield array, future.result()
            for array, future in under_way:
                yield array, future.result()

    def _decode(self, array: Any, data: bytes) -> int:
        """Decode all chunks of a shard; gives the bytes."""
        end = len(data) - index_bytes(array.chunks_per_shard)
        index = decode_index(data[end:], array.chunks_per_shard)
        if end < TAG_BYTES:
            raise ValueError("the shard is too short")
        places = index[index[:, 0] >= 0].tolist()
        out = np.empty((len(places), array.chunk.nbytes), dtype=np.uint8)
        view = memoryview(data)

        def decode(first: int, stop: int) -> None:
            for number in range(first, stop):
                begin, length = places[number]
                array.codec.decode(view[begin : begin + length], out[number])

        pool.in_spans(decode, len(places), least=-(-array.codec.thread_bytes // array.chunk.nbytes))
        return out.nbytes


class ObstoreDownloadAndDecode(DownloadAndDecode):
    """The same by obstore."""

    name = "download and decode, obstore"
    distribution = "obstore"
    modules = ("obstore",)
    client = "obstore"


@dataclass(frozen=True)
class BucketEpochSuite:
    """A shuffled epoch of frames and numbers from a bucket, opened anew in every round.

    Attributes:
        rows: what is written.
    """

    rows: EpochSuite = field(default_factory=lambda: EpochSuite(episodes=200))

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Put the rows into a bucket of a server that runs here, or that is given, and time epochs."""
        work = self.rows.prepare(folder)
        with s3_server() as server:
            place = self._put(server, Path(work.recording.store), len(work.recording), work.batch)
            contenders: list[Any] = [
                kind(place)
                for kind in (
                    Frames,
                    DownloadAndDecode,
                    FarFrames,
                    WorkerFrames,
                    ObstoreFrames,
                    ObstoreDownloadAndDecode,
                )
                if kind.is_available()
            ]
            for contender in contenders:
                contender.turn(1000)
            timings = in_turns(contenders, rounds, lambda one, number: one.turn(number))
        of = {timing.contender: timing for timing in timings}
        notes = {
            "rate_of_download_and_decode_reached": round(of[DownloadAndDecode].ratio_to(of[Frames]), 3),
            "rate_kept_with_30_ms_to_every_request": round(1 / of[FarFrames].ratio_to(of[Frames]), 3),
            "bytes_read_of_stored_bytes": Frames.bytes_ratio,
            "bytes_read_of_stored_bytes_by_workers": WorkerFrames.bytes_ratio,
        }
        if ObstoreFrames in of:
            reached = of[ObstoreDownloadAndDecode].ratio_to(of[ObstoreFrames])
            notes["rate_of_download_and_decode_reached_by_obstore"] = round(reached, 3)
        title = f"block-shuffled {self.rows.title(work)}, from {server.kind}"
        return Result(title, len(work.recording), "rows", tuple(timings), notes=notes)

    def _put(self, server: S3Server, near: Path, rows: int, batch: int) -> Place:
        filesystem = fsspec.filesystem("s3", **server.options)
        filesystem.put(str(near), f"{server.bucket}/epochs.zarr", recursive=True)
        return Place(server.url("epochs.zarr"), server.options, rows, batch, near)
