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

INK, FAINT, RULE = "#24292f", "#8b949e", "#d0d7de"
COLOURS = ("#0969da", "#d1570a", "#1a7f37", "#8250df", "#bf3989", "#6e7781", "#9a6700")

# Inches.
LEFT, WIDTH, RIGHT = 0.65, 12.1, 0.25
HEAD, FRAME_GAP = 1.05, 0.1
SIGNAL_GAP, SIGNAL_HEIGHT, FOOT = 0.45, 1.4, 0.6


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
    frame_width = (WIDTH - (len(shown) - 1) * FRAME_GAP) / len(shown)
    frame_height = frame_width * frames.shape[1] / frames.shape[2]
    height = HEAD + frame_height + len(signals) * (SIGNAL_GAP + SIGNAL_HEIGHT) + FOOT
    width = LEFT + WIDTH + RIGHT
    figure = plt.figure(figsize=(width, height), facecolor="white")

    def axes_at(x: float, y: float, w: float, h: float) -> Any:
        """Axes w by h inches, their upper left corner (x, y) inches from the figure's."""
        return figure.add_axes((x / width, 1 - (y + h) / height, w / width, h / height))

    figure.text(LEFT / width, 1 - 0.3 / height, title, fontsize=15, fontweight="bold", color=INK, va="center")
    figure.text(LEFT / width, 1 - 0.62 / height, subtitle, fontsize=10.5, color=FAINT, va="center")
    for place, number in enumerate(shown):
        axes = axes_at(LEFT + place * (frame_width + FRAME_GAP), HEAD, frame_width, frame_height)
        axes.imshow(frames[number], interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(RULE)
        axes.set_title(f"{number / fps:.1f} s", fontsize=9.5, color=FAINT, pad=4)
    time = np.arange(len(frames)) / fps
    for row, signal in enumerate(signals):
        top = HEAD + frame_height + SIGNAL_GAP + row * (SIGNAL_HEIGHT + SIGNAL_GAP)
        axes = axes_at(LEFT, top, WIDTH, SIGNAL_HEIGHT)
        _draw_signal(axes, time, signal)
        for number in shown:
            axes.axvline(time[number], color=RULE, linewidth=0.8, zorder=0)
        axes.tick_params(labelbottom=row == len(signals) - 1)
    axes.set_xlabel("seconds", color=INK)
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
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=FAINT, labelsize=9.5)
