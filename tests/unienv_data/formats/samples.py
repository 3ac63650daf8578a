"""Samples that formats' own writers made, what their own readers say of them, and conversions of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.cli.app import app
from unienv_data.conversion import ConversionOptions, ConversionPlan, plan_conversion, run_conversion
from unienv_data.opening import open as open_dataset

DATA = Path(__file__).parents[2] / "data"


def expectations(sample: Path) -> dict[str, Any]:
    """What the format's own reader says."""
    found: dict[str, Any] = json.loads((sample / "EXPECT.json").read_text(encoding="utf-8"))
    return found


def sha(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def convert(source: Path, target: Path, **options: Any) -> tuple[ConversionPlan, dict[str, Any]]:
    """Convert, and read all rows back. The source is only read."""
    before = snapshot(source) if source.is_dir() else source.read_bytes()
    plan = plan_conversion(str(source), str(target), ConversionOptions(**options))
    assert not target.exists(), "a plan writes nothing"
    run_conversion(plan)
    assert (snapshot(source) if source.is_dir() else source.read_bytes()) == before
    with open_dataset(str(target)) as buffer:
        assert buffer.single_space == plan.space
        rows: dict[str, Any] = buffer[...]
    return plan, rows


def refusal(source: Path, folder: Path, *arguments: str) -> str:
    """What the command says of a source that it cannot convert: one paragraph, with nothing left behind."""
    before = snapshot(folder)
    outcome = CliRunner().invoke(app, ["convert", *arguments, str(source), str(folder / "refused.zarr")])
    assert outcome.exit_code == 2, outcome.output
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit)
    assert snapshot(folder) == before, "nothing is left behind"
    assert "Traceback" not in outcome.output
    *notes, message = outcome.stderr.splitlines()
    assert all(note.startswith(("Note: ", "Warning: ")) for note in notes), outcome.stderr
    assert message.startswith("Error: ")
    return str(message)
