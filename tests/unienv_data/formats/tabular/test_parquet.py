"""Row ranges of Parquet files, in any order, against the whole table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data.errors import ConversionError
from unienv_data.formats import Source
from unienv_data.formats.tabular.parquet import ParquetRows, read_table

ROWS = 40


@pytest.fixture(scope="module", params=[3, 16, 100])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "x.parquet"
    table = pa.table({"n": range(ROWS), "text": [str(row) for row in range(ROWS)], "other": [0] * ROWS})
    pq.write_table(table, path, row_group_size=request.param)
    return path


RANGES = st.lists(st.tuples(st.integers(0, ROWS), st.integers(0, ROWS)).map(sorted), max_size=8)


@settings(deadline=None)
@given(ranges=RANGES, batch_rows=st.integers(1, 50))
def test_any_ranges(file: Path, ranges: list[list[int]], batch_rows: int) -> None:
    rows = ParquetRows(Source(str(file.parent)), file.name, ["text", "n"], batch_rows)
    try:
        assert len(rows) == ROWS
        for start, stop in ranges:
            table = rows.read(start, stop)
            assert table.column_names == ["text", "n"]
            assert table["n"].to_pylist() == list(range(start, stop))
            assert table["text"].to_pylist() == [str(row) for row in range(start, stop)]
    finally:
        rows.close()


def test_rows_that_are_not_there(file: Path) -> None:
    rows = ParquetRows(Source(str(file.parent)), file.name, ["n"], 8)
    with pytest.raises(ConversionError, match=r"x\.parquet: rows 30 to 41 are needed; it has 40"):
        rows.read(30, 41)
    rows.close()
    rows.close()


def test_small_tables(file: Path) -> None:
    source = Source(str(file.parent))
    assert read_table(source, file.name, ["n"])["n"].to_pylist() == list(range(ROWS))
    assert read_table(source, file.name).num_columns == 3


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100), bytes(1000)])
def test_no_parquet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "y.parquet").write_bytes(content)
    with pytest.raises(ConversionError, match=r"y\.parquet: damaged Parquet file"):
        read_table(Source(str(tmp_path)), "y.parquet")
