"""Which codec for these frames: candidates, tried on a sample of them."""

from __future__ import annotations

from unienv_data.codec_trials.candidates import usual_candidates
from unienv_data.codec_trials.quality import psnr, ssim
from unienv_data.codec_trials.run import CodecTrials, TrialOptions, try_codecs
from unienv_data.codec_trials.sample import SampledColumn, sample_columns
from unienv_data.codec_trials.trial import Trial, run_trial

__all__ = [
    "CodecTrials",
    "SampledColumn",
    "Trial",
    "TrialOptions",
    "psnr",
    "run_trial",
    "sample_columns",
    "ssim",
    "try_codecs",
    "usual_candidates",
]
