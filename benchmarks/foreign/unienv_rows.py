"""Answers for UniEnv, in an environment that has it: `python -P unienv_rows.py FOLDER`.

Commands come as lines of JSON, answers go as lines; rows that are read go into arrays on shared files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from unienv_data import ReplayBuffer
from unienv_data.storages.hdf5 import HDF5Storage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace


def write(path: str, raw: dict[str, str], block: int) -> None:
    """Write the rows of `.npy` files as a buffer of UniEnv's, as it does by default."""
    arrays = {name: np.load(file, mmap_mode="r") for name, file in raw.items()}
    spaces = {}
    for name, rows in arrays.items():
        low, high = (0, 255) if rows.dtype == np.uint8 else (-np.inf, np.inf)
        spaces[name] = BoxSpace(NumpyComputeBackend, low, high, rows.dtype.type, shape=rows.shape[1:])
    space = DictSpace(NumpyComputeBackend, spaces)
    Path(path).mkdir(parents=True)
    buffer = ReplayBuffer.create(HDF5Storage, space, cache_path=path, capacity=None)
    for start in range(0, len(next(iter(arrays.values()))), block):
        buffer.extend({name: np.array(rows[start : start + block]) for name, rows in arrays.items()})
    buffer.dumps(path)


def main() -> None:
    """Obey until the input ends."""
    buffer: Any = None
    answers: dict[str, Any] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "write" in asked:
            write(asked["write"], asked["raw"], asked["block"])
        elif "open" in asked:
            buffer = ReplayBuffer.load_from(asked["open"], backend=NumpyComputeBackend, read_only=True)
            answers = {name: np.load(file, mmap_mode="r+") for name, file in asked["answers"].items()}
        else:
            rows = np.array(asked["rows"])
            for name, values in buffer.get_at(rows).items():
                answers[name][: len(rows)] = values
        print("done", flush=True)


if __name__ == "__main__":
    main()
