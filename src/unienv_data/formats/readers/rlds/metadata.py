"""The folder of a TFDS dataset: its description and the files of each split."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = [
    "FEATURES",
    "INFO",
    "METADATA",
    "Dataset",
    "Shard",
    "find_folder",
    "load_dataset",
    "looks_like_tfds",
]

INFO = "dataset_info.json"
FEATURES = "features.json"
METADATA = "metadata.json"
FORMATS = ("tfrecord", "array_record")
_SHARD = re.compile(r"\.(tfrecord|array_record|riegeli|bagz)-\d+-of-\d+$")
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


@dataclass(frozen=True)
class Shard:
    """A file of records.

    Args:
        name: within the source.
        split: to which it belongs.
        records: how many it has.
    """

    name: str
    split: str
    records: int


@dataclass(frozen=True)
class Dataset:
    """What dataset_info.json says.

    Args:
        folder: where it stands, with a slash at the end or empty.
        name: of the dataset.
        version: of the dataset.
        file_format: of the records' files.
        shards: all files, split by split.
        about: what else it says of the dataset.
    """

    folder: str
    name: str
    version: str
    file_format: str
    shards: tuple[Shard, ...]
    about: Mapping[str, Any]


def looks_like_tfds(source: Source) -> bool:
    """Whether there are files of records as TFDS names them, or both of its descriptions."""
    names = source.files
    if any(_SHARD.search(name) for name in names):
        return True
    return any(name.endswith(INFO) and name[: -len(INFO)] + FEATURES in names for name in names)


def find_folder(source: Source) -> str:
    """The folder of the one dataset; of several versions the latest.

    Raises:
        ConversionError: there is none, or there are several datasets.
    """
    found = sorted({name[: -len(INFO)] for name in source.files if f"/{name}".endswith(f"/{INFO}")})
    if not found:
        raise ConversionError(
            f"{source.where()}: there is no {INFO}, which says what the files of records are"
        )
    above = {folder.rstrip("/").rpartition("/")[0] for folder in found}
    if len(above) > 1:
        raise ConversionError(
            f"{source.where()}: there are several datasets; name one of "
            f"{', '.join(folder.rstrip('/') for folder in found)}"
        )
    return (
        max(found, key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.rsplit("/", 2)[-2])])
        if len(found) > 1
        else found[0]
    )


def load_json(source: Source, name: str) -> Any:
    """A JSON file.

    Raises:
        ConversionError: it is missing, or no JSON.
    """
    try:
        return json.loads(source.read(name))
    except ValueError as exc:
        raise ConversionError(f"{source.where(name)}: not JSON: {exc}") from exc


def load_dataset(source: Source) -> Dataset:
    """What the source's dataset_info.json says.

    Raises:
        ConversionError: it is missing, damaged or incomplete, or the records are in files of another kind.
    """
    folder = find_folder(source)
    info, where = load_json(source, folder + INFO), source.where(folder + INFO)
    if not isinstance(info, dict):
        raise ConversionError(f"{where}: an object was expected, {type(info).__name__} came")
    problems = [
        f"{key} is {info.get(key)!r}, where {what} was expected"
        for key, kind, what in (
            ("name", str, "a text"),
            ("version", str, "a text"),
            ("splits", list, "a list"),
        )
        if not isinstance(info.get(key), kind)
    ]
    if problems:
        raise ConversionError(f"{where}: {'; '.join(problems)}")
    file_format = str(info.get("fileFormat", "tfrecord"))
    if file_format not in FORMATS:
        raise ConversionError(
            f"{where}: the records are in {file_format} files; {' and '.join(FORMATS)} can be read. Convert "
            f"them with TFDS: `tfds convert_format`"
        )
    config = {"config": info["configName"]} if info.get("configName") else {}
    kept = {key: info[key] for key in ("description", "citation", "releaseNotes") if info.get(key)}
    return Dataset(
        folder,
        info["name"],
        info["version"],
        file_format,
        tuple(
            shard
            for split in info["splits"]
            for shard in _shards(folder, info["name"], file_format, split, where)
        ),
        {"name": info["name"], "version": info["version"], **config, **kept},
    )


def _shards(folder: str, name: str, file_format: str, split: Any, where: str) -> list[Shard]:
    try:
        title = str(split["name"])
        lengths = [int(length) for length in split.get("shardLengths", [])]
        template = str(split.get("filepathTemplate") or _TEMPLATE)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ConversionError(
            f"{where}: a split has no name, or lengths that are no numbers: {split!r}"
        ) from exc
    count = len(lengths)
    shards = []
    for number, length in enumerate(lengths):
        file = template
        for key, value in {
            "DATASET": name,
            "SPLIT": title,
            "FILEFORMAT": file_format,
            "SHARD_INDEX": f"{number:05d}",
            "NUM_SHARDS": f"{count:05d}",
            "SHARD_X_OF_Y": f"{number:05d}-of-{count:05d}",
        }.items():
            file = file.replace("{" + key + "}", value)
        shards.append(Shard(folder + file.rsplit("/", 1)[-1], title, length))
    return shards
