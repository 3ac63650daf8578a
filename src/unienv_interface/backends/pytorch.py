"""PyTorch as a compute backend. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import array_api_extra
import numpy as np
from numpy.typing import NDArray

from unienv_interface._optional import import_optional
from unienv_interface.backends.base import ComputeBackend
from unienv_interface.backends.dtypes import DTYPE_NAMES, dtype_limits, host_dtype
from unienv_interface.backends.random import RandomNamespace, normalize_shape
from unienv_interface.errors import SpaceError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = [
    "PyTorchArrayType",
    "PyTorchComputeBackend",
    "PyTorchDeviceType",
    "PyTorchDtypeType",
    "PyTorchRNGType",
]

PyTorchArrayType: TypeAlias = torch.Tensor
PyTorchDeviceType: TypeAlias = torch.device | str
PyTorchDtypeType: TypeAlias = torch.dtype
PyTorchRNGType: TypeAlias = torch.Generator

# torch.randint takes a remainder of 32 random bits: up to here the skew is below 2**-16.
_FAIR_RANDINT_RANGE = 2**16


class _PyTorchRandom(RandomNamespace[torch.Tensor, PyTorchDeviceType, torch.dtype, torch.Generator]):
    def random_number_generator(
        self, seed: int | None = None, *, device: PyTorchDeviceType | None = None
    ) -> torch.Generator:
        rng = torch.Generator(device="cpu" if device is None else device)
        if seed is None:
            rng.seed()
        else:
            rng.manual_seed(seed)
        return rng

    def host_generator(self, rng: torch.Generator) -> tuple[torch.Generator, np.random.Generator]:
        words = torch.randint(0, 2**31, (8,), generator=rng, device=rng.device)
        return rng, np.random.default_rng(words.tolist())

    def random_uniform(
        self,
        shape: int | Sequence[int],
        *,
        rng: torch.Generator,
        low: float = 0.0,
        high: float = 1.0,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> tuple[torch.Generator, torch.Tensor]:
        unit = torch.rand(normalize_shape(shape), generator=rng, dtype=_drawable(dtype), device=rng.device)
        # Weighted, since high - low may overflow.
        return rng, _delivered(unit * high + (1 - unit) * low, dtype, device)

    def random_normal(
        self,
        shape: int | Sequence[int],
        *,
        rng: torch.Generator,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> tuple[torch.Generator, torch.Tensor]:
        unit = torch.randn(normalize_shape(shape), generator=rng, dtype=_drawable(dtype), device=rng.device)
        return rng, _delivered(unit * std + mean, dtype, device)

    def random_exponential(
        self,
        shape: int | Sequence[int],
        *,
        rng: torch.Generator,
        lambd: float = 1.0,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> tuple[torch.Generator, torch.Tensor]:
        empty = torch.empty(normalize_shape(shape), dtype=_drawable(dtype), device=rng.device)
        return rng, _delivered(empty.exponential_(lambd, generator=rng), dtype, device)

    def random_discrete_uniform(
        self,
        shape: int | Sequence[int],
        from_num: int,
        to_num: int,
        *,
        rng: torch.Generator,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> tuple[torch.Generator, torch.Tensor]:
        dtype = dtype or torch.int64
        name = PyTorchComputeBackend.dtype_name(dtype)
        least, greatest = dtype_limits(name)
        if not least <= from_num < to_num <= greatest + 1:
            raise ValueError(
                f"from_num, to_num: expected a range within {least} ... {greatest + 1} of {name}, "
                f"got {from_num} ... {to_num}"
            )
        size = normalize_shape(shape)
        if to_num - from_num <= _FAIR_RANDINT_RANGE and to_num < 2**63:
            drawable = torch.int64 if name in PyTorchComputeBackend.host_only_dtypes else dtype
            drawn = torch.randint(
                int(from_num), int(to_num), size, generator=rng, device=rng.device, dtype=drawable
            )
        else:
            rng, host = self.host_generator(rng)
            values = host.integers(int(from_num), int(to_num), size=size, dtype=host_dtype(name))
            drawn = torch.from_numpy(np.asarray(values))
        return rng, _delivered(drawn, dtype, device or rng.device)

    def random_permutation(
        self,
        n: int,
        *,
        rng: torch.Generator,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> tuple[torch.Generator, torch.Tensor]:
        drawn = torch.randperm(n, generator=rng, device=rng.device)
        return rng, _delivered(drawn, dtype or torch.int64, device)


def _drawable(dtype: torch.dtype | None) -> torch.dtype:
    """The type to draw in: half precision has too few random bits of its own."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def _delivered(x: torch.Tensor, dtype: torch.dtype | None, device: PyTorchDeviceType | None) -> torch.Tensor:
    return x.to(device=device or x.device, dtype=dtype or x.dtype)


