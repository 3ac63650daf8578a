"""What a place counts of its requests and bytes."""

from __future__ import annotations

import pickle
import threading
import uuid

from unienv_data.store.objects import LocalObjects, MemoryObjects, Range, Traffic, TrafficCount, open_objects


def test_a_remote_place_counts_requests_and_bytes_those_below_it_too() -> None:
    whole = open_objects(f"memory://{uuid.uuid4().hex}")
    inner = whole.below("inner")
    inner.write("a", [b"0123", b"456789"])
    inner.create("b", b"xy")
    assert whole.traffic.snapshot() == TrafficCount(2, 0, 12)
    before = whole.traffic.snapshot()
    inner.read("a")
    inner.read_ranges([Range("a", 0, 3), Range("b", 1, 2)])
    inner.read_end("a", 4)
    assert whole.traffic.snapshot() - before == TrafficCount(4, 18, 0)
    whole.delete_all()


def test_what_is_local_counts_nothing(tmp_path: object) -> None:
    for place in (MemoryObjects(), LocalObjects(str(tmp_path))):
        place.write("a", [b"0123"])
        place.read("a")
        assert place.below("x").traffic is place.traffic
        assert place.traffic.snapshot() == TrafficCount()


def test_counting_from_threads_loses_nothing_and_copies_begin_anew() -> None:
    traffic = Traffic()

    def count() -> None:
        for _ in range(1000):
            traffic.add(requests=1, bytes_read=3)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (traffic.requests, traffic.bytes_read, traffic.bytes_written) == (4000, 12000, 0)
    assert pickle.loads(pickle.dumps(traffic)).snapshot() == TrafficCount()
