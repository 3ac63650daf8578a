"""Numbers and texts of a source: Arrow and Parquet as columns, and what is said of episodes."""
