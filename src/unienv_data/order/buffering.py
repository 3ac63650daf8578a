"""How many blocks are kept at a time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from unienv_data.order.blocks import Blocks

__all__ = ["Buffering", "Streaming"]

# Row numbers of a window are held too, several times eight bytes each.
_MOST_ROWS = 1 << 22
_AHEAD = 4  # of so many blocks one is fetched ahead of its use
_LEAVING = 2  # those that a batch still has rows of, when it has some of the next ones too


class Streaming(NamedTuple):
    """What is kept of blocks while an epoch is read.

    Attributes:
        most: how many are held at a time, unless a batch needs more.
        kept_bytes: as they are stored, of each dataset.
    """

    most: int
    kept_bytes: int


@dataclass(frozen=True)
class Buffering:
    """What fits in a buffer.

    Attributes:
        window: blocks that mix.
        ahead: blocks fetched, or being fetched, before they are needed.
    """

    window: int
    ahead: int

    @staticmethod
    def of(blocks: Blocks, buffer_bytes: int) -> Buffering:
        """What fits in so many bytes, at least one block of each kind.

        Args:
            blocks: what is to be kept, as many of them as fit.
            buffer_bytes: for all that is kept.
        """
        most = max(_MOST_ROWS * len(blocks) // max(blocks.length, 1), 1)
        if blocks.stored_bytes:
            most = min(most, buffer_bytes // blocks.stored_bytes)
        ahead = max(most // _AHEAD, 1)
        return Buffering(max(most - ahead - _LEAVING, 1), ahead)

    def least_bytes(self, blocks: Blocks, rows: int) -> int:
        """What must be kept at least where so many rows are read at once, as they come.

        Args:
            blocks: whose rows they are.
            rows: how many, at different places of the order.
        """
        passed = -(-rows * len(blocks) // max(blocks.length, 1))
        return (self.window + passed + 1) * blocks.stored_bytes
