"""Output to people and to programs."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from unienv_data.cli.output import ConsoleOutput, JSONOutput, Report, choose_output, format_bytes


class Greeting(Report):
    def to_json(self) -> dict[str, object]:
        return {"greeting": "grüß dich", "count": 2}

    def to_console(self) -> list[Text]:
        return [Text("grüß dich", style="bold red"), Text("x" * 300)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_one_strict_document(capsys: pytest.CaptureFixture[str]) -> None:
    choose_output(as_json=True).show(Greeting())
    assert json.loads(capsys.readouterr().out) == Greeting().to_json()


def test_json_refuses_what_is_not_json() -> None:
    class Bad(Greeting):
        def to_json(self) -> dict[str, object]:
            return {"count": float("nan")}

    with pytest.raises(ValueError, match="JSON compliant"):
        JSONOutput().show(Bad())


def test_what_is_no_terminal_gets_plain_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    choose_output(as_json=False).show(Greeting())
    assert capsys.readouterr().out == "grüß dich\n" + "x" * 300 + "\n"


@pytest.mark.parametrize("refused", [False, True])
def test_a_terminal_gets_colours_unless_refused(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if refused:
        monkeypatch.setenv("NO_COLOR", "1")
    ConsoleOutput().show(Greeting())
    assert ("31m" in terminal.getvalue()) != refused  # 31: red


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_said_beside_a_result_goes_to_stderr(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    output = choose_output(as_json)
    output.note("by the way")
    output.warn("careful")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "by the way\nWarning: careful\n"


@given(st.integers(0, 10**18))
def test_bytes_are_told_to_three_digits(count: int) -> None:
    number, unit = format_bytes(count).split()
    scale = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB"].index(unit)
    assert float(number) * scale == pytest.approx(count, rel=0.0051)
    assert len(number.replace(".", "")) <= 3 or count >= 10**17
