"""A dataset that stands at the destination, to which a conversion adds: what fits, what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from unienv_data.columns import ColumnInfo, columns_of
from unienv_data.conversion.appending.identity import DIGEST, NO_ROWS, digest_of
from unienv_data.conversion.appending.sums import EpisodeSums
from unienv_data.conversion.destinations.destination import Destination
from unienv_data.conversion.options import ConversionOptions
from unienv_data.conversion.planning.estimate import ColumnEstimate
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Reader, Source, SourceColumn, reader_class
from unienv_data.formats.base import EncodedForm, row_bytes
from unienv_data.formats.naming import Path
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_interface.space import BoxSpace, DictSpace, TextSpace
from unienv_interface.space.space import AnySpace

__all__ = ["Standing", "digests_of", "standing_at"]

_OWN = "unienv_data"


@dataclass(frozen=True, eq=False)
class Standing:
    """A dataset that is added to.

    Args:
        url: where it stands, for messages.
        space: one row; what is added is checked against it.
        columns: its columns by name.
        episodes: its table of episodes.
        source: it, as a source.
    """

    url: str
    space: AnySpace
    columns: Mapping[str, ColumnInfo]
    episodes: pa.Table
    source: Source

    def require_like(self, space: AnySpace, episodes: pa.Table, options: ConversionOptions) -> None:
        """See that rows of `space` can be added, and episodes.

        Raises:
            ConversionError: they cannot; says everything that differs.
        """
        problems = [*_differences(self.space, space), *_other_columns(self.episodes, episodes)]
        if options.codecs or options.chunks or options.frames in ("high", "small"):
            problems.append("--codec, --chunk and --frames: the dataset has its codecs and chunks")
        if problems:
            raise ConversionError(f"{self.url}: what is to be added differs: {'; '.join(problems)}")

    def takes(self, name: str, form: EncodedForm) -> bool:
        """Whether a column's rows can be added as they are encoded in the source."""
        info = self.columns.get(name)
        return info is not None and (info.codec, info.chunk_rows) == (form.codec, form.chunk_rows)

    def estimate(self, column: SourceColumn, name: str, rows: int, is_copied: bool) -> ColumnEstimate:
        """What rows of a column will weigh, if they are like those that are there."""
        mine = [info for path, info in self.columns.items() if path == name or path.startswith(name + "/")]
        raw = sum(info.raw_bytes for info in mine)
        stored = sum(info.stored_bytes for info in mine)
        added_raw = rows * row_bytes([column.space])
        return ColumnEstimate(
            codec=mine[0].codec,
            lossy=not is_copied and any(info.lossy for info in mine),
            raw_bytes=added_raw,
            stored_bytes=round(added_raw * stored / max(raw, 1)),
        )

    def digests(self, told_by: Sequence[str]) -> set[str]:
        """The digests of its episodes: those that the table has not are made of the rows.

        Args:
            told_by: names of the columns that digests are made of.
        """
        known: list[str | None] = [None] * len(self.episodes)
        if DIGEST in self.episodes.column_names:
            known = self.episodes[DIGEST].to_pylist()
        missing = [number for number, digest in enumerate(known) if digest is None]
        found = {digest for digest in known if digest is not None}
        if missing:
            with reader_class(_OWN).open(self.source) as reader:
                columns = [column for column in reader.facts().columns if column.name in {*told_by}]
                found |= {*digests_of(reader, columns, self.space, missing, "").values()}
        return found


def standing_at(destination: Destination) -> Standing | None:
    """The dataset that stands at a destination; None where none does.

    Raises:
        ConversionError: it is a ring, which would lose rows, or not of arrays.
    """
    if not destination.has_dataset():
        return None
    options = dict(destination.storage_options)
    with ReplayBuffer.load_from(destination.uri, storage_options=options) as buffer:
        storage = buffer.storage
        if not isinstance(storage, ZarrStorage) or buffer.capacity is not None:
            raise ConversionError(
                f"{destination.shown}: only a dataset that grows can be added to; this is a ring, or "
                f"stored in another way"
            )
        if buffer.has_open_segment:
            raise ConversionError(f"{destination.shown}: its last episode is open; end it first")
        return Standing(
            url=destination.shown,
            space=buffer.single_space,
            columns={info.name: info for info in storage.describe()},
            episodes=buffer.episodes,
            source=Source(destination.uri, options),
        )


def digests_of(
    reader: Reader, columns: Sequence[SourceColumn], space: AnySpace, episodes: Sequence[int], label: str
) -> dict[int, str]:
    """The digest of each episode; of one that cannot be read there is none.

    Args:
        reader: of the source.
        columns: those that tell episodes apart.
        space: one row of the dataset.
        episodes: positions in the table of episodes.
        label: how the source is called, which names episodes where no column does.
    """
    facts = reader.facts()
    nodes = {column.name: columns_of(space).below(column.path) for column in columns}
    sums = EpisodeSums(node.name for node in nodes.values())
    bad: set[int] = set()
    at = 0 if columns else len(episodes)
    while at < len(episodes):
        try:
            for chunk in reader.chunks([column.name for column in columns], episodes[at:]):
                values = {
                    name: nodes[name].encode(value, chunk.rows) for name, value in chunk.columns.items()
                }
                merged = {name: data for part in values.values() for name, data in part.items()}
                sums.add(chunk.episode, merged, chunk.start, 0, chunk.rows)
                at += chunk.ends_episode
            break
        except ConversionError:  # whoever converts it is told
            bad.add(episodes[at])
            at += 1
    found = sums.of_each()
    return {
        episode: digest_of(found.get(episode, NO_ROWS), named_otherwise(facts, label, episode))
        for episode in episodes
        if episode not in bad
    }


def named_otherwise(facts: Facts, label: str, episode: int) -> str:
    """What names an episode of which no column tells."""
    return f"{label}/{facts.episodes['source_episode'][episode].as_py()}"


def _differences(there: AnySpace, here: AnySpace, path: Path = ()) -> Iterator[str]:
    """What of a space is not like another, a phrase each."""
    name = "/".join(path) or "rows"
    if isinstance(there, DictSpace) and isinstance(here, DictSpace):
        for key in dict.fromkeys([*there.spaces, *here.spaces]):
            if key not in here.spaces:
                yield f"{'/'.join([*path, key])} is missing"
            elif key not in there.spaces:
                yield f"{'/'.join([*path, key])} is not in the dataset (--exclude)"
            else:
                yield from _differences(there.spaces[key], here.spaces[key], (*path, key))
    elif isinstance(there, BoxSpace) and isinstance(here, BoxSpace):
        if (there.dtype, there.shape) != (here.dtype, here.shape):
            yield (
                f"{name} is {np.dtype(here.dtype)} {list(here.shape)}, in the dataset "
                f"{np.dtype(there.dtype)} {list(there.shape)} (--cast, --resize)"
            )
    elif not (isinstance(there, TextSpace) and isinstance(here, TextSpace)) and there != here:
        yield f"{name} is {here}, in the dataset {there}"


def _other_columns(there: pa.Table, here: pa.Table) -> Iterable[str]:
    """Columns of the table of episodes whose values do not go together."""
    for field in here.schema:
        if field.name in there.column_names and field.name not in ("start", "length", DIGEST):
            known = there.schema.field(field.name)
            try:
                pa.unify_schemas([pa.schema([known]), pa.schema([field])], promote_options="permissive")
            except pa.ArrowException:
                yield f"{field.name} of episodes is {field.type}, in the dataset {known.type}"
