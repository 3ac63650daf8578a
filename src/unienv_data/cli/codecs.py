"""`unienv-data codecs SRC`: which codec for these frames."""

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
from unienv_data.cli.options import StorageOptions, parse_storage_options
from unienv_data.cli.output import Report, choose_output, format_bytes
from unienv_data.cli.signals import ending_as_exceptions

if TYPE_CHECKING:
    from unienv_data.codec_trials import CodecTrials, SampledColumn, Trial

__all__ = ["TrialsReport", "codecs"]


def codecs(
    source: Annotated[
        str,
        typer.Argument(metavar="SRC", help="A dataset or a recording: a path or a URL.", show_default=False),
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="A recording's format, if it is not recognized."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Try on these columns, as observation/images/*; may be repeated. By default all of frames.",
            show_default=False,
        ),
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Try this codec, as jpeg:90, instead of the usual ones; may be repeated.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="Rows of each column to try on.")] = 128,
    seconds: Annotated[
        float,
        typer.Option(
            min=0.1, metavar="S", help="How long a codec may write, and read; slow ones get fewer rows."
        ),
    ] = 2.0,
    storage_option: StorageOptions = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Draw no bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> None:
    """Try codecs on a sample of a dataset's or a recording's frames.

    Shows for each the size of a row, the rates of writing and of reading at random, and what is lost (PSNR in
    dB, SSIM). SRC is only read; samples are written to a folder for temporary files.
    """
    storage_options = parse_storage_options(storage_option)
    from unienv_data.codec_trials import TrialOptions, try_codecs

    options = TrialOptions(
        codecs=tuple(codec or ()),
        columns=tuple(columns or ()),
        rows=rows,
        seconds=seconds,
        format=format_name,
        storage_options=storage_options,
    )
    with ending_as_exceptions():
        trials = try_codecs(source, options, bar_on_terminal(quiet))
    output = choose_output(as_json)
    output.show(TrialsReport(trials))
    for column, spec, reason in () if as_json else trials.skipped:
        output.note(f"Not tried on {column}: {spec}: {reason}")


@dataclasses.dataclass(frozen=True)
class TrialsReport(Report):
    """What came of trials, in both forms of output."""

    trials: CodecTrials

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.trials.source,
            "columns": [
                {
                    "name": sample.name,
                    "dtype": sample.dtype.name,
                    "shape": list(sample.shape),
                    "rows": sample.rows,
                    "lossy_at_source": sample.lossy,
                }
                for sample in self.trials.samples
            ],
            "trials": [dataclasses.asdict(trial) for trial in self.trials.trials],
            "skipped": [
                {"column": column, "codec": spec, "reason": reason}
                for column, spec, reason in self.trials.skipped
            ],
        }

    def to_console(self) -> Iterable[RenderableType]:
        for sample in self.trials.samples:
            found = [trial for trial in self.trials.trials if trial.column == sample.name]
            if found:
                yield Text.assemble((sample.name, "bold"), f"  {_about(sample)}")
                yield Padding(_table(found), (0, 0, 0, 2))
                yield ""


def _about(sample: SampledColumn) -> str:
    shape = " x ".join(map(str, sample.shape)) or "scalar"
    before = f", {sample.lossy} in the source" if sample.lossy else ""
    return f"{sample.dtype} {shape}, {sample.rows:,} rows in {len(sample.runs)} runs{before}"


def _table(trials: list[Trial]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("codec", no_wrap=True)
    for name in ("stored/row", "ratio", "written/s", "random/s", "windows/s", "PSNR", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("loss", no_wrap=True)
    for trial in trials:
        stored = trial.stored_bytes or 1
        table.add_row(
            trial.codec,
            format_bytes(round(trial.stored_bytes / trial.rows)),
            f"{trial.raw_bytes / stored:.1f}x",
            *(f"{rate:,.0f}" for rate in (trial.write_rate, trial.read_rate, trial.window_rate)),
            "exact" if trial.exact else "" if trial.psnr is None else f"{trial.psnr:.1f}",
            "exact" if trial.exact else "" if trial.ssim is None else f"{trial.ssim:.3f}",
            Text("lossy codec" if trial.lossy else "none", style="yellow" if trial.lossy else ""),
        )
    return table
