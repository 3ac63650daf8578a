"""The dataset on a filesystem: layout, encoding, log, commits, gather."""
