"""Memories in files of comma-separated values: a row a recorded sample."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unienv_data.errors import CorruptDataError
from unienv_data.memory.files.base import FileFormat
from unienv_data.memory.layout import Layout, Snapshot, TensorLayout, blank_tensor, with_cells
from unienv_data.memory.position import Position
from unienv_interface._optional import import_optional
from unienv_interface.backends.dtypes import FLOATING, host_dtype
from unienv_interface.backends.pytorch import PyTorchComputeBackend

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["CsvFile"]

# The cell of a row. Tensors are identifiers, and never called so.
_PLACE = ("memory.index", "memory.env")
_TRUTH = {"True": True, "False": False, "1": True, "0": False}


class CsvFile(FileFormat):
    """Columns `name.0`, `name.1` ... of each tensor's elements, and where in the memory a row stands.

    The rows are in the order of recording, the oldest first. Numbers are written so that they are read back
    exactly; their types and shapes are those of the memory that reads them.
    """

    suffix: ClassVar[str] = ".csv"

    def pack(self, snapshot: Snapshot) -> bytes:
        position = snapshot.position
        cells = (position.oldest + torch.arange(position.recorded)) % position.cells
        header = [*_PLACE]
        parts = [torch.stack([cells // position.num_envs, cells % position.num_envs], 1).tolist()]
        for name, layout in sorted(snapshot.layout.tensors.items()):
            elements = math.prod(layout.shape)
            header += [f"{name}.{i}" for i in range(elements)]
            values = snapshot.cells(name)[cells].reshape(len(cells), elements)
            parts.append((values.to(torch.uint8) if layout.dtype == torch.bool else values).tolist())
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(itertools.chain.from_iterable(row) for row in zip(*parts, strict=True))
        return text.getvalue().encode()

    def unpack(self, data: bytes, wanted: Layout, source: str) -> Snapshot:
        if not wanted.tensors:
            raise CorruptDataError(f"{source}: does not say what its tensors are; call create_tensor() first")
        header, *rows = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
        columns = {name: place for place, name in enumerate(header)}
        if any(len(row) != len(header) for row in rows) or len(columns) < len(header):
            raise CorruptDataError(
                f"{source}: its rows are not as long as its header, or a column comes twice"
            )
        position = _position(rows, columns, wanted, source)
        cells = (position.oldest + torch.arange(position.recorded)) % position.cells
        tensors = {}
        for name, layout in wanted.tensors.items():
            elements = math.prod(layout.shape)
            places = [columns[label] for i in range(elements) if (label := f"{name}.{i}") in columns]
            if len(places) == elements and f"{name}.{elements}" not in columns:
                texts = [[row[place] for place in places] for row in rows]
                try:
                    values = _parsed(texts, layout)
                except (ValueError, KeyError, OverflowError) as exc:
                    raise CorruptDataError(
                        f"{source}: {name}: expected {layout}, got others ({exc})"
                    ) from exc
                blank = blank_tensor(position.memory_size, position.num_envs, layout)
                tensors[name] = with_cells(blank, cells, values)
        return Snapshot(position, tensors)


def _position(
    rows: Sequence[Sequence[str]], columns: dict[str, int], wanted: Layout, source: str
) -> Position:
    """The position after the rows: where the last stands, and whether they are all."""
    empty = Position(wanted.memory_size, wanted.num_envs)
    if all(name in columns for name in _PLACE):
        row_at, env_at = (columns[name] for name in _PLACE)
        cells = [(int(row[row_at]), int(row[env_at])) for row in rows]
    else:  # such as rofunc and skrl write: in the order of the cells
        cells = [divmod(cell, empty.num_envs) for cell in range(len(rows))]
    oldest = cells[0][0] * empty.num_envs + cells[0][1] if cells else 0
    expected = (divmod((oldest + age) % empty.cells, empty.num_envs) for age in range(len(cells)))
    is_full = len(cells) == empty.cells
    if len(cells) > empty.cells or any(pair != cell for pair, cell in zip(cells, expected, strict=True)):
        raise CorruptDataError(
            f"{source}: its {len(cells)} rows are not samples in order of a memory with memory_size "
            f"{empty.memory_size} and num_envs {empty.num_envs}"
        )
    if oldest and not is_full:
        raise CorruptDataError(f"{source}: the samples before {_PLACE} {cells[0]} are missing")
    row, env = divmod(oldest if is_full else len(cells), empty.num_envs)
    return Position(empty.memory_size, empty.num_envs, row, env, is_full)


def _parsed(texts: list[list[str]], layout: TensorLayout) -> torch.Tensor:
    """(n, *D) the values that texts (n, k) say."""
    name = layout.dtype_name
    parse: Callable[[str], Any] = _TRUTH.__getitem__ if name == "bool" else float if name in FLOATING else int
    values = [[parse(text) for text in row] for row in texts]
    dtype = np.float64 if name in FLOATING else host_dtype(name)
    host = np.array(values, dtype=dtype).reshape(len(values), *layout.shape)
    return PyTorchComputeBackend.from_numpy(host, dtype=layout.dtype)
