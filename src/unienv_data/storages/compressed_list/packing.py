"""The leaves of an item as one string of bytes, and back."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from unienv_data.errors import CorruptDataError
from unienv_data.storages.compressed_list.compression import Compression
from unienv_data.storages.compressed_list.leaves import SCALAR, Bytes, Leaf, Row, Rows
from unienv_data.store.pool import in_spans

__all__ = ["PREFIX", "Packing"]

PREFIX = struct.Struct("<I")
"""What every item begins with: the number of its layout."""

_OWN_FRAME = 512  # bytes from which a leaf is compressed by itself
_WORTH_COMPRESSING = 64  # bytes
_WORTH_A_THREAD = 128 << 10  # bytes
_PLAIN = 1 << 31


class Packing:
    """Packs the leaves of items that all have the same ones.

    An item is the number of its layout, then the length of each of its frames, then the frames. Leaves of
    few bytes share the first frame; every other leaf, and every ragged one, has a frame of its own, so that
    parts of an item are read without decompressing the rest. The highest bit of a length says that the frame
    is not compressed. A ragged frame begins with the shape, int64.

    Args:
        leaves: of every item.
        compression: of the frames.
    """

    def __init__(self, leaves: Sequence[Leaf], compression: Compression) -> None:
        self.leaves = tuple(leaves)
        self._compression = compression
        custom = compression.is_custom
        small = [
            number
            for number, leaf in enumerate(self.leaves)
            if leaf.shape is not None and leaf.nbytes < _OWN_FRAME and not custom
        ]
        alone = [number for number in range(len(self.leaves)) if number not in {*small}]
        self._frames = [*([small] if small else []), *([number] for number in alone)]
        sizes = [sum(self.leaves[number].nbytes for number in frame) for frame in self._frames]
        self._sizes = sizes
        self._header = struct.Struct(f"<{len(self._frames)}I")
        size = max(sum(sizes), 1)
        self._least = 1 << 62 if custom else max(_WORTH_A_THREAD // size, 1)
        self._lump = Leaf("", "numpy", "|u1", 1, (sizes[0] if sizes else 0,))

    # Packing

    def pack(self, rows: Sequence[Rows], count: int, layout: int = 0) -> list[bytes]:
        """`count` items.

        Args:
            rows: of each leaf.
            count: how many items.
            layout: the number that the items begin with.
        """
        items: list[bytes] = [b""] * count
        prefix = PREFIX.pack(layout)
        frames = [self._joined(frame, rows) for frame in self._frames]

        def work(start: int, stop: int) -> None:
            for position in range(start, stop):
                try:
                    items[position] = prefix + self._packed(frames, position)
                except Exception as exc:
                    exc.add_note(f"while compressing item {position} of {count}")
                    raise

        in_spans(work, count, least=self._least)
        return items

    def _joined(self, frame: list[int], rows: Sequence[Rows]) -> tuple[Leaf, Rows]:
        if len(frame) == 1:
            return self.leaves[frame[0]], rows[frame[0]]
        parts: list[Any] = [rows[number] for number in frame]
        return self._lump, np.concatenate(parts, axis=1)

    def _packed(self, frames: list[tuple[Leaf, Rows]], position: int) -> bytes:
        lengths, parts = [], []
        for leaf, rows in frames:
            if isinstance(rows, list):
                shape, data = rows[position]
                head = struct.pack(f"<{leaf.axes}q", *shape)
            else:
                shape, data, head = leaf.shape or (), rows[position], b""
            flag, packed = self._compressed(data, leaf, shape)
            length = len(head) + len(packed)
            if length >= _PLAIN:
                raise OverflowError(f"{leaf.path or 'the item'}: {length} compressed bytes are too many")
            lengths.append(length | flag)
            parts += [head, packed]
        return b"".join([self._header.pack(*lengths), *parts])

    def _compressed(self, data: Bytes, leaf: Leaf, shape: tuple[int, ...]) -> tuple[int, bytes]:
        """What to add to the length of a frame, and what the frame holds."""
        if leaf.library != SCALAR and self._compression.is_custom:
            return 0, self._compression.compress(data, leaf, shape)
        if len(data) >= _WORTH_COMPRESSING and not self._compression.is_custom:
            packed = self._compression.compress(data, leaf, shape)
            if len(packed) < len(data):
                return 0, packed
        return _PLAIN, data.tobytes()

    # Unpacking

    def unpack(
        self, items: Sequence[bytes | None], wanted: Sequence[int], names: Sequence[int]
    ) -> dict[int, Rows]:
        """Leaves of items, by number; zeros, or empty rows, of those that are None.

        Args:
            items: as `pack` made them.
            wanted: the leaves' numbers.
            names: what to call each item in messages.

        Raises:
            CorruptDataError: an item is damaged; names it.
        """
        frames = [number for number, frame in enumerate(self._frames) if {*frame} & {*wanted}]
        out = {number: self._room(number, len(items)) for number in frames}

        def work(start: int, stop: int) -> None:
            for position in range(start, stop):
                item = items[position]
                if item is None:
                    continue
                try:
                    self._unpacked(item, out, position)
                except (struct.error, CorruptDataError) as exc:
                    raise CorruptDataError(f"item {names[position]} is damaged: {exc}") from exc
                except Exception as exc:
                    exc.add_note(f"while decompressing item {names[position]}")
                    raise

        in_spans(work, len(items), least=self._least)
        return self._parted(out, wanted)

    def _room(self, number: int, count: int) -> Rows:
        leaf = self.leaves[self._frames[number][0]]
        if len(self._frames[number]) == 1 and leaf.shape is None:
            empty: Row = ((0,) * leaf.axes, np.empty(0, np.uint8))
            return [empty] * count
        return np.zeros((count, self._sizes[number]), np.uint8)

    def _unpacked(self, item: bytes, out: Mapping[int, Rows], position: int) -> None:
        lengths = self._header.unpack_from(item, PREFIX.size)
        start = PREFIX.size + self._header.size
        if start + sum(length & ~_PLAIN for length in lengths) != len(item):
            raise CorruptDataError(f"expected frames of {lengths} bytes in {len(item)}")
        for number, length in enumerate(lengths):
            stop = start + (length & ~_PLAIN)
            if number in out:
                self._unpack_frame(item[start:stop], bool(length & _PLAIN), number, out[number], position)
            start = stop

    def _unpack_frame(self, data: bytes, is_plain: bool, number: int, rows: Rows, position: int) -> None:
        frame = self._frames[number]
        leaf = self.leaves[frame[0]] if len(frame) == 1 else self._lump
        if not isinstance(rows, list):
            rows[position] = self._frame_bytes(data, is_plain, leaf, leaf.shape or (), rows.shape[1])
            return
        shape = struct.unpack_from(f"<{leaf.axes}q", data)
        size = leaf.itemsize
        for axis in shape:
            size *= axis
        if min(shape, default=0) < 0:
            raise CorruptDataError(f"{leaf.path}: an array of shape {shape}")
        found = self._frame_bytes(data[8 * leaf.axes :], is_plain, leaf, shape, size)
        rows[position] = (shape, found)

    def _frame_bytes(
        self, data: bytes, is_plain: bool, leaf: Leaf, shape: tuple[int, ...], size: int
    ) -> Bytes:
        if not is_plain:
            return self._compression.decompress(data, leaf, shape, size)
        if len(data) != size:
            raise CorruptDataError(f"expected {size} bytes, got {len(data)}")
        return np.frombuffer(data, np.uint8)

    def sizes(self, items: Iterable[bytes]) -> list[tuple[int, int]]:
        """Of each leaf, the bytes of all items as plain arrays, and as they are kept.

        What leaves share is divided among them by their size.
        """
        raw, kept = [0] * len(self.leaves), [0.0] * len(self.leaves)
        for item in items:
            start = PREFIX.size + self._header.size
            for number, length in enumerate(self._header.unpack_from(item, PREFIX.size)):
                for leaf in self._frames[number]:
                    nbytes = self._raw_bytes(item, start, leaf)
                    raw[leaf] += nbytes
                    kept[leaf] += (length & ~_PLAIN) * (
                        nbytes / self._sizes[number] if self._sizes[number] else 1
                    )
                start += length & ~_PLAIN
        return [(number, round(size)) for number, size in zip(raw, kept, strict=True)]

    def _raw_bytes(self, item: bytes, start: int, number: int) -> int:
        leaf = self.leaves[number]
        if leaf.shape is not None:
            return leaf.nbytes
        shape: tuple[int, ...] = struct.unpack_from(f"<{leaf.axes}q", item, start)
        return math.prod(shape) * leaf.itemsize

    def _parted(self, out: Mapping[int, Rows], wanted: Sequence[int]) -> dict[int, Rows]:
        found: dict[int, Rows] = {}
        for number, rows in out.items():
            frame = self._frames[number]
            if len(frame) == 1:
                found[frame[0]] = rows
                continue
            start = 0
            for leaf in frame:
                stop = start + self.leaves[leaf].nbytes
                if leaf in wanted and not isinstance(rows, list):
                    found[leaf] = rows[:, start:stop].copy()
                start = stop
        return found
