"""One corpus of indexes that every suite shares: every kind, and what is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from unienv_data.testing.factories import AnyBackend

__all__ = ["INDEXES", "INVALID_INDEXES", "IndexFactory", "addressed"]

IndexFactory: TypeAlias = Callable[[int, AnyBackend], Any]
"""Makes an index, given how many rows there are (at least 3) and the backend of the rows."""


@dataclass(frozen=True)
class _ZeroDimensional:
    """Something that is no integer and can be used as one."""

    value: int

    def __index__(self) -> int:
        return self.value


INDEXES: Mapping[str, IndexFactory] = {
    # One sample
    "first": lambda n, b: 0,
    "last": lambda n, b: n - 1,
    "minus_one": lambda n, b: -1,
    "minus_all": lambda n, b: -n,
    "numpy_int64": lambda n, b: np.int64(1),
    "numpy_uint8": lambda n, b: np.uint8(n - 1),
    "numpy_int8_negative": lambda n, b: np.int8(-2),
    "zero_dimensional": lambda n, b: np.array(1),
    "zero_dimensional_of_backend": lambda n, b: b.from_numpy(np.array(n - 1)),
    "index_method": lambda n, b: _ZeroDimensional(2),
    # Batches
    "all": lambda n, b: slice(None),
    "ellipsis": lambda n, b: ...,
    "slice": lambda n, b: slice(1, n - 1),
    "slice_of_one": lambda n, b: slice(1, 2),
    "slice_empty": lambda n, b: slice(2, 1),
    "slice_beyond": lambda n, b: slice(-5 * n, 5 * n),
    "slice_stepped": lambda n, b: slice(None, None, 2),
    "slice_backwards": lambda n, b: slice(None, None, -1),
    "slice_backwards_stepped": lambda n, b: slice(-1, None, -2),
    "slice_of_numpy": lambda n, b: slice(np.int64(0), np.int64(2)),
    "range": lambda n, b: range(n),
    "range_backwards": lambda n, b: range(n - 1, -1, -1),
    "range_negative": lambda n, b: range(-2, 2),
    "range_empty": lambda n, b: range(5, 5),
    "list": lambda n, b: [2, 0, 1],
    "list_of_one": lambda n, b: [1],
    "list_repeated": lambda n, b: [1, 1, 0, 1, -1, n - 1],
    "list_empty": lambda n, b: [],
    "list_of_numpy": lambda n, b: [np.int64(1), np.uint8(0)],
    "tuple": lambda n, b: (0, 2),
    "mask_list": lambda n, b: [i % 2 == 0 for i in range(n)],
    "array": lambda n, b: np.array([2, 0]),
    "array_negative": lambda n, b: np.array([-1, -n, 0], dtype=np.int16),
    "array_unsigned": lambda n, b: np.array([n - 1, 0], dtype=np.uint64),
    "array_empty": lambda n, b: np.array([], dtype=np.int64),
    "array_strided": lambda n, b: np.arange(2 * n)[::2][: (n + 1) // 2],
    "array_read_only": lambda n, b: np.broadcast_to(np.array(1), (3,)),
    "mask": lambda n, b: np.arange(n) % 3 == 0,
    "mask_none": lambda n, b: np.zeros(n, dtype=bool),
    "mask_all": lambda n, b: np.ones(n, dtype=bool),
    "array_of_backend": lambda n, b: b.from_numpy(np.array([1, -1, 0])),
    "mask_of_backend": lambda n, b: b.from_numpy(np.arange(n) % 2 == 1),
    "empty_of_backend": lambda n, b: b.from_numpy(np.zeros(0, dtype=np.int64)),
}
"""Valid indexes by name."""

INVALID_INDEXES: Mapping[str, IndexFactory] = {
    "beyond": lambda n, b: n,
    "far_beyond": lambda n, b: 10**30,
    "below": lambda n, b: -n - 1,
    "numpy_beyond": lambda n, b: np.int64(n),
    "list_beyond": lambda n, b: [0, n],
    "list_below": lambda n, b: [-n - 1],
    "list_far_beyond": lambda n, b: [0, 2**63],
    "array_beyond": lambda n, b: np.array([0, n]),
    "array_far_beyond": lambda n, b: np.array([0, 2**64 - 1], dtype=np.uint64),
    "array_of_backend_beyond": lambda n, b: b.from_numpy(np.array([0, n])),
    "range_beyond": lambda n, b: range(n + 1),
    "range_below": lambda n, b: range(-n - 1, 0),
    "float": lambda n, b: 1.0,
    "boolean": lambda n, b: True,
    "numpy_boolean": lambda n, b: np.bool_(True),
    "none": lambda n, b: None,
    "text": lambda n, b: "0",
    "list_of_floats": lambda n, b: [0.0, 1.0],
    "list_of_lists": lambda n, b: [[0, 1]],
    "list_mixed": lambda n, b: [0, True],
    "set": lambda n, b: {0, 1},
    "array_of_floats": lambda n, b: np.array([0.0, 1.0]),
    "array_empty_of_floats": lambda n, b: np.array([]),
    "array_of_two_axes": lambda n, b: np.array([[0, 1]]),
    "mask_short": lambda n, b: np.ones(n - 1, dtype=bool),
    "mask_long": lambda n, b: [True] * (n + 1),
    "mask_of_two_axes": lambda n, b: np.ones((n, 1), dtype=bool),
    "slice_of_floats": lambda n, b: slice(0.5, 2),
    "slice_without_step": lambda n, b: slice(0, 2, 0),
    "nested_slices": lambda n, b: (slice(None), 0),
}
"""What is no index, or addresses rows that are not there, by name: each is an IndexError."""


def addressed(index: Any, length: int, backend: AnyBackend) -> int | list[int]:
    """The row, or the rows, that a valid index means, as NumPy's indexing has it."""
    if backend.is_backendarray(index):
        index = backend.to_numpy(index)
    if isinstance(index, list | tuple | range):
        index = np.array(index, dtype=None if len(index) else np.int64)
    found = np.arange(length)[index]
    return [int(row) for row in found] if np.ndim(found) else int(found)
