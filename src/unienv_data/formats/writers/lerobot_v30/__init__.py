"""LeRobot v3.0 datasets, written: Parquet files and videos of many episodes each, described by `meta/`."""
