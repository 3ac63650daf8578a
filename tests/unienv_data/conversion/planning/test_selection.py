"""Which columns, episodes and codecs patterns and ranges mean."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.conversion.planning.selection import (
    choose_by_pattern,
    choose_columns,
    choose_episodes,
    stored_names,
)
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, SourceColumn
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.tabular.arrow import array_space

NAMES = ["observation.image.top", "observation.image.left", "observation.state", "action", "a", "a.b", "x/y"]


def facts(names: list[str] = NAMES, **unreadable: str) -> Facts:
    space = array_space(np.dtype(np.float32), ())
    return Facts(
        format="toy",
        version="1",
        columns=tuple(SourceColumn(name, path, space) for name, path in nested_paths(names).items()),
        episodes=pa.table({"length": [1]}),
        source_bytes=1,
        unreadable=unreadable,
    )


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        ([], [], NAMES),
        (["observation.*"], [], NAMES[:3]),
        (["observation/*"], [], NAMES[:3]),
        (["observation"], [], NAMES[:3]),
        (["observation/image"], [], NAMES[:2]),
        (["observation/*"], ["observation/image"], ["observation.state"]),
        (["**/top", "action"], [], ["observation.image.top", "action"]),
        (["*.top"], [], ["observation.image.top"]),
        (["a"], [], ["a"]),
        (["a.b"], [], ["a.b"]),
        (["x/y"], [], ["x/y"]),
        ([], ["observation", "a*", "x/y"], []),
    ],
)
def test_columns(include: list[str], exclude: list[str], chosen: list[str]) -> None:
    if chosen:
        assert [column.name for column in choose_columns(facts(), include, exclude)] == chosen
    else:
        with pytest.raises(ConversionError, match="no column is left"):
            choose_columns(facts(), include, exclude)


@pytest.mark.parametrize(("include", "exclude"), [(["observatoin.*"], []), ([], ["observatoin.*"])])
def test_a_pattern_that_means_nothing(include: list[str], exclude: list[str]) -> None:
    with pytest.raises(ConversionError, match=r"no column matches 'observatoin\.\*'; .*observation/state"):
        choose_columns(facts(), include, exclude)


def test_columns_that_cannot_be_held_are_left_out_by_name_only() -> None:
    known = facts(["action"], **{"obs.when": "the column obs.when has the Arrow type timestamp"})
    with pytest.raises(ConversionError, match=r"type timestamp\. .* leave it out: --exclude 'obs.when'"):
        choose_columns(known)
    for pattern in ("obs.*", "obs/*", "obs", "**/when"):
        with pytest.raises(ConversionError, match="timestamp"):
            choose_columns(known, [pattern, "action"])
    assert [column.name for column in choose_columns(known, ["action"])] == ["action"]
    assert [column.name for column in choose_columns(known, [], ["obs"])] == ["action"]


BOUND = st.none() | st.integers(-8, 8)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), BOUND, BOUND)
def test_ranges_count_as_slices(lengths: list[int], start: int | None, stop: int | None) -> None:
    spec = f"{'' if start is None else start}:{'' if stop is None else stop}"
    want = [episode for episode in range(len(lengths))[start:stop] if lengths[episode]]
    if want:
        assert choose_episodes(spec, lengths) == want
    else:
        with pytest.raises(ConversionError, match="there are no rows"):
            choose_episodes(spec, lengths)


def test_single_episodes() -> None:
    assert choose_episodes("1", [1, 1, 1]) == [1]
    assert choose_episodes(" -1 ", [1, 1, 1]) == [2]
    assert choose_episodes(None, [1, 0, 1]) == [0, 2]
    for spec in ("3", "-4"):
        with pytest.raises(ConversionError, match="the source has 3 episodes, 0 to 2"):
            choose_episodes(spec, [1, 1, 1])


@pytest.mark.parametrize("spec", ["", " ", "a", "1:2:3", "1-2", "1,2", "0x1", "--1"])
def test_what_is_no_range(spec: str) -> None:
    with pytest.raises(ConversionError, match="a range such as"):
        choose_episodes(spec, [1, 1])


def test_no_rows_at_all() -> None:
    with pytest.raises(ConversionError, match="there are no rows in the source"):
        choose_episodes(None, [0, 0])


def test_names_in_the_store() -> None:
    names = stored_names(choose_columns(facts()))
    assert names["observation.state"] == "observation/state"
    assert names["x/y"] == "x%2Fy"
    assert names["a.b"] == "a.b"
    assert len(set(names.values())) == len(names)


def test_of_several_codecs_the_last_counts() -> None:
    columns = choose_columns(facts())
    assert choose_by_pattern(
        columns, {"observation": "lz4", "observation.state": "raw", "x/y": "zstd:9"}
    ) == {
        "observation.image.top": "lz4",
        "observation.image.left": "lz4",
        "observation.state": "raw",
        "x/y": "zstd:9",
    }
    with pytest.raises(ConversionError, match="no column matches 'act', to which 'raw' was given"):
        choose_by_pattern(columns, {"act": "raw"})
