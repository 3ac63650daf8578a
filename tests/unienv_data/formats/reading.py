"""Reads a whole source through its reader, and checks what every reader promises of its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.formats import Facts, Reader, Source, open_reader


def read_columns(
    reader: Reader, names: Sequence[str], episodes: Sequence[int], target_bytes: int = 1 << 20
) -> dict[str, NDArray[Any]]:
    """All rows of the episodes; checks that the chunks follow one another.

    Columns with a value after an episode's last row have that, too: T + 1 values for each episode.
    """
    lengths = reader.facts().lengths
    finals = {column.name for column in reader.facts().columns if column.has_final}
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    following: dict[str, Any] = {}
    order = []
    expected = 0
    for chunk in reader.chunks(names, episodes, target_bytes=target_bytes):
        assert chunk.start == expected
        assert list(chunk.columns) == list(names)
        for name, values in chunk.columns.items():
            assert len(values) == chunk.rows + (name in finals)
            if name in finals and chunk.start:
                np.testing.assert_array_equal(
                    values[0], following[name], "the last value is the next one's first"
                )
            following[name] = values[-1]
        expected += chunk.rows
        assert chunk.ends_episode == (expected == lengths[chunk.episode])
        if chunk.ends_episode:
            order.append(chunk.episode)
            expected = 0
        for name, values in chunk.columns.items():
            parts[name].append(values if chunk.ends_episode else values[: chunk.rows])
    assert order == [episode for episode in episodes if lengths[episode]]
    return {name: np.concatenate(values) for name, values in parts.items()}


def read_all(root: Path | str, **options: Any) -> tuple[Facts, dict[str, NDArray[Any]]]:
    with open_reader(Source(str(root))) as reader:
        facts = reader.facts()
        names = [column.name for column in facts.columns]
        episodes = range(len(facts.lengths))
        reader.check(names, episodes)
        return facts, read_columns(reader, names, episodes, **options)
