"""Read shuffled batches of a converted recording, and draw one of its episodes.

Usage: python examples/quickstart.py out/pusht.zarr out/episode.png
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from episode_picture import Signal, draw_episode

import unienv_data
from unienv_data import ReplayBuffer, StepSampler

BATCH_SIZE = 64
EPOCHS = 3
FRAMES = "observation/image"
SIGNALS = ("observation/state", "action")


def main(dataset: str, picture: str) -> None:
    """Sample the dataset, then draw its longest episode."""
    with unienv_data.open(dataset) as buffer:
        sample(buffer)
        draw_longest_episode(buffer, Path(picture), Path(dataset).name)


def sample(buffer: ReplayBuffer) -> None:
    """Read epochs of shuffled batches, every column of every row."""
    sampler = StepSampler(buffer, batch_size=BATCH_SIZE, seed=0)
    for epoch in range(EPOCHS):
        rows, start = 0, time.perf_counter()
        for batch in sampler.epoch_iter():
            rows += len(batch["action"])
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch}: {rows} rows in {len(sampler)} shuffled batches, {seconds * 1e3:.0f} ms,"
            f" {rows / seconds:,.0f} rows/s"
        )


def draw_longest_episode(buffer: ReplayBuffer, path: Path, name: str) -> None:
    """Read one episode as a slice and draw it."""
    lengths = buffer.episodes["length"].to_pylist()
    number = lengths.index(max(lengths))
    start, end = buffer.get_segments()[number]
    steps = buffer[start:end]

    fps = buffer.attributes["fps"]
    signals = []
    for column in SIGNALS:
        values = column_of(steps, column)
        signals.append(Signal(column, values, entry_names(buffer.attributes, column, values.shape[1])))
    draw_episode(
        path,
        title=buffer.episodes["tasks"][number].as_py()[0],
        subtitle=f"{name}, episode {number} (of 0 to {len(lengths) - 1}): {end - start} frames at {fps:g} Hz",
        frames=column_of(steps, FRAMES),
        signals=signals,
        fps=fps,
    )
    print(f"episode {number} is drawn in {path}")


def column_of(value: Any, path: str) -> Any:
    """The leaf of a nested value: `observation/state` of {"observation": {"state": ...}}."""
    for key in path.split("/"):
        value = value[key]
    return value


def entry_names(attributes: Mapping[str, Any], column: str, count: int) -> list[str]:
    """What the recording calls the entries of a vector, or their numbers where it does not say."""
    names = attributes["columns"][column].get("names")
    if isinstance(names, dict):  # {"motors": ["x", "y"]}
        names = [name for group in names.values() for name in group]
    return names if names and len(names) == count else [str(entry) for entry in range(count)]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
