"""Files of a cache: whole or not there, within the budget, the least recently used first to go."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unienv_data.store.cache import folder as folder_module
from unienv_data.store.cache import ledger as ledger_module
from unienv_data.store.cache.filelock import FileLock, locked
from unienv_data.store.cache.folder import CacheFolder
from unienv_data.store.cache.ledger import Ledger
from unienv_data.store.cache.part import PartFile

LIMIT = 1000
NAMES = st.sampled_from([f"columns/x/c.{i}" for i in range(12)] + ["tails/1-a", "episodes/2"])


def put(folder: CacheFolder, name: str, data: bytes, **options: Any) -> bool:
    likely = options.pop("likely", len(data))
    with folder.landing(name, 1.0):
        return folder.land(name, lambda file: brought(file, data), likely=likely, durable=False, **options)


def brought(file: PartFile, data: bytes) -> bool:
    file.begin()
    file.write(b"what failed")
    file.begin()
    for start in range(0, len(data), 100):
        file.write(data[start : start + 100])
    assert file.last(7) == data[-7:]
    return True


def total(base: Path) -> int:
    return sum(path.stat().st_size for path in base.rglob("*/objects/**/*") if path.is_file())


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses are noted each time."""
    monkeypatch.setattr(folder_module, "_TOUCHED_EVERY", 0.0)


class CacheMachine(RuleBasedStateMachine):
    """Two users of one folder beside a dictionary in order of use."""

    def __init__(self) -> None:
        super().__init__()
        self.model: OrderedDict[str, bytes] = OrderedDict()

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(folder_module, "_TOUCHED_EVERY", 0.0)
        self.held = tempfile.TemporaryDirectory()
        self.base = Path(self.held.name)
        self.users = [CacheFolder(str(self.base), "d", LIMIT) for _ in range(2)]

    @rule(user=st.integers(0, 1), name=NAMES, size=st.integers(0, 1100), fill=st.integers(0, 255))
    def land(self, user: int, name: str, size: int, fill: int) -> None:
        if name in self.model:  # objects never change
            return
        kept = put(self.users[user], name, bytes([fill]) * size)
        assert kept == (size <= LIMIT)
        if not kept:
            return
        if sum(map(len, self.model.values())) + size > LIMIT:
            spare = LIMIT - LIMIT // 32
            while self.model and sum(map(len, self.model.values())) + size > spare:
                self.model.popitem(last=False)
        self.model[name] = bytes([fill]) * size

    @rule(user=st.integers(0, 1), name=NAMES)
    def read(self, user: int, name: str) -> None:
        folder = self.users[user]
        assert folder.has(name) == (name in self.model)
        assert folder.size(name) == (len(self.model[name]) if name in self.model else None)
        if name in self.model:
            assert folder.below("").read(name) == self.model[name]
            prefix, _, rest = name.rpartition("/")
            assert folder.below(prefix + "/").read_end(rest, 3) == self.model[name][-3:]
            folder.touch([name])
            self.model.move_to_end(name)

    @rule(user=st.integers(0, 1), name=NAMES)
    def drop(self, user: int, name: str) -> None:
        self.users[user].drop([name])
        self.model.pop(name, None)

    @rule(user=st.integers(0, 1))
    def open_again(self, user: int) -> None:
        self.users[user] = CacheFolder(str(self.base), "d", LIMIT)

    @rule(name=NAMES, size=st.integers(0, 300))
    def die_in_the_midst(self, name: str, size: int) -> None:
        """Room has been made and bytes have come, and then nobody goes on."""
        if name in self.model or sum(map(len, self.model.values())) + size > LIMIT:
            return
        folder = self.users[0]
        with folder.landing(name, 1.0):
            part = os.path.join(folder._landing, f"{folder_module.landing_stem(name)}.part")
            assert Ledger(str(self.base)).admit(part, size, LIMIT)

    @invariant()
    def is_within_budget(self) -> None:
        if hasattr(self, "base"):
            assert total(self.base) == sum(map(len, self.model.values())) <= LIMIT
            assert Ledger(str(self.base)).count() == total(self.base)

    def teardown(self) -> None:
        if hasattr(self, "held"):
            self.patch.undo()
            self.held.cleanup()


CacheMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCache = CacheMachine.TestCase


