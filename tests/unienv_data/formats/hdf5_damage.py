"""What is done to HDF5 files in tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Damage", "cut", "delete", "edit", "empty", "no_hdf5", "replace", "spoil_chunk"]

Damage = Callable[[Path], None]


def cut(path: Path) -> None:
    """The last part is missing, as after a copy that was ended early."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def no_hdf5(path: Path) -> None:
    path.write_bytes(b"x" * 3000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def edit(act: Callable[[Any], None]) -> Damage:
    """Something is done to the open file."""

    def damage(path: Path) -> None:
        import h5py

        with h5py.File(path, "r+") as file:
            act(file)

    return damage


def delete(name: str) -> Damage:
    def act(file: Any) -> None:
        del file[name]

    return edit(act)


def replace(name: str, values: Any) -> Damage:
    def act(file: Any) -> None:
        del file[name]
        file[name] = values

    return edit(act)


def spoil_chunk(name: str, number: int) -> Damage:
    """Some bytes of a compressed chunk are others."""

    def damage(path: Path) -> None:
        import h5py

        with h5py.File(path) as file:
            info = file[name].id.get_chunk_info(number)
        with path.open("r+b") as raw:
            raw.seek(info.byte_offset + 10)
            raw.write(b"\xff" * 40)

    return damage
