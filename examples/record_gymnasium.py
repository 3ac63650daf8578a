"""Record CartPole, look at its episodes, and sample batches of their steps.

Usage: python examples/record_gymnasium.py out/cartpole.zarr
"""

from __future__ import annotations

import sys
from typing import Any

import unienv_data
from unienv_data import StepSampler
from unienv_data.recording import RecordingOptions, run_recording


def main(dataset: str) -> None:
    """Record with a policy of one line, then read what it did."""
    done = run_recording("CartPole-v1", dataset, RecordingOptions(episodes=10, policy=push_under, seed=0))
    print(f"{done.episodes} episodes, {done.rows} steps, mean return {done.mean_return:g}")

    with unienv_data.open(dataset) as buffer:
        for episode in buffer.episodes.to_pylist():
            end = "the pole fell" if episode["terminated"] else "the time was up"
            print(f"seed {episode['seed']}: {episode['length']} steps, {end}")

        sampler = StepSampler(buffer, batch_size=64, seed=0)
        for batch in sampler.epoch_iter():
            print({key: (values.dtype.name, values.shape) for key, values in batch.items()})
            break


def push_under(observation: Any) -> int:
    """Push the cart to the side to which the pole falls."""
    _, _, angle, angular_velocity = observation
    return int(angle + angular_velocity > 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
