"""RLDS datasets of unienv-data, read by tensorflow_datasets.

    python rlds_tfds.py write FOLDER [SOURCE]     where unienv-data is installed
    python rlds_tfds.py read FOLDER               where tensorflow and tensorflow_datasets are

The two need nothing of each other. `write` writes a recording with columns of every kind, or a SOURCE of any
format, as RLDS into FOLDER, and beside it what its rows are; `read` opens it by
`tensorflow_datasets.builder_from_directory`, reads every step and compares.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

NAME = "written_by_unienv"
LENGTHS = (5, 1, 9, 4)
KINDS = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)


def rows_of_every_kind() -> dict[str, Any]:
    """Columns of all data types, some shapes, texts, frames and depth."""
    rng, rows = np.random.default_rng(0), sum(LENGTHS)
    found: dict[str, Any] = {}
    for name in KINDS:
        if name.startswith("float"):
            found[f"numbers/{name}"] = rng.normal(size=(rows, 3)).astype(name)
        else:
            info = np.iinfo(name)
            found[f"numbers/{name}"] = rng.integers(info.min, info.max, rows, dtype=name, endpoint=True)
    found["numbers/matrix"] = rng.normal(size=(rows, 2, 3))
    found["flag"] = rng.random(rows) < 0.5
    found["action"] = rng.normal(size=(rows, 2)).astype(np.float32)
    found["observation/image"] = rng.integers(0, 256, (rows, 24, 32, 3), dtype=np.uint8)
    found["observation/depth"] = rng.integers(0, 1 << 16, (rows, 24, 32, 1), dtype=np.uint16)
    found["language_instruction"] = np.array([f"step {row} – é" for row in range(rows)], dtype=object)
    return found


def write(folder: Path, source: str | None) -> int:
    """Write a dataset, and what its rows are."""
    folder.mkdir(parents=True, exist_ok=True)
    conversion = import_module("unienv_data.conversion")
    formats = import_module("unienv_data.formats")
    place = folder / "source.zarr"
    if source is None:
        source = str(place)
        _store(place)
    options = conversion.ConversionOptions(to="rlds")
    conversion.run_export(conversion.plan_export(source, str(folder / NAME), options))
    rows = {}
    with formats.open_reader(formats.Source(str(folder / NAME))) as reader:
        facts = reader.facts()
        names = [column.name for column in facts.columns]
        for chunk in reader.chunks(names, range(len(facts.lengths)), target_bytes=1 << 40):
            for name, values in chunk.columns.items():
                label = facts.episodes["source_episode"][chunk.episode].as_py()
                rows[f"{label}|{name}"] = values.astype(str) if values.dtype == object else values
    np.savez(folder / "rows.npz", **rows)
    return len(rows)


def _store(place: Path) -> None:
    data = import_module("unienv_data")
    arrow = import_module("unienv_data.formats.tabular.arrow")
    naming = import_module("unienv_data.formats.naming")
    base = import_module("unienv_data.formats.base")
    rows = rows_of_every_kind()
    paths = {name: tuple(name.split("/")) for name in rows}
    space = base.space_of(
        {
            paths[name]: arrow.text_space()
            if values.dtype == object
            else arrow.array_space(values.dtype, values.shape[1:])
            for name, values in rows.items()
        }
    )
    storage = import_module("unienv_data.storages").ZarrStorage
    with data.ReplayBuffer.create(storage, space, cache_path=str(place), capacity=None) as buffer:
        start = 0
        for number, length in enumerate(LENGTHS):
            part = {paths[name]: values[start : start + length] for name, values in rows.items()}
            buffer.append_batch(naming.nest(part))
            buffer.mark_segment_end(episode={"success": number % 2 == 0, "score": number / 3, "who": "é"})
            start += length


def read(folder: Path) -> int:
    """Read every step by TFDS, and compare."""
    datasets = import_module("tensorflow_datasets")
    versions = sorted((folder / NAME).iterdir())
    builder = datasets.builder_from_directory(versions[-1])
    config = datasets.ReadConfig(add_tfds_id=True)
    compared, wrong, steps = 0, [], 0
    with np.load(folder / "rows.npz") as expected:
        left = set(expected.files)
        for split in builder.info.splits:
            episodes = builder.as_dataset(split=split, read_config=config, shuffle_files=False)
            for episode in datasets.as_numpy(episodes):
                label = episode["tfds_id"].decode()
                found: dict[str, list[Any]] = {}
                for step in episode["steps"]:
                    steps += 1
                    for name, value in _flat(step):
                        found.setdefault(name, []).append(value)
                for name, values in found.items():
                    key = f"{label}|{name}"
                    left.discard(key)
                    compared += 1
                    mine = _texts(values) if isinstance(values[0], bytes) else np.stack(values)
                    theirs = expected[key]
                    if not _are_equal(mine, theirs):
                        wrong.append(f"{key} ({mine.dtype} {mine.shape}, {theirs.dtype} {theirs.shape})")
    if wrong or left or not compared:
        raise SystemExit(f"{len(wrong)} of {compared} differ, {len(left)} are missing: {wrong[:9]} {left}")
    print(f"{steps} steps; splits {', '.join(builder.info.splits)}; features {builder.info.features}")
    return compared


def _are_equal(mine: Any, theirs: Any) -> bool:
    is_same_type = mine.dtype == theirs.dtype or mine.dtype.kind == theirs.dtype.kind == "U"
    return is_same_type and bool(np.array_equal(mine, theirs))


def _texts(values: list[bytes]) -> Any:
    return np.array([value.decode() for value in values])


def _flat(step: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in step.items():
        found += _flat(value, f"{before}{key}/") if isinstance(value, dict) else [(before + key, value)]
    return found


def main(arguments: list[str]) -> None:
    """Write or read a folder, as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", choices=("write", "read"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("source", nargs="?")
    given = parser.parse_args(arguments)
    count = write(given.folder, given.source) if given.action == "write" else read(given.folder)
    print(f"{given.action}: {count} columns of episodes")


if __name__ == "__main__":
    main(sys.argv[1:])
