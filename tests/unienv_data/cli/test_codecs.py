"""`unienv-data codecs` on a dataset."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import requires_av, requires_imagecodecs
from tests.house.tree import ROOT
from tests.unienv_data.store.codecs.images.pictures import psnr, smooth
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data import open as open_dataset
from unienv_data.cli.app import app
from unienv_interface import BoxSpace, DictSpace, NumpyComputeBackend

pytestmark = requires_imagecodecs


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("made") / "made.zarr")
    image = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(24, 32, 3))
    space = DictSpace(NumpyComputeBackend, {"image": image})
    with ReplayBuffer.create(ZarrStorage, space, cache_path=path) as buffer:
        buffer.extend({"image": np.stack([smooth((24, 32, 3), "uint8", row) for row in range(20)])})
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["codecs", "--seconds", "0.1", *arguments])


def test_json(dataset: str) -> None:
    outcome = run(dataset, "--codec", "jpeg:90", "--codec", "qoi", "--rows", "12", "--json")
    assert outcome.exit_code == 0, outcome.output
    document = json.loads(outcome.stdout)
    about = {"name": "image", "dtype": "uint8", "shape": [24, 32, 3], "rows": 12, "lossy_at_source": None}
    assert document["columns"] == [about]
    assert document["skipped"] == []
    jpeg, qoi = document["trials"]
    assert (jpeg["codec"], jpeg["lossy"], jpeg["exact"]) == ("jpeg:90", True, False)
    assert (qoi["codec"], qoi["lossy"], qoi["exact"], qoi["psnr"], qoi["ssim"]) == (
        "qoi",
        False,
        True,
        None,
        None,
    )
    assert math.isfinite(jpeg["psnr"])
    assert qoi["raw_bytes"] == 12 * 24 * 32 * 3


def test_table(dataset: str) -> None:
    outcome = run(dataset, "--codec", "jpeg:90", "--codec", "zstd", "--rows", "12")
    assert outcome.exit_code == 0, outcome.output
    title, header, jpeg, zstd = (line.split() for line in outcome.stdout.splitlines() if line)
    assert title[0] == "image"
    assert header == [
        "codec",
        "stored/row",
        "ratio",
        "written/s",
        "random/s",
        "windows/s",
        "PSNR",
        "SSIM",
        "loss",
    ]
    assert jpeg[0] == "jpeg:90"
    assert jpeg[-2:] == ["lossy", "codec"]
    assert zstd[0] == "zstd"
    assert zstd[-3:] == ["exact", "exact", "none"]


def test_the_usual_codecs_are_tried(dataset: str) -> None:
    outcome = run(dataset, "--rows", "4", "--json")
    assert outcome.exit_code == 0, outcome.output
    found = {trial["codec"].split(":")[0] for trial in json.loads(outcome.stdout)["trials"]}
    assert {"zstd", "lz4", "qoi", "png", "webp", "jpegxl", "avif", "jpeg"} <= found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{}/missing"], "nothing there"),
        (["{}", "--codec", "jpg"], "unknown codec 'jpg'"),
        (["{}", "--codec", "jpeg:0"], "quality must be from 1 to 100, got '0'"),
        (["{}", "--columns", "images/*"], "no column matches 'images/*'"),
        (["{}", "--rows", "0"], "--rows"),
        (["{}", "--from", "nothing"], "there is no format 'nothing'"),
    ],
)
def test_bad_input_is_told_in_a_paragraph(dataset: str, arguments: list[str], told: str) -> None:
    outcome = run(*(argument.replace("{}", dataset) for argument in arguments))
    assert outcome.exit_code == 2
    assert told in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""


def test_folders_for_temporary_files_are_left_empty(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert run(dataset, "--codec", "zstd", "--rows", "4").exit_code == 0
    assert [path for path in tmp_path.iterdir() if path.name.startswith("unienv-data-codecs-")] == []


@requires_av
def test_a_codec_is_chosen_and_shown(tmp_path: Path) -> None:
    recording = str(ROOT / "examples" / "data" / "lerobot_v30_pusht")
    plain, packed = str(tmp_path / "plain.zarr"), str(tmp_path / "packed.zarr")
    for path, codec in ((plain, "png"), (packed, "jpeg:95:444")):
        command = ["convert", recording, path, "--quiet", "--episodes", "0:1", "--codec", f"**/image={codec}"]
        outcome = CliRunner().invoke(app, command)
        assert outcome.exit_code == 0, outcome.output
    shown = json.loads(CliRunner().invoke(app, ["info", packed, "--json"]).stdout)
    columns = {column["name"]: column for column in shown["columns"]}
    image = columns.pop("observation/image")
    assert (image["codec"], image["lossy"], image["chunk_rows"]) == ("jpeg:95:444", True, 1)
    assert image["raw_bytes"] > 5 * image["stored_bytes"]
    assert not any(column["lossy"] for column in columns.values())
    assert "lossy codec" in CliRunner().invoke(app, ["info", packed]).stdout
    assert "lossy codec" not in CliRunner().invoke(app, ["info", plain]).stdout
    with open_dataset(plain) as one, open_dataset(packed) as other:
        assert 40 < psnr(one[:]["observation"]["image"], other[:]["observation"]["image"]) < 60
