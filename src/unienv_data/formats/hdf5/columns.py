"""Datasets of an HDF5 file as columns: numbers and texts, a row along the first axis each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import EncodedForm, SourceColumn
from unienv_data.formats.hdf5.datasets import OpenDataset
from unienv_data.formats.hdf5.inflating import inflate_rows
from unienv_data.formats.naming import Path
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_interface.space.space import AnySpace

__all__ = [
    "Hdf5Column",
    "NumberColumn",
    "TextColumn",
    "column_of",
    "columns_below",
    "datasets_below",
    "lies_elsewhere",
    "number_dtype",
]


@dataclass(frozen=True)
class Hdf5Column(ABC):
    """A column that is made from one dataset of each episode.

    Args:
        name: what the source calls it.
        path: where it stands in a nested row.
        place: the dataset's name within the episode's group.
        has_final: whether an episode of T rows has T + 1 values of it.
    """

    name: str
    path: Path
    place: str
    has_final: bool

    @property
    def lossy(self) -> str | None:
        """What has already changed the recorded values, or None."""
        return None

    @property
    def encoded(self) -> EncodedForm | None:
        """How its rows can be stored as they are encoded in the file; None where they are decoded."""
        return None

    @property
    @abstractmethod
    def space(self) -> AnySpace:
        """One row's value."""

    @abstractmethod
    def problem(self, dataset: OpenDataset) -> str | None:
        """What in a dataset's header contradicts the column, or None."""

    @abstractmethod
    def read(self, dataset: OpenDataset, start: int, stop: int, where: str) -> Any:
        """The values (B, *D) from `start` to before `stop`.

        Raises:
            ConversionError: a value is damaged.
            MissingDependencyError: it takes a package that is not installed.
        """

    def read_encoded(self, dataset: OpenDataset, start: int, stop: int, where: str) -> Any:
        """The same, in the column's encoded form."""
        raise ConversionError(f"{where}: {self.name} has no encoded form")

    def described(self) -> SourceColumn:
        """The column as the facts tell it."""
        return SourceColumn(
            self.name, self.path, self.space, self.lossy, encoded=self.encoded, has_final=self.has_final
        )


@dataclass(frozen=True)
class NumberColumn(Hdf5Column):
    """Numbers or booleans, of the dtype on disk in the machine's byte order.

    Args:
        dtype: of an entry.
        shape: of a row.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def space(self) -> AnySpace:
        return array_space(self.dtype, self.shape)

    def problem(self, dataset: OpenDataset) -> str | None:
        dtype, shape = number_dtype(dataset), tuple(dataset.shape[1:])
        if dtype == self.dtype and shape == self.shape:
            return None
        return f"it holds {dtype or dataset.dtype} {shape}, elsewhere {self.dtype} {self.shape}"

    def read(self, dataset: OpenDataset, start: int, stop: int, where: str) -> NDArray[Any]:
        rows = np.empty((stop - start, *self.shape), self.dtype)
        if rows.size and not inflate_rows(dataset, start, stop, rows):
            dataset.read_rows(start, stop, rows)
        return rows


@dataclass(frozen=True)
class TextColumn(Hdf5Column):
    """Texts, of fixed or variable length."""

    @property
    def space(self) -> AnySpace:
        return text_space()

    def problem(self, dataset: OpenDataset) -> str | None:
        if _is_text(dataset) and dataset.ndim == 1:
            return None
        return f"it holds {dataset.dtype} {tuple(dataset.shape[1:])}, elsewhere texts"

    def read(self, dataset: OpenDataset, start: int, stop: int, where: str) -> NDArray[Any]:
        texts = np.empty(stop - start, dtype=object)
        for row, value in enumerate(dataset[start:stop]):
            try:
                texts[row] = value.decode() if isinstance(value, bytes) else str(value)
            except UnicodeDecodeError as exc:
                raise ConversionError(f"{where}: row {start + row} is no UTF-8 text: {exc.reason}") from exc
        return texts


def column_of(name: str, dataset: Any, has_final: bool, path: Path | None = None) -> Hdf5Column:
    """The column that a dataset of numbers or texts makes.

    Args:
        name: the dataset's name within its episode, parts with slashes between them.
        dataset: it, in the first episode.
        has_final: whether it has one value more than the episode has rows.
        path: where it stands in a row; by default its name, taken apart.

    Raises:
        ConversionError: no store can hold it.
    """
    path = tuple(name.split("/")) if path is None else path
    if lies_elsewhere(dataset):
        raise ConversionError(f"the values of the dataset {name} lie in other files, which are not followed")
    dtype = number_dtype(dataset)
    if dtype is not None:
        return NumberColumn(name, path, name, has_final, dtype, tuple(dataset.shape[1:]))
    if _is_text(dataset) and dataset.ndim == 1:
        return TextColumn(name, path, name, has_final)
    raise ConversionError(
        f"the dataset {name} holds {dataset.dtype} {tuple(dataset.shape[1:])}, which has no place in a store"
    )


def columns_below(
    group: Any, rows: int, skip: Iterable[str] = ()
) -> tuple[dict[str, Hdf5Column], dict[str, str]]:
    """The columns that the datasets below a group make; and why others make none, both by name.

    Args:
        group: an `h5py.Group`, an episode's.
        rows: those of the episode; datasets with one more have a final value.
        skip: names of groups and datasets directly below it that are left out.
    """
    columns: dict[str, Hdf5Column] = {}
    unreadable: dict[str, str] = {}
    for name, dataset in datasets_below(group, skip):
        found = int(dataset.shape[0]) if dataset.shape else 0
        if found not in (rows, rows + 1):
            unreadable[name] = f"{dataset.name} has the shape {dataset.shape}, not {rows} rows"
            continue
        try:
            columns[name] = column_of(name, dataset, has_final=found == rows + 1)
        except ConversionError as exc:
            unreadable[name] = str(exc)
    return columns, unreadable


def number_dtype(dataset: Any) -> np.dtype[Any] | None:
    """The dtype of numbers and booleans, in the machine's byte order; None for anything else."""
    dtype: np.dtype[Any] = dataset.dtype
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        return None
    return np.dtype(dtype.newbyteorder("=").type)


def lies_elsewhere(dataset: Any) -> bool:
    """Whether a dataset only names other files that hold its values: whoever wrote it chose which."""
    return bool(dataset.external) or bool(dataset.is_virtual)


def _is_text(dataset: Any) -> bool:
    dtype = dataset.dtype
    return dtype.kind == "S" or (dtype.kind == "O" and (dtype.metadata or {}).get("vlen") in (str, bytes))


def datasets_below(group: Any, skip: Iterable[str] = ()) -> Iterator[tuple[str, Any]]:
    """Every dataset below a group with its name from there on, in the order of their names.

    Links that lead outside of the file or back up are not followed.

    Args:
        group: an `h5py.Group`.
        skip: names of groups and datasets directly below it that are left out.
    """
    skipped = set(skip)
    for key in sorted(group):
        if key in skipped or not _is_own(group, key):
            continue
        member = group[key]
        if hasattr(member, "keys"):
            for name, dataset in datasets_below(member):
                yield f"{key}/{name}", dataset
        elif hasattr(member, "shape"):
            yield key, member


def _is_own(group: Any, key: str) -> bool:
    return type(group.get(key, getlink=True)).__name__ == "HardLink"
