"""Datasets and their episodes: whoever looks at which part, the statistics are the same."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.statistics import DatasetAccumulator, Statistics
from unienv_data.statistics import dataset as dataset_module
from unienv_data.statistics import held as held_module

SPACES = {
    "state": array_space(np.dtype(np.float32), (2,)),
    "image": array_space(np.dtype(np.uint8), (4, 4, 3)),
    "reward": array_space(np.dtype(np.float64), ()),
    "done": array_space(np.dtype(bool), ()),
    "task": text_space(),
}
LENGTHS = [3, 1, 6, 2]


def rows(episode: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(episode)
    count = LENGTHS[episode]
    return {
        "state": rng.normal(size=(count, 2)).astype(np.float32),
        "image": rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8),
        "reward": rng.normal(size=count),
        "done": np.arange(count) == count - 1,
        "task": np.array(["x"] * count, dtype=object),
    }


def of_episodes(episodes: range, columns: list[str] | None = None) -> DatasetAccumulator:
    found = DatasetAccumulator({name: SPACES[name] for name in columns or SPACES})
    for episode in episodes:
        values = rows(episode)
        for start in range(0, LENGTHS[episode], 2):
            found.add({name: part[start : start + 2] for name, part in values.items()})
        found.end_episode(LENGTHS[episode])
    return found


def statistics(found: DatasetAccumulator) -> Statistics:
    return Statistics(found.summaries(), 12, 0, 12, None, frozenset({"done"}))


def same(first: DatasetAccumulator, second: DatasetAccumulator) -> None:
    assert statistics(first).columns.keys() == statistics(second).columns.keys()
    for path, summary in first.summaries().items():
        other = second.summaries()[path]
        assert summary.count == other.count
        for name, numbers in (summary.numbers or {}).items():
            np.testing.assert_allclose(numbers, other[name], rtol=1e-12, err_msg=f"{path}/{name}")
    table = second.episodes.table()
    mine = first.episodes.table().select(table.column_names)
    for name in table.column_names:
        one, other = ([*map(np.asarray, each[name].to_pylist())] for each in (mine, table))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15, err_msg=name)


def test_parts_that_are_merged() -> None:
    whole = of_episodes(range(4))
    merged = of_episodes(range(1))
    merged.merge(of_episodes(range(1, 3)))
    merged.merge(of_episodes(range(3, 4)))
    same(whole, merged)


def test_parts_travel_between_processes() -> None:
    merged = of_episodes(range(1))
    for episode in range(1, 4):
        merged.merge(pickle.loads(pickle.dumps(of_episodes(range(episode, episode + 1)))))
    same(of_episodes(range(4)), merged)


def test_columns_beside_one_another() -> None:
    some = of_episodes(range(4), ["state", "task"])
    others = of_episodes(range(4), ["image", "reward", "done"])
    same(some.beside(others), of_episodes(range(4)))


def test_episodes() -> None:
    table = of_episodes(range(4)).episodes.table()
    assert table["length"].to_pylist() == LENGTHS
    assert table["task/count"].to_pylist() == LENGTHS
    assert "task/mean" not in table.column_names
    for episode in range(4):
        values = rows(episode)
        np.testing.assert_allclose(table["state/mean"][episode].as_py(), values["state"].mean(0), rtol=1e-6)
        np.testing.assert_allclose(table["reward/q90"][episode].as_py(), np.quantile(values["reward"], 0.9))
        np.testing.assert_allclose(
            table["image/std"][episode].as_py(), (values["image"] / 255).std((0, 1, 2)), rtol=1e-9
        )


@pytest.mark.parametrize("held", [0, 1, 7, 20])
def test_however_much_waits(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    whole = of_episodes(range(4))
    whole.summaries()
    for module in (held_module, dataset_module):
        monkeypatch.setattr(module, "HELD_NUMBERS", held)
    found = of_episodes(range(4))
    close(found, whole)
    merged = of_episodes(range(2))
    merged.merge(of_episodes(range(2, 4)))
    close(merged, whole)


def test_an_episode_with_what_is_no_number() -> None:
    found = DatasetAccumulator(SPACES)
    for episode in range(3):
        values = rows(episode)
        values["reward"][0] = [np.nan, 1.0, np.inf][episode]
        found.add(values)
        found.end_episode(LENGTHS[episode])
    table = found.episodes.table()
    expected = rows(0)["reward"][1:].mean()
    np.testing.assert_allclose(table["reward/mean"].to_pylist(), [expected, 1.0, np.inf])
    nans = found.summaries()["reward"].nans
    assert nans is not None
    assert nans.item() == 1


def close(first: DatasetAccumulator, second: DatasetAccumulator) -> None:
    mine, theirs = first.episodes.table(), second.episodes.table()
    assert mine.column_names == theirs.column_names
    for name in mine.column_names:
        one, other = ([*map(np.asarray, table[name].to_pylist())] for table in (mine, theirs))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15, err_msg=name)
    for path, summary in first.summaries().items():
        for name, numbers in (summary.numbers or {}).items():
            np.testing.assert_allclose(numbers, second.summaries()[path][name], rtol=1e-12)


def test_rows_of_no_episode_count_for_the_whole() -> None:
    found = DatasetAccumulator(SPACES)
    found.add(rows(0))
    found.end_rows()
    found.add(rows(1))
    found.end_episode(1)
    assert found.summaries()["reward"].count == 4
    assert found.episodes.lengths == [1]


def test_a_document_gives_back_what_it_was_given() -> None:
    found = DatasetAccumulator(SPACES)
    values = rows(2)
    values["reward"][:2] = np.nan, np.inf
    found.add(values)
    found.end_episode(6)
    before = statistics(found)
    after = Statistics.from_bytes(before.to_bytes(), "here")
    assert (after.rows, after.start, after.stop, after.booleans) == (12, 0, 12, frozenset({"done"}))
    for path, summary in before.columns.items():
        other = after.columns[path]
        assert (summary.count, summary.shape, summary.scale) == (other.count, other.shape, other.scale)
        for name, numbers in (summary.numbers or {}).items():
            np.testing.assert_array_equal(numbers, other[name], err_msg=f"{path}/{name}")
    assert after.columns["reward"].nans is not None
    assert list(after) == ["state", "image", "reward"]
    assert "done" not in after
    assert after.columns["done"]["mean"] == 1 / 6


def test_short_episodes_of_pictures_and_wide_numbers() -> None:
    spaces = {
        "image": array_space(np.dtype(np.uint8), (20, 16, 3)),
        "stamp": array_space(np.dtype(np.int64), ()),
        "far": array_space(np.dtype(np.float64), (2,)),
    }
    rng = np.random.default_rng(0)
    lengths = [4, 1, 0, 7]
    values = [
        {
            "image": rng.integers(9 * number, 200, (length, 20, 16, 3), dtype=np.uint8),
            "stamp": rng.integers(0, 9, length) + 2**62 + 1,
            "far": rng.normal(size=(length, 2)) + 1e9,
        }
        for number, length in enumerate(lengths)
    ]
    found = DatasetAccumulator(spaces)
    for part, length in zip(values, lengths, strict=True):
        found.add(part)
        found.end_episode(length)
    table = found.episodes.table()
    assert table["image/count"].to_pylist() == lengths
    assert table["image/mean"][2].as_py() is None
    for episode in (0, 1, 3):
        frames = values[episode]["image"] / 255
        for name, made in (("mean", np.mean), ("std", np.std), ("min", np.min), ("max", np.max)):
            np.testing.assert_allclose(table[f"image/{name}"][episode].as_py(), made(frames, (0, 1, 2)))
        ninth = np.quantile(frames, 0.9, (0, 1, 2))
        np.testing.assert_allclose(table["image/q90"][episode].as_py(), ninth, rtol=1e-12)
    summaries = found.summaries()
    stamps = np.concatenate([part["stamp"] for part in values])
    assert int(summaries["stamp"]["min"]) == stamps.min(), "whole, beyond 2**53"
    assert int(summaries["stamp"]["max"]) == stamps.max()
    far = np.concatenate([part["far"] for part in values])
    np.testing.assert_allclose(summaries["far"]["mean"], far.mean(0), rtol=1e-15)
    np.testing.assert_allclose(summaries["far"]["std"], (far - 1e9).std(0), rtol=1e-6)
    frames = np.concatenate([part["image"] for part in values]) / 255
    np.testing.assert_allclose(summaries["image"]["q10"].reshape(-1), np.quantile(frames, 0.1, (0, 1, 2)))
