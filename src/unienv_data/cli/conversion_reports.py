"""What `unienv-data convert` shows: the plan, and what was done."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unienv_data.cli.output import Report, format_bytes
from unienv_data.formats.naming import path_name

if TYPE_CHECKING:
    from unienv_data.conversion import Conversion, ConversionPlan, ExportPlan, Verification

__all__ = ["ConversionReport", "ExportReport", "PlanReport", "VerificationReport"]


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
            "already_there": plan.already_there,
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
        table.add_row("format", _format_of(plan.title, plan.format, plan.version))
        table.add_row("episodes", f"{len(plan.episodes):,}")
        if plan.already_there:
            table.add_row("there already", f"{plan.already_there:,} episodes more, which are left out")
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
class ExportReport(Report):
    """What will be written in a foreign format, in both forms of output."""

    plan: ExportPlan

    def to_json(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "source": plan.source.shown,
            "destination": plan.destination.shown,
            "format": plan.facts.format,
            "version": plan.facts.version,
            "to": plan.writer,
            "episodes": len(plan.episodes),
            "rows": plan.rows,
            "source_bytes": plan.source_bytes,
            "raw_bytes": plan.raw_bytes,
            "estimated_bytes": plan.estimated_bytes,
            "free_bytes": plan.free_bytes,
            "columns": [
                {
                    "source": column.name,
                    "path": path_name(column.path),
                    "type": _type_of(column.space),
                    "lossy_at_source": column.lossy,
                }
                for column in plan.facts.columns
            ],
            "notes": list(plan.notes),
            "refusal": plan.refusal,
        }

    def to_console(self) -> Iterable[RenderableType]:
        plan = self.plan
        yield Text(f"{plan.source.shown} -> {plan.destination.shown}", style="bold")
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("from", _format_of(plan.title, plan.facts.format, plan.facts.version))
        table.add_row("to", f"{plan.writer_title} ({plan.writer})")
        table.add_row("episodes", f"{len(plan.episodes):,}")
        table.add_row("rows", f"{plan.rows:,}")
        share = "" if plan.source_share == 1 else f", of which {plan.source_share:.0%} of the rows"
        table.add_row("source", f"{format_bytes(plan.source_bytes)}{share}")
        table.add_row(
            "estimate", f"{format_bytes(plan.estimated_bytes)} written, {format_bytes(plan.raw_bytes)} raw"
        )
        if plan.free_bytes is not None:
            table.add_row("free", format_bytes(plan.free_bytes))
        yield Padding(table, (0, 0, 0, 2))
        yield ""
        columns = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in ("source", "type", "loss"):
            columns.add_column(name, overflow="fold")
        for column in plan.facts.columns:
            columns.add_row(column.name, _type_of(column.space), _loss(column.lossy, False))
        yield Padding(columns, (0, 0, 0, 2))
        yield ""


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
        if done.already_there:
            yield Text(f"{done.already_there:,} episodes were there already.")
        if done.resumed_rows:
            yield Text(f"Of these, {done.resumed_rows:,} rows had been written before.")
        if done.skipped:
            yield Text(f"{len(done.skipped):,} episodes could not be read and were left out.", style="yellow")


def _format_of(title: str, name: str, version: str) -> str:
    """A format, and its version where a source says it."""
    return f"{title} ({name}), version {version}" if version else f"{title} ({name})"


def _type_of(space: Any) -> str:
    """A column's type in short: `uint8 96 x 96 x 3`."""
    if space.dtype is None:
        return "text"
    sizes = space.shape
    if sizes is None:  # the shape varies
        bounds = zip(space.shape_low, space.shape_high, strict=True)
        sizes = [low if low == high else f"{low}..{high}" for low, high in bounds]
    return " ".join(filter(None, (space.backend.dtype_name(space.dtype), " x ".join(map(str, sizes)))))


def _loss(at_source: str | None, in_store: bool) -> Text:
    """Where values were or are changed."""
    told = [f"{at_source} in the source"] if at_source else []
    told += ["lossy codec"] if in_store else []
    return Text(", ".join(told) or "none", style="yellow" if in_store else "")


@dataclasses.dataclass(frozen=True)
class VerificationReport(Report):
    """What was compared, in both forms of output."""

    found: Verification

    def to_json(self) -> dict[str, Any]:
        found = self.found
        return {
            "verified": {
                "rows": found.rows,
                "equal": list(found.equal),
                "psnr": {name: "Infinity" if math.isinf(db) else db for name, db in found.psnr.items()},
                "left_out": list(found.left_out),
            }
        }

    def to_console(self) -> Iterable[RenderableType]:
        found = self.found
        lossy = "; ".join(
            f"{name} {'is equal' if math.isinf(db) else f'within {db:.1f} dB'}"
            for name, db in found.psnr.items()
        )
        equal = f"{len(found.equal):,} columns are the source's"
        yield Text(f"Verified {found.rows:,} rows: {equal}{'; ' + lossy if lossy else ''}.")
