"""Which columns a pattern means, against a matcher that walks the parts."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unienv_data.columns.patterns import choose, matches
from unienv_data.errors import PathError

part = st.text("ab.", min_size=1, max_size=3)
names = st.lists(part, min_size=1, max_size=4).map("/".join)
pattern_part = st.one_of(
    st.just("**"), st.text("ab.*?", min_size=1, max_size=3).filter(lambda p: "**" not in p)
)
patterns = st.lists(pattern_part, min_size=1, max_size=4).map("/".join)


def part_matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(part_matches(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and part_matches(pattern[1:], text[1:])


def parts_match(pattern: list[str], name: list[str]) -> bool:
    """Whether the pattern means the column, or a group that it is in."""
    if not pattern:
        return True
    if pattern == ["**"]:
        return bool(name)
    if pattern[0] == "**":
        return any(parts_match(pattern[1:], name[i:]) for i in range(len(name)))
    return bool(name) and part_matches(pattern[0], name[0]) and parts_match(pattern[1:], name[1:])


@given(patterns, names)
@example("a/**", "a/b")
@example("a/**/b", "a/b")
@example("**", "a")
@example("**/a", "a")
def test_against_the_walk(pattern: str, name: str) -> None:
    assert matches(pattern, name) == parts_match(pattern.split("/"), name.split("/"))


@given(st.text(max_size=8).filter(lambda text: not set(text) & set("*?")), st.text(max_size=8))
def test_other_characters_mean_themselves(pattern: str, name: str) -> None:
    stripped = pattern.strip("/")
    assert matches(pattern, name) == (name == stripped or name.startswith(stripped + "/"))


def test_of_several_patterns_the_last_counts() -> None:
    options = {"**": 1, "observation/*": 2, "observation/state": 3}
    found = choose(options, ["action", "observation/image", "observation/state"])
    assert found == {"action": 1, "observation/image": 2, "observation/state": 3}
    assert choose(None, ["a"]) == {}
    assert choose({}, []) == {}


@pytest.mark.parametrize("pattern", ["obs", "observation/nothing", "", "state"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(PathError, match="action, observation/state") as caught:
        choose({pattern: 1}, ["action", "observation/state"])
    assert repr(pattern) in str(caught.value)
