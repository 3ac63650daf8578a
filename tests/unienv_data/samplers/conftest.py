"""Workers start quickly: what the tests of this folder need is imported once, by the fork server."""

from __future__ import annotations

import multiprocessing

NEEDED = (
    "tests.unienv_data.base.models",
    "tests.unienv_data.samplers.far",
    "unienv_data.samplers.multiprocessing",
    "unienv_data.samplers.step",
    "unienv_data.storages.zarr",
    "unienv_data.testing.sampler_tests",
)

if "forkserver" in multiprocessing.get_all_start_methods():
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(NEEDED))
