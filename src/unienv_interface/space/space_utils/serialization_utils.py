"""Serialization: spaces as strict JSON documents, and back."""

from __future__ import annotations

from unienv_interface.space.space_utils.space_dumping import space_to_json
from unienv_interface.space.space_utils.space_loading import json_to_space

__all__ = ["json_to_space", "space_to_json"]
