"""The digest of an episode: of its rows alone, whatever cut them, and of no others."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.columns import columns_of
from unienv_data.conversion.appending.identity import NO_ROWS, digest_of
from unienv_data.conversion.appending.sums import EpisodeSums
from unienv_data.formats.base import space_of
from unienv_data.formats.tabular.arrow import array_space, text_space

SPACE = space_of(
    {
        ("state",): array_space(np.dtype(np.float32), (3,)),
        ("done",): array_space(np.dtype(bool), ()),
        ("arm", "pose"): array_space(np.dtype(np.int16), (2, 5)),
        ("none",): array_space(np.dtype(np.float64), (0,)),
        ("task",): text_space(),
    }
)
NAMES = ("state", "done", "arm", "none", "task")


def rows(count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    texts = np.empty(count, dtype=object)
    texts[:] = [f"tâsk {n // 3}" for n in range(count)]
    return {
        "state": rng.normal(size=(count, 3)).astype(np.float32),
        "done": rng.random(count) < 0.5,
        "arm": {"pose": rng.integers(-9, 9, (count, 2, 5)).astype(np.int16)},
        "none": np.zeros((count, 0)),
        "task": texts,
    }


def digest(value: dict[str, Any], count: int, cuts: Any = ()) -> str:
    columns = columns_of(SPACE).encode(value, count)
    sums = EpisodeSums(NAMES)
    edges = [0, *sorted(cuts), count]
    for start, stop in pairwise(edges):
        sums.add(7, columns, start, start, stop)
    return digest_of(sums.of_each().get(7, NO_ROWS), "")


@given(st.integers(1, 40), st.data())
def test_how_it_is_cut_does_not_matter(count: int, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(0, count)))
    assert digest(rows(count), count, cuts) == digest(rows(count), count)


def test_the_digest_stays_what_it_is() -> None:
    """It stands in tables of episodes: another computation would add them all again."""
    assert digest(rows(10), 10) == "453861db880dc76e551487a486029102"


def changed(name: str, value: dict[str, Any]) -> dict[str, Any]:
    match name:
        case "a number":
            value["state"][3, 1] = np.nextafter(value["state"][3, 1], np.float32(9))
        case "a sign of zero":
            value["state"][3, 1] = -0.0
        case "a flag":
            value["done"][7] ^= True
        case "deep inside":
            value["arm"]["pose"][9, 1, 4] += 1
        case "a text":
            value["task"][0] = "tâsk  0"
        case "two rows":
            value["state"][[2, 5]] = value["state"][[5, 2]]
        case "two columns of a row":
            value["state"][4, [0, 1]] = value["state"][4, [1, 0]]
    return value


@pytest.mark.parametrize(
    "what", ["a number", "a flag", "deep inside", "a text", "two rows", "two columns of a row"]
)
def test_whatever_differs_changes_it(what: str) -> None:
    assert digest(changed(what, rows(10)), 10) != digest(rows(10), 10)


def test_bits_count() -> None:
    value = rows(10)
    value["state"][3, 1] = 0.0
    assert digest(changed("a sign of zero", {**value, "state": value["state"].copy()}), 10) != digest(
        value, 10
    )


def test_lengths_count() -> None:
    whole = columns_of(SPACE).encode(rows(10), 10)
    sums = EpisodeSums(NAMES)
    sums.add(0, whole, 0, 0, 9)
    sums.add(1, whole, 0, 0, 10)
    found = sums.of_each()
    assert digest_of(found[0], "") != digest_of(found[1], "")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 900)), max_size=30))
def test_episodes_side_by_side_are_summed_up_each_by_itself(parts: list[tuple[int, int]]) -> None:
    columns = columns_of(SPACE).encode(rows(900), 900)
    together = EpisodeSums(NAMES)
    apart = [EpisodeSums(NAMES) for _ in range(4)]
    for place, (episode, count) in enumerate(parts):
        for sums in (together, apart[episode]):
            sums.add(episode, columns, place, 0, count)
    each = [sums.of_each() for sums in apart]
    assert together.of_each() == {episode: total for found in each for episode, total in found.items()}


def test_what_is_no_number_is_told_by_its_source() -> None:
    nothing = (0, 0, 12, 0)
    assert digest_of(nothing, "toy/0") == digest_of(nothing, "toy/0") != digest_of(nothing, "toy/1")
    something = (1, 2, 12, 3)
    assert digest_of(something, "toy/0") == digest_of(something, "elsewhere/7")


def test_no_two_of_many_are_alike() -> None:
    assert len({digest(rows(3, seed), 3) for seed in range(300)}) == 300
