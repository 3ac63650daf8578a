"""Modules import downward only."""

from __future__ import annotations

import graphlib

import pytest

from tests.house.floors import FLOORS, MAY_IMPORT_LATE, may_import, room_of
from tests.house.tree import When, modules

MODULES = modules()


def test_the_table_names_each_room_once() -> None:
    rooms = [room for floor in FLOORS for room in floor]
    assert len(rooms) == len(set(rooms))


def test_modules_have_rooms() -> None:
    assert [name for name in MODULES if room_of(name) is None] == [], "no place in tests/house/floors.py"


def test_modules_import_downward() -> None:
    faults = []
    for name, module in MODULES.items():
        for found in module.imports():
            mine, theirs = room_of(name), room_of(found.target)
            if mine is None or theirs is None or not may_import(mine, theirs):
                faults.append(f"{name}:{found.line} ({mine}) imports {found.target} ({theirs})")
    assert not faults, "\n".join(faults)


def test_modules_import_at_the_top() -> None:
    late = [
        f"{name}:{found.line} imports {found.target}"
        for name, module in MODULES.items()
        if not any(name == door or name.startswith(door + ".") for door in MAY_IMPORT_LATE)
        for found in module.imports()
        if found.when is When.CALLING
    ]
    assert not late, "\n".join(late)


def test_no_module_depends_on_itself_through_others() -> None:
    graph = {
        name: {
            found.target for found in module.imports() if found.when is When.LOADING and found.target != name
        }
        for name, module in MODULES.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
