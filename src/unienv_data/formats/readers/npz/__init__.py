"""NumPy's .npz files: one an episode, or one of all rows with the episodes' ends."""
