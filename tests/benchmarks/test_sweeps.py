"""Layouts and sizes are measured as the suites say, on a few rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unienv_data
from benchmarks import stored
from benchmarks.report import write_report
from benchmarks.scenes import render_episode, walks
from benchmarks.stored import Layout, StoredRows
from benchmarks.suites import SUITES
from benchmarks.suites.defaults import DefaultsSuite
from benchmarks.suites.growth import GrowthSuite, OfEpisodes, Size
from benchmarks.sweep import Point, Sweep, shown, take_turns
from benchmarks.takeover import Takeover

SUITE = DefaultsSuite(
    megabytes=0.05,
    batch=8,
    windows=2,
    numbers=((25, "float32"), (0, "float64")),
    narrow_codecs=("zstd:3", "lz4"),
    kib=(16,),
    narrow_mib=(1, 4),
    sizes=(84,),
    frame_codecs=("raw", "zstd:1"),
    mib=(16,),
    blocks=(64, 8192),
)
ALL = (
    *(stored.SIZE, stored.EXTEND, stored.COMMIT, stored.FILES),
    *(stored.RANDOM, stored.WINDOWS, stored.IN_ORDER),
)


@pytest.fixture
def rows() -> np.ndarray:
    found: np.ndarray = walks((0,), 3000, {"": (25, "float32")})[""]
    return found


def test_every_round_begins_with_another() -> None:
    order: list[str] = []

    def turn(subject: str, number: int) -> dict[str, float]:
        order.append(subject)
        return {"first": number} if number == 0 else {"later": number}

    figures = take_turns(["a", "b"], 3, turn)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert figures == [{"first": (0,), "later": (1, 2)}] * 2


def test_exponents() -> None:
    points = [
        Point("cubic", x, {"a": (x**3, x**3, 9e9), "flat": (5.0,)} if x else {}) for x in (1.0, 2.0, 4.0)
    ]
    sweep = Sweep("title", "x", tuple(points), ("cubic", 2.0))
    assert sweep.exponent("cubic", "a") == pytest.approx(3)
    assert sweep.exponent("cubic", "flat") == 0
    assert sweep.exponent("other", "a") is None
    text = sweep.to_text(exponents=True).splitlines()
    assert [line.split()[-3:] for line in text[-4:]] == [
        ["1", "1.00", "5.00"],
        ["2*", "8.00", "5.00"],
        ["4", "64.0", "5.00"],
        ["exponent", "3.00", "0.00"],
    ]
    assert sweep.to_json()["points"][1]["medians"] == {"a": 8, "flat": 5}


def test_figures_as_they_are_shown() -> None:
    assert [shown(value) for value in (0, 0.01234, 9.876, 12.34, 98765.4)] == [
        *("0", "0.0123", "9.88", "12.3", "98,765")
    ]


def test_the_default_is_found(rows: np.ndarray) -> None:
    assert Layout().is_default(rows)
    assert Layout("zstd:3", 128).is_default(rows)
    assert not Layout("zstd:3", 64).is_default(rows)
    assert not Layout("lz4", 128).is_default(rows)


def test_rows_are_stored_as_asked(tmp_path: Path, rows: np.ndarray) -> None:
    subject = StoredRows(
        tmp_path / "here.zarr", rows, Layout("lz4", 32, 256), batch=16, windows=4, measures=ALL
    )
    first = subject.turn(0)
    with unienv_data.open(tmp_path / "here.zarr") as buffer:
        (column,) = buffer.storage.describe()
        assert (column.codec, column.chunk_rows, column.shard_rows) == ("lz4", 32, 256)
        np.testing.assert_array_equal(buffer[: len(rows)][stored.COLUMN], rows)
        assert len(buffer) % 256 == (len(rows) + 128 + 3) % 256  # commits are of a half-filled shard
    assert tuple(first) == ALL
    assert 0 < first[stored.SIZE] < 100
    assert tuple(subject.turn(stored.WRITING_ROUNDS)) == ALL[-3:]  # what is there is read again
    subject.close()
    assert not list(tmp_path.iterdir())


def test_other_rows_are_found_out(tmp_path: Path, rows: np.ndarray) -> None:
    subject = StoredRows(tmp_path / "here.zarr", rows, Layout(), batch=16, windows=4, measures=ALL)
    subject.turn(0)
    rows += 1
    with pytest.raises(ValueError, match="other rows were read"):
        subject.turn(stored.WRITING_ROUNDS)
    subject.close()


def test_a_takeover_copies_the_block(tmp_path: Path) -> None:
    frames, numbers = render_episode((0,), 20, 48), np.zeros((20, 3), np.float32)
    figures = [Takeover(tmp_path / "x.zarr", frames, numbers, rows).turn(0) for rows in (4096, 8192)]
    assert figures[1]["copied, MB"] == pytest.approx(2 * figures[0]["copied, MB"], rel=0.1)
    assert figures[0]["copied, MB"] > 0.1
    assert not list(tmp_path.iterdir())


def test_defaults(tmp_path: Path) -> None:
    result = SUITE(tmp_path / "data", 1)
    assert isinstance(SUITES["defaults"], DefaultsSuite)
    assert [sweep.title for sweep in result.sweeps] == [
        "25 float32: chunks",
        "25 float32: shards",
        "1 float64: chunks",
        "84x84x3 frames: codecs",
        "84x84x3 frames: shards",
        "84x84x3 frames and 25 float32: blocks, 15/16 full",
    ]
    assert [len(sweep.points) for sweep in result.sweeps] == [2, 2, 2, 4, 1, 2]
    for sweep in result.sweeps:  # what is the default is among what is tried
        assert sweep.chosen in [(point.line, point.x) for point in sweep.points]
    assert "takeover, waited ms" in result.to_text()
    assert not list((tmp_path / "data").iterdir())
    written = write_report(result, tmp_path / "defaults")
    assert all(path.stat().st_size for path in written)


def test_a_dataset_of_some_size(tmp_path: Path) -> None:
    Size(600, 60, (7, 2)).write(tmp_path / "x.zarr")
    with unienv_data.open(tmp_path / "x.zarr") as buffer:
        assert len(buffer) == 600
        assert (buffer.get_segments() or [])[:2] == [(0, 10), (10, 20)]
        assert {name: rows.shape for name, rows in buffer[0].items()} == {"c0": (7,), "c1": (2,)}


def test_what_grows_is_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    Size(600, 60, (7,)).write(path)
    subject = OfEpisodes(path, Size(600, 60, (7,)))
    subject.turn(0)
    subject.close()
    with unienv_data.open(path) as buffer:
        assert len(buffer) > 600
    suite = SUITES["growth"]
    assert isinstance(suite, GrowthSuite)
    small = replace(suite, rows=(100, 300), episodes=(10, 20), columns=(1, 3), rows_of_columns=100)
    for _ in range(2):
        result = small(tmp_path, 2)
        assert [[point.x for point in sweep.points] for sweep in result.sweeps] == [
            [100, 300],
            [10, 20],
            [1, 3],
        ]
        kept = list(tmp_path.glob("growth-*.zarr"))
        assert len(kept) == 5  # one of them is needed twice
        assert not (tmp_path / "growing").exists()
    with unienv_data.open(tmp_path / f"{Size(300, 10, (25,)).name}.zarr") as buffer:
        assert len(buffer) == 300
    assert all(figure > 0 for p in result.sweeps[0].points for fs in p.figures.values() for figure in fs)
    assert "exponent" in result.to_text()
    assert all(written.stat().st_size for written in write_report(result, tmp_path / "growth"))
