"""The statistics of a dataset, and the document that keeps them (`schemas/statistics.schema.json`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError, UnsupportedVersionError
from unienv_data.schema.document import check_document, decode_document, encode_document
from unienv_data.schema.validation import validate
from unienv_data.statistics.column import STATISTICS, Summary

__all__ = ["Statistics"]

_FORMAT, _VERSION = "unienv-data statistics", 1
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, eq=False)
class Statistics(Mapping[str, Summary]):
    """What is known of the columns of a dataset: path -> statistics, of the boxes among them.

    `NormalizeTransformation` takes it as it is; `columns` has all of them. Statistics of images of 8 bits are
    of numbers from 0 to 1, one a channel; `scale` among them says so.

    Attributes:
        columns: path -> what is known of it, of every column; of texts and the like only `count`.
        rows: how many rows the dataset had.
        start: sequence number of the first of them.
        stop: sequence number after the last.
        episodes_object: where the statistics of each episode are kept; None where they are not.
        booleans: paths of columns of truth values, which have statistics but are no boxes.
    """

    columns: Mapping[str, Summary]
    rows: int
    start: int
    stop: int
    episodes_object: str | None = None
    booleans: frozenset[str] = frozenset()

    def __getitem__(self, path: str) -> Summary:
        found = self.columns[path]
        if not self._is_normal(path):
            raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        return filter(self._is_normal, self.columns)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _is_normal(self, path: str) -> bool:
        return self.columns[path].has_numbers and path not in self.booleans

    def is_sample(self, path: str) -> bool:
        """Whether only some rows of the column were looked at."""
        return self.columns[path].count < self.rows

    def to_bytes(self) -> bytes:
        """The document, strict JSON in UTF-8, with its checksum. Numbers that JSON has not are words."""
        return encode_document(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The document's members, but for its checksum."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "rows": self.rows,
            "start": self.start,
            "stop": self.stop,
            "episodes": self.episodes_object,
            "columns": {
                path: _column_json(found, path in self.booleans) for path, found in self.columns.items()
            },
        }

    @staticmethod
    def from_bytes(data: bytes, source: str) -> Statistics:
        """The statistics of a document.

        Args:
            data: a JSON document.
            source: what to call it in errors.

        Raises:
            CorruptDataError: it is not what was written.
            UnsupportedVersionError: a later version of the library wrote it.
            DocumentError: it breaks the schema; every problem is named.
        """
        document = decode_document(data, source)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise CorruptDataError(f"{source}: not a document of {_FORMAT}")
        version = document.get("version")
        if isinstance(version, int) and version > _VERSION:
            raise UnsupportedVersionError(
                f"{source}: version {version} of statistics, this library reads up to {_VERSION}; "
                "pip install --upgrade unienv-data"
            )
        check_document(data, source)
        validate(document, "statistics", source)
        columns = document["columns"]
        return Statistics(
            {path: _summary(column) for path, column in columns.items()},
            document["rows"],
            document["start"],
            document["stop"],
            document["episodes"],
            frozenset(path for path, column in columns.items() if column["boolean"]),
        )


def _column_json(found: Summary, boolean: bool) -> dict[str, Any]:
    return {
        "count": found.count,
        "shape": list(found.shape),
        "scale": found.scale,
        "boolean": boolean,
        "rank_error": found.rank_error,
        "nans": None if found.nans is None else found.nans.reshape(-1).tolist(),
        "numbers": {name: _numbers(found.numbers[name]) for name in STATISTICS} if found.numbers else None,
    }


def _summary(column: Mapping[str, Any]) -> Summary:
    shape = tuple(column["shape"])
    nans, numbers = column["nans"], column["numbers"]
    return Summary(
        column["count"],
        shape,
        None if numbers is None else {name: _array(numbers[name], shape) for name in numbers},
        None if nans is None else np.array(nans, np.int64).reshape(shape),
        column["scale"],
        column["rank_error"],
    )


def _numbers(values: NDArray[Any]) -> list[Any]:
    return [_number(value) for value in np.asarray(values).reshape(-1).tolist()]


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _array(values: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if values and all(isinstance(value, int) for value in values):
        wide = max(values) > np.iinfo(np.int64).max
        return np.array(values, np.uint64 if wide else np.int64).reshape(shape)
    return np.array([_WORDS.get(value, value) for value in values], np.float64).reshape(shape)
