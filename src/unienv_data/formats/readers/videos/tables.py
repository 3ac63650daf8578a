"""Small tables: CSV, JSON lines and Parquet, read whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.parquet import read_table as read_parquet

__all__ = ["TABLES", "VIDEOS", "is_table", "is_video", "load_table", "stem_of"]

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
VIDEOS = (".mp4", ".mkv", ".avi", ".webm", ".mov")


def is_table(name: str) -> bool:
    """Whether a file is called as tables are."""
    return name.lower().endswith(TABLES)


def is_video(name: str) -> bool:
    """Whether a file is called as videos are."""
    return name.lower().endswith(VIDEOS)


def stem_of(name: str) -> str:
    """The last part of a file's name without its ending.

    Example:
        >>> stem_of("left/episode_3.mp4")
        'episode_3'
    """
    return name.rpartition("/")[2].rpartition(".")[0]


def load_table(source: Source, name: str) -> pa.Table:
    """A whole table; the types of columns of text files are those that all their values have.

    Raises:
        ConversionError: it is missing, damaged, or empty.
    """
    kind = name.lower().rpartition(".")[2]
    with _reading(source, name):
        if kind == "parquet":
            table = read_parquet(source, name)
        else:
            with source.open(name) as file:
                data = io.BytesIO(file.read())
            if kind == "jsonl":
                table = pa.json.read_json(data)
            else:
                options = pa.csv.ParseOptions(
                    delimiter="\t" if kind == "tsv" else ",", newlines_in_values=True
                )
                table = pa.csv.read_csv(data, parse_options=options)
    if not table.num_columns:
        raise ConversionError(f"{source.where(name)}: the table has no columns")
    return table.replace_schema_metadata(None)


@contextmanager
def _reading(source: Source, name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as exc:
        raise ConversionError(f"{source.where(name)}: not a table that can be read: {exc}") from exc
