"""What each format is, for people who choose one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unienv_data.errors import ConversionError
from unienv_data.formats.registry import format_names, reader_class
from unienv_data.formats.writer_registry import STORE, writer_class, writer_names

__all__ = ["FormatInfo", "SideInfo", "describe_formats"]


@dataclass(frozen=True)
class SideInfo:
    """What reading a format, or writing it, takes.

    Args:
        extensions: endings of files (of a reader), or of destinations that choose the format.
        extra: of this distribution, which some or all of it needs.
        options: name -> a sentence.
        layout: what a reader looks for.
        problem: why it cannot be loaded, where another distribution's cannot.
    """

    extensions: tuple[str, ...] = ()
    extra: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    layout: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class FormatInfo:
    """A format.

    Args:
        name: what `--from` and `--to` take.
        title: what people call it.
        reader: None where it can only be written.
        writer: None where it can only be read.
    """

    name: str
    title: str
    reader: SideInfo | None
    writer: SideInfo | None


def describe_formats(names: Sequence[str] = ()) -> list[FormatInfo]:
    """The formats of these names, or all of them, sorted by name.

    Raises:
        ConversionError: there is no format of such a name.
    """
    known = sorted({*format_names(), *writer_names(), STORE})
    for name in names:
        if name not in known:
            raise ConversionError(f"there is no format {name!r}; known formats: {', '.join(known)}")
    return [_format(name) for name in names or known]


def _format(name: str) -> FormatInfo:
    title = name
    reader = writer = None
    if name in format_names():
        try:
            cls = reader_class(name)
            title = cls.title
            reader = SideInfo(cls.extensions, cls.extra, dict(cls.option_help), cls.layout)
        except ConversionError as exc:
            reader = SideInfo(problem=str(exc), layout=str(exc))
    if name == STORE:
        writer = SideInfo(extensions=(".zarr",))
    elif name in writer_names():
        try:
            made = writer_class(name)
            title = made.title if reader is None or reader.problem else title
            writer = SideInfo(made.extensions, made.extra, dict(made.option_help))
        except ConversionError as exc:
            writer = SideInfo(problem=str(exc))
    return FormatInfo(name, title, reader, writer)
