"""What a Writer is given: the facts of exactly what will be written, and chunks that fit them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from unienv_data.formats import Chunk, Facts, Reader, SourceColumn

__all__ = ["chosen_chunks", "chosen_facts", "shortened"]


def chosen_facts(facts: Facts, columns: Sequence[SourceColumn], episodes: Sequence[int]) -> Facts:
    """The facts of some columns and episodes alone.

    Args:
        facts: of the whole source.
        columns: of the source.
        episodes: positions in its episode table.
    """
    share = sum(facts.lengths[episode] for episode in episodes) / max(1, facts.rows)
    return replace(
        facts,
        columns=tuple(columns),
        episodes=facts.episodes.take(pa.array(episodes, pa.int64())),
        source_bytes=round(facts.source_bytes * share),
        unreadable={},
    )


def shortened(facts: Facts, lengths: Sequence[int]) -> Facts:
    """The facts of the beginnings of episodes."""
    place = facts.episodes.column_names.index("length")
    rows = facts.episodes.set_column(place, "length", pa.array(lengths, pa.int64()))
    return replace(facts, episodes=rows)


def chosen_chunks(reader: Reader, facts: Facts, episodes: Sequence[int]) -> Iterator[Chunk]:
    """The rows of the episodes, decoded, each episode counted as it is in the facts of what was chosen.

    Args:
        reader: of the source.
        facts: of what was chosen.
        episodes: positions in the source's own episode table.
    """
    numbers = {episode: number for number, episode in enumerate(episodes)}
    for chunk in reader.chunks([column.name for column in facts.columns], episodes):
        yield replace(chunk, episode=numbers[chunk.episode])
