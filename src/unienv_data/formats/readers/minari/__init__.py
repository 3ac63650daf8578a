"""Minari's datasets: HDF5 and Arrow."""
