"""Formats of saved memories by name, and by what their files' names end with."""

from __future__ import annotations

import importlib
from typing import Any

from unienv_data.memory.files.base import MemoryFormat
from unienv_interface.errors import SpaceValueError

__all__ = ["check_format", "format_named", "format_of_path"]

_FORMATS = {
    "pt": "unienv_data.memory.files.torch_file:TorchFile",
    "npz": "unienv_data.memory.files.numpy_file:NumpyFile",
    "csv": "unienv_data.memory.files.csv_file:CsvFile",
    "zarr": "unienv_data.memory.files.dataset:DatasetFormat",
}
_OTHER_NAMES = {"np": "npz"}


def check_format(name: Any, argument: str = "format") -> str:
    """The one name of a format.

    Raises:
        SpaceValueError: there is no such format.
    """
    known = _OTHER_NAMES.get(name, name) if isinstance(name, str) else None
    if known not in _FORMATS:
        names = ", ".join(map(repr, (*_FORMATS, *_OTHER_NAMES)))
        raise SpaceValueError(argument, f"one of {names}", repr(name))
    return known


def format_named(name: str) -> MemoryFormat:
    """The format `name`.

    Raises:
        SpaceValueError: there is no such format.
    """
    module, _, attribute = _FORMATS[check_format(name)].partition(":")
    found: type[MemoryFormat] = getattr(importlib.import_module(module), attribute)
    return found()


def format_of_path(path: str) -> MemoryFormat:
    """The format of a file, by its name.

    Raises:
        SpaceValueError: its name ends with that of no format.
    """
    ending = path.rstrip("/\\").rpartition(".")[2]
    if ending not in _FORMATS:
        raise SpaceValueError("path", f"a name that ends with .{', .'.join(_FORMATS)}", repr(path))
    return format_named(ending)
