"""What a Writer of a foreign format is given, and how large that will be."""
