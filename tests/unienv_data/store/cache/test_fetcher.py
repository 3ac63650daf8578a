"""What is brought when, by whom, and what becomes of errors."""

from __future__ import annotations

import gc
import statistics
import threading
from pathlib import Path

import pytest

from tests.unienv_data.store.cache.making import Place, fetcher, name_of, names, shard, wait_for
from unienv_data.store.cache import fetcher as fetcher_module
from unienv_data.store.cache.ledger import Ledger
from unienv_data.store.cache.part import CannotKeepError

SHARD = shard([b"x" * 900])
SIZE = len(SHARD)


@pytest.fixture
def place() -> Place:
    return Place({name_of(number): SHARD for number in range(40)})


def here(one: fetcher_module.Fetcher) -> list[int]:
    return [number for number in range(40) if one.folder.has(name_of(number))]


def test_what_is_expected_comes_once_and_in_order(place: Place, tmp_path: Path) -> None:
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=False)
    order: list[str] = []
    place.before = order.append
    place.seconds = 0.005
    first, second = one.expect(names(range(20))), one.expect(names(range(10, 30)))
    one.bring(names([3, 4]))  # those under way are waited for
    assert {3, 4} <= set(here(one))
    wait_for(lambda: here(one) == list(range(30)))
    assert set(place.whole.values()) == {1}
    assert place.most_at_once > 1
    came = [names(range(40)).index(name) for name in order]
    # Eight at a time: one may be held up, most are not; by chance half would be off by nine or more.
    assert statistics.median(abs(at - number) for at, number in enumerate(came)) <= 5
    first.release()
    second.release()


def test_no_more_is_held_than_fits(place: Place, tmp_path: Path) -> None:
    one = fetcher(place, str(tmp_path), 10 * SIZE, eager=False)
    groups = [one.expect(names(range(4 * group, 4 * group + 4))) for group in range(6)]
    wait_for(lambda: len(here(one)) >= 8)
    for group, expectation in enumerate(groups):
        needed = set(range(4 * group, 4 * group + 4))
        one.bring(names(needed))  # as a reader of these rows does
        assert needed <= set(here(one))
        assert Ledger(str(tmp_path)).count() <= 10 * SIZE
        expectation.release()
    wait_for(lambda: not one._under_way)
    assert set(place.whole.values()) == {1}
    assert sum(place.whole.values()) == 24
    assert [*one._held, *one._pins, *one._queue, *one._pinned_paths, one._held_bytes] == [0]


def test_what_is_dropped_is_released(place: Place, tmp_path: Path) -> None:
    one = fetcher(place, str(tmp_path), 10 * SIZE, eager=False)
    expectation = one.expect(names(range(3)))
    wait_for(lambda: len(here(one)) == 3)
    del expectation
    gc.collect()
    assert [*one._held, *one._pins] == []


def test_a_reader_does_not_wait_for_room(place: Place, tmp_path: Path) -> None:
    """What does not fit beside what is expected is read from where it stands."""
    one = fetcher(place, str(tmp_path), 3 * SIZE, eager=False)
    held = one.expect(names(range(3)))
    wait_for(lambda: here(one) == [0, 1, 2])
    later = one.expect(names([7]))
    one.bring(names([7, 8]))
    assert here(one) == [0, 1, 2]
    held.release()
    wait_for(lambda: 7 in here(one))
    later.release()
    assert place.whole[name_of(8)] == 0


def test_errors_are_the_readers(place: Place, tmp_path: Path) -> None:
    failures = [2]

    def before(name: str) -> None:
        if name == name_of(1) and failures:
            failures.pop()
            raise ConnectionResetError("lost")

    place.before = before
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=False)
    held = one.expect(names(range(3)))
    wait_for(lambda: not one._under_way and not one._queue)
    assert here(one) == [0, 2]
    one.bring(names([1]))  # tried once more, and there it is
    assert here(one) == [0, 1, 2]
    failures += [1] * 100
    one.folder.drop(names([1]))
    with pytest.raises(ConnectionResetError, match="lost"):
        one.bring(names([0, 1, 2]))
    failures.clear()
    one.bring(names([1]))
    held.release()


def test_a_reader_waits_for_what_is_under_way_and_takes_its_error_up(place: Place, tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    calls: list[str] = []

    def before(name: str) -> None:
        calls.append(name)
        if len(calls) == 1:
            begun.set()
            assert go_on.wait(20)
            raise TimeoutError("slow")

    place.before = before
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=False)
    held = one.expect(names([5]))
    assert begun.wait(20)
    threading.Timer(0.05, go_on.set).start()
    one.bring(names([5]))
    assert here(one) == [5]
    assert calls == names([5, 5])
    held.release()


def test_what_comes_damaged_is_fetched_again(place: Place, tmp_path: Path) -> None:
    cut = SHARD[:-7]

    def before(name: str) -> None:
        place._objects[name] = cut if place.whole[name] == 1 else SHARD

    place.before = before
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=True)
    one.bring(names(range(3)))
    assert here(one) == [0, 1, 2]
    assert set(place.whole.values()) == {2}
    assert one.folder.below("").read(name_of(1)) == SHARD


def test_what_stays_damaged_is_not_kept(place: Place, tmp_path: Path) -> None:
    place._objects[name_of(0)] = SHARD[:-1] + b"\0\0"
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=True)
    one.bring(names([0, 1]))
    assert here(one) == [1]


def test_other_objects_must_be_as_long_as_they_are(place: Place, tmp_path: Path) -> None:
    place._objects["tails/1-a"] = bytes(100)
    place.size = lambda name: 100 if place.whole[name] > 1 else 101  # type: ignore[method-assign]
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=True)
    one.bring(["tails/1-a", "metadata.json"])
    assert one.folder.size("tails/1-a") == 100
    assert place.whole == {"tails/1-a": 2}


def test_what_is_larger_than_the_budget_is_left_where_it_is(place: Place, tmp_path: Path) -> None:
    one = fetcher(place, str(tmp_path), SIZE - 1, eager=True)
    for _ in range(3):
        one.bring(names(range(3)))
    assert here(one) == []
    assert sum(place.whole.values()) <= 3  # known from then on


def test_a_cache_brings_what_is_read_and_a_stream_does_not(place: Place, tmp_path: Path) -> None:
    eager = fetcher(place, str(tmp_path / "a"), 100 * SIZE, eager=True)
    other = fetcher(place, str(tmp_path / "b"), 100 * SIZE, eager=False)
    eager.bring(names([1]))
    other.bring(names([1]))
    assert (here(eager), here(other)) == ([1], [])


def test_two_users_fetch_everything_once(place: Place, tmp_path: Path) -> None:
    place.seconds = 0.002
    users = [fetcher(place, str(tmp_path), 100 * SIZE, eager=True) for _ in range(3)]
    held = [user.expect(names(range(20))) for user in users]
    threads = [threading.Thread(target=user.bring, args=(names(range(40)),)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert here(users[0]) == list(range(40))
    assert set(place.whole.values()) == {1}
    for expectation in held:
        expectation.release()


def test_a_full_disk_is_warned_of_once(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fetcher(place, str(tmp_path), 100 * SIZE, eager=True)

    def full(*args: object, **kwargs: object) -> bool:
        raise CannotKeepError(OSError(28, "No space left on device"))

    monkeypatch.setattr(one.folder, "land", full)
    with pytest.warns(UserWarning, match="nothing can be kept there .No space left on device.; far://place"):
        one.bring(names([0]))
    one.bring(names([1]))
    held = one.expect(names([2]))
    held.release()
    assert here(one) == []
    assert sum(place.whole.values()) == 0
