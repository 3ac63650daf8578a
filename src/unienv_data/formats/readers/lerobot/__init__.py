"""LeRobot's datasets: what its versions share, and a room for each that differs."""
