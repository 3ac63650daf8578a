"""How long fsspec's clients wait, and that they leave repeating to us: what they would do takes too long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["with_waits"]

_CONNECT_SECONDS = 10.0
_CONNECTIONS = 64


def with_waits(url: str, options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Storage options with waits in them, where the user has set none.

    Args:
        url: a URL, or a chain of them.
        options: what the user gave.
        seconds: how long to wait for a server that says nothing.
    """
    # fsspec adds to what it is given.
    found = {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()}
    links = url.split("::")
    for link in links:
        protocol = link.partition("://")[0]
        if protocol not in _WAITS:
            continue
        if protocol in found or len(links) > 1:  # each link of a chain has options of its own
            given = found.get(protocol, {})
            found[protocol] = {**given, **_WAITS[protocol](given, seconds)}
        else:
            found.update(_WAITS[protocol](found, seconds))
    return found


def _s3(options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    ours = {
        "connect_timeout": min(_CONNECT_SECONDS, seconds),
        "read_timeout": seconds,
        "retries": {"total_max_attempts": 1},
        "max_pool_connections": _CONNECTIONS,
    }
    return {"config_kwargs": {**ours, **(options.get("config_kwargs") or {})}}


def _http(options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    from aiohttp import ClientTimeout

    limits = ClientTimeout(total=None, sock_connect=min(_CONNECT_SECONDS, seconds), sock_read=seconds)
    return {"client_kwargs": {"timeout": limits, **(options.get("client_kwargs") or {})}}


_WAITS = {"s3": _s3, "s3a": _s3, "http": _http, "https": _http}
