"""The same sources on another filesystem and in processes of their own give the same rows."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from tests.conftest import requires_av, requires_imagecodecs
from tests.unienv_data.formats.lerobot_builder import Camera, encode, noise_frames
from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.samples import DATA
from tests.unienv_data.formats.zarr_v2 import as_zip
from unienv_data.conversion import plan_conversion, run_conversion
from unienv_data.formats import Source, open_reader

pytestmark = [requires_av, requires_imagecodecs]

PUSHT = DATA / "diffusion_policy_zarr/pusht_replay.zarr"


def videos(folder: Path) -> Path:
    camera = Camera(files=())
    for number, count in enumerate((5, 9)):
        encode(folder / f"videos/{number}.mp4", camera, noise_frames(count, camera, number))
        rows = "".join(f"{row},{row / 4}\n" for row in range(count))
        (folder / f"videos/{number}.csv").write_text(f"step,x\n{rows}")
    return folder / "videos"


def own_store(folder: Path) -> Path:
    plan = plan_conversion(str(DATA / "parquet_generic/steps.parquet"), str(folder / "own.zarr"))
    run_conversion(plan)
    return folder / "own.zarr"


def npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=np.arange(40.0).reshape(20, 2), episode_ends=np.array([7, 20]))
    return folder / "a.npz"


SOURCES: dict[str, Callable[[Path], Path]] = {
    "lerobot_v2": lambda folder: DATA / "lerobot_v21_pusht",
    "diffusion_policy": lambda folder: PUSHT,
    "diffusion_policy zip": lambda folder: as_zip(PUSHT, folder / "a.zarr.zip"),
    "parquet": lambda folder: DATA / "parquet_generic/steps.parquet",
    "hugging_face": lambda folder: DATA / "hf_saved_to_disk",
    "npz": npz,
    "videos": videos,
    "unienv_data": own_store,
}


@pytest.fixture
def place() -> Iterator[str]:
    """A folder in memory."""
    root = f"/elsewhere-{secrets.token_hex(6)}"
    yield root
    memory = fsspec.filesystem("memory")
    if memory.exists(root):
        memory.rm(root, recursive=True)


@pytest.mark.parametrize("name", SOURCES)
def test_on_another_filesystem(name: str, tmp_path: Path, place: str) -> None:
    local = SOURCES[name](tmp_path)
    memory = fsspec.filesystem("memory")
    if local.is_dir():
        memory.put(str(local), place, recursive=True)
        url = f"memory:/{place}"
    else:
        memory.put(str(local), f"{place}/{local.name}")
        url = f"memory:/{place}/{local.name}"
    with open_reader(Source(str(local))) as here, open_reader(Source(url)) as there:
        assert there.name == name.split()[0]
        facts = here.facts()
        assert there.facts().space == facts.space
        assert there.facts().episodes.equals(facts.episodes)
        names = [column.name for column in facts.columns]
        chosen = range(min(2, len(facts.lengths)))
        there.check(names, chosen)
        ours, theirs = read_columns(here, names, chosen), read_columns(there, names, chosen)
    for column, values in ours.items():
        np.testing.assert_array_equal(theirs[column], values, err_msg=column)


@pytest.mark.parametrize("name", SOURCES)
def test_a_late_episode_alone(name: str, tmp_path: Path) -> None:
    """As a process does that is given some of the episodes: the source comes to it pickled."""
    source = Source(str(SOURCES[name](tmp_path)))
    with open_reader(source) as reader:
        names = [column.name for column in reader.facts().columns]
        whole: dict[str, Any] = read_columns(reader, names, range(len(reader.facts().lengths)))
        lengths = reader.facts().lengths
    with open_reader(pickle.loads(pickle.dumps(source)), name.split()[0]) as again:
        last = len(lengths) - 1
        alone = read_columns(again, names[::-1], [last], target_bytes=1 << 14)
    for column, values in alone.items():
        np.testing.assert_array_equal(values, whole[column][-lengths[last] :], err_msg=column)
