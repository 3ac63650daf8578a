"""What takes an object that is on its way, before it counts as one."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod

from unienv_interface.errors import UniEnvError

__all__ = ["CannotKeepError", "Part", "PartFile", "PartInMemory", "TooLargeError"]


class CannotKeepError(UniEnvError):
    """The disk does not take it; what it said is the cause.

    Args:
        cause: what it said.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror or str(cause))


class TooLargeError(UniEnvError):
    """There is more of it than the whole budget."""


class Part(ABC):
    """Takes an object piece by piece.

    Args:
        most: bytes that it may have; None for any number.

    Attributes:
        size: how many have come.
    """

    def __init__(self, most: int | None) -> None:
        self.size = 0
        self._most = most

    def begin(self) -> None:
        """What came so far is void: it begins anew."""
        self.size = 0

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """The next piece.

        Raises:
            CannotKeepError: the disk is full, or cannot be written.
            TooLargeError: it is more than may be.
        """

    @abstractmethod
    def last(self, length: int) -> bytes:
        """The last `length` bytes, or all where there are fewer."""

    def _grow(self, size: int) -> None:
        self.size += size
        if self._most is not None and self.size > self._most:
            raise TooLargeError(f"more than {self._most} bytes")


class PartFile(Part):
    """Takes it into a file.

    Args:
        file: where to; open, without a buffer.
        most: bytes that it may have; None for any number.
    """

    def __init__(self, file: io.FileIO, most: int | None) -> None:
        super().__init__(most)
        self._file = file

    def begin(self) -> None:
        super().begin()
        self._file.seek(0)

    def write(self, data: bytes | memoryview) -> None:
        self._grow(len(data))
        left = memoryview(data)
        try:
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as exc:
            raise CannotKeepError(exc) from exc

    def last(self, length: int) -> bytes:
        start = max(self.size - length, 0)
        self._file.seek(start)
        data = b""
        while start + len(data) < self.size and (more := self._file.read(self.size - start - len(data))):
            data += more
        return data


class PartInMemory(Part):
    """Keeps the pieces as they come, which is mostly one.

    Args:
        most: bytes that it may have; None for any number.
    """

    def __init__(self, most: int | None) -> None:
        super().__init__(most)
        self._pieces: list[bytes] = []

    def begin(self) -> None:
        super().begin()
        self._pieces.clear()

    def write(self, data: bytes | memoryview) -> None:
        self._grow(len(data))
        self._pieces.append(bytes(data))  # which copies no bytes

    def last(self, length: int) -> bytes:
        whole = self.whole()
        return whole[max(len(whole) - length, 0) :]

    def whole(self) -> bytes:
        """All that has come."""
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]
