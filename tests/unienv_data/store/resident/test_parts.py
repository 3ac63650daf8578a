"""The parts that residence is made of, each by itself."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data.store.resident import budget, home
from unienv_data.store.resident.file import RowFile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is resident elsewhere")


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_home_is_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever joins while the files of the last user go has files of its own, and none of the old."""
    path = str(tmp_path / "home")
    first = home.Home(path)
    Path(path, "rows").write_text("old")
    joined: list[home.Home] = []
    real = shutil.rmtree

    def remove(gone: Any, **options: Any) -> None:
        joined.append(home.Home(path))
        assert names(Path(path)) == ["users"]
        Path(path, "rows").write_text("new")
        real(gone, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", remove)
        first.leave()
    assert len(joined) == 1
    assert names(Path(path)) == ["rows", "users"]
    assert Path(path, "rows").read_text() == "new"
    joined[0].leave()
    assert names(tmp_path) == []


def test_rows_are_decoded_before_others_see_them(tmp_path: Path) -> None:
    file = RowFile(str(tmp_path / "rows"), 4, 8)
    file.grow(20)

    def load(rows: range, out: Any) -> None:
        assert not np.shares_memory(out, file.rows)
        out[:] = np.arange(rows.start, rows.stop)[:, None]

    assert file.unfilled([0, 2], 20) == [range(0, 8), range(16, 20)]
    for span in (range(0, 8), range(16, 20)):
        file.fill(span, load)
    assert file.is_complete(7)
    assert not file.is_complete(8)
    assert file.unfilled([0, 1, 2], 24) == [range(8, 16), range(20, 24)]
    file.fill(range(8, 16), load)
    assert file.is_complete(19)
    np.testing.assert_array_equal(file.rows[:20, 0], range(20))


def test_a_budget_that_is_no_number_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.BYTES_VARIABLE, "2GB")
    with pytest.raises(ValueError, match=r"UNIENV_DATA_RESIDENT_BYTES.*'2GB'"):
        budget.budget_bytes()


def test_the_smallest_come_first() -> None:
    sizes = {"wide": 70, "narrow": 10, "middle": 20}
    assert budget.smallest_within(sizes, 9) == set()
    assert budget.smallest_within(sizes, 30) == {"narrow", "middle"}
    assert budget.smallest_within(sizes, 99) == {"narrow", "middle"}
    assert budget.smallest_within(sizes, 100) == set(sizes)
