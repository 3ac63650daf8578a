"""The sequence of commits: found whatever the hint says, made by one writer only."""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.unienv_data.store.making import Interposed, a_commit, failing
from unienv_data.errors import CorruptDataError, FencedError, StaleCommitError
from unienv_data.schema.commit import Commit
from unienv_data.store.commits import HINT, CommitLog, find_commit
from unienv_data.store.objects import MemoryObjects

Log = tuple[CommitLog, Interposed, Interposed]


@pytest.fixture
def log() -> Log:
    root = MemoryObjects()
    outer, inner = Interposed(root), Interposed(root.below("storage"))
    return CommitLog(outer, inner), outer, inner


def publish(log: Log, *numbers: int, writer: str = "a") -> None:
    for number in numbers:
        log[0].publish(a_commit(number, writer))


# Finding the newest


def leave(root: Interposed, number: int) -> None:
    pass


def remove(root: Interposed, number: int) -> None:
    root.delete([HINT])


def make_stale(root: Interposed, number: int) -> None:
    root.replace(HINT, a_commit(2).to_bytes())


def make_ahead(root: Interposed, number: int) -> None:
    root.replace(HINT, a_commit(number + 7).to_bytes())


def make_garbage(root: Interposed, number: int) -> None:
    root.replace(HINT, b"\x00garbage")


def cut(root: Interposed, number: int) -> None:
    root.replace(HINT, root.read(HINT)[:-20])


def break_schema(root: Interposed, number: int) -> None:
    root.replace(HINT, root.read(HINT).replace(b'"number"', b'"nummer"'))


HINTS = [leave, remove, make_stale, make_ahead, make_garbage, cut, break_schema]


