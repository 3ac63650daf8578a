"""The files of a Zarr group: of a folder, or of a zip."""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import IO

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = ["GroupFiles"]


class GroupFiles:
    """Files by their names within the group, read by several threads at once.

    Args:
        source: a folder, or a single file that is a zip.
        marker: a file of the group; what stands before it is where the group begins within a zip.

    Raises:
        ConversionError: the zip is damaged.
    """

    def __init__(self, source: Source, marker: str) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._opened: IO[bytes] | None = None
        self._zip: zipfile.ZipFile | None = None
        self._prefix = ""
        if source.is_file:
            self._open_zip(marker)

    def _open_zip(self, marker: str) -> None:
        self._opened = self._source.open("")
        try:
            self._zip = zipfile.ZipFile(self._opened)
        except (zipfile.BadZipFile, OSError, ValueError) as exc:
            self._opened.close()
            raise ConversionError(
                f"{self._source.where()}: the zip is damaged or cut off, as its list of files at the end "
                f"cannot be read: {exc}"
            ) from exc
        inside = [info.filename for info in self._zip.infolist() if info.filename.endswith(marker)]
        self._prefix = min(inside, key=len, default=marker).removesuffix(marker)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Every file with its size in bytes."""
        if self._zip is None:
            return self._source.files
        return {
            info.filename.removeprefix(self._prefix): info.file_size
            for info in self._zip.infolist()
            if info.filename.startswith(self._prefix) and not info.is_dir()
        }

    def where(self, name: str = "") -> str:
        """A file's address, for messages."""
        if self._zip is None:
            return self._source.where(name)
        return f"{self._source.where()}: {self._prefix}{name}" if name else self._source.where()

    def read(self, name: str) -> bytes:
        """The whole content of a file.

        Raises:
            ConversionError: it is missing or damaged.
        """
        if self._zip is None:
            return self._source.read(name)
        try:
            with self._lock:
                return self._zip.read(self._prefix + name)
        except KeyError as exc:
            raise ConversionError(f"{self.where(name)}: the file is missing") from exc
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as exc:
            raise ConversionError(f"{self.where(name)}: damaged: {exc}") from exc

    def close(self) -> None:
        """Close the zip. May be called twice."""
        if self._zip is not None:
            self._zip.close()
        if self._opened is not None:
            self._opened.close()
