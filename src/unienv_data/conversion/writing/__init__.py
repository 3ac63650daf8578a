"""Rows into a dataset: by one process or many, ahead of each other, resumable."""
