"""Videos and tables that say what happened in them: a row a frame, or a row a video."""
