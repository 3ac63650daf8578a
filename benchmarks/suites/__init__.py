"""What is measured: a module a kind of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.loaders import OF_WINDOWS
from benchmarks.report import Finding
from benchmarks.suites.aloha import AlohaSuite, folder_of_episodes
from benchmarks.suites.appending import AppendSuite
from benchmarks.suites.bucket_epochs import BucketEpochSuite
from benchmarks.suites.bucket_rows import BucketRowsSuite
from benchmarks.suites.converting import SOURCES, ConvertSuite
from benchmarks.suites.defaults import DefaultsSuite
from benchmarks.suites.epochs import EpochSuite
from benchmarks.suites.extending import ExtendSuite
from benchmarks.suites.frames import FrameSuite
from benchmarks.suites.growth import GrowthSuite
from benchmarks.suites.numbers import NumberSuite
from benchmarks.suites.recordings import RecordingSuite, noisy_recording, recording_of_user
from benchmarks.suites.scale import ScaleSuite

__all__ = ["SUITES"]

_EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def _pusht(folder: Path) -> Path:
    return _EXAMPLES / "lerobot_v30_pusht"


def _given(path: Path, folder: Path) -> Path:
    return path


#: By name: from the folder of what is prepared and the number of rounds to what was found.
SUITES: Mapping[str, Callable[[Path, int], Finding]] = {
    "frames": FrameSuite(),
    "frames-lz4": FrameSuite(codec="lz4"),
    "frames-224": FrameSuite(episodes=40, length=50, height=224, width=224),
    "frames-480": FrameSuite(episodes=25, length=20, height=480, width=640, batch=64),
    "columns": NumberSuite("columns"),
    "state": NumberSuite("state", {"state": (25, "float32")}, episodes=1000),
    "windows": EpochSuite(
        episodes=20,
        length=75,
        height=96,
        width=128,
        numbers=("action", 14),
        batch=64,
        loaders=OF_WINDOWS,
        steps={"image": (-1, 0), "action": tuple(range(16))},
    ),
    "epoch": EpochSuite(),
    "epoch-lz4": EpochSuite(codec="lz4"),
    "s3-rows": BucketRowsSuite(),
    "s3-epoch": BucketEpochSuite(),
    "extend": ExtendSuite(),
    "extend-lz4": ExtendSuite(codec="lz4"),
    "extend-state": ExtendSuite(blocks=4, rows=262_144, size=None),
    "append": AppendSuite(),
    "scale": ScaleSuite(),
    "pusht": RecordingSuite(_pusht),
    "pusht-windows": RecordingSuite(_pusht, windows=True),
    "noisy": RecordingSuite(noisy_recording),
    "noisy-windows": RecordingSuite(noisy_recording, windows=True, batch=8),
    "defaults": DefaultsSuite(),
    "growth": GrowthSuite(),
    **{f"convert-{name}": ConvertSuite(name) for name in SOURCES},
    **{
        f"convert-{name}-480": ConvertSuite(name, episodes=3, height=480, width=640)
        for name in ("hdf5", "video")
    },
}

_aloha = folder_of_episodes()
if _aloha is not None:
    SUITES = {**SUITES, "windows-aloha": AlohaSuite(_aloha)}

_recording = recording_of_user()
if _recording is not None:
    _find = partial(_given, _recording)
    SUITES = {
        **SUITES,
        "recording": RecordingSuite(_find),
        "recording-windows": RecordingSuite(_find, windows=True, batch=8),
    }
