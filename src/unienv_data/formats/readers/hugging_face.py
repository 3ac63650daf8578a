"""The reader of what Hugging Face's `datasets` writes with `save_to_disk`.

Source of the layout: `datasets.Dataset.save_to_disk`: state.json names files that are Arrow streams,
dataset_info.json gives the features; a DatasetDict is a folder a split, named in dataset_dict.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.formats.tables.parts import Part, PartRows
from unienv_data.formats.tables.reader import TableReader
from unienv_data.formats.tabular.about import About
from unienv_data.formats.tabular.damaged import telling_damage
from unienv_data.formats.tabular.json_objects import read_object

__all__ = ["HuggingFaceReader"]

STATE = "state.json"
INFO = "dataset_info.json"
DICT = "dataset_dict.json"
_KEPT = ("description", "citation", "homepage", "license")
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""What ends a stream. Source: the Arrow columnar format, IPC streaming format."""


class HuggingFaceReader(TableReader):
    """Reads datasets and dictionaries of them, images included, without `datasets`."""

    name = "hugging_face"
    title = "Hugging Face save_to_disk"
    layout = f"a folder with {STATE} and {INFO}, or with {DICT}"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is a state, or a list of splits."""
        return DICT in source.files or {STATE, INFO} <= source.files.keys()

    def load_parts(self) -> Sequence[Part]:
        """The files of all splits in order."""
        return [
            _ArrowPart(self._source, prefix + name, split)
            for split, prefix in self._splits()
            for name in self._files_of(prefix)
        ]

    def _splits(self) -> list[tuple[str | None, str]]:
        """Each split, and the beginning of its files' names."""
        if DICT not in self._source.files:
            return [(None, "")]
        names = read_object(self._source, DICT).get("splits")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConversionError(f"{self._source.where(DICT)}: a list of splits was expected, not {names!r}")
        return [(name, f"{name}/") for name in names]

    def _files_of(self, prefix: str) -> list[str]:
        state = read_object(self._source, prefix + STATE)
        if state.get("_indices_data_files"):
            raise ConversionError(
                f"{self._source.where(prefix + STATE)}: the rows are chosen by a table of indices "
                f"(_indices_data_files), as old releases of `datasets` wrote it; load the dataset, call "
                f"flatten_indices() and save it again"
            )
        files = state.get("_data_files")
        names = [each.get("filename") for each in files] if isinstance(files, list) else []
        if not names or not all(isinstance(name, str) for name in names):
            raise ConversionError(f"{self._source.where(prefix + STATE)}: it names no files: {files!r}")
        gone = [name for name in names if prefix + name not in self._source.files]
        if gone:
            raise ConversionError(f"{self._source.where(prefix + gone[0])}: the file is missing")
        return names

    def about(self, first: Part) -> About:
        """What dataset_info.json says of the data, and of its columns."""
        prefix = first.name.rpartition("/")[0]
        info = read_object(self._source, f"{prefix}/{INFO}".lstrip("/"))
        features = info.get("features")
        columns = {
            name: {"names": feature["names"]}
            for name, feature in (features.items() if isinstance(features, dict) else ())
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
        return About({key: info[key] for key in _KEPT if info.get(key)}, columns)


class _ArrowPart(Part):
    def __init__(self, source: Source, name: str, split: str | None) -> None:
        self.name = name
        self.split = split
        self._source = source
        with telling_damage(source, name, "Arrow stream"):
            self._check_end()
            with _Stream(source, name) as stream:
                self.schema = stream.reader.schema
                self._starts = [0]
                for batch in stream.reader:
                    self._starts.append(self._starts[-1] + batch.num_rows)
        self.rows = self._starts[-1]

    def _check_end(self) -> None:
        """A stream that was cut between two batches reads as if it were whole."""
        with self._source.open(self.name) as file:
            file.seek(max(0, self._source.files.get(self.name, 0) - len(_END)))
            if file.read() != _END:
                raise ConversionError(
                    f"{self._source.where(self.name)}: the Arrow stream does not end as it should: it was "
                    f"cut off, or never finished by its writer"
                )

    def open(self, columns: Sequence[str], batch_rows: int) -> PartRows:
        return _ArrowPartRows(self._source, self.name, columns)


class _ArrowPartRows(PartRows):
    """Rows of a stream, whose batches come one after another; those that are not wanted cost next to nothing
    where the file is local."""

    def __init__(self, source: Source, name: str, columns: Sequence[str]) -> None:
        self._source = source
        self._name = name
        self._columns = list(columns)
        self._stream: _Stream | None = None
        self._begin()

    def _begin(self) -> None:
        self.close()
        with telling_damage(self._source, self._name, "Arrow stream"):
            self._stream = _Stream(self._source, self._name)
        self._first = 0  # row of the batch
        self._batch: pa.Table | None = None

    def read(self, start: int, stop: int) -> pa.Table:
        if start < self._first:
            self._begin()
        parts: list[pa.Table] = []
        while True:
            batch = self._batch
            last = self._first + (0 if batch is None else batch.num_rows)
            if batch is not None and start < last:
                low, high = max(start, self._first), min(stop, last)
                parts.append(batch.slice(low - self._first, high - low))
                start = high
            if start >= stop:
                return pa.concat_tables(parts)
            self._first, self._batch = last, self._next()

    def _next(self) -> pa.Table:
        if self._stream is None:
            raise ConversionError(f"{self._source.where(self._name)}: the file has been closed")
        with telling_damage(self._source, self._name, "Arrow stream"):
            try:
                batch = self._stream.reader.read_next_batch()
            except StopIteration as exc:
                raise ConversionError(f"{self._source.where(self._name)}: the rows end early") from exc
            return pa.Table.from_batches([batch]).select(self._columns)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class _Stream:
    """An open Arrow stream."""

    def __init__(self, source: Source, name: str) -> None:
        handle: Any = source.handle(name)
        self._file: pa.NativeFile = (
            pa.memory_map(handle) if isinstance(handle, str) else pa.PythonFile(handle, mode="r")
        )
        try:
            self.reader = pa.ipc.open_stream(self._file)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.reader.close()
        self._file.close()

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
