"""Options that several commands share."""

from __future__ import annotations

import pytest
import typer

from unienv_data.cli.options import parse_storage_options


def test_values_are_json_where_they_read_as_such() -> None:
    pairs = [
        "anon=true",
        "retries=3",
        'client_kwargs={"region_name": "x"}',
        "key=a=b",
        "secret=",
        "token=null",
    ]
    assert parse_storage_options(pairs) == {
        "anon": True,
        "retries": 3,
        "client_kwargs": {"region_name": "x"},
        "key": "a=b",
        "secret": "",
        "token": None,
    }


def test_no_options() -> None:
    assert parse_storage_options(None) == {}


@pytest.mark.parametrize("pair", ["endpoint", "=value", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not KEY=VALUE"):
        parse_storage_options([pair])