@pytest.mark.parametrize("spoil", HINTS, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("newest", [0, 5])
def test_the_hint_is_only_a_hint(log: Log, spoil: Callable[[Interposed, int], None], newest: int) -> None:
    publish(log, *range(newest + 1))
    spoil(log[1], newest)
    assert log[0].newest() == a_commit(newest)
    assert find_commit(log[1].inner, "storage") == a_commit(newest)
    publish(log, newest + 1)
    assert log[0].newest() == a_commit(newest + 1)


def test_nothing_is_there(log: Log) -> None:
    assert log[0].newest() is None
    log[1].replace(HINT, a_commit(3).to_bytes())
    assert log[0].newest() is None
    with pytest.raises(StaleCommitError, match="commit 3"):
        log[0].read(3)


def test_newer_goes_forward_only(log: Log) -> None:
    publish(log, 0, 1, 2, 3)
    assert log[0].newer(a_commit(1)) == a_commit(3)
    assert log[0].newer(a_commit(3)) is None


def test_newer_jumps_over_what_has_been_pruned(log: Log) -> None:
    publish(log, *range(9))
    log[2].delete(f"commits/{number:020d}.json" for number in range(5))
    assert log[0].newer(a_commit(2)) == a_commit(8)


def test_newer_does_not_stop_at_a_commit_that_is_pruned_meanwhile(log: Log) -> None:
    publish(log, *range(9))

    def prune(method: str, name: str) -> None:
        if method == "read" and name.endswith("3.json"):  # the reader is just behind the pruner
            log[2].before = lambda method, name: None
            log[2].inner.delete(f"commits/{number:020d}.json" for number in range(6))

    log[2].before = prune
    assert log[0].newer(a_commit(1)) == a_commit(8)


def test_newer_tells_when_another_dataset_has_taken_the_place(log: Log) -> None:
    for number in range(4):
        log[0].publish(a_commit(number, uuid="6" * 32))
    with pytest.raises(StaleCommitError, match="another dataset"):
        log[0].newer(a_commit(2))


def test_a_commit_under_a_wrong_number_is_refused(log: Log) -> None:
    log[2].create(f"commits/{4:020d}.json", a_commit(3).to_bytes())
    with pytest.raises(CorruptDataError, match=r"0004\.json.*commit 3"):
        log[0].newest()


def test_names_that_are_no_commits_are_passed_over(log: Log) -> None:
    publish(log, 0)
    for name in ("5.json", f"{7:020d}.json.bak", f"{8:020d}", "x" * 20 + ".json"):
        log[2].create(f"commits/{name}", b"nothing")
    log[1].delete([HINT])
    assert log[0].newest() == a_commit(0)


# Two writers


def test_the_loser_of_a_race_is_fenced(log: Log) -> None:
    publish(log, 0, 1)
    log[0].publish(a_commit(2, "b"))
    there = {name: log[2].read(f"commits/{name}") for name in log[2].list("commits")}
    with pytest.raises(FencedError, match=f"writer {'b' * 24} made commit 2 at 2026"):
        log[0].publish(a_commit(2, "a"))
    assert {name: log[2].read(f"commits/{name}") for name in log[2].list("commits")} == there
    assert log[0].newest() == a_commit(2, "b")


def test_the_hint_of_the_winner_stays(log: Log) -> None:
    publish(log, 0)
    log[0].publish(a_commit(1, "b"))
    with pytest.raises(FencedError):
        log[0].publish(a_commit(1, "a"))
    assert Commit.from_bytes(log[1].read(HINT), "hint") == a_commit(1, "b")


def test_a_writer_that_slept_while_its_next_number_was_pruned_is_fenced(log: Log) -> None:
    publish(log, *range(250), writer="b")
    log[2].delete(f"commits/{number:020d}.json" for number in range(150))
    log[1].replace(HINT, a_commit(249, "b").to_bytes())
    with pytest.raises(FencedError, match="commit 3, which has been pruned"):
        log[0].publish(a_commit(4, "a"))
    assert f"{4:020d}.json" not in log[2].list("commits")
    assert log[0].newest() == a_commit(249, "b")
    assert log[0].newer(a_commit(2, "a")) == a_commit(249, "b")


def test_a_stray_commit_before_the_pruned_ones_is_not_the_newest(log: Log) -> None:
    publish(log, *range(160), writer="b")
    log[2].delete(f"commits/{number:020d}.json" for number in range(150))
    log[2].create(f"commits/{4:020d}.json", a_commit(4, "a").to_bytes())  # its writer died before the check
    log[1].delete([HINT])
    assert log[0].newest() == a_commit(159, "b")
    assert log[0].newer(a_commit(3, "a")) == a_commit(159, "b")


# Lost answers

LOST = [
    OSError(errno.EIO, "lost"),
    TimeoutError("lost"),
    ConnectionResetError("lost"),
    FileExistsError("sent again by a library below"),
]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_commit_whose_answer_was_lost_is_made(log: Log, error: OSError) -> None:
    publish(log, 0)
    log[2].after = failing("create", "commits", error)
    assert log[0].publish(a_commit(1)) == a_commit(1)
    assert log[0].newest() == a_commit(1)
    publish(log, 2)
    assert log[0].newest() == a_commit(2)


@pytest.mark.parametrize("error", LOST[:3], ids=lambda error: type(error).__name__)
def test_a_commit_whose_request_was_lost_is_not_made_and_can_be_tried_again(log: Log, error: OSError) -> None:
    publish(log, 0)
    log[2].before = failing("create", "commits", error)
    with pytest.raises(type(error)):
        log[0].publish(a_commit(1))
    assert log[0].newest() == a_commit(0)
    publish(log, 1)
    assert log[0].newest() == a_commit(1)


def test_of_a_lost_answer_nobody_can_ask_about_the_next_attempt_makes_the_next_commit(log: Log) -> None:
    """The network fails after the request has got through, and stays away; meanwhile rows are added."""
    publish(log, 0)
    log[2].after = failing("create", "commits", TimeoutError())
    log[2].before = failing("read", "commits", ConnectionError())
    with pytest.raises(ConnectionError):
        log[0].publish(a_commit(1, length=10))
    again = log[0].publish(a_commit(1, length=20))
    assert again == a_commit(2, length=20)
    assert log[0].newest() == again
    assert log[0].read(1) == a_commit(1, length=10)


def test_a_request_that_arrives_late_does_not_swallow_the_next_attempt(log: Log) -> None:
    publish(log, 0)
    log[2].before = failing("create", "commits", TimeoutError())
    with pytest.raises(TimeoutError):
        log[0].publish(a_commit(1, length=10))
    log[2].inner.create(f"commits/{1:020d}.json", a_commit(1, length=10).to_bytes())  # it was under way
    assert log[0].publish(a_commit(1, length=20)) == a_commit(2, length=20)
    assert log[0].newest() == a_commit(2, length=20)


def test_an_attempt_given_up_for_lost_gives_way_to_another_writer(log: Log) -> None:
    publish(log, 0)
    log[2].before = failing("create", "commits", TimeoutError())
    with pytest.raises(TimeoutError):
        log[0].publish(a_commit(1, "a"))
    log[0].publish(a_commit(1, "b"))
    with pytest.raises(FencedError):
        log[0].publish(a_commit(1, "a"))


def test_of_many_writers_at_once_one_wins_each_number(log: Log) -> None:
    def contend(writer: str) -> list[int]:
        won = []
        for number in range(40):
            with suppress(FencedError):
                log[0].publish(a_commit(number, writer))
                won.append(number)
        return won

    with ThreadPoolExecutor(4) as pool:
        won = {writer: numbers for writer, numbers in zip("abcd", pool.map(contend, "abcd"), strict=True)}
    assert sorted(number for numbers in won.values() for number in numbers) == list(range(40))
    for writer, numbers in won.items():
        assert all(log[0].read(number) == a_commit(number, writer) for number in numbers)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), PermissionError("denied")])
def test_a_commit_stands_though_its_hint_cannot_be_written(log: Log, failure: OSError) -> None:
    publish(log, 0)
    log[1].before = failing("replace", HINT, failure)
    publish(log, 1)
    assert log[0].newest() == a_commit(1)
