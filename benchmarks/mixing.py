"""How well the order "block" mixes, by the size of its buffer: the table and the plot of docs/sampling.md.

python -m benchmarks.mixing writes docs/mixing.png and prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unienv_data.order import BlockEpoch, Blocks, Buffering, Epoch, GlobalOrder, Plan

PICTURE = Path(__file__).parents[1] / "docs" / "mixing.png"

EPISODE = 200  # rows
BATCH = 256
ROWS = 1 << 20
ROW_BYTES = 16 << 10  # as stored
SHARDS = {"8 MiB shards": 512, "1 MiB shards": 64}
MEBIBYTES = (32, 64, 128, 256, 512, 1024, 2048)
EPOCHS = 1
MANY = 256  # batches that are looked at together


@dataclass(frozen=True)
class Mixing:
    """How an order mixes.

    Attributes:
        window: blocks that mix; 0 for all.
        episodes: distinct episodes of a batch, on average.
        spread: the variance of batch means of what is constant within episodes, in that of as many
            independent rows: 1 is what drawing at random gives.
        correlation: of rows that follow one another, in what is constant within episodes.
    """

    window: int
    episodes: float
    spread: float
    correlation: float


def blocks_of(shard_rows: int) -> Blocks:
    """Blocks of as many rows."""
    starts = np.arange(0, ROWS, shard_rows, dtype=np.int64)
    counts = np.full(len(starts), shard_rows)
    return Blocks(starts, counts, np.arange(len(starts) + 1), shard_rows * ROW_BYTES)


def in_blocks(blocks: Blocks, buffer_bytes: int) -> Iterator[Plan]:
    """Epochs in the order "block"."""
    window = Buffering.of(blocks, buffer_bytes).window
    for number in range(EPOCHS):
        yield BlockEpoch(blocks=blocks, seed=0, window=window, number=number, batch_size=MANY * BATCH)


def of_all() -> Iterator[Plan]:
    """Epochs in the order "global"."""
    for number in range(EPOCHS):
        yield Epoch(order=GlobalOrder(ROWS, 0), number=number, batch_size=MANY * BATCH)


def measured(plans: Iterator[Plan], window: int) -> Mixing:
    """How epochs mix."""
    said = np.random.default_rng(1).normal(size=-(-ROWS // EPISODE))
    distinct: list[int] = []
    means: list[float] = []
    following: list[float] = []
    for plan in plans:
        for many in range(len(plan)):
            episodes = np.asarray(plan.rows(many), dtype=np.int64).reshape(-1, BATCH) // EPISODE
            values = said[episodes]
            ordered = np.sort(episodes, axis=1)
            distinct += (1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)).tolist()
            means += values.mean(axis=1).tolist()
            following += (values[:, 1:] * values[:, :-1]).mean(axis=1).tolist()
    variance = float(said.var())
    spread = float(np.var(means)) / (variance / BATCH)
    return Mixing(window, float(np.mean(distinct)), spread, float(np.mean(following)) / variance)


def main() -> None:
    """Measure, print, and draw."""
    whole = measured(of_all(), 0)
    found: dict[str, list[Mixing]] = {}
    for name, shard_rows in SHARDS.items():
        blocks = blocks_of(shard_rows)
        found[name] = [
            measured(in_blocks(blocks, size << 20), Buffering.of(blocks, size << 20).window)
            for size in MEBIBYTES
        ]
    for name, series in found.items():
        print(f"\n{name}\n\n| buffer | window | episodes | spread | correlation |\n|---|---|---|---|---|")
        for size, one in zip(MEBIBYTES, series, strict=True):
            print(f"| {size} MiB | {one.window} | {row_of(one)} |")
    print(f'\n| "global" | all | {row_of(whole)} |')
    draw(found, whole)


def row_of(one: Mixing) -> str:
    """The figures as cells of a table."""
    return f"{one.episodes:.0f} | {one.spread:.2f} | {one.correlation:.4f}"


def draw(found: dict[str, list[Mixing]], whole: Mixing) -> None:
    """The plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    panels: Sequence[tuple[str, str]] = (
        ("episodes", f"distinct episodes in a batch of {BATCH}"),
        ("spread", "variance of batch means, 1 = independent rows"),
        ("correlation", "correlation of rows that follow one another"),
    )
    for panel, (name, title) in zip(axes, panels, strict=True):
        for label, series in found.items():
            values: NDArray[np.float64] = np.array([getattr(one, name) for one in series])
            panel.plot(MEBIBYTES, values, "o-", label=f'"block", {label}')
        panel.axhline(getattr(whole, name), color="#333333", linestyle="--", label='"global"')
        panel.axvline(256, color="#999999", linewidth=0.8, linestyle=":")
        panel.set_xscale("log", base=2)
        panel.set_xticks(MEBIBYTES, [str(size) for size in MEBIBYTES])
        if name != "episodes":
            panel.set_yscale("log" if name == "spread" else "linear")
        panel.set_xlabel("buffer_bytes, MiB")
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=8)
    figure.savefig(PICTURE, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
