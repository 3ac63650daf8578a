"""What conversions either way are tried with: an object store, and sources that fail half way."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

import fsspec
import pytest

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader


@pytest.fixture
def memory() -> Iterator[Any]:
    """An object store, empty."""
    filesystem = fsspec.filesystem("memory")
    before = set(filesystem.store)
    yield filesystem
    for name in set(filesystem.store) - before:
        del filesystem.store[name]
    filesystem.pseudo_dirs[:] = [""]


class StopError(Exception):
    """No error of ours."""


FAILURES: dict[str, Callable[[], BaseException]] = {
    "a damaged source": lambda: ConversionError("damaged"),
    "anything": StopError,
    "Ctrl-C": KeyboardInterrupt,
    "SIGTERM": lambda: SystemExit(143),
    "a full disk": lambda: OSError(errno.ENOSPC, "No space left on device"),
}


@pytest.fixture(params=FAILURES)
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[BaseException]:
    """What is raised: plans of LeRobot's datasets succeed, runs fail after two episodes."""
    failure = FAILURES[request.param]
    whole = LeRobotV30Reader.chunks

    def broken(self: Any, columns: Any, episodes: Any, **options: Any) -> Any:
        for chunk in whole(self, columns, episodes, **options):
            if len(episodes) > 1 and chunk.episode == 2:
                raise failure()
            yield chunk

    monkeypatch.setattr(LeRobotV30Reader, "chunks", broken)
    error = failure()
    return ConversionError if isinstance(error, OSError) else type(error)
