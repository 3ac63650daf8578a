"""What has come of a shard is told from all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.store.cache.making import DATASET, shard
from unienv_data.store.cache.checking import is_whole_shard
from unienv_data.store.cache.names import is_kept, is_shard, landing_stem

CHUNKS = st.lists(st.binary(max_size=40) | st.just(DATASET), max_size=5)


@given(CHUNKS)
def test_whole_ones_are_whole(chunks: list[bytes]) -> None:
    assert is_whole_shard(shard(chunks), DATASET)


@given(CHUNKS, st.data())
def test_others_are_not(chunks: list[bytes], data: st.DataObject) -> None:
    whole = shard(chunks)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert not is_whole_shard(whole[:cut], DATASET)
    assert not is_whole_shard(whole[cut + 1 :], DATASET) or not any(chunks)
    assert not is_whole_shard(whole + b"\0" * (1 + cut % 32), DATASET)
    end = sum(map(len, chunks))
    place = data.draw(st.integers(end, len(whole) - 1))  # in the tag or in the index
    damaged = bytearray(whole)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    assert not is_whole_shard(bytes(damaged), DATASET)


def test_of_another_dataset_they_are_not() -> None:
    assert not is_whole_shard(shard([b"a"], dataset=bytes(16)), DATASET)


@pytest.mark.parametrize(
    ("name", "kept", "is_one"),
    [
        ("storage/columns/a/b/c.0.0.0", True, True),
        ("columns/a/c.12", True, True),
        ("storage/columns-00000000000000000007-abc/a/c.3.0", True, True),
        ("storage/tails/00000000000000000003-ab", True, False),
        ("storage/rows/00000000000000000003-ab", True, False),
        ("episodes/00000000000000000003-ab.parquet", True, False),
        ("storage/commits/00000000000000000003.json", False, False),
        ("metadata.json", False, False),
        ("storage/columns/a/zarr.json", False, False),
        ("storage/columns/zarr.json", False, False),
        ("storage/claims/columns/3", False, False),
        ("storage/writer.lock", False, False),
    ],
)
def test_which_objects_are_kept(name: str, kept: bool, is_one: bool) -> None:
    assert (is_kept(name), is_shard(name)) == (kept, is_one)


def test_stems_differ() -> None:
    assert landing_stem("a/b") != landing_stem("a.b")
