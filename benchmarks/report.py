"""What a suite found, as a table, a JSON document and a plot."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.measure import Timing


@dataclass(frozen=True)
class Result:
    """Timings of one suite; the first is what the others are compared with.

    Attributes:
        title: what was read.
        batch: rows a read.
        timings: one entry a reader.
        missing: readers that did not take part, their library not being installed.
        notes: further figures of the suite.
    """

    title: str
    batch: int
    timings: tuple[Timing, ...]
    missing: tuple[str, ...]
    notes: dict[str, int | float]

    def to_json(self) -> dict[str, Any]:
        """As a document, with the machine, the versions and every single figure."""
        return {
            "title": self.title,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            "batch": self.batch,
            "notes": self.notes,
            "readers": [
                {
                    "name": timing.reader.name,
                    "version": timing.reader.version(),
                    "settings": timing.reader.settings,
                    "median_seconds": timing.median,
                    "times_as_long": timing.ratio_to(self.timings[0]),
                    "seconds": timing.seconds,
                }
                for timing in self.timings
            ],
        }

    def to_text(self) -> str:
        """As a table."""
        lines = [
            self.title,
            f"{'reader':<28}{'version':>12}{'median':>12}{'rows/s':>14}{'times as long':>16}",
        ]
        for timing in self.timings:
            lines.append(
                f"{timing.reader.name:<28}{timing.reader.version():>12}{timing.median * 1e3:>9.2f} ms"
                f"{self.batch / timing.median:>14,.0f}{timing.ratio_to(self.timings[0]):>15.2f}x"
            )
        lines += [f"{name:<28}not installed" for name in self.missing]
        return "\n".join(lines)


def write_report(result: Result, stem: Path) -> list[Path]:
    """Write `stem`.json and, where matplotlib is installed, `stem`.png."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    document = stem.with_suffix(".json")
    document.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
    try:
        import matplotlib
    except ModuleNotFoundError:
        return [document]
    matplotlib.use("agg")
    return [document, _plot(result, stem.with_suffix(".png"))]


def _plot(result: Result, path: Path) -> Path:
    from matplotlib import pyplot as plt

    names = [timing.reader.name for timing in result.timings]
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.5 * len(names)), layout="constrained")
    for place, timing in enumerate(result.timings):
        axes.barh(place, timing.median * 1e3, height=0.62, color="#1f77b4" if place == 0 else "#b8c4d0")
        axes.plot(
            [s * 1e3 for s in timing.seconds], [place] * len(timing.seconds), "|", color="#333333", alpha=0.4
        )
        label = f"  {timing.median * 1e3:.2f} ms" + (
            "" if place == 0 else f"  ({timing.ratio_to(result.timings[0]):.2g}x)"
        )
        axes.text(max(timing.seconds) * 1e3, place, label, va="center")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(right=axes.get_xlim()[1] * 6)
    axes.set_xlabel("milliseconds a batch: median, and every round as a tick; less is better")
    axes.set_title(result.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path
