"""Where a cache is to stand, and how large it may become."""

from __future__ import annotations

import hashlib
import operator
import os
import sys
from dataclasses import dataclass
from typing import Any, Self

from unienv_data.errors import DatasetError
from unienv_data.store import platform

__all__ = ["CacheOptions"]

_TAG = "CACHEDIR.TAG"
_TAG_CONTENT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Copies of objects of remote datasets, made by unienv-data. They can be removed at any time.\n"
    "# Cache directory tagging: https://bford.info/cachedir/\n"
)


@dataclass(frozen=True)
class CacheOptions:
    """A folder for copies of remote objects.

    Attributes:
        folder: its absolute path; it exists.
        limit: bytes that copies may take there, of all datasets together; None for half of the disk that
            would be free without them.
    """

    folder: str
    limit: int | None = None

    @classmethod
    def of(cls, cache_dir: str | os.PathLike[str] | None, cache_bytes: Any = None) -> Self | None:
        """The options that a user gives; None where no cache is wanted.

        Args:
            cache_dir: a folder on a disk of this machine, `~` being the user's; made where it is missing.
            cache_bytes: a number of bytes.

        Raises:
            DatasetError: the folder is on another machine's disk, where locks and memory maps break, or
                cannot be made.
            ValueError: `cache_bytes` without a folder, or less than 1.
        """
        limit = None if cache_bytes is None else operator.index(cache_bytes)
        if limit is not None and limit < 1:
            raise ValueError(f"cache_bytes: expected at least 1 byte, got {cache_bytes}")
        if cache_dir is None:
            if limit is not None:
                raise ValueError("cache_bytes: expected a cache_dir with it")
            return None
        folder = os.path.abspath(os.path.expanduser(os.fspath(cache_dir)))
        try:
            os.makedirs(folder, exist_ok=True)
        except FileExistsError as exc:
            raise DatasetError(f"cache_dir: {folder} is no folder") from exc
        except OSError:
            return cls(folder, limit)  # whoever opens the cache finds out, and goes on without it
        if sys.platform == "linux" and not platform.is_own_disk(folder, os.stat(folder).st_dev):
            raise DatasetError(
                f"cache_dir: {folder} is not on a disk of this machine, where processes could share it; "
                "choose a local folder"
            )
        return cls(folder, limit)

    def tag(self) -> None:
        """Tell backup programs that the folder need not be kept.

        Raises:
            OSError: the folder cannot be written.
        """
        path = os.path.join(self.folder, _TAG)
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(_TAG_CONTENT)


def dataset_key(uuid: str, url: str) -> str:
    """What the folder of a dataset is called.

    Args:
        uuid: the dataset's, so that one that takes its place has a folder of its own.
        url: where it stands, without credentials: a copy elsewhere has one, too.
    """
    return f"{uuid}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
