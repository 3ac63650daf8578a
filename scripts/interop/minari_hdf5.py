"""Minari datasets of unienv-data, read by Minari.

    python minari_hdf5.py write FOLDER SOURCE     where unienv-data is installed
    python minari_hdf5.py read FOLDER             where minari[hdf5] is

The two need nothing of each other. `write` converts SOURCE, of any format, first into a dataset of
unienv-data
and that into Minari's HDF5 form in FOLDER, and keeps the dataset's rows beside it; `read` opens the result by
`minari.load_dataset`, reads every episode and compares.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

NAME = "written-by-unienv-v0"


def write(folder: Path, source: str) -> int:
    """Convert there, and keep what the rows are by Minari's names."""
    folder.mkdir(parents=True, exist_ok=True)
    conversion = import_module("unienv_data.conversion")
    formats = import_module("unienv_data.formats")
    plain = import_module("unienv_data.formats.tabular.plain")
    roles = import_module("unienv_data.formats.writers.minari_roles")
    store = str(folder / "source.zarr")
    conversion.run_conversion(conversion.plan_conversion(source, store))
    options = conversion.ConversionOptions(to="minari")
    conversion.run_export(conversion.plan_export(store, str(folder / NAME), options))
    rows: dict[str, Any] = {}
    with formats.open_reader(formats.Source(store)) as reader:
        facts = reader.facts()
        known = roles.minari_roles(plain.plain_columns(facts, "Minari"), "Minari")
        names = [role.column.source for role in known]
        names += [role.follower.source for role in known if role.follower is not None]
        for chunk in reader.chunks(names, range(len(facts.lengths)), target_bytes=1 << 40):
            for role in known:
                values = chunk.columns[role.column.source]
                if role.has_final:
                    last = values if role.follower is None else chunk.columns[role.follower.source]
                    values = np.concatenate([values, last[-1:]])
                if values.dtype == object:
                    values = values.astype(str)
                rows[f"{chunk.episode}|{'/'.join(role.path)}"] = values
    np.savez(folder / "rows.npz", **rows)
    return len(rows)


def read(folder: Path) -> int:
    """Read every episode by Minari, and compare."""
    os.environ["MINARI_DATASETS_PATH"] = str(folder.resolve())
    minari = import_module("minari")
    dataset = minari.load_dataset(NAME)
    wrong = []
    with np.load(folder / "rows.npz") as expected:
        found: dict[str, Any] = {}
        for episode in dataset.iterate_episodes():
            for root in ("observations", "actions", "rewards", "terminations", "truncations", "infos"):
                for name, values in _flat(root, getattr(episode, root)):
                    found[f"{episode.id}|{name}"] = values
            space = dataset.observation_space
            if not space.contains(_first(episode.observations)):
                wrong.append(f"the first observation of episode {episode.id} is not of {space}")
        for key in expected.files:
            mine, theirs = np.asarray(found.get(key)), expected[key]
            if mine.dtype == object:
                mine = np.array(
                    [text.decode() if isinstance(text, bytes) else text for text in mine.tolist()]
                )
            is_same_type = mine.dtype == theirs.dtype or mine.dtype.kind == theirs.dtype.kind == "U"
            if not is_same_type or mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes():
                wrong.append(f"{key} ({mine.dtype} {mine.shape}, {theirs.dtype} {theirs.shape})")
        count = len(expected.files)
    if wrong or not count:
        raise SystemExit(f"{len(wrong)} of {count} differ: {', '.join(wrong[:9])}")
    print(f"minari {minari.__version__}: {dataset.total_episodes} episodes, {dataset.total_steps} steps")
    print(f"observations {dataset.observation_space}, actions {dataset.action_space}")
    return count


def _flat(name: str, values: Any) -> list[tuple[str, Any]]:
    if values is None:
        return []
    if isinstance(values, tuple):
        values = dict(enumerate(values))
    if isinstance(values, dict):
        return [pair for key, each in values.items() for pair in _flat(f"{name}/{key}", each)]
    return [(name, values)]


def _first(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _first(each) for key, each in values.items()}
    return tuple(map(_first, values)) if isinstance(values, tuple) else values[0]


def main(arguments: list[str]) -> None:
    """Write or read a folder, as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", choices=("write", "read"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("source", nargs="?")
    given = parser.parse_args(arguments)
    count = write(given.folder, given.source or "") if given.action == "write" else read(given.folder)
    print(f"{given.action}: {count} columns of episodes")


if __name__ == "__main__":
    main(sys.argv[1:])
