"""Figures are of the same work, and of those who did it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.contender import Contender
from benchmarks.measure import Timing, in_turns, interleave
from benchmarks.readers import MemmapReader
from benchmarks.recording import once
from benchmarks.report import Result


class First(Contender):
    name = "first"
    distribution = "numpy"


class Second(Contender):
    name = "second"
    distribution = "numpy"


def test_ratio_is_of_the_same_rounds() -> None:
    fast, slow = Timing(First, (1.0, 2.0, 9.0)), Timing(Second, (10.0, 22.0, 90.0))
    assert slow.ratio_to(fast) == 10
    assert fast.median == 2


def test_every_round_begins_with_another() -> None:
    order: list[tuple[int, str]] = []

    def turn(contender: Contender, number: int) -> float:
        order.append((number, contender.name))
        return float(number)

    timings = in_turns([First(), Second()], 3, turn)
    assert order == [(0, "first"), (0, "second"), (1, "second"), (1, "first"), (2, "first"), (2, "second")]
    assert [timing.seconds for timing in timings] == [(0, 1, 2), (0, 1, 2)]


def test_a_reader_that_reads_something_else_is_found_out() -> None:
    class Wrong(MemmapReader):
        name = "wrong"

        def read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
            return {"image": np.zeros(len(rows), np.uint8)}

    class Less(MemmapReader):
        name = "less"

        def read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
            return {}

    for cls in Wrong, Less:
        with pytest.raises(ValueError, match=f"{cls.name} read"):
            interleave([cls()], [np.arange(3)], {"image": np.arange(9, dtype=np.uint8)})


def test_a_reader_that_goes_wrong_later_is_found_out() -> None:
    class Tired(MemmapReader):
        name = "tired"
        batches = 0

        def read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
            self.batches += 1
            return {"image": rows.astype(np.uint8) + (self.batches > 4)}

    expected = {"image": np.arange(9, dtype=np.uint8)}
    interleave([Tired()], [np.arange(3)], expected, warm_up=3)
    with pytest.raises(ValueError, match="tired read other values of image"):
        interleave([Tired()], [np.arange(3)], expected, warm_up=5)


def test_what_is_not_installed_is_named() -> None:
    class Absent(Contender):
        name = "absent"
        modules = ("no_such_module_anywhere",)

    assert First.is_available()
    assert not Absent.is_available()
    result = Result("title", 5, "rows", (Timing(First, (0.5,)),), (Absent.name,), {"raw_bytes": 1234})
    text = result.to_text()
    assert "absent" in text
    assert "not installed" in text
    assert "raw bytes: 1,234" in text
    assert "500.00 ms" in text


def test_what_was_interrupted_is_prepared_again(tmp_path: Path) -> None:
    path = tmp_path / "form"
    runs = 0

    def make() -> None:
        nonlocal runs
        runs += 1
        path.mkdir()
        (path / "half").touch()
        if runs == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(path, make)
    once(path, make)
    once(path, make)
    assert runs == 2
