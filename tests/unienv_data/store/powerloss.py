"""What a disk would still hold after the power is cut."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """Remembers what fsync has been called on: the content of files, by inode, and the names in folders."""

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}
        self.entries: dict[str, dict[str, int]] = {}
        self._held: dict[int, int] = {}  # open files, so that no inode is given away again

    def fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if stat.S_ISDIR(status.st_mode):
            self.entries[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            with open(path, "rb") as file:
                self.contents[status.st_ino] = file.read()
            if status.st_ino not in self._held:
                self._held[status.st_ino] = os.dup(descriptor)

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self._held.values():
            os.close(descriptor)

    def after_power_loss(self, target: Path, root: Path, *, names_last: bool) -> None:
        """Rebuild below `target` what would be left of `root`.

        Args:
            target: an empty folder.
            root: the folder that was written to.
            names_last: every name has reached the disk by itself, and the content of a file that was never
                synced has not; otherwise no name has that was not synced.
        """
        names = self.entries.get(str(root), {})
        if names_last:
            names = {entry.name: entry.inode() for entry in os.scandir(root)}
        for name, inode in names.items():
            if inode in self.contents:
                (target / name).write_bytes(self.contents[inode])
            elif (root / name).is_dir() or str(root / name) in self.entries:
                (target / name).mkdir()
                self.after_power_loss(target / name, root / name, names_last=names_last)
            else:
                (target / name).write_bytes(b"")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A disk in place of the true one, which need not be waited for; for tests marked `durable`."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the paths of open files are read from /proc")
    found = Disk()
    monkeypatch.setattr(os, "fsync", found.fsync)
    yield found
    found.close()
