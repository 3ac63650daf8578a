"""What HDF5 recordings give where h5py or the decoder of their frames is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unienv_data.formats.reading import read_columns
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import MissingDependencyError
from unienv_data.formats import Source, detect, open_reader

DATA = Path(__file__).parents[3] / "data"
PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Makes packages look as if they were not installed."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize(
    "name", ["robomimic_hdf5/low_dim.hdf5", "aloha_hdf5/compressed", "maniskill_h5", "d4rl_hdf5"]
)
def test_h5py_is_asked_for(without, name: str, tmp_path: Path) -> None:
    without("h5py")
    with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[hdf5\]'$"):
        plan_conversion(str(DATA / name), str(tmp_path / "x.zarr"))
    assert not list(tmp_path.iterdir())


def test_h5py_is_asked_for_where_the_format_is_named(without) -> None:
    without("h5py")
    for name in ("minari/hopper", "unienv/hdf5"):
        with (
            open_reader(Source(str(DATA / name)), name.split("/")[0]) as reader,
            pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[hdf5\]'$"),
        ):
            reader.facts()


def test_other_forms_need_no_h5py(without) -> None:
    without("h5py")
    assert detect(Source(str(PUSHT))).name == "lerobot_v30"
    for name, rows in (("minari/toy_arrow_raw", 13), ("unienv/parquet", 18)):
        with open_reader(Source(str(DATA / name))) as reader:
            assert reader.facts().rows == rows


@pytest.mark.parametrize(
    ("name", "camera", "number"),
    [
        ("aloha_hdf5/compressed", "observations/images/top", "action"),
        ("minari/toy_hdf5", "observations/camera", "rewards"),
        ("minari/toy_arrow", "observations/camera", "rewards"),
    ],
)
def test_numbers_need_no_imagecodecs(without, name: str, camera: str, number: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    without("imagecodecs")
    source = DATA / name
    with open_reader(Source(str(source))) as reader:
        episodes = range(len(reader.facts().lengths))
        columns = {column.name: column for column in reader.facts().columns}
        assert len(columns[camera].space.shape) == 3
        reader.check([number], episodes)
        assert len(read_columns(reader, [number], episodes)[number]) == reader.facts().rows
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
            reader.check([camera], episodes)
    with pytest.raises(MissingDependencyError, match=r"\[images\]"):
        plan_conversion(str(source), str(tmp_path / "x.zarr"))
    assert not list(tmp_path.iterdir())
    options = ConversionOptions(columns=(number,))
    assert run_conversion(plan_conversion(str(source), str(tmp_path / "x.zarr"), options)).episodes > 2
