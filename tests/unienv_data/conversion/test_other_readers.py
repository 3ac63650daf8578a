"""What is converted reads back the same through readers that know nothing of this project."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from tests.conftest import requires_av, requires_tensorstore
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion

RECORDING = Path(__file__).parents[3] / "examples" / "data" / "lerobot_v30_pusht"
PATHS = {
    name: name.replace(".", "/") for name in json.loads((RECORDING / "EXPECT.json").read_text())["columns"]
}
# LeRobot's own reader gives float32 where the recording holds float64.
CAST_BY_LEROBOT = {"observation.environment_state": np.float32}

pytestmark = requires_av


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("converted") / "pusht.zarr"
    run_conversion(plan_conversion(str(RECORDING), str(destination), ConversionOptions(frames="lossless")))
    return destination / "storage" / "columns"


def expectations() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDING / "EXPECT.json").read_text())
    return found


def read_with_zarr(array: Path) -> np.ndarray[Any, Any]:
    return np.asarray(zarr.open_array(str(array), mode="r")[...])


def read_with_tensorstore(array: Path) -> np.ndarray[Any, Any]:
    tensorstore = pytest.importorskip("tensorstore")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(array)}}
    return np.asarray(tensorstore.open(spec).result().read().result())


READERS = [
    pytest.param(read_with_zarr, id="zarr-python"),
    pytest.param(read_with_tensorstore, id="tensorstore", marks=requires_tensorstore),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", PATHS)
def test_columns_are_those_of_the_recording(store: Path, name: str, read: Any) -> None:
    expected = expectations()["columns"][name]
    values = read(store / PATHS[name])
    values = values.astype(CAST_BY_LEROBOT.get(name, values.dtype))
    assert values.shape == tuple(expected["shape"])
    assert values.dtype.name == expected["dtype"]
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    assert digest[: len(expected["sha256"])] == expected["sha256"]


@pytest.mark.parametrize("read", READERS)
def test_frames_are_those_of_the_recording(store: Path, read: Any) -> None:
    expected = expectations()["decoded_images_CHW_uint8"]["observation.image"]
    frames = read(store / "observation" / "image")
    first = np.ascontiguousarray(np.moveaxis(frames, -1, 1))
    assert first.shape == tuple(expected["shape"])
    digest = hashlib.sha256(first.tobytes()).hexdigest()
    assert digest[: len(expected["sha256"])] == expected["sha256"]


@pytest.mark.parametrize("read", READERS)
def test_texts_are_found_where_the_index_says(store: Path, read: Any) -> None:
    index, values = read(store / "task" / "index"), read(store / "task" / "values")
    texts = [values[start : start + length].tobytes().decode() for start, length in index.tolist()]
    expected = expectations()
    assert sorted(set(texts)) == expected["tasks"]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    assert digest[: len(expected["task_per_frame_sha"])] == expected["task_per_frame_sha"]
