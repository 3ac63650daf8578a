"""How figures change with what is chosen, or with how much there is: curves instead of contenders."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.machine import describe_machine

T = TypeVar("T")
Figures = dict[str, tuple[float, ...]]
"""Every figure of every measure, whose unit stands in its name."""


def take_turns(
    subjects: Sequence[T], rounds: int, turn: Callable[[T, int], Mapping[str, float]]
) -> list[Figures]:
    """Measure every subject once in every round, each round beginning with another.

    Args:
        subjects: ready to be measured.
        rounds: turns of each.
        turn: from a subject and the number of the round to the figures of some measures, or of none.

    Returns:
        Figures of each subject.
    """
    found: list[dict[str, list[float]]] = [{} for _ in subjects]
    for number in range(rounds):
        for step in range(len(subjects)):
            place = (number + step) % len(subjects)
            for measure, figure in turn(subjects[place], number).items():
                found[place].setdefault(measure, []).append(figure)
    return [{name: tuple(figures) for name, figures in one.items()} for one in found]


@dataclass(frozen=True)
class Point:
    """What was measured at one place of a curve.

    Attributes:
        line: the curve.
        x: the place; a name where the places have no order.
        figures: every figure of every measure.
    """

    line: str
    x: float | str
    figures: Figures

    def median(self, measure: str) -> float:
        """The middle figure of a measure."""
        return float(np.median(self.figures[measure]))


@dataclass(frozen=True)
class Sweep:
    """Curves over the same places.

    Attributes:
        title: what was swept.
        axis: what the places are.
        points: of all curves, in order.
        chosen: line and place of what the defaults are.
    """

    title: str
    axis: str
    points: tuple[Point, ...]
    chosen: tuple[str, float | str] | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """What was measured, in order."""
        return tuple(dict.fromkeys(name for point in self.points for name in point.figures))

    @property
    def lines(self) -> tuple[str, ...]:
        """The curves, in order."""
        return tuple(dict.fromkeys(point.line for point in self.points))

    def curve(self, line: str, measure: str) -> list[tuple[float | str, float]]:
        """Place and median of each point of a curve at which the measure was taken."""
        return [
            (point.x, point.median(measure))
            for point in self.points
            if point.line == line and measure in point.figures
        ]

    def exponent(self, line: str, measure: str) -> float | None:
        """The power of the place with which a measure grows in the end, over the last two places."""
        curve = self.curve(line, measure)
        if len(curve) < 2 or not all(isinstance(x, int | float) and y > 0 for x, y in curve[-2:]):
            return None
        (x0, y0), (x1, y1) = curve[-2:]
        return math.log(y1 / y0) / math.log(float(x1) / float(x0))

    def to_json(self) -> dict[str, Any]:
        """As a document, with every figure."""
        return {
            "title": self.title,
            "axis": self.axis,
            "chosen": self.chosen,
            "points": [
                {
                    "line": point.line,
                    "x": point.x,
                    "medians": {name: point.median(name) for name in point.figures},
                    "figures": point.figures,
                }
                for point in self.points
            ],
            "exponents": {
                line: {name: self.exponent(line, name) for name in self.measures} for line in self.lines
            },
        }

    def to_text(self, *, exponents: bool = False) -> str:
        """As a table; a star marks what is the default."""
        rows = [["", self.axis, *self.measures]]
        for point in self.points:
            mark = "*" if (point.line, point.x) == self.chosen else ""
            found = [shown(point.median(name)) if name in point.figures else "" for name in self.measures]
            rows.append([point.line, f"{_place(point.x)}{mark}", *found])
        for line in self.lines if exponents else ():
            powers = [self.exponent(line, name) for name in self.measures]
            rows.append([line, "exponent", *("" if power is None else f"{power:.2f}" for power in powers)])
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = [self.title]
        lines += ["  ".join(cell.rjust(width) for cell, width in zip(r, widths, strict=True)) for r in rows]
        return "\n".join(lines)


@dataclass(frozen=True)
class Sweeps:
    """All that a suite swept.

    Attributes:
        title: what was done.
        sweeps: one after another.
        overlaid: whether all measures of a sweep share a diagram, both axes logarithmic; otherwise each
            measure has one.
    """

    title: str
    sweeps: tuple[Sweep, ...]
    overlaid: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a document, with the machine and every single figure."""
        return {
            "title": self.title,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            "sweeps": [sweep.to_json() for sweep in self.sweeps],
        }

    def to_text(self) -> str:
        """As tables."""
        return "\n\n".join([self.title, *(sweep.to_text(exponents=self.overlaid) for sweep in self.sweeps)])

    def plot(self, path: Path) -> None:
        """Draw every curve; a ring marks what is the default. Needs matplotlib, its backend chosen."""
        from matplotlib import pyplot as plt

        rows: list[list[tuple[Sweep, tuple[str, ...]]]]
        if self.overlaid:
            rows = [[(sweep, sweep.measures) for sweep in self.sweeps]]
        else:
            rows = [[(sweep, (measure,)) for measure in sweep.measures] for sweep in self.sweeps]
        across = max(map(len, rows))
        size = (6.5, 5.5) if self.overlaid else (3.6, 2.9)
        figure, grid = plt.subplots(
            len(rows),
            across,
            figsize=(size[0] * across, size[1] * len(rows)),
            squeeze=False,
            layout="constrained",
        )
        for axes_of_row, row in zip(grid, rows, strict=True):
            for axes in axes_of_row[len(row) :]:
                axes.set_visible(False)
            for axes, (sweep, measures) in zip(axes_of_row, row, strict=False):
                _draw(axes, sweep, measures, both=self.overlaid)
        figure.suptitle(self.title)
        figure.savefig(path, dpi=90)
        plt.close(figure)


def _draw(axes: Any, sweep: Sweep, measures: Sequence[str], *, both: bool) -> None:
    for line in sweep.lines:
        for measure in measures:
            curve = sweep.curve(line, measure)
            label = " ".join(filter(None, [line, measure if both else ""]))
            axes.plot([x for x, _ in curve], [y for _, y in curve], "o-", markersize=3, label=label)
            for x, y in curve:
                if (line, x) == sweep.chosen:
                    axes.plot([x], [y], "o", markersize=10, markerfacecolor="none", color="#333333")
    if all(isinstance(point.x, int | float) for point in sweep.points):
        axes.set_xscale("log", base=10 if both else 2)
    else:
        axes.tick_params(axis="x", labelrotation=60)
    if both:
        axes.set_yscale("log")
        axes.set_ylabel("less is better")
    else:
        axes.set_ylabel(measures[0])
        axes.set_ylim(bottom=0)
    axes.set_xlabel(sweep.axis)
    axes.set_title(sweep.title, loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if both or len(sweep.lines) > 1:
        axes.legend(frameon=False, fontsize=7)


def shown(value: float) -> str:
    """A figure with three digits that matter."""
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{digits}f}"


def _place(x: float | str) -> str:
    return x if isinstance(x, str) else f"{x:,g}" if x < 1e6 else f"{x:,.0f}"
