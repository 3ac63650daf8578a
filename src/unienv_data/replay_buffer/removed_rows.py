"""The removed ranges of a buffer as an object of their own, where they are too many for a commit."""

from __future__ import annotations

import secrets
import struct
from dataclasses import replace

import numpy as np

from unienv_data.checksum import crc32c
from unienv_data.errors import CorruptDataError
from unienv_data.schema.commit import BufferState
from unienv_data.store.objects import ObjectStore, read_checked

__all__ = ["read_aside", "write_aside"]

_IN_COMMIT = 64


def write_aside(
    state: BufferState, before: BufferState | None, objects: ObjectStore, number: int
) -> BufferState:
    """The state as a commit holds it: many removed ranges are written to an object.

    Args:
        state: the state, with its ranges.
        before: the state that the last commit holds, whose object is named again where nothing has changed.
        objects: where the dataset stands.
        number: the commit's number.
    """
    if len(state.removed) <= _IN_COMMIT:
        return replace(state, removed_object=None)
    written = None if before is None else before.removed_object
    if before is not None and written and read_aside(before, objects).removed == state.removed:
        return replace(state, removed=(), removed_object=written)
    name = f"removed/{number:020d}-{secrets.token_hex(12)}"
    body = np.array(state.removed, dtype="<i8").tobytes()
    objects.write(name, [body, struct.pack("<I", crc32c(body))])
    return replace(state, removed=(), removed_object=name)


def read_aside(state: BufferState, objects: ObjectStore) -> BufferState:
    """The state with its removed ranges, wherever the commit keeps them.

    Raises:
        CorruptDataError: the object is missing or damaged.
    """
    if state.removed_object is None:
        return state
    place = f"{objects.url}/{state.removed_object}"

    def decode(data: bytes) -> list[list[int]]:
        if len(data) % 16 != 4 or crc32c(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise CorruptDataError(f"{place}: checksum does not match")
        ranges: list[list[int]] = np.frombuffer(data[:-4], dtype="<i8").reshape(-1, 2).tolist()
        return ranges

    try:
        ranges = read_checked(objects, state.removed_object, decode)
    except FileNotFoundError as exc:
        raise CorruptDataError(f"{place}: missing, but a commit refers to it") from exc
    return replace(state, removed=tuple((start, stop) for start, stop in ranges))
