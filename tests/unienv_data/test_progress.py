"""Progress: silent unless asked, and a bar that says what was done."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unienv_data.progress import NO_PROGRESS, Progress, Task, TqdmProgress


def work(progress: Progress) -> None:
    with progress.task("copying", total=10, unit="row") as task:
        task.advance(4)
        task.set_total(8)
        task.advance()
        task.advance(3)


def test_nothing_is_drawn_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    work(NO_PROGRESS)
    assert capfd.readouterr() == ("", "")


def test_tqdm_draws_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    work(TqdmProgress())
    out, err = capfd.readouterr()
    assert out == ""
    assert "copying" in err
    assert "8.00/8.00" in err
    assert "rows" in err


def test_bar_is_closed_when_the_work_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), TqdmProgress().task("failing", total=2):
        raise ZeroDivisionError
    assert capfd.readouterr().err.endswith("\n")


def test_others_bring_their_own() -> None:
    seen: list[int] = []

    class Recorded(Task):
        def advance(self, amount: int = 1) -> None:
            seen.append(amount)

        def __enter__(self) -> Task:
            return self

        def __exit__(self, *args: object) -> None:
            seen.append(-1)

    class Recorder(Progress):
        def task(self, description: str, *, total: int | None = None, unit: str = "row") -> Recorded:
            return Recorded()

    work(Recorder())
    assert seen == [4, 1, 3, -1]


def test_tqdm_is_imported_only_for_a_bar() -> None:
    code = "import sys; import unienv_data.progress; sys.exit('tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
