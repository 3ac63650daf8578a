"""Protocol buffers by hand: numbers there and back, and what is no such thing."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.checksum import crc32c
from unienv_data.formats.readers.rlds.example import (
    Feature,
    bytes_values,
    count_values,
    features_of,
    number_values,
)
from unienv_data.formats.readers.rlds.framing import frame_foot, frame_head, masked_crc
from unienv_data.formats.readers.rlds.records import Record
from unienv_data.formats.readers.rlds.spool import ExampleSpool
from unienv_data.formats.readers.rlds.wire import packed_varints, read_varint, varint, varints

INTEGERS = st.integers(-(2**63), 2**63 - 1)


def encoded_example(features: dict[str, Any]) -> bytes:
    """As our writer writes a record, without what stands around it."""
    file = BytesIO()
    spool = ExampleSpool(Path())
    for name, values in features.items():
        if isinstance(values, list):
            spool.bytes_list(name).add_bytes(values)
        elif values.dtype == np.float32:
            spool.float_list(name).add_floats(values)
        else:
            spool.int64_list(name).add_integers(values)
    size = spool.write(file, "it")
    spool.close()
    assert len(file.getvalue()) == size + 16
    return file.getvalue()[12:-4]


@given(st.lists(INTEGERS, max_size=40))
def test_varints(numbers: list[int]) -> None:
    data = packed_varints(np.array(numbers, np.int64))
    assert data == b"".join(varint(number % 2**64) for number in numbers)
    assert varints(data).view(np.int64).tolist() == numbers
    place, found = 0, []
    while place < len(data):
        number, place = read_varint(data, place)
        found.append(number)
    assert found == [number % 2**64 for number in numbers]


@given(
    st.lists(INTEGERS, max_size=50),
    st.lists(st.floats(width=32), max_size=50),
    st.lists(st.binary(max_size=300), max_size=20),
    st.integers(1, 60),
)
def test_examples(numbers: list[int], floats: list[float], texts: list[bytes], count: int) -> None:
    record = Record.of(
        encoded_example({"i": np.array(numbers, np.int64), "f": np.array(floats, np.float32), "b": texts})
    )
    features = features_of(record)
    assert set(features) == {"i", "f", "b"}
    pieces = list(number_values(record, features["i"], count))
    assert all(len(piece) == count for piece in pieces[:-1])
    assert [number for piece in pieces for number in piece.tolist()] == numbers
    found = [np.zeros(0, np.float32), *number_values(record, features["f"], count)]
    assert np.concatenate(found).tobytes() == np.array(floats, np.float32).tobytes()
    assert [text for part in bytes_values(record, features["b"], count) for text in part] == texts
    for name, values in (("i", numbers), ("f", floats), ("b", texts)):
        assert count_values(record, features[name]) == len(values)


def test_numbers_written_one_by_one() -> None:
    floats = b"".join(b"\x0d" + struct.pack("<f", value) for value in (1.5, -2.0))
    integers = b"".join(b"\x08" + varint(value) for value in (7, 300))
    record = Record.of(floats + integers)
    feature = Feature(2, 0, len(floats))
    assert next(number_values(record, feature, 9)).tolist() == [1.5, -2.0]
    feature = Feature(3, len(floats), len(integers))
    assert next(number_values(record, feature, 9)).tolist() == [7, 300]


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_an_example_or_refused(data: bytes) -> None:
    record = Record.of(data)
    try:
        for feature in features_of(record).values():
            count_values(record, feature)
    except ValueError:
        pass


@pytest.mark.parametrize("data", [b"\x80", b"\xff" * 11, b""])
def test_numbers_that_do_not_end(data: bytes) -> None:
    with pytest.raises(ValueError, match="does not end"):
        read_varint(data, 0)


def test_bytes_are_no_numbers() -> None:
    record = Record.of(encoded_example({"b": [b"x"], "i": np.arange(3)}))
    features = features_of(record)
    with pytest.raises(ValueError, match="bytes where numbers"):
        list(number_values(record, features["b"], 1))
    with pytest.raises(ValueError, match="int64 numbers where bytes"):
        list(bytes_values(record, features["i"], 1))


def test_framing() -> None:
    head, foot = frame_head(5), frame_foot(crc32c(b"hello"))
    assert struct.unpack("<Q", head[:8]) == (5,)
    assert struct.unpack("<I", head[8:]) == (masked_crc(head[:8]),)
    assert struct.unpack("<I", foot) == (masked_crc(b"hello"),)
    assert masked_crc(b"") == 0xA282EAD8, "of nothing only the constant is left"
