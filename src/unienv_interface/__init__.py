"""The vocabulary: compute backends and spaces."""
