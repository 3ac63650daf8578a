"""Recordings: episodes of an environment, played and stored. Names load when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.recording.options import RecordingOptions
    from unienv_data.recording.playing import Episode, play_episodes, row_space
    from unienv_data.recording.policies import Policy, load_policy, random_policy
    from unienv_data.recording.run import Recording, run_recording

__all__ = [
    "Episode",
    "Policy",
    "Recording",
    "RecordingOptions",
    "load_policy",
    "play_episodes",
    "random_policy",
    "row_space",
    "run_recording",
]

_PLAYING = "unienv_data.recording.playing"
_POLICIES = "unienv_data.recording.policies"
_RUN = "unienv_data.recording.run"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Episode": _PLAYING,
        "Policy": _POLICIES,
        "Recording": _RUN,
        "RecordingOptions": "unienv_data.recording.options",
        "load_policy": _POLICIES,
        "play_episodes": _PLAYING,
        "random_policy": _POLICIES,
        "row_space": _PLAYING,
        "run_recording": _RUN,
    },
)
