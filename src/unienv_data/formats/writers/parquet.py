"""Parquet tables with a column that tells episodes apart: one file, or a folder of parts.

Columns are called by their paths with dots. Numbers keep their dtype: a number a row, or lists nested as deep
as its shape, whose lengths the file's Arrow schema fixes. Frames are PNG files in struct<bytes, path>, what
Hugging Face's Image feature is, unless lists are asked for. The footer's entry `unienv_data`, strict JSON,
says what else is known of the columns and of each episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.tabular.plain import PlainColumn, episode_rows, plain_columns, strict_json
from unienv_data.formats.writer import Writer
from unienv_data.formats.writers.cells import IMAGE_TYPE, arrow_type, image_cells, numbers
from unienv_interface._optional import import_optional

__all__ = ["ParquetWriter"]

FILE_BYTES = 256 << 20
"""How large a part may become before another one begins, at the next episode."""
GROUP_BYTES = 16 << 20
"""How many bytes of rows, uncompressed, wait for a row group at most."""
FOOTER_KEY = "unienv_data"
_CODECS = ("zstd", "snappy", "gzip", "lz4", "none")
_IMAGES = ("png", "lists")


class ParquetWriter(Writer):
    """Writes Parquet files.

    Args:
        place: a name that ends in .parquet makes one file, any other a folder of parts.
        facts: of what will be written.
        episode_column: what the column of the episodes' numbers is called.
        images: `png` or `lists`.
        codec: of Parquet.
    """

    name = "parquet"
    title = "Parquet"
    extensions = (".parquet",)
    extra = "images"
    option_help: ClassVar[Mapping[str, str]] = {
        "codec": "how Parquet packs its pages: zstd, the default; snappy, gzip, lz4, none",
        "episode_column": "what the column with each row's episode is called; episode_index by default",
        "images": "png, files in cells, the default; or lists of numbers, which take much more space",
    }
    members = ("part-*.parquet",)

    def __init__(self, place: Path, facts: Facts, episode_column: str, images: str, codec: str) -> None:
        self._place = place
        self._is_file = place.name.lower().endswith(".parquet")
        self._columns = _columns(facts, episode_column)
        self._as_images = [column.source for column in self._columns if images == "png" and column.is_frame]
        self._facts = facts
        self._episode_column = episode_column
        self._codec: Any = codec
        self._file: pq.ParquetWriter | None = None
        self._path = place
        self._parts = 0
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        if not self._is_file:
            place.mkdir()

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        episode_column, images, _ = _choices(check_options(cls, options))
        if images == "png" and any(column.is_frame for column in _columns(facts, episode_column)):
            import_optional("imagecodecs", extra="images")

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a file, where the place's name ends in .parquet, or of a folder of parts."""
        return cls(place, facts, *_choices(check_options(cls, options)))

    def write(self, chunk: Chunk) -> None:
        cells: dict[str, Any] = {
            self._episode_column: pa.array(np.full(chunk.rows, chunk.episode, dtype=np.int64))
        }
        for column in self._columns:
            values = column.checked(chunk.columns[column.source], chunk.rows)
            cells[column.name] = image_cells(values) if column.source in self._as_images else numbers(values)
        table = pa.table(cells, schema=self._schema)
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= GROUP_BYTES:
            self._flush()
        parts = chunk.ends_episode and not self._is_file and self._file is not None
        if parts and self._path.stat().st_size >= FILE_BYTES:
            self._end_file()

    def finish(self) -> None:
        self._flush()
        self._end_file()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _schema(self) -> pa.Schema:
        fields: list[pa.Field[Any]] = [pa.field(self._episode_column, pa.int64())]
        for column in self._columns:
            is_image = column.source in self._as_images
            type_ = IMAGE_TYPE if is_image else arrow_type(column.dtype, column.shape)
            fields.append(pa.field(column.name, type_))
        about = {
            "episode_column": self._episode_column,
            "attributes": dict(self._facts.attributes),
            "columns": {
                each.name: dict(each.column.attributes) for each in self._columns if each.column.attributes
            },
            "episodes": episode_rows(self._facts),
        }
        images = {c.name: {"_type": "Image"} for c in self._columns if c.source in self._as_images}
        metadata: dict[bytes | str, bytes | str] = {FOOTER_KEY: strict_json(about)}
        return pa.schema(fields, metadata={**metadata, **_hugging_face(fields, images)})

    def _flush(self) -> None:
        """Write what waits as a row group."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        if self._file is None:
            name = f"part-{self._parts:05d}.parquet"
            self._path = self._place if self._is_file else self._place / name
            self._parts += 1
            self._file = pq.ParquetWriter(self._path, table.schema, compression=self._codec)
        self._file.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _end_file(self) -> None:
        self._flush()
        self.close()


def _hugging_face(fields: list[pa.Field[Any]], images: Mapping[str, Any]) -> dict[bytes | str, bytes | str]:
    """What makes Hugging Face's `datasets` decode the cells with pictures; nothing where there are none."""
    if not images:
        return {}
    features = {each.name: images.get(each.name) or _feature(each.type) for each in fields}
    return {"huggingface": strict_json({"info": {"features": features}})}


def _feature(type_: pa.DataType) -> Any:
    if pa.types.is_fixed_size_list(type_):
        length = type_.list_size
        return {"feature": _feature(type_.value_type), "length": length, "_type": "Sequence"}
    names = {"halffloat": "float16", "float": "float32", "double": "float64"}
    return {"dtype": names.get(str(type_), str(type_)), "_type": "Value"}


def _columns(facts: Facts, episode_column: str) -> list[PlainColumn]:
    """What is written beside the episodes' numbers."""
    columns = plain_columns(facts, ParquetWriter.title)
    for column in columns:
        if 0 in column.shape:
            raise ConversionError(
                f"Parquet: the rows of {column.name} have no entries (shape {list(column.shape)}), "
                f"which Parquet loses; leave it out: --exclude '{column.name}'"
            )
        if column.name == episode_column and not _numbers_episodes(column):
            raise ConversionError(
                f"Parquet: the column {episode_column} has the name of the one that tells episodes "
                f"apart; call that one otherwise: --to-option episode_column=NAME"
            )
    return [column for column in columns if column.name != episode_column]


def _numbers_episodes(column: PlainColumn) -> bool:
    """Whether a column of this name is what is written anew: whole numbers, one a row."""
    return column.dtype is not None and column.dtype.kind in "iu" and column.shape == ()


def _choices(options: Mapping[str, str]) -> tuple[str, str, str]:
    images, codec = options.get("images", "png"), options.get("codec", "zstd")
    if images not in _IMAGES:
        raise ConversionError(f"Parquet: images is {' or '.join(_IMAGES)}, not {images!r}")
    if codec not in _CODECS:
        raise ConversionError(f"Parquet: codec is zstd, snappy, gzip, lz4 or none, not {codec!r}")
    return options.get("episode_column") or "episode_index", images, codec
