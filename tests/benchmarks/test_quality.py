"""The tables and plots of docs/frames.md, made small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.quality import frames_of, main, specs_known
from benchmarks.scenes import render_episode
from tests.conftest import requires_imagecodecs


def test_scenes_differ_by_noise_alone() -> None:
    rendered, noisy = (render_episode((1,), 4, 32, 48, noisy=each) for each in (False, True))
    difference = noisy.astype(int) - rendered.astype(int)
    assert 1 < difference.std() < 3
    assert abs(difference.mean()) < 0.6
    np.testing.assert_array_equal(rendered, render_episode((1,), 4, 32, 48, noisy=False))


@requires_imagecodecs
def test_everything_known_is_measured() -> None:
    specs = [spec for _, spec in specs_known(frames_of("noisy", (16, 16), 1, 2))]
    assert {"zstd", "png", "jpeg:95", "jpeg:95:444", "avif:80"} <= set(specs)


@requires_imagecodecs
def test_a_small_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "FAMILIES", {"zstd": ("zstd",), "jpeg": ("jpeg:95", "jpeg:60")})
    main(["--output", str(tmp_path), "--height", "32", "--width", "40", "--length", "8", "--seconds", "0.05"])
    document = json.loads((tmp_path / "quality-32x40.json").read_text())
    assert document["size"] == [32, 40]
    for scene in ("rendered", "noisy"):
        zstd, good, poor = document["scenes"][scene]
        assert zstd["exact"]
        assert good["psnr"] > poor["psnr"]
        assert good["ssim"] > poor["ssim"]
        assert good["stored_bytes"] > poor["stored_bytes"]
    assert "| `jpeg:95` |" in capsys.readouterr().out
    assert (tmp_path / "quality-32x40.md").read_text().count("| `zstd` |") == 1
