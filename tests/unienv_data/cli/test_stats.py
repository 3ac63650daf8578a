"""`unienv-data stats`, on a real recording that was converted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from unienv_data.cli.app import app
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import gathering

pytest.importorskip("av")

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stats") / "pusht.zarr"
    outcome = run("convert", PUSHT, path)
    assert outcome.exit_code == 0, outcome.output
    return path


def stats_of(*arguments: Any) -> dict[str, Any]:
    outcome = run("stats", *arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_they_are_numpys(dataset: Path) -> None:
    found = stats_of(dataset)
    assert (found["rows"], found["rows_covered"]) == (480, 480)
    assert found["columns"]["observation/image"]["count"] == 64, "of a video"
    found = stats_of(dataset, "--every-frame")
    with open_dataset(str(dataset)) as buffer:
        rows = buffer[:]
    checked = 0
    for path, column in found["columns"].items():
        if column["numbers"] is None:
            assert (path, column["count"]) == ("task", 480)
            continue
        values: Any = rows
        for key in path.split("/"):
            values = values[key]
        values = values.astype(np.float64) / column["scale"]
        axes = (0, 1, 2) if path == "observation/image" else 0
        expected = {
            "mean": values.mean(axes),
            "std": values.std(axes),
            "min": values.min(axes),
            "max": values.max(axes),
            **{name: np.quantile(values, share, axes) for name, share in QUANTILES.items()},
        }
        assert column["count"] == 480
        for name, numbers in expected.items():
            got = np.reshape(column["numbers"][name], numbers.shape)
            np.testing.assert_allclose(got, numbers, rtol=1e-6, atol=1e-12, err_msg=f"{path}/{name}")
        checked += 1
    assert checked == len(found["columns"]) - 1
    image = found["columns"]["observation/image"]
    assert (image["scale"], image["shape"]) == (255, [3])
    assert 0.07 < image["numbers"]["std"][0] < 0.12, "the recording's own says 0.00067"


def test_of_each_episode(dataset: Path) -> None:
    found = stats_of(dataset, "--per-episode")
    with open_dataset(str(dataset)) as buffer:
        start, stop = (buffer.get_segments() or [])[3]
        state = buffer[start:stop]["observation"]["state"].astype(np.float64)
    row = found["episodes"][3]
    assert len(found["episodes"]) == 10
    assert row["length"] == stop - start
    np.testing.assert_allclose(row["observation/state/std"], state.std(0), rtol=1e-6)
    outcome = run("stats", dataset, "--per-episode")
    assert outcome.stdout.count("episode ") >= 10


def test_for_people(dataset: Path) -> None:
    outcome = run("stats", dataset)
    assert outcome.exit_code == 0
    assert "480 rows" in outcome.stdout
    assert "observation/image" in outcome.stdout
    assert "of observation/image some frames were looked at" in " ".join(outcome.stderr.split())


def test_none_are_kept_where_none_were_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.zarr"
    assert run("convert", PUSHT, path, "--no-stats", "--episodes", "0:2", "-q").exit_code == 0
    with open_dataset(str(path)) as buffer:
        assert buffer.stats is None
        count = len(buffer)
    monkeypatch.setattr(gathering, "SAMPLE_ROWS", 10)
    outcome = run("stats", path, "--json")
    assert json.loads(outcome.stdout)["columns"]["observation/image"]["count"] == 10
    assert "of observation/image some frames were looked at" in " ".join(outcome.stderr.split())
    assert stats_of(path, "--update", "--every-frame")["columns"]["observation/image"]["count"] == count
    with open_dataset(str(path), "a") as buffer:
        assert buffer.stats is not None
        buffer.extend(buffer[:3])
    outcome = run("stats", path)
    assert f"of the first {count} of {count + 3} rows" in " ".join(outcome.stderr.split())
    assert stats_of(path, "--update")["rows_covered"] == count + 3


def test_no_dataset(tmp_path: Path) -> None:
    outcome = run("stats", tmp_path / "x")
    assert outcome.exit_code == 2
    assert "no dataset" in outcome.output
