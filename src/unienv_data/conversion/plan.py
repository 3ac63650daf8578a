"""What a conversion will do, known before it does anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from unienv_data._version import __version__
from unienv_data.conversion.appending.existing import Standing, digests_of, standing_at
from unienv_data.conversion.appending.identity import columns_that_tell
from unienv_data.conversion.destinations.destination import Destination
from unienv_data.conversion.options import ConversionOptions
from unienv_data.conversion.planning.estimate import ColumnEstimate, estimate_columns
from unienv_data.conversion.planning.room import room_refusal
from unienv_data.conversion.planning.selection import (
    choose_by_pattern,
    choose_columns,
    choose_copied,
    choose_episodes,
    frame_codecs,
    stored_names,
)
from unienv_data.conversion.shaping import open_shaped
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Reader, Source, SourceColumn, reader_class
from unienv_data.formats.base import space_of
from unienv_interface.space.space import AnySpace

__all__ = ["ConversionPlan", "PlannedColumn", "check_source", "plan_conversion"]

MUCH_LARGER = 5
"""How many times the source a store may be before it comes with advice."""


@dataclass(frozen=True)
class PlannedColumn:
    """One column of a conversion.

    Args:
        column: the source's column, and where it will stand in a row.
        path: how the store will call it, as `observation/state`.
        estimate: what it will weigh, and by which codec.
        is_copied: whether it is stored as it is encoded in the source.
    """

    column: SourceColumn
    path: str
    estimate: ColumnEstimate
    is_copied: bool = False

    @property
    def name(self) -> str:
        """What the source calls it."""
        return self.column.name


@dataclass(frozen=True, eq=False)
class ConversionPlan:
    """What a conversion will do.

    Args:
        source: the recording.
        destination: where the dataset will stand.
        format: the source's format, as `--from` takes it.
        title: the source's format, as people call it.
        version: the format's version.
        columns: what is converted, in the source's order.
        episodes: which, as positions in the source's episode table.
        episode_rows: their rows of that table.
        rows: of these episodes together.
        source_bytes: what the source weighs, all of it.
        source_share: the part of the source's rows that is converted.
        free_bytes: what is free at the destination; None where nobody knows.
        codecs: codec specification of each of the store's columns for which one was chosen.
        chunks: rows in a chunk of those for which a number was chosen.
        attributes: what the store will keep about the source.
        notes: what a person should know, a sentence each.
        options: what was chosen.
        onto: the dataset that stands at the destination, where that is added to.
        already_there: how many episodes are left out because that has them.
    """

    source: Source
    destination: Destination
    format: str
    title: str
    version: str
    columns: tuple[PlannedColumn, ...]
    episodes: tuple[int, ...]
    episode_rows: pa.Table
    rows: int
    source_bytes: int
    source_share: float
    free_bytes: int | None
    codecs: Mapping[str, str]
    chunks: Mapping[str, int]
    attributes: Mapping[str, Any]
    notes: tuple[str, ...]
    options: ConversionOptions
    onto: Standing | None = None
    already_there: int = 0

    @property
    def told_by(self) -> list[str]:
        """The store's names of the columns that tell episodes apart."""
        tell = {column.name for column in columns_that_tell(planned.column for planned in self.columns)}
        return [planned.path for planned in self.columns if planned.name in tell]

    @property
    def space(self) -> AnySpace:
        """One row of the dataset."""
        if self.onto is not None:
            return self.onto.space
        return space_of({planned.column.path: planned.column.space for planned in self.columns})

    @property
    def raw_bytes(self) -> int:
        """The rows, uncompressed."""
        return sum(planned.estimate.raw_bytes for planned in self.columns)

    @property
    def estimated_bytes(self) -> int:
        """The rows as stored, as far as samples tell."""
        return sum(planned.estimate.stored_bytes for planned in self.columns)

    @property
    def refusal(self) -> str | None:
        """Why the conversion is refused unless it is forced; None where nothing is in its way."""
        return room_refusal(
            self.destination.shown, self.estimated_bytes, self.free_bytes, ", pack tighter (--codec)"
        )

    @property
    def advice(self) -> str | None:
        """What to do about a store that is much larger than its source; None where it is not."""
        source = self.source_bytes * self.source_share
        if not source or self.estimated_bytes <= MUCH_LARGER * source:
            return None
        largest = max(self.columns, key=lambda planned: planned.estimate.stored_bytes)
        share = largest.estimate.stored_bytes / max(1, self.estimated_bytes)
        text = (
            f"The store will be about {self.estimated_bytes / source:.0f} times as large as what it is made "
            f"from; {share:.0%} of it is {largest.path}."
        )
        if largest.column.lossy and not (largest.is_copied or largest.estimate.lossy):
            text += (
                f" Its frames were packed with loss ({largest.column.lossy}) and are stored without any "
                f"further loss, each to be read alone."
            )
        return text + (
            f" A tighter codec (--codec '{largest.path}=zstd:9') or leaving it out "
            f"(--exclude '{largest.path}') makes it smaller."
        )

    def require_acceptable(self) -> None:
        """Refuse what is refused.

        Raises:
            ConversionError: too little space is free, and the conversion is not forced.
        """
        if self.refusal is not None and not self.options.force:
            raise ConversionError(self.refusal)


