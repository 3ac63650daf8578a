"""The vocabulary: compute backends and spaces."""

from __future__ import annotations

import sys

from unienv_interface._install_guard import refuse_beside_unienv

refuse_beside_unienv(sys.path)
