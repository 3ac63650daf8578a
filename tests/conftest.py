"""Marks that every room's tests use.

`@pytest.mark.requires_torch` (or `requires_torch` from here) skips a test where torch is not installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers import S3Server, s3_kind, s3_server

# How long an example takes says more about the machine, whose cores tests share, than about the code.
settings.register_profile("explore", deadline=None, print_blob=True)
# The same examples at each run: what a run finds is due to what was changed. `--hypothesis-profile explore`,
# which `scripts/test --slow` and `--explore` choose, looks at others each time.
settings.register_profile("house", parent=settings.get_profile("explore"), derandomize=True)
settings.load_profile("house")

OPTIONAL = (
    "av",
    "distributed",
    "gymnasium",
    "h5py",
    "imagecodecs",
    "jax",
    "matplotlib",
    "mcap",
    "moto",
    "obstore",
    "psutil",
    "rosbags",
    "tensorstore",
    "torch",
    "torchrl",
)

requires_av = pytest.mark.requires_av
requires_distributed = pytest.mark.requires_distributed
requires_gymnasium = pytest.mark.requires_gymnasium
requires_h5py = pytest.mark.requires_h5py
requires_imagecodecs = pytest.mark.requires_imagecodecs
requires_jax = pytest.mark.requires_jax
requires_matplotlib = pytest.mark.requires_matplotlib
requires_mcap = pytest.mark.requires_mcap
requires_moto = pytest.mark.requires_moto
requires_obstore = pytest.mark.requires_obstore
requires_psutil = pytest.mark.requires_psutil
requires_rosbags = pytest.mark.requires_rosbags
requires_s3 = pytest.mark.requires_s3
requires_tensorstore = pytest.mark.requires_tensorstore
requires_torch = pytest.mark.requires_torch
requires_torchrl = pytest.mark.requires_torchrl


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests end before the power does: they need not wait for the disk, but those marked `durable`."""
    if request.node.get_closest_marker("durable") is None:
        monkeypatch.setattr("unienv_data.store.platform.sync_descriptor", lambda descriptor: None)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server, the same for all tests, each of which uses names of its own; see `requires_s3`."""
    with s3_server() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks."""
    config.addinivalue_line("markers", "durable: waits for the disk as users do")
    for name in OPTIONAL:
        config.addinivalue_line("markers", f"requires_{name}: skipped where {name} is not installed")
    config.addinivalue_line("markers", "requires_s3: skipped where there is no S3 server, not even moto's")


def pytest_report_header() -> str:
    """Say once what is missing: pytest counts the tests that are skipped for it."""
    missing = [name for name in OPTIONAL if importlib.util.find_spec(name) is None]
    return (
        f"not installed, tests skipped: {', '.join(missing) or 'nothing'}; S3 server: {s3_kind() or 'none'}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Turn the marks into skips where the package is not installed."""
    missing = {name for name in OPTIONAL if importlib.util.find_spec(name) is None}
    for item in items:
        for name in missing:
            if item.get_closest_marker(f"requires_{name}") is not None:
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))
        if item.get_closest_marker("requires_s3") is not None and s3_kind() is None:
            item.add_marker(pytest.mark.skip(reason="there is no S3 server"))