def plan_conversion(
    source: str, destination: str, options: ConversionOptions | None = None
) -> ConversionPlan:
    """See what a conversion will do. Reads the source's metadata and a sample of its rows; writes nothing.

    Args:
        source: a recording in any known format, a local path or an fsspec URL.
        destination: where the dataset is to stand, likewise.
        options: what to convert, and how; everything by default.

    Raises:
        ConversionError: the source is missing, damaged, of no known format or version; no column or episode
            is left; the destination cannot be written.
        DatasetExistsError: something stands at the destination that may not be replaced.
        CodecError: a codec specification cannot be understood.
        MissingDependencyError: the source needs a package that is not installed.
    """
    options = options or ConversionOptions()
    origin = Source(source, options.source_storage_options)
    target = Destination(destination, options.storage_options)
    with open_shaped(origin, options) as reader:
        facts = reader.facts()
        target.check(origin, options.overwrite, options.append, options.resume)
        onto = standing_at(target) if options.append else None
        columns = choose_columns(facts, options.columns, options.exclude)
        episodes = choose_episodes(options.episodes, facts.lengths)
        stored_as = stored_names(columns)
        specs = choose_by_pattern(columns, options.codecs)
        copied = choose_copied(columns, options.frames, specs)
        planned = len(episodes)
        if onto is not None:
            space = space_of({column.path: column.space for column in columns})
            onto.require_like(space, facts.episodes, options)
            encoded = {c.name: c.encoded for c in columns if c.encoded is not None}
            copied = [name for name in copied if onto.takes(stored_as[name], encoded[name])]
            episodes = _new_ones(reader, columns, stored_as, episodes, onto, origin.label)
        forms = {column.name: column.encoded for column in columns if column.encoded is not None}
        specs = {**frame_codecs(columns, options.frames), **specs}
        specs |= {name: forms[name].codec for name in copied}
        codecs = {stored_as[name]: spec for name, spec in specs.items()}
        chunk_rows = {name: forms[name].chunk_rows for name in copied}
        chunk_rows |= choose_by_pattern(columns, options.chunks)
        chunks = {stored_as[name]: rows for name, rows in chunk_rows.items()}
        notes = [
            *facts.notes,
            *check_source(reader, [column.name for column in columns], episodes, options.skip_bad),
        ]
        rows = sum(facts.lengths[episode] for episode in episodes)
        if onto is None:
            estimates = estimate_columns(reader, columns, episodes, codecs, chunks, copied, options.skip_bad)
        else:
            estimates = {c.name: onto.estimate(c, stored_as[c.name], rows, c.name in copied) for c in columns}
    return ConversionPlan(
        source=origin,
        destination=target,
        format=facts.format,
        title=reader_class(facts.format).title,
        version=facts.version,
        columns=tuple(
            PlannedColumn(column, stored_as[column.name], estimates[column.name], column.name in copied)
            for column in columns
        ),
        episodes=tuple(episodes),
        episode_rows=facts.episodes.take(pa.array(episodes, pa.int64())),
        rows=rows,
        source_bytes=facts.source_bytes,
        source_share=rows / facts.rows,
        free_bytes=target.free_bytes,
        codecs=codecs,
        chunks=chunks,
        attributes=_attributes(origin, facts, columns, stored_as, copied),
        notes=tuple(notes),
        options=options,
        onto=onto,
        already_there=planned - len(episodes),
    )


def _new_ones(
    reader: Reader,
    columns: Sequence[SourceColumn],
    stored_as: Mapping[str, str],
    episodes: Sequence[int],
    onto: Standing,
    label: str,
) -> list[int]:
    """The episodes that a dataset has not."""
    tell = columns_that_tell(columns)
    there = onto.digests([stored_as[column.name] for column in tell])
    digests = digests_of(reader, tell, onto.space, episodes, label) if there else {}
    return [episode for episode in episodes if digests.get(episode) not in there]


def check_source(
    reader: Reader, columns: Sequence[str], episodes: Sequence[int], skip_bad: bool
) -> list[str]:
    """See that what is to be read is whole; where bad episodes are left out, say what is not."""
    try:
        reader.check(columns, episodes)
    except ConversionError as exc:
        if not skip_bad:
            raise
        return [f"Episodes that cannot be read will be left out: {exc}"]
    return []


def _attributes(
    source: Source,
    facts: Facts,
    columns: Sequence[SourceColumn],
    stored_as: Mapping[str, str],
    copied: Collection[str],
) -> dict[str, Any]:
    """What the store keeps: the source's own attributes, and each column's under its name in the store."""
    kept = {}
    for column in columns:
        about: dict[str, Any] = {"source": column.name, **column.attributes}
        if column.lossy:
            about["lossy"] = column.lossy
        if column.name in copied:
            about["copied"] = True
        kept[stored_as[column.name]] = about
    return {
        **facts.attributes,
        "columns": kept,
        "source": {"format": facts.format, "version": facts.version, "name": source.label},
        "converted_by": f"unienv-data {__version__}",
    }
