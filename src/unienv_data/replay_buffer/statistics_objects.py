"""Where the statistics of a dataset are kept: a document, and beside it a table of its episodes.

`stats/<number of the commit>-<token>.json` and, of the same name, `.parquet`. Both are immutable, as
everything that a commit names.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from unienv_data.checksum import crc32c
from unienv_data.errors import CorruptDataError
from unienv_data.statistics import Statistics
from unienv_data.store.objects import ObjectStore, read_checked

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["copy_statistics", "read_episodes", "read_statistics", "write_statistics"]

_FOLDER = "stats"


def write_statistics(
    objects: ObjectStore, number: int, episodes: pa.Table | None, make: Callable[[str | None], Statistics]
) -> str:
    """Write statistics; returns the name of the document.

    Args:
        objects: where the dataset stands.
        number: the commit that will name it.
        episodes: the statistics of each episode; None where they are not kept.
        make: the statistics, given the name of the table of episodes.
    """
    data = None if episodes is None else _to_parquet(episodes)
    name = f"{_FOLDER}/{number:020d}-{secrets.token_hex(12)}{crc32c(data or b''):08x}"
    table = None if data is None else f"{name}.parquet"
    if data is not None:
        objects.write(f"{name}.parquet", [data])
    objects.write(f"{name}.json", [make(table).to_bytes()])
    return f"{name}.json"


def read_statistics(objects: ObjectStore, name: str) -> Statistics:
    """The statistics of a document.

    Raises:
        CorruptDataError: it is missing or damaged.
        DocumentError: it breaks the schema.
    """
    place = f"{objects.url}/{name}"
    try:
        return read_checked(objects, name, lambda data: Statistics.from_bytes(data, place))
    except FileNotFoundError as exc:
        raise CorruptDataError(f"{place}: missing, but a commit refers to it") from exc


def read_episodes(objects: ObjectStore, name: str) -> pa.Table:
    """The table that stands beside a document.

    Raises:
        CorruptDataError: it is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = f"{objects.url}/{name}"

    def decode(data: bytes) -> pa.Table:
        if name.removesuffix(".parquet")[-8:] != f"{crc32c(data):08x}":
            raise CorruptDataError(f"{place}: checksum does not match")
        return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)

    try:
        return read_checked(objects, name, decode)
    except FileNotFoundError as exc:
        raise CorruptDataError(f"{place}: missing, but statistics refer to it") from exc


def copy_statistics(source: ObjectStore, target: ObjectStore, name: str) -> str:
    """Write the statistics of a dataset to a copy of it; returns the name of the document."""
    table = read_statistics(source, name).episodes_object
    for each in (name, table):
        if each is not None:
            target.write(each, [source.read(each)])
    return name


def _to_parquet(table: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    # Hardly a number is there twice, and nobody looks for a row by one.
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=False)
    return bytes(sink.getvalue().to_pybytes())
