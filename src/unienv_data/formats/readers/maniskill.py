"""The reader of ManiSkill's trajectories: `x.h5` with `traj_<n>`, and `x.json` beside it.

A trajectory of T steps has `actions`, `terminated`, `truncated`, `success` ... of T rows, and `obs` and
`env_states`, nested, of T + 1. The JSON says what the environment was and something of each episode. After
ManiSkill's description of its trajectories.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.hdf5.agreed import Found, first_middle_last, with_others
from unienv_data.formats.hdf5.columns import Hdf5Column, columns_below, datasets_below
from unienv_data.formats.hdf5.files import hdf5_files, left_out, looks_like, open_hdf5, reading
from unienv_data.formats.hdf5.reader import MOST_PROBLEMS, Hdf5Reader, Span, Survey
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["ManiSkillReader"]

_TRAJECTORY = re.compile(r"traj_(\d+)")
_NUMBER = "episode_id"


class ManiSkillReader(Hdf5Reader):
    """Reads ManiSkill's trajectories, one file or a folder of files alike, in the order of their numbers."""

    name = "maniskill"
    title = "ManiSkill HDF5"
    layout = "HDF5 files with the groups traj_0, traj_1 ..., JSON of the same names beside them"

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the first HDF5 file holds trajectories."""
        return looks_like(source, _has_trajectories)

    def _survey(self) -> Survey:
        found = [each for name in hdf5_files(self._source) if (each := self._file(name)) is not None]
        if not found:
            raise ConversionError(f"{self._source.where()}: no HDF5 file with traj_0 ... is there")
        columns, unreadable = _alike(self._source, found)
        several = len(found) > 1
        spans, names, about = [], [], []
        for file in found:
            for number, span in file.spans.items():
                spans.append(span)
                names.append(f"{file.name}/{span.group}" if several else span.group)
                about.append(file.about.get(number, {}))
        if not columns and (problems := [span.problem for span in spans if span.problem]):
            raise ConversionError("; ".join(problems[:MOST_PROBLEMS]))
        kept = found[0].attributes
        return Survey(
            columns=columns,
            spans=spans,
            episodes=episode_table([span.length for span in spans], names, about),
            unreadable=unreadable,
            attributes=kept if all(file.attributes == kept for file in found) else {},
            notes=[note for file in found for note in file.notes][:MOST_PROBLEMS],
        )

    def _file(self, name: str) -> _File | None:
        with open_hdf5(self._source, name) as file, reading(self._source, name):
            if not _has_trajectories(file):
                return None
            numbers = sorted(int(match[1]) for key in file if (match := _TRAJECTORY.fullmatch(key)))
            spans = {number: self._span(name, file, f"traj_{number}") for number in numbers}
            found = []
            for span in first_middle_last([s for s in spans.values() if s.length and s.problem is None]):
                with reading(self._source, name, span.group):
                    found.append(Found(span.group, *columns_below(file[span.group], span.length)))
            notes = left_out(self._source.where(name), file, lambda key: bool(_TRAJECTORY.fullmatch(key)))
        first = with_others(found)
        document = self._document(name)
        episodes = (document or {}).get("episodes") or []
        about = {each[_NUMBER]: _known(each) for each in episodes if isinstance(each.get(_NUMBER), int)}
        attributes = {key: value for key, value in (document or {}).items() if key != "episodes" and value}
        if not document:
            notes.append(f"{self._source.where(name)} has no JSON file beside it.")
        return _File(name, spans, list(first.columns.values()), first.unreadable, about, attributes, notes)

    def _span(self, name: str, file: Any, group: str) -> Span:
        try:
            with reading(self._source, name, group):
                return Span(name, group, _length(file[group], self._source.where(name)))
        except ConversionError as exc:
            return Span(name, group, 1, problem=str(exc))

    def _document(self, name: str) -> dict[str, Any] | None:
        """What the JSON file says; None where there is none."""
        source, beside = self._source, name.rpartition(".")[0] + ".json"
        if not name:
            source, beside = Source(source.uri.rpartition(".")[0] + ".json", source.storage_options), ""
        elif beside not in source.files:
            return None
        try:
            text = source.read(beside)
        except ConversionError:
            if not name:
                return None
            raise
        try:
            document = json.loads(text, parse_constant=str)
            if isinstance(document, dict) and all(isinstance(e, dict) for e in document.get("episodes", [])):
                return document
        except (ValueError, TypeError) as exc:
            raise ConversionError(f"{source.where(beside)}: damaged JSON: {exc}") from exc
        raise ConversionError(f"{source.where(beside)}: an object with a list of episodes was expected")


@dataclass(frozen=True, eq=False)
class _File:
    """What one file holds.

    Args:
        name: the file's, within the source.
        spans: number of a trajectory -> where it lies.
        columns: those of the first one that has rows.
        unreadable: what no store can hold.
        about: number of a trajectory -> what the JSON says of it.
        attributes: what the JSON says of all.
        notes: what a person should know.
    """

    name: str
    spans: Mapping[int, Span]
    columns: Sequence[Hdf5Column]
    unreadable: Mapping[str, str]
    about: Mapping[int, Mapping[str, Any]]
    attributes: Mapping[str, Any]
    notes: Sequence[str]


def _has_trajectories(file: Any) -> bool:
    return any(_TRAJECTORY.fullmatch(name) for name in file)


def _length(trajectory: Any, where: str) -> int:
    if "actions" not in trajectory:
        raise ConversionError(f"{where}: {trajectory.name} has no actions")
    actions = trajectory["actions"]
    if hasattr(actions, "shape"):
        return int(actions.shape[0])
    return next(int(dataset.shape[0]) for _, dataset in datasets_below(actions))


def _known(episode: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in episode.items() if key != _NUMBER}


def _alike(source: Source, files: Sequence[_File]) -> tuple[list[Hdf5Column], dict[str, str]]:
    """The columns of all files, which have to be the same: a folder holds a trajectory in several forms."""
    with_rows = [file for file in files if file.columns]
    for file in with_rows[1:]:
        if file.columns != with_rows[0].columns:
            raise ConversionError(
                f"{source.where()}: {with_rows[0].name} and {file.name} have different columns; convert one "
                f"of the files by itself"
            )
    first = with_rows[0] if with_rows else files[0]
    return list(first.columns), dict(first.unreadable)
