"""The frame of every page, and what stands in it: light, accessible, whole without a script, asking nobody else."""
