"""Rollouts as TorchRL collects them, and places to put them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.storages import CompressedListStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.backends import load_backend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace

torch: Any = pytest.importorskip("torch")
pytest.importorskip("torchrl")


def space(backend: Any = B) -> DictSpace[Any, Any, Any, Any]:
    parts = {"obs": BoxSpace(backend, 0, 255, backend.uint8, shape=(4, 4, 3))}
    result = {
        "done": BinarySpace(backend, (1,)),
        "reward": BoxSpace(backend, -np.inf, np.inf, backend.float32, shape=(1,)),
    }
    return DictSpace(backend, {**parts, "next": DictSpace(backend, result)})


def rollout(count: int, seed: int = 0) -> Any:
    """A TensorDict of `count` steps, in episodes of five."""
    from tensordict import TensorDict

    rng = torch.Generator().manual_seed(seed)
    done = torch.zeros(count, 1, dtype=torch.bool)
    done[4::5] = True
    obs = torch.randint(0, 256, (count, 4, 4, 3), generator=rng, dtype=torch.uint8)
    reward = torch.rand(count, 1, generator=rng)
    return TensorDict({"obs": obs, "next": {"done": done, "reward": reward}}, [count])


def _compressed_buffer(capacity: int | None, backend: Any = B) -> Any:
    options: Any = {"maintain_segment_metadata": True}
    return ReplayBuffer.create(CompressedListStorage, space(backend), capacity=capacity, **options)


SOURCES: dict[str, Callable[[int | None], Any]] = {
    "zarr buffer": lambda capacity: ReplayBuffer.create(ZarrStorage, space(), capacity=capacity),
    "compressed buffer": _compressed_buffer,
    "torch buffer": lambda capacity: _compressed_buffer(capacity, load_backend("pytorch")),
    "zarr storage": lambda capacity: ZarrStorage.create(space(), capacity=capacity),
    "compressed storage": lambda capacity: CompressedListStorage.create(space(), capacity=capacity),
    "list": lambda capacity: CompressedListStorage(capacity),
}
