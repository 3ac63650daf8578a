"""`unienv-data convert` as a shell sees it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import requires_av
from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.cli.app import app
from unienv_data.opening import open as open_dataset

pytestmark = requires_av

ROOT = Path(__file__).parents[3]
PUSHT = ROOT / "examples/data/lerobot_v30_pusht"
CRASHED = ROOT / "tests/data/lerobot_v30_crashed"


def convert(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_plan_and_result(tmp_path: Path) -> None:
    outcome = convert(PUSHT, tmp_path / "x.zarr")
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.stdout.splitlines()
    assert lines[0] == f"{PUSHT} -> {tmp_path}/x.zarr"
    text = outcome.stdout
    for part in (
        "LeRobot v3.0 (lerobot_v30), version v3.0",
        "the source)",
        "free",
        "observation.image",
        "observation/image",
        "uint8 96 x 96 x 3",
        "video in the source",
        "Wrote 480 rows in 10 episodes",
    ):
        assert part in text
    assert outcome.stderr == "", "no bar where there is no terminal"
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert len(buffer) == 480


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    outcome = convert(PUSHT, tmp_path / "a/x.zarr", "--dry-run")
    assert outcome.exit_code == 0
    assert "observation/state" in outcome.stdout
    assert "Wrote" not in outcome.stdout
    assert not list(tmp_path.iterdir())


def test_quiet(tmp_path: Path) -> None:
    outcome = convert(PUSHT, tmp_path / "x.zarr", "--quiet")
    assert (outcome.exit_code, outcome.output) == (0, "")
    assert (tmp_path / "x.zarr").is_dir()


def test_json(tmp_path: Path) -> None:
    outcome = convert(PUSHT, tmp_path / "x.zarr", "--json", "--dry-run")
    document = json.loads(outcome.stdout)
    assert (document["rows"], document["episodes"], document["format"]) == (480, 10, "lerobot_v30")
    image = document["columns"][0]
    assert image["path"] == "observation/image"
    assert image["type"] == "uint8 96 x 96 x 3"
    assert image["lossy_at_source"] == "video"
    assert image["lossy"] is False
    assert document["estimated_bytes"] == sum(column["estimated_bytes"] for column in document["columns"])


def test_options(tmp_path: Path) -> None:
    arguments = ["--columns", "observation.*", "--columns", "action", "--exclude", "observation/image"]
    arguments += [
        "--episodes",
        "2:4",
        "--codec",
        "**=lz4",
        "--codec",
        "action=zstd:9",
        "--from",
        "lerobot_v30",
    ]
    outcome = convert(PUSHT, tmp_path / "x.zarr", *arguments)
    assert outcome.exit_code == 0, outcome.output
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        codecs = {column.name: column.codec for column in buffer.storage.describe()}
        assert buffer.episodes["length"].to_pylist() == [62, 25]
    assert set(codecs) == {
        *("observation/state", "observation/environment_state", "observation/pose_mat", "action"),
    }
    assert codecs["action"].startswith("zstd:9")
    assert codecs["observation/state"].startswith("lz4")


def test_url_destination() -> None:
    import fsspec

    try:
        outcome = convert(PUSHT, "memory://cli-test/x.zarr", "--columns", "action")
        assert outcome.exit_code == 0, outcome.output
        assert "free" not in outcome.stdout
    finally:
        fsspec.filesystem("memory").rm("/cli-test", recursive=True)


def refused(outcome: Any, *parts: str) -> None:
    """One paragraph on stderr, exit code 2, no traceback."""
    assert outcome.exit_code == 2, outcome.output
    assert "Traceback" not in outcome.output
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    for part in parts:
        assert part in outcome.stderr


def test_a_recording_that_was_killed(tmp_path: Path) -> None:
    before = snapshot(CRASHED)
    outcome = convert(CRASHED, tmp_path / "x.zarr")
    refused(outcome, "was not finalized", "data/chunk-000/file-000.parquet", "no footer", "meta/episodes")
    assert outcome.stdout == ""
    assert not list(tmp_path.iterdir())
    assert snapshot(CRASHED) == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("meta/info.json", cut),
        ("meta/info.json", Path.unlink),
        ("meta/tasks.parquet", Path.unlink),
        ("meta/episodes/chunk-000/file-000.parquet", cut),
        ("data/chunk-000/file-000.parquet", cut),
        ("data/chunk-000/file-000.parquet", Path.unlink),
        ("videos/observation.image/chunk-000/file-000.mp4", cut),
        ("videos/observation.image/chunk-000/file-000.mp4", Path.unlink),
    ],
)
def test_bad_input(tmp_path: Path, name: str, act: Any) -> None:
    source = tmp_path / "source"
    shutil.copytree(PUSHT, source)
    act(source / name)
    before = snapshot(tmp_path)
    refused(convert(source, tmp_path / "out/x.zarr"), name)
    assert snapshot(tmp_path) == before


def test_other_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    before = snapshot(tmp_path)
    refused(convert(tmp_path / "none", tmp_path / "x"), f"{tmp_path}/none: there is nothing there")
    refused(convert(PUSHT, tmp_path / "file"), "a file stands there")
    refused(convert(PUSHT, tmp_path / "file/x"), "is not a folder")
    refused(convert(PUSHT, tmp_path / "x", "--columns", "nope"), "no column matches 'nope'")
    refused(convert(PUSHT, tmp_path / "x", "--episodes", "a"), "a range such as")
    refused(convert(PUSHT, tmp_path / "x", "--from", "hdf6"), "no format 'hdf6'; known formats")
    refused(convert(PUSHT, tmp_path / "x", "--codec", "action=brotli"), "brotli")
    refused(convert(PUSHT, PUSHT / "x.zarr"), "overlap")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "arguments", [["--codec", "zstd"], ["--codec", "=zstd"], ["--codec", "a="], ["--storage-option", "x"]]
)
def test_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    outcome = convert(PUSHT, tmp_path / "x", *arguments)
    assert outcome.exit_code == 2
    assert arguments[0] in outcome.stderr
    assert "Traceback" not in outcome.output
    assert not list(tmp_path.iterdir())


def test_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    for arguments in ([], ["--dry-run"]):
        outcome = convert(PUSHT, tmp_path / "x.zarr", *arguments)
        refused(outcome, "1,000 are free", "--force")
        assert "observation/image" in outcome.stdout, "the plan is shown first"
        assert not list(tmp_path.iterdir())
    outcome = convert(PUSHT, tmp_path / "x.zarr", "--force")
    assert outcome.exit_code == 0
    assert "1,000 are free" in outcome.stderr, "a warning remains"
    assert (tmp_path / "x.zarr").is_dir()


def test_advice(tmp_path: Path) -> None:
    outcome = convert(PUSHT, tmp_path / "x.zarr", "--codec", "**=raw")
    assert outcome.exit_code == 0
    assert "times as large" in outcome.stderr
    assert "--codec 'observation/image=" in outcome.stderr


SLOW = """
import time
from unienv_data.cli.app import main
from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader
whole = LeRobotV30Reader.chunks
def slow(self, columns, episodes, **options):
    for chunk in whole(self, columns, episodes, **options):
        yield chunk
        if len(episodes) > 1:
            time.sleep(60)
LeRobotV30Reader.chunks = slow
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_end(tmp_path: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "kept").mkdir()
    command = [sys.executable, "-c", SLOW, "convert", str(PUSHT), str(tmp_path / "a/x.zarr")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("a/.x.zarr.*.partial/**/zarr.json")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert snapshot(tmp_path) == {"kept": "folder"}


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize("arguments", [[], ["--quiet"]])
def test_a_bar_on_a_terminal_only(tmp_path: Path, arguments: list[str]) -> None:
    import fcntl
    import pty
    import struct
    import termios

    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [sys.executable, "-m", "unienv_data", "convert", str(PUSHT), str(tmp_path / "x.zarr")]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=theirs, text=True)
    stdout, _ = process.communicate(timeout=60)
    os.set_blocking(terminal, False)
    try:
        drawn = os.read(terminal, 100_000).decode()
    except BlockingIOError:
        drawn = ""
    os.close(theirs)
    os.close(terminal)
    assert process.returncode == 0
    assert ("converting: 100%" in drawn) == (not arguments)
    assert "converting" not in stdout
