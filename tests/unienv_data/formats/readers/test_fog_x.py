"""fog_x's files are refused, and why is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unienv_data.formats.samples import refusal
from unienv_data.formats import Source, detect, open_reader

MATROSKA = b"\x1a\x45\xdf\xa3" + bytes(60)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_refused_with_the_reason(tmp_path: Path, place: str) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/trajectory_0.vla"
    file.write_bytes(MATROSKA)
    source = file if place == "file" else file.parent
    assert detect(Source(str(source))).name == "fog_x"
    message = refusal(source, tmp_path)
    assert str(source) in message
    assert "a pickle runs whatever code its writer put in it" in message
    assert "NPZ or HDF5" in message
    with open_reader(Source(str(source))) as reader:
        for ask in (reader.facts, lambda: reader.check([], []), lambda: reader.chunks([], [])):
            with pytest.raises(ValueError, match="pickles within a Matroska"):
                ask()
