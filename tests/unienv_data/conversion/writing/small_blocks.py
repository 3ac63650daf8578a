"""Conversions of small recordings as if they were large: blocks of few rows, a unit each.

Run as a program it is `unienv-data` with such blocks; it stops, or is slow, where it is told to.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from unienv_data.conversion.writing import spans, units
from unienv_data.store import layout

BYTES = {
    "_FRAME_SHARD_BYTES": 64 << 10,
    "_LEAST_FRAME_SHARD_BYTES": 32 << 10,
    "_WIDEST_SHARD_BYTES": 256,
    "_SHARD_BYTES": 64,
    "_CHUNK_BYTES": 32,
    "_SHARDS_IN_BLOCK": 2,
}


def make_small(monkeypatch: Any = None) -> None:
    """Have layouts made here have small blocks, and units be one block."""

    def put(module: Any, name: str, value: Any) -> None:
        if monkeypatch is None:
            setattr(module, name, value)
        else:
            monkeypatch.setattr(module, name, value)

    for name, value in BYTES.items():
        put(layout, name, value)
    put(units, "UNIT_BYTES", 1)


def shards(dataset: Path) -> dict[str, bytes]:
    """Every shard and every array's metadata, by name; without the tags, which name the dataset."""
    found = {}
    for meta in sorted(dataset.rglob("columns/**/zarr.json")):
        about = json.loads(meta.read_text())
        name = meta.parent.relative_to(dataset).as_posix()
        found[name] = meta.read_bytes()
        if about["node_type"] == "group":
            continue
        rows = about["chunk_grid"]["configuration"]["chunk_shape"][0]
        inner = about["codecs"][0]["configuration"]["chunk_shape"][0]
        end = 16 * (rows // inner) + 4
        for shard in sorted(meta.parent.glob("c.*")):
            data = shard.read_bytes()
            found[f"{name}/{shard.name}"] = data[: -end - 48] + data[-end:]
    return found


if __name__ == "__main__":
    from unienv_data.cli.app import main

    make_small()
    wait = float(os.environ.get("SECONDS_A_UNIT", "0"))
    write = spans.write_receipt

    def slow(*arguments: Any) -> None:
        write(*arguments)
        time.sleep(wait)

    spans.write_receipt = slow
    main()
