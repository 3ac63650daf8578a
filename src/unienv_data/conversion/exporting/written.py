"""What a Writer is given: the facts of exactly what will be written, and chunks that fit them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from unienv_data.conversion.appending.identity import DIGEST
from unienv_data.errors import ConversionError
from unienv_data.formats import Chunk, Facts, Reader, SourceColumn
from unienv_data.formats.base import DEFAULT_CHUNK_BYTES
from unienv_data.progress import Progress

__all__ = ["bad_episodes", "chosen_chunks", "chosen_facts", "shortened"]


def chosen_facts(facts: Facts, columns: Sequence[SourceColumn], episodes: Sequence[int]) -> Facts:
    """The facts of some columns and episodes alone, without what only says something of a dataset of ours.

    Args:
        facts: of the whole source.
        columns: of the source.
        episodes: positions in its episode table.
    """
    share = sum(facts.lengths[episode] for episode in episodes) / max(1, facts.rows)
    rows = facts.episodes.take(pa.array(episodes, pa.int64()))
    return replace(
        facts,
        columns=tuple(columns),
        episodes=rows.drop_columns([DIGEST]) if DIGEST in rows.column_names else rows,
        source_bytes=round(facts.source_bytes * share),
        unreadable={},
    )


def shortened(facts: Facts, lengths: Sequence[int]) -> Facts:
    """The facts of the beginnings of episodes."""
    place = facts.episodes.column_names.index("length")
    rows = facts.episodes.set_column(place, "length", pa.array(lengths, pa.int64()))
    return replace(facts, episodes=rows)


def chosen_chunks(
    reader: Reader,
    facts: Facts,
    episodes: Sequence[int],
    target_bytes: int = DEFAULT_CHUNK_BYTES,
    only: Sequence[int] | None = None,
    encoded: Sequence[str] = (),
) -> Generator[Chunk, None, None]:
    """The rows of the episodes, decoded but for `encoded`, each counted as in the facts that were chosen.

    Args:
        reader: of the source.
        facts: of what was chosen.
        episodes: positions in the source's own episode table.
        target_bytes: of a chunk.
        only: those of the episodes to read; None for all.
        encoded: columns that are wanted as they are encoded.
    """
    numbers = {episode: number for number, episode in enumerate(episodes)}
    names = [column.name for column in facts.columns]
    options: dict[str, Any] = {"encoded": encoded} if encoded else {}
    wanted = episodes if only is None else only
    for chunk in reader.chunks(names, wanted, target_bytes=target_bytes, **options):
        yield replace(chunk, episode=numbers[chunk.episode])


def bad_episodes(
    reader: Reader, columns: Sequence[str], episodes: Sequence[int], progress: Progress
) -> Mapping[int, str]:
    """Read everything once, and say of each episode that cannot be read why.

    Args:
        reader: of the source.
        columns: source names.
        episodes: positions in the source's episode table.
        progress: told the rows that were read.
    """
    bad: dict[int, str] = {}
    lengths = reader.facts().lengths
    rest = [episode for episode in episodes if lengths[episode]]
    with progress.task("looking for bad episodes", total=sum(lengths[e] for e in rest), unit="row") as task:
        while rest:
            done = 0
            try:
                for chunk in reader.chunks(columns, rest):
                    task.advance(chunk.rows)
                    done += chunk.ends_episode
                return bad
            except ConversionError as exc:
                bad[rest[done]] = str(exc)
                rest = rest[done + 1 :]
    return bad
