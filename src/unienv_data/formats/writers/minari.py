"""Minari's HDF5 form: `minari.load_dataset` opens the folder, where it is called by the dataset's id.

`data/metadata.json` and `data/main_data.hdf5` with `episode_<i>`. Observations have one value more than
there are
rows: it comes from the column that has each row's next observation, as conversions of Minari's own make it.
Numbers
keep their dtype. Source: Minari's page about its format, and minari/dataset/_storages/hdf5_storage.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.naming import Path as ColumnPath
from unienv_data.formats.naming import path_name
from unienv_data.formats.tabular.plain import PlainColumn, episode_rows, plain_columns, strict_json
from unienv_data.formats.writer import Writer
from unienv_data.formats.writers.minari_roles import (
    ACTIONS,
    FLAGS,
    OBSERVATIONS,
    REWARDS,
    Role,
    minari_roles,
)
from unienv_data.formats.writers.minari_spaces import as_text, hdf5_path, space_document
from unienv_interface._optional import import_optional

__all__ = ["MinariWriter"]

MAIN, METADATA = "data/main_data.hdf5", "data/metadata.json"
MINARI_VERSION = "0.5.1"
"""By whose format it is written; every later Minari takes it."""

CHUNK_BYTES = 1 << 20
SMALLEST_IMAGE = 32
JPEG_QUALITY = 95
_COMPRESSIONS = ("none", "gzip", "lzf")
_IMAGES = ("plain", "jpeg")
_ID = re.compile(r"[-\w]+-v\d+")
_SPACES = {OBSERVATIONS: "observation_space", ACTIONS: "action_space"}


class MinariWriter(Writer):
    """Writes a folder.

    Args:
        place: the folder.
        facts: of what will be written.
        options: checked.
    """

    name = "minari"
    title = "Minari"
    extra = "hdf5"
    members = (MAIN, METADATA)
    option_help: ClassVar[Mapping[str, str]] = {
        "compression": "of the arrays: none, the default as in Minari; gzip or lzf",
        "id": "of the dataset, as NAME-v0; by default the destination's name",
        "images": "how frames are stored: plain, the default, which loses nothing; or jpeg, as Minari does "
        "itself",
    }

    def __init__(self, place: Path, facts: Facts, options: Mapping[str, str]) -> None:
        h5py = import_optional("h5py", extra="hdf5")
        self._options = _checked(options)
        self._facts = facts
        self._roles = minari_roles(plain_columns(facts, self.title), self.title)
        self._about = episode_rows(facts)
        self._id = options.get("id") or _id_of(place)
        self._texts: dict[ColumnPath, tuple[int, str]] = {}
        self._spaces = {root: self._space(root) for root in _SPACES}
        self._text = h5py.string_dtype()
        self._bytes = h5py.vlen_dtype(np.uint8)
        (place / "data").mkdir(parents=True)
        self._place = place
        self._file = h5py.File(place / MAIN, "w", track_order=True)
        self._group: Any = None
        self._arrays: dict[ColumnPath, Any] = {}
        self._expected: dict[ColumnPath, NDArray[Any]] = {}

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        import_optional("h5py", extra="hdf5")
        given = _checked(check_options(cls, options))
        roles = minari_roles(plain_columns(facts, cls.title), cls.title)
        for role in roles:
            wanted = "a number" if role.path == (REWARDS,) else "a truth" if role.path[0] in FLAGS else ""
            if wanted and (role.column.dtype is None or role.column.shape not in ((), (1,))):
                raise ConversionError(
                    f"{cls.title}: {path_name(role.column.path)} would be its {role.path[0]}, {wanted} a "
                    "row, but "
                    f"holds {role.column.dtype or 'texts'} {list(role.column.shape)}; give it another name "
                    f"(--rename)"
                )
        if given.get("images") == "jpeg":
            import_optional("imagecodecs", extra="images")

    @classmethod
    def places(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Mapping[str, str]:
        roles = minari_roles(plain_columns(facts, cls.title), cls.title)
        return {role.column.source: path_name(role.path) for role in roles}

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        roles = minari_roles(plain_columns(facts, cls.title), cls.title)
        taken = {role.path for role in roles}
        moved = [
            f"{path_name(r.column.path)} as {path_name(r.path)}" for r in roles if r.column.path != r.path
        ]
        found = [f"Minari's own names are used: {', '.join(moved)}."] if moved else []
        if (REWARDS,) not in taken:
            found.append("There are no rewards; they are written as 0.")
        if not {(flag,) for flag in FLAGS} & taken:
            found.append("Nothing says how episodes end; they are written as truncated after their last row.")
        if any(role.path[0] == OBSERVATIONS and role.follower is None for role in roles):
            found.append(
                "Minari has an observation after the last row, which the source does not: the last one is "
                "written twice."
            )
        if (options or {}).get("images") == "jpeg":
            found.append(f"Frames are stored with loss, as JPEG of quality {JPEG_QUALITY}.")
        name = (options or {}).get("id") or _id_of(place)
        if name != place.name:
            found.append(
                f"The dataset's id is {name}; minari.load_dataset looks for it in a folder called so."
            )
        return found

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a folder."""
        return cls(place, facts, check_options(cls, options))

    def write(self, chunk: Chunk) -> None:
        if self._group is None:
            self._begin(chunk.episode)
        stop = chunk.start + chunk.rows
        for role in self._roles:
            values = role.column.checked(chunk.columns[role.column.source], chunk.rows)
            self._note_texts(role, values)
            self._put(role, chunk.start, values)
            if role.follower is not None:
                after = role.follower.checked(chunk.columns[role.follower.source], chunk.rows)
                self._check_follower(role, chunk, values, after)
                if chunk.ends_episode:
                    self._note_texts(role, after[-1:])
                    self._put(role, stop, after[-1:])
                self._expected[role.path] = (
                    after[-1].copy() if isinstance(after[-1], np.ndarray) else after[-1]
                )
            elif role.has_final and chunk.ends_episode:
                self._put(role, stop, values[-1:])
        if chunk.ends_episode:
            self._group = None
            self._arrays, self._expected = {}, {}

    def _put(self, role: Role, start: int, values: NDArray[Any]) -> None:
        array = self._arrays[role.path]
        if role.path[0] in FLAGS:
            values = values.reshape(len(values)).astype(bool)
        elif role.path == (REWARDS,):
            values = values.reshape(len(values))
        if self._is_jpeg(role):
            for row, frame in enumerate(values):
                array[start + row] = np.frombuffer(_jpeg(frame), np.uint8)
        else:
            array[start : start + len(values)] = values

    def _check_follower(self, role: Role, chunk: Chunk, values: NDArray[Any], after: NDArray[Any]) -> None:
        """Each row's next observation is the next row's observation: Minari keeps it once."""
        follower = role.follower
        before = self._expected.get(role.path)
        fits = _are_same(values[1:], after[:-1]) and (before is None or _are_same(values[0], before))
        if not fits and follower is not None:
            episode = self._facts.episodes["source_episode"][chunk.episode].as_py()
            raise ConversionError(
                f"{self.title}: {path_name(follower.path)} is not {path_name(role.column.path)} of the "
                "next row in "
                f"episode {episode}, rows {chunk.start} to {chunk.start + chunk.rows - 1}, and Minari "
                "keeps both "
                f"as one; leave it out: --exclude '{path_name(follower.path)}'"
            )

    def _note_texts(self, role: Role, values: NDArray[Any]) -> None:
        if role.column.dtype is None:
            longest, seen = self._texts.get(role.path, (1, ""))
            characters = "".join(sorted(set(seen).union(*values)))
            self._texts[role.path] = max(longest, *(len(text) for text in values)), characters

    def _begin(self, episode: int) -> None:
        """Make the episode's arrays, as long as they will be."""
        rows = self._facts.lengths[episode]
        self._group = self._file.create_group(f"episode_{episode}")
        self._describe(episode, rows)
        for role in self._roles:
            size, column = rows + role.has_final, role.column
            name = "/".join((role.path[0], *self._inner(role)))
            if role.path[0] in FLAGS:
                self._arrays[role.path] = self._group.create_dataset(name, (size,), np.bool_)
            elif role.path == (REWARDS,):
                self._arrays[role.path] = self._group.create_dataset(name, (size,), column.dtype)
            elif self._is_jpeg(role):
                self._arrays[role.path] = self._group.create_dataset(name, (size,), self._bytes)
            else:
                dtype = self._text if column.dtype is None else column.dtype
                packing = self._packing(column, size)
                self._arrays[role.path] = self._group.create_dataset(
                    name, (size, *column.shape), dtype, **packing
                )
        taken = {role.path for role in self._roles}
        if (REWARDS,) not in taken:
            self._group.create_dataset(REWARDS, data=np.zeros(rows))
        has_ending = bool({(flag,) for flag in FLAGS} & taken)
        for flag in FLAGS:
            if (flag,) not in taken:
                is_last = np.arange(rows) == rows - 1
                ends = is_last & (flag == FLAGS[1]) & (not has_ending)
                self._group.create_dataset(flag, data=ends)

    def _describe(self, episode: int, rows: int) -> None:
        about = dict(self._about[episode])
        name = self._facts.episodes["source_episode"][episode].as_py()
        if name != episode:
            about.setdefault("source_episode", name)
        for key, value in about.items():
            if value is not None and key not in ("id", "total_steps"):
                is_plain = isinstance(value, (str, bool, int, float))
                self._group.attrs[key.replace("/", ".")] = value if is_plain else strict_json(value)
        self._group.attrs["id"] = episode
        self._group.attrs["total_steps"] = rows

    def _space(self, root: str) -> Any:
        kept = self._facts.attributes.get(_SPACES[root])
        return space_document(self._roles, root, kept, self._texts)

    def _inner(self, role: Role) -> ColumnPath:
        if role.path[0] in self._spaces:
            return hdf5_path(role.path[1:], self._spaces[role.path[0]])
        return role.path[1:]

    def _is_jpeg(self, role: Role) -> bool:
        """Whether Minari takes a column for frames, and they are to be packed."""
        column = role.column
        return (
            self._options.get("images") == "jpeg"
            and role.path[0] in _SPACES
            and column.is_frame
            and column.shape[2] == 3
            and min(column.shape[:2]) >= SMALLEST_IMAGE
        )

    def _packing(self, column: PlainColumn, rows: int) -> dict[str, Any]:
        compression = self._options.get("compression", "none")
        if compression == "none" or column.dtype is None or 0 in column.shape:
            return {}
        chunk = min(rows, max(1, CHUNK_BYTES // max(1, column.row_bytes)))
        return {"compression": compression, "chunks": (chunk, *column.shape)}

    def finish(self) -> None:
        self._file.close()
        kept = {key: value for key, value in self._facts.attributes.items() if value is not None}
        described: dict[str, Any] = {
            key: strict_json(value) if key.endswith("_spec") and not isinstance(value, str) else value
            for key, value in json.loads(strict_json(kept)).items()
        }
        described |= {
            "total_episodes": len(self._facts.lengths),
            "total_steps": self._facts.rows,
            "data_format": "hdf5",
            "jpeg_encoding": self._options.get("images") == "jpeg",
            "dataset_size": round((self._place / MAIN).stat().st_size / 1e6, 1),
            "dataset_id": self._id,
            "minari_version": MINARI_VERSION,
        }
        for root, key in _SPACES.items():
            described[key] = as_text(self._space(root))
        (self._place / METADATA).write_text(json.dumps(described))

    def close(self) -> None:
        self._file.close()


def _are_same(mine: Any, theirs: Any) -> bool:
    """Whether two arrays, or texts, are equal to the bit."""
    if isinstance(mine, str):
        return bool(mine == theirs)
    one, other = np.asarray(mine), np.asarray(theirs)
    if one.dtype == object:
        return list(one.reshape(-1)) == list(other.reshape(-1))
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _jpeg(frame: NDArray[Any]) -> bytes:
    codecs = import_optional("imagecodecs", extra="images")
    picture = np.ascontiguousarray(frame[..., 0] if frame.shape[-1] == 1 else frame)
    return bytes(codecs.jpeg8_encode(picture, level=JPEG_QUALITY))


def _id_of(place: Path) -> str:
    """An id as Minari takes them: `name-v0`."""
    name = re.sub(r"[^-\w]", "_", place.name, flags=re.ASCII)
    return name if _ID.fullmatch(name) else f"{name}-v0"


def _checked(options: Mapping[str, str]) -> Mapping[str, str]:
    for name, known in (("compression", _COMPRESSIONS), ("images", _IMAGES)):
        if name in options and options[name] not in known:
            raise ConversionError(f"Minari: {name} is {' or '.join(known)}, not {options[name]!r}")
    if "id" in options and not _ID.fullmatch(options["id"].rsplit("/", 1)[-1]):
        raise ConversionError(f"Minari: id is as NAME-v0, not {options['id']!r}")
    return options
