"""What must not be shown: the values of storage options, and what a URL holds before its host."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from unienv_data.store.objects.failures import chain_of

__all__ = ["Secrets", "shown_url"]

# What stands before the host; where a password holds a `/` or `@`, all up to the last `@`. Digits are a port.
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/:@]*:(?!\d*(?:/|$))(?:(?!::).)*@|[^/]*@)")
# Signed addresses carry what allows them behind a question mark.
_QUERY = re.compile(r"(?<=\?)(?:(?!::).)+")

# Options whose values are no secrets, and are needed to understand a message.
_PUBLIC = frozenset(
    {
        "account_name",
        "addressing_style",
        "cache_storage",
        "endpoint_url",
        "fo",
        "path",
        "project",
        "protocol",
        "region",
        "region_name",
        "target_protocol",
    }
)
_LEAST = 4  # characters: shorter ones would be found in any text


class Secrets:
    """Texts that are kept out of messages.

    Args:
        values: the texts.

    >>> secrets = Secrets.of("s3://bucket/x", {"key": "AKID", "secret": "hush-hush"})
    >>> secrets.hidden("signed with hush-hush for AKID")
    'signed with *** for ***'
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        # Longest first: one may be a part of another.
        texts = sorted({text for text in values if len(text) >= _LEAST}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, texts))) if texts else None

    @classmethod
    def of(cls, url: str, storage_options: Mapping[str, Any] | None) -> Secrets:
        """The secrets in a URL and in storage options."""
        return cls([*_in_url(url), *_in_options(storage_options or {})])

    def hidden(self, text: str) -> str:
        """`text` without them."""
        return self._pattern.sub("***", text) if self._pattern else text

    def shown_by(self, exc: BaseException) -> bool:
        """Whether a traceback of `exc` would show one."""
        pattern = self._pattern
        return pattern is not None and any(pattern.search(f"{link!s} {link!r}") for link in chain_of(exc))

    def __repr__(self) -> str:
        return "Secrets(...)"


def shown_url(url: str | os.PathLike[str]) -> str:
    """`url` as it stands in messages: without credentials."""
    text = _CREDENTIALS.sub("", os.fspath(url))
    return _QUERY.sub("***", text) if "http" in text else text


def _in_url(url: str) -> Iterator[str]:
    for found in _CREDENTIALS.findall(url):
        yield found
        yield found.rstrip("@")
        yield found.rstrip("@").partition(":")[2]
    if "http" in url:
        yield from _QUERY.findall(url)


def _in_options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _in_options(value)
        elif isinstance(value, str) and name not in _PUBLIC:
            yield value
        elif isinstance(value, str):
            yield from _in_url(value)
