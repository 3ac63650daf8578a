"""What a Dask cluster writes is what one process writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import requires_distributed
from tests.unienv_data.conversion.writing.small_blocks import make_small
from tests.unienv_data.conversion.writing.test_workers import assert_same, damaged
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Recording, build

pytestmark = requires_distributed

LENGTHS = (7, 3, 12, 5, 9, 4, 8, 6)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers, processes of their own."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
        silence_logs=50,
    ) as started:
        yield started.scheduler_address


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    texts = pa.array([f"text {row // 3}" for row in range(sum(LENGTHS))])
    return build(
        tmp_path_factory.mktemp("made") / "toy",
        lengths=LENGTHS,
        data_files=(range(3), range(3, 8)),
        extra={"comment": (texts, {"dtype": "string", "shape": [1]})},
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def convert(source: Any, destination: Path, **options: Any) -> Any:
    return run_conversion(plan_conversion(str(source), str(destination), ConversionOptions(**options)))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_columns_are_identical(made: Recording, tmp_path: Path, cluster: str) -> None:
    convert(made.root, tmp_path / "one.zarr", frames="lossless")
    convert(made.root, tmp_path / "many.zarr", frames="lossless", scheduler=cluster)
    assert_same(tmp_path / "one.zarr", tmp_path / "many.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.zarr", "one.zarr"]


def test_a_bad_episode(made: Recording, tmp_path: Path, cluster: str) -> None:
    broken = damaged(made, tmp_path / "broken")
    with pytest.raises(ConversionError, match=r"episode 5: .*comment has no value"):
        convert(broken, tmp_path / "out/x.zarr", scheduler=cluster, columns=("comment",))
    assert not (tmp_path / "out").exists()
    done = convert(broken, tmp_path / "x.zarr", scheduler=cluster, columns=("comment",), skip_bad=True)
    assert [skipped.source_episode for skipped in done.skipped] == [5, 7]
    assert done.rows == int(np.sum(LENGTHS)) - LENGTHS[5] - LENGTHS[7]


def test_nobody_is_there(made: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.conversion.writing.hands.CONNECT_SECONDS", 1)
    with pytest.raises(ConversionError, match=r"scheduler tcp://127\.0\.0\.1:9 cannot be reached"):
        convert(made.root, tmp_path / "x.zarr", scheduler="tcp://127.0.0.1:9")
    assert not list(tmp_path.iterdir())


def test_memory_cannot_be_shared(made: Recording, cluster: str) -> None:
    for options in ({"workers": 2}, {"scheduler": cluster}):
        with pytest.raises(ConversionError, match="no other process can write"):
            convert(made.root, "memory://scale/x.zarr", **options)  # type: ignore[arg-type]
