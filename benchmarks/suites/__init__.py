"""What is measured: a module a kind of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.report import Result
from benchmarks.suites.frames import FrameSuite
from benchmarks.suites.numbers import NumberSuite

__all__ = ["SUITES"]

#: By name: from the folder of what is prepared and the number of rounds to what was found.
SUITES: Mapping[str, Callable[[Path, int], Result]] = {
    "frames": FrameSuite(),
    "frames-lz4": FrameSuite(codec="lz4"),
    "frames-224": FrameSuite(episodes=40, length=50, height=224, width=224),
    "frames-480": FrameSuite(episodes=25, length=20, height=480, width=640, batch=64),
    "columns": NumberSuite("columns"),
    "state": NumberSuite("state", {"state": (25, "float32")}, episodes=1000),
}
