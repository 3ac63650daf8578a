"""Lengths and positions that stand in flat arrays before what they describe."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import dtype_limits
from unienv_interface.errors import SpaceValueError

__all__ = ["count_dtype", "read_counts", "write_counts"]


def count_dtype(greatest: int) -> str:
    """The narrowest unsigned type that counts so far: beside floats, it widens them least."""
    unsigned = ("uint8", "uint16", "uint32", "uint64")
    return next(name for name in unsigned if greatest <= dtype_limits(name)[1])


def write_counts(backend: AnyBackend, counts: Any, dtype: str, like: Any) -> Any:
    """Host counts as an array of the type `dtype` on the device of the array `like`."""
    host = np.asarray(counts, dtype=np.int64)
    return backend.from_numpy(host, dtype=backend.dtype_from_name(dtype), device=backend.device(like))


def read_counts(backend: AnyBackend, flat: Any, least: int, greatest: int, path: str) -> NDArray[np.int64]:
    """Counts that stand in a flat array of any type, on the host.

    Raises:
        SpaceValueError: something there is no number of that range.
    """
    host = backend.to_numpy(flat)
    if not bool(np.all((host >= least) & (host <= greatest) & (host == np.trunc(host)))):
        found = host.reshape(-1).tolist()
        raise SpaceValueError(path, f"counts from {least} to {greatest}", f"{found[:4]}")
    return host.astype(np.int64)
