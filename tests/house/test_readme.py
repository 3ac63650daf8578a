"""What README.md shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
CONSOLE = "".join(re.findall(r"^```console\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^unienv-data (.+)$", CONSOLE, flags=re.MULTILINE)


@pytest.mark.requires_av
@pytest.mark.requires_gymnasium
def test_commands_and_code_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from unienv_data.cli.app import app

    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) == 4
    for command in COMMANDS:
        outcome = CliRunner().invoke(app, command.split())
        assert outcome.exit_code == 0, outcome.output
    assert len(PYTHON) == 2
    for code in PYTHON:
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_says_how_to_live_with_unienv() -> None:
    remedy = "`pip uninstall unienv && pip install --force-reinstall unienv-data`"
    assert f"cannot share an environment:\n{remedy}" in README


def test_names_every_extra() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    missing = [extra for extra in project["optional-dependencies"] if f"`{extra}`" not in README]
    assert not missing
