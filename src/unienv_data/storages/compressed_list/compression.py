"""How the arrays of items become fewer bytes: zstd, or functions of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numcodecs import zstd

from unienv_data.errors import CodecError, CorruptDataError, SpaceValueError
from unienv_data.storages.compressed_list.leaves import Bytes, Leaf, array_of, bytes_of, library_of

__all__ = ["Compression", "CompressionFn", "DecompressionFn"]

CompressionFn = Callable[[Any], Any]
DecompressionFn = Callable[..., Any]

_MOST_BYTES = 0x7E000000  # what zstd takes here


class Compression:
    """Compresses and decompresses arrays, one by one.

    Args:
        compression_fn: given an array (a tensor of the item on `device`, or its NumPy array), gives a
            one-dimensional uint8 array or tensor, or bytes; None for zstd.
        decompression_fn: given such a uint8 array, of the library and on the device of the item, gives the
            original array, or its bytes as uint8. One that takes two arguments is also given a dict of
            `shape`, `dtype` and `device`. None for zstd.
        level: of zstd, 1 to 22.
        device: where functions are given tensors.

    Raises:
        CodecError: a function cannot be called, or the level is none.
    """

    def __init__(
        self,
        compression_fn: CompressionFn | None,
        decompression_fn: DecompressionFn | None,
        level: int,
        device: Any,
    ) -> None:
        for name, fn in (("compression_fn", compression_fn), ("decompression_fn", decompression_fn)):
            if fn is not None and not callable(fn):
                raise CodecError(f"{name}: expected a function or None, got {fn!r}")
        if type(level) is not int or not 1 <= level <= 22:
            raise CodecError(f"compression_level: expected an integer from 1 to 22, got {level!r}")
        self.compression_fn = compression_fn
        self.decompression_fn = decompression_fn
        self.level = level
        self.device = device
        self._takes_metadata = decompression_fn is not None and _needs_two(decompression_fn)

    @property
    def is_custom(self) -> bool:
        """Whether functions of the user's take part, which want one array at a time, in one thread."""
        return self.compression_fn is not None or self.decompression_fn is not None

    @property
    def name(self) -> str:
        """What a document calls it."""
        return "custom" if self.is_custom else "zstd"

    def compress(self, data: Bytes, leaf: Leaf, shape: tuple[int, ...]) -> bytes:
        """Fewer bytes than `data`, (nbytes,), if possible.

        Raises:
            SpaceValueError: the array is too large for zstd, or a function gave something else than bytes.
        """
        if self.compression_fn is None:
            if len(data) > _MOST_BYTES:
                raise SpaceValueError(leaf.path, f"at most {_MOST_BYTES} bytes", f"{len(data)} bytes")
            packed: bytes = zstd.compress(data, self.level)
            return packed
        given = self.compression_fn(array_of(leaf, data.copy(), shape, self.device))
        if isinstance(given, bytes | bytearray | memoryview):
            return bytes(given)
        return _bytes_of_result(given, leaf, "compression_fn", ("uint8",)).tobytes()

    def decompress(self, data: bytes, leaf: Leaf, shape: tuple[int, ...], nbytes: int) -> Bytes:
        """The (nbytes,) bytes of which `data` was made.

        Raises:
            CorruptDataError: it was made of something else.
        """
        if self.decompression_fn is None:
            found = np.frombuffer(_plain(data), dtype=np.uint8)
        else:
            byte_leaf = Leaf(leaf.path, leaf.library, "uint8", 1, (len(data),))
            packed = np.frombuffer(data, dtype=np.uint8).copy()
            arguments = [array_of(byte_leaf, packed, (len(data),), self.device)]
            if self._takes_metadata:
                arguments.append(self._metadata(leaf, shape))
            given = self.decompression_fn(*arguments)
            found = (
                np.frombuffer(given, dtype=np.uint8)
                if isinstance(given, bytes | bytearray | memoryview)
                else _bytes_of_result(given, leaf, "decompression_fn", ("uint8", leaf.dtype))
            )
        if len(found) != nbytes:
            raise CorruptDataError(f"expected {nbytes} bytes, got {len(found)}")
        return found

    def _metadata(self, leaf: Leaf, shape: tuple[int, ...]) -> dict[str, Any]:
        like = array_of(leaf, np.empty(0, np.uint8), (0,), self.device)
        return {"shape": shape, "dtype": like.dtype, "device": self.device}


def _plain(data: bytes) -> bytes:
    try:
        found: bytes = zstd.decompress(data)
    except (RuntimeError, ValueError) as exc:
        raise CorruptDataError(f"not compressed by zstd ({exc})") from exc
    return found


def _bytes_of_result(given: Any, leaf: Leaf, name: str, dtypes: tuple[str, ...]) -> Bytes:
    """The bytes of what a function gave."""
    try:
        library = library_of(given)
    except TypeError:
        raise SpaceValueError(
            leaf.path, f"bytes or a uint8 array from {name}", type(given).__name__
        ) from None
    found = str(given.dtype).removeprefix("torch.") if library == "pytorch" else given.dtype
    if all(found not in (dtype, _name(dtype)) for dtype in dtypes):
        raise SpaceValueError(leaf.path, f"{' or '.join(dtypes)} from {name}", f"data type {found}")
    return bytes_of(given)


def _name(dtype: str) -> Any:
    """NumPy's data type of that name; the name where there is none."""
    try:
        return np.dtype(dtype)
    except TypeError:
        return dtype


def _needs_two(function: DecompressionFn) -> bool:
    """Whether a function cannot be called with one argument."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a builtin, which tells nothing
        return False
    try:
        signature.bind(None)
    except TypeError:
        return True
    return False
