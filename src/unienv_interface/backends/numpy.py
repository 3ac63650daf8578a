"""NumPy as a compute backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import ComputeBackend
from unienv_interface.backends.dtypes import DTYPE_NAMES
from unienv_interface.backends.random import RandomNamespace, normalize_shape
from unienv_interface.errors import SpaceError

__all__ = [
    "NumpyArrayType",
    "NumpyComputeBackend",
    "NumpyDeviceType",
    "NumpyDtypeType",
    "NumpyRNGType",
]

NumpyArrayType = NDArray[Any]
NumpyDeviceType = str
NumpyDtypeType = np.dtype[Any]
NumpyRNGType = np.random.Generator


class _NumpyRandom(RandomNamespace[NumpyArrayType, NumpyDeviceType, NumpyDtypeType, NumpyRNGType]):
    def random_number_generator(
        self, seed: int | None = None, *, device: NumpyDeviceType | None = None
    ) -> NumpyRNGType:
        return np.random.default_rng(seed)

    def host_generator(self, rng: NumpyRNGType) -> tuple[NumpyRNGType, np.random.Generator]:
        return rng, rng

    def random_uniform(
        self,
        shape: int | Sequence[int],
        *,
        rng: NumpyRNGType,
        low: float = 0.0,
        high: float = 1.0,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> tuple[NumpyRNGType, NumpyArrayType]:
        dtype = np.dtype(dtype or np.float64)
        unit = rng.random(normalize_shape(shape), dtype=_drawable(dtype))
        # Weighted, since high - low may overflow.
        return rng, np.asarray(unit * high + (1 - unit) * low, dtype=dtype)

    def random_normal(
        self,
        shape: int | Sequence[int],
        *,
        rng: NumpyRNGType,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> tuple[NumpyRNGType, NumpyArrayType]:
        dtype = np.dtype(dtype or np.float64)
        unit = rng.standard_normal(normalize_shape(shape), dtype=_drawable(dtype))
        return rng, np.asarray(unit * std + mean, dtype=dtype)

    def random_exponential(
        self,
        shape: int | Sequence[int],
        *,
        rng: NumpyRNGType,
        lambd: float = 1.0,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> tuple[NumpyRNGType, NumpyArrayType]:
        dtype = np.dtype(dtype or np.float64)
        unit = rng.standard_exponential(normalize_shape(shape), dtype=_drawable(dtype))
        return rng, np.asarray(unit / lambd, dtype=dtype)

    def random_discrete_uniform(
        self,
        shape: int | Sequence[int],
        from_num: int,
        to_num: int,
        *,
        rng: NumpyRNGType,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> tuple[NumpyRNGType, NumpyArrayType]:
        dtype = np.dtype(dtype or np.int64)
        drawn = rng.integers(int(from_num), int(to_num), size=normalize_shape(shape), dtype=dtype)
        return rng, np.asarray(drawn, dtype=dtype)

    def random_permutation(
        self,
        n: int,
        *,
        rng: NumpyRNGType,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> tuple[NumpyRNGType, NumpyArrayType]:
        return rng, rng.permutation(n).astype(dtype or np.int64, copy=False)


def _drawable(dtype: NumpyDtypeType) -> Any:
    """The type to draw in: NumPy draws float32 and float64 only."""
    return np.float64 if dtype == np.float64 else np.float32


class _NumpyBackend(ComputeBackend[NumpyArrayType, NumpyDeviceType, NumpyDtypeType, NumpyRNGType]):
    simplified_name = "numpy"

    def __init__(self) -> None:
        dtypes = {name: np.dtype(name) for name in DTYPE_NAMES if name != "bfloat16"}
        super().__init__("array_api_compat.numpy", "NumpyComputeBackend", dtypes)
        self.random = _NumpyRandom()

    @property
    def default_integer_dtype(self) -> NumpyDtypeType:
        return self._dtypes["int64"]

    @property
    def default_floating_dtype(self) -> NumpyDtypeType:
        return self._dtypes["float64"]

    def canonical_dtype(self, dtype: Any) -> NumpyDtypeType:
        try:
            name = "" if dtype is None else np.dtype(dtype).name  # NumPy takes None for float64
        except TypeError:
            name = ""
        if name not in self._dtypes:
            names = ", ".join(self._dtypes)
            raise SpaceError(f"dtype: expected one of {names} of {self}, got {dtype!r}")
        return self._dtypes[name]

    def canonical_device(self, device: Any) -> NumpyDeviceType | None:
        if device not in (None, "cpu"):
            raise SpaceError(f"device: {self} has only 'cpu', got {device!r}")
        return None  # there is but one

    def astype(
        self, x: NumpyArrayType, dtype: NumpyDtypeType, /, *, copy: bool = True, device: Any = None
    ) -> NumpyArrayType:
        """`x` in another type, as the namespace does, whose import takes a fifth of a second."""
        self.canonical_device(device)
        return x.astype(dtype, copy=copy)

    def reshape(
        self, x: NumpyArrayType, /, shape: tuple[int, ...], *, copy: bool | None = None
    ) -> NumpyArrayType:
        """`x` in another shape, likewise."""
        reshaped = np.reshape(x.copy() if copy else x, shape)
        if copy is False and x.size and not np.may_share_memory(reshaped, x):
            raise ValueError(f"shape: {shape} of this array takes a copy, which copy=False forbids")
        return reshaped

    def clip(self, x: NumpyArrayType, /, min: Any = None, max: Any = None) -> NumpyArrayType:
        """`x` clipped to bounds of its own type; several times faster than the namespace's."""
        return np.asarray(np.clip(x, min, max))

    def is_on_host(self, x: NumpyArrayType) -> bool:
        return True

    def is_backendarray(self, x: object) -> bool:
        if not isinstance(x, np.ndarray | np.generic):
            return False
        return x.dtype.kind in "biuf" and x.dtype.itemsize <= 8  # not longdouble

    def from_numpy(
        self,
        x: NumpyArrayType,
        *,
        dtype: NumpyDtypeType | None = None,
        device: NumpyDeviceType | None = None,
    ) -> NumpyArrayType:
        x = np.asarray(x)
        # In the machine's byte order, whatever it came in.
        return x.astype(dtype or self._dtypes.get(x.dtype.name, x.dtype), copy=False)

    def to_numpy(self, x: NumpyArrayType) -> NumpyArrayType:
        return np.asarray(x)


NumpyComputeBackend = _NumpyBackend()
