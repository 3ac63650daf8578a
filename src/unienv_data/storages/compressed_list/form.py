"""What a storage of compressed items asks of the form that its items have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from unienv_data.base.paths import Path
from unienv_data.indexing import RowIndex

__all__ = ["Form", "Item"]

Item = bytes | None
"""A packed item; None in a slot that was never written."""


class Form(ABC):
    """Turns values into packed items, one thread at a time, and back, as many as there are."""

    @property
    @abstractmethod
    def layouts(self) -> list[Any]:
        """What, beside the items, is needed to understand them: strict JSON."""

    @abstractmethod
    def adopt(self, layouts: Sequence[Any]) -> None:
        """Understand items of the `layouts` that another form of this kind had.

        Raises:
            CorruptDataError: they are no such layouts.
        """

    @abstractmethod
    def encode_one(self, value: Any) -> bytes:
        """One item.

        Raises:
            SpaceValueError: the value cannot be held; names the path.
        """

    @abstractmethod
    def encode(self, value: Any, count: int) -> list[bytes]:
        """`count` items, from a batch.

        Raises:
            SpaceValueError: a value cannot be held, or there is another number of them.
        """

    @abstractmethod
    def decode_one(self, item: Item, slot: int) -> Any:
        """The value of an item.

        Raises:
            CorruptDataError: the item is damaged.
        """

    @abstractmethod
    def decode(self, items: Sequence[Item], slots: RowIndex, paths: Sequence[Path]) -> tuple[Any, ...]:
        """For each path a batch of such parts of the items; the empty path is all of them.

        Args:
            items: packed.
            slots: where they stand, for messages.
            paths: parts.

        Raises:
            CorruptDataError: an item is damaged.
        """
