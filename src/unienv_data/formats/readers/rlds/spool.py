"""An Example as it grows: its features' values wait in memory, or on the disk where there are many."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unienv_data.checksum import extended_crc32c
from unienv_data.errors import ConversionError
from unienv_data.formats.readers.rlds.example import BYTES_LIST, FLOAT_LIST, INT64_LIST
from unienv_data.formats.readers.rlds.framing import frame_foot, frame_head
from unienv_data.formats.readers.rlds.wire import BYTES, packed_varints, varint

__all__ = ["ExampleSpool", "FeatureSpool"]

IN_MEMORY = 4 << 20
LARGEST_RECORD = (1 << 31) - 1
"""What TensorFlow parses: a protocol buffer may have no more bytes."""

_PIECE = 1 << 20


class FeatureSpool:
    """The values of a feature, one after the other.

    Args:
        kind: of the list: bytes, floats or integers.
        folder: where what does not fit into memory waits.
    """

    def __init__(self, kind: int, folder: Path) -> None:
        self.kind = kind
        self._file = _spool(folder)
        self.size = 0

    def add_bytes(self, values: list[bytes]) -> None:
        """Add to a list of bytes."""
        for value in values:
            self._write(b"".join((_tag(1), varint(len(value)), value)))

    def add_floats(self, values: NDArray[np.float32]) -> None:
        """Add (N,) to a list of floats."""
        self._write(np.ascontiguousarray(values, "<f4").tobytes())

    def add_integers(self, values: NDArray[np.int64]) -> None:
        """Add (N,) to a list of integers."""
        self._write(packed_varints(values))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    @property
    def head(self) -> bytes:
        """What stands before the values in a Feature."""
        packed = b"" if self.kind == BYTES_LIST or not self.size else _tag(1) + varint(self.size)
        return _tag(self.kind) + varint(len(packed) + self.size) + packed

    def copy_to(self, target: _Summed) -> None:
        """Write the values."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, target, _PIECE)

    def close(self) -> None:
        """Forget the values."""
        self._file.close()


def _spool(folder: Path) -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(folder))


class _Summed:
    """A file that is written to, and the checksum of what is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.crc = 0

    def write(self, data: bytes) -> int:
        self.crc = extended_crc32c(self.crc, data)
        return self._file.write(data)


class ExampleSpool:
    """The features of one record.

    Args:
        folder: where what does not fit into memory waits.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._features: dict[str, FeatureSpool] = {}

    def bytes_list(self, name: str) -> FeatureSpool:
        """The feature of this name, of bytes."""
        return self._feature(name, BYTES_LIST)

    def float_list(self, name: str) -> FeatureSpool:
        """The feature of this name, of floats."""
        return self._feature(name, FLOAT_LIST)

    def int64_list(self, name: str) -> FeatureSpool:
        """The feature of this name, of integers."""
        return self._feature(name, INT64_LIST)

    def _feature(self, name: str, kind: int) -> FeatureSpool:
        if name not in self._features:
            self._features[name] = FeatureSpool(kind, self._folder)
        return self._features[name]

    def write(self, file: IO[bytes], what: str) -> int:
        """Append the record to a TFRecord file; gives the record's bytes.

        Args:
            file: open for appending.
            what: what the record is, for messages.

        Raises:
            ConversionError: it is larger than TensorFlow can read.
        """
        heads = {name: self._entry(name, feature) for name, feature in sorted(self._features.items())}
        inner = sum(len(head) + self._features[name].size for name, head in heads.items())
        before = _tag(1) + varint(inner)
        size = len(before) + inner
        if size > LARGEST_RECORD:
            raise ConversionError(
                f"{what} would be a record of {size:,} bytes; TensorFlow reads no more than "
                f"{LARGEST_RECORD:,}. Convert fewer columns, or pack frames (--to-option images=jpeg)"
            )
        file.write(frame_head(size))
        summed = _Summed(file)
        summed.write(before)
        for name, head in heads.items():
            summed.write(head)
            self._features[name].copy_to(summed)
        file.write(frame_foot(summed.crc))
        return size

    @staticmethod
    def _entry(name: str, feature: FeatureSpool) -> bytes:
        """What stands before a feature's values: of the map's entry, the name, and the feature."""
        head = feature.head
        key = name.encode()
        key_field = _tag(1) + varint(len(key)) + key
        value_head = _tag(2) + varint(len(head) + feature.size) + head
        return _tag(1) + varint(len(key_field) + len(value_head) + feature.size) + key_field + value_head

    def close(self) -> None:
        """Forget all values. May be called twice."""
        for feature in self._features.values():
            feature.close()
        self._features = {}


def _tag(number: int) -> bytes:
    return varint(number << 3 | BYTES)
