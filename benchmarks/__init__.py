"""Measurements of this project beside others, in one run on one machine; see README.md."""
