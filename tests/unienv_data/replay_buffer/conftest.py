"""No buffer outlives its test: what a test leaves open is given up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unienv_data.replay_buffer import lifetime


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    for _, buffer in list(lifetime._open.values()):
        buffer.abandon()  # type: ignore[attr-defined]
