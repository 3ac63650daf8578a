"""Buffers and every view of them, through the shipped suite."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_data import (
    CombinedBatch,
    FrameStackedBatch,
    ReplayBuffer,
    SliceStackedBatch,
    SubIndexedBatch,
    SubItemBatch,
    ToBackendOrDeviceBatch,
    TransformedBatch,
    ZarrStorage,
)
from unienv_data.testing import SPACES, BatchCase, BatchTests, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.transformations import FilterDictTransformation, IdentityTransformation

NUMPY = NumpyComputeBackend
LENGTHS = (3, 1, 4)


class BufferCase(BatchTests):
    """Makes buffers of 8 rows in 3 episodes, which are read from disk."""

    on_disk = False

    def buffer(self, backend: Any, seed: int = 0, **options: Any) -> tuple[Any, list[Any]]:
        rows = values("robot", backend, count=8, seed=seed)[-8:]
        space = SPACES["robot"](backend)
        path = str(self.folder / f"{seed}.zarr") if self.on_disk else None
        buffer = ReplayBuffer.create(ZarrStorage, space, cache_path=path, **options)
        start = 0
        for length in LENGTHS:
            buffer.extend(batch_utils.concatenate(space, rows[start : start + length]))
            start += length
        if path is not None:
            buffer.close()
            buffer = ReplayBuffer.load_from(path, backend=backend)
        self.ends.callback(buffer.close)
        return buffer, rows


class TestBuffer(BufferCase):
    writes = appends = True

    def make(self, backend: Any) -> BatchCase:
        return BatchCase(*self.buffer(backend))


class TestTurnedRing(BufferCase):
    writes = True
    appends = False  # appending evicts

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend, capacity=6)
        return BatchCase(buffer, rows[2:])

    def test_what_cannot_be_changed_says_so(self, backend: Any) -> None:
        """Does not apply: a ring can be appended to."""


class TestReader(BufferCase):
    on_disk = pickles = True

    def make(self, backend: Any) -> BatchCase:
        return BatchCase(*self.buffer(backend))


class TestSubIndexed(BufferCase):
    writes = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        return BatchCase(SubIndexedBatch(buffer, [7, 2, 3, 4, 0]), [rows[i] for i in (7, 2, 3, 4, 0)])

    def test_segments_of_slices(self, backend: Any) -> None:
        batch = self.make(backend).batch
        assert batch.get_segments() == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


class TestSplit(BufferCase):
    writes = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        view = buffer.split_episodes({"all": 1.0})["all"]
        return BatchCase(view, rows)


class TestSubItem(BufferCase):
    on_disk = pickles = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        return BatchCase(SubItemBatch(buffer, ["observation"]), [row["observation"] for row in rows])


class TestCombined(BufferCase):
    writes = True

    def make(self, backend: Any) -> BatchCase:
        first, rows = self.buffer(backend)
        second, more = self.buffer(backend, seed=1)
        empty = first.get_slice([])
        batch = CombinedBatch([first.get_slice(slice(2, None)), empty, second], use_thread_pool=True)
        dtype = backend.default_integer_dtype
        owners = [0] * 6 + [2] * 8
        known = [{"batch_index": backend.asarray(owner, dtype=dtype)} for owner in owners]
        return BatchCase(batch, rows[2:] + more, known)


class WindowCase(BufferCase):
    """Windows by a model of their own."""

    steps: Any = (-1, 0)

    def windows(self, batch: Any, rows: list[Any], backend: Any) -> BatchCase:
        edges = np.cumsum((0, *LENGTHS))
        space, found, known = batch.batch.single_space, [], []
        for row in range(len(rows)):
            low = int(edges[np.searchsorted(edges, row, side="right") - 1])
            high = int(edges[np.searchsorted(edges, row, side="right")]) - 1
            wanted = [row + step for step in self.steps]
            cut = [min(max(step, low), high) for step in wanted]
            found.append(batch_utils.concatenate(space, [rows[step] for step in cut]))
            known.append(
                {"slice_valid_mask": backend.asarray([a == b for a, b in zip(wanted, cut, strict=True)])}
            )
        return BatchCase(batch, found, known)


class TestFrameStacked(WindowCase):
    on_disk = pickles = True
    steps = (-2, -1, 0, 1)

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        return self.windows(FrameStackedBatch(buffer, 2, 1), rows, backend)


class TestSliceStacked(WindowCase):
    steps = (-3, 0, 2)

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        return self.windows(SliceStackedBatch(buffer, backend.asarray(self.steps)), rows, backend)


class TestStepsByColumn(BufferCase):
    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        windows = SliceStackedBatch(
            buffer, {"observation/images": [-1, 0], "done": range(3), "**/joints/1": [1]}
        )
        edges = [0, 3, 4, 8]
        found, known = [], []
        for row, value in enumerate(rows):
            low = max(edge for edge in edges if edge <= row)
            high = min(edge for edge in edges if edge > row) - 1

            def leaf(offsets: Any, name: Any, row: int = row, low: int = low, high: int = high) -> Any:
                return backend.stack([name(rows[min(max(row + o, low), high)]) for o in offsets])

            seen = dict(value["observation"])
            seen["images"] = {"top": leaf([-1, 0], lambda r: r["observation"]["images"]["top"])}
            seen["joints"] = (seen["joints"][0], leaf([1], lambda r: r["observation"]["joints"][1]))
            done = leaf(range(3), lambda r: r["done"])
            found.append({"done": done, "observation": seen, "task": value["task"]})
            mask = {
                "**/joints/1": backend.asarray([row + 1 <= high]),
                "done": backend.asarray([row + o <= high for o in range(3)]),
                "observation/images": backend.asarray([row - 1 >= low, True]),
            }
            known.append({"slice_valid_mask": mask})
        return BatchCase(windows, found, known)


class TestToBackend(BufferCase):
    writes = appends = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(NUMPY)
        batch = ToBackendOrDeviceBatch(buffer, backend, backend.canonical_device("cpu"))
        return BatchCase(batch, [buffer.single_space.data_to(row, backend=backend) for row in rows])


class TestTransformed(BufferCase):
    writes = appends = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        return BatchCase(TransformedBatch(buffer, IdentityTransformation()), rows)


class TestTransformedOneWay(BufferCase):
    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        batch = TransformedBatch(buffer, FilterDictTransformation(["done", "task"]))
        return BatchCase(batch, [{"done": row["done"], "task": row["task"]} for row in rows])


class TestViewsOfEveryView(BufferCase):
    """Windows of a split of two buffers, on another backend."""

    def make(self, backend: Any) -> BatchCase:
        first, rows = self.buffer(NUMPY)
        second, more = self.buffer(NUMPY, seed=1)
        combined = CombinedBatch([first, second])
        windows = FrameStackedBatch(combined.get_slice(slice(3, 12)), 0, 1)
        batch = ToBackendOrDeviceBatch(windows, backend)
        every = [*rows, *more][3:12]
        ends = [0, 4, 7, 8]
        found, known = [], []
        for row in range(9):
            after = row if row in ends else row + 1
            window = batch_utils.concatenate(first.single_space, [every[row], every[after]])
            found.append(windows.single_space.data_to(window, backend=backend))
            known.append(
                {
                    "batch_index": backend.asarray(int(row > 4), dtype=backend.default_integer_dtype),
                    "slice_valid_mask": backend.asarray([True, after > row]),
                }
            )
        return BatchCase(batch, found, known)
