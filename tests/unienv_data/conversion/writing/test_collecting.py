"""Statistics gathered while rows are written are those of the rows, and these are not read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.conversion.writing.collecting import Collector
from unienv_data.formats.tabular.arrow import array_space
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import DictSpace

ENDS = [5, 6, 400, 405]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("collecting") / "x.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        state=rng.normal(size=(405, 3)).astype(np.float32),
        steps=np.arange(405) + 2**60,
        done=rng.random(405) < 0.1,
        image=rng.integers(0, 256, (405, 16, 16, 3), dtype=np.uint8),
        episode_ends=np.array(ENDS),
    )
    return str(path)


def converted(source: str, path: Path, **options: Any) -> Any:
    run_conversion(plan_conversion(source, str(path), ConversionOptions(**options)))
    return open_dataset(str(path))


def told_paths(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The columns that each look at the statistics is told already."""
    told: list[set[str]] = []
    update = ReplayBuffer.update_stats

    def update_stats(self: Any, *, collected: Any = None, **options: Any) -> Any:
        told.append(set() if collected is None else set(collected.series))
        return update(self, collected=collected, **options)

    monkeypatch.setattr(ReplayBuffer, "update_stats", update_stats)
    return told


@pytest.mark.parametrize("memory", [None, 1 << 20])
def test_they_are_those_of_the_rows(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None
) -> None:
    told = told_paths(monkeypatch)
    with converted(source, tmp_path / "x.zarr", memory=memory) as buffer:
        assert told == [{"state", "steps", "done"}]
        kept, again = buffer.stats, buffer.compute_stats()
        table = buffer.episode_stats()
        rows = buffer[:]
    assert kept is not None
    assert kept.columns.keys() == again.columns.keys()
    for path, summary in again.columns.items():
        assert kept.columns[path].count == summary.count
        for name, numbers in (summary.numbers or {}).items():
            np.testing.assert_allclose(kept.columns[path][name], numbers, rtol=1e-12)
    assert int(kept["steps"]["max"]) == 2**60 + 404
    assert table["length"].to_pylist() == np.diff([0, *ENDS]).tolist()
    np.testing.assert_allclose(table["state/std"][2].as_py(), rows["state"][6:400].astype(float).std(0))


@pytest.mark.parametrize("options", [{"workers": 2}, {"stats": False}], ids=["workers", "none"])
def test_who_does_not_write_does_not_collect(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    told = told_paths(monkeypatch)
    with converted(source, tmp_path / "x.zarr", **options) as buffer:
        assert told == ([set()] if options.get("stats", True) else [])
        assert (buffer.stats is not None) == bool(told)


SPACE = DictSpace(
    NumpyComputeBackend,
    {"a": array_space(np.dtype(np.float32), ()), "b": array_space(np.dtype(np.int64), (2,))},
)


def test_what_is_not_as_it_should_be_is_given_up() -> None:
    rows: dict[str, Any] = {"a": np.zeros(3, np.float32), "b": np.zeros((3, 2), np.int64)}
    whole = Collector(SPACE, ())
    whole.add(rows, 1, 3)
    whole.end_episode(2)
    assert whole.found([3]) is None, "other episodes"
    found = whole.found([2])
    assert found is not None
    assert found.summaries()["a"].count == 2
    for damaged in ({"a": rows["a"]}, {**rows, "a": np.zeros(3)}):
        other = Collector(SPACE, ())
        other.add(rows, 0, 3)
        other.add(damaged, 0, 3)
        other.end_episode(6)
        assert other.found([6]) is None
    whole.give_up()
    assert whole.found([2]) is None
    assert Collector(SPACE, {"a", "b"}).found([]) is None


def test_rows_are_copied() -> None:
    rows: dict[str, Any] = {"a": np.zeros(3, np.float32), "b": np.zeros((3, 2), np.int64)}
    collector = Collector(SPACE, ())
    collector.add(rows, 0, 3)
    rows["a"][:] = 9
    collector.end_episode(3)
    found = collector.found([3])
    assert found is not None
    assert found.summaries()["a"]["max"] == 0
