"""diffusion-policy's replay buffers: Zarr v2 groups of arrays along one time axis, and where episodes end."""
