"""Messages of robots, topic by topic: MCAP files and ROS 2 bags, as rows."""
