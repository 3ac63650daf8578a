"""NumPy's .npz: a file an episode in a folder, or one file of all rows with `episode_ends`.

Arrays are called as their columns, with dots between the parts of a path: `observation.state`. Numbers keep
their dtype; texts are NumPy's fixed-width ones. In a folder, `about.json` says what else is known of the
columns and of each episode. Source of the layout: numpy.lib.format and numpy.savez.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.tabular.plain import episode_rows, fixed_width, plain_columns, strict_json
from unienv_data.formats.writer import Writer

__all__ = ["NPZWriter"]

EPISODE_ENDS = "episode_ends"
ABOUT = "about.json"
_PACKING = {"deflate": zipfile.ZIP_DEFLATED, "none": zipfile.ZIP_STORED}


class NPZWriter(Writer):
    """Writes NumPy's .npz files. Rows wait as plain .npy files on the disk until their file is complete.

    Args:
        place: a name that ends in .npz makes one file, any other a folder of them.
        facts: of what will be written.
        packing: of `zipfile`.
    """

    name = "npz"
    title = "NPZ"
    extensions = (".npz",)
    option_help: ClassVar[Mapping[str, str]] = {
        "compression": "deflate, as numpy.savez_compressed, which is the default; or none, as numpy.savez",
    }
    members = ("*.npz", ABOUT)

    def __init__(self, place: Path, facts: Facts, packing: int) -> None:
        self._place = place
        self._facts = facts
        self._columns = plain_columns(facts, self.title)
        self._packing = packing
        self._is_file = _is_file(place)
        self._waiting = tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent)
        self._arrays: dict[str, NDArray[Any]] = {}
        self._row = 0
        if not self._is_file:
            place.mkdir()

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        _packing_of(check_options(cls, options))
        for column in plain_columns(facts, cls.title):
            if column.name == EPISODE_ENDS:
                raise ConversionError(
                    f"{cls.title}: the column {EPISODE_ENDS} has the name of the episodes' ends"
                )

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        lost = [name for name in facts.episodes.column_names if name not in ("length", "source_episode")]
        if not _is_file(place) or not lost:
            return ()
        return (
            f"A single .npz has no place for what is known of episodes ({', '.join(lost)}); a folder of them "
            f"has.",
        )

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a file, where the place's name ends in .npz, or of a folder of one file an episode."""
        return cls(place, facts, _packing_of(check_options(cls, options)))

    def write(self, chunk: Chunk) -> None:
        if not self._arrays:
            self._begin(self._facts.rows if self._is_file else self._facts.lengths[chunk.episode])
        stop = self._row + chunk.rows
        for column in self._columns:
            self._arrays[column.name][self._row : stop] = column.checked(
                chunk.columns[column.source], chunk.rows
            )
        self._row = stop
        if chunk.ends_episode and not self._is_file:
            digits = max(4, len(str(len(self._facts.lengths) - 1)))
            self._pack(self._place / f"episode_{chunk.episode:0{digits}d}.npz")

    def finish(self) -> None:
        if self._is_file:
            ends = np.cumsum(self._facts.lengths, dtype=np.int64)
            self._pack(self._place, {EPISODE_ENDS: ends})
            return
        about = {
            "written_as": "npz",
            "attributes": dict(self._facts.attributes),
            "columns": {
                each.name: dict(each.column.attributes) for each in self._columns if each.column.attributes
            },
            "episodes": episode_rows(self._facts),
        }
        (self._place / ABOUT).write_text(strict_json(about), encoding="utf-8")

    def close(self) -> None:
        self._arrays.clear()
        self._waiting.cleanup()

    def _begin(self, rows: int) -> None:
        self._row = 0
        for number, column in enumerate(self._columns):
            if column.dtype is None:
                self._arrays[column.name] = np.empty(rows, dtype=object)
                continue
            shape = (rows, *column.shape)
            if rows and 0 not in column.shape:
                path = Path(self._waiting.name) / f"{number}.npy"
                self._arrays[column.name] = open_memmap(path, mode="w+", dtype=column.dtype, shape=shape)
            else:
                self._arrays[column.name] = np.empty(shape, column.dtype)

    def _pack(self, path: Path, more: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Gather what waits in one file."""
        with zipfile.ZipFile(path, "w", compression=self._packing, allowZip64=True) as archive:
            for name, array in {**self._arrays, **(more or {})}.items():
                values = fixed_width(array, name, self.title) if array.dtype == object else array
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asarray(values), allow_pickle=False)
        self._arrays.clear()


def _is_file(place: Path) -> bool:
    return place.name.lower().endswith(".npz")


def _packing_of(options: Mapping[str, str]) -> int:
    chosen = options.get("compression", "deflate")
    if chosen not in _PACKING:
        raise ConversionError(f"NPZ: compression is {' or '.join(_PACKING)}, not {chosen!r}")
    return _PACKING[chosen]
