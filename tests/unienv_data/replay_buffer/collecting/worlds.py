"""Worlds that count, whose every transition says which slot, episode and step it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.env_base import Env
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, Space, TextSpace
from unienv_interface.space.space_utils.batch_utils import batch_space

INF = float("inf")


def counts(backend: Any, shape: tuple[int, ...]) -> Space[Any, Any, Any, Any]:
    return BoxSpace(backend, 0, 10**6, backend.int64, shape=shape)


class CountingWorld(Env[Any, Any, Any, Any, Any, Any, Any, Any]):
    """Observations are (slot, episode, step); contexts (episode,) or texts; rewards action plus step.

    A step ends the episodes of the slots that `ends` names for it: {slot: "terminated" or "truncated"}. The
    world writes every observation into one array, as worlds do that are fast.

    Args:
        slots: B, or None.
        backend: what makes the arrays.
        text: whether contexts are texts.
    """

    def __init__(self, slots: int | None, backend: Any = NumpyComputeBackend, *, text: bool = False) -> None:
        self.batch_size, self.backend, self.device = slots, backend, None
        self.text = text
        batch = () if slots is None else (slots,)
        self.observation_space = counts(backend, (*batch, 3))
        self.action_space = BoxSpace(backend, -100, 100, backend.int64, shape=batch)
        self.context_space = TextSpace(backend, 20) if text else counts(backend, (1,))
        if slots is not None:
            self.context_space = batch_space(self.context_space, slots)
        self.rng = backend.random.random_number_generator(0)
        self.state = np.zeros((slots or 1, 3), dtype=np.int64)
        self.state[:, 0] = np.arange(slots or 1)
        self.next_ends: dict[int, str] = {}
        self.closed = False

    def _out(self, array: np.ndarray[Any, Any]) -> Any:
        array = array if self.batch_size is not None else array[0]
        return array if self.backend is NumpyComputeBackend else self.backend.from_numpy(np.array(array))

    def contexts(self, slots: Sequence[int]) -> Any:
        if self.text:
            texts = np.array([f"episode {self.state[slot, 1]}" for slot in slots], dtype=object)
            return texts if self.batch_size is not None else texts[0]
        return self._out(self.state[list(slots), 1:2].copy())

    def reset(self, *, mask: Any = None, seed: int | None = None, **kwargs: Any) -> Any:
        chosen = (
            range(len(self.state)) if mask is None else np.flatnonzero(self.backend.to_numpy(mask)).tolist()
        )
        for slot in chosen:
            self.state[slot, 1] += 1
            self.state[slot, 2] = 0
        return self.contexts(chosen), self._out(self.state[list(chosen)]), {}

    def step(self, action: Any) -> Any:
        ends, self.next_ends = self.next_ends, {}
        self.state[:, 2] += 1
        terminated, truncated = (
            np.array([ends.get(slot) == kind for slot in range(len(self.state))])
            for kind in ("terminated", "truncated")
        )
        acts = np.atleast_1d(self.backend.to_numpy(self.backend.asarray(action)))
        reward = (acts + self.state[:, 2]).astype(np.float64)
        if self.batch_size is None:
            return self._out(self.state), float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}
        return self._out(self.state), *map(self._out, (reward, terminated, truncated)), {}

    def close(self) -> None:
        self.closed = True


def row_space(world: CountingWorld, backend: Any = None) -> DictSpace[Any, Any, Any]:
    """All that is known of a transition of a world."""
    backend = backend or world.backend
    flag = BinarySpace(backend, ())
    return DictSpace(
        backend,
        {
            "obs": counts(backend, (3,)),
            "next_obs": counts(backend, (3,)),
            "action": BoxSpace(backend, -100, 100, backend.int64, shape=()),
            "reward": BoxSpace(backend, -INF, INF, backend.float32, shape=()),
            "terminated": flag,
            "truncated": flag,
            "done": flag,
            "context": TextSpace(backend, 20) if world.text else counts(backend, (1,)),
            "env_index": BoxSpace(backend, 0, 63, backend.int64, shape=()),
        },
    )


def new_buffer(world: CountingWorld, path: Any = None, **options: Any) -> Any:
    return ReplayBuffer.create(ZarrStorage, row_space(world), cache_path=path, **options)


def plain(value: Any) -> Any:
    """Arrays as nested lists."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def rows_of(buffer: Any) -> list[dict[str, Any]]:
    """Every row of a buffer as Python numbers."""
    batch = plain(buffer[:])
    return [{key: values[i] for key, values in batch.items()} for i in range(len(buffer))]
