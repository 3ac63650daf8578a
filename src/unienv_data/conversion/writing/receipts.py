"""What tells that a unit has been written, and what has become of it: an object beside the shards.

A receipt is a zip file of NumPy arrays (`numpy.savez`): `about.json`, strict JSON in bytes, and the rows of
ragged columns, which whoever commits puts in order. Units without one are written again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unienv_data.columns.data import Ragged
from unienv_data.conversion.appending.identity import EpisodeSum
from unienv_data.conversion.destinations.destination import UNFINISHED
from unienv_data.conversion.writing.units import Unit
from unienv_data.store.objects import ObjectStore

__all__ = ["Receipt", "find_receipts", "read_receipt", "write_receipt"]


@dataclass(frozen=True, eq=False)
class Receipt:
    """What has become of a unit.

    Attributes:
        unit: its rows.
        weights: stored and raw bytes in every array of rows of one shape.
        ragged: its rows of every ragged column.
        bad: position of each episode that could not be read -> why.
        sums: position of each episode with rows in the unit -> what `identity` has found of these rows.
        statistics: what the accumulators of statistics have found, strict JSON.
    """

    unit: Unit
    weights: Mapping[str, tuple[int, int]]
    ragged: Mapping[str, Ragged]
    bad: Mapping[int, str] = field(default_factory=dict)
    sums: Mapping[int, EpisodeSum] = field(default_factory=dict)
    statistics: Any = None


def write_receipt(objects: ObjectStore, receipt: Receipt) -> None:
    """Say that a unit has been written; all of it must be durable."""
    names = list(receipt.ragged)
    about = {
        "stop": receipt.unit.stop,
        "weights": {name: list(weight) for name, weight in receipt.weights.items()},
        "ragged": names,
        "bad": [[episode, reason] for episode, reason in receipt.bad.items()],
        "sums": [[episode, *map(int, sums)] for episode, sums in receipt.sums.items()],
        "statistics": receipt.statistics,
    }
    arrays: dict[str, Any] = {
        "about": np.frombuffer(json.dumps(about, allow_nan=False).encode(), dtype=np.uint8)
    }
    for number, name in enumerate(names):
        rows = receipt.ragged[name]
        arrays |= {f"values{number}": rows.values, f"starts{number}": rows.starts}
        arrays[f"shapes{number}"] = rows.shapes
    file = io.BytesIO()
    np.savez(file, **arrays)
    objects.replace(_name(receipt.unit.start), file.getvalue(), durable=False)


def read_receipt(objects: ObjectStore, start: int) -> Receipt | None:
    """The receipt of the unit that begins with row `start`; None where there is none, or a damaged one."""
    try:
        data = objects.read(_name(start))
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            ragged = {
                name: Ragged(arrays[f"values{n}"], arrays[f"starts{n}"], arrays[f"shapes{n}"])
                for n, name in enumerate(about["ragged"])
            }
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Receipt(
        unit=Unit(start, about["stop"]),
        weights={name: (stored, raw) for name, (stored, raw) in about["weights"].items()},
        ragged=ragged,
        bad=dict(about["bad"]),
        sums={episode: (a, b, rows, used) for episode, a, b, rows, used in about["sums"]},
        statistics=about["statistics"],
    )


def find_receipts(objects: ObjectStore, units: Sequence[Unit]) -> set[Unit]:
    """The units of which there are receipts that can be read."""
    there = {*objects.list(UNFINISHED)}
    found = (unit for unit in units if _name(unit.start).rpartition("/")[2] in there)
    return {unit for unit in found if (receipt := read_receipt(objects, unit.start)) and receipt.unit == unit}


def _name(start: int) -> str:
    return f"{UNFINISHED}/{start:020d}.npz"
