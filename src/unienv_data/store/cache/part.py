"""A file into which an object comes, before it counts as one."""

from __future__ import annotations

import io

from unienv_interface.errors import UniEnvError

__all__ = ["CannotKeepError", "PartFile", "TooLargeError"]


class CannotKeepError(UniEnvError):
    """The disk does not take it; what it said is the cause.

    Args:
        cause: what it said.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror or str(cause))


class TooLargeError(UniEnvError):
    """There is more of it than the whole budget."""


class PartFile:
    """Takes an object piece by piece.

    Args:
        file: where to; open, without a buffer.
        most: bytes that it may have; None for any number.

    Attributes:
        size: how many have come.
    """

    def __init__(self, file: io.FileIO, most: int | None) -> None:
        self.size = 0
        self._file = file
        self._most = most

    def begin(self) -> None:
        """What came so far is void: it begins anew."""
        self.size = 0
        self._file.seek(0)

    def write(self, data: bytes | memoryview) -> None:
        """The next piece.

        Raises:
            CannotKeepError: the disk is full, or cannot be written.
            TooLargeError: it is more than may be.
        """
        self.size += len(data)
        if self._most is not None and self.size > self._most:
            raise TooLargeError(f"more than {self._most} bytes")
        left = memoryview(data)
        try:
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as exc:
            raise CannotKeepError(exc) from exc

    def last(self, length: int) -> bytes:
        """The last `length` bytes, or all where there are fewer."""
        start = max(self.size - length, 0)
        self._file.seek(start)
        data = b""
        while start + len(data) < self.size and (more := self._file.read(self.size - start - len(data))):
            data += more
        return data
