"""Values as a little that is pickled, and arrays that are raw bytes.

The bytes of arrays are neither pickled nor copied more than once: they go where the receiver has them, and
the arrays that are unpacked are views of them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from unienv_data.store.outputs import ALIGNMENT, LentMemory
from unienv_interface.backends import get_backend_from_tensor, load_backend

__all__ = ["Parcel", "Span", "pack", "spans", "unpack"]

Span = tuple[int, int]
"""Bytes [start, stop) of a memory."""

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

    def copied(self) -> Parcel:
        """The same, standing in memory of its own."""
        return Parcel(self.head, [memoryview(bytes(buffer)) for buffer in self.buffers])

    def write(self, target: memoryview, lent: LentMemory | None = None) -> list[Span] | None:
        """Write everything that does not stand there yet.

        Args:
            target: where to.
            lent: the same memory, where some of the arrays have been put already; None where none have.

        Returns:
            Where each of the parts stands; None where there is too little room.
        """
        places = [None if lent is None else lent.place_of(part) for part in self.parts]
        found = spans(self.lengths, places, 0 if lent is None else lent.used)
        if max(stop for _, stop in found) > len(target):
            return None
        for part, place, (start, stop) in zip(self.parts, places, found, strict=True):
            if place is None:
                target[start:stop] = part
        return found


def spans(lengths: Sequence[int], places: Sequence[int | None] = (), used: int = 0) -> list[Span]:
    """Where parts of these lengths stand: those without a place one after another behind what is used."""
    found, end = [], used
    for length, place in zip_longest(lengths, places):
        start = -(-end // ALIGNMENT) * ALIGNMENT if place is None else place
        found.append((start, start + length))
        if place is None:
            end = start + length
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
