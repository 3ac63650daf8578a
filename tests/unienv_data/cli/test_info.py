"""`unienv-data info` on a dataset of every kind of column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.cli.app import app
from unienv_interface import BinarySpace, BoxSpace, DictSpace, NumpyComputeBackend, TextSpace

EPISODES = (7, 5, 12)


@pytest.fixture(params=[False, True], ids=["open tail", "sealed"])
def dataset(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, bool]:
    backend = NumpyComputeBackend
    space = DictSpace(
        backend,
        {
            "observation": DictSpace(
                backend,
                {
                    "image": BoxSpace(backend, 0, 255, np.uint8, shape=(8, 10, 3)),
                    "state": BoxSpace(backend, -np.inf, np.inf, np.float32, shape=(4,)),
                },
            ),
            "done": BinarySpace(backend, shape=()),
            "task": TextSpace(backend, max_length=100),
        },
    )
    path = tmp_path / "made.zarr"
    attributes = {"fps": 10, "columns": {"observation/image": {"lossy": "video"}}}
    with ReplayBuffer.create(ZarrStorage, space, cache_path=str(path), attributes=attributes) as buffer:
        for length in EPISODES:
            for _ in range(length):
                buffer.append(
                    {
                        "observation": {
                            "image": np.zeros((8, 10, 3), np.uint8),
                            "state": np.ones(4, np.float32),
                        },
                        "done": np.zeros((), bool),
                        "task": "pick up the cube",
                    }
                )
            buffer.mark_segment_end({"success": True})
        if request.param:
            buffer.seal()
    return path, request.param


def info(*arguments: str) -> Any:
    outcome = CliRunner().invoke(app, ["info", *arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def test_json_gives_every_fact(dataset: tuple[Path, bool]) -> None:
    path, sealed = dataset
    facts = json.loads(info(str(path), "--json"))
    assert facts["rows"] == sum(EPISODES)
    assert (facts["episodes"], facts["shortest_episode"], facts["longest_episode"]) == (3, 5, 12)
    assert facts["sealed"] is sealed
    assert facts["attributes"]["fps"] == 10
    assert facts["space"]["type"] == "DictSpace"
    columns = {column["name"]: column for column in facts["columns"]}
    assert list(columns) == sorted(["done", "observation/image", "observation/state", "task"])
    image = columns["observation/image"]
    assert (image["dtype"], image["shape"], image["kind"]) == ("uint8", [8, 10, 3], "box")
    assert image["raw_bytes"] == sum(EPISODES) * 8 * 10 * 3
    assert image["stored_bytes"] < image["raw_bytes"]
    assert image["stored_bytes"] > 0 or not sealed  # a chunk that is not full yet is not counted
    assert not image["lossy"]
    assert facts["raw_bytes"] == sum(column["raw_bytes"] for column in columns.values())
    assert facts["stored_bytes"] == sum(column["stored_bytes"] for column in columns.values())


def test_console_shows_the_tree(dataset: tuple[Path, bool]) -> None:
    path, sealed = dataset
    lines = info(str(path)).splitlines()
    assert lines[0] == str(path)
    text = "\n".join(line.rstrip() for line in lines)
    assert "24" in text
    assert "3 of 5 to 12 rows" in text
    assert ("yes: plain Zarr readers see every row" in text) is sealed
    tree = [
        line.strip() for line in lines if line.strip().startswith(("done", "observation", "├", "└", "task"))
    ]
    assert [line.split()[:2] for line in tree] == [
        ["done", "bool"],
        ["observation"],
        ["├──", "image"],
        ["└──", "state"],
        ["task", tree[-1].split()[1]],
    ]
    assert "8 x 10 x 3" in tree[2]
    assert tree[2].endswith("video in the source")
    assert tree[3].endswith("none")
    assert "fps" in text


def test_empty_dataset(tmp_path: Path) -> None:
    space = BoxSpace(NumpyComputeBackend, 0, 1, np.float32, shape=(2,))
    with ReplayBuffer.create(ZarrStorage, space, cache_path=str(tmp_path / "empty.zarr")):
        pass
    facts = json.loads(info(str(tmp_path / "empty.zarr"), "--json"))
    assert (facts["rows"], facts["episodes"], facts["shortest_episode"]) == (0, 0, None)
    assert "  value   float32  2" in info(str(tmp_path / "empty.zarr"))


@pytest.mark.parametrize("make", [False, True], ids=["nothing", "another folder"])
def test_where_no_dataset_stands(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "nothing.zarr"
    if make:
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    outcome = CliRunner().invoke(app, ["info", str(path)])
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("Error: ")
    assert str(path) in outcome.stderr
