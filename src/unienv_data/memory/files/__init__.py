"""Memories in files: a format each. They are imported when first asked for."""
