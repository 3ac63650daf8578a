"""Draw an episode: frames in a row above plots of its signals over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("agg")  # no window: the picture goes into a file
from matplotlib import pyplot as plt
from matplotlib.gridspec import GridSpec

INK, FAINT = "#24292f", "#8b949e"
COLOURS = ("#0969da", "#d1570a", "#1a7f37", "#8250df", "#bf3989", "#6e7781", "#9a6700")


@dataclass(frozen=True)
class Signal:
    """Numbers over time.

    Attributes:
        title: what they are.
        values: (T, D).
        names: D names of the entries.
    """

    title: str
    values: NDArray[Any]
    names: Sequence[str]


def draw_episode(
    path: Path, title: str, subtitle: str, frames: NDArray[np.uint8], signals: Sequence[Signal], fps: float
) -> None:
    """Write the picture of an episode.

    Args:
        path: the PNG file to write.
        title: what the robot was told to do.
        subtitle: where the episode comes from.
        frames: (T, H, W, 3) uint8.
        signals: plots, from top to bottom; T values each.
        fps: frames per second.
    """
    shown = np.linspace(0, len(frames) - 1, num=min(8, len(frames))).round().astype(int)
    figure = plt.figure(figsize=(13, 2.9 + 1.75 * len(signals)), facecolor="white")
    grid = GridSpec(
        1 + len(signals),
        len(shown),
        figure=figure,
        height_ratios=[1.55, *[1.6] * len(signals)],
        left=0.05,
        right=0.98,
        top=0.86,
        bottom=0.09,
        wspace=0.06,
        hspace=0.32,
    )
    figure.text(0.05, 0.955, title, fontsize=15, fontweight="bold", color=INK, va="center")
    figure.text(0.05, 0.905, subtitle, fontsize=10.5, color=FAINT, va="center")
    for place, number in enumerate(shown):
        axes = figure.add_subplot(grid[0, place])
        axes.imshow(frames[number], interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#d0d7de")
        axes.set_title(f"{number / fps:.1f} s", fontsize=9.5, color=FAINT, pad=4)
    time = np.arange(len(frames)) / fps
    for row, signal in enumerate(signals, start=1):
        axes = figure.add_subplot(grid[row, :])
        _draw_signal(axes, time, signal)
        for number in shown:
            axes.axvline(time[number], color="#d0d7de", linewidth=0.8, zorder=0)
        if row == len(signals):
            axes.set_xlabel("seconds", color=INK)
        else:
            axes.tick_params(labelbottom=False)
    figure.savefig(path, dpi=140)
    plt.close(figure)


def _draw_signal(axes: Any, time: NDArray[np.float64], signal: Signal) -> None:
    for entry, name in enumerate(signal.names):
        colour = COLOURS[entry % len(COLOURS)]
        axes.plot(time, signal.values[:, entry], color=colour, linewidth=1.8, label=name)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(signal.names),
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.2,
        columnspacing=1.4,
        labelcolor="linecolor",
        fontsize=10.5,
    )
    axes.set_title(signal.title, loc="left", fontsize=11, color=INK, pad=5)
    axes.set_xlim(time[0], time[-1])
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#d0d7de")
    axes.tick_params(colors=FAINT, labelsize=9.5)
