"""Writers of foreign formats, a file or a folder each; `writer_class` finds them by name."""
