"""Every space of the corpus through the suite of spaces, and so the suite itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from unienv_data.columns import columns_of
from unienv_data.testing import SPACES, SpaceTests, values
from unienv_interface.backends import NumpyComputeBackend

NAMES = ("full_int16", "text_charset", "dict_odd_names", "batched_dict", "union", "graph_batch", "everything")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestSpaces(SpaceTests):
    @pytest.fixture(autouse=True)
    def _of_this_name(self, name: str) -> None:
        self.name = name

    def make_space(self, backend: Any) -> Any:
        return SPACES[self.name](backend)

    def make_values(self, space: Any) -> Sequence[Any]:
        return values(self.name, space.backend)


@pytest.mark.parametrize("name", SPACES)
def test_every_space_can_be_stored(name: str) -> None:
    assert columns_of(SPACES[name](NumpyComputeBackend)).space == SPACES[name](NumpyComputeBackend)
