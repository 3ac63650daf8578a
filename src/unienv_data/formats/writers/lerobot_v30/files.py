"""How LeRobot numbers its files, and when the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CHUNK_FILES", "DATA_MB", "VIDEO_MB", "DataFiles", "Place"]

CHUNK_FILES = 1000
"""Files in a chunk folder."""
DATA_MB = 100
"""How large a data file may become before another one begins, in MiB as all of LeRobot's are."""
VIDEO_MB = 200
"""The same, of videos."""
GROUP_BYTES = 16 << 20
"""How many bytes of an episode's rows wait for a row group at most."""


@dataclass(frozen=True)
class Place:
    """Where a file stands among its kind.

    Args:
        number: counted from 0.
    """

    number: int

    @property
    def chunk(self) -> int:
        """Of the folder."""
        return self.number // CHUNK_FILES

    @property
    def file(self) -> int:
        """Within the folder."""
        return self.number % CHUNK_FILES

    def path(self, folder: Path, ending: str) -> Path:
        """Its path, of which the folder is made."""
        path = folder / f"chunk-{self.chunk:03d}" / f"file-{self.file:03d}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class DataFiles:
    """The Parquet files of the rows, of which one is open at a time. An episode is in one of them.

    Args:
        folder: `data` of the dataset.
        schema: of the rows.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._path = folder
        self.place = Place(0)

    def write(self, rows: pa.Table) -> None:
        """Take rows of the open episode."""
        self._waiting.append(rows)
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes >= GROUP_BYTES:
            self._flush()

    def end_episode(self) -> Place:
        """Where the episode stands whose rows came since the last end. The next one may stand elsewhere."""
        self._flush()
        place = self.place
        if self._writer is not None and self._path.stat().st_size >= DATA_MB << 20:
            self.close()
            self.place = Place(place.number + 1)
        return place

    def close(self) -> None:
        """Close the open file. May be called twice."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._path = self.place.path(self._folder, ".parquet")
            options: dict[str, Any] = {"compression": "snappy", "use_dictionary": True}
            self._writer = pq.ParquetWriter(self._path, self._schema, **options)
        table = pa.concat_tables(self._waiting)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting.clear()
        self._waiting_bytes = 0
