"""Random rows of a recording, by every reader: what the suites of rows have in common."""

from __future__ import annotations

import numpy as np

from benchmarks.measure import interleave
from benchmarks.readers import Reader, Recording
from benchmarks.report import Result

BATCHES_A_TURN = 5


def read_rows(
    title: str,
    recording: Recording,
    batch: int,
    rounds: int,
    readers: tuple[type[Reader], ...],
    *,
    warm_up: int = 1,
) -> Result:
    """Time readers on the same random rows.

    Args:
        title: what is read.
        recording: prepared.
        batch: rows a read.
        rounds: turns of each reader.
        readers: those whose libraries are installed take part.
        warm_up: batches that each reads before anything is timed.
    """
    rng = np.random.default_rng(0)
    rows = [
        np.stack([rng.choice(len(recording), batch, replace=False) for _ in range(BATCHES_A_TURN)])
        for _ in range(rounds)
    ]
    taking_part = [reader() for reader in readers if reader.is_available()]
    ready: list[Reader] = []
    try:
        for reader in taking_part:
            reader.setup(recording)
            ready.append(reader)
        recording.warm_page_cache()
        timings = interleave(taking_part, rows, recording.all_raw(), warm_up=warm_up)
    finally:
        for reader in ready:
            reader.close()
    return Result(
        title=title,
        amount=batch,
        unit="rows",
        timings=tuple(timings),
        missing=tuple(reader.name for reader in readers if not reader.is_available()),
        notes={"raw_bytes": recording.raw_bytes, "stored_bytes": recording.stored_bytes},
    )
