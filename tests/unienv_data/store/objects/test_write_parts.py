"""Parts are written one after another, whatever a call takes at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unienv_data.store import platform

pytestmark = pytest.mark.skipif(not hasattr(os, "writev"), reason="there is no such call here")


def written(path: Path, parts: Sequence[bytes | memoryview]) -> bytes:
    with path.open("wb", buffering=0) as file:
        platform.write_parts(file, parts)
    return path.read_bytes()


def test_no_call_takes_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[int]] = []
    writev = os.writev

    def counted(descriptor: int, parts: Sequence[bytes]) -> int:
        calls.append([len(part) for part in parts])
        return writev(descriptor, parts)

    monkeypatch.setattr(os, "writev", counted)
    large = os.urandom(2_500_000)
    parts = [b"a" * 600_000, b"b" * 500_000, b"", memoryview(large), *[b"c"] * 3000]
    assert written(tmp_path / "file", parts) == b"".join(parts)
    assert all(sum(call) <= 1 << 20 and len(call) <= 1024 for call in calls)
    assert len(calls) < 10  # and as many together as may be


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.binary(max_size=40), max_size=12),
    st.integers(1, 30),
    st.integers(1, 4),
    st.lists(st.integers(1, 25), max_size=8),
)
def test_all_is_written(
    tmp_path: Path, parts: list[bytes], most_bytes: int, most_parts: int, taken: list[int]
) -> None:
    """Whatever the limits are, and however little a call writes of what it is given."""
    writev, left = os.writev, list(taken)

    def interrupted(descriptor: int, given: Sequence[bytes]) -> int:
        some = b"".join(given)
        return writev(descriptor, [some[: left.pop()] if left else some])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "_MOST_BYTES", most_bytes)
        patch.setattr(platform, "_MOST_PARTS", most_parts)
        patch.setattr(os, "writev", interrupted)
        assert written(tmp_path / "file", parts) == b"".join(parts)
