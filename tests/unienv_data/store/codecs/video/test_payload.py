"""The bytes of a chunk: what they declare is checked before anything is made of it."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("av")

from tests.unienv_data.store.codecs.video.scenes import decoded, make, scene
from unienv_data.store.codecs.checked import with_checksum
from unienv_data.store.codecs.video import Payload, Stream, group, joined, parse_payload

STREAMS = [Stream("h264", 64, 48, delay, 1, 1, 1, 1, b"sps" * delay) for delay in (0, 0, 2)]


@st.composite
def payloads(draw: st.DrawFn) -> Payload:
    """Payloads whose packets say where they come from."""
    parts = []
    for number in range(draw(st.integers(1, 5))):
        packets = draw(st.integers(1, 9))
        frames = draw(st.integers(1, packets))
        skip = draw(st.integers(0, packets - frames))
        data = [f"{number}.{place}".encode() * draw(st.integers(0, 3)) for place in range(packets)]
        parts.append(group(draw(st.sampled_from(STREAMS)), skip, frames, data))
    return joined(parts)


def rows_of(payload: Payload) -> list[tuple[Stream, int, bytes]]:
    """Of each row the stream, its place in the group, and what must be decoded for it."""
    rows = []
    for number, (stream, skip, frames, _) in enumerate(payload.groups.tolist()):
        for place in range(skip, skip + frames):
            needed = b"|".join(payload.packets(number, place + 1))
            rows.append((payload.streams[stream], place, needed))
    return rows


@given(payload=payloads(), data=st.data())
def test_cut_and_joined_rows_stay_themselves(payload: Payload, data: st.DataObject) -> None:
    again = parse_payload(payload.encode())
    assert rows_of(again) == rows_of(payload)
    start = data.draw(st.integers(0, payload.rows))
    stop = data.draw(st.integers(start, payload.rows))
    part = parse_payload(again.cut(start, stop).encode())
    assert rows_of(part) == rows_of(payload)[start:stop]
    assert len(part.streams) <= len(set(part.streams))
    both = joined([part, again])
    assert rows_of(both) == rows_of(part) + rows_of(payload)
    assert len(set(both.streams)) == len(both.streams)


@given(payload=payloads(), place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_is_noticed_or_harmless(payload: Payload, place: int, value: int) -> None:
    data = bytearray(payload.encode())
    data[place % len(data)] = value
    try:
        found = parse_payload(bytes(data), most_rows=100)
    except ValueError:
        return
    assert found.rows <= 100
    assert len(found.data) <= len(data)
    rows_of(found)


@given(payload=payloads(), cut=st.integers(1, 10**6))
def test_a_cut_payload_is_none(payload: Payload, cut: int) -> None:
    data = payload.encode()
    with pytest.raises(ValueError, match=r"."):
        parse_payload(data[: -(cut % len(data)) or None] if cut % len(data) else b"")
    with pytest.raises(ValueError, match="packets that do not fill"):
        parse_payload(data + b"\0")


@pytest.mark.parametrize("field", [4, 6, 10])
def test_what_is_only_declared_takes_no_memory(field: int) -> None:
    data = bytearray(make("ffv1", (7, 5, 3)).encode(scene(3, (7, 5, 3)))[:-4])
    struct.pack_into("<H" if field == 4 else "<I", data, field, 0xFFFF if field == 4 else 0xFFFFFFF0)
    made = make("ffv1", (7, 5, 3))
    out = np.empty(made.chunk.nbytes, np.uint8)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"declared|cannot be read|frames of"):
        made.decode(with_checksum(bytes(data)), out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_other_versions_are_refused() -> None:
    with pytest.raises(ValueError, match="another version"):
        parse_payload(b"uev2" + bytes(20))


def test_larger_frames_are_refused_before_a_decoder_is_made() -> None:
    huge = Stream("h264", 40_000, 40_000)
    made = make("h264", (24, 32, 3))
    data = with_checksum(group(huge, 0, 1, [b"x"]).encode())
    with pytest.raises(ValueError, match="frames of 40000 x 40000, expected 24 x 32"):
        decoded(made, data)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_packets_that_hold_larger_frames_than_they_say(codec: str) -> None:
    large = make(codec, (1024, 1024, 3), rows=1)
    payload = parse_payload(large.encode(np.zeros((1, 1024, 1024, 3), np.uint8))[:-4])
    stream = payload.streams[0]
    lying = Stream(codec, 32, 32, 0, extradata=stream.extradata)
    data = group(lying, 0, 1, [bytes(packet) for packet in payload.packets(0, 1)]).encode()
    with pytest.raises(ValueError, match=r"cannot be decoded|no decoder|a frame of|fewer frames"):
        decoded(make(codec, (24, 32, 3)), with_checksum(data))


def test_other_formats_are_never_opened() -> None:
    data = group(Stream("rawvideo", 32, 24), 0, 1, [bytes(32 * 24 * 3)]).encode()
    with pytest.raises(ValueError, match="format 'rawvideo'"):
        decoded(make("h264", (24, 32, 3)), with_checksum(data))


def test_packets_that_are_no_video() -> None:
    payload = parse_payload(make("h264", (24, 32, 3)).encode(scene(3, (24, 32, 3)))[:-4])
    data = group(payload.streams[0], 0, 2, [b"nothing", b"of the kind"]).encode()
    with pytest.raises(ValueError, match=r"cannot be decoded|fewer frames"):
        decoded(make("h264", (24, 32, 3)), with_checksum(data))
