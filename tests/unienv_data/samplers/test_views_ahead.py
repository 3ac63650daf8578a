"""Workers read through views what their owner would."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.batches import (
    CombinedBatch,
    FrameStackedBatch,
    SliceStackedBatch,
    SubIndexedBatch,
    SubItemBatch,
    ToBackendOrDeviceBatch,
    TransformedBatch,
)
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.samplers.travelling import pickled_reader
from unienv_data.testing import same
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace
from unienv_interface.transformations import (
    DictTransformation,
    ImageToFloatTransformation,
    RescaleTransformation,
)

EPISODES, LENGTH, BATCH = 9, 5, 4
IMAGE = (80, 96, 3)  # so large that workers decode batches where they are handed over
SPACE = DictSpace(
    B,
    {
        "image": BoxSpace(B, 0, 255, B.uint8, shape=IMAGE),
        "state": BoxSpace(B, -1.0, 1.0, B.float32, shape=(3,)),
        "task": TextSpace(B, 20),
    },
)


def only_even(batch: Any, rows: Any, data: Any, metadata: Any) -> Any:
    """Which steps to use: those of even rows."""
    return rows % 2 == 0


class Keeping:
    """A mask function that keeps what it has been shown, and refuses once that has changed."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Any]] = []

    def __call__(self, batch: Any, rows: Any, data: Any, metadata: Any) -> Any:
        for kept, copy in self._kept:
            if not np.array_equal(kept, copy):
                raise ValueError("what has been shown has changed")
        self._kept.append((data["image"], data["image"].copy()))
        return np.ones(rows.shape, dtype=bool)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "rows": lambda data: SubIndexedBatch(data, slice(3, 40, 2)),
    "column": lambda data: SubItemBatch(data, ["state"]),
    "windows": lambda data: SliceStackedBatch(data, [-2, 0, 3]),
    "windows with a mask": lambda data: SliceStackedBatch(data, range(-1, 2), only_even),
    "windows with a mask that keeps them": lambda data: SliceStackedBatch(data, [-1, 0], Keeping()),
    "windows of columns": lambda data: SliceStackedBatch(data, {"image": [-1, 0], "state": range(3)}),
    "whole windows": lambda data: FrameStackedBatch(data, 1, 2).complete(),
    "split": lambda data: FrameStackedBatch(data.split_episodes({"train": 0.7}, seed=1)["train"], 1, 0),
    "combination": lambda data: CombinedBatch([SubIndexedBatch(data, slice(0, 20)), data]),
    "transformation": lambda data: TransformedBatch(
        data,
        DictTransformation({"image": ImageToFloatTransformation(), "state": RescaleTransformation(0.0, 1.0)}),
    ),
    "windows of a transformation of a column": lambda data: SliceStackedBatch(
        TransformedBatch(SubItemBatch(data, ["state"]), RescaleTransformation(0.0, 10.0)), [0, 1]
    ),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    rng = np.random.default_rng(3)
    path: Path = tmp_path_factory.mktemp("views") / "data.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path) as writer:
        for number in range(EPISODES):
            writer.extend(
                {
                    "image": rng.integers(0, 256, (LENGTH, *IMAGE), dtype=np.uint8),
                    "state": rng.uniform(-1, 1, (LENGTH, 3)).astype(np.float32),
                    "task": np.array([f"task {number}"] * LENGTH, dtype=object),
                }
            )
    with ReplayBuffer.load_from(path) as reader:
        yield reader


def epochs(sampler: Any) -> list[Any]:
    return [list(sampler.epoch_iter_with_metadata()) for _ in range(2)]


@pytest.mark.parametrize("name", VIEWS)
def test_views_in_workers(data: Any, name: str) -> None:
    view = VIEWS[name](data)
    alone = epochs(StepSampler(view, BATCH, seed=5))
    assert alone[0]
    with MultiprocessingSampler(StepSampler(view, BATCH, seed=5), 2) as sampler:
        assert same(epochs(sampler), alone)


def test_views_in_spawned_workers(data: Any) -> None:
    view = VIEWS["windows with a mask"](VIEWS["split"](data).batch)
    alone = epochs(StepSampler(view, BATCH, seed=5))
    context: Any = multiprocessing.get_context("spawn")
    with MultiprocessingSampler(StepSampler(view, BATCH, seed=5), 2, ctx=context) as sampler:
        assert same(epochs(sampler), alone)


@requires_torch
def test_tensors_in_workers(data: Any) -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    windows = SliceStackedBatch(SubItemBatch(data, ["image"]), [-1, 0])
    view = ToBackendOrDeviceBatch(windows, PyTorchComputeBackend)
    alone = epochs(StepSampler(view, BATCH, seed=5))
    with MultiprocessingSampler(StepSampler(view, BATCH, seed=5), 2) as sampler:
        found = epochs(sampler)
    assert same(found, alone)
    assert isinstance(found[0][0][0], torch.Tensor)
    assert found[0][0][0].shape == (BATCH, 2, *IMAGE)


@pytest.mark.parametrize("name", VIEWS)
def test_only_what_no_function_has_seen_is_read_where_it_is_handed_over(data: Any, name: str) -> None:
    reader = pickle.loads(pickled_reader(StepSampler(VIEWS[name](data), BATCH)))
    shown_to_functions = ("mask", "transformation")
    assert reader.keeps_nothing == (
        name != "combination" and not any(word in name for word in shown_to_functions)
    )
