"""What every backend's random numbers offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

__all__ = ["RandomNamespace", "normalize_shape"]

ArrayT = TypeVar("ArrayT")
DeviceT = TypeVar("DeviceT")
DtypeT = TypeVar("DtypeT")
RNGT = TypeVar("RNGT")


def normalize_shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    """A shape as a tuple; an integer is the shape of a vector."""
    return (int(shape),) if isinstance(shape, int) else tuple(int(dim) for dim in shape)


class RandomNamespace(ABC, Generic[ArrayT, DeviceT, DtypeT, RNGT]):
    """Random arrays of one backend.

    Every function takes a generator and gives (the generator to go on with, the array): generators
    with inner state are advanced and returned themselves, keys are split.
    """

    @abstractmethod
    def random_number_generator(self, seed: int | None = None, *, device: DeviceT | None = None) -> RNGT:
        """A generator; the same seed always gives the same numbers, None gives fresh ones."""

    @abstractmethod
    def host_generator(self, rng: RNGT) -> tuple[RNGT, np.random.Generator]:
        """A NumPy generator that is a function of `rng`, for what is drawn on the host."""

    @abstractmethod
    def random_uniform(
        self,
        shape: int | Sequence[int],
        *,
        rng: RNGT,
        low: float = 0.0,
        high: float = 1.0,
        dtype: DtypeT | None = None,
        device: DeviceT | None = None,
    ) -> tuple[RNGT, ArrayT]:
        """Uniform on [low, high); `high` itself can come up by rounding only."""

    @abstractmethod
    def random_normal(
        self,
        shape: int | Sequence[int],
        *,
        rng: RNGT,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DtypeT | None = None,
        device: DeviceT | None = None,
    ) -> tuple[RNGT, ArrayT]:
        """Normal with the given mean and standard deviation."""

    @abstractmethod
    def random_exponential(
        self,
        shape: int | Sequence[int],
        *,
        rng: RNGT,
        lambd: float = 1.0,
        dtype: DtypeT | None = None,
        device: DeviceT | None = None,
    ) -> tuple[RNGT, ArrayT]:
        """Exponential with rate `lambd` (mean 1 / lambd)."""

    @abstractmethod
    def random_discrete_uniform(
        self,
        shape: int | Sequence[int],
        from_num: int,
        to_num: int,
        *,
        rng: RNGT,
        dtype: DtypeT | None = None,
        device: DeviceT | None = None,
    ) -> tuple[RNGT, ArrayT]:
        """Integers on [from_num, to_num), each as likely; `to_num` may be one past the type's greatest.

        Raises:
            ValueError: the range is empty, or not within that of the type.
        """

    @abstractmethod
    def random_permutation(
        self,
        n: int,
        *,
        rng: RNGT,
        dtype: DtypeT | None = None,
        device: DeviceT | None = None,
    ) -> tuple[RNGT, ArrayT]:
        """The integers 0 ... n - 1 in random order, shape (n,)."""
