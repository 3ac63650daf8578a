"""`unienv-data formats` and `convert` into foreign formats, as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import requires_av
from unienv_data.cli.app import app
from unienv_data.formats import format_names, reader_class, writer_class, writer_names
from unienv_data.opening import open as open_dataset

ROOT = Path(__file__).parents[3]
PUSHT = ROOT / "examples/data/lerobot_v30_pusht"
CRASHED = ROOT / "tests/data/lerobot_v30_crashed"


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_every_format_is_listed() -> None:
    outcome = run("formats", "--json")
    assert outcome.exit_code == 0, outcome.output
    listed = {each["name"]: each for each in json.loads(outcome.stdout)["formats"]}
    assert set(listed) == {*format_names(), *writer_names()}
    for name in format_names():
        assert listed[name]["title"] == reader_class(name).title
        assert listed[name]["reader"]["options"] == dict(reader_class(name).option_help)
    for name in writer_names():
        assert listed[name]["writer"]["extensions"] == list(writer_class(name).extensions)
    assert listed["unienv_data"]["writer"]["extensions"] == [".zarr"]


def test_a_person_reads_a_table() -> None:
    outcome = run("formats", "npz", "lerobot_v30")
    assert outcome.exit_code == 0
    assert "LeRobot v3.0" in outcome.stdout
    assert "a folder with meta/info.json" in outcome.stdout
    assert "compression" in outcome.stdout
    assert "Parquet" not in outcome.stdout
    outcome = run("formats", "hdf6")
    assert outcome.exit_code == 2
    assert "known formats: " in outcome.stderr


@requires_av
def test_the_ending_chooses(tmp_path: Path) -> None:
    arguments = ("--columns", "action", "--to-option", "compression=none")
    outcome = run("convert", PUSHT, tmp_path / "x.npz", *arguments)
    assert outcome.exit_code == 0, outcome.output
    assert "NPZ (npz)" in outcome.stdout
    assert "Wrote 480 rows in 10 episodes" in outcome.stdout
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["action"].shape == (480, 2)


@requires_av
def test_json_and_dry_run(tmp_path: Path) -> None:
    outcome = run("convert", PUSHT, tmp_path / "x", "--to", "npz", "--json", "--dry-run")
    document = json.loads(outcome.stdout)
    assert (document["to"], document["rows"], document["episodes"]) == ("npz", 480, 10)
    assert document["columns"][0]["path"] == "observation/image"
    assert not list(tmp_path.iterdir())


@requires_av
@pytest.mark.parametrize("to", ["npz", "parquet"])
def test_a_damaged_source(tmp_path: Path, to: str) -> None:
    outcome = run("convert", CRASHED, tmp_path / "x", "--to", to)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@requires_av
def test_rows_in_a_chunk(tmp_path: Path) -> None:
    arguments = (
        "--columns",
        "action",
        "--columns",
        "observation",
        "--chunk",
        "**=16",
        "--chunk",
        "action=64",
    )
    outcome = run("convert", PUSHT, tmp_path / "x.zarr", *arguments)
    assert outcome.exit_code == 0, outcome.output
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        chunks = {column.name: column.chunk_rows for column in buffer.storage.describe()}
    assert chunks.pop("action") == 64
    assert set(chunks.values()) == {16}
    outcome = run("convert", PUSHT, tmp_path / "y.zarr", "--chunk", "action=some")
    assert outcome.exit_code == 2
    assert "PATTERN=ROWS" in outcome.stderr
