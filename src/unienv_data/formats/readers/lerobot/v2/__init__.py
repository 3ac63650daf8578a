"""LeRobot v2.0 and v2.1: a Parquet file, and a video a camera, for each episode, described by JSON lines."""
