"""RLDS episodes as TFDS keeps them: `tensorflow_datasets.builder_from_directory` opens the folder.

Written without TensorFlow: TFRecord files of one Example an episode, features.json and dataset_info.json.
Nothing is lost: float64 and uint64, which an Example cannot hold, are stored as their bytes (TFDS's own
encoding), frames as PNG. What is known of the whole is metadata.json, where TFDS keeps such. Source: TFDS's
pages about its format of folders, and RLDS's about episodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.naming import path_name
from unienv_data.formats.readers.rlds.described import (
    Described,
    Known,
    described_columns,
    features_document,
    known_of_episodes,
    rlds_paths,
)
from unienv_data.formats.readers.rlds.metadata import FEATURES, INFO, METADATA
from unienv_data.formats.readers.rlds.spool import ExampleSpool
from unienv_data.formats.tabular.plain import PlainColumn, plain_columns, strict_json
from unienv_data.formats.writer import Writer
from unienv_data.store import pool
from unienv_interface._optional import import_optional

__all__ = ["RldsWriter"]

SHARD_BYTES = 256 << 20
FIRST, LAST, TERMINAL = "is_first", "is_last", "is_terminal"
DEFAULT_SPLIT = "train"
JPEG_QUALITY = 95
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_IMAGES = ("png", "jpeg", "none")
_ANSWERS = ("yes", "no")


class RldsWriter(Writer):
    """Writes a folder of TFRecord files.

    Args:
        place: the folder. If its name is no version, the dataset is called so and its version is a folder in
        it.
        facts: of what will be written.
        options: checked.
    """

    name = "rlds"
    title = "RLDS / TFDS"
    extra = "images"
    members = ("*.tfrecord-*", f"*{INFO}", f"*{FEATURES}", f"*{METADATA}", "*.labels.txt")
    option_help: ClassVar[Mapping[str, str]] = {
        "complete": "yes adds reward (0), discount (1) and is_terminal (the last step) where there are "
        "none; or no",
        "images": "how frames are stored: png, the default, which loses nothing; jpeg; none for plain "
        "numbers",
        "name": "of the dataset; by default the destination's",
        "version": "of the dataset, 1.0.0 by default",
    }

    def __init__(self, place: Path, facts: Facts, options: Mapping[str, str]) -> None:
        given = _checked(options)
        self._facts = facts
        self._columns = described_columns(
            plain_columns(facts, self.title), self.title, given.get("images", "png")
        )
        self._added = _added(self._columns, given)
        self._known = _known(facts)
        self._splits = _splits(facts)
        is_version = _VERSION.fullmatch(place.name) is not None
        self._version = place.name if is_version else given.get("version", "1.0.0")
        self._dataset = _dataset_name(given.get("name") or ("dataset" if is_version else place.name))
        self._folder = place if is_version else place / self._version
        self._folder.mkdir(parents=True)
        self._shards: dict[str, list[_Shard]] = {}
        self._example: ExampleSpool | None = None

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        given = _checked(check_options(cls, options))
        columns = described_columns(plain_columns(facts, cls.title), cls.title, given.get("images", "png"))
        if any(column.kind == "image" for column in columns):
            import_optional("imagecodecs", extra="images")
        for column in columns:
            if column.path == (FIRST,) or column.path == (LAST,):
                _require_flag(column.column)

    @classmethod
    def places(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Mapping[str, str]:
        paths = rlds_paths(plain_columns(facts, cls.title), cls.title)
        return {name: path_name(path) for name, path in paths.items()}

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        columns = plain_columns(facts, cls.title)
        paths = rlds_paths(columns, cls.title)
        renamed = [
            f"{path_name(column.path)} as {path_name(paths[column.source])}"
            for column in columns
            if paths[column.source] != column.path
        ]
        found = [f"RLDS's own names are used: {', '.join(renamed)}."] if renamed else []
        if (options or {}).get("images") == "jpeg":
            found.append(f"Frames are stored with loss, as JPEG of quality {JPEG_QUALITY}.")
        if ("action",) not in paths.values():
            found.append("There is no column that could be RLDS's action; --rename OLD=action names one.")
        return found

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a folder."""
        return cls(place, facts, check_options(cls, options))

    def write(self, chunk: Chunk) -> None:
        if self._example is None:
            self._example = ExampleSpool(self._folder)
        example = self._example
        for column in self._columns:
            values = column.column.checked(chunk.columns[column.column.source], chunk.rows)
            _add(example, column, values)
        self._add_flags(example, chunk)
        if chunk.ends_episode:
            self._end(example, chunk.episode)

    def _add_flags(self, example: ExampleSpool, chunk: Chunk) -> None:
        rows = chunk.start + np.arange(chunk.rows)
        last = rows == self._facts.lengths[chunk.episode] - 1
        made = {FIRST: rows == 0, LAST: last, TERMINAL: last}
        for name in self._added:
            if name in made:
                example.int64_list(f"steps/{name}").add_integers(made[name].astype(np.int64))
            else:
                fill = np.full(chunk.rows, 1 if name == "discount" else 0, np.float32)
                example.float_list(f"steps/{name}").add_floats(fill)

    def _end(self, example: ExampleSpool, episode: int) -> None:
        for known in self._known:
            key, value = f"episode_metadata/{known.name}", known.values[episode]
            if known.kind == "text":
                example.bytes_list(key).add_bytes([str(value).encode()])
            elif known.kind == "raw":
                example.bytes_list(key).add_bytes([np.array(value, "<f8").tobytes()])
            else:
                example.int64_list(key).add_integers(np.array([value], np.int64))
        shard = self._shard(self._splits[episode])
        what = f"{self.title}: episode {self._facts.episodes['source_episode'][episode].as_py()}"
        shard.bytes += example.write(shard.file, what)
        shard.records += 1
        example.close()
        self._example = None

    def _shard(self, split: str) -> _Shard:
        """The file that takes the split's next episode: a new one where the last is large enough."""
        shards = self._shards.setdefault(split, [])
        if not shards or shards[-1].bytes >= SHARD_BYTES:
            if shards:
                shards[-1].file.close()
            shards.append(_Shard(self._folder / f"{split}.{len(shards)}.part"))
        return shards[-1]

    def finish(self) -> None:
        for split, shards in self._shards.items():
            for number, shard in enumerate(shards):
                shard.file.close()
                name = f"{self._dataset}-{split}.tfrecord-{number:05d}-of-{len(shards):05d}"
                shard.path.rename(self._folder / name)
        added = {name: "bool" if name.startswith("is_") else "float32" for name in self._added}
        _write_json(self._folder / FEATURES, features_document(self._columns, self._known, added))
        _write_json(self._folder / INFO, self._info())
        if self._facts.attributes:
            _write_json(self._folder / METADATA, json.loads(strict_json(dict(self._facts.attributes))))

    def _info(self) -> dict[str, Any]:
        return {
            "name": self._dataset,
            "version": self._version,
            "fileFormat": "tfrecord",
            "splits": [
                {
                    "name": split,
                    "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                    "numBytes": str(sum(shard.bytes for shard in shards)),
                    "shardLengths": [str(shard.records) for shard in shards],
                }
                for split, shards in self._shards.items()
            ],
        }

    def close(self) -> None:
        if self._example is not None:
            self._example.close()
            self._example = None
        for shards in self._shards.values():
            for shard in shards:
                shard.file.close()


