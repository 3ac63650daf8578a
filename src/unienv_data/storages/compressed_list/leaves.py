"""The arrays of an item as bytes, and back, whichever library made them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError, SpaceValueError
from unienv_interface._optional import import_optional
from unienv_interface.backends import get_backend_from_tensor, load_backend

__all__ = ["SCALAR", "Bytes", "Leaf", "Row", "Rows", "array_leaf", "array_of", "bytes_of", "library_of"]

SCALAR = "scalar"
"""The library of what is no array: Python's numbers, texts, bytes and None."""

Bytes: TypeAlias = NDArray[np.uint8]

Row: TypeAlias = tuple[tuple[int, ...], Bytes]
"""A ragged row: its shape, and its values as bytes."""

Rows: TypeAlias = Bytes | list[Row]
"""A leaf of B items: (B, nbytes), or ragged rows."""


@dataclass(frozen=True)
class Leaf:
    """One array of an item.

    Attributes:
        path: where it stands in the item, for messages.
        library: "numpy", "pytorch", "jax", or `SCALAR`.
        dtype: what its library calls the data type.
        itemsize: bytes of an element.
        shape: its shape; None where items differ in it.
        axes: of ragged rows, how many axes they have.
    """

    path: str
    library: str
    dtype: str
    itemsize: int
    shape: tuple[int, ...] | None
    axes: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of a row; 0 where rows are ragged."""
        return 0 if self.shape is None else math.prod(self.shape) * self.itemsize


def library_of(array: Any) -> str:
    """The library that an array is of, whatever its data type.

    Raises:
        TypeError: it is of none that is known, or more than an array, such as a masked one.
    """
    if type(array) in (np.ndarray, np.memmap):
        return "numpy"
    torch: Any = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return "pytorch"
    if isinstance(array, np.ndarray):
        raise TypeError(f"expected an array, got {type(array).__name__}, which is more")
    return get_backend_from_tensor(array).simplified_name


def array_leaf(path: str, array: Any, lead: int) -> Leaf:
    """The leaf that `array` is, its first `lead` axes apart.

    Raises:
        SpaceValueError: it is no dense array of a known library, or of a data type that is more than bytes.
    """
    try:
        library = library_of(array)
    except TypeError as exc:
        expected = "an array, a number, text, bytes or None, or a dict, list, tuple or TensorDict of such"
        raise SpaceValueError(path, expected, type(array).__name__) from exc
    shape = tuple(int(size) for size in array.shape[lead:])
    if library == "pytorch":
        if array.layout is not sys.modules["torch"].strided or array.is_quantized:
            raise SpaceValueError(path, "a dense tensor", f"one of layout {array.layout}, {array.dtype}")
        return Leaf(path, library, str(array.dtype).removeprefix("torch."), array.element_size(), shape)
    dtype = np.dtype(array.dtype)
    if dtype.hasobject or np.dtype(dtype.str) != dtype:
        raise SpaceValueError(path, "an array of numbers, booleans, times or texts", f"data type {dtype}")
    return Leaf(path, library, dtype.str, dtype.itemsize, shape)


def bytes_of(array: Any) -> Bytes:
    """The bytes, (nbytes,), of a dense array of any known library, in C order."""
    library = library_of(array)
    if library == "pytorch":  # some of its data types are unknown to NumPy
        plain = array.detach().cpu().resolve_conj().resolve_neg().contiguous()
        flat: Bytes = plain.reshape(-1).view(sys.modules["torch"].uint8).numpy()
        return flat
    host = np.ascontiguousarray(array if library == "numpy" else load_backend(library).to_numpy(array))
    return host.reshape(-1).view(np.uint8) if host.size else np.empty(0, np.uint8)


def array_of(leaf: Leaf, data: Bytes, shape: tuple[int, ...], device: Any = None) -> Any:
    """The array of this shape whose bytes `data` are; it may share their memory.

    Args:
        leaf: says what it is an array of.
        data: contiguous, of as many bytes as the shape needs.
        shape: with whatever axes stand before the leaf's own.
        device: where a tensor goes.

    Raises:
        CorruptDataError: the leaf says of no data type what it is.
    """
    flat = data.reshape(-1)
    if leaf.library == "pytorch":
        torch: Any = import_optional("torch", extra="torch")
        dtype = getattr(torch, leaf.dtype, None)
        if not isinstance(dtype, torch.dtype):
            raise CorruptDataError(f"{leaf.path or 'the item'}: torch has no data type {leaf.dtype!r}")
        return torch.from_numpy(flat).view(dtype).reshape(shape).to(device)
    try:
        host: NDArray[Any] = flat.view(np.dtype(leaf.dtype)).reshape(shape)
    except (TypeError, ValueError) as exc:
        raise CorruptDataError(f"{leaf.path or 'the item'}: {exc}") from exc
    if leaf.library == "numpy":
        return host
    return load_backend(leaf.library).from_numpy(host)
