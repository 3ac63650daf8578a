"""Where a sampler stands: a few integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from unienv_data.errors import DocumentError

__all__ = ["SamplerState"]


@dataclass(frozen=True)
class SamplerState:
    """Where a sampler stands.

    Attributes:
        seed: chooses the order.
        epoch: number of the epoch that is running, or comes next.
        position: rows of that epoch that have been given out.
        length: rows that the source had when the epoch began; -1 where none is running.
        draw: batches drawn with replacement.
    """

    seed: int
    epoch: int = 0
    position: int = 0
    length: int = -1
    draw: int = 0

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> SamplerState:
        """The state that `asdict` wrote.

        Raises:
            DocumentError: a field is missing, unknown, or of another type; lists all.
        """
        names = [field.name for field in fields(SamplerState)]
        problems = [f"{name}: missing" for name in names if name not in state]
        problems += [f"{name}: unknown" for name in state if name not in names]
        for name, least in (("seed", None), ("epoch", 0), ("position", 0), ("length", -1), ("draw", 0)):
            value = state.get(name, 0)
            if not isinstance(value, int) or isinstance(value, bool):
                problems.append(f"{name}: expected an integer, got {value!r}")
            elif least is not None and value < least:
                problems.append(f"{name}: expected at least {least}, got {value}")
        if problems:
            raise DocumentError("state of a sampler", problems)
        return SamplerState(**state)
