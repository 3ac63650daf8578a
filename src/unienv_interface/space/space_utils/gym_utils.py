"""To and from Gymnasium: spaces and their values. Importing this module imports gymnasium."""

from __future__ import annotations

from unienv_interface.space.space_utils.gym_spaces import from_gym_space, to_gym_space
from unienv_interface.space.space_utils.gym_values import from_gym_data, to_gym_data

__all__ = ["from_gym_data", "from_gym_space", "to_gym_data", "to_gym_space"]
