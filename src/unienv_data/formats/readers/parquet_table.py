"""The reader of generic Parquet: a file or a folder of them, of which a column tells episodes apart."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.formats.tables.parts import Part, PartRows, in_natural_order
from unienv_data.formats.tables.reader import TableReader
from unienv_data.formats.tabular.about import About
from unienv_data.formats.tabular.parquet import ParquetRows, open_parquet

__all__ = ["ParquetReader"]

FOOTER_KEY = b"unienv_data"
FOOTERS_AT_ONCE = 8
_ENDINGS = (".parquet", ".pq")
_OTHERS = ("meta/info.json", "metadata.json", "state.json", "dataset_dict.json")
_OTHER_FOLDERS = ("storage/", "commits/")
_VIDEOS = (".mp4", ".mkv", ".avi", ".webm", ".mov")


class ParquetReader(TableReader):
    """Reads Parquet files that are no other format's."""

    name = "parquet"
    title = "Parquet"
    layout = "a .parquet file, or a folder of them"
    extensions = _ENDINGS

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are Parquet files, and nothing that makes them another format's."""
        if source.is_file:
            return source.label.lower().endswith(_ENDINGS)
        names = source.files
        if any(name in names for name in _OTHERS) or any(name.startswith(_OTHER_FOLDERS) for name in names):
            return False
        return bool(_parquet_files(source)) and not any(name.lower().endswith(_VIDEOS) for name in names)

    def load_parts(self) -> Sequence[Part]:
        """The files in order, their footers read."""
        names = [""] if self._source.is_file else _parquet_files(self._source)
        if not names:
            raise ConversionError(f"{self._source.where()}: there are no Parquet files")
        with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
            return list(pool.map(lambda name: _ParquetPart(self._source, name), names))

    def about(self, first: Part) -> About:
        """What the footer says, where a writer of ours wrote it."""
        return About.of((first.schema.metadata or {}).get(FOOTER_KEY))


class _ParquetPart(Part):
    def __init__(self, source: Source, name: str) -> None:
        self.name = name
        self.split = None
        self._source = source
        with open_parquet(source, name) as file:
            self.rows = file.metadata.num_rows
            self.schema = file.schema_arrow

    def open(self, columns: Sequence[str], batch_rows: int) -> PartRows:
        return _ParquetPartRows(ParquetRows(self._source, self.name, columns, batch_rows))


class _ParquetPartRows(PartRows):
    def __init__(self, rows: ParquetRows) -> None:
        self._rows = rows

    def read(self, start: int, stop: int) -> pa.Table:
        return self._rows.read(start, stop)

    def close(self) -> None:
        self._rows.close()


def _parquet_files(source: Source) -> list[str]:
    """Those of a folder, but hidden ones, which tools keep for themselves."""
    found = [name for name in source.files if name.lower().endswith(_ENDINGS)]
    return in_natural_order(n for n in found if not any(part[0] in "._" for part in n.split("/")))
