"""HDF5 files of a source: opened, and errors told by file and place."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_interface._optional import import_optional

__all__ = ["EXTENSIONS", "OpenFile", "hdf5_files", "left_out", "looks_like", "open_hdf5", "reading"]

EXTENSIONS = (".h5", ".hdf5")

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CHUNK_CACHE_BYTES = 16 << 20
"""For each open dataset: a chunk that spans two reads is then decompressed once."""
_CHUNK_CACHE_SLOTS = 10007
_TRIED = 3
_NO_FILTER = ("not registered", "plugin", "open directory")
"""What HDF5 says where it looks for a filter and finds none."""


def hdf5_files(source: Source) -> list[str]:
    """The names of the HDF5 files, by their endings; a single file counts by its first bytes, too.

    Hidden files are not among them: they are what file managers leave behind.
    """
    if source.is_file:
        if source.label.lower().endswith(EXTENSIONS):
            return [""]
        with source.open("") as file:
            return [""] if file.read(len(_SIGNATURE)) == _SIGNATURE else []
    return [
        name
        for name in source.files
        if name.lower().endswith(EXTENSIONS) and not name.rpartition("/")[2].startswith(".")
    ]


def looks_like(source: Source, test: Callable[[Any], bool]) -> bool:
    """Whether the first HDF5 file of the source passes a test.

    Args:
        source: where the recording lies.
        test: told the open file.

    Raises:
        ConversionError: the source is an HDF5 file, or hardly anything else, and none can be opened.
        MissingDependencyError: likewise, and h5py is not installed.
    """
    names = hdf5_files(source)
    failure: Exception | None = None
    for name in names[:_TRIED]:
        try:
            with open_hdf5(source, name) as file, reading(source, name):
                return bool(test(file))
        except (ConversionError, ImportError) as exc:
            failure = failure or exc
    if failure is not None and _is_all(source, names):
        raise failure
    return False


def _is_all(source: Source, names: Collection[str]) -> bool:
    """Whether the HDF5 files are most of the source, or all of it but for JSON."""
    if 2 * sum(source.files[name] for name in names) >= source.total_bytes:
        return True
    return all(name in names or name.endswith(".json") for name in source.files)


def left_out(where: str, names: Iterable[str], known: Callable[[str], bool]) -> list[str]:
    """A note of what stands in a file beside what its format knows, if anything does.

    Args:
        where: the file's address.
        names: what stands at its top.
        known: whether the format knows a name.
    """
    others = sorted(name for name in names if not known(name))
    shown = ", ".join(others[:8]) + (" ..." if len(others) > 8 else "")
    return [f"{where} also holds {shown}, which the format does not know: left out."] if others else []


@contextmanager
def open_hdf5(source: Source, name: str) -> Iterator[Any]:
    """Open a file: an `h5py.File`.

    Raises:
        ConversionError: it is missing, cut off, or no HDF5.
        MissingDependencyError: h5py is not installed.
    """
    h5py = import_optional("h5py", extra="hdf5")
    _find_filters()
    if source.files.get(name) == 0:
        raise ConversionError(f"{source.where(name)}: damaged HDF5 file: it is empty")
    with ExitStack() as stack:
        handle = source.handle(name)
        if not isinstance(handle, str):
            stack.enter_context(handle)
        with reading(source, name):
            file = h5py.File(handle, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES, rdcc_nslots=_CHUNK_CACHE_SLOTS)
        with file:
            yield file


@cache
def _find_filters() -> None:
    """Have HDF5 know more filters where hdf5plugin is installed: importing it is all that it takes."""
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")


@contextmanager
def reading(source: Source, name: str, place: str = "") -> Iterator[None]:
    """Turn what h5py raises into ConversionErrors that name the file and the place within it."""
    try:
        yield
    except (ConversionError, ImportError):
        raise
    except (OSError, RuntimeError, KeyError, ValueError) as exc:
        lines = str(exc.args[0] if exc.args else exc).strip().splitlines() or [type(exc).__name__]
        detail = lines[0]
        if "file signature not found" in detail:
            detail = "it does not begin as HDF5 files do"
        elif "truncated file" in detail:
            detail = f"it was cut off, or its writer was killed ({detail})"
        within = f", {place}" if place else ""
        if any(sign in detail for sign in _NO_FILTER):
            raise ConversionError(
                f"{source.where(name)}{within}: its values are compressed by a filter that is not here "
                f"({detail}): install hdf5plugin, which brings the usual ones, or have the file compressed "
                f"otherwise: h5repack -f GZIP=4"
            ) from exc
        raise ConversionError(f"{source.where(name)}{within}: damaged HDF5 file: {detail}") from exc


class OpenFile:
    """The one file that is being read: files are read in order, and each is opened once.

    Args:
        source: where the files lie.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._name: str | None = None
        self._file: Any = None
        self._opened = ExitStack()

    def get(self, name: str) -> Any:
        """The open file of that name.

        Raises:
            ConversionError: it is missing or damaged.
            MissingDependencyError: h5py is not installed.
        """
        if name != self._name:
            self.close()
            self._file = self._opened.enter_context(open_hdf5(self._source, name))
            self._name = name
        return self._file

    def close(self) -> None:
        """Close it. May be called twice."""
        self._opened.close()
        self._name = self._file = None
