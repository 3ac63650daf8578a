"""Replay buffers that UniEnv's own data package wrote: HDF5 and Parquet."""
