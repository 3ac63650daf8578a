"""The shipped suites, unchanged, in a bucket: through obstore and through s3fs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.columns import columns_of
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.testing import (
    SPACES,
    BatchCase,
    BatchTests,
    BufferPlace,
    ReplayBufferTests,
    SamplerTests,
    StorageTests,
    values,
)
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace
from unienv_interface.space.space_utils import batch_utils

SOME_SPACES = ("empty_axis", "text", "robot", "graph_batch", "everything")


class InBucket:
    """What all have in common; the client is what opening a URL chooses by itself."""

    client: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _in_bucket(self, bucket: str) -> None:
        self.bucket = bucket


class Bucket(BufferPlace):
    """Datasets in a bucket, in a folder for each of the test's."""

    root = ""

    def url(self, folder: Path, name: str) -> str:
        return f"{self.root}/{name}"


class BuffersInBucket(InBucket, ReplayBufferTests):
    backend_names = ("numpy",)

    @pytest.fixture(autouse=True)
    def _place(self, bucket: str) -> None:
        place = Bucket()
        place.root = bucket
        self.place = place  # type: ignore[misc]


class StoragesInBucket(InBucket, StorageTests):
    backend_names = ("numpy",)

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        options = {"chunks": {"**": 2}, "shards": {"**": 4}} if columns_of(space).specs else {}
        path = f"{self.bucket}/storage.zarr"
        return ZarrStorage.create(space, capacity=capacity, cache_path=path, overwrite=True, **options)

    def open_storage(self, storage: Any, *, read_only: bool) -> Any:
        space = storage.single_instance_space
        return ZarrStorage.load_from(storage.cache_filename, space, read_only=read_only)


class BatchesInBucket(InBucket, BatchTests):
    def buffer(self, backend: Any) -> tuple[Any, list[Any]]:
        rows = values("robot", backend, count=8, seed=0)[-8:]
        space, url = SPACES["robot"](backend), f"{self.bucket}/data.zarr"
        buffer = ReplayBuffer.create(ZarrStorage, space, cache_path=url)
        for start, stop in ((0, 3), (3, 4), (4, 8)):
            buffer.extend(batch_utils.concatenate(space, rows[start:stop]))
            buffer.mark_segment_end()
        buffer.close()
        buffer = ReplayBuffer.load_from(url, backend=backend)
        self.ends.callback(buffer.close)
        return buffer, rows

    def make(self, backend: Any) -> BatchCase:
        return BatchCase(*self.buffer(backend))


class SamplersInBucket(InBucket, SamplerTests):
    """By blocks, which is what remote data are shuffled by."""

    @pytest.fixture(autouse=True)
    def _closing(self, s3: S3Server) -> Iterator[None]:
        # Workers have the environment of when their server began: they are told where the bucket is.
        self.options = s3.options
        with contextlib.ExitStack() as self.ends:
            yield

    def make_data(self, length: int) -> Any:
        space = BoxSpace(NumpyComputeBackend, 0, 2**40, NumpyComputeBackend.int64, shape=())
        url, options = f"{self.bucket}/{length}.zarr", {"chunks": {"**": 2}, "shards": {"**": 4}}
        if not ReplayBuffer.is_loadable_from(url):
            with ReplayBuffer.create(ZarrStorage, space, cache_path=url, **options) as buffer:
                buffer.extend(np.arange(length))
        opened = ReplayBuffer.load_from(url, client=self.client, storage_options=self.options)
        return self.ends.enter_context(opened)

    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return StepSampler(data, batch_size, **options)


class WorkersInBucket(SamplersInBucket):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MultiprocessingSampler(StepSampler(data, batch_size, **options), 2, 4)


@requires_s3
@requires_obstore
class TestBatchesThroughObstore(BatchesInBucket):
    client = "obstore"


@requires_s3
@pytest.mark.slow
class TestMoreBuffersThroughS3fs(BuffersInBucket):
    client = "fsspec"
    space_names = SOME_SPACES


@requires_s3
@requires_obstore
@pytest.mark.slow
class TestMoreBuffersThroughObstore(BuffersInBucket):
    client = "obstore"
    space_names = SOME_SPACES


@requires_s3
@requires_obstore
@pytest.mark.slow
class TestMoreStoragesThroughObstore(StoragesInBucket):
    client = "obstore"


@requires_s3
@pytest.mark.slow
class TestMoreStoragesThroughS3fs(StoragesInBucket):
    client = "fsspec"


@requires_s3
@requires_obstore
class TestSamplersThroughObstore(SamplersInBucket):
    client = "obstore"


@requires_s3
@pytest.mark.slow
class TestSamplersThroughS3fs(SamplersInBucket):
    client = "fsspec"


@requires_s3
@requires_obstore
@pytest.mark.slow
class TestWorkersThroughObstore(WorkersInBucket):
    client = "obstore"


@requires_s3
@pytest.mark.slow
class TestWorkersThroughS3fs(WorkersInBucket):
    client = "fsspec"


@requires_s3
@pytest.mark.slow
class TestBatchesThroughS3fs(BatchesInBucket):
    client = "fsspec"
