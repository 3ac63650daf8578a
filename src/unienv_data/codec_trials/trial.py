"""One codec, tried on one column: written to a dataset, read back at random, compared."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

import fsspec
import numpy as np
from numpy.typing import NDArray

from unienv_data.codec_trials.quality import as_pictures, psnr, ssim
from unienv_data.codec_trials.sample import SampledColumn
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import DictSpace
from unienv_interface.space.space import AnySpace

__all__ = ["Trial", "run_trial"]

WINDOW = 16
"""Rows that follow one another, as in a window of training."""
_BATCH = 64
_SPARSE = 32
_SLICE = 16
_SSIM_PIXELS = 2 << 20
_KEY = "rows"


@dataclass(frozen=True)
class Trial:
    """What came of it. Rates are of this machine, with as many threads as the store uses.

    Attributes:
        column: the column.
        codec: the specification.
        lossy: whether the codec may change values.
        exact: whether every value of the sample came back as it was.
        rows: rows that were written.
        raw_bytes: of these, as plain arrays.
        stored_bytes: of these, as stored.
        write_rate: rows/s, encoded and put into shards.
        read_rate: rows/s, single rows at random.
        window_rate: rows/s, windows of 16 rows at random.
        psnr: in dB; None where nothing differs, or where rows are no unsigned integers.
        ssim: mean structural similarity; None likewise.
    """

    column: str
    codec: str
    lossy: bool
    exact: bool
    rows: int
    raw_bytes: int
    stored_bytes: int
    write_rate: float
    read_rate: float
    window_rate: float
    psnr: float | None
    ssim: float | None


def run_trial(sample: SampledColumn, codec: str, *, seconds: float = 2.0) -> Trial:
    """Try a codec on a sample, in a folder for temporary files.

    Args:
        sample: rows of a column.
        codec: the specification.
        seconds: how long to write, and again as long to read, at most; slow codecs get a shorter sample.

    Raises:
        CodecError: the codec cannot hold such rows.
        MissingDependencyError: it needs a package that is not installed.
    """
    space = DictSpace(NumpyComputeBackend, {_KEY: sample.space})
    with tempfile.TemporaryDirectory(prefix="unienv-data-codecs-") as folder:
        root = str(Path(folder) / "trial.zarr")
        # Written to memory: a disk that is slow to sync would say more of itself than of the codec.
        with _in_memory(space, codec) as buffer:
            started = time.perf_counter()
            _write(buffer, sample, started + seconds)
            buffer.seal()
            written = time.perf_counter() - started
            storage = cast("ZarrStorage[Any, Any, Any, Any, Any]", buffer.storage)
            (info,) = storage.describe()
            buffer.dumps(root)
        with open_dataset(root) as reader:
            rows = len(reader)
            read_rate = _rate(reader, 1, seconds / 2)
            window_rate = _rate(reader, min(WINDOW, rows), seconds / 2)
            decoded = np.asarray(reader.get_at(range(rows))[_KEY])
    frames = np.concatenate(sample.runs)[:rows]
    exact = frames.tobytes() == decoded.tobytes()
    comparable = not exact and frames.dtype.kind == "u" and frames.ndim > 2
    return Trial(
        column=sample.name,
        codec=codec,
        lossy=info.lossy,
        exact=exact,
        rows=rows,
        raw_bytes=info.raw_bytes,
        stored_bytes=info.stored_bytes,
        write_rate=rows / written,
        read_rate=read_rate,
        window_rate=window_rate,
        psnr=psnr(frames, decoded) if comparable else None,
        ssim=_ssim_of_some(frames, decoded) if comparable else None,
    )


@contextmanager
def _in_memory(space: AnySpace, codec: str) -> Iterator[ReplayBuffer[Any, Any, Any, Any, Any]]:
    """A buffer that is written like one on a disk, and is gone at the end."""
    root = f"/unienv-data-codecs-{secrets.token_hex(8)}"
    memory = fsspec.filesystem("memory")
    try:
        with ReplayBuffer.create(
            ZarrStorage, space, cache_path=f"memory:/{root}", capacity=None, codecs={_KEY: codec}
        ) as buffer:
            yield buffer
    finally:
        if memory.exists(root):
            memory.rm(root, recursive=True)


def _write(buffer: ReplayBuffer[Any, Any, Any, Any, Any], sample: SampledColumn, deadline: float) -> None:
    """Write the runs as segments, until they or the time are over; always something."""
    for run in sample.runs:
        for start in range(0, len(run), _SLICE):
            buffer.append_batch({_KEY: run[start : start + _SLICE]})
            if time.perf_counter() > deadline:
                buffer.mark_segment_end(commit=False)
                return
        buffer.mark_segment_end(commit=False)


def _rate(buffer: ReplayBuffer[Any, Any, Any, Any, Any], window: int, seconds: float) -> float:
    """Rows/s of windows at random, by the median of some reads after a first one.

    A read is of few rows beside the sample's: as in a large dataset, it seldom asks for two of a group.
    """
    count = min(max(len(buffer) // (_SPARSE * window), 1), _BATCH)
    random = np.random.default_rng(0)
    took: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(took) < 4 or (time.perf_counter() < deadline and len(took) < 200):
        starts = random.integers(0, len(buffer) - window + 1, count)
        rows = (starts[:, None] + np.arange(window)).reshape(-1)
        started = time.perf_counter()
        buffer.get_at(rows)
        took.append(time.perf_counter() - started)
    return count * window / median(took[1:])


def _ssim_of_some(frames: NDArray[Any], decoded: NDArray[Any]) -> float:
    """Of rows evenly spread, no more than a second's work."""
    pixels = int(np.prod(as_pictures(frames[:1]).shape))
    count = max(min(_SSIM_PIXELS // pixels, len(frames)), 1)
    some = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(np.int64))
    return ssim(frames[some], decoded[some])
