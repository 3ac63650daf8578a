"""robomimic's HDF5: `data/demo_<i>` with actions, rewards, dones, states, obs/* and whatever else there is.

Numbers keep their dtype. Where the source uses other words for what robomimic has a name for, that name is
used, see `robomimic_names`. Attributes of the whole are those of `data`, what is known of an episode is its
demo's, and its splits are `mask/<split>`. Source: robomimic's pages about datasets, and SequenceDataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.naming import Path as ColumnPath
from unienv_data.formats.naming import path_name
from unienv_data.formats.tabular.plain import PlainColumn, episode_rows, plain_columns, strict_json
from unienv_data.formats.writer import Writer
from unienv_interface._optional import import_optional

__all__ = ["RobomimicWriter", "robomimic_names"]

ENV_ARGS = "env_args"
CHUNK_BYTES = 1 << 20
_COMPRESSIONS = ("none", "gzip", "lzf")
_ANSWERS = ("yes", "no")
_DEMO = re.compile(r"demo_\d+")


class RobomimicWriter(Writer):
    """Writes one HDF5 file.

    Args:
        place: the file.
        facts: of what will be written.
        options: checked.
    """

    name = "robomimic"
    title = "robomimic HDF5"
    extensions = (".hdf5", ".h5")
    extra = "hdf5"
    option_help: ClassVar[Mapping[str, str]] = {
        "complete": "yes adds rewards (0) and dones (1 in the last row) where the source has none; or no",
        "compression": "of the arrays: none, the default as in robomimic; gzip or lzf",
        ENV_ARGS: "JSON of the environment, for robomimic's training; what the source says by default",
    }

    def __init__(self, place: Path, facts: Facts, options: Mapping[str, str]) -> None:
        h5py = import_optional("h5py", extra="hdf5")
        self._facts = facts
        self._options = _checked(options)
        self._columns = plain_columns(facts, self.title)
        self._names = robomimic_names(self._columns)
        self._about = episode_rows(facts)
        self._demos = _demo_names(facts)
        self._text = h5py.string_dtype()
        self._file = h5py.File(place, "w")
        self._data = self._file.create_group("data")
        self._demo: dict[str, Any] = {}

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        import_optional("h5py", extra="hdf5")
        _checked(check_options(cls, options))
        columns = plain_columns(facts, cls.title)
        for column in columns:
            if any("/" in part or part in ("", ".", "..") for part in column.path):
                raise ConversionError(
                    f"{cls.title}: {path_name(column.path)} has a slash, or a dot alone, as a part of it, "
                    f"{column.path}, which HDF5 takes for a group; give it another name (--rename)"
                )
        robomimic_names(columns)

    @classmethod
    def places(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Mapping[str, str]:
        columns = plain_columns(facts, cls.title)
        names = robomimic_names(columns)
        return {column.source: names[column.path] for column in columns}

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        given = dict(options or {})
        names = robomimic_names(plain_columns(facts, cls.title))
        found = []
        renamed = [f"{path_name(path)} as {name}" for path, name in names.items() if path_name(path) != name]
        if renamed:
            found.append(f"robomimic's own names are used: {', '.join(renamed)}.")
        if "actions" not in names.values():
            found.append(
                "There is no column that could be robomimic's actions; --rename OLD=actions names one."
            )
        if ENV_ARGS not in facts.attributes and ENV_ARGS not in given:
            found.append(
                "Nothing says which environment this was (env_args), which robomimic's training asks for; "
                "--to-option env_args=JSON says it."
            )
        return found

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a file."""
        return cls(place, facts, check_options(cls, options))

    def write(self, chunk: Chunk) -> None:
        if not self._demo:
            self._begin(chunk.episode)
        stop = chunk.start + chunk.rows
        for column in self._columns:
            values = column.checked(chunk.columns[column.source], chunk.rows)
            self._demo[self._names[column.path]][chunk.start : stop] = values
        if chunk.ends_episode:
            self._demo = {}

    def finish(self) -> None:
        attributes = dict(self._facts.attributes)
        if ENV_ARGS in self._options:
            attributes[ENV_ARGS] = json.loads(self._options[ENV_ARGS])
        _describe(self._data, attributes)
        self._data.attrs["total"] = self._facts.rows
        for split, demos in _splits(self._demos, self._about).items():
            self._file.create_dataset(f"mask/{split}", data=np.array(demos, dtype=np.bytes_))
        self._file.close()

    def close(self) -> None:
        self._file.close()

    def _begin(self, episode: int) -> None:
        """Make the demo's arrays, as long as they will be."""
        rows = self._facts.lengths[episode]
        demo = self._data.create_group(self._demos[episode])
        about = {key: value for key, value in self._about[episode].items() if key not in ("split", "splits")}
        _describe(demo, about)
        demo.attrs["num_samples"] = rows
        for column in self._columns:
            dtype = self._text if column.dtype is None else column.dtype
            shape = (rows, *column.shape)
            name = self._names[column.path]
            self._demo[name] = demo.create_dataset(name, shape, dtype, **self._packing(column, rows))
        if self._options.get("complete") == "yes":
            if "rewards" not in self._demo:
                demo.create_dataset("rewards", data=np.zeros(rows))
            if "dones" not in self._demo:
                demo.create_dataset("dones", data=(np.arange(rows) == rows - 1).astype(np.int64))

    def _packing(self, column: PlainColumn, rows: int) -> dict[str, Any]:
        compression = self._options.get("compression", "none")
        if compression == "none" or column.dtype is None or not rows or 0 in column.shape:
            return {}
        chunk = min(rows, max(1, CHUNK_BYTES // max(1, column.row_bytes)))
        return {"compression": compression, "chunks": (chunk, *column.shape)}


_WORDS: Mapping[ColumnPath, str] = {
    ("action",): "actions",
    ("reward",): "rewards",
    ("next", "reward"): "rewards",
    ("done",): "dones",
    ("next", "done"): "dones",
}
_GROUPS = {
    "observation": "obs",
    "observations": "obs",
    "next_observation": "next_obs",
    "next_observations": "next_obs",
}


def robomimic_names(columns: Iterable[PlainColumn]) -> dict[ColumnPath, str]:
    """Where each column stands in a demo: by robomimic's own name, unless another column has it.

    Raises:
        ConversionError: one column would lie inside another.
    """
    paths = [column.path for column in columns]
    plain = {"/".join(path) for path in paths}
    names: dict[ColumnPath, str] = {}
    for path in paths:
        own = "/".join(path)
        name = _WORDS.get(path, own)
        if path[0] in _GROUPS:
            name = "/".join((_GROUPS[path[0]], *(path[1:] or path)))
        names[path] = own if name != own and (name in plain or name in names.values()) else name
    taken = set(names.values())
    for name in taken:
        parts = name.split("/")
        outer = next((o for d in range(1, len(parts)) if (o := "/".join(parts[:d])) in taken), None)
        if outer is not None:
            raise ConversionError(
                f"robomimic HDF5: {name} would lie inside {outer}; give one another name (--rename)"
            )
    return names


def _describe(group: Any, about: Mapping[str, Any]) -> None:
    """What is known, as attributes: numbers and texts as they are, everything else as JSON."""
    for key, value in about.items():
        if value is not None:
            group.attrs[key] = value if isinstance(value, (str, bool, int, float)) else strict_json(value)


def _demo_names(facts: Facts) -> list[str]:
    """What the demos are called: as in the source, if all are called so there; else by their numbers."""
    given = facts.episodes["source_episode"].to_pylist()
    if all(isinstance(name, str) and _DEMO.fullmatch(name) for name in given) and len(set(given)) == len(
        given
    ):
        return [str(name) for name in given]
    return [f"demo_{number}" for number in range(len(given))]


def _splits(demos: Sequence[str], about: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Split -> the demos in it."""
    found: dict[str, list[str]] = {}
    for demo, known in zip(demos, about, strict=True):
        several = known.get("splits")
        names = several if isinstance(several, list) else [known.get("split")]
        for name in names:
            if isinstance(name, str) and name:
                found.setdefault(name, []).append(demo)
    return found


def _checked(options: Mapping[str, str]) -> Mapping[str, str]:
    for name, known in (("complete", _ANSWERS), ("compression", _COMPRESSIONS)):
        if name in options and options[name] not in known:
            raise ConversionError(f"robomimic HDF5: {name} is {' or '.join(known)}, not {options[name]!r}")
    if ENV_ARGS in options:
        try:
            json.loads(options[ENV_ARGS])
        except ValueError as exc:
            raise ConversionError(f"robomimic HDF5: env_args is not JSON: {exc}") from exc
    return options
