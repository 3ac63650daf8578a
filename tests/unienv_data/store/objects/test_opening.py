"""From paths and URLs to places, whose names never show a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import unienv_data
from unienv_data.errors import DatasetError, DatasetNotFoundError, MissingDependencyError
from unienv_data.store.cache import CachedObjects
from unienv_data.store.objects import open_objects
from unienv_data.store.objects.local import LocalObjects
from unienv_data.store.objects.memory import MemoryObjects
from unienv_data.store.objects.opening import join_url

SECRETS = [
    "memory://user:sEcret@host/data",
    "memory://sEcret@host/data",
    "memory://user:sEc@ret@host/data",
    "memory://user:sEc/ret@host/data",
    "memory://user:sEc/ret/x@host/data",
    "simplecache::memory://user:sEcret@host/data",
    "dir::memory://user:sEc@ret@host/data",
]


@pytest.mark.parametrize("url", SECRETS)
def test_credentials_are_not_shown(url: str) -> None:
    objects = open_objects(url)
    for shown in (objects.url, objects.below("a").url):
        assert "sEc" not in shown
        assert "ret" not in shown
        assert "host/data" in shown
    with pytest.raises(FileNotFoundError) as caught:
        objects.read("gone")
    assert "gone" in str(caught.value)
    assert "sEc" not in str(caught.value)


def test_credentials_are_not_shown_where_nothing_stands() -> None:
    with pytest.raises(DatasetNotFoundError, match="memory://host/data") as caught:
        unienv_data.open("memory://user:sEcret@host/data")
    assert "sEc" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["memory://host:8020/a@b/c", "memory://bucket/a:b/c", "memory://bucket/me@home/x"]
)
def test_what_is_no_credential_is_shown(url: str) -> None:
    assert open_objects(url).url == url


@pytest.mark.parametrize("url", ["nosuch://user:sEcret@host/x", "nosuch::memory://user:sEcret@host/x"])
def test_a_filesystem_that_is_not_known(url: str) -> None:
    with pytest.raises(DatasetError, match="nosuch") as caught:
        open_objects(url)
    assert "sEcret" not in str(caught.value)


def test_a_filesystem_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    found = {"class": "no_such_package.FS", "err": "install no_such_package"}
    monkeypatch.setitem(known_implementations, "missing", found)
    with pytest.raises(MissingDependencyError, match="install no_such_package") as caught:
        open_objects("missing://user:sEcret@host/x")
    assert "sEcret" not in str(caught.value)


def test_local_places_in_every_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (
        tmp_path / "x",
        str(tmp_path / "x"),
        "x",
        f"file://{tmp_path}/x",
        f"local://{tmp_path}/x",
        "./x/",
    ):
        objects = open_objects(place)
        assert isinstance(objects, LocalObjects)
        assert objects.url == str(tmp_path / "x")
    os.chdir("/")
    objects.write("a", [b"1"])  # what was opened does not move with the working directory
    assert (tmp_path / "x" / "a").read_bytes() == b"1"


def test_memory_is_fresh_each_time() -> None:
    first, second = open_objects(None), open_objects(None)
    assert isinstance(first, MemoryObjects)
    first.write("a", [b"1"])
    assert second.list("") == []


def test_urls_with_and_without_a_slash_at_the_end() -> None:
    objects = open_objects("memory://bucket/x/")
    assert isinstance(objects, CachedObjects)
    objects.write("a", [b"1"])
    assert open_objects("memory://bucket/x").read("a") == b"1"
    assert objects.url == "memory://bucket/x"
    objects.delete_all()


def test_join_url(tmp_path: Path) -> None:
    assert join_url("s3://bucket/x/", "a", "b") == "s3://bucket/x/a/b"
    assert join_url("simplecache::s3://bucket/x", "a") == "simplecache::s3://bucket/x/a"
    assert join_url("zip::s3://bucket/x.zip", "a") == "zip://a::s3://bucket/x.zip"
    assert join_url("zip://in/::/tmp/x.zip", "a", "b") == "zip://in/a/b::/tmp/x.zip"
    assert join_url(tmp_path, "a", "b") == str(tmp_path / "a" / "b")
