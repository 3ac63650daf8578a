"""Opens what `unienv-data convert ... --to lerobot_v30` wrote in LeRobot's own LeRobotDataset.

Needs lerobot (0.4.4 was tried), in an environment of its own, which need not have unienv-data:

    unienv-data convert examples/data/lerobot_v30_pusht /tmp/pusht --to lerobot_v30
    python scripts/interop/lerobot_v30.py /tmp/pusht examples/data/lerobot_v30_pusht

With a second dataset, LeRobot's own recording of the same rows, every item of both is compared.
"""

from __future__ import annotations

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import lerobot
import numpy as np
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def items(dataset: LeRobotDataset) -> dict[str, list]:
    """All items, column by column."""
    found: dict[str, list] = {}
    for number in range(len(dataset)):
        for name, value in dataset[number].items():
            found.setdefault(name, []).append(value)
    return found


def compare(name: str, ours: list, theirs: list) -> str:
    """How far two columns are from each other, in words."""
    if isinstance(ours[0], str):
        return "equal" if ours == theirs else "DIFFERENT"
    a, b = torch.stack(ours), torch.stack(theirs)
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"DIFFERENT: {a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
    if torch.equal(a, b):
        return "equal"
    if a.ndim == 4:
        return f"mean difference {255 * (a - b).abs().mean().item():.2f} of 255"
    return f"DIFFERENT by up to {(a.double() - b.double()).abs().max().item():g}"


def statistics(dataset: LeRobotDataset, columns: dict[str, list]) -> str:
    """Whether meta/stats.json says what NumPy says of the items."""
    worst = 0.0
    for name, numbers in dataset.meta.stats.items():
        if isinstance(columns[name][0], str):
            continue
        values = torch.stack(columns[name]).double().numpy()
        axes = (0, 2, 3) if name in dataset.meta.camera_keys else 0
        for key in ("mean", "std"):
            true = getattr(np, key)(values, axis=axes).reshape(np.shape(numbers[key]))
            spread = np.maximum(np.abs(true), 1e-12)
            share = float(np.max(np.abs(np.asarray(numbers[key]) - true) / spread))
            if name not in dataset.meta.camera_keys:
                worst = max(worst, share)
            else:
                print(
                    f"  stats of {name}: {key} {np.ravel(numbers[key]).round(4)}, of what LeRobot decodes "
                    f"{true.ravel().round(4)}"
                )
    return f"means and deviations of numbers within {worst:.1e} of NumPy's"


def main() -> None:
    """Open, compare, tell."""
    ours = LeRobotDataset("somebody/ours", root=sys.argv[1])
    print(
        f"lerobot {lerobot.__version__}: {ours.num_episodes} episodes, {ours.num_frames} frames, "
        f"{ours.fps} fps, tasks {ours.meta.tasks.index.tolist()}"
    )
    mine = items(ours)
    for name, values in mine.items():
        shape = "text" if isinstance(values[0], str) else f"{values[0].dtype} {tuple(values[0].shape)}"
        print(f"  {name}: {shape}")
    print(f"  {statistics(ours, mine)}")
    rate = ours.fps
    column = next(name for name in ("action", "actions", "observation.state") if name in mine)
    window = {column: [0, 1 / rate, 2 / rate]}
    windows = LeRobotDataset("somebody/ours", root=sys.argv[1], delta_timestamps=window)
    last = windows[len(windows) - 1]
    padded = last[f"{column}_is_pad"].tolist()
    print(f"  windows of three of {column}: {tuple(last[column].shape)}, padded {padded}")
    if len(sys.argv) > 2:
        theirs = items(LeRobotDataset("somebody/theirs", root=sys.argv[2]))
        missing = sorted(set(mine) ^ set(theirs))
        results = {name: compare(name, mine[name], theirs[name]) for name in mine if name in theirs}
        for name, told in results.items():
            print(f"  {name}, beside LeRobot's own: {told}")
        if missing or any(told.startswith("DIFFERENT") for told in results.values()):
            sys.exit(f"different: {missing or ''}")


if __name__ == "__main__":
    main()
