"""Ranges of files: the same bytes whether mapped or read, and no death where a file has been cut short."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unienv_data.store import platform
from unienv_data.store.objects import Range, Run, files
from unienv_data.store.objects.files import OpenFile, map_views, read_ranges

SIZE = 300_000

linux_only = pytest.mark.skipif(not platform.HAS_MAPS, reason="maps are used on Linux only")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shard"
    path.write_bytes(np.random.default_rng(0).bytes(SIZE))
    return path


@pytest.fixture
def mapped(path: Path) -> OpenFile:
    file = OpenFile(str(path))
    if file.mapped() is None:
        pytest.skip("temporary files are on no disk of this machine")
    return file


edges = st.integers(0, SIZE + 5000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(edges, edges), max_size=6))
@example([(303104, 303104)])  # the kernel has no pages from here on
def test_what_is_read_is_what_is_there(path: Path, wanted: list[tuple[int, int]]) -> None:
    content = path.read_bytes()
    ranges = [(min(pair), max(pair)) for pair in wanted]
    file = OpenFile(str(path))
    found = read_ranges(lambda name: file, [Range("shard", a, b) for a, b in ranges])
    assert [bytes(data) for data in found] == [content[a:b] for a, b in ranges]


@linux_only
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(edges, edges), min_size=1, max_size=6))
def test_views_are_of_what_is_there(mapped: OpenFile, path: Path, wanted: list[tuple[int, int]]) -> None:
    content = path.read_bytes()
    starts, stops = np.array([(min(pair), max(pair)) for pair in wanted]).T
    views = map_views(lambda name: mapped, [Run("shard", starts, stops)])
    if stops.max() > SIZE:
        assert views is None
    else:
        assert views is not None
        assert [bytes(view) for view in views] == [content[a:b] for a, b in zip(starts, stops, strict=True)]
        assert not any(view.flags.writeable for view in views)


@linux_only
@pytest.mark.parametrize("start", [0, 1, 4096, 299_999, 300_000, 303_104, 400_000])
@pytest.mark.parametrize("length", [0, 1, 5000, 500_000])
def test_pages_may_be_expected_anywhere(mapped: OpenFile, start: int, length: int) -> None:
    mapped.expect(start, start + length)


@linux_only
def test_maps_can_be_turned_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIENV_DATA_MMAP", "0")
    file = OpenFile(str(path))
    assert file.mapped() is None
    assert read_ranges(lambda name: file, [Range("shard", 5, 10)]) == [path.read_bytes()[5:10]]


@linux_only
@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.gcsfuse", "9p", "lustre", ""])
def test_other_machines_disks_are_not_mapped(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(platform, "_own_disks", {})
    monkeypatch.setattr(platform, "filesystem_of", lambda path, mounts: kind)
    assert OpenFile(str(path)).mapped() is None


@linux_only
def test_a_file_that_has_been_cut_short_gives_fewer_bytes(mapped: OpenFile, path: Path) -> None:
    content = path.read_bytes()
    os.truncate(path, 1000)
    wanted = [Range("shard", 900, 1500), Range("shard", 200_000, 200_010)]
    assert read_ranges(lambda name: mapped, wanted) == [content[900:1000], b""]
    assert map_views(lambda name: mapped, [Run("shard", np.array([0]), np.array([10]))]) is None


@linux_only
def test_what_has_been_read_outlives_the_file(mapped: OpenFile, path: Path) -> None:
    content = path.read_bytes()
    files_open = [mapped]
    (data,) = read_ranges(lambda name: files_open[0], [Range("shard", 10, 100_000)])
    path.unlink()
    files_open.clear()
    del mapped
    assert bytes(data) == content[10:100_000]


def test_where_a_path_is() -> None:
    mounts = [
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
        "23 22 0:40 / /home rw - nfs4 server:/home rw",
        r"24 22 8:1 / /home/a\040b rw - xfs /dev/sda rw",
        "25 22 0:41 / /home rw - cifs //server/home rw",
        "a line of another form",
    ]
    for path, kind in {
        "/var/x": "ext4",
        "/homes": "ext4",
        "/home/x": "cifs",
        "/home/a b/c": "xfs",
        "/home/a b": "xfs",
    }.items():
        assert platform.filesystem_of(path, mounts) == kind
    assert platform.filesystem_of("/x", []) == ""


def test_the_kernel_is_told_until_that_is_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = 100
    monkeypatch.setattr(platform, "disk_faults", lambda: faults)
    residence = files._Residence()
    for _ in range(8):
        assert residence.is_doubtful()
        residence.told(100, 1e-4)  # a microsecond each
    assert not residence.is_doubtful()
    faults += 2  # which may have been anybody's
    assert not residence.is_doubtful()
    faults += 50  # pages have been given up
    assert residence.is_doubtful()
    residence.told(100, 1e-2)
    assert residence.is_doubtful()
