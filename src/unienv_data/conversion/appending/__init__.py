"""Rows onto a dataset that stands: what fits, what is there already."""
