"""Mix three datasets of different columns in given shares, stop in the middle of an epoch, and go on.

Usage: python examples/mixture.py out/mixture
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import unienv_data
from unienv_data import MixtureSampler, ReplayBuffer, StepSampler, ZarrStorage
from unienv_interface import BoxSpace, DictSpace, NumpyComputeBackend

WEIGHTS = {"robot": 0.5, "simulation": 0.3, "play": 0.2}
EPISODES = {"robot": 6, "simulation": 40, "play": 3}
CAMERAS = {"robot": ("top", "wrist"), "simulation": ("top",), "play": ("top", "wrist")}
STEPS = 50


def main(folder: str) -> None:
    """Record the datasets, mix them, and weigh the episodes of one."""
    for name in WEIGHTS:
        record(Path(folder) / f"{name}.zarr", EPISODES[name], CAMERAS[name])
    sources = {name: unienv_data.open(str(Path(folder) / f"{name}.zarr")) for name in WEIGHTS}
    try:
        mix(sources)
        weigh(sources["robot"])
    finally:
        for buffer in sources.values():
            buffer.close()


def record(path: Path, episodes: int, cameras: Sequence[str]) -> None:
    """Write episodes of little pictures and states."""
    numpy = NumpyComputeBackend
    image = BoxSpace(numpy, 0, 255, np.uint8, shape=(8, 8, 3))
    state = BoxSpace(numpy, -1.0, 1.0, np.float32, shape=(4,))
    space = DictSpace(numpy, {"image": DictSpace(numpy, dict.fromkeys(cameras, image)), "state": state})
    rng = np.random.default_rng(0)
    with ReplayBuffer.create(ZarrStorage, space, cache_path=str(path), overwrite=True) as buffer:
        for number in range(episodes):
            images = {name: rng.integers(0, 256, (STEPS, 8, 8, 3), np.uint8) for name in cameras}
            states = rng.uniform(-1, 1, (STEPS, 4)).astype(np.float32)
            buffer.extend({"image": images, "state": states}, episode={"success": number % 2 == 0})


def mix(sources: dict[str, ReplayBuffer]) -> None:
    """Sample all of them; rows of datasets without a wrist camera get a black picture, and a mask says so."""
    sampler = MixtureSampler(sources, WEIGHTS, batch_size=64, seed=0, align="union")
    met: Counter[str] = Counter()
    batches = sampler.epoch_iter_with_metadata()
    for _ in range(20):
        batch, metadata = next(batches)
        met.update(sampler.names[index] for index in metadata["batch_index"])
    shares = ", ".join(f"{name} {met[name] / met.total():.3f}" for name in WEIGHTS)
    print(f"{met.total()} rows in 20 of {len(sampler)} batches: {shares}")
    has_wrist = metadata["column_valid_mask"]["image/wrist"]
    black = ~batch["image"]["wrist"].any(axis=(1, 2, 3))
    print(f"rows without a wrist camera: {np.count_nonzero(~has_wrist)}, black: {np.count_nonzero(black)}")

    saved = json.dumps(sampler.state_dict())
    expected = [batch["state"] for batch, _ in batches]
    resumed = MixtureSampler(sources, WEIGHTS, batch_size=64, align="union")
    resumed.load_state_dict(json.loads(saved))
    found = [batch["state"] for batch in resumed]
    same = len(found) == len(expected) and all(map(np.array_equal, found, expected))
    print(f"resumed from {saved}: {len(found)} batches, {'the same' if same else 'others'}")


def weigh(buffer: ReplayBuffer) -> None:
    """Sample steps of successful episodes four times as often as others."""
    success = np.array(buffer.episodes["success"].to_pylist())
    sampler = StepSampler(buffer, batch_size=60, seed=0, episode_weights=np.where(success, 4, 1))
    index = np.concatenate([sampler.sample_index() for _ in range(200)])
    share = success[index // STEPS].mean()
    print(f"{success.sum()} of {len(success)} episodes succeeded; {share:.2f} of the rows are theirs")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
