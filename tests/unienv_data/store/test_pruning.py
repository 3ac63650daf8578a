"""Old commits go with what they alone refer to; whatever anybody may still read stays."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.unienv_data.store.making import Interposed, a_commit, failing
from unienv_data.schema.commit import BufferState, Commit, EpisodePart, LogEntry, Tail
from unienv_data.store import commits
from unienv_data.store.commits import CommitLog
from unienv_data.store.objects import MemoryObjects, ObjectStore

START = datetime(2026, 1, 1, tzinfo=UTC)
FOLDERS = ("tails", "rows", "episodes", "removed", "stats")


class Clock:
    """The time, as the tests set it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(commits, "utc_now", lambda: self.now)

    def at(self, seconds: float) -> str:
        self.now = START + timedelta(seconds=seconds)
        return self.now.isoformat()


class Place:
    """A log of commits, each with objects of its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.root = MemoryObjects()
        self.objects: ObjectStore = Interposed(self.root.below("storage"))
        self.log = CommitLog(self.root, self.objects)
        self.published: list[Commit] = []

    def publish(self, seconds: float, **changes: object) -> Commit:
        """The next commit; it names a tail of its own, unless another is given."""
        number = len(self.published)
        name = f"{number:020d}-{'e' * 24}"
        for store, folder in ((self.objects, "tails"), (self.root, "episodes"), (self.root, "removed")):
            store.write(f"{folder}/{name}{'.parquet' * (folder == 'episodes')}", [b"x"])
        for ending in ("json", "parquet"):
            self.root.write(f"stats/{name}.{ending}", [b"x"])
        parts = (EpisodePart(f"episodes/{name}.parquet", 1),)
        commit = a_commit(
            number,
            time=self.clock.at(seconds),
            **{
                "tail": Tail(f"tails/{name}", {}),
                "buffer": BufferState(
                    episodes=parts, removed_object=f"removed/{name}", statistics=f"stats/{name}.json"
                ),
                "length": 2**20,
                "logs": {"rows": LogEntry(8, 2**50)},
                "runs": tuple((3 * i, 3 * i, 2) for i in range(70)),
                **changes,
            },
        )
        self.published.append(self.log.publish(commit))
        return commit

    def numbers(self) -> list[int]:
        return [int(name.removesuffix(".json")) for name in self.objects.list("commits")]

    def check(self) -> None:
        """Every commit that is there is whole, and nothing else is there."""
        kept = [self.log.read(number) for number in self.numbers()]
        needed = {commit.tail.object for commit in kept if commit.tail}
        needed |= {part.object for commit in kept for part in commit.buffer.episodes}
        needed |= {commit.buffer.removed_object for commit in kept if commit.buffer.removed_object}
        stems = [(commit.buffer.statistics or "").removesuffix(".json") for commit in kept]
        needed |= {f"{stem}.{ending}" for stem in stems if stem for ending in ("json", "parquet")}
        there = {
            f"{folder}/{name}"
            for folder in FOLDERS
            for name in (self.objects if folder in ("tails", "rows") else self.root).list(folder)
        }
        assert needed <= there
        unnamed = {name for name in there - needed if not name.startswith("rows/")}
        first = self.numbers()[0]
        assert all(int(name.split("/")[1][:20]) >= first for name in unnamed)
        assert len(self.objects.list("rows")) == len(kept)
        for commit in kept:
            assert commit.runs == self.published[commit.number].runs


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(Clock(monkeypatch))


def test_the_last_hundred_and_ten_minutes_stay(place: Place) -> None:
    for number in range(301):
        place.publish(number * 60)
    # After number 300: 200 and later are among the last hundred, and so is 100 before number 200.
    assert place.numbers() == list(range(201, 301))
    place.check()


def test_commits_in_quick_succession_stay_for_ten_minutes(place: Place) -> None:
    for number in range(401):
        place.publish(number)
    assert place.numbers() == list(range(401))
    for number in range(401, 501):
        place.publish(599 + number - 401)
    # Ten minutes before number 500 it was second 98, when 97 was followed by 98.
    assert place.numbers()[0] == 97
    place.check()


def test_a_commit_that_was_the_newest_a_moment_ago_stays(place: Place) -> None:
    """A reader opens the newest commit, which is a day old; then somebody writes on in a hurry."""
    for number in range(150):
        place.publish(number)
    opened = place.log.newest()
    assert opened is not None
    for number in range(250):
        place.publish(86_400 + number)
    assert place.numbers()[0] == opened.number == 149
    place.check()
    for number in range(100):
        place.publish(86_400 + 2000 + number)
    assert opened.number not in place.numbers()
    place.check()


def test_what_a_kept_commit_still_names_stays(place: Place) -> None:
    """Commits that change attributes only go on naming the tail of an old one."""
    first = place.publish(0)
    for number in range(1, 301):
        place.publish(number * 60, tail=first.tail, buffer=first.buffer)
    assert place.numbers() == list(range(201, 301))
    assert first.tail is not None
    assert place.objects.list("tails")[0] == first.tail.object.removeprefix("tails/")
    place.check()


@pytest.mark.parametrize("seed", range(2))
def test_any_history(place: Place, seed: int) -> None:
    order = random.Random(seed)
    seconds = 0.0
    for _ in range(420):
        seconds += order.choice([0, 0.1, 1, 5, 30, 400])
        changes = {}
        if place.published and order.random() < 0.4:
            previous = place.published[-1]
            changes = {"tail": previous.tail, "buffer": previous.buffer}
        place.publish(seconds, **changes)
    assert place.numbers() == list(range(place.numbers()[0], 420))
    assert place.numbers()[0] <= 301
    # As of the last look, at number 400, whatever was the newest within ten minutes is there.
    limit = datetime.fromisoformat(place.published[400].time) - timedelta(minutes=10)
    seen = [c.number for c in place.published[:401] if datetime.fromisoformat(c.time) >= limit]
    assert place.numbers()[0] <= max(min(seen, default=400) - 1, 0)
    place.check()


@pytest.mark.parametrize("method", ["delete", "read"])
def test_a_commit_stands_though_pruning_fails(place: Place, method: str) -> None:
    for number in range(300):
        place.publish(number * 60)
    assert isinstance(place.objects, Interposed)
    place.objects.before = failing(
        method, "commits/000000000000000001", PermissionError("denied"), times=1000
    )
    place.publish(300 * 60)
    newest = place.log.newest()
    assert newest is not None
    assert newest.number == 300
    place.objects.before = lambda method, name: None
    for number in range(301, 401):
        place.publish(number * 60)
    assert place.numbers() == list(range(301, 401))
    place.check()


def test_runs_go_aside_where_they_are_many(place: Place) -> None:
    few = tuple((2 * i, 5 * i, 1) for i in range(64))
    place.publish(0, runs=few)
    assert place.objects.list("rows") == []
    many = tuple((2 * i, 2**40 + 5 * i, 1) for i in range(65))
    place.publish(1, runs=many)
    assert len(place.objects.list("rows")) == 1
    assert len(place.objects.read(f"commits/{1:020d}.json")) < 3000
    assert place.log.read(0).runs == few
    assert place.log.read(1).runs == many
    assert place.log.read(1).runs_object == f"rows/{place.objects.list('rows')[0]}"


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "long"])
def test_damaged_runs_are_seen(place: Place, damage: str) -> None:
    place.publish(0)
    name = f"rows/{place.objects.list('rows')[0]}"
    data = place.objects.read(name)
    place.objects.delete([name])
    changed = {
        "cut": data[:-24],
        "flipped": data[:9] + bytes([data[9] ^ 1]) + data[10:],
        "long": data + bytes(24),
    }
    if damage != "missing":
        place.objects.write(name, [changed[damage]])
    with pytest.raises(commits.CorruptDataError, match=name):
        place.log.newest()
