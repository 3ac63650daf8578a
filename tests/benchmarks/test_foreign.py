"""A reader in another environment is asked, and answers, as it should."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readers import unienv
from benchmarks.recording import even_episodes, prepare

SERVER = """
import json, sys
import numpy as np
for line in sys.stdin:
    asked = json.loads(line)
    if "write" in asked:
        raw = {name: np.load(file) for name, file in asked["raw"].items()}
        np.savez(asked["write"], **raw)
    elif "open" in asked:
        rows = np.load(asked["open"] + ".npz")
        answers = {name: np.load(file, mmap_mode="r+") for name, file in asked["answers"].items()}
    elif asked["rows"] == [13]:
        break
    else:
        for name in answers:
            answers[name][: len(asked["rows"])] = rows[name][asked["rows"]]
    print("done", flush=True)
"""


def test_rows_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unienv.UniEnvReader.is_available() == (unienv.PYTHON_VARIABLE in os.environ)
    server = tmp_path / "server.py"
    server.write_text(SERVER)
    monkeypatch.setattr(unienv, "_SERVER", server)
    monkeypatch.setenv(unienv.PYTHON_VARIABLE, sys.executable)
    recording = prepare(
        tmp_path / "rows",
        {"state": ((3,), np.float32)},
        even_episodes(2, 10),
        lambda number: {"state": np.full((10, 3), number, np.float32)},
    )
    reader = unienv.UniEnvReader()
    reader.setup(recording)
    rows = np.array([12, 3])
    np.testing.assert_array_equal(reader.read(rows)["state"], recording.raw("state")[rows])
    with pytest.raises(RuntimeError, match="the process has failed"):
        reader.read(np.array([13]))
    reader.close()
