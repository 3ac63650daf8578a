"""Codecs tried on samples of datasets and of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_av, requires_imagecodecs
from tests.house.tree import ROOT
from tests.unienv_data.store.codecs.images.pictures import smooth
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.codec_trials import TrialOptions, run_trial, sample_columns, try_codecs, usual_candidates
from unienv_data.codec_trials.sample import SampledColumn
from unienv_data.errors import (
    CodecError,
    ConversionError,
    DatasetError,
    EmptyDataError,
    PathError,
)
from unienv_data.store.codecs import parse_codec
from unienv_interface import BoxSpace, DictSpace, NumpyComputeBackend, TextSpace

PUSHT = str(ROOT / "examples" / "data" / "lerobot_v30_pusht")
EPISODES = (9, 20, 1, 30, 12)


def space() -> DictSpace[Any, Any, Any, Any]:
    backend = NumpyComputeBackend
    images = {
        "top": BoxSpace(backend, 0, 255, np.uint8, shape=(16, 24, 3)),
        "depth": BoxSpace(backend, 0, 65535, np.uint16, shape=(16, 24)),
    }
    state = BoxSpace(backend, -np.inf, np.inf, np.float32, shape=(5,))
    text = TextSpace(backend, max_length=9)
    return DictSpace(backend, {"images": DictSpace(backend, images), "state": state, "task": text})


def rows(span: range) -> dict[str, Any]:
    images = {
        "top": np.stack([smooth((16, 24, 3), "uint8", row) for row in span]),
        "depth": np.stack([smooth((16, 24), "uint16", row) for row in span]),
    }
    state = np.arange(span.start * 5, span.stop * 5, dtype=np.float32).reshape(-1, 5)
    return {"images": images, "state": state, "task": np.array(["lift"] * len(span), dtype=object)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("made") / "made.zarr")
    about = {"columns": {"images/top": {"lossy": "jpeg"}}}
    with ReplayBuffer.create(ZarrStorage, space(), cache_path=path, attributes=about) as buffer:
        start = 0
        for length in EPISODES:
            buffer.append_batch(rows(range(start, start + length)))
            buffer.mark_segment_end()
            start += length
    return path


def test_frames_are_sampled_from_some_episodes(dataset: str) -> None:
    top, depth = sorted(sample_columns(dataset, rows=40), key=lambda sample: sample.name, reverse=True)
    assert (top.name, depth.name) == ("images/top", "images/depth")
    assert (top.lossy, depth.lossy) == ("jpeg", None)
    assert (depth.dtype, depth.shape) == (np.dtype(np.uint16), (16, 24))
    # Four of five episodes, evenly spread; of each the beginning, together forty rows if there are so many.
    starts = [0, 9, 30, 60]
    lengths = [9, 11, 10, 10]
    assert [len(run) for run in top.runs] == lengths
    for start, length, run in zip(starts, lengths, top.runs, strict=True):
        np.testing.assert_array_equal(run, rows(range(start, start + length))["images"]["top"])


def test_columns_are_chosen_by_pattern(dataset: str) -> None:
    names = [sample.name for sample in sample_columns(dataset, columns=["images/d*", "state"])]
    assert sorted(names) == ["images/depth", "state"]
    with pytest.raises(PathError, match="no column matches 'imgs'"):
        sample_columns(dataset, columns=["imgs"])
    with pytest.raises(ConversionError, match="task: codecs are tried on arrays of one shape only"):
        sample_columns(dataset, columns=["task"])


def test_nothing_to_try(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="nothing there"):
        sample_columns(str(tmp_path / "missing"))
    with ReplayBuffer.create(ZarrStorage, space(), cache_path=str(tmp_path / "empty.zarr")):
        pass
    with pytest.raises(EmptyDataError, match="no rows to try codecs on"):
        sample_columns(str(tmp_path / "empty.zarr"))
    numbers = DictSpace(NumpyComputeBackend, {"state": space().spaces["state"]})
    with ReplayBuffer.create(ZarrStorage, numbers, cache_path=str(tmp_path / "numbers.zarr")):
        pass
    with pytest.raises(ConversionError, match=r"no column holds frames; name those .* --columns, of state"):
        sample_columns(str(tmp_path / "numbers.zarr"))


@requires_av
@requires_imagecodecs
def test_recordings_of_others() -> None:
    trials = try_codecs(PUSHT, TrialOptions(codecs=("png", "jpeg:90"), rows=12, seconds=0.1))
    (sample,) = trials.samples
    assert (sample.name, sample.lossy, sample.rows) == ("observation/image", "video", 12)
    png, jpeg = trials.trials
    assert (png.exact, png.lossy, png.psnr, png.ssim) == (True, False, None, None)
    assert jpeg.lossy
    assert not jpeg.exact
    assert jpeg.psnr is not None
    assert jpeg.ssim is not None
    assert 30 < jpeg.psnr < 60
    assert 0.9 < jpeg.ssim < 1
    assert png.raw_bytes == jpeg.raw_bytes == 12 * 96 * 96 * 3
    assert jpeg.stored_bytes < png.stored_bytes < png.raw_bytes
    assert min(png.write_rate, png.read_rate, png.window_rate) > 0


def test_slow_codecs_get_fewer_rows(dataset: str) -> None:
    (sample,) = sample_columns(dataset, columns=["images/top"], rows=72)
    assert run_trial(sample, "zstd", seconds=60).rows == 9 + 20 + 22 + 12
    hurried = run_trial(sample, "zstd", seconds=0)
    assert 0 < hurried.rows < 20
    assert hurried.raw_bytes == hurried.rows * 16 * 24 * 3


def test_one_row_is_enough(tmp_path: Path) -> None:
    sample = SampledColumn("top", space().spaces["images"].spaces["top"], (rows(range(1))["images"]["top"],))
    trial = run_trial(sample, "zstd", seconds=0.05)
    assert (trial.rows, trial.exact) == (1, True)


@requires_imagecodecs
def test_what_does_not_fit_is_skipped_and_said(dataset: str) -> None:
    options = TrialOptions(codecs=("jpeg:95", "png"), columns=("images/*",), rows=8, seconds=0.05)
    trials = try_codecs(dataset, options)
    assert {(trial.column, trial.codec) for trial in trials.trials} == {
        ("images/top", "jpeg:95"),
        ("images/top", "png"),
        ("images/depth", "png"),
    }
    ((column, spec, reason),) = trials.skipped
    assert (column, spec) == ("images/depth", "jpeg:95")
    assert "jpeg holds uint8 pixels" in reason
    with pytest.raises(CodecError, match="jpeg holds uint8 pixels"):
        try_codecs(dataset, TrialOptions(codecs=("jpeg",), columns=("images/depth",)))
    with pytest.raises(CodecError, match="unknown codec 'jpg'"):
        try_codecs("/nowhere", TrialOptions(codecs=("jpg",)))


def test_usual_candidates_are_known_and_fit() -> None:
    frames = usual_candidates(np.dtype(np.uint8), (96, 96, 3))
    assert {parse_codec(spec).name for spec in frames} >= {
        "zstd",
        "lz4",
        "png",
        "jpeg",
        "webp",
        "jpegxl",
        "avif",
    }
    depth = usual_candidates(np.dtype(np.uint16), (96, 96))
    assert {parse_codec(spec).name for spec in depth} >= {"zstd", "png", "jpegxl"}
    assert not {parse_codec(spec).name for spec in depth} & {"jpeg", "webp", "avif", "qoi"}


def test_without_imagecodecs_the_others_are_tried(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    trials = try_codecs(dataset, TrialOptions(columns=("images/top",), rows=4, seconds=0.05))
    assert [trial.codec for trial in trials.trials][:3] == ["zstd", "zstd:3:bitshuffle", "lz4"]
    reasons = {spec: reason for _, spec, reason in trials.skipped}
    assert "pip install 'unienv-data[images]'" in reasons["jpeg:95"]


def test_a_damaged_dataset_is_told(dataset: str, tmp_path: Path) -> None:
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "metadata.json").write_text("{")
    with pytest.raises((DatasetError, ConversionError), match=r"broken\.zarr"):
        sample_columns(str(tmp_path / "broken.zarr"))


def test_at_least_one_row_is_sampled(dataset: str) -> None:
    (sample,) = sample_columns(dataset, columns=["state"], rows=0)
    assert sample.rows == 1
