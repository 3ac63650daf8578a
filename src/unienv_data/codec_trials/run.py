"""All candidates on all columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unienv_data.codec_trials.candidates import misfit, usual_candidates
from unienv_data.codec_trials.sample import SampledColumn, sample_columns
from unienv_data.codec_trials.trial import Trial, run_trial
from unienv_data.errors import CodecError, MissingDependencyError
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.store.codecs import parse_codec

__all__ = ["CodecTrials", "TrialOptions", "try_codecs"]


@dataclass(frozen=True)
class TrialOptions:
    """What a user may choose about trials.

    Attributes:
        codecs: specifications to try; the usual ones where empty.
        columns: patterns of columns; those of frames where empty.
        rows: about how many rows of each column.
        seconds: how long a codec may write, and again read.
        format: the source's format; None has it detected.
        storage_options: for the filesystem of the source's URL.
    """

    codecs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: int = 128
    seconds: float = 2.0
    format: str | None = None
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class CodecTrials:
    """What came of all of them.

    Attributes:
        source: where the rows are from.
        samples: what was tried on, a column each.
        trials: one a column and codec, in their order.
        skipped: column, codec, and why it was not tried.
    """

    source: str
    samples: tuple[SampledColumn, ...]
    trials: tuple[Trial, ...]
    skipped: tuple[tuple[str, str, str], ...]


def try_codecs(
    source: str, options: TrialOptions | None = None, progress: Progress = NO_PROGRESS
) -> CodecTrials:
    """Try codecs on a sample of a dataset's or a recording's rows. The source is only read.

    Args:
        source: a dataset of ours, or a recording in any known format: a path or a URL.
        options: which codecs, on what.
        progress: told the trials that are done.

    Raises:
        CodecError: a specification cannot be understood, or none that was asked for holds any column.
        ConversionError: the source cannot be read, or has no such columns.
        EmptyDataError: it has no rows.
    """
    options = options or TrialOptions()
    for spec in options.codecs:
        parse_codec(spec)
    samples = sample_columns(
        source,
        columns=options.columns,
        rows=options.rows,
        format=options.format,
        storage_options=options.storage_options,
    )
    todo = [
        (sample, spec)
        for sample in samples
        for spec in options.codecs or usual_candidates(sample.dtype, sample.shape)
    ]
    trials: list[Trial] = []
    skipped: list[tuple[str, str, str]] = []
    with progress.task("trying", total=len(todo), unit="codec") as task:
        for sample, spec in todo:
            outcome = _tried(sample, spec, options)
            if isinstance(outcome, Trial):
                trials.append(outcome)
            else:
                skipped.append((sample.name, spec, outcome))
            task.advance(1)
    if not trials:
        raise CodecError("; ".join(dict.fromkeys(reason for _, _, reason in skipped)))
    return CodecTrials(source, tuple(samples), tuple(trials), tuple(skipped))


def _tried(sample: SampledColumn, spec: str, options: TrialOptions) -> Trial | str:
    """A trial, or why it cannot be."""
    reason = misfit(spec, sample.dtype, sample.shape)
    if reason is not None:
        return reason
    try:
        return run_trial(sample, spec, seconds=options.seconds)
    except (CodecError, MissingDependencyError) as exc:
        return str(exc)
