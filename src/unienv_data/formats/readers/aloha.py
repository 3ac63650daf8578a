"""The reader of ALOHA's and ACT's HDF5 files: an episode a file.

`action`, `observations/{qpos,qvel,effort}` and `observations/images/<camera>`, all of T rows; the attribute
`sim`. With the attribute `compress`, images are JPEG files, in rows of one length that end with zeros;
`compress_len` says how long each is. After the recording scripts of ALOHA and ACT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from unienv_data.errors import ConversionError
from unienv_data.formats.base import check_options
from unienv_data.formats.hdf5.attributes import attributes_of
from unienv_data.formats.hdf5.columns import Hdf5Column, column_of, datasets_below
from unienv_data.formats.hdf5.files import hdf5_files, looks_like, open_hdf5, reading
from unienv_data.formats.hdf5.jpeg import first_file, holds_bytes, jpeg_column
from unienv_data.formats.hdf5.reader import MOST_PROBLEMS, Hdf5Reader, Span, Survey
from unienv_data.formats.media.jpeg_frames import is_jpeg
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["AlohaReader"]

_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_LENGTHS, _COMPRESSED = "compress_len", "compress"
_ORDERS = {"opencv": True, "file": False}


class AlohaReader(Hdf5Reader):
    """Reads ALOHA's and ACT's episodes, a folder of files or one, in the order of their numbers.

    Which order the channels of compressed images have is written nowhere. They are given as OpenCV decodes
    them, which is what ACT trains on: where the recording handed RGB to OpenCV's encoder, they are RGB again.
    """

    name = "aloha"
    title = "ALOHA / ACT HDF5"
    layout = "HDF5 files with action and observations/qpos, an episode each"
    option_help: ClassVar[Mapping[str, str]] = {
        "jpeg_channels": (
            "opencv (the default) gives the channels of compressed images in the order in which OpenCV "
            "decodes them; file in that of the JPEG files, which are then stored as they are"
        ),
    }

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the first HDF5 file is an episode."""
        return looks_like(source, _is_episode)

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the recording."""
        given = check_options(cls, options)
        order = given.get("jpeg_channels", "opencv")
        if order not in _ORDERS:
            raise ConversionError(f"jpeg_channels {order!r}: one of {', '.join(_ORDERS)} was expected")
        return cls(source, given)

    def _survey(self) -> Survey:
        columns: dict[str, Hdf5Column] = {}
        unreadable: dict[str, str] = {}
        spans: list[Span] = []
        about: list[dict[str, Any]] = []
        for name in sorted(hdf5_files(self._source), key=_order):
            span, known = Span(name, "", 1), {}
            try:
                with open_hdf5(self._source, name) as file, reading(self._source, name):
                    span = replace(span, length=self._length(name, file))
                    if span.length and not columns:
                        columns, unreadable = self._columns_of(file, span)
                    known = attributes_of(file.attrs, [_COMPRESSED])
            except ConversionError as exc:
                span = replace(span, length=1, problem=str(exc))
            spans.append(span)
            about.append(known)
        problems = [span.problem for span in spans if span.problem]
        if problems and not columns:
            raise ConversionError("; ".join(problems[:MOST_PROBLEMS]))
        whole = [known for known, span in zip(about, spans, strict=True) if not span.problem]
        shared = {
            key: value
            for key, value in (whole[0] if whole else {}).items()
            if all(key in each and each[key] == value for each in whole)
        }
        names = [span.file or self._source.label for span in spans]
        own = [{key: value for key, value in each.items() if key not in shared} for each in about]
        return Survey(
            columns=list(columns.values()),
            spans=spans,
            episodes=episode_table([span.length for span in spans], names, own),
            unreadable=unreadable,
            attributes=shared,
            notes=self._notes(columns),
        )

    def _length(self, name: str, file: Any) -> int:
        if _is_episode(file):
            return int(file["action"].shape[0])
        found = ", ".join(sorted(file)[:8]) or "nothing"
        raise ConversionError(
            f"{self._source.where(name)}: action and observations/qpos were expected; there is {found}"
        )

    def _columns_of(self, file: Any, span: Span) -> tuple[dict[str, Hdf5Column], dict[str, str]]:
        columns: dict[str, Hdf5Column] = {}
        unreadable: dict[str, str] = {}
        for name, dataset in datasets_below(file, skip=[_LENGTHS]):
            where = f"{self._source.where(span.file)}, {name}"
            rows = int(dataset.shape[0]) if dataset.shape else 0
            if rows != span.length:
                unreadable[name] = f"{where} has the shape {dataset.shape}, not {span.length} rows"
                continue
            try:
                is_frames = holds_bytes(dataset) and is_jpeg(first_file(dataset))
                columns[name] = (
                    jpeg_column(name, dataset, False, where, reverse=self._reverses)
                    if is_frames
                    else column_of(name, dataset, has_final=False)
                )
            except ConversionError as exc:
                unreadable[name] = str(exc)
        return columns, unreadable

    @property
    def _reverses(self) -> bool:
        return _ORDERS[self._options.get("jpeg_channels", "opencv")]

    def _notes(self, columns: Mapping[str, Hdf5Column]) -> list[str]:
        if not self._reverses or not any(column.lossy for column in columns.values()):
            return []
        return [
            "The JPEG images are decoded, their channels in the order in which OpenCV gives them. Where they "
            "are to be stored as the files they are, with the channels of these: --option jpeg_channels=file."
        ]


def _is_episode(file: Any) -> bool:
    observations = file.get("observations")
    return hasattr(file.get("action"), "shape") and hasattr(observations, "keys") and "qpos" in observations


def _order(name: str) -> tuple[str, int, str]:
    """By the last number in the name: episode_2 comes before episode_10."""
    match = _NUMBER.search(name.rpartition(".")[0])
    return (name[: match.start()], int(match[1]), name) if match else (name, -1, name)
