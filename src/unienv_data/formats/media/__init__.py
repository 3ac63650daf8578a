"""Frames: images and videos of a source, decoded, or in the form in which they stand there."""
