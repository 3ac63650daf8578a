"""`unienv-data formats`: which formats can be read and written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unienv_data.cli.output import Report, choose_output

__all__ = ["formats"]


def formats(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[FORMAT]...", help="Only these.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead.")] = False,
) -> None:
    """List the formats that `convert` reads and writes, with their endings, extras and options.

    An option of a source's format is given as `--option NAME=VALUE`, one of the format that is written as
    `--to-option NAME=VALUE`. An extra is installed by pip install 'unienv-data[EXTRA]'.
    """
    from unienv_data.formats import describe_formats

    choose_output(as_json).show(FormatsReport(describe_formats(names or ())))


@dataclasses.dataclass(frozen=True)
class FormatsReport(Report):
    """The formats, in both forms of output."""

    found: list[Any]

    def to_json(self) -> dict[str, Any]:
        return {"formats": [dataclasses.asdict(each) for each in self.found]}

    def to_console(self) -> Iterable[RenderableType]:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in ("format", "called", "convert", "extra", "read from", "written where DST ends in"):
            table.add_column(name, overflow="fold")
        for each in self.found:
            ways = " and ".join(filter(None, ("from" if each.reader else "", "to" if each.writer else "")))
            extras = dict.fromkeys(side.extra for side in (each.reader, each.writer) if side and side.extra)
            table.add_row(
                each.name,
                each.title,
                ways,
                ", ".join(extras) or "-",
                each.reader.layout if each.reader else "-",
                ", ".join(each.writer.extensions) if each.writer and each.writer.extensions else "-",
            )
        yield table
        for each in self.found:
            for flag, side in (("--option", each.reader), ("--to-option", each.writer)):
                if side and side.options:
                    yield ""
                    yield Text(f"{each.title} ({each.name}), {flag}", style="bold")
                    yield Padding(_options(side.options), (0, 0, 0, 2))


def _options(options: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, about in options.items():
        table.add_row(name, about)
    return table
