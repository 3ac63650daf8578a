"""What a disk would still hold after the power is cut."""

from __future__ import annotations

import os
import stat

import pytest

Durable = tuple[dict[int, bytes], dict[str, dict[str, int]]]


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> Durable:
    """What fsync has been called on: the content of files by inode, and the names in folders."""
    contents: dict[int, bytes] = {}
    entries: dict[str, dict[str, int]] = {}

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if stat.S_ISDIR(status.st_mode):
            entries[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            with open(path, "rb") as file:
                contents[status.st_ino] = file.read()

    monkeypatch.setattr(os, "fsync", fsync)
    return contents, entries
