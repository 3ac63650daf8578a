"""A source into a foreign format: planned first, then written whole or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from unienv_data.conversion.destinations.destination import Destination
from unienv_data.conversion.exporting.sample import estimate_written, raw_bytes, tree_bytes
from unienv_data.conversion.exporting.written import bad_episodes, chosen_chunks, chosen_facts
from unienv_data.conversion.options import ConversionOptions
from unienv_data.conversion.plan import check_source
from unienv_data.conversion.planning.room import room_refusal
from unienv_data.conversion.planning.selection import choose_columns, choose_episodes
from unienv_data.conversion.run import Conversion, SkippedEpisode
from unienv_data.conversion.shaping import open_shaped
from unienv_data.conversion.writing.readahead import reading_ahead
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Source, Writer, choose_writer, reader_class, writer_class
from unienv_data.formats.base import DEFAULT_CHUNK_BYTES, row_bytes
from unienv_data.progress import NO_PROGRESS, Progress

__all__ = ["ExportPlan", "plan_export", "run_export"]


@dataclass(frozen=True, eq=False)
class ExportPlan:
    """What writing a foreign format will do.

    Args:
        source: the recording.
        destination: where the new one will stand.
        title: the source's format, as people call it.
        writer: the name of the format that is written.
        writer_title: what people call that.
        facts: of exactly what will be written.
        episodes: which, as positions in the source's episode table.
        source_share: the part of the source's rows that is written.
        source_bytes: what the source weighs, all of it.
        estimated_bytes: what will be written, as far as a sample tells.
        free_bytes: what is free at the destination; None where nobody knows.
        notes: what a person should know, a sentence each.
        options: what was chosen.
    """

    source: Source
    destination: Destination
    title: str
    writer: str
    writer_title: str
    facts: Facts
    episodes: tuple[int, ...]
    source_share: float
    source_bytes: int
    estimated_bytes: int
    free_bytes: int | None
    notes: tuple[str, ...]
    options: ConversionOptions

    @property
    def rows(self) -> int:
        """Rows of all these episodes together."""
        return self.facts.rows

    @property
    def raw_bytes(self) -> int:
        """The rows, uncompressed."""
        return raw_bytes(self.facts)

    @property
    def refusal(self) -> str | None:
        """Why it is refused unless it is forced; None where nothing is in its way."""
        return room_refusal(self.destination.shown, self.estimated_bytes, self.free_bytes, "")

    def require_acceptable(self) -> None:
        """Refuse what is refused.

        Raises:
            ConversionError: too little space is free, and it is not forced.
        """
        if self.refusal is not None and not self.options.force:
            raise ConversionError(self.refusal)


def plan_export(source: str, destination: str, options: ConversionOptions | None = None) -> ExportPlan:
    """See what writing a source in a foreign format will do. Writes nothing but a sample, which is removed.

    Args:
        source: a local path or any fsspec URL.
        destination: where the new recording is to stand, likewise.
        options: what to convert, and how. Its `to`, or the destination's ending, says into which format.

    Raises:
        ConversionError: the source is missing, damaged, of no known format; the format cannot hold what is
            chosen; nothing is left to convert; the destination cannot be written.
        DatasetExistsError: something stands at the destination that may not be replaced.
        MissingDependencyError: the source or the format needs a package that is not installed.
    """
    options = options or ConversionOptions()
    writer = choose_writer(destination, options.to)
    if writer is None:
        raise ConversionError(
            f"{destination}: no foreign format is asked for; name one with --to, or by the ending"
        )
    _refuse_options_of_stores(options, writer)
    origin = Source(source, options.source_storage_options)
    target = Destination(destination, options.storage_options, writer)
    with open_shaped(origin, options) as reader:
        whole = reader.facts()
        target.check(origin, options.overwrite)
        columns = choose_columns(whole, options.columns, options.exclude)
        episodes = choose_episodes(options.episodes, whole.lengths)
        facts = chosen_facts(whole, columns, episodes)
        writer.check(facts, options.to_options)
        notes = check_source(reader, [column.name for column in columns], episodes, options.skip_bad)
        estimated = estimate_written(
            reader, facts, episodes, writer, target.name, options.to_options, options.skip_bad
        )
    return ExportPlan(
        source=origin,
        destination=target,
        title=reader_class(whole.format).title,
        writer=writer.name,
        writer_title=writer.title,
        facts=facts,
        episodes=tuple(episodes),
        source_share=facts.rows / whole.rows,
        source_bytes=whole.source_bytes,
        estimated_bytes=estimated,
        free_bytes=target.free_bytes,
        notes=(*whole.notes, *notes, *writer.notes(Path(target.name), facts, options.to_options)),
        options=options,
    )


def _refuse_options_of_stores(options: ConversionOptions, writer: type[Writer]) -> None:
    """What is asked of a store's columns means nothing to another format."""
    given = [flag for flag, value in (("--codec", options.codecs), ("--chunk", options.chunks)) if value]
    if given:
        raise ConversionError(
            f"{' and '.join(given)} choose how a dataset of ours is stored; {writer.title} has options of "
            f"its own: --to-option, see `unienv-data formats`"
        )
    ways = {
        "--workers": options.workers > 1,
        "--scheduler": options.scheduler is not None,
        "--resume": options.resume,
        "--append": options.append,
    }
    asked = [flag for flag, value in ways.items() if value]
    if asked:
        raise ConversionError(
            f"{' and '.join(asked)}: only datasets of ours can be written so; {writer.title} is written by "
            f"one process, from its beginning to its end"
        )


