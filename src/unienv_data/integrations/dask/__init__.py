"""Columns as lazy Dask arrays."""

from __future__ import annotations

from unienv_data.integrations.dask.columns import to_dask

__all__ = ["to_dask"]
