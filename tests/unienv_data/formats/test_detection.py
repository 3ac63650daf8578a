"""Every sample is recognized as what it is, and as nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from unienv_data.formats import Source, detect

pytest.importorskip("h5py")

DATA = Path(__file__).parents[2] / "data"
SAMPLES = {
    "aloha": ["aloha_hdf5/compressed", "aloha_hdf5/compressed/episode_1.hdf5"],
    "d4rl": ["d4rl_hdf5", "d4rl_hdf5/hopper_random-v2.hdf5"],
    "lerobot_v2": ["lerobot_v21_pusht"],
    "lerobot_v30": ["lerobot_v30_crashed", "../../examples/data/lerobot_v30_pusht"],
    "maniskill": ["maniskill_h5", "maniskill_h5/trajectory.state_dict+rgb.pd_joint_pos.physx_cpu.h5"],
    "minari": [
        "minari/hopper",
        "minari/hopper/data",
        "minari/hopper/data/main_data.hdf5",
        "minari/toy_arrow",
        "minari/toy_arrow/data",
    ],
    "robomimic": ["robomimic_hdf5", "robomimic_hdf5/low_dim.hdf5"],
    "unienv": ["unienv/hdf5", "unienv/parquet_ring"],
}


@pytest.mark.parametrize(("name", "sample"), [(n, sample) for n in SAMPLES for sample in SAMPLES[n]])
def test_samples(name: str, sample: str) -> None:
    assert detect(Source(str(DATA / sample))).name == name
