"""What `unienv-data convert` shows: the plan, and what was done."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
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


class _Planned(Report):
    """What will be done, in both forms of output.

    Attributes:
        plan: all of it.
    """

    plan: ConversionPlan | ExportPlan

    @abstractmethod
    def _about(self) -> dict[str, Any]:
        """What is said of the formats."""

    @abstractmethod
    def _column_entries(self) -> list[dict[str, Any]]:
        """What is said of each column."""

    @abstractmethod
    def _lines(self) -> Iterator[tuple[str, str]]:
        """What is summed up: of what, and what."""

    @abstractmethod
    def _columns(self) -> Table:
        """A line a column."""

    def to_json(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "source": plan.source.shown,
            "destination": plan.destination.shown,
            **self._about(),
            "episodes": len(plan.episodes),
            "rows": plan.rows,
            "source_bytes": plan.source_bytes,
            "raw_bytes": plan.raw_bytes,
            "estimated_bytes": plan.estimated_bytes,
            "free_bytes": plan.free_bytes,
            "columns": self._column_entries(),
            "notes": list(plan.notes),
            "refusal": plan.refusal,
        }

    def to_console(self) -> Iterable[RenderableType]:
        plan = self.plan
        yield Text(f"{plan.source.shown} -> {plan.destination.shown}", style="bold")
        summary = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        summary.add_column(style="dim", no_wrap=True)
        summary.add_column(overflow="fold")
        for line in self._lines():
            summary.add_row(*line)
        if plan.free_bytes is not None:
            summary.add_row("free", format_bytes(plan.free_bytes))
        for table in (summary, self._columns()):
            yield Padding(table, (0, 0, 0, 2))
            yield ""

    @property
    def _source_size(self) -> str:
        plan = self.plan
        share = "" if plan.source_share == 1 else f", of which {plan.source_share:.0%} of the rows"
        return f"{format_bytes(plan.source_bytes)}{share}"


@dataclasses.dataclass(frozen=True)
class PlanReport(_Planned):
    """What will be converted to a dataset of ours."""

    plan: ConversionPlan

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "format": plan.format,
            "version": plan.version,
            "already_there": plan.already_there,
            "advice": plan.advice,
        }

    def _column_entries(self) -> list[dict[str, Any]]:
        return [
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
            for planned in self.plan.columns
        ]

    def _lines(self) -> Iterator[tuple[str, str]]:
        plan = self.plan
        yield "format", _format_of(plan.title, plan.format, plan.version)
        yield "episodes", f"{len(plan.episodes):,}"
        if plan.already_there:
            yield "there already", f"{plan.already_there:,} episodes more, which are left out"
        yield "rows", f"{plan.rows:,}"
        yield "source", self._source_size
        times = plan.estimated_bytes / max(1, plan.source_bytes * plan.source_share)
        stored = f"{format_bytes(plan.estimated_bytes)} stored ({times:.1f}x the source)"
        yield "estimate", f"{stored}, {format_bytes(plan.raw_bytes)} raw"

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
class ExportReport(_Planned):
    """What will be written in a foreign format."""

    plan: ExportPlan

    def _about(self) -> dict[str, Any]:
        facts = self.plan.facts
        return {"format": facts.format, "version": facts.version, "to": self.plan.writer}

    def _column_entries(self) -> list[dict[str, Any]]:
        return [
            {
                "source": column.name,
                "path": path_name(column.path),
                "type": _type_of(column.space),
                "lossy_at_source": column.lossy,
            }
            for column in self.plan.facts.columns
        ]

    def _lines(self) -> Iterator[tuple[str, str]]:
        plan = self.plan
        yield "from", _format_of(plan.title, plan.facts.format, plan.facts.version)
        yield "to", f"{plan.writer_title} ({plan.writer})"
        yield "episodes", f"{len(plan.episodes):,}"
        yield "rows", f"{plan.rows:,}"
        yield "source", self._source_size
        yield "estimate", f"{format_bytes(plan.estimated_bytes)} written, {format_bytes(plan.raw_bytes)} raw"

    def _columns(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in ("source", "type", "loss"):
            table.add_column(name, overflow="fold")
        for column in self.plan.facts.columns:
            table.add_row(column.name, _type_of(column.space), _loss(column.lossy, False))
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
