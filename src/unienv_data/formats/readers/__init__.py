"""Readers of foreign formats, a file or a folder each; `reader_class` finds them by name."""
