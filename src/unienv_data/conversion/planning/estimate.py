"""How large the columns will be, from a sample that is written with the very codecs that were chosen."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import fsspec

from unienv_data.columns import columns_of
from unienv_data.errors import ConversionError, SpaceValueError
from unienv_data.formats import Reader, SourceColumn
from unienv_data.formats.base import space_of
from unienv_data.formats.naming import nest
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_interface.space.space import AnySpace

__all__ = ["ColumnEstimate", "estimate_columns"]

SAMPLED_EPISODES = 5
SAMPLE_BYTES = 4 << 20
"""Of each sampled episode, decoded."""


@dataclass(frozen=True)
class ColumnEstimate:
    """What a column will weigh.

    Args:
        codec: how the store calls its codec.
        lossy: whether that codec changes values of this source; what is only copied does not.
        raw_bytes: of all rows, uncompressed.
        stored_bytes: of all rows, as far as the sample tells.
    """

    codec: str
    lossy: bool
    raw_bytes: int
    stored_bytes: int


def estimate_columns(
    reader: Reader,
    columns: Sequence[SourceColumn],
    episodes: Sequence[int],
    codecs: Mapping[str, str],
    chunks: Mapping[str, int] | None = None,
    encoded: Collection[str] = (),
    skip_bad: bool = False,
) -> dict[str, ColumnEstimate]:
    """What each column (by source name) will weigh.

    The beginnings of some episodes, evenly spread, are written to memory as they would be to the destination.

    Args:
        reader: of the source.
        columns: what is converted.
        episodes: positions in the episode table.
        codecs: the store's name of a column -> its codec specification.
        chunks: the store's name of a column -> rows in a chunk.
        encoded: columns (source names) that are stored as they are encoded.
        skip_bad: pass over episodes that cannot be read, as long as others can.

    Raises:
        ConversionError: the sampled rows cannot be read.
        CodecError: a codec specification cannot be understood.
    """
    names = [column.name for column in columns]
    paths = {column.name: column.path for column in columns}
    options: dict[str, Any] = {"encoded": encoded} if encoded else {}
    space = space_of({column.path: column.space for column in columns})
    with _in_memory(space, codecs, chunks or {}) as sample:
        problem: Exception | None = None
        for episode in _spread(episodes):
            try:
                chunk = next(iter(reader.chunks(names, [episode], target_bytes=SAMPLE_BYTES, **options)))
                sample.append_batch(nest({paths[name]: values for name, values in chunk.columns.items()}))
            except (ConversionError, SpaceValueError) as exc:
                if not skip_bad:
                    raise
                problem = exc
        if problem is not None and not len(sample):
            raise problem
        sample.mark_segment_end(commit=False)
        sample.seal()
        rows = len(sample)
        infos = cast("ZarrStorage[Any, Any, Any, Any, Any]", sample.storage).describe()
    lengths = reader.facts().lengths
    scale = sum(lengths[episode] for episode in episodes) / rows
    root = columns_of(space)
    estimates = {}
    for name in names:
        own = {spec.name for spec in root.below(paths[name]).specs}
        mine = [info for info in infos if info.name in own]
        # A sample's shards are nearly empty, so that their indexes weigh more than they will; no codec adds
        # much to what it packs.
        raw = sum(info.raw_bytes for info in mine)
        stored = min(sum(info.stored_bytes for info in mine), raw + raw // 50)
        estimates[name] = ColumnEstimate(
            codec=mine[0].codec if mine else "none",
            lossy=name not in encoded and any(info.lossy for info in mine),
            raw_bytes=round(raw * scale),
            stored_bytes=round(stored * scale),
        )
    return estimates


@contextmanager
def _in_memory(
    space: AnySpace, codecs: Mapping[str, str], chunks: Mapping[str, int]
) -> Iterator[ReplayBuffer[Any, Any, Any, Any, Any]]:
    """A buffer that is written like one on a disk, and is gone at the end."""
    root = f"/unienv-data-estimate-{secrets.token_hex(8)}"
    memory = fsspec.filesystem("memory")
    try:
        with ReplayBuffer.create(
            ZarrStorage,
            space,
            cache_path=f"memory:/{root}",
            capacity=None,
            codecs=dict(codecs),
            chunks=dict(chunks),
        ) as buffer:
            yield buffer
    finally:
        if memory.exists(root):
            memory.rm(root, recursive=True)


def _spread(episodes: Sequence[int]) -> list[int]:
    """Some of the episodes, evenly spread, the first and the last among them."""
    count = min(SAMPLED_EPISODES, len(episodes))
    places = [round(number * (len(episodes) - 1) / max(1, count - 1)) for number in range(count)]
    return [episodes[place] for place in dict.fromkeys(places)]
