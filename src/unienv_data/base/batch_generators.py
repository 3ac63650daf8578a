"""Random generators that belong to one batch."""

from __future__ import annotations

from typing import Any

from unienv_data.base.batch import BatchBase
from unienv_data.order import derive_key
from unienv_interface.backends import ComputeBackend

__all__ = ["BatchGenerators", "GeneratorOwner"]


class BatchGenerators:
    """Generators that depend on a seed and a moment, each made when it is first asked for.

    They have nothing in common with one another, with those of other moments, nor with the order of rows.

    Args:
        seed: any integer.
        moment: integers that tell the batch from all others.
    """

    def __init__(self, seed: int, *moment: int) -> None:
        self._seed, self._moment = seed, moment
        self._made: dict[str, Any] = {}

    def get(self, purpose: str, backend: ComputeBackend[Any, Any, Any, Any], device: Any) -> Any:
        """The generator for `purpose`, as it is now."""
        if purpose not in self._made:
            # 32 bits are what every backend takes.
            seed = int(derive_key(self._seed, f"{purpose} generator", *self._moment)[0]) >> 32
            self._made[purpose] = backend.random.random_number_generator(seed, device=device)
        return self._made[purpose]

    def set(self, purpose: str, generator: Any) -> None:
        """Go on with another generator for `purpose`."""
        self._made[purpose] = generator


class GeneratorOwner:
    """A sampler's generators: they start anew with every batch, from the seed and the batch's place.

    So what is drawn from them for a batch is the same whoever reads it and whatever was read before. The
    order of rows never uses them.
    """

    backend: Any
    device: Any
    data: BatchBase[Any, Any, Any, Any, Any]
    _generators: BatchGenerators

    @property
    def rng(self) -> Any:
        """A generator for what a sampler adds to values, on its backend."""
        return self._generators.get("sampler", self.backend, self.device)

    @rng.setter
    def rng(self, rng: Any) -> None:
        self._generators.set("sampler", rng)

    @property
    def data_rng(self) -> Any:
        """A generator for what it adds to data, on the backend of that."""
        return self._generators.get("data", self.data.backend, self.data.device)

    @data_rng.setter
    def data_rng(self, rng: Any) -> None:
        self._generators.set("data", rng)