def test_what_is_pinned_stays(tmp_path: Path, exact: None) -> None:
    folder = CacheFolder(str(tmp_path), "d", 100)
    for number in range(4):
        assert put(folder, f"columns/x/c.{number}", bytes(25))
    pinned = folder.path("columns/x/c.0")
    assert put(folder, "columns/x/c.4", bytes(25), is_pinned=lambda path: path == pinned)
    assert folder.has("columns/x/c.0")
    assert not folder.has("columns/x/c.1")
    assert not put(folder, "columns/x/c.9", bytes(90), is_pinned=lambda path: path == pinned)
    assert folder.has("columns/x/c.0")


@pytest.mark.parametrize("likely", [0, 59, 60, 61, 100])
def test_what_turns_out_otherwise_is_counted_as_it_is(tmp_path: Path, likely: int) -> None:
    folder = CacheFolder(str(tmp_path), "d", 100)
    counted = struct.Struct("<Q")
    assert put(folder, "columns/x/c.0", bytes(30))
    assert put(folder, "columns/x/c.1", bytes(60), likely=likely)
    assert (
        counted.unpack((tmp_path / "ledger").read_bytes()[:8])[0]
        == total(tmp_path)
        == (60 if likely > 70 else 90)
    )
    assert not put(folder, "columns/x/c.2", bytes(101), likely=likely)
    with pytest.raises(ConnectionError), folder.landing("columns/x/c.3", 1.0):
        folder.land("columns/x/c.3", lost, likely=likely, durable=False)
    assert counted.unpack((tmp_path / "ledger").read_bytes()[:8])[0] == total(tmp_path)
    assert not any((tmp_path / "d" / "landing").iterdir())


def lost(file: PartFile) -> bool:
    file.write(b"some of it")
    raise ConnectionError("lost")


def test_without_a_budget_half_of_the_disk_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 1000
    free = SimpleNamespace(disk_usage=lambda base: SimpleNamespace(free=room - total(tmp_path)))
    monkeypatch.setattr(ledger_module, "shutil", free)
    folder = CacheFolder(str(tmp_path), "d", None)
    for number in range(10):
        assert put(folder, f"columns/x/c.{number}", bytes(100))
        assert total(tmp_path) == min(number + 1, 5) * 100 or total(tmp_path) == 400
    room = 200
    assert put(folder, "columns/x/c.10", bytes(50))
    assert total(tmp_path) <= 100


def test_several_datasets_share_the_budget(tmp_path: Path) -> None:
    first, second = CacheFolder(str(tmp_path), "a", 100), CacheFolder(str(tmp_path), "b", 100)
    assert put(first, "columns/x/c.0", bytes(60))
    assert put(second, "columns/x/c.0", bytes(60))
    assert not first.has("columns/x/c.0")
    assert second.has("columns/x/c.0")


def test_a_damaged_count_is_made_anew(tmp_path: Path) -> None:
    folder = CacheFolder(str(tmp_path), "d", 100)
    assert put(folder, "columns/x/c.0", bytes(60))
    for damage in (b"", b"rubbish", bytes(16)):
        (tmp_path / "ledger").write_bytes(damage)
        assert put(folder, f"tails/{len(damage)}", bytes(60))
        assert total(tmp_path) == 60


def test_open_files_that_have_gone_are_let_go_of(tmp_path: Path) -> None:
    folder, other = CacheFolder(str(tmp_path), "d", 200_000), CacheFolder(str(tmp_path), "d", 200_000)
    data = os.urandom(150_000)
    assert put(folder, "columns/x/c.0", data)
    place = folder.below("columns/")
    assert place.read_end("x/c.0", 150_000) == data
    assert put(other, "columns/x/c.1", data)
    assert place._open("x/c.0").read(0, 10) == data[:10]  # still there for whoever has it open
    folder.drop_removed()
    with pytest.raises(FileNotFoundError):
        place._open("x/c.0")


def test_a_lock_is_one_threads_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    inside, most = 0, 0
    mutex = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locked(path, 30.0, remove=True):
                with mutex:
                    inside += 1
                    most = max(most, inside)
                with mutex:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not os.path.exists(path)


def test_who_waits_in_vain_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    lock = FileLock(path)
    with pytest.raises(BlockingIOError, match="lock"), locked(path, 0.05):
        pass
    lock.release()
    with locked(path, 0.0):
        pass
    lock.release()
