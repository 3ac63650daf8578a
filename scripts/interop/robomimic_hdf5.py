"""Opens what `unienv-data convert ... x.hdf5` wrote in robomimic's own SequenceDataset.

Needs robomimic (0.3.0 was tried), in an environment of its own, which need not have unienv-data:

    unienv-data convert SOURCE /tmp/x.hdf5 --to-option complete=yes
    python scripts/interop/robomimic_hdf5.py /tmp/x.hdf5

Every sequence is drawn once and compared with what h5py reads.
"""

from __future__ import annotations

import importlib.metadata
import sys

import h5py
import numpy as np
from robomimic.utils.dataset import SequenceDataset


def main() -> None:
    """Open, compare, tell."""
    path = sys.argv[1]
    with h5py.File(path) as file:
        demos = sorted(file["data"], key=lambda name: int(name.split("_")[-1]))
        first = file["data"][demos[0]]
        observed = [name for name in first["obs"] if first["obs"][name].dtype.kind in "fiub"]
        others = [name for name in ("actions", "rewards", "dones") if name in first]
        plain = {name: np.concatenate([file["data"][demo][name][()] for demo in demos]) for name in others}
        plain |= {
            name: np.concatenate([file["data"][demo]["obs"][name][()] for demo in demos]) for name in observed
        }
        masks = {name: len(mask) for name, mask in file.get("mask", {}).items()}
        has_next = "next_obs" in first
    dataset = SequenceDataset(
        path, obs_keys=observed, dataset_keys=others, seq_length=4, hdf5_use_swmr=True, load_next_obs=has_next
    )
    version = importlib.metadata.version("robomimic")
    print(f"robomimic {version}: {dataset.n_demos} demos, {len(dataset)} sequences of 4")
    items = [dataset[number] for number in range(len(dataset))]
    for name in (*others, *observed):
        values = [item["obs"][name] if name in observed else item[name] for item in items]
        drawn = np.stack([value[0] for value in values])
        wanted = plain[name].reshape(drawn.shape).astype(drawn.dtype)
        if not np.array_equal(drawn, wanted):
            sys.exit(f"{name} is different")
        print(f"  {name}: {values[0].dtype} {values[0].shape}, first rows equal to what h5py reads")
    for split in masks:
        part = SequenceDataset(
            path, obs_keys=observed, dataset_keys=others, filter_by_attribute=split, load_next_obs=has_next
        )
        print(f"  split {split}: {part.n_demos} demos, {len(part)} rows")


if __name__ == "__main__":
    main()
