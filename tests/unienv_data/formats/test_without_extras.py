"""What a LeRobot dataset gives where the packages for its frames are not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unienv_data.formats.reading import read_columns
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import MissingDependencyError
from unienv_data.formats import Source, detect, open_reader

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Makes packages look as if they were not installed."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def test_facts_and_numbers_need_neither(without) -> None:
    without("av", "imagecodecs")
    assert detect(Source(str(PUSHT))).name == "lerobot_v30"
    with open_reader(Source(str(PUSHT))) as reader:
        facts = reader.facts()
        image = next(column for column in facts.columns if column.name == "observation.image")
        assert image.space.shape == (96, 96, 3)
        reader.check(["action", "task"], range(10))
        assert len(read_columns(reader, ["action", "task"], range(10))["task"]) == 480
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[video\]'$"):
            reader.check(["observation.image"], range(10))
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[video\]'$"):
            read_columns(reader, ["observation.image"], [0])


def test_a_plan_says_what_to_install_before_anything_is_written(without, tmp_path: Path) -> None:
    without("av")
    with pytest.raises(MissingDependencyError, match=r"\[video\]"):
        plan_conversion(str(PUSHT), str(tmp_path / "x.zarr"))
    assert not list(tmp_path.iterdir())
    options = ConversionOptions(exclude=("observation/image",))
    assert run_conversion(plan_conversion(str(PUSHT), str(tmp_path / "x.zarr"), options)).rows == 480


def test_images_say_what_to_install(without, tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("av")
    from tests.unienv_data.formats.lerobot_builder import build

    made = build(tmp_path / "toy", images=True)
    without("imagecodecs")
    with open_reader(Source(str(made.root))) as reader:
        columns = {column.name: column.space for column in reader.facts().columns}
        assert columns["observation.png"].shape == (48, 64, 3)
        assert columns["observation.png"].dtype == np.uint8
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
            reader.check(["observation.png"], [0])
