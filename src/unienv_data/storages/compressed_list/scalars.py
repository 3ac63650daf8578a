"""Python's numbers, texts, bytes and None as bytes, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_data.errors import CorruptDataError
from unienv_data.storages.compressed_list.leaves import SCALAR, Leaf, Row

__all__ = ["is_scalar", "row_of", "scalar_leaf", "scalar_of"]

_EXACT = (bool, int, float, str, bytes, type(None))


def is_scalar(value: Any) -> bool:
    """Whether a value is one of these; subclasses, which are more than that, are not."""
    return type(value) in _EXACT


def scalar_leaf(path: str) -> Leaf:
    """The leaf of such values."""
    return Leaf(path, SCALAR, "|u1", 1, None, 1)


def row_of(value: Any) -> Row:
    """The value as a row: a letter for its type, and what it is."""
    if isinstance(value, bytes):
        data = b"b" + value
    elif isinstance(value, str):
        data = b"s" + value.encode("utf-8", "surrogatepass")
    elif isinstance(value, float):
        data = b"f" + value.hex().encode()
    elif value is None or isinstance(value, bool):
        data = {None: b"n", True: b"t", False: b"z"}[value]
    else:
        data = b"i%x" % value
    return (len(data),), np.frombuffer(data, np.uint8)


def scalar_of(row: Row) -> Any:
    """The value that `row_of` made a row of.

    Raises:
        CorruptDataError: it made no such row.
    """
    data = row[1].tobytes()
    kind, body = data[:1], data[1:]
    plain = {b"n": None, b"t": True, b"z": False}
    try:
        if kind in plain and not body:
            return plain[kind]
        if kind == b"b":
            return body
        if kind == b"s":
            return body.decode("utf-8", "surrogatepass")
        if kind == b"f":
            return float.fromhex(body.decode())
        if kind == b"i":
            return int(body, 16)
    except ValueError as exc:
        raise CorruptDataError(f"{data[:20]!r} is no value ({exc})") from exc
    raise CorruptDataError(f"{data[:20]!r} is no value")
