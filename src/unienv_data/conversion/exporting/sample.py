"""How large a recording in a foreign format will be, from a sample that its very writer writes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from unienv_data.conversion.exporting.written import chosen_chunks, shortened
from unienv_data.errors import ConversionError
from unienv_data.formats import Chunk, Facts, Reader, Writer
from unienv_data.formats.base import row_bytes

__all__ = ["estimate_written", "raw_bytes", "tree_bytes"]

SAMPLED_EPISODES = 3
SAMPLE_BYTES = 2 << 20
"""Of each sampled episode, decoded."""


def estimate_written(
    reader: Reader,
    facts: Facts,
    episodes: Sequence[int],
    writer: type[Writer],
    name: str,
    options: Mapping[str, str],
    skip_bad: bool = False,
) -> int:
    """About how many bytes all that was chosen will take.

    The beginnings of some episodes, evenly spread, are written to a temporary folder.

    Args:
        reader: of the source.
        facts: of what was chosen.
        episodes: positions in the source's own episode table.
        writer: of the format.
        name: of the destination, which a format may go by.
        options: the format's.
        skip_bad: whether episodes that cannot be read are left out.

    Raises:
        ConversionError: the sampled rows cannot be read, or the format cannot hold them.
    """
    count = min(SAMPLED_EPISODES, len(episodes))
    spread = [round(number * (len(episodes) - 1) / max(1, count - 1)) for number in range(count)]
    encoded = writer.encoded_columns(facts, options)
    chunks: list[Chunk] = []
    for number in dict.fromkeys(spread):
        beginning = chosen_chunks(reader, facts, episodes, SAMPLE_BYTES, [episodes[number]], encoded)
        try:
            with closing(beginning):
                chunks.append(replace(next(beginning), ends_episode=True))
        except ConversionError:
            if not skip_bad:
                raise
    if not chunks:
        return raw_bytes(facts)
    taken = pa.array([chunk.episode for chunk in chunks], pa.int64())
    sampled = replace(facts, episodes=facts.episodes.take(taken))
    sampled = shortened(sampled, [chunk.rows for chunk in chunks])
    with tempfile.TemporaryDirectory(prefix="unienv-data-estimate-") as folder:
        place = Path(folder) / name
        with writer.open(place, sampled, options) as sample:
            for number, chunk in enumerate(chunks):
                sample.write(replace(chunk, episode=number))
            sample.finish()
        return round(tree_bytes(place) * facts.rows / sampled.rows)


def raw_bytes(facts: Facts) -> int:
    """The rows, uncompressed."""
    return row_bytes([column.space for column in facts.columns]) * facts.rows


def tree_bytes(place: Path) -> int:
    """What a file, or all files below a folder, weigh."""
    if place.is_file():
        return place.stat().st_size
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
