"""Values as a little that is pickled, and arrays that are raw bytes.

The bytes of arrays are neither pickled nor copied more than once: they go where the receiver has them, and
the arrays that are unpacked are views of them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_interface.backends import get_backend_from_tensor, load_backend

__all__ = ["Parcel", "pack", "spans", "unpack"]

_ALIGNMENT = 64
# What is met often and is no array of another backend.
_PLAIN_TYPES = (np.ndarray, np.generic, np.dtype, type)


@dataclass(frozen=True)
class Parcel:
    """A value, packed.

    Attributes:
        head: what is pickled.
        buffers: the bytes of the arrays.
    """

    head: bytes
    buffers: Sequence[memoryview]

    @property
    def parts(self) -> list[memoryview]:
        """The buffers, and then the head."""
        return [*self.buffers, memoryview(self.head)]

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many bytes each part has."""
        return tuple(part.nbytes for part in self.parts)

    def write(self, target: memoryview) -> None:
        """Write everything to where `placed` finds it again; `target` must have room for it."""
        for part, (start, stop) in zip(self.parts, spans(self.lengths), strict=True):
            target[start:stop] = part


def spans(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Where parts of these lengths stand one after another: (start, stop) of each."""
    found, end = [], 0
    for length in lengths:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        end = start + length
        found.append((start, end))
    return found


def pack(value: Any) -> Parcel:
    """Pack a value of any structure, with arrays of any backend."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Packer(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    return Parcel(stream.getvalue(), [buffer.raw() for buffer in buffers])


def unpack(parts: Sequence[memoryview]) -> Any:
    """The value that was packed.

    Args:
        parts: the buffers, and then the head. Arrays are views of the buffers, if these are writable
            theirs too, and keep them alive.
    """
    return pickle.loads(parts[-1], buffers=parts[:-1])


class _Packer(pickle.Pickler):
    """Pickles arrays of other backends as NumPy's, whose bytes protocol 5 leaves out."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _PLAIN_TYPES):
            return NotImplemented
        try:
            backend = get_backend_from_tensor(obj)
        except TypeError:
            return NotImplemented
        dtype = backend.dtype_name(obj.dtype)
        device = backend.serialize_device(backend.device(obj))
        return _unpacked, (backend.simplified_name, dtype, device, backend.to_numpy(obj))


def _unpacked(backend: str, dtype: str, device: Any, array: np.ndarray[Any, Any]) -> Any:
    target = load_backend(backend)
    return target.from_numpy(
        array, dtype=target.dtype_from_name(dtype), device=target.deserialize_device(device)
    )
