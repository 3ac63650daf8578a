"""What is measured in a new process: `python -m benchmarks.probes open SMALL LARGE` answers in JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import unienv_data
from unienv_data.batches import SliceStackedBatch
from unienv_data.samplers import StepSampler

STEPS = {"state": [-1, 0], "action": list(range(16))}


def anonymous_bytes() -> int:
    """Memory of this process that stands in no file."""
    found = re.search(r"^Anonymous:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def resident_bytes() -> int:
    """Memory of this process, what it maps included."""
    found = re.search(r"^Rss:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def probe_open(small: str, large: str) -> dict[str, float]:
    """Open the large dataset once everything has been imported, for which the small one is used first."""
    with unienv_data.open(small) as buffer:
        SliceStackedBatch(buffer, STEPS).get_at_with_metadata([1000])
    before, start = resident_bytes(), time.perf_counter()
    with unienv_data.open(large) as buffer:
        opened, memory = time.perf_counter(), resident_bytes()
        length = len(buffer)
        SliceStackedBatch(buffer, STEPS).get_at_with_metadata([1000])
        window, memory_window = time.perf_counter(), resident_bytes()
    return {
        "rows": length,
        "open_ms": round((opened - start) * 1e3, 2),
        "open_megabytes": round((memory - before) / 1e6, 2),
        "first_window_ms": round((window - opened) * 1e3, 2),
        "first_window_megabytes": round((memory_window - before) / 1e6, 2),
    }


def probe_epoch(path: str, batch: str) -> dict[str, float]:
    """Go through an epoch, and look how much memory it takes at most."""
    most = 0
    with unienv_data.open(path) as buffer:
        for number, _ in enumerate(StepSampler(buffer, int(batch), seed=0).epoch_iter()):
            if number % 4 == 0:
                most = max(most, anonymous_bytes())
    return {"anonymous_bytes": max(most, anonymous_bytes())}


PROBES: Mapping[str, Callable[..., dict[str, float]]] = {"open": probe_open, "epoch": probe_epoch}


def probed(name: str, *arguments: str | Path | int) -> dict[str, Any]:
    """The answer of a probe in a new process."""
    command = [sys.executable, "-m", "benchmarks.probes", name, *map(str, arguments)]
    top = Path(__file__).parents[1]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=top, text=True).stdout
    found: dict[str, Any] = json.loads(answer)
    return found


if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])))
