"""JAX as a compute backend. Importing this module imports jax.

Types of 64 bits are there only while `jax_enable_x64` is set; without it JAX would store other
values than it was given, so spaces that need them are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_interface._optional import import_optional
from unienv_interface.backends.base import ComputeBackend
from unienv_interface.backends.dtypes import DTYPE_NAMES, dtype_limits, host_dtype
from unienv_interface.backends.random import RandomNamespace, normalize_shape
from unienv_interface.errors import SpaceError

if TYPE_CHECKING:
    import jax
else:
    jax = import_optional("jax", extra="jax")

__all__ = ["JaxArrayType", "JaxComputeBackend", "JaxDeviceType", "JaxDtypeType", "JaxRNGType"]

JaxArrayType: TypeAlias = jax.Array
JaxDeviceType: TypeAlias = jax.Device | jax.sharding.Sharding
JaxDtypeType: TypeAlias = np.dtype[Any]
JaxRNGType: TypeAlias = jax.Array

_WIDE = frozenset({"int64", "uint64", "float64"})
# Up to here the two words of 32 bits that JAX draws leave no skew worth the name.
_FAIR_RANDINT_RANGE = 2**16


def _has_wide_types() -> bool:
    return bool(jax.config.jax_enable_x64)


class _JaxRandom(RandomNamespace[jax.Array, JaxDeviceType, JaxDtypeType, jax.Array]):
    def random_number_generator(
        self, seed: int | None = None, *, device: JaxDeviceType | None = None
    ) -> jax.Array:
        words = np.random.SeedSequence(seed).generate_state(2)
        return _placed(jax.random.wrap_key_data(words, impl="threefry2x32"), None, device)

    def host_generator(self, rng: jax.Array) -> tuple[jax.Array, np.random.Generator]:
        rng, key = jax.random.split(rng)
        words = np.asarray(jax.random.bits(key, (8,), dtype="uint32"))
        return rng, np.random.default_rng(words.tolist())

    def random_uniform(
        self,
        shape: int | Sequence[int],
        *,
        rng: jax.Array,
        low: float = 0.0,
        high: float = 1.0,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        rng, key = jax.random.split(rng)
        unit = jax.random.uniform(key, normalize_shape(shape), dtype=_drawable(dtype))
        # Weighted, since high - low may overflow.
        return rng, _placed(unit * high + (1 - unit) * low, dtype, device)

    def random_normal(
        self,
        shape: int | Sequence[int],
        *,
        rng: jax.Array,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        rng, key = jax.random.split(rng)
        unit = jax.random.normal(key, normalize_shape(shape), dtype=_drawable(dtype))
        return rng, _placed(unit * std + mean, dtype, device)

    def random_exponential(
        self,
        shape: int | Sequence[int],
        *,
        rng: jax.Array,
        lambd: float = 1.0,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        rng, key = jax.random.split(rng)
        unit = jax.random.exponential(key, normalize_shape(shape), dtype=_drawable(dtype))
        return rng, _placed(unit / lambd, dtype, device)

    def random_discrete_uniform(
        self,
        shape: int | Sequence[int],
        from_num: int,
        to_num: int,
        *,
        rng: jax.Array,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        dtype = dtype or JaxComputeBackend.default_integer_dtype
        name = JaxComputeBackend.dtype_name(dtype)
        least, greatest = dtype_limits(name)
        if not least <= from_num < to_num <= greatest + 1:
            raise ValueError(
                f"from_num, to_num: expected a range within {least} ... {greatest + 1} of {name}, "
                f"got {from_num} ... {to_num}"
            )
        size = normalize_shape(shape)
        if to_num - from_num <= _FAIR_RANDINT_RANGE and from_num >= -(2**31) and to_num < 2**31:
            rng, key = jax.random.split(rng)
            return rng, _placed(jax.random.randint(key, size, from_num, to_num, dtype="int32"), dtype, device)
        rng, host = self.host_generator(rng)
        values = host.integers(int(from_num), int(to_num), size=size, dtype=host_dtype(name))
        return rng, _placed(jax.numpy.array(values), dtype, device)

    def random_permutation(
        self,
        n: int,
        *,
        rng: jax.Array,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        rng, key = jax.random.split(rng)
        return rng, _placed(jax.random.permutation(key, n), dtype, device)


def _drawable(dtype: JaxDtypeType | None) -> JaxDtypeType:
    """The type to draw in: half precision has too few random bits of its own."""
    wanted = JaxComputeBackend.default_floating_dtype if dtype is None else dtype
    return np.dtype("float64" if wanted == np.dtype("float64") else "float32")


def _placed(x: jax.Array, dtype: JaxDtypeType | None, device: JaxDeviceType | None) -> jax.Array:
    typed = x if dtype is None else x.astype(dtype)
    return typed if device is None else jax.device_put(typed, JaxComputeBackend.canonical_device(device))


class _JaxBackend(ComputeBackend[jax.Array, JaxDeviceType, JaxDtypeType, jax.Array]):
    simplified_name = "jax"

    def __init__(self) -> None:
        dtypes = {name: np.dtype(getattr(jax.numpy, name.replace("bool", "bool_"))) for name in DTYPE_NAMES}
        super().__init__("jax.numpy", "JaxComputeBackend", dtypes)
        self.random = _JaxRandom()

    @property
    def default_integer_dtype(self) -> JaxDtypeType:
        return self._dtypes["int64" if _has_wide_types() else "int32"]

    @property
    def default_floating_dtype(self) -> JaxDtypeType:
        return self._dtypes["float64" if _has_wide_types() else "float32"]

    def canonical_dtype(self, dtype: Any) -> JaxDtypeType:
        try:
            name = "" if dtype is None else np.dtype(dtype).name
        except TypeError:
            name = ""
        if name not in self._dtypes:
            names = ", ".join(self._dtypes)
            raise SpaceError(f"dtype: expected one of {names} of {self}, got {dtype!r}")
        return self.dtype_from_name(name)

    def dtype_from_name(self, name: str) -> JaxDtypeType:
        if name in _WIDE and not _has_wide_types():
            raise SpaceError(f"dtype: {name} needs jax.config.update('jax_enable_x64', True)")
        return super().dtype_from_name(name)

    def canonical_device(self, device: Any) -> JaxDeviceType | None:
        if device is None or isinstance(device, jax.Device | jax.sharding.Sharding):
            return device
        platform, _, number = str(device).partition(":")
        try:
            found = [d for d in jax.devices(platform) if not number or d.id == int(number)]
        except (RuntimeError, ValueError):
            found = []
        if not found:
            raise SpaceError(f"device: expected a JAX device or its name ('cpu:0'), got {device!r}")
        return found[0]

    def serialize_device(self, device: JaxDeviceType | None) -> str | None:
        device = self.canonical_device(device)
        if device is None:
            return None
        if not isinstance(device, jax.Device):
            raise SpaceError(f"device: a sharding cannot be written as text: {device!r}")
        return f"{device.platform}:{device.id}"

    def is_on_host(self, x: jax.Array) -> bool:
        return all(device.platform == "cpu" for device in x.devices())

    def is_backendarray(self, x: object) -> bool:
        return isinstance(x, jax.Array) and x.dtype.name in self._dtypes

    def from_numpy(
        self,
        x: NDArray[Any],
        *,
        dtype: JaxDtypeType | None = None,
        device: JaxDeviceType | None = None,
    ) -> jax.Array:
        """An array of this backend with the values of a host array, which it never shares.

        Raises:
            SpaceError: the type has 64 bits, and JAX is set to 32.
        """
        host = np.asarray(x)
        wanted = self.canonical_dtype(host.dtype if dtype is None else dtype)
        # JAX arrays do not change, and NumPy's do.
        made: jax.Array = jax.numpy.array(host.astype(wanted, copy=False))
        return made if device is None else jax.device_put(made, self.canonical_device(device))

    def to_numpy(self, x: jax.Array) -> NDArray[Any]:
        array: NDArray[Any] = np.asarray(x)
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


JaxComputeBackend = _JaxBackend()
