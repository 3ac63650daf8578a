"""Arrays within .npz files: their headers, and spans of their rows, without reading all.

Source of the layout: numpy.lib.format; an .npz is a zip of .npy files. Nothing is unpickled.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = ["Member", "MemberRows", "NpzFile"]

_PIECE = 1 << 20


@dataclass(frozen=True)
class Member:
    """What the header of an array says.

    Args:
        name: of the array.
        dtype: as it stands on disk.
        shape: of all of it.
        is_fortran: whether its values stand in Fortran's order.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.dtype.kind in "SU"

    @property
    def row_dtype(self) -> np.dtype[Any]:
        """What numbers are read as: the dtype on disk, in this machine's byte order."""
        return self.dtype.newbyteorder("=")

    @property
    def row_bytes(self) -> int:
        """Bytes of a row as it stands on disk."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class NpzFile:
    """An open .npz.

    Args:
        source: where it lies.
        name: its name within the source.

    Raises:
        ConversionError: it is missing, cut off, or no zip.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.name = name
        self.where = source.where(name)
        with ExitStack() as stack:
            file = stack.enter_context(source.open(name))
            with _reading(self.where):
                self._zip = stack.enter_context(zipfile.ZipFile(file))
            self._opened = stack.pop_all()

    def members(self) -> Mapping[str, Member]:
        """The headers of all arrays, in the order of the file.

        Raises:
            ConversionError: one is damaged.
        """
        found = {}
        for entry in self._zip.infolist():
            if entry.filename.endswith(".npy"):
                name = entry.filename.removesuffix(".npy")
                with _reading(f"{self.where}: the array {name}"), self._zip.open(entry) as file:
                    found[name] = _header(file, name)
        return found

    def rows(self, member: Member) -> MemberRows:
        """The rows of an array, to be read in order."""
        return MemberRows(self._zip, member, self.where)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._opened.close()


class MemberRows:
    """Rows of an array. Spans that follow one another are unpacked once.

    Args:
        archive: the zip.
        member: the array.
        where: the file's address, for messages.
    """

    def __init__(self, archive: zipfile.ZipFile, member: Member, where: str) -> None:
        self._zip = archive
        self._member = member
        self._where = f"{where}: the array {member.name}"
        self._file: IO[bytes] | None = None
        self._row = 0
        self._last: NDArray[np.uint8] | None = None  # the bytes of the row before
        self._whole: NDArray[Any] | None = None  # where rows do not stand together

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The rows from `start` to before `stop`: (B, *D), texts as an object array (B, *D) of str.

        Raises:
            ConversionError: the file is damaged or cut off.
        """
        member = self._member
        with _reading(self._where):
            if member.is_fortran:
                if self._whole is None:
                    flat = self._span(0, member.shape[0])
                    self._whole = flat.reshape(member.shape[::-1]).transpose()
                values = np.ascontiguousarray(self._whole[start:stop])
            else:
                values = self._span(start, stop).reshape(stop - start, *member.shape[1:])
        if member.is_text:
            return _texts(values)
        return values.astype(member.row_dtype, copy=False)

    def _span(self, start: int, stop: int) -> NDArray[Any]:
        kept = self._last if start == self._row - 1 and stop > start else None
        if kept is not None:  # what was observed after a row is the next one, too
            start += 1
        elif self._file is None or start < self._row:
            self.close()
            self._file = self._zip.open(f"{self._member.name}.npy")
            _header(self._file, self._member.name)
            self._row = 0
        if self._file is None:
            raise ConversionError(f"{self._where}: the file has been closed")
        self._skip(self._file, (start - self._row) * self._member.row_bytes)
        values = np.empty((stop - start) * self._member.row_bytes, np.uint8)
        view, done = values.data, 0
        while done < len(values):
            piece = self._file.read(min(_PIECE, len(values) - done))
            if not piece:
                raise ConversionError(
                    f"{self._where}: it ends within row {start + done // self._member.row_bytes} of "
                    f"{self._member.shape[0]}"
                )
            view[done : done + len(piece)] = piece
            done += len(piece)
        if kept is not None:
            values = np.concatenate([kept, values])
        self._row, self._last = stop, values[-self._member.row_bytes :].copy() if len(values) else None
        if stop == self._member.shape[0]:
            self._file.read(1)  # at the end of a file its checksum is compared
        return values.view(self._member.dtype)

    def _skip(self, file: IO[bytes], count: int) -> None:
        while count > 0:
            piece = file.read(min(_PIECE, count))
            if not piece:
                return
            count -= len(piece)

    def close(self) -> None:
        """Give back what is open."""
        if self._file is not None:
            self._file.close()
            self._file = self._last = None


def _header(file: IO[bytes], name: str) -> Member:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(
            f"version {version[0]}.{version[1]} of the .npy format, which is for structures only"
        )
    shape, is_fortran, dtype = read(file)
    return Member(name, dtype, tuple(shape), bool(is_fortran) and len(shape) > 1)


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "U":
        return values.astype(object)
    texts = [text.decode("utf-8", "replace") for text in values.ravel()]
    return np.array([*texts, None], object)[:-1].reshape(values.shape)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    try:
        yield
    except ConversionError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as exc:
        raise ConversionError(f"{where}: damaged or cut off: {exc}") from exc
