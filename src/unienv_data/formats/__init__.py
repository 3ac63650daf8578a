"""Foreign formats: what each is made of, read as facts and chunks of columns.

Names load when they are first used; a format's module, when the format is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.formats.base import DEFAULT_CHUNK_BYTES, Chunk, EncodedForm, Facts, Reader, SourceColumn
    from unienv_data.formats.listing import FormatInfo, SideInfo, describe_formats
    from unienv_data.formats.registry import detect, format_names, open_reader, reader_class
    from unienv_data.formats.source import Source
    from unienv_data.formats.writer import Writer
    from unienv_data.formats.writer_registry import choose_writer, writer_class, writer_names

__all__ = [
    "DEFAULT_CHUNK_BYTES",
    "Chunk",
    "EncodedForm",
    "Facts",
    "FormatInfo",
    "Reader",
    "SideInfo",
    "Source",
    "SourceColumn",
    "Writer",
    "choose_writer",
    "describe_formats",
    "detect",
    "format_names",
    "open_reader",
    "reader_class",
    "writer_class",
    "writer_names",
]

_BASE = "unienv_data.formats.base"
_LISTING = "unienv_data.formats.listing"
_REGISTRY = "unienv_data.formats.registry"
_WRITERS = "unienv_data.formats.writer_registry"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "DEFAULT_CHUNK_BYTES": _BASE,
        "Chunk": _BASE,
        "EncodedForm": _BASE,
        "Facts": _BASE,
        "FormatInfo": _LISTING,
        "Reader": _BASE,
        "SideInfo": _LISTING,
        "Source": "unienv_data.formats.source",
        "SourceColumn": _BASE,
        "Writer": "unienv_data.formats.writer",
        "choose_writer": _WRITERS,
        "describe_formats": _LISTING,
        "detect": _REGISTRY,
        "format_names": _REGISTRY,
        "open_reader": _REGISTRY,
        "reader_class": _REGISTRY,
        "writer_class": _WRITERS,
        "writer_names": _WRITERS,
    },
)
