"""`unienv-data convert SRC DST`: a foreign recording becomes a dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unienv_data.cli.bar import bar_on_terminal
from unienv_data.cli.options import StorageOptions, is_url, parse_codecs, parse_storage_options
from unienv_data.cli.output import Report, choose_output, format_bytes
from unienv_data.cli.signals import ending_as_exceptions

if TYPE_CHECKING:
    from unienv_data.conversion import Conversion, ConversionPlan

__all__ = ["ConversionReport", "PlanReport", "convert"]


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="The recording: a path or a URL.", show_default=False)
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DST", help="The dataset to make: a path or a URL.", show_default=False)
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="The source's format, if it is not recognized."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Convert only these, as observation.* or observation/*; may be repeated.",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Leave these out; may be repeated.", show_default=False),
    ] = None,
    episodes: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Only these episodes, counted as Python slices count."),
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=SPEC",
            help="The codec of some columns, as 'observation/*=zstd:9'; may be repeated, the last counts.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(
            metavar="copy|lossless|high|small",
            help="Keep the frames of videos as they are encoded, or decode them and encode them anew.",
        ),
    ] = "copy",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a dataset that stands at DST, at the end.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Convert though too little space is free.")] = False,
    storage_option: StorageOptions = None,
    assume_single_writer: Annotated[
        bool,
        typer.Option(
            "--assume-single-writer",
            help="Nobody else writes to DST; for filesystems that cannot make sure of it.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON documents instead.")] = False,
) -> None:
    """Convert a recording in a format of others, such as LeRobot's, into a dataset.

    Shows first what will be converted and how large it will be. The dataset appears whole at the end;
    whatever goes wrong before leaves nothing behind. SRC is only read.
    """
    storage_options = parse_storage_options(storage_option)
    codecs = parse_codecs(codec)
    from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion

    options = ConversionOptions(
        format=format_name,
        columns=tuple(columns or ()),
        exclude=tuple(exclude or ()),
        episodes=episodes,
        codecs=codecs,
        frames=frames,
        overwrite=overwrite,
        force=force,
        assume_single_writer=assume_single_writer,
        source_storage_options=storage_options if is_url(source) else {},
        storage_options=storage_options if is_url(destination) else {},
    )
    output = choose_output(as_json)
    with ending_as_exceptions():
        plan = plan_conversion(source, destination, options)
        if not quiet:
            output.show(PlanReport(plan))
            for text in (*plan.notes, *filter(None, (plan.advice,))):
                output.note(f"Note: {text}")
        plan.require_acceptable()
        if plan.refusal is not None:
            output.warn(plan.refusal)
        if dry_run:
            return
        done = run_conversion(plan, bar_on_terminal(quiet))
    if not quiet:
        output.show(ConversionReport(done))


@dataclasses.dataclass(frozen=True)
class PlanReport(Report):
    """What will be converted, in both forms of output."""

    plan: ConversionPlan

    def to_json(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "source": plan.source.shown,
            "destination": plan.destination.shown,
            "format": plan.format,
            "version": plan.version,
            "episodes": len(plan.episodes),
            "rows": plan.rows,
            "source_bytes": plan.source_bytes,
            "raw_bytes": plan.raw_bytes,
            "estimated_bytes": plan.estimated_bytes,
            "free_bytes": plan.free_bytes,
            "columns": [
                {
                    "source": planned.name,
                    "path": planned.path,
                    "type": _type_of(planned.column.space),
                    "lossy_at_source": planned.column.lossy,
                    "codec": planned.estimate.codec,
                    "lossy": planned.estimate.lossy,
                    "copied": planned.is_copied,
                    "raw_bytes": planned.estimate.raw_bytes,
                    "estimated_bytes": planned.estimate.stored_bytes,
                }
                for planned in plan.columns
            ],
            "notes": list(plan.notes),
            "advice": plan.advice,
            "refusal": plan.refusal,
        }

    def to_console(self) -> Iterable[RenderableType]:
        yield Text(f"{self.plan.source.shown} -> {self.plan.destination.shown}", style="bold")
        yield Padding(self._summary(), (0, 0, 0, 2))
        yield ""
        yield Padding(self._columns(), (0, 0, 0, 2))
        yield ""

    def _summary(self) -> Table:
        plan = self.plan
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("format", f"{plan.title} ({plan.format}), version {plan.version}")
        table.add_row("episodes", f"{len(plan.episodes):,}")
        table.add_row("rows", f"{plan.rows:,}")
        share = "" if plan.source_share == 1 else f", of which {plan.source_share:.0%} of the rows"
        table.add_row("source", f"{format_bytes(plan.source_bytes)}{share}")
        times = plan.estimated_bytes / max(1, plan.source_bytes * plan.source_share)
        table.add_row(
            "estimate",
            f"{format_bytes(plan.estimated_bytes)} stored ({times:.1f}x the source), "
            f"{format_bytes(plan.raw_bytes)} raw",
        )
        if plan.free_bytes is not None:
            table.add_row("free", format_bytes(plan.free_bytes))
        return table

    def _columns(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in ("source", "column", "type", "codec"):
            table.add_column(name, overflow="fold")  # in a narrow window names break, numbers do not
        for name in ("estimate", "raw"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("loss", overflow="fold")
        for planned in self.plan.columns:
            table.add_row(
                planned.name,
                planned.path,
                _type_of(planned.column.space),
                f"copied ({planned.estimate.codec})" if planned.is_copied else planned.estimate.codec,
                format_bytes(planned.estimate.stored_bytes),
                format_bytes(planned.estimate.raw_bytes),
                _loss(planned.column.lossy, planned.estimate.lossy),
            )
        return table


@dataclasses.dataclass(frozen=True)
class ConversionReport(Report):
    """What was converted, in both forms of output."""

    done: Conversion

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self.done)

    def to_console(self) -> Iterable[RenderableType]:
        done = self.done
        rate = f"{done.rows / done.seconds:,.0f} rows/s" if done.seconds else "at once"
        yield Text(
            f"Wrote {done.rows:,} rows in {done.episodes:,} episodes, {format_bytes(done.stored_bytes)}, to "
            f"{done.destination} in {done.seconds:.1f} s ({rate})."
        )


def _type_of(space: Any) -> str:
    """A column's type in short: `uint8 96 x 96 x 3`."""
    if space.dtype is None:
        return "text"
    return " ".join(filter(None, (space.backend.dtype_name(space.dtype), " x ".join(map(str, space.shape)))))


def _loss(at_source: str | None, in_store: bool) -> Text:
    """Where values were or are changed."""
    told = [f"{at_source} in the source"] if at_source else []
    told += ["lossy codec"] if in_store else []
    return Text(", ".join(told) or "none", style="yellow" if in_store else "")
