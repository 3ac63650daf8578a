"""The reader of robomimic's HDF5 files, which LIBERO, robosuite, MimicGen and RoboCasa write, too.

`data/demo_<n>` holds an episode: `actions`, `states`, `rewards`, `dones`, `obs/*`, sometimes `next_obs/*` and
`action_dict/*`. Attributes of `data` describe the environment, those of a demo its model and cameras, and
`mask/<split>` lists demos by name. After robomimic's description of its datasets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.hdf5.agreed import Found, agreed, first_middle_last, with_others
from unienv_data.formats.hdf5.attributes import attributes_of, parsed
from unienv_data.formats.hdf5.columns import columns_below, datasets_below
from unienv_data.formats.hdf5.files import hdf5_files, left_out, looks_like, open_hdf5, reading
from unienv_data.formats.hdf5.reader import Hdf5Reader, Span, Survey
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["RobomimicReader"]

_DEMO = re.compile(r"demo_?(\d+)")
_LONGEST_ATTRIBUTE = 64 << 10
"""Characters: longer texts about a whole file go to the episode table, which is compressed."""
_MOST_NOTES = 8
_UPSIDE_DOWN = "LIBERO's images stand upside down, as they were rendered; --flip-images PATTERN turns them."


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
        columns, unreadable = agreed([demos.found for demos in files if demos.found.columns])
        if not columns and (problems := [span.problem for demos in files for span in demos.spans]):
            raise ConversionError("; ".join(filter(None, problems)) or f"{self._source.where()}: no rows")
        shared, differing = _shared([demos.about for demos in files])
        several = len(files) > 1
        spans, names, about = [], [], []
        for demos in files:
            own = {key: demos.about[key] for key in differing if key in demos.about}
            task = {"task": demos.task} if demos.task else {}
            for span, known in zip(demos.spans, demos.of_each, strict=True):
                name = span.group.removeprefix("data/")
                spans.append(span)
                names.append(f"{demos.file}/{name}" if several else name)
                about.append({**own, **task, **known})
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
        spans: where each demo lies, in the order of their numbers.
        of_each: what is known of each.
        found: the columns of the first that has rows.
        about: the attributes of `data`.
        task: what the robot was told in all of them, or None.
        notes: what a person should know.
    """

    def __init__(self, source: Source, file: str, opened: Any) -> None:
        self.file = file
        data = opened["data"]
        self.spans: list[Span] = []
        self.of_each: list[dict[str, Any]] = []
        self.about = {key: parsed(value) for key, value in attributes_of(data.attrs, ["total"]).items()}
        self.task = _instruction(self.about.get("problem_info"))
        splits = _splits(opened.get("mask"))
        for name in sorted((name for name in data if _DEMO.fullmatch(name)), key=_number):
            span, known = Span(file, f"data/{name}", 1), {}
            try:
                with reading(source, file, span.group):
                    span = replace(span, length=_length(data[name]))
                    known = _about(data[name])
            except ConversionError as exc:
                span = replace(span, problem=str(exc))
            self.spans.append(span)
            self.of_each.append({**known, **({"splits": splits.get(name, [])} if splits else {})})
        found: list[Found] = []
        with_rows = [span for span in self.spans if span.length and span.problem is None]
        for span in first_middle_last(with_rows):
            with reading(source, file, span.group):
                columns = columns_below(opened[span.group], span.length)
            found.append(Found(f"{file or source.label}, {span.group}", *columns))
        self.found = with_others(found)
        self.notes = left_out(source.where(file), opened, lambda name: name in ("data", "mask"))
        total, rows = data.attrs.get("total"), sum(span.length for span in self.spans)
        if total is not None and int(total) != rows:
            self.notes.append(
                f"{source.where(file)} says that it has {int(total)} rows; its demos have {rows}."
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
    if not hasattr(demo, "keys"):
        raise KeyError("a group was expected, and a dataset stands there")
    said = demo.attrs.get("num_samples")
    if said is not None:
        return int(said)
    if "actions" in demo:
        return int(demo["actions"].shape[0])
    return max((int(dataset.shape[0]) for _, dataset in datasets_below(demo) if dataset.shape), default=0)


def _about(demo: Any) -> dict[str, Any]:
    """What the attributes of a demo say, and what the robot was told."""
    known = attributes_of(demo.attrs, ["num_samples"])
    task = _instruction(parsed(known.get("ep_meta")))
    return {**known, "task": task} if task else known


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
