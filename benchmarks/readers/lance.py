"""Lance: `take` of rows of one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording
from benchmarks.recording import once


class LanceReader(Reader):
    """Frames as binary values, compressed each by itself; numbers as lists of fixed size."""

    name = "Lance take"
    modules = ("lance",)
    distribution = "pylance"
    settings = "lance-encoding:compression of frames, miniblock for lz4; numbers by default"

    def setup(self, recording: Recording) -> None:
        import lance

        path = once(recording.own("rows.lance"), lambda: write(recording))
        self._dataset = lance.dataset(str(path))
        self._shapes = {name: (rows.shape[1:], rows.dtype) for name, rows in recording.all_raw().items()}

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        table = self._dataset.take(rows, columns=list(self._shapes))
        return {name: _rows(table[name], *kind) for name, kind in self._shapes.items()}


def write(recording: Recording) -> None:
    """Write the rows as a table of their own."""
    import lance
    import pyarrow as pa

    raw = recording.all_raw()
    fields = []
    for name, rows in raw.items():
        if recording.chunk_rows(name) > 1:
            values = pa.from_numpy_dtype(rows.dtype)
            fields.append(pa.field(name, pa.list_(values, int(np.prod(rows.shape[1:], dtype=np.int64)))))
        else:
            how = {"lance-encoding:compression": recording.codec}
            if recording.codec == "lz4":  # elsewhere it is taken for zstd
                how["lance-encoding:structural-encoding"] = "miniblock"
            fields.append(pa.field(name, pa.binary(), metadata=how))
    schema = pa.schema(fields)

    def batches() -> Iterator[Any]:
        for start, stop in recording.blocks():
            columns = []
            for field in schema:
                rows = np.ascontiguousarray(raw[field.name][start:stop])
                if pa.types.is_binary(field.type):
                    columns.append(pa.array([row.tobytes() for row in rows], field.type))
                else:
                    columns.append(pa.FixedSizeListArray.from_arrays(rows.reshape(-1), type=field.type))
            yield pa.record_batch(columns, schema=schema)

    lance.write_dataset(batches(), str(recording.own("rows.lance")), schema=schema)


def _rows(column: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A column of a table as (B, *shape), without a copy."""
    import pyarrow as pa

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    if not pa.types.is_binary(array.type):
        values: NDArray[Any] = array.flatten().to_numpy()
    else:
        offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
        values = np.frombuffer(array.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].view(dtype)
    return values.reshape(-1, *shape)