def _moved(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """On another device; to CUDA by pinned memory, so that the caller need not wait for the transfer.

    Whatever uses the result on the current stream comes after it, and PyTorch keeps the pinned copy until
    then.
    """
    if x.device.type == "cpu" and device.type == "cuda":
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)


class _BitwiseAt:
    """`at` for the types that torch indexes for reading only: their bits are set as signed integers."""

    def __init__(self, x: torch.Tensor, index: Any = None) -> None:
        self._x = x
        self._index = index
        self._signed = {2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]

    def __getitem__(self, index: Any) -> _BitwiseAt:
        return _BitwiseAt(self._x, index)

    def set(self, value: Any, copy: bool | None = None) -> torch.Tensor:
        bits = torch.as_tensor(value, dtype=self._x.dtype, device=self._x.device).view(self._signed)
        updater: Any = array_api_extra.at
        updated: torch.Tensor = updater(self._x.view(self._signed))[self._index].set(bits, copy=copy)
        return updated.view(self._x.dtype)


class _PyTorchBackend(ComputeBackend[torch.Tensor, PyTorchDeviceType, torch.dtype, torch.Generator]):
    simplified_name = "pytorch"
    # These are stored, copied and indexed, but neither compared nor added.
    host_only_dtypes = frozenset({"uint16", "uint32", "uint64"})

    def __init__(self) -> None:
        dtypes = {name: getattr(torch, name) for name in DTYPE_NAMES}
        super().__init__("array_api_compat.torch", "PyTorchComputeBackend", dtypes)
        self.random = _PyTorchRandom()

    @property
    def default_integer_dtype(self) -> torch.dtype:
        return torch.int64

    @property
    def default_floating_dtype(self) -> torch.dtype:
        return torch.get_default_dtype()

    def canonical_device(self, device: Any) -> torch.device | None:
        if device is None or isinstance(device, torch.device):
            return device
        try:
            return torch.device(device)
        except (RuntimeError, TypeError) as exc:
            raise SpaceError(f"device: expected a torch device or its name, got {device!r}") from exc

    def at(self, x: torch.Tensor) -> Any:
        if self._dtype_names[x.dtype] in self.host_only_dtypes:
            return _BitwiseAt(x)
        return super().at(x)

    def to_device(self, x: torch.Tensor, device: PyTorchDeviceType) -> torch.Tensor:
        return _moved(x, torch.device(device))

    def is_on_host(self, x: torch.Tensor) -> bool:
        return bool(x.device.type == "cpu")

    def is_backendarray(self, x: object) -> bool:
        return isinstance(x, torch.Tensor) and x.dtype in self._dtype_names

    def from_numpy(
        self,
        x: NDArray[Any],
        *,
        dtype: torch.dtype | None = None,
        device: PyTorchDeviceType | None = None,
    ) -> torch.Tensor:
        x = np.asarray(x)
        known = np.dtype(x.dtype.name)
        # torch takes neither foreign byte orders, nor C types that only look alike, nor negative strides.
        is_plain = x.dtype.num == known.num and x.dtype.isnative and all(step >= 0 for step in x.strides)
        shareable = x if is_plain and x.flags.writeable else x.astype(known)
        tensor = torch.from_numpy(shareable).to(dtype=dtype)
        return tensor if device is None else _moved(tensor, torch.device(device))

    def to_numpy(self, x: torch.Tensor) -> NDArray[Any]:
        x = x.detach()
        if x.dtype == torch.bfloat16:
            x = x.to(torch.float32)
        array: NDArray[Any] = x.cpu().resolve_neg().numpy()
        return array


PyTorchComputeBackend = _PyTorchBackend()