class _Shard:
    """A file of records that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] = path.open("wb")
        self.records = 0
        self.bytes = 0


def _add(example: ExampleSpool, column: Described, values: NDArray[Any]) -> None:
    if column.kind == "text":
        example.bytes_list(column.key).add_bytes([str(text).encode() for text in values])
    elif column.kind == "image":
        files = pool.map_threaded(lambda row: _image_file(values[row], column.encoding), range(len(values)))
        example.bytes_list(column.key).add_bytes(list(files))
    elif column.kind == "raw":
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        example.bytes_list(column.key).add_bytes([row.tobytes() for row in little])
    elif column.kind == "floats":
        example.float_list(column.key).add_floats(values.reshape(-1).astype(np.float32))
    else:
        example.int64_list(column.key).add_integers(values.reshape(-1).astype(np.int64))


def _image_file(frame: NDArray[Any], encoding: str) -> bytes:
    codecs = import_optional("imagecodecs", extra="images")
    picture = np.ascontiguousarray(frame[..., 0] if frame.shape[-1] == 1 else frame)
    if encoding == "jpeg":
        return bytes(codecs.jpeg8_encode(picture, level=JPEG_QUALITY))
    return bytes(codecs.png_encode(picture))


def _added(columns: Sequence[Described], options: Mapping[str, str]) -> list[str]:
    """What steps get that the source does not have."""
    asked = [FIRST, LAST]
    if options.get("complete") == "yes":
        asked += [TERMINAL, "reward", "discount"]
    taken = {column.path[0] for column in columns}
    return [name for name in asked if name not in taken]


def _require_flag(column: PlainColumn) -> None:
    if column.dtype != np.bool_ or column.shape:
        raise ConversionError(
            f"RLDS / TFDS: {path_name(column.path)} holds {column.dtype or 'texts'} {list(column.shape)}, "
            "where "
            f"RLDS has a truth a step; give it another name (--rename)"
        )


def _known(facts: Facts) -> list[Known]:
    """What is known of the episodes; what the source calls them is their episode_id, if they have none."""
    found = known_of_episodes(facts.episodes, ("length", "split", "source_episode"))
    if all(known.name != "episode_id" for known in found):
        table = facts.episodes.select(["source_episode"]).rename_columns(["episode_id"])
        found += known_of_episodes(table, ())
    return found


def _splits(facts: Facts) -> list[str]:
    """Each episode's split, as TFDS can call it."""
    if "split" not in facts.episodes.column_names:
        return [DEFAULT_SPLIT] * len(facts.lengths)
    given = facts.episodes["split"].to_pylist()
    return [re.sub(r"\W", "_", str(name), flags=re.ASCII) if name else DEFAULT_SPLIT for name in given]


def _dataset_name(text: str) -> str:
    """A name as TFDS takes them: letters, digits and underscores, a letter first."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return name if re.match(r"[A-Za-z]", name) else f"dataset_{name}"


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n")


def _checked(options: Mapping[str, str]) -> Mapping[str, str]:
    for name, known in (("complete", _ANSWERS), ("images", _IMAGES)):
        if name in options and options[name] not in known:
            raise ConversionError(f"RLDS / TFDS: {name} is {' or '.join(known)}, not {options[name]!r}")
    if not _VERSION.fullmatch(options.get("version", "1.0.0")):
        raise ConversionError(f"RLDS / TFDS: version is as 1.0.0, not {options['version']!r}")
    return options
