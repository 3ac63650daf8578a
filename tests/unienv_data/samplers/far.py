"""A filesystem of this machine that nobody takes for one: its objects are read as those of a bucket are."""

from __future__ import annotations

import fsspec
from fsspec.implementations.local import LocalFileSystem


class FarFileSystem(LocalFileSystem):
    protocol = "far"

    def cat_file(self, path, start=None, end=None, **kwargs):  # type: ignore[no-untyped-def]
        if start is not None and start < 0:
            start = max(self.size(path) + start, 0)
        return super().cat_file(path, start, end, **kwargs)


fsspec.register_implementation("far", FarFileSystem, clobber=True)
