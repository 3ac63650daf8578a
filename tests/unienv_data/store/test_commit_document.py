"""The commit's document: it comes back, every problem is told at once, nothing leads out of the dataset."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.errors import CorruptDataError, DocumentError, UnsupportedVersionError
from unienv_data.schema.commit import ArrayEntry, BufferState, Commit, EpisodePart, LogEntry, Tail, TailPart
from unienv_data.schema.document import encode_document
from unienv_data.schema.validation import validate

SOURCE = "somewhere/commits/5.json"
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
OBJECT = f"{7:020d}-{'ab' * 12}"
FULL = Commit(
    uuid="0123456789abcdef" * 2,
    number=5,
    writer="c" * 24,
    time="2026-11-20T10:00:00.123456+00:00",
    storage="zarr",
    path="storage",
    group=f"columns-{5:020d}abcdef",
    space={"type": "TextSpace", "min_length": 0, "max_length": 4, "charset": None},
    length=12,
    capacity=None,
    runs=((0, 16, 5), (6, 40, 6)),
    logs={"rows": LogEntry(16, 46, 32), "t/values": LogEntry(64, 70, 64)},
    arrays={
        "t/index": ArrayEntry(
            0, "rows", "int64", (2,), 4, 16, "zstd", (LITTLE, {"name": "crc32c"}), False, 5, 9
        ),
        "t/values": ArrayEntry(1, "t/values", "uint8", (), 8, 32, "raw", ({"name": "bytes"},), True),
    },
    tail=Tail(f"tails/{OBJECT}", {"t/index": TailPart(0, 100, 4), "t/values": TailPart(100, 30, 1)}),
    released=True,
    sealed=False,
    buffer=BufferState(
        count=12,
        capacity=None,
        appended=20,
        evicted=3,
        removed=((4, 6), (7, 8)),
        open_start=19,
        episodes=(EpisodePart(f"episodes/{OBJECT}.parquet", 3),),
        statistics=f"stats/{OBJECT}.json",
    ),
    attributes={"fps": 30, "Größe": [1.5, None, {"a": "\u2028 \U0001f916"}]},
)


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FULL.to_bytes())
    del found["crc32c"]  # `read` adds the right one
    return found


def read(changed: Any) -> Commit:
    return Commit.from_bytes(encode_document(changed), SOURCE)


def problems(changed: Any) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(changed)
    assert str(caught.value).startswith(SOURCE)
    return list(caught.value.problems)


def test_it_comes_back() -> None:
    assert Commit.from_bytes(FULL.to_bytes(), SOURCE) == FULL


def test_one_that_says_nothing_of_statistics() -> None:
    older = document()
    del older["buffer"]["statistics"]
    assert read(older).buffer.statistics is None


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**70), 2**70)
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_any_attributes_come_back(attributes: dict[str, Any]) -> None:
    assert Commit.from_bytes(replace(FULL, attributes=attributes).to_bytes(), SOURCE).attributes == attributes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_is_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(FULL, attributes={"x": value}).to_bytes()


def set_at(target: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value


BAD: list[tuple[tuple[Any, ...], Any]] = [
    (("uuid",), "0" * 31),
    (("number",), -1),
    (("number",), 1.0),
    (("number",), True),
    (("writer",), "C" * 24),
    (("time",), "yesterday"),
    (("time",), "2026-11-20T10:00:00"),
    (("storage",), "os.system"),
    (("length",), 2**63),
    (("capacity",), -1),
    (("runs",), [[0, 1]]),
    (("runs", 0), [0, 1, 0]),
    (("logs",), {}),
    (("logs", "rows", "block_rows"), 0),
    (("logs", "rows", "extra"), 0),
    (("arrays", "t/index", "dtype"), "object"),
    (("arrays", "t/index", "codecs"), []),
    (("tail", "parts", "t/index", "chunks"), 0),
    (("space",), {"type": "NoSpace"}),
    (("space",), None),
    (("attributes",), []),
    (("buffer", "episodes"), [{"object": f"episodes/{OBJECT}.parquet"}]),
    (("something",), 1),
]


@pytest.mark.parametrize(("path", "value"), BAD, ids=str)
def test_each_problem_is_told_with_its_place(path: tuple[Any, ...], value: Any) -> None:
    changed = document()
    set_at(changed, path, value)
    found = problems(changed)
    assert len(found) >= 1
    place = next(str(step) for step in path if isinstance(step, str))
    assert all(place in problem for problem in found)


def test_every_problem_is_told_at_once() -> None:
    changed = document()
    chosen = [0, 1, 4, 5, 7, 9, 11, 13, 15, 17, 20]
    for path, value in (BAD[i] for i in chosen):
        set_at(changed, path, value)
    del changed["sealed"]
    assert len(problems(changed)) >= len(chosen) + 1


@pytest.mark.parametrize("key", sorted(document()))
def test_nothing_may_be_missing(key: str) -> None:
    changed = document()
    del changed[key]
    with pytest.raises((DocumentError, CorruptDataError)) as caught:
        read(changed)
    assert key in str(caught.value) or key == "format"


ESCAPES = [
    "../x",
    "..",
    "a/../../x",
    "/etc/x",
    "a//b",
    "a/",
    ".",
    "a/./b",
    "...",
    "a\\b",
    "C:x",
    "a\nb",
    "",
    "a/..",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_name_leads_out_of_the_dataset(name: str) -> None:
    changed = document()
    changed["arrays"][name] = {**changed["arrays"]["t/index"], "id": 2}
    assert problems(changed)
    changed = document()
    changed["logs"][name] = changed["logs"]["rows"]
    assert problems(changed)
    if name:
        assert problems({**document(), "path": name})


@pytest.mark.parametrize("folder", ["../tails", "/tails", "commits", "tails/..", "tails/x/.."])
def test_no_object_stands_elsewhere(folder: str) -> None:
    for path in (
        ("tail", "object"),
        ("runs_object",),
        ("buffer", "removed_object"),
        ("buffer", "episodes", 0, "object"),
    ):
        changed = document()
        set_at(changed, path, f"{folder}/{OBJECT}")
        assert problems(changed)


DISAGREE: list[tuple[tuple[Any, ...], Any, str]] = [
    (("logs", "rows", "start"), 48, r"\$\.logs\['rows'\]"),
    (("arrays", "t/index", "log"), "gone", "no log 'gone'"),
    (("arrays", "t/index", "chunk_rows"), 3, r"\$\.arrays\['t/index'\]"),
    (("arrays", "t/index", "shard_rows"), 64, "64 and 16 rows"),
    (("arrays", "t/index", "id"), 1, "number of its own"),
    (("tail", "parts", "t/index", "chunks"), 3, "expected 4, got 3"),
    (("tail", "parts", "t/index", "length"), 67, "cannot hold the index"),
    (("tail", "parts", "gone"), {"offset": 0, "length": 99, "chunks": 1}, "no such array"),
    (("runs", 1, 1), 41, "beyond the 12 slots or the 46 rows"),
    (("runs", 1, 0), 7, "beyond the 12 slots"),
    (("runs", 1, 0), 4, "expected a slot from 5 on, got 4"),
    (("runs_object",), f"rows/{OBJECT}", "expected none beside"),
]


@pytest.mark.parametrize(("path", "value", "message"), DISAGREE)
def test_numbers_that_disagree(path: tuple[Any, ...], value: Any, message: str) -> None:
    changed = document()
    set_at(changed, path, value)
    with pytest.raises(DocumentError, match=message):
        read(changed)


@pytest.mark.parametrize("version", [2, 3, 10**6])
def test_a_later_version_says_what_to_do(version: int) -> None:
    later = {"format": "unienv-data", "version": version, "all": "is different"}
    with pytest.raises(
        UnsupportedVersionError, match=f"version {version}.*pip install --upgrade unienv-data"
    ):
        read(later)


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, True, None, [1]])
def test_versions_that_never_were(version: Any) -> None:
    assert problems({**document(), "version": version})


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"5", b'{"format": "other"}', b"\xff\xfe", b"[" * 10**5, b'{"a":' * 10**5],
)
def test_what_is_no_document_of_ours(data: bytes) -> None:
    with pytest.raises(CorruptDataError, match=SOURCE):
        Commit.from_bytes(data, SOURCE)


@given(st.data())
def test_any_changed_byte_is_told(data: st.DataObject) -> None:
    whole = FULL.to_bytes()
    changed = bytearray(whole)
    position = data.draw(st.integers(0, len(whole) - 1))
    changed[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[position]))
    with pytest.raises((CorruptDataError, UnsupportedVersionError), match=SOURCE):
        Commit.from_bytes(bytes(changed), SOURCE)


def test_any_changed_digit_is_told() -> None:
    whole = FULL.to_bytes()
    digits = [place for place, byte in enumerate(whole) if byte in b"0123456789"]
    assert len(digits) > 100
    for place in digits:
        changed = b"%b%d%b" % (whole[:place], (whole[place] - 47) % 10, whole[place + 1 :])
        with pytest.raises((CorruptDataError, UnsupportedVersionError), match=SOURCE):
            Commit.from_bytes(changed, SOURCE)


@pytest.mark.parametrize("cut", [b"", b" ", b"\n"])
def test_a_document_ends_with_its_checksum(cut: bytes) -> None:
    with pytest.raises(CorruptDataError, match="does not end with its checksum"):
        Commit.from_bytes(json.dumps(document()).encode() + cut, SOURCE)


def test_documents_are_not_changed_by_reading() -> None:
    given_document = document()
    before = copy.deepcopy(given_document)
    read(given_document)
    assert given_document == before


def test_the_same_document_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def counted(document: Any, schema: str, source: str) -> None:
        checked.append(source)
        validate(document, schema, source)

    monkeypatch.setattr("unienv_data.schema.commit.validate", counted)
    data = [
        replace(FULL, number=number, time=f"2026-11-20T10:00:{number}+00:00").to_bytes()
        for number in (50, 51)
    ]
    for source, one in (("hint", data[0]), ("commit", data[0]), ("next", data[1]), ("again", data[0])):
        Commit.from_bytes(one, source)
    assert checked == ["hint", "next"]
    for _ in range(2):  # what is wrong stays wrong
        with pytest.raises(DocumentError):
            Commit.from_bytes(encode_document({**json.loads(data[0]), "length": "x"}), "wrong")
    assert checked[2:] == ["wrong", "wrong"]
    # What was read before shares nothing with what is read now.
    first, second = (Commit.from_bytes(data[0], "twice") for _ in range(2))
    assert first.attributes is not second.attributes
    assert first.arrays is not second.arrays
