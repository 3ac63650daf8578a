"""Random generators that belong to one batch."""

from __future__ import annotations

from typing import Any

from unienv_data.order import derive_key
from unienv_interface.backends import ComputeBackend

__all__ = ["BatchGenerators"]


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
