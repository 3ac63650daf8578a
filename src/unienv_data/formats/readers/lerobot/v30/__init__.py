"""LeRobot v3.0: Parquet files and videos that each hold many episodes, described by `meta/`."""
