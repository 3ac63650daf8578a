"""Any datasets of any layout, read in any slices and from anywhere, are what h5py reads."""

from __future__ import annotations

import io
from typing import Any

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.formats import Source, open_reader
from unienv_data.formats.hdf5.reader import Span

h5py = pytest.importorskip("h5py")

DTYPES = ("f2", "f4", ">f8", "i1", ">i2", "i8", "u1", "u2", ">u8", "?")
URL = "memory://unienv-data-hdf5/x.hdf5"

layouts = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(DTYPES),
        "shape": st.lists(st.integers(1, 4), max_size=3).map(tuple),
        "chunk": st.none() | st.integers(1, 9),
        "gzip": st.booleans(),
        "final": st.booleans(),
    }
)


def write(lengths: list[int], columns: list[dict[str, Any]]) -> bytes:
    rng = np.random.default_rng(7)
    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        for number, length in enumerate(lengths):
            group = file.create_group(f"data/demo_{number}")
            group.attrs["num_samples"] = length
            for place, layout in enumerate(columns):
                shape = (length + layout["final"], *layout["shape"])
                values = rng.integers(0, 2 if layout["dtype"] == "?" else 100, shape).astype(layout["dtype"])
                options: dict[str, Any] = {}
                if layout["chunk"] is not None and values.size:
                    options["chunks"] = (min(layout["chunk"], shape[0]), *layout["shape"])
                    options["compression"] = "gzip" if layout["gzip"] else None
                group.create_dataset(f"obs/c{place}", data=values, **options)
    return packed.getvalue()


@settings(max_examples=40)
@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any),
    columns=st.lists(layouts, min_size=1, max_size=4),
    target=st.sampled_from([1, 40, 300, 1 << 20]),
    data=st.data(),
)
def test_any_layout(lengths: list[int], columns: list[dict[str, Any]], target: int, data: Any) -> None:
    content = write(lengths, columns)
    fsspec.filesystem("memory").pipe(URL, content)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(lengths) - 1))))
    with open_reader(Source(URL)) as reader, h5py.File(io.BytesIO(content)) as file:
        facts = reader.facts()
        assert facts.lengths == tuple(lengths)
        assert [column.has_final for column in facts.columns] == [layout["final"] for layout in columns]
        names = [column.name for column in facts.columns]
        reader.check(names, range(len(lengths)))
        with_rows = [number for number in chosen if lengths[number]]
        found = read_columns(reader, names, chosen, target) if with_rows else {}
        for name, values in found.items():
            expected = np.concatenate([file[f"data/demo_{number}/{name}"][()] for number in with_rows])
            assert values.dtype == expected.dtype.newbyteorder("=")
            np.testing.assert_array_equal(values, expected)


@given(
    ranges=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), min_size=1, max_size=3),
    rows=st.integers(1, 40),
)
def test_slices_cover_a_span_in_order(ranges: list[tuple[int, int]], rows: int) -> None:
    pairs = tuple((start, start + count) for start, count in ranges)
    span = Span("x", "", sum(count for _, count in ranges), pairs)
    done, read = 0, []
    for first, start, stop in span.slices(rows):
        assert first == done
        assert 0 < stop - start <= rows
        done += stop - start
        read += range(start, stop)
    assert read == [row for start, stop in pairs for row in range(start, stop)]


def test_a_dataset_of_many_short_episodes_is_not_read_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from unienv_data.formats.hdf5 import columns

    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        for name in ("observations", "actions"):
            file[name] = np.arange(3000.0).reshape(1000, 3)
        file["rewards"] = np.arange(1000.0)
        file["terminals"] = np.arange(1000) % 5 == 4
        file["timeouts"] = np.zeros(1000, bool)
    fsspec.filesystem("memory").pipe(URL, packed.getvalue())
    reads: list[tuple[int, int]] = []
    read = columns.NumberColumn.read

    def counted(self: Any, dataset: Any, start: int, stop: int, where: str) -> Any:
        reads.append((start, stop))
        return read(self, dataset, start, stop, where)

    monkeypatch.setattr(columns.NumberColumn, "read", counted)
    facts, found = read_all(URL)
    assert len(facts.lengths) == 200
    np.testing.assert_array_equal(found["rewards"], np.arange(1000.0))
    assert reads == [(0, 1000)] * 5
    reads.clear()
    with open_reader(Source(URL)) as reader:
        list(reader.chunks(["rewards"], [3, 4, 9, 10, 11]))
    assert reads == [(15, 25), (45, 60)], "nothing is read that is not asked for"
