"""What commands say, to a person or to a program, behind one interface."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.text import Text

__all__ = ["ConsoleOutput", "JSONOutput", "Output", "Report", "choose_output", "format_bytes", "show_error"]

#: Where output is no terminal it has no width; tables are then as wide as they need.
_PIPE_WIDTH = 500

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Report(Protocol):
    """The result of a command in both of its forms."""

    def to_json(self) -> dict[str, Any]:
        """As a strict JSON document."""
        ...

    def to_console(self) -> Iterable[RenderableType]:
        """As blocks to print, one below the other."""
        ...


class Output(ABC):
    """Where a command's results go. Results are written to stdout; what is said about them, to stderr."""

    @abstractmethod
    def show(self, report: Report) -> None:
        """Write a result."""

    def note(self, text: str) -> None:
        """Say something beside the result."""
        _console(to_stderr=True).print(Text(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say something beside the result that should not be missed."""
        _console(to_stderr=True).print(_labelled("Warning", "yellow", text), soft_wrap=True)


class ConsoleOutput(Output):
    """For a person: colours and tables where stdout is a terminal, plain text where it is not."""

    def show(self, report: Report) -> None:
        console = _console()
        if console.is_terminal:
            console.print(Group(*report.to_console()))
            return
        with console.capture() as capture:
            console.print(Group(*report.to_console()))
        for line in capture.get().splitlines():
            sys.stdout.write(line.rstrip() + "\n")  # Rich fills lines up to the width


class JSONOutput(Output):
    """For a program: one JSON document a result, indented."""

    def show(self, report: Report) -> None:
        json.dump(report.to_json(), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")


def choose_output(as_json: bool) -> Output:
    """The output that a command's `--json` asks for."""
    return JSONOutput() if as_json else ConsoleOutput()


def show_error(error: BaseException | str) -> None:
    """Tell on stderr what went wrong, as a paragraph."""
    _console(to_stderr=True).print(_labelled("Error", "red", _message_of(error)), soft_wrap=True)


def format_bytes(count: int) -> str:
    """A number of bytes with three digits and a decimal unit.

    Example:
        >>> format_bytes(0), format_bytes(999), format_bytes(12_345_678), format_bytes(999_999)
        ('0 B', '999 B', '12.3 MB', '1.00 MB')
    """
    size, power = float(count), 0
    while size >= 999.5 and power < len(_UNITS) - 1:
        size, power = size / 1000, power + 1
    digits = 0 if power == 0 else 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f} {_UNITS[power]}"


def _console(*, to_stderr: bool = False) -> Console:
    # Made anew each time: it binds the stream of now, which tests and callers replace. Rich itself heeds
    # NO_COLOR and TERM and writes no control codes into what is not a terminal.
    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _labelled(label: str, colour: str, text: str) -> Text:
    return Text.assemble((f"{label}: ", f"bold {colour}"), text)


def _message_of(error: BaseException | str) -> str:
    if isinstance(error, str):
        return error
    text = str(error)
    if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.strerror:
        # "[Errno 2] No such file or directory: 'x'" is how a program would say it.
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    notes = getattr(error, "__notes__", ())
    return "\n".join([text or type(error).__name__, *notes])
