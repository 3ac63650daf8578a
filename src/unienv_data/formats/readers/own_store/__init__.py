"""Datasets of this library as sources: for other codecs or columns, and on the way to other formats."""
