"""Opens what `unienv-data convert ... x.parquet` wrote in Hugging Face's `datasets` and in pandas.

Needs datasets (4.8.5 was tried), Pillow and pandas, in an environment which need not have unienv-data:

    unienv-data convert examples/data/lerobot_v30_pusht /tmp/x.parquet
    python scripts/interop/hugging_face_parquet.py /tmp/x.parquet
"""

from __future__ import annotations

import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import numpy as np
import pandas


def main() -> None:
    """Open by both, compare, tell."""
    path = sys.argv[1]
    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=cache)
        print(f"datasets {datasets.__version__}: {len(rows)} rows")
        frame = pandas.read_parquet(path)
        for name, feature in rows.features.items():
            if isinstance(feature, datasets.Image):
                pixels = np.asarray(rows[0][name])
                print(f"  {name}: Image, {pixels.dtype} {pixels.shape}")
                continue
            ours, theirs = rows[:][name], frame[name].tolist()
            if not all(np.array_equal(np.asarray(a), _array(b)) for a, b in zip(ours, theirs, strict=True)):
                sys.exit(f"{name} is different in pandas")
            print(f"  {name}: {feature}, the same in pandas")


def _array(cell: object) -> np.ndarray:
    """A cell of pandas, of which nested lists are arrays of arrays."""
    return np.array(cell.tolist() if isinstance(cell, np.ndarray) and cell.dtype != object else _lists(cell))


def _lists(cell: object) -> object:
    return [_lists(each) for each in cell] if isinstance(cell, np.ndarray) else cell


if __name__ == "__main__":
    main()
