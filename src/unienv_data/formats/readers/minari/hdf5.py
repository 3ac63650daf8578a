"""Minari's HDF5 form: `main_data.hdf5` with `episode_<n>`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.hdf5.agreed import Found, first_middle_last, with_others
from unienv_data.formats.hdf5.attributes import attributes_of
from unienv_data.formats.hdf5.columns import Hdf5Column, column_of, datasets_below
from unienv_data.formats.hdf5.files import left_out, open_hdf5, reading
from unienv_data.formats.hdf5.jpeg import first_file, holds_bytes, jpeg_column
from unienv_data.formats.hdf5.reader import MOST_PROBLEMS, Hdf5Reader, Span, Survey
from unienv_data.formats.media.jpeg_frames import is_jpeg
from unienv_data.formats.naming import Path
from unienv_data.formats.readers.minari.metadata import Metadata, base_of, load_metadata, taken_apart
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["MAIN", "MinariHdf5", "has_episodes"]

MAIN = "main_data.hdf5"

_EPISODE = re.compile(r"episode_(\d+)")
_INDEX = re.compile(r"_index_(\d+)")
_OWN = ("id", "total_steps")


class MinariHdf5(Hdf5Reader):
    """Reads the HDF5 form."""

    name = "minari"
    title = "Minari"
    layout = f"a folder with {MAIN}"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is such a file."""
        base = base_of(source)
        return base is not None and base + MAIN in source.files

    def _survey(self) -> Survey:
        base = base_of(self._source)
        name = self._main(base)
        with open_hdf5(self._source, name) as file, reading(self._source, name):
            if base is None:  # Minari before 0.5 kept what is in metadata.json in the file itself
                metadata = taken_apart(self._source.where(name), attributes_of(file.attrs))
            else:
                metadata = load_metadata(self._source, base)
            numbers = sorted(int(match[1]) for key in file if (match := _EPISODE.fullmatch(key)))
            metadata.check_count(len(numbers))
            spans, about = [], []
            for number in numbers:
                span, known = Span(name, f"episode_{number}", 1), {}
                try:
                    with reading(self._source, name, span.group):
                        group = file[span.group]
                        span = replace(span, length=_length(group, self._source.where(name)))
                        known = attributes_of(group.attrs, _OWN)
                except ConversionError as exc:
                    span = replace(span, problem=str(exc))
                spans.append(span)
                about.append(known)
            found = []
            for span in first_middle_last([s for s in spans if s.length and s.problem is None]):
                with reading(self._source, name, span.group):
                    found.append(Found(span.group, *self._columns_of(file[span.group], span, metadata)))
            notes = left_out(self._source.where(name), file, lambda key: bool(_EPISODE.fullmatch(key)))
        first = with_others(found)
        if not first.columns and (problems := [span.problem for span in spans if span.problem]):
            raise ConversionError("; ".join(problems[:MOST_PROBLEMS]))
        return Survey(
            columns=list(first.columns.values()),
            spans=spans,
            episodes=episode_table([span.length for span in spans], numbers, about),
            version=metadata.version,
            unreadable=first.unreadable,
            attributes=metadata.attributes,
            notes=notes,
        )

    def _main(self, base: str | None) -> str:
        places = [f"{base}{MAIN}"] if base is not None else ["", MAIN, f"data/{MAIN}"]
        return next((place for place in places if place in self._source.files), places[-1])

    def _columns_of(
        self, group: Any, span: Span, metadata: Metadata
    ) -> tuple[dict[str, Hdf5Column], dict[str, str]]:
        columns: dict[str, Hdf5Column] = {}
        unreadable: dict[str, str] = {}
        for name, dataset in datasets_below(group):
            where = f"{self._source.where(span.file)}, {dataset.name}"
            rows = int(dataset.shape[0]) if dataset.shape else 0
            if rows not in (span.length, span.length + 1):
                unreadable[name] = f"{where} has the shape {dataset.shape}, not {span.length} rows"
                continue
            has_final, shape = rows > span.length, metadata.shape_of(name.split("/"))
            try:
                columns[name] = (
                    jpeg_column(name, dataset, has_final, where, len(shape or ()) == 2, path=_path(name))
                    if _is_frames(dataset, shape)
                    else column_of(name, dataset, has_final, _path(name))
                )
            except ConversionError as exc:
                unreadable[name] = str(exc)
        return columns, unreadable


def has_episodes(file: Any) -> bool:
    """Whether an HDF5 file looks like Minari's."""
    names = [name for name in file if _EPISODE.fullmatch(name)]
    return bool(names) and all(part in file[names[0]] for part in ("observations", "actions", "rewards"))


def _length(episode: Any, where: str) -> int:
    said = episode.attrs.get("total_steps")
    if said is not None:
        return int(said)
    if "rewards" not in episode:
        raise ConversionError(f"{where}: {episode.name} has neither total_steps nor rewards")
    return int(episode["rewards"].shape[0])


def _is_frames(dataset: Any, shape: tuple[int, ...] | None) -> bool:
    """Whether a dataset holds JPEG files: bytes where the space has pictures."""
    if not holds_bytes(dataset) or (shape is not None and dataset.ndim == 1 + len(shape)):
        return False
    return is_jpeg(first_file(dataset))


def _path(name: str) -> Path:
    """Where a dataset stands in a row: members of tuples by their numbers alone, as in the Arrow form."""
    return tuple(match[1] if (match := _INDEX.fullmatch(part)) else part for part in name.split("/"))
