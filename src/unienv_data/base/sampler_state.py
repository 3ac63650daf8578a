"""Where a sampler stands: a few integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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
        window: of an epoch in the order "block", how many blocks mix; 0 in other orders.
        layout: of such an epoch, what tells its blocks from others (`Blocks.layout`).
        origin: rows that had been given out when blocks were dealt to ranks last.
        ranks: to how many ranks they were.
        left: rows given out since of blocks that others had begun.
        parts: of an epoch over several sources, the rows that each had when it began.
    """

    seed: int
    epoch: int = 0
    position: int = 0
    length: int = -1
    draw: int = 0
    window: int = 0
    layout: int = 0
    origin: int = 0
    ranks: int = 0
    left: int = 0
    parts: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; those of the order "block" and of several sources only where they are."""
        found = asdict(self)
        names = [*_ALWAYS, *(_OF_BLOCKS if self.window else ())]
        parts = {"parts": list(self.parts)} if self.parts else {}
        return {name: found[name] for name in names} | parts

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> SamplerState:
        """The state that `to_dict` gave.

        Raises:
            DocumentError: a field is missing, unknown, or of another type or size; lists all.
        """
        names = [field.name for field in fields(SamplerState)]
        needed = [*_ALWAYS, *(_OF_BLOCKS if "window" in state else ())]
        problems = [f"{name}: missing" for name in needed if name not in state]
        problems += [f"{name}: unknown" for name in state if name not in names]
        for name in (*_ALWAYS, *_OF_BLOCKS):
            value, least = state.get(name, 0), _LEAST.get(name, 0)
            if not isinstance(value, int) or isinstance(value, bool):
                problems.append(f"{name}: expected an integer, got {value!r}")
            elif least is not None and value < least:
                problems.append(f"{name}: expected at least {least}, got {value}")
        parts = state.get("parts", ())
        if not isinstance(parts, list | tuple) or not all(
            isinstance(part, int) and not isinstance(part, bool) and part >= 0 for part in parts
        ):
            problems.append(f"parts: expected integers that are at least 0, got {parts!r}")
        if not problems:
            loaded = SamplerState(**{**state, "parts": tuple(parts)})
            if loaded.window and loaded.origin + loaded.left > loaded.position:
                problems.append(f"position: expected at least origin + left, got {loaded.position}")
            if loaded.window and loaded.position > max(loaded.origin, 0) and not loaded.ranks:
                problems.append("ranks: expected at least 1, got 0")
        if problems:
            raise DocumentError("state of a sampler", problems)
        return loaded


_ALWAYS = ("seed", "epoch", "position", "length", "draw")
_OF_BLOCKS = ("window", "layout", "origin", "ranks", "left")
_LEAST: Mapping[str, int | None] = {"seed": None, "length": -1}
