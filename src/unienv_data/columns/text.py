"""Texts: ragged rows of UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.columns.fixed import ROOT
from unienv_data.columns.node import ColumnNode, ragged_rows, register_node
from unienv_interface.space import TextSpace
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = ["TextNode"]

# Python's strings may hold lone surrogates, which strict UTF-8 does not.
_ERRORS = "surrogatepass"


class TextNode(ColumnNode):
    """Texts, each a row of bytes; equal texts of a batch share theirs.

    Args:
        space: a text space.
        name: name of the column.
        path: where the texts stand, for messages.
    """

    kind = "text"

    def __init__(self, space: TextSpace[Any, Any, Any], name: str, path: str) -> None:
        self.space, self.name, self.path = space, name or ROOT, path
        self._batch: tuple[int, AnySpace] | None = None  # the space of so many: the next are rarely others
        self.specs = (
            ColumnSpec(
                self.name, self.kind, np.dtype(np.uint8), ragged_axes=1, max_values=4 * space.max_length
            ),
        )

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        if self._batch is None or self._batch[0] != count:
            self._batch = count, batch_space(self.space, count)
        texts = self._batch[1].coerce(value, path=self.path)
        return {self.name: _packed(texts.tolist())}

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        return {self.name: _packed([self.space.coerce(value, path=self.path)])}

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> NDArray[np.object_]:
        data = ragged_rows(columns, self.name)
        texts = np.empty(count, dtype=object)
        packed = data.values.tobytes()
        decoded: dict[tuple[int, int], str] = {}
        for i, span in enumerate(zip(data.starts.tolist(), data.counts.tolist(), strict=True)):
            text = decoded.get(span)
            if text is None:
                text = decoded[span] = packed[span[0] : span[0] + span[1]].decode("utf-8", _ERRORS)
            texts[i] = text
        return texts


def _packed(texts: list[str]) -> Ragged:
    places: dict[str, int] = {}
    parts: list[bytes] = []
    position = 0
    starts = np.empty(len(texts), dtype=np.int64)
    lengths = np.empty((len(texts), 1), dtype=np.int64)
    sizes: dict[str, int] = {}
    for i, text in enumerate(texts):
        if text not in places:
            encoded = text.encode("utf-8", _ERRORS)
            places[text], sizes[text] = position, len(encoded)
            position += len(encoded)
            parts.append(encoded)
        starts[i], lengths[i, 0] = places[text], sizes[text]
    return Ragged(np.frombuffer(b"".join(parts), dtype=np.uint8), starts, lengths)


register_node(TextSpace, TextNode)
