"""Keys as node names: reversible, apart on every filesystem, legal everywhere."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unienv_data.columns.naming import node_names

# Keys that meet one another when case, normal form or an escape is lost.
TROUBLE = 'aAxXßſKkÅéE\u0301%/\\.:*?"<>| _2F5８z~\x00\x1f\x7fİı'
WHOLE = ["", ".", "..", "__", "__proto__", "zarr.json", "Zarr.JSON", "%", "%2F", "c", "c.0.0", "index"]
RESERVED = ["aux", "NUL", "con.txt", "COM1", "lpt9.tar.gz", "Prn", "com¹", "CONIN$"]
keys = st.one_of(
    st.text(TROUBLE, max_size=5),
    st.sampled_from(WHOLE + RESERVED),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
groups = st.lists(keys, unique=True, max_size=12)

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE)


def folded(name: str) -> str:
    """The name as a filesystem sees it that minds neither case nor normal form (NTFS, APFS)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


@given(groups)
@example(["X", "x"])  # the order in which DictSpace keeps them
@example(["x", "X"])
@example(["É", "é", "e\u0301"])
@example(["ss", "ß"])
@example(["a/B", "a/b"])
@example(["%58", "X", "x"])
@example(["ab", "aB", "Ab", "AB"])
def test_names_differ_even_where_case_and_normal_form_do_not_count(group: list[str]) -> None:
    names = node_names(group)
    assert len({folded(name) for name in names}) == len(group)


@given(groups)
def test_names_are_the_keys_escaped(group: list[str]) -> None:
    for key, name in zip(group, node_names(group), strict=True):
        assert (unquote(name, errors="strict") if name != "%" else "") == key


@given(groups)
@example(RESERVED)
def test_names_are_legal_in_zarr_and_on_windows(group: list[str]) -> None:
    for name in node_names(group):
        assert name
        assert not _FORBIDDEN.search(name)
        assert not name.endswith((".", " "))
        assert not _DEVICE.fullmatch(name)
        assert not name.startswith("__")
        assert set(name) != {"."}
        assert folded(name) != "zarr.json"


@given(groups, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order(group: list[str], order: random.Random) -> None:
    shuffled = order.sample(group, len(group))
    again = dict(zip(shuffled, node_names(shuffled), strict=True))
    assert [again[key] for key in group] == node_names(group)


@pytest.mark.parametrize(
    "key", ["observation", "observation.images.top", "Camera 1", "überblick", "a-b_c", "日本"]
)
def test_ordinary_keys_stay_as_they_are(key: str) -> None:
    assert node_names([key]) == [key]


@given(st.lists(st.text(TROUBLE.replace("\x00", ""), max_size=5), unique=True, max_size=8))
def test_names_are_folders_of_their_own(group: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for key, name in zip(group, node_names(group), strict=True):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "key").write_text(key, encoding="utf-8")
        assert len(list(Path(folder).iterdir())) == len(group)
