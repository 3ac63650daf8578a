"""The application as a shell sees it: messages, exit codes, and no tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from unienv_data import __version__
from unienv_data.cli.app import app
from unienv_data.errors import DatasetNotFoundError, DocumentError, SpaceValueError, UniEnvError

RUNNER = CliRunner()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unienv_data", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `info` fail in a way of the test's choosing, below everything of the command line."""

    def fail_with(error: BaseException) -> None:
        def choose_output(*_: object) -> None:
            raise error

        monkeypatch.setattr("unienv_data.cli.info.parse_storage_options", choose_output)

    return fail_with


def test_help_names_the_commands() -> None:
    outcome = run("--help")
    assert outcome.returncode == 0
    assert "info" in outcome.stdout
    assert outcome.stderr == ""


def test_version() -> None:
    assert run("--version").stdout == f"unienv-data {__version__}\n"


def test_unknown_command_is_a_usage_error() -> None:
    outcome = run("no-such-command")
    assert outcome.returncode == 2
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UniEnvError("the lid is open"), "the lid is open"),
        (
            DatasetNotFoundError("out/x.zarr: there is no dataset here"),
            "out/x.zarr: there is no dataset here",
        ),
        (
            SpaceValueError("observation/state", "float32", "str"),
            "observation/state: expected float32, got str",
        ),
        (DocumentError("metadata.json", ["a: 1", "b: 2"]), "metadata.json: a: 1; b: 2"),
        (FileNotFoundError(2, "No such file or directory", "x.txt"), "x.txt: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("the disk is on fire"), "the disk is on fire"),
        (OSError(), "OSError"),
    ],
)
def test_error_is_a_paragraph_and_code_2(
    failing: Callable[[BaseException], None], error: BaseException, message: str
) -> None:
    failing(error)
    outcome = RUNNER.invoke(app, ["info", "somewhere"])
    assert outcome.exit_code == 2
    assert outcome.stderr == f"Error: {message}\n"
    assert outcome.stdout == ""


def test_errors_of_remote_filesystems_are_told_too(failing: Callable[[BaseException], None]) -> None:
    from botocore.exceptions import EndpointConnectionError

    failing(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))
    outcome = RUNNER.invoke(app, ["info", "somewhere"])
    assert outcome.exit_code == 2
    assert outcome.stderr == 'Error: Could not connect to the endpoint URL: "http://127.0.0.1:9"\n'


def test_notes_of_an_error_are_told_too(failing: Callable[[BaseException], None]) -> None:
    error = UniEnvError("the lid is open")
    error.add_note("Close it.")
    failing(error)
    assert RUNNER.invoke(app, ["info", "somewhere"]).stderr == "Error: the lid is open\nClose it.\n"


def test_interrupt_ends_with_130(failing: Callable[[BaseException], None]) -> None:
    failing(KeyboardInterrupt())
    outcome = RUNNER.invoke(app, ["info", "somewhere"])
    assert outcome.exit_code == 130
    assert outcome.stderr == "Error: interrupted\n"


def test_a_fault_of_ours_is_not_dressed_up(failing: Callable[[BaseException], None]) -> None:
    failing(ZeroDivisionError("ours"))
    assert isinstance(RUNNER.invoke(app, ["info", "somewhere"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(("arguments", "environment"), [(["--debug"], {}), ([], {"UNIENV_DEBUG": "1"})])
def test_debugging_shows_the_traceback(
    failing: Callable[[BaseException], None], arguments: list[str], environment: dict[str, str]
) -> None:
    failing(UniEnvError("the lid is open"))
    outcome = RUNNER.invoke(app, [*arguments, "info", "somewhere"], env=environment)
    assert isinstance(outcome.exception, UniEnvError)


def test_a_long_path_is_not_broken_over_lines(failing: Callable[[BaseException], None]) -> None:
    path = "/".join(["folder"] * 40)
    failing(DatasetNotFoundError(f"{path}: there is no dataset here [bold]really[/bold]"))
    outcome = RUNNER.invoke(app, ["info", "somewhere"])
    assert outcome.stderr == f"Error: {path}: there is no dataset here [bold]really[/bold]\n"