def run_export(plan: ExportPlan, progress: Progress = NO_PROGRESS) -> Conversion:
    """Write as planned.

    The recording is written beside the destination, or to a temporary folder of this machine where that is
    remote, and appears whole at the end. Whatever ends it early, an exception that a signal handler raises
    included, what was written is removed. The source is only read.

    Args:
        plan: from `plan_export`.
        progress: told the rows that are done.

    Raises:
        ConversionError: the plan is refused; or the source turns out to be damaged or to contradict itself.
        DatasetExistsError: something has come to stand at the destination.
    """
    plan.require_acceptable()
    plan.destination.check(plan.source, plan.options.overwrite)
    started = time.monotonic()
    try:
        with plan.destination.placing(plan.options.overwrite, progress) as place:
            rows, bad = _write(plan, place, progress)
            stored = tree_bytes(place)
    except OSError as exc:
        if exc.__class__.__module__ != "builtins":
            raise  # one of ours says what is to be said
        raise ConversionError(f"{plan.destination.shown}: cannot be written: {exc.strerror or exc}") from exc
    seconds = time.monotonic() - started
    count = len(plan.episodes) - len(bad)
    return Conversion(plan.destination.shown, rows, count, stored, seconds, skipped=tuple(bad))


def _write(plan: ExportPlan, place: Path, progress: Progress) -> tuple[int, list[SkippedEpisode]]:
    """Write the episodes that can be read; gives the rows, and the others."""
    options = plan.options
    memory = DEFAULT_CHUNK_BYTES if options.memory is None else min(DEFAULT_CHUNK_BYTES, options.memory // 4)
    names = [column.name for column in plan.facts.columns]
    with open_shaped(plan.source, options, plan.facts.format) as reader:
        bad = bad_episodes(reader, names, plan.episodes, progress) if options.skip_bad else {}
        numbers = [number for number, episode in enumerate(plan.episodes) if episode not in bad]
        if not numbers:
            raise ConversionError(f"{plan.source.shown}: no episode can be read; {next(iter(bad.values()))}")
        facts = chosen_facts(plan.facts, plan.facts.columns, numbers) if bad else plan.facts
        episodes = [plan.episodes[number] for number in numbers]
        encoded = writer_class(plan.writer).encoded_columns(facts, options.to_options)
        rows = 0
        with (
            writer_class(plan.writer).open(place, facts, options.to_options) as writer,
            progress.task("converting", total=facts.rows, unit="row") as task,
            reading_ahead(
                chosen_chunks(reader, facts, episodes, max(1, memory), encoded=encoded),
                lambda chunk: chunk.rows * row_bytes([column.space for column in facts.columns]),
                memory,
            ) as chunks,
        ):
            for chunk in chunks:
                writer.write(chunk)
                rows += chunk.rows
                task.advance(chunk.rows)
            if rows != facts.rows:
                raise ConversionError(
                    f"{plan.source.shown}: {facts.rows} rows were planned, but {rows} were there: did it "
                    f"change?"
                )
            writer.finish()
    called = plan.facts.episodes["source_episode"].to_pylist()
    positions = {episode: number for number, episode in enumerate(plan.episodes)}
    skipped = [SkippedEpisode(_called(called[positions[each]]), why) for each, why in bad.items()]
    return rows, skipped


def _called(name: object) -> int | str:
    return name if isinstance(name, int) else str(name)
