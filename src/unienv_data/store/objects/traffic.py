"""What reading and writing a place has cost: counted where it is read, asked for by those who sample."""

from __future__ import annotations

from unienv_data.base.traffic import Traffic, TrafficCount

__all__ = ["Traffic", "TrafficCount"]
