"""What a suite found, as a table, a JSON document and a plot."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.machine import describe_machine
from benchmarks.measure import Timing


class Finding(Protocol):
    """What a suite found, whatever it looked for."""

    def to_json(self) -> dict[str, Any]:
        """As a document, with the machine and every single figure."""
        ...

    def to_text(self) -> str:
        """As a table."""
        ...

    def plot(self, path: Path) -> None:
        """As a picture. Needs matplotlib, its backend chosen."""
        ...


@dataclass(frozen=True)
class Result:
    """Timings of one suite; the first is what the others are compared with.

    Attributes:
        title: what was done.
        amount: how many were done in the time of one figure.
        unit: what they are.
        timings: one entry a contender.
        missing: contenders that did not take part, their library not being installed.
        notes: further figures of the suite.
    """

    title: str
    amount: int
    unit: str
    timings: tuple[Timing, ...]
    missing: tuple[str, ...] = ()
    notes: Mapping[str, int | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a document, with the machine, the versions and every single figure."""
        return {
            "title": self.title,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            "amount": self.amount,
            "unit": self.unit,
            "missing": self.missing,
            "notes": dict(self.notes),
            "contenders": [
                {
                    "name": timing.contender.name,
                    "version": timing.contender.version(),
                    "settings": timing.contender.settings,
                    "median_seconds": timing.median,
                    "times_as_long": timing.ratio_to(self.timings[0]),
                    "seconds": timing.seconds,
                }
                for timing in self.timings
            ],
        }

    def to_text(self) -> str:
        """As a table."""
        unit = f"{self.unit}/s"
        lines = [
            self.title,
            f"{'':<34}{'version':>12}{'median':>12}{unit:>14}{'times as long':>16}  settings",
        ]
        for timing in self.timings:
            contender = timing.contender
            lines.append(
                f"{contender.name:<34}{contender.version():>12}{_duration(timing.median):>12}"
                f"{self.amount / timing.median:>14,.0f}{timing.ratio_to(self.timings[0]):>15.2f}x"
                f"  {contender.settings}"
            )
        lines += [f"{name:<34}not installed" for name in self.missing]
        lines += [f"{name.replace('_', ' ')}: {value:,}" for name, value in self.notes.items()]
        return "\n".join(lines)

    def plot(self, path: Path) -> None:
        """As bars: the median, and every round as a tick. Needs matplotlib, its backend chosen."""
        from matplotlib import pyplot as plt

        names = [timing.contender.name for timing in self.timings]
        figure, axes = plt.subplots(figsize=(9, 1.2 + 0.5 * len(names)), layout="constrained")
        for place, timing in enumerate(self.timings):
            axes.barh(place, timing.median * 1e3, height=0.62, color="#1f77b4" if place == 0 else "#b8c4d0")
            axes.plot(
                [s * 1e3 for s in timing.seconds],
                [place] * len(timing.seconds),
                "|",
                color="#333333",
                alpha=0.4,
            )
            ratio = "" if place == 0 else f"  ({timing.ratio_to(self.timings[0]):.2g}x)"
            label = f"  {_duration(timing.median)}{ratio}"
            axes.text(max(timing.seconds) * 1e3, place, label, va="center")
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(right=axes.get_xlim()[1] * 6)
        axes.set_xlabel(
            f"milliseconds for {self.amount:,} {self.unit}: median, and every round as a tick; less is better"
        )
        axes.set_title(self.title, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _duration(seconds: float) -> str:
    """Seconds in a unit that leaves few zeros."""
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def write_report(result: Finding, stem: Path) -> list[Path]:
    """Write `stem`.json and, where matplotlib is installed, `stem`.png."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    document = stem.with_suffix(".json")
    document.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
    try:
        import matplotlib
    except ModuleNotFoundError:
        return [document]
    matplotlib.use("agg")
    picture = stem.with_suffix(".png")
    result.plot(picture)
    return [document, picture]
