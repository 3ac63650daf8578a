"""`unienv-data info PATH`: what a dataset holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unienv_data.cli.options import StorageOptions, parse_storage_options
from unienv_data.cli.output import Report, choose_output, format_bytes

if TYPE_CHECKING:
    from unienv_data.columns import ColumnInfo
    from unienv_data.dataset_info import DatasetInfo

__all__ = ["InfoReport", "info"]

#: Characters of an attribute that are shown; `--json` shows all.
_LONGEST_VALUE = 200


def info(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Folder or URL of the dataset.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
    storage_option: StorageOptions = None,
) -> None:
    """Show what a dataset holds: rows, episodes, and each column's type, layout and size."""
    options = parse_storage_options(storage_option)
    from unienv_data.dataset_info import describe_dataset
    from unienv_data.opening import open as open_dataset

    with open_dataset(path, storage_options=options) as buffer:
        facts = describe_dataset(buffer, path)
    choose_output(as_json).show(InfoReport(facts))


@dataclasses.dataclass(frozen=True)
class InfoReport(Report):
    """The facts of a dataset in both forms of output."""

    facts: DatasetInfo

    def to_json(self) -> dict[str, Any]:
        facts = self.facts
        episodes, shortest, longest = facts.episode_lengths
        return {
            "path": facts.path,
            "commit": facts.commit,
            "rows": facts.rows,
            "episodes": episodes,
            "shortest_episode": shortest,
            "longest_episode": longest,
            "sealed": facts.sealed,
            "raw_bytes": facts.raw_bytes,
            "stored_bytes": facts.stored_bytes,
            "columns": [dataclasses.asdict(column) for column in facts.columns],
            "space": dict(facts.space),
            "attributes": dict(facts.attributes),
        }

    def to_console(self) -> Iterable[RenderableType]:
        yield Text(self.facts.path, style="bold")
        yield Padding(self._summary(), (0, 0, 0, 2))
        yield ""
        yield Padding(self._columns(), (0, 0, 0, 2))
        if self.facts.attributes:
            yield ""
            yield Padding(self._attributes(), (0, 0, 0, 2))

    def _summary(self) -> Table:
        facts = self.facts
        episodes, shortest, longest = facts.episode_lengths
        lengths = f" of {shortest} rows" if shortest == longest else f" of {shortest} to {longest} rows"
        lines = {
            "rows": f"{facts.rows:,}",
            "episodes": f"{episodes:,}" + (lengths if episodes else ""),
            "size": f"{format_bytes(facts.stored_bytes)} stored, {format_bytes(facts.raw_bytes)} raw"
            f" ({_ratio(facts.raw_bytes, facts.stored_bytes)})",
            "commit": str(facts.commit),
            "sealed": "yes: plain Zarr readers see every row"
            if facts.sealed
            else "no: plain Zarr readers do not see the newest rows",
        }
        return _pairs(lines)

    def _columns(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("column", no_wrap=True)
        for name in ("dtype", "shape"):
            table.add_column(name, no_wrap=True)
        for name in ("rows/chunk", "rows/shard"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("codec")
        for name in ("stored", "raw", "ratio"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("loss", no_wrap=True)
        for guide, label, column in _tree(self.facts.columns):
            where = Text.assemble((guide, "dim"), label)
            if column is None:
                table.add_row(where)
                continue
            table.add_row(
                where,
                column.dtype,
                _shape(column),
                f"{column.chunk_rows:,}",
                f"{column.shard_rows:,}",
                column.codec,
                format_bytes(column.stored_bytes),
                format_bytes(column.raw_bytes),
                _ratio(column.raw_bytes, column.stored_bytes),
                self._loss(column),
            )
        return table

    def _loss(self, column: ColumnInfo) -> Text:
        """Where values are changed, or were before they came here."""
        about = self.facts.attributes.get("columns", {}).get(column.name, {})
        at_source, is_copied = about.get("lossy"), about.get("copied", False)
        told = [f"{at_source} in the source{', copied' if is_copied else ''}"] if at_source else []
        if column.lossy:
            told.append("lossy codec of what is appended" if is_copied else "lossy codec")
        return Text(", ".join(told) or "none", style="yellow" if column.lossy else "")

    def _attributes(self) -> Table:
        # Each column's own attributes are for programs, and in the JSON document.
        shown = {name: value for name, value in self.facts.attributes.items() if name != "columns"}
        return _pairs({name: _compact(value) for name, value in sorted(shown.items())})


@dataclasses.dataclass
class _Branch:
    """A node of the tree of columns: a column, or a group of more nodes."""

    column: ColumnInfo | None = None
    children: dict[str, _Branch] = dataclasses.field(default_factory=dict)


def _tree(columns: Iterable[ColumnInfo]) -> Iterator[tuple[str, str, ColumnInfo | None]]:
    """Each line of the tree: its guide, its label, and the column that it shows where it is no group."""
    root = _Branch()
    for column in columns:
        node = root
        for key in column.name.split("/"):
            node = node.children.setdefault(key, _Branch())
        node.column = column
    for label, child in root.children.items():
        yield "", label, child.column
        yield from _lines_below(child, "")


def _lines_below(node: _Branch, indent: str) -> Iterator[tuple[str, str, ColumnInfo | None]]:
    for number, (label, child) in enumerate(node.children.items(), start=1):
        last = number == len(node.children)
        yield indent + ("└── " if last else "├── "), label, child.column
        yield from _lines_below(child, indent + ("    " if last else "│   "))


def _pairs(lines: dict[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines.items():
        table.add_row(name, value)
    return table


def _shape(column: ColumnInfo) -> str:
    if column.kind == "text":
        return "text"
    return " x ".join(map(str, column.shape)) or "scalar"


def _ratio(raw: int, stored: int) -> str:
    if not stored:
        return "-"
    ratio = raw / stored
    return f"{ratio:.1f}x" if ratio < 100 else f"{ratio:,.0f}x"


def _compact(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 4] + " ..."
