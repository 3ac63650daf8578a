"""Tests. A package, so that no other of this name, as some libraries install, takes its place."""
