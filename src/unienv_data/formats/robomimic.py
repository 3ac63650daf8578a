"""The reader of robomimic's HDF5 files, which LIBERO, robosuite, MimicGen and RoboCasa write, too.

`data/demo_<n>` holds an episode: `actions`, `states`, `rewards`, `dones`, `obs/*`, sometimes `next_obs/*` and
`action_dict/*`. Attributes of `data` describe the environment, those of a demo its model and cameras, and
`mask/<split>` lists demos by name. After robomimic's description of its datasets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.episode_columns import episode_table
from unienv_data.formats.hdf5.attributes import attributes_of, parsed
from unienv_data.formats.hdf5.columns import Hdf5Column, columns_below, datasets_below
from unienv_data.formats.hdf5.files import hdf5_files, looks_like, open_hdf5, reading
from unienv_data.formats.hdf5.reader import Hdf5Reader, Span, Survey
from unienv_data.formats.source import Source

__all__ = ["RobomimicReader"]

_DEMO = re.compile(r"demo_?(\d+)")
_LONGEST_ATTRIBUTE = 64 << 10
"""Characters: longer texts about a whole file go to the episode table, which is compressed."""
_MOST_NOTES = 8
_UPSIDE_DOWN = "LIBERO's images stand upside down, as they were rendered, unless they are flipped."


class RobomimicReader(Hdf5Reader):
    """Reads robomimic's files, one or a folder of them, demos in the order of their numbers."""

    name = "robomimic"
    title = "robomimic / LIBERO HDF5"
    layout = "HDF5 files with the groups data/demo_0, data/demo_1 ..."

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the first HDF5 file has demos."""
        return looks_like(source, _has_demos)

    def _survey(self) -> Survey:
        files = [
            demos for name in hdf5_files(self._source) if (demos := _Demos.of(self._source, name)) is not None
        ]
        if not files:
            raise ConversionError(
                f"{self._source.where()}: no HDF5 file with demos (data/demo_0 ...) is there"
            )
        columns, unreadable = _common(files)
        shared, differing = _shared([demos.about for demos in files])
        several = len(files) > 1
        spans, names, about = [], [], []
        for demos in files:
            for name, length in demos.lengths.items():
                spans.append(Span(demos.file, f"data/{name}", length))
                names.append(f"{demos.file}/{name}" if several else name)
                own = {key: demos.about[key] for key in differing if key in demos.about}
                task = {"task": demos.task} if demos.task else {}
                about.append({**own, **task, **demos.of_each[name]})
        notes = [note for demos in files for note in demos.notes]
        if any(demos.task for demos in files):
            notes.insert(0, _UPSIDE_DOWN)
        return Survey(
            columns=columns,
            spans=spans,
            episodes=episode_table([span.length for span in spans], names, about),
            unreadable=unreadable,
            attributes=shared,
            notes=notes[:_MOST_NOTES],
        )


class _Demos:
    """What one file holds.

    Args:
        file: its name within the source.
        lengths: rows of each demo, by name, in the order of their numbers.
        columns: those of the first demo that has rows.
        unreadable: what no store can hold of it.
        about: the attributes of `data`.
        of_each: what is known of each demo.
        notes: what a person should know.
    """

    def __init__(self, source: Source, file: str, opened: Any) -> None:
        self.file = file
        data = opened["data"]
        self.lengths: dict[str, int] = {}
        self.columns: dict[str, Hdf5Column] = {}
        self.unreadable: dict[str, str] = {}
        self.of_each: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.about = {key: parsed(value) for key, value in attributes_of(data.attrs, ["total"]).items()}
        self.task = _instruction(self.about.get("problem_info"))
        splits = _splits(opened.get("mask"))
        for name in sorted((name for name in data if _DEMO.fullmatch(name)), key=_number):
            demo = data[name]
            with reading(source, file, f"data/{name}"):
                self.lengths[name] = _length(demo)
                known = attributes_of(demo.attrs, ["num_samples"])
            known["task"] = _instruction(parsed(known.get("ep_meta")))
            self.of_each[name] = {
                **{key: value for key, value in known.items() if value is not None},
                **({"splits": splits.get(name, [])} if splits else {}),
            }
            if self.lengths[name] and not self.columns:
                with reading(source, file, f"data/{name}"):
                    self.columns, self.unreadable = columns_below(demo, self.lengths[name])
        total = data.attrs.get("total")
        if total is not None and int(total) != sum(self.lengths.values()):
            self.notes.append(
                f"{source.where(file)} says that it has {int(total)} rows; its demos have "
                f"{sum(self.lengths.values())}."
            )

    @classmethod
    def of(cls, source: Source, file: str) -> _Demos | None:
        """What a file holds; None where it has no demos."""
        with open_hdf5(source, file) as opened, reading(source, file):
            return cls(source, file, opened) if _has_demos(opened) else None


def _has_demos(file: Any) -> bool:
    data = file.get("data")
    return hasattr(data, "keys") and any(_DEMO.fullmatch(name) for name in data)


def _number(name: str) -> tuple[int, str]:
    match = _DEMO.fullmatch(name)
    return (int(match[1]) if match else 0, name)


def _length(demo: Any) -> int:
    said = demo.attrs.get("num_samples")
    if said is not None:
        return int(said)
    if "actions" in demo:
        return int(demo["actions"].shape[0])
    return max((int(dataset.shape[0]) for _, dataset in datasets_below(demo) if dataset.shape), default=0)


def _splits(mask: Any) -> dict[str, list[str]]:
    """The splits that each demo is listed in."""
    found: dict[str, list[str]] = {}
    for split in sorted(mask) if hasattr(mask, "keys") else ():
        for name in mask[split][()]:
            found.setdefault(name.decode() if isinstance(name, bytes) else str(name), []).append(split)
    return found


def _instruction(about: Any) -> str | None:
    """What the robot was told, where LIBERO (`language_instruction`) or RoboCasa (`lang`) says so."""
    if not isinstance(about, Mapping):
        return None
    told = about.get("language_instruction") or about.get("lang")
    text = "".join(map(str, told)) if isinstance(told, list) else told
    return text.strip().strip('"') if isinstance(text, str) and text.strip() else None


def _common(files: Sequence[_Demos]) -> tuple[list[Hdf5Column], dict[str, str]]:
    """The columns that all files have alike; the others, with the reason."""
    with_rows = [demos for demos in files if demos.columns]
    unreadable = {name: reason for demos in reversed(with_rows) for name, reason in demos.unreadable.items()}
    columns = []
    for name in dict.fromkeys(name for demos in with_rows for name in demos.columns):
        if name in unreadable:
            continue
        first = next(demos for demos in with_rows if name in demos.columns)
        column = first.columns[name]
        other = next((demos for demos in with_rows if demos.columns.get(name) != column), None)
        if other is None:
            columns.append(column)
        elif name in other.columns:
            unreadable[name] = (
                f"{name} is {column.space} in {first.file} and {other.columns[name].space} in {other.file}"
            )
        else:
            unreadable[name] = f"{name} is in {first.file} and not in {other.file}"
    return columns, unreadable


def _shared(abouts: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """What all files say alike, as far as it is short; and the keys of the rest."""
    shared, differing = {}, []
    for key in dict.fromkeys(key for about in abouts for key in about):
        value = abouts[0].get(key)
        if all(about.get(key) == value for about in abouts) and len(str(value)) <= _LONGEST_ATTRIBUTE:
            shared[key] = value
        else:
            differing.append(key)
    return shared, differing
