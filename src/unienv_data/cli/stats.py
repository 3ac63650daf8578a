"""`unienv-data stats PATH`: statistics of a dataset's columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unienv_data.cli.bar import bar_on_terminal
from unienv_data.cli.options import StorageOptions, parse_storage_options
from unienv_data.cli.output import Report, choose_output
from unienv_data.cli.signals import ending_as_exceptions

if TYPE_CHECKING:
    from unienv_data.statistics import Statistics, Summary

__all__ = ["StatsReport", "stats"]

#: Numbers of one statistic that are shown; `--json` shows all.
_MOST_NUMBERS = 4


def stats(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Folder or URL of the dataset.", show_default=False)
    ],
    per_episode: Annotated[
        bool, typer.Option("--per-episode", help="Those of each episode, and not of all rows.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Compute them of all rows, and keep them with the dataset.")
    ] = False,
    every_frame: Annotated[
        bool,
        typer.Option("--every-frame", help="Compute them, and look at every frame rather than at a sample."),
    ] = False,
    storage_option: StorageOptions = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> None:
    """Show mean, spread, extremes and quantiles of each column.

    Those that a dataset keeps are shown as they are; where it keeps none, they are computed. Images have
    them by channel, from 0 to 1.
    """
    options = parse_storage_options(storage_option)
    from unienv_data.opening import open as open_dataset

    output = choose_output(as_json)
    progress = bar_on_terminal(quiet or as_json)
    with (
        ending_as_exceptions(),
        open_dataset(path, "a" if update else "r", storage_options=options) as buffer,
    ):
        if update:
            found = buffer.update_stats(every_frame=every_frame, progress=progress)
        else:
            kept = None if every_frame else buffer.stats
            found = kept or buffer.compute_stats(every_frame=every_frame, progress=progress)
        episodes = None
        if per_episode:
            episodes = buffer.episode_stats(
                every_frame=every_frame and not update, progress=progress
            ).to_pylist()
        rows = len(buffer)
    output.show(StatsReport(found, rows, episodes))
    if found.rows < rows:
        output.note(
            f"Note: these are of the first {found.rows:,} of {rows:,} rows; --update looks at all of them."
        )
    sampled = [name for name in found.columns if found.is_sample(name)]
    if sampled:
        output.note(
            f"Note: of {', '.join(sampled)} some frames were looked at; --every-frame looks at all of them."
        )


@dataclasses.dataclass(frozen=True)
class StatsReport(Report):
    """Statistics in both forms of output."""

    found: Statistics
    rows: int
    episodes: list[dict[str, Any]] | None

    def to_json(self) -> dict[str, Any]:
        document = self.found.to_json()
        shown: dict[str, Any] = {
            "rows": self.rows,
            "rows_covered": self.found.rows,
            "columns": document["columns"],
        }
        if self.episodes is not None:
            shown["episodes"] = [_as_json(row) for row in self.episodes]
        return shown

    def to_console(self) -> Iterable[RenderableType]:
        yield Text(f"{self.found.rows:,} rows", style="bold")
        yield Padding(self._columns(), (0, 0, 0, 2))
        for number, row in enumerate(self.episodes or ()):
            yield ""
            yield Text(f"episode {number}: {row['length']:,} rows", style="bold")
            yield Padding(_episode(row), (0, 0, 0, 2))

    def _columns(self) -> Table:
        table = _table()
        for path, found in self.found.columns.items():
            table.add_row(path or "(value)", f"{found.count:,}", *_cells(found))
        return table


def _table() -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("column")
    for name in ("count", "mean", "std", "min", "max", "q01", "q50", "q99"):
        table.add_column(name, justify="right")
    return table


_SHOWN = ("mean", "std", "min", "max", "q01", "q50", "q99")


def _cells(found: Summary) -> Iterator[str]:
    for name in _SHOWN:
        yield _numbers(found[name].reshape(-1).tolist()) if found.has_numbers else ""


def _episode(row: Mapping[str, Any]) -> Table:
    table = _table()
    for key, count in row.items():
        path, _, name = key.rpartition("/")
        if name == "count":
            values = (row.get(f"{path}/{statistic}") for statistic in _SHOWN)
            cells = ("" if value is None else _numbers(_listed(value)) for value in values)
            table.add_row(path or "(value)", f"{count:,}", *cells)
    return table


def _listed(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]


def _numbers(values: list[float]) -> str:
    shown = " ".join(f"{value:.4g}" for value in values[:_MOST_NUMBERS])
    return f"{shown} ..." if len(values) > _MOST_NUMBERS else shown


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
