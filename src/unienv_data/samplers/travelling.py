"""Samplers on their way to workers."""

from __future__ import annotations

import io
from typing import Any

import cloudpickle

from unienv_data.base import BatchSampler
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.samplers.answering import Answering

__all__ = ["pickled_reader"]


AnySampler = BatchSampler[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]


def pickled_reader(sampler: AnySampler) -> bytes:
    """What answers a sampler's requests in another process, pickled.

    Data travels as where it is and which rows are meant, callables by value where they have no module. Of a
    buffer that is being written goes what it holds now, which is committed for this.

    Raises:
        TypeError: something cannot be pickled, such as a buffer in memory.
    """
    stream = io.BytesIO()
    _Traveller(stream, protocol=5).dump(Answering(sampler._for_workers()))
    return stream.getvalue()


class _Traveller(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, ReplayBuffer):
            return obj._reduce_for_readers()
        return super().reducer_override(obj)
